//go:build !unix

package blackbox_test

import (
	"os/exec"
	"testing"
)

// interrupt skips the test: another process cannot be sent a Ctrl-C here.
func interrupt(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	t.Skip("no way to interrupt another process here")
}

// memory is not known here.
func memory(*exec.Cmd) int64 { return 0 }
