// Command schema writes what can be generated about connector.yaml from the Go
// types that it is read into (internal/config/file) and their comments: the JSON
// Schema that editors use, docs/connector.schema.json, and the reference that
// people read, docs/configuration.md. The same input always gives the same
// output.
//
//	go run -C tools ./schema -root ..
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	root := flag.String("root", ".", "the `folder` of the repository")
	flag.Parse()
	if err := run(*root); err != nil {
		fmt.Fprintln(os.Stderr, "schema:", err)
		os.Exit(1)
	}
}

// run writes both files below root.
func run(root string) error {
	files, err := generate(root)
	if err != nil {
		return err
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(root, name), content, 0o644); err != nil { //nolint:gosec // documentation is for everybody to read
			return err
		}
	}
	return nil
}

// generate returns the content of both files by their path in the repository.
func generate(root string) (map[string][]byte, error) {
	s, err := newSchema(root)
	if err != nil {
		return nil, fmt.Errorf("reflect the configuration: %w", err)
	}
	encoded, err := encode(s)
	if err != nil {
		return nil, fmt.Errorf("encode the schema: %w", err)
	}
	return map[string][]byte{
		"docs/connector.schema.json": encoded,
		"docs/configuration.md":      reference(s),
	}, nil
}
