package fileout

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
)

// How the lines of our files begin.
const (
	eventPrefix      = `{"specversion"`
	quarantinePrefix = `{"time"`
	responsePrefix   = `{"publisher"`
)

// repair cuts off half a line at the end of f and returns the size that
// remains and how many bytes went. It refuses files whose lines begin
// differently from ours: appending to somebody's notes, or cutting them, would
// be worse than not to start.
func repair(f *os.File, prefix string) (size, cut int64, err error) {
	info, err := f.Stat()
	if err != nil {
		return 0, 0, err
	}
	size = info.Size()
	if size == 0 {
		return 0, 0, nil
	}
	start, err := lastLine(f, size)
	if err != nil {
		return 0, 0, err
	}
	if start > 0 {
		if err := begins(f, 0, start, prefix, false); err != nil {
			return 0, 0, err
		}
	}
	if start == size {
		return size, 0, nil
	}
	if err := begins(f, start, size, prefix, true); err != nil {
		return 0, 0, err
	}
	if err := f.Truncate(start); err != nil {
		return 0, 0, fmt.Errorf("cut off half a line: %w", err)
	}
	return start, size - start, f.Sync()
}

// lastLine is where the last line begins: at size, if a line break is the last
// byte.
func lastLine(f io.ReaderAt, size int64) (int64, error) {
	chunk := make([]byte, 64<<10)
	for end := size; end > 0; {
		begin := max(0, end-int64(len(chunk)))
		part := chunk[:end-begin]
		if err := readAt(f, part, begin); err != nil {
			return 0, err
		}
		if i := bytes.LastIndexByte(part, '\n'); i >= 0 {
			return begin + int64(i) + 1, nil
		}
		end = begin
	}
	return 0, nil
}

// begins checks how the line at start begins. One that was interrupted may be
// shorter than the prefix, and it may be zeros, which is how some file systems
// keep what they were told the length of and never got.
func begins(f io.ReaderAt, start, end int64, prefix string, interrupted bool) error {
	head := make([]byte, min(int64(len(prefix)), end-start))
	if err := readAt(f, head, start); err != nil {
		return err
	}
	switch {
	case string(head) == prefix,
		interrupted && strings.HasPrefix(prefix, string(head)),
		interrupted && len(bytes.Trim(head, "\x00")) == 0:
		return nil
	default:
		return fmt.Errorf("%w: line at byte %d does not begin with %s", ErrForeign, start, prefix)
	}
}

func readAt(f io.ReaderAt, b []byte, at int64) error {
	n, err := f.ReadAt(b, at)
	if n == len(b) {
		return nil // with io.EOF, perhaps
	}
	return err
}

// syncFolder makes the names in a folder safe.
func syncFolder(path string) error {
	if runtime.GOOS == "windows" {
		return nil // folders cannot be synced there, and need not be
	}
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	err = folder.Sync()
	if closeErr := folder.Close(); err == nil {
		err = closeErr
	}
	return err
}
