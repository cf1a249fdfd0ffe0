//go:build unix

package blackbox_test

import (
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
)

// interrupt does what Ctrl-C does.
func interrupt(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
}

// memory is the most that a process had at a time, in bytes.
func memory(cmd *exec.Cmd) int64 {
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	if runtime.GOOS == "darwin" {
		return int64(usage.Maxrss) //nolint:unconvert // It is smaller on some machines.
	}
	return int64(usage.Maxrss) << 10 //nolint:unconvert // It is smaller on some machines.
}
