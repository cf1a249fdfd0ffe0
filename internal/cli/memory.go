package cli

import "runtime/debug"

// The bounds of a run's memory. Most of what a run allocates is a page on its
// way from the network to the file and garbage a moment later, so collecting
// rarely costs nothing but space, and the limit says how much: what the runtime
// itself and the program's code need comes on top of it.
const (
	memoryLimit = 64 << 20 // bytes
	gcPercent   = 200
)

// limitMemory keeps a run small, unless the user has other ideas.
func limitMemory(getenv func(string) string) {
	if getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
	if getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
}
