package harness

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// A Usage is what a process cost.
type Usage struct {
	Wall time.Duration
	CPU  time.Duration // user and system
	Peak int64         // largest resident memory in bytes, 0 where the system does not tell
}

// build compiles every program once, as it would be released.
func (b *bench) build(ctx context.Context) error {
	packages := []string{"./bench/server", "./bench/plain", "./bench/count", "./bench/latency", "./bench/verify"}
	if b.cfg.Connector == "" {
		packages = append(packages, "./cmd/connector")
	}
	b.say("building %d programs", len(packages))
	if err := os.MkdirAll(b.bin, 0o755); err != nil {
		return fmt.Errorf("make the folder for programs: %w", err)
	}
	args := append([]string{"build", "-trimpath", "-buildvcs=false", "-o", b.bin + string(filepath.Separator)}, packages...)
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = b.cfg.Root
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the programs: %w\n%s", err, out)
	}
	return nil
}

// program is the path of a program that was built.
func (b *bench) program(name string) string {
	if name == "connector" && b.cfg.Connector != "" {
		return b.cfg.Connector
	}
	return filepath.Join(b.bin, name)
}

// measure runs a command to its end and returns what it cost and printed.
func measure(cmd *exec.Cmd) (Usage, []byte, error) {
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	start := time.Now()
	err := cmd.Run()
	wall := time.Since(start)
	if err != nil {
		return Usage{}, nil, fmt.Errorf("%s: %w\n%s%s", filepath.Base(cmd.Path), err, tail(stdout.Bytes()), tail(stderr.Bytes()))
	}
	state := cmd.ProcessState
	return Usage{Wall: wall, CPU: state.UserTime() + state.SystemTime(), Peak: PeakMemory(state)}, stdout.Bytes(), nil
}

// tail is the end of what a program said before it failed.
func tail(out []byte) []byte { return out[max(0, len(out)-2000):] }
