//go:build unix

package e2e_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
)

// killBootstraps kills the processes of a function that is at work, as the end
// of a machine would. The emulator runs functions as processes of this machine.
func killBootstraps(t *testing.T, function string) (killed int) {
	t.Helper()
	environments, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	if len(environments) == 0 {
		t.Skip("this system does not tell the environment of processes")
	}
	for _, name := range environments {
		env, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended, or is somebody else's
		}
		if !bytes.Contains(env, []byte("AWS_LAMBDA_FUNCTION_NAME="+function+"\x00")) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		if err != nil {
			t.Fatal(err)
		}
		if syscall.Kill(pid, syscall.SIGKILL) == nil {
			killed++
		}
	}
	return killed
}
