// Command build builds the functions into dist/, as `cdk deploy` does, and
// nothing more: for those that want to look at them, or to weigh them.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"intercom-connector/infra/bundle"
	"intercom-connector/internal/config/file"
)

func main() {
	path := flag.String("config", "connector.yaml", "the configuration that lies beside each function")
	arch := flag.String("arch", "arm64", "arm64 or amd64")
	flag.Parse()
	if err := build(*path, *arch); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// build builds every function, needed by the configuration or not.
func build(path, arch string) error {
	cfg, err := file.Load(path)
	if err != nil {
		return err
	}
	folders, err := bundle.Build(context.Background(), bundle.Options{
		Source: ".", Functions: []string{"subscribe", "publish", "oauth-callback"}, GOARCH: arch, Config: cfg, Environ: os.Environ(),
	})
	if err != nil {
		return err
	}
	for _, folder := range folders {
		fmt.Fprintln(os.Stdout, folder)
	}
	return nil
}
