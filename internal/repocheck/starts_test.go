package repocheck_test

import (
	"bytes"
	"errors"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
)

// Whatever packages make of their variables they make at every cold start, used
// or not. Times differ from one machine to the next, what is allocated does not:
// an expression that is compiled beforehand is ten kilobytes.
func TestFunctionsStartWithLittle(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds the functions")
	}
	const ofOurs = 4 << 10 // bytes a package
	for _, tt := range []struct {
		function string
		most     int // bytes of all packages together
	}{
		{"subscribe", 500 << 10}, // 220 of gojq, 100 of the client of S3
		{"publish", 500 << 10},
		{"oauth-callback", 100 << 10},
	} {
		t.Run(tt.function, func(t *testing.T) {
			t.Parallel()
			total := 0
			for name, size := range inits(t, tt.function) {
				total += size
				if within(name, module) && size > ofOurs {
					t.Errorf("%s allocates %d bytes before main begins, want at most %d", name, size, ofOurs)
				}
			}
			if total == 0 || total > tt.most {
				t.Errorf("all packages together allocate %d bytes before main begins, want at most %d", total, tt.most)
			}
		})
	}
}

// trace is a line of GODEBUG=inittrace=1
// (https://pkg.go.dev/runtime#hdr-Environment_Variables).
var trace = regexp.MustCompile(`(?m)^init (\S+) @.*?, (\d+) bytes, \d+ allocs$`)

// inits starts a function in an environment that it ends in, and returns what
// each package allocates.
func inits(t *testing.T, function string) map[string]int {
	t.Helper()
	program := filepath.Join(t.TempDir(), "bootstrap")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-buildvcs=false", "-tags=lambda.norpc", "-o", program, "./functions/"+function)
	build.Dir, build.Env = root, append(build.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	start := exec.CommandContext(t.Context(), program)
	start.Env = []string{"GODEBUG=inittrace=1"}
	var said bytes.Buffer
	start.Stdout, start.Stderr = &said, &said
	if _, failed := errors.AsType[*exec.ExitError](start.Run()); !failed {
		t.Fatalf("it starts without an environment:\n%s", said.Bytes())
	}
	sizes := map[string]int{}
	for _, m := range trace.FindAllSubmatch(said.Bytes(), -1) {
		size, err := strconv.Atoi(string(m[2]))
		if err != nil {
			t.Fatal(err)
		}
		sizes[string(m[1])] = size
		t.Log(string(m[1]), size)
	}
	return sizes
}
