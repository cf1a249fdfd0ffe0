package repocheck_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

const module = "intercom-connector"

// A pkg is what go list tells about one package of the module.
type pkg struct {
	ImportPath   string
	Name         string
	Dir          string
	Doc          string
	GoFiles      []string
	Imports      []string // of the package itself
	TestImports  []string
	XTestImports []string
	Deps         []string // all that it links, without its tests
}

// within says whether the package is dir or lies below it.
func (p pkg) within(dir string) bool { return within(p.ImportPath, module+"/"+dir) }

// within says whether path is one of dirs or lies below it.
func within(path string, dirs ...string) bool {
	return slices.ContainsFunc(dirs, func(dir string) bool { return path == dir || strings.HasPrefix(path, dir+"/") })
}

// root is the repository's root folder, seen from this package's.
var root = filepath.Join("..", "..")

// list asks go list once for all tests, with the tag that functions are built with.
var list = sync.OnceValues(func() ([]pkg, error) {
	cmd := exec.CommandContext(context.Background(), "go", "list", "-e", "-tags=lambda.norpc", "-deps", "-json=ImportPath,Name,Dir,Doc,GoFiles,Imports,TestImports,XTestImports,Deps", "./...")
	cmd.Dir = root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, errors.New("go list: " + err.Error() + "\n" + stderr.String())
	}
	var all []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
})

// packages returns every package of the module.
func packages(t *testing.T) []pkg {
	t.Helper()
	all, err := list()
	if err != nil {
		t.Fatal(err)
	}
	var own []pkg
	for _, p := range all {
		if within(p.ImportPath, module) {
			own = append(own, p)
		}
	}
	if len(own) == 0 {
		t.Fatal("go list knows no package of the module")
	}
	return own
}

func TestEveryPackageIntroducesItself(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		if len(p.GoFiles) == 0 {
			continue // tests only
		}
		want := "Package " + p.Name + " "
		if p.Name == "main" {
			want = "Command " + filepath.Base(p.Dir) + " "
		}
		if !strings.HasPrefix(p.Doc, want) {
			t.Errorf("%s: its comment begins with %q, want %q", p.ImportPath, p.Doc, want)
		}
	}
}

func TestNamesSayWhatPackagesProvide(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		switch p.Name {
		case "util", "utils", "common", "types", "models", "helpers", "misc", "base":
			t.Errorf("%s: a package is named for what it provides", p.ImportPath)
		}
	}
}
