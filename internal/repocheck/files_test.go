package repocheck_test

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// tracked returns the files that are, or are about to be, under version
// control, relative to the root.
func tracked(t *testing.T) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Skipf("not a git checkout: %v", err)
	}
	var files []string
	for name := range strings.SplitSeq(string(out), "\x00") {
		if name == "" {
			continue
		}
		if info, err := os.Lstat(filepath.Join(root, name)); err == nil && info.Mode().IsRegular() {
			files = append(files, name)
		}
	}
	return files
}

// machinePath finds paths that exist on one machine only. A part of a URL or
// of a longer path is not one.
var machinePath = regexp.MustCompile(`(^|[\s"'` + "`" + `(=:,])/(?:work|farm|root|home/[a-z]+|Users/[A-Za-z]+|mnt|tmp/bash)/`)

func TestNoMachinePaths(t *testing.T) {
	t.Parallel()
	for _, name := range tracked(t) {
		content, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.IndexByte(content, 0) >= 0 || name == "internal/repocheck/files_test.go" {
			continue
		}
		for i, line := range bytes.Split(content, []byte("\n")) {
			if machinePath.Match(line) {
				t.Errorf("%s:%d: a path of one machine: %s", name, i+1, bytes.TrimSpace(line))
			}
		}
	}
}

func TestMachinePath(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		line string
		want bool
	}{
		{"at the start", "/" + "work/main/go.mod", true},
		{"quoted", `open("/` + `root/.cache")`, true},
		{"home", "see /home/ann/x", true},
		{"in a URL", "https://example.com/" + "work/1", false},
		{"a relative folder", "internal/" + "work/x", false},
		{"a route", `"/contacts/{id}"`, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := machinePath.MatchString(tt.line); got != tt.want {
				t.Errorf("%q: got %v, want %v", tt.line, got, tt.want)
			}
		})
	}
}

// Binaries and the like do not belong under version control.
func TestNoLargeFiles(t *testing.T) {
	t.Parallel()
	const limit = 2 << 20
	for _, name := range tracked(t) {
		info, err := os.Stat(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() > limit {
			t.Errorf("%s: %d bytes, want at most %d", name, info.Size(), limit)
		}
	}
}

// The official description of the API stays outside: the repository has only
// facts that were taken from it.
func TestNoCopyOfTheDescription(t *testing.T) {
	t.Parallel()
	for _, name := range tracked(t) {
		switch filepath.Base(name) {
		case "intercom-2.16.yaml", "operations-2.16.tsv", "api.intercom.io.yaml":
			t.Errorf("%s does not belong here", name)
		}
	}
}

var adrLink = regexp.MustCompile(`\]\(((\d{4})-[a-z0-9-]+\.md)\)`)

func TestEveryDecisionIsInTheIndex(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(root, "docs", "adr")
	index, err := os.ReadFile(filepath.Join(dir, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for _, m := range adrLink.FindAllSubmatch(index, -1) {
		listed[string(m[1])] = true
	}
	numbers := map[string]string{}
	files, err := fs.Glob(os.DirFS(dir), "[0-9]*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if !listed[name] {
			t.Errorf("%s is not in the index", name)
		}
		delete(listed, name)
		if other, taken := numbers[name[:4]]; taken {
			t.Errorf("%s and %s have one number", other, name)
		}
		numbers[name[:4]] = name
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, heading := range []string{"# " + strings.TrimLeft(name[:4], "0") + ". ", "## Context", "## Decision", "## What it costs"} {
			if !bytes.Contains(content, []byte(heading)) {
				t.Errorf("%s: no heading %q", name, heading)
			}
		}
	}
	for name := range listed {
		t.Errorf("%s is in the index only", name)
	}
}

var mdLink = regexp.MustCompile(`\]\(([^)#\s]+)(?:#[^)]*)?\)`)

// A link of a document to another file of the repository leads somewhere.
func TestLinksLeadSomewhere(t *testing.T) {
	t.Parallel()
	for _, name := range tracked(t) {
		if filepath.Ext(name) != ".md" {
			continue
		}
		content, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range mdLink.FindAllSubmatch(content, -1) {
			target := string(m[1])
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			if _, err := os.Stat(filepath.Join(root, filepath.Dir(name), filepath.FromSlash(target))); err != nil {
				t.Errorf("%s: link to %s: %v", name, target, err)
			}
		}
	}
}
