package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	validator "github.com/santhosh-tekuri/jsonschema/v6"
)

const root = "../.."

// Not parallel: generate changes the working directory for a moment.
func TestGeneratedFilesAreCurrent(t *testing.T) { //nolint:paralleltest // see above
	files, err := generate(root)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s: run make generate (-want +got)\n%s", name, diff)
		}
	}
}

func TestSchema(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(filepath.Join(root, "docs/connector.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := validator.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	c := validator.NewCompiler()
	if err := c.AddResource("connector.schema.json", raw); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("connector.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	example, err := os.ReadFile(filepath.Join(root, "connector.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, text string
		valid      bool
	}{
		{"the example", string(example), true},
		{"short forms", "clients: {main: {version: 2.16, auth: oauth}}\nsubscriptions: {s: {client: main, entity: tags, resweep: off, to: {type: s3}}}", true},
		{"long forms", "clients: {main: {auth: {type: oauth}}}\nsubscriptions: {s: {client: main, entity: tags, resweep: {every: 1h}, to: {type: s3}}}", true},
		{"parameters", "clients: {main: {}}\nsubscriptions: {s: {client: main, entity: tags, path: {a: 1, b: }, query: {a: [1, x, true], b: false}, to: {type: s3}}}", true},
		{"no clients", "subscriptions: {}", false},
		{"unknown field", "clients: {main: {regoin: eu}}", false},
		{"unknown word", "clients: {main: {region: uk}}", false},
		{"unknown short form", "clients: {main: {auth: token}}", false},
		{"missing field", "clients: {main: {}}\nsubscriptions: {s: {client: main, to: {type: s3}}}", false},
		{"a name", "clients: {Main: {}}", false},
		{"a mapping in a query", "clients: {main: {}}\nsubscriptions: {s: {client: main, entity: tags, query: {a: {}}, to: {type: s3}}}", false},
		{"what is not there yet", "clients: {main: {}}\nsubscriptions: {s: {client: main, entity: tags, sync: diff, to: {type: s3}}}", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var value any
			if err := yaml.Unmarshal([]byte(tt.text), &value); err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(value); (err == nil) != tt.valid {
				t.Errorf("got %v, want valid: %v", err, tt.valid)
			}
		})
	}
}
