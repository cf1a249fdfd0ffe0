package repocheck_test

import (
	"slices"
	"strings"
	"testing"
)

// The layers from the outside in: a package imports packages of its own layer
// or of one further down, never of one further up.
var layers = [][]string{
	{"cmd", "functions", "infra", "bench", "test"},
	{"internal/simulation"},
	{"internal"},
	{"shared/intercom/intercomtest"},
	{"shared/intercom"},
}

// layer returns the layer of the longest folder that path lies in, -1 for none.
func layer(path string) int {
	found, longest := -1, 0
	for i, dirs := range layers {
		for _, dir := range dirs {
			if within(path, module+"/"+dir) && len(dir) > longest {
				found, longest = i, len(dir)
			}
		}
	}
	return found
}

func TestDependenciesPointInwards(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		from := layer(p.ImportPath)
		if from < 0 {
			t.Errorf("%s: in no layer; DESIGN and this test say where packages live", p.ImportPath)
			continue
		}
		for _, imported := range p.Imports {
			if to := layer(imported); to >= 0 && to < from {
				t.Errorf("%s imports %s, which is further out", p.ImportPath, imported)
			}
		}
	}
}

func TestMainsDoNotImportEachOther(t *testing.T) {
	t.Parallel()
	outer := []string{"cmd", "functions", "infra", "bench"}
	for _, p := range packages(t) {
		for _, own := range outer {
			if !p.within(own) {
				continue
			}
			for _, imported := range p.Imports {
				for _, other := range outer {
					if other != own && within(imported, module+"/"+other) {
						t.Errorf("%s imports %s", p.ImportPath, imported)
					}
				}
			}
		}
	}
}

// The API client is for everybody: whoever imports it gets nothing but the
// standard library with it.
func TestClientIsStandardLibraryOnly(t *testing.T) {
	t.Parallel()
	client := module + "/shared/intercom"
	seen := false
	for _, p := range packages(t) {
		if !within(p.ImportPath, client) {
			continue
		}
		seen = true
		for _, dep := range p.Deps {
			if !standard(dep) && !within(dep, client) {
				t.Errorf("%s links %s", p.ImportPath, dep)
			}
		}
	}
	if !seen {
		t.Errorf("no package %s", client)
	}
}

// The two sets of plugs for the same sockets never see each other: only a main
// joins them. Their tests may not either.
func TestPlugsDoNotMeet(t *testing.T) {
	t.Parallel()
	sets := []string{module + "/internal/aws", module + "/internal/local"}
	for _, p := range packages(t) {
		for _, own := range sets {
			if !within(p.ImportPath, own) {
				continue
			}
			for _, imported := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
				for _, other := range sets {
					if other != own && within(imported, other) {
						t.Errorf("%s imports %s", p.ImportPath, imported)
					}
				}
			}
		}
		if p.within("internal") && !p.within("internal/aws") {
			for _, imported := range p.Imports {
				if strings.HasPrefix(imported, "github.com/aws/") {
					t.Errorf("%s imports %s, which belongs in internal/aws", p.ImportPath, imported)
				}
			}
		}
	}
}

func TestLayers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		path string
		want int
	}{
		{module + "/cmd/connector", 0},
		{module + "/internal/simulation", 1},
		{module + "/internal/state/statetest", 2},
		{module + "/shared/intercom/intercomtest", 3},
		{module + "/shared/intercom", 4},
		{module + "/internals", -1},
		{"fmt", -1},
	} {
		if got := layer(tt.path); got != tt.want {
			t.Errorf("%s: got layer %d, want %d", tt.path, got, tt.want)
		}
	}
}

// A function's size is its cold start: what is needed to draw the stack, to
// read YAML or to keep state on a laptop stays out of it. The client of an AWS
// service builds all that it knows of the service at every start, and the more
// the larger the service is: internal/aws/wire calls single operations instead.
func TestFunctionsStayLean(t *testing.T) {
	t.Parallel()
	const sdk = "github.com/aws/aws-sdk-go-v2/"
	forbidden := []string{
		"github.com/aws/aws-cdk-go", "github.com/aws/jsii-runtime-go", "github.com/aws/constructs-go",
		sdk + "config", sdk + "credentials", sdk + "feature", // awsconfig does without
		sdk + "service", // but for S3
		"github.com/goccy/go-yaml", "github.com/alecthomas/kong", "github.com/getkin/kin-openapi", "modernc.org/sqlite",
		"html/template", "text/template", "encoding/gob", "net/rpc", "testing", "net/http/httptest",
		module + "/infra", module + "/internal/local", module + "/shared/intercom/intercomtest",
	}
	for _, p := range packages(t) {
		if !p.within("functions") {
			continue
		}
		no := forbidden
		var but []string
		if p.within("functions/oauth-callback") { // it transforms nothing and stores no objects
			no = append(slices.Clip(forbidden), "github.com/itchyny/gojq")
		} else {
			but = []string{sdk + "service/s3", sdk + "service/internal"} // more than JSON and a signature
		}
		for _, dep := range p.Deps {
			if within(dep, no...) && !within(dep, but...) {
				t.Errorf("%s links %s", p.ImportPath, dep)
			}
		}
	}
}

// Packages for different parts of AWS do not know of each other, so each can be
// replaced alone. Below them are those that say how AWS is called at all.
func TestPartsOfAWSDoNotMeet(t *testing.T) {
	t.Parallel()
	base := []string{module + "/internal/aws/awsconfig", module + "/internal/aws/wire", module + "/internal/aws/queues"}
	for _, p := range packages(t) {
		if !p.within("internal/aws") {
			continue
		}
		for _, imported := range p.Imports {
			if within(imported, module+"/internal/aws") && !within(imported, base...) && !within(imported, p.ImportPath) {
				t.Errorf("%s imports %s", p.ImportPath, imported)
			}
		}
	}
}

// The core of the product runs in functions too: it is kept as lean.
func TestEngineKnowsNoPlug(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		for _, core := range []string{"internal/subscribe", "internal/publish", "internal/pause", "internal/grant", "internal/transform", "internal/event", "internal/state", "internal/schedule"} {
			if !p.within(core) {
				continue
			}
			for _, imported := range p.Imports {
				for _, plug := range []string{"internal/aws", "internal/local"} {
					if within(imported, module+"/"+plug) {
						t.Errorf("%s imports %s", p.ImportPath, imported)
					}
				}
			}
		}
	}
}

// standard says whether a package is of the standard library: its path's first
// element has no dot, and it is not ours.
func standard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".") && first != module
}
