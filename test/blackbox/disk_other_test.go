//go:build !linux

package blackbox_test

import "testing"

// smallDisk skips the test: there is no way to make a small disk here.
func smallDisk(t *testing.T, _ string, _ int) (grow func(kilobytes int)) {
	t.Helper()
	t.Skip("no way to make a small disk here")
	return nil
}
