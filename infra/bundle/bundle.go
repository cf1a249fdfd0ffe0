// Package bundle builds the functions for AWS: a folder each, with the program
// as Lambda looks for it and the compiled configuration beside it.
//
// Equal sources and an equal configuration give equal bytes, on every machine
// with the same Go: nothing of the machine, the folder or the moment is in them.
// So an update of a stack leaves alone what has not changed.
package bundle

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"intercom-connector/internal/config"
	"intercom-connector/internal/names"
)

// Bootstrap is what Lambda calls a program that brings its own runtime.
const Bootstrap = "bootstrap"

// Options say what to build, and how.
type Options struct {
	Source    string   // the folder of go.mod
	Target    string   // each function gets a folder in it; default: Source/dist
	Functions []string // folders of functions/
	GOARCH    string   // arm64 or amd64
	Config    *config.Config
	Environ   []string // of the process; Go needs its caches
	Go        string   // the command; default: go
}

// Build builds the functions and returns the folder of each.
func Build(ctx context.Context, o Options) (map[string]string, error) {
	if o.Target == "" {
		o.Target = filepath.Join(o.Source, "dist")
	}
	if o.Go == "" {
		o.Go = "go"
	}
	compiled, err := config.Encode(o.Config)
	if err != nil {
		return nil, fmt.Errorf("compile the configuration: %w", err)
	}
	folders := make(map[string]string, len(o.Functions))
	for _, fn := range o.Functions {
		folder := filepath.Join(o.Target, fn)
		if err := o.build(ctx, fn, folder); err != nil {
			return nil, fmt.Errorf("build functions/%s: %w", fn, err)
		}
		err := os.WriteFile(filepath.Join(folder, names.ConfigFile), compiled, 0o644) //nolint:gosec // No secret is in it, and Lambda has to read it.
		if err != nil {
			return nil, err
		}
		folders[fn] = folder
	}
	return folders, nil
}

// build builds one function into its folder, which has nothing else afterwards.
func (o *Options) build(ctx context.Context, fn, folder string) error {
	if err := os.RemoveAll(folder); err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil { //nolint:gosec // What Lambda unpacks has to be readable.
		return err
	}
	target, err := filepath.Abs(filepath.Join(folder, Bootstrap))
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, o.Go, "build", "-trimpath", "-buildvcs=false", "-tags", "lambda.norpc", //nolint:gosec // Folders of ours.
		"-ldflags", "-s -w -buildid=", "-o", target, "./functions/"+fn)
	cmd.Dir = o.Source
	cmd.Env = o.environ()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			return errors.New("there is no go command: install Go, https://go.dev/dl/")
		}
		return fmt.Errorf("%w\n%s", err, bytes.TrimSpace(stderr.Bytes()))
	}
	return nil
}

// environ is the process's environment without what would make other bytes.
func (o *Options) environ() []string {
	var env []string
	for _, variable := range o.Environ {
		name, _, _ := strings.Cut(variable, "=")
		switch name {
		case "GOFLAGS", "GOEXPERIMENT", "GOAMD64", "GOARM64", "GOOS", "GOARCH", "CGO_ENABLED", "GOFIPS140", "GODEBUG", "GOWORK":
		default:
			env = append(env, variable)
		}
	}
	return append(env, "GOOS=linux", "GOARCH="+o.GOARCH, "CGO_ENABLED=0", "GOWORK=off")
}
