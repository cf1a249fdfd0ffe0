//go:build unix

package harness

import (
	"os"
	"runtime"
	"syscall"
)

// PeakMemory is the most memory that a finished process has held, in bytes.
func PeakMemory(state *os.ProcessState) int64 {
	usage, ok := state.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	if runtime.GOOS == "darwin" {
		return usage.Maxrss // bytes there, kilobytes elsewhere
	}
	return usage.Maxrss << 10
}
