//go:build !unix

package harness

import "os"

// PeakMemory is not told by this system.
func PeakMemory(*os.ProcessState) int64 { return 0 }
