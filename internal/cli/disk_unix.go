//go:build unix

package cli

import "syscall"

// freeBytes is what a user other than root can still write to the disk that has
// a folder.
func freeBytes(folder string) (int64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(folder, &s); err != nil {
		return 0, err
	}
	return int64(s.Bavail) * int64(s.Bsize), nil //nolint:unconvert // On macOS it is narrower.
}
