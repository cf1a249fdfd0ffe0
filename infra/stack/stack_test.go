package stack_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"intercom-connector/infra/stack"
	"intercom-connector/internal/config"
	"intercom-connector/internal/config/file"
	"intercom-connector/internal/names"
)

// TestMain ends the process of jsii, which all tests share: they are not
// parallel, and it cannot be started again.
func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	jsii.Close()
	for _, dir := range folders {
		_ = os.RemoveAll(dir) // it is the system's temporary folder
	}
	os.Exit(code)
}

const (
	example        = "../../connector.yaml"
	everything     = "testdata/everything.yaml"
	publishersOnly = "testdata/publishers.yaml"
)

// A drawn stack: its template, and where the CDK has written it.
type drawn struct {
	stack.Template

	folder string
	cfg    *config.Config
	name   names.Stack
}

// Drawing takes seconds, so a drawn stack serves several tests, and its folder
// stays until the last of them.
var (
	cache   = map[string]drawn{}
	folders []string
)

// draw draws a configuration with placeholders for the programs, once.
func draw(t *testing.T, path string, prod bool) drawn {
	t.Helper()
	key := fmt.Sprint(path, prod)
	if d, ok := cache[key]; ok {
		return d
	}
	cfg, err := file.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	name := names.Stack("intercom-connector")
	if prod {
		name += "-prod"
	}
	d, err := synth(t, cfg, name, prod)
	if err != nil {
		t.Fatal(err)
	}
	cache[key] = d
	return d
}

// synth draws a configuration with placeholders for the programs.
func synth(t *testing.T, cfg *config.Config, name names.Stack, prod bool) (drawn, error) {
	t.Helper()
	app, s, folder := assemble(t, cfg, name, prod)
	template, err := stack.Synth(app, s)
	return drawn{template, folder, cfg, name}, err
}

// assemble draws, and leaves it to the caller to synthesize.
func assemble(t *testing.T, cfg *config.Config, name names.Stack, prod bool) (awscdk.App, awscdk.Stack, string) {
	t.Helper()
	if err := stack.Check(cfg, name); err != nil {
		t.Fatal(err)
	}
	folder, err := os.MkdirTemp("", "infra") //nolint:usetesting // Other tests look into it, too.
	if err != nil {
		t.Fatal(err)
	}
	folders = append(folders, folder)
	app := stack.NewApp(folder, nil)
	return app, stack.New(app, settings(cfg, name, prod)), folder
}

// settings have placeholders for the programs.
func settings(cfg *config.Config, name names.Stack, prod bool) stack.Settings {
	code := map[stack.Function]string{}
	for _, fn := range stack.Functions(cfg) {
		code[fn] = "testdata/placeholder"
	}
	return stack.Settings{Config: cfg, Name: name, Prod: prod, Arch: stack.ARM64, Code: code}
}

// template is the file that CloudFormation gets.
func (d drawn) template() string { return filepath.Join(d.folder, string(d.name)+".template.json") }

// ofType returns the resources of a type by their logical ids.
func (d drawn) ofType(kind string) map[string]stack.Resource {
	found := map[string]stack.Resource{}
	for id, r := range d.Resources {
		if r.Type == kind {
			found[id] = r
		}
	}
	return found
}

// text is JSON, to look for something in.
func text(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(data)
}

// drawings are the templates that rules hold for.
var drawings = []struct {
	name, path string
	prod       bool
}{
	{"the example", example, false},
	{"the example in production", example, true},
	{"everything", everything, false},
	{"everything in production", everything, true},
	{"publishers only", publishersOnly, false},
}
