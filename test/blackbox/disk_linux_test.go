package blackbox_test

import (
	"fmt"
	"os"
	"syscall"
	"testing"
)

// smallDisk mounts a disk of so many kilobytes at path and returns how to make
// it larger.
func smallDisk(t *testing.T, path string, kilobytes int) (grow func(kilobytes int)) {
	t.Helper()
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	mount := func(flags uintptr, kilobytes int) error {
		return syscall.Mount("none", path, "tmpfs", flags, fmt.Sprintf("size=%dk", kilobytes))
	}
	if err := mount(0, kilobytes); err != nil {
		t.Skipf("mount a small disk: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(path, 0); err != nil {
			t.Errorf("unmount %s: %v", path, err)
		}
	})
	return func(kilobytes int) {
		if err := mount(syscall.MS_REMOUNT, kilobytes); err != nil {
			t.Fatal(err)
		}
	}
}
