// Package filelock keeps two processes of one machine from doing the same thing
// at once: running one subscription, or writing one file of events.
//
// The lock belongs to the process and not to the file's being there: the
// operating system frees it when the process ends, however it ends. The file
// stays, and is only ever a name to meet at.
package filelock

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/gofrs/flock"
)

// ErrHeld means that somebody else has the lock: another process, or another
// call of [Lock] in this one. The message around it says which process, where
// that can be read.
var ErrHeld = errors.New("already locked")

// A Held is a lock that its process holds until Unlock or its end.
type Held struct {
	file *flock.Flock
}

// held has every Held that is not unlocked: a file that nobody refers to is
// closed by the garbage collector, and its lock with it.
var held sync.Map

// Lock takes the lock whose file is at path, and does not wait for it: the
// error is [ErrHeld] where somebody else has it.
//
// The file is made where there is none, for its owner alone, and so is its
// folder. It must be a file for this lock and nothing else, because the number
// of the process that holds it is written there.
func Lock(path string) (*Held, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	file := flock.New(path, flock.SetPermissions(0o600))
	locked, err := file.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	if !locked {
		return nil, fmt.Errorf("lock %s: %w%s", path, ErrHeld, holder(path))
	}
	// Only a courtesy to whoever comes second. Windows forbids it, because
	// there nobody may write to a file that is locked.
	_ = os.WriteFile(path, strconv.AppendInt(nil, int64(os.Getpid()), 10), 0o600)
	h := &Held{file: file}
	held.Store(h, nil)
	return h, nil
}

// Unlock frees the lock. Freeing it again does nothing.
func (h *Held) Unlock() error {
	// The file is emptied first: afterwards it may be another's.
	if h.file.Locked() {
		_ = os.Truncate(h.file.Path(), 0)
	}
	if err := h.file.Unlock(); err != nil {
		return fmt.Errorf("unlock %s: %w", h.file.Path(), err)
	}
	held.Delete(h)
	return nil
}

// holder says which process the lock's file names, "" if it names none.
func holder(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	pid, err := strconv.Atoi(string(bytes.TrimSpace(text)))
	if err != nil || pid <= 0 {
		return ""
	}
	return fmt.Sprintf(" by process %d", pid)
}
