package bundle_test

import (
	"bytes"
	"debug/elf"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"intercom-connector/infra/bundle"
	"intercom-connector/internal/config"
	"intercom-connector/internal/config/file"
	"intercom-connector/internal/names"
)

// source is a module with one function.
func source(t *testing.T, program string) string {
	t.Helper()
	dir := t.TempDir()
	for path, content := range map[string]string{
		"go.mod":                     "module example\n\ngo 1.26\n",
		"functions/hello/main.go":    program,
		"functions/hello/tagged.go":  "//go:build lambda.norpc\n\npackage main\n\nfunc init() { println(\"built for Lambda\") }\n",
		"dist/hello/of-yesterday.go": "",
	} {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const hello = "package main\n\nfunc main() { println(\"hello\") }\n"

func build(t *testing.T, dir, arch string, environ ...string) (string, error) {
	t.Helper()
	cfg, err := file.Load("../../connector.yaml")
	if err != nil {
		t.Fatal(err)
	}
	folders, err := bundle.Build(t.Context(), bundle.Options{
		Source: dir, Functions: []string{"hello"}, GOARCH: arch, Config: cfg, Environ: append(os.Environ(), environ...),
	})
	return folders["hello"], err
}

func TestBuild(t *testing.T) {
	folder, err := build(t, source(t, hello), "arm64")
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if want := "bootstrap connector.json"; strings.Join(got, " ") != want {
		t.Errorf("got %v, want %s", got, want)
	}

	program, err := elf.Open(filepath.Join(folder, bundle.Bootstrap))
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	if program.Machine != elf.EM_AARCH64 || program.Section(".symtab") != nil {
		t.Errorf("machine %v, symbols %v", program.Machine, program.Section(".symtab"))
	}
	if libraries, err := program.ImportedLibraries(); err != nil || len(libraries) > 0 {
		t.Errorf("it needs %v, %v", libraries, err)
	}
	info, err := os.Stat(filepath.Join(folder, bundle.Bootstrap))
	if err != nil || info.Mode().Perm()&0o111 != 0o111 {
		t.Errorf("mode %v, %v: Lambda cannot start it", info.Mode(), err)
	}

	data, err := os.ReadFile(filepath.Join(folder, names.ConfigFile))
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Subscriptions["contacts"] == nil {
		t.Errorf("got %s", data)
	}
}

// Two machines, folders and environments, one program.
func TestBuildIsReproducible(t *testing.T) {
	var first []byte
	for _, environ := range [][]string{nil, {"GOFLAGS=-race -tags=other", "GOARM64=v9.0", "CGO_ENABLED=1", "GOOS=windows"}} {
		folder, err := build(t, source(t, hello), "arm64", environ...)
		if err != nil {
			t.Fatal(err)
		}
		var all []byte
		for _, name := range []string{bundle.Bootstrap, names.ConfigFile} {
			data, err := os.ReadFile(filepath.Join(folder, name))
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, data...)
		}
		if first != nil && !bytes.Equal(first, all) {
			t.Error("other bytes")
		}
		first = all
	}
}

// The build tag that leaves out what no runtime of today needs is set.
func TestBuildForLambda(t *testing.T) {
	folder, err := build(t, source(t, hello), "amd64")
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(folder, bundle.Bootstrap))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(data, []byte("built for Lambda")) {
		t.Error("lambda.norpc is not set")
	}
}

func TestBuildFails(t *testing.T) {
	_, err := build(t, source(t, "package main\n\nfunc main() { nonsense }\n"), "arm64")
	if err == nil || !strings.Contains(err.Error(), "build functions/hello") || !strings.Contains(err.Error(), "undefined: nonsense") {
		t.Errorf("got %v", err)
	}
}

func TestNoGo(t *testing.T) {
	_, err := bundle.Build(t.Context(), bundle.Options{
		Source: source(t, hello), Functions: []string{"hello"}, GOARCH: "arm64", Config: &config.Config{}, Go: "no-such-go",
	})
	if err == nil || !strings.Contains(err.Error(), "install Go") {
		t.Errorf("got %v", err)
	}
}
