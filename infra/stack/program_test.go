package stack_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"intercom-connector/infra/stack"
	"intercom-connector/internal/cli"
)

// in makes a folder with a connector.yaml the working directory, and returns its
// path.
func in(t *testing.T, yaml string) string {
	t.Helper()
	dir := t.TempDir()
	t.Chdir(dir)
	if yaml != "" {
		if err := os.WriteFile("connector.yaml", []byte(yaml), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// run runs the app in a folder, with what the CDK's command line would say.
func run(t *testing.T, dir string, context map[string]any) (status int, stderr string) {
	t.Helper()
	var out bytes.Buffer
	program := stack.Program{Source: dir, Environ: os.Environ(), Stderr: &out, Outdir: filepath.Join(dir, "cdk.out"), Context: context}
	status = program.Run(t.Context())
	return status, out.String()
}

const wrong = `clients:
  main: {region: mars}
subscriptions:
  contacts:
    client: main
    entity: contact
    to: {type: s3}
`

// A mistake is told in the very words of `connector validate`.
func TestMistakeInTheConfiguration(t *testing.T) {
	dir := in(t, wrong)
	var validate bytes.Buffer
	status := cli.Program{
		Args: []string{"validate"}, Getenv: func(string) string { return "" }, Stdin: strings.NewReader(""), Stdout: &bytes.Buffer{}, Stderr: &validate,
		Terminal: func(any) bool { return false },
	}.Run(t.Context())
	if status == 0 || validate.Len() == 0 {
		t.Fatalf("validate: status %d, %s", status, validate.String())
	}
	status, got := run(t, dir, nil)
	if want := validate.String(); status != 1 || got != want {
		t.Errorf("status %d, got\n%s\nwant\n%s", status, got, want)
	}
	if _, err := os.Stat(filepath.Join(dir, "cdk.out", "intercom-connector.template.json")); err == nil {
		t.Error("there is a template all the same")
	}
}

const right = `clients:
  main: {region: eu}
subscriptions:
  contacts: {client: main, entity: contacts, sync: incremental, schedule: rate(5 minutes), to: {type: s3}}
`

func TestContext(t *testing.T) {
	for _, tt := range []struct {
		name    string
		context map[string]any
		yaml    string
		want    string
	}{
		{"no file", nil, "", "connector: there is no connector.yaml: `connector init` writes one, -c config=… names another\n"},
		{"another file", map[string]any{"config": "other.yaml"}, right, "there is no other.yaml"},
		{"an unknown architecture", map[string]any{"arch": "mips"}, right, "-c arch=mips: there is arm64, which is the default and costs less, and x86_64"},
		{"a stage with a space", map[string]any{"stage": "my stage"}, right, `a stack cannot be called "intercom-connector-my stage"`},
		{"a long name", map[string]any{"stack": strings.Repeat("x", 41)}, right, "a stack cannot be called"},
		{"a stage like prod", map[string]any{"stage": "Prod"}, right, "-c stage=Prod protects nothing: it is -c stage=prod that does"},
		{"a number", map[string]any{"stage": 1}, right, "the context value stage has to be a text: -c stage=…"},
		{"a dashboard of another kind", map[string]any{"dashboard": "large"}, right, "-c dashboard=large: it is true or false"},
		{"no program", nil, right, "build functions/subscribe"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := in(t, tt.yaml)
			if status, got := run(t, dir, tt.context); status != 1 || !strings.Contains(got, tt.want) {
				t.Errorf("status %d, got %s, want %s", status, got, tt.want)
			}
		})
	}
}

func TestProgram(t *testing.T) {
	for _, tt := range []struct {
		name    string
		context map[string]any
		stack   string
		want    []string // in the template
		not     []string
	}{
		{
			"nothing said", nil, "intercom-connector",
			[]string{`"arm64"`, `"AWS::CloudWatch::Dashboard"`, `"DeletionPolicy":"Delete"`},
			[]string{`"DeletionPolicy":"Retain"`},
		},
		{
			"production",
			map[string]any{"stage": "prod"},
			"intercom-connector-prod",
			[]string{`"DeletionPolicy":"Retain"`, `"intercom-connector-prod_main_subscribe"`},
			nil,
		},
		{
			"a stage, no dashboard, another processor",
			map[string]any{"stage": "test", "dashboard": "false", "arch": "x86_64"},
			"intercom-connector-test",
			[]string{`"x86_64"`},
			[]string{`"AWS::CloudWatch::Dashboard"`, `"arm64"`},
		},
		{"a name", map[string]any{"stage": "prod", "stack": "acme"}, "acme", []string{`"DeletionPolicy":"Retain"`, `"acme_main_subscribe"`}, nil},
		{
			"only to list or to destroy",
			map[string]any{"aws:cdk:bundling-stacks": []any{}, "stack": "gone"},
			"gone",
			[]string{`"gone_main_subscribe"`},
			nil,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := in(t, right)
			if tt.stack != "gone" { // which needs no program
				for path, content := range map[string]string{
					"go.mod":                      "module example\n\ngo 1.26\n",
					"functions/subscribe/main.go": "package main\n\nfunc main() {}\n",
				} {
					if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
						t.Fatal(err)
					}
				}
			}
			status, stderr := run(t, dir, tt.context)
			if status != 0 {
				t.Fatalf("status %d, %s", status, stderr)
			}
			data, err := os.ReadFile(filepath.Join(dir, "cdk.out", tt.stack+".template.json"))
			if err != nil {
				t.Fatal(err)
			}
			var compact bytes.Buffer
			if err := json.Compact(&compact, data); err != nil {
				t.Fatal(err)
			}
			for _, want := range tt.want {
				if !strings.Contains(compact.String(), want) {
					t.Errorf("no %s", want)
				}
			}
			for _, not := range tt.not {
				if strings.Contains(compact.String(), not) {
					t.Errorf("%s", not)
				}
			}
		})
	}
}
