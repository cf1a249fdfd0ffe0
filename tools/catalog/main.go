// Command catalog writes the catalog of Intercom's operations, as Go literals,
// from Intercom's description of its API
// (https://github.com/intercom/Intercom-OpenAPI, descriptions/<version>), and
// from what is known better: see corrections.go,
// permissions.go and repeats.go. The same
// input always gives the same output.
//
//	go run -C tools ./catalog -spec intercom-2.16.yaml -out ../shared/intercom/catalog_gen.go
//
// A correction that the description has caught up with is an error, so that the
// table never grows stale. The description is not part of this repository:
// with -optional, nothing is written where it is missing.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
)

func main() {
	spec := flag.String("spec", "", "Intercom's description of its API, a YAML `file`")
	out := flag.String("out", "", "the Go `file` to write")
	optional := flag.Bool("optional", false, "leave the Go file as it is where there is no description")
	flag.Parse()
	if _, err := os.Stat(*spec); *optional && errors.Is(err, fs.ErrNotExist) {
		fmt.Fprintln(os.Stderr, "catalog: nothing written:", err)
		return
	}
	if err := run(*spec, *out); err != nil {
		fmt.Fprintln(os.Stderr, "catalog:", err)
		os.Exit(1)
	}
}

func run(spec, out string) error {
	d, err := readDescription(spec)
	if err != nil {
		return err
	}
	all, err := entries(d, corrections, repeats)
	if err != nil {
		return err
	}
	src, err := source(d.Info.Version, all)
	if err != nil {
		return err
	}
	return os.WriteFile(out, src, 0o644) //nolint:gosec // source code is for everybody to read
}
