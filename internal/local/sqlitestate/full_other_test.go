//go:build !linux

package sqlitestate_test

import (
	"errors"
	"io"
)

// fillDisk needs a disk of its own, which only Linux lets a test have.
func fillDisk(io.Writer, []string) error { return errors.New("only on Linux") }
