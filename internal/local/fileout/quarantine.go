package fileout

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"intercom-connector/internal/subscribe"
)

// A Quarantine is a file of JSON lines with what could not be delivered. The
// file is made when the first comes. It is safe for concurrent use.
type Quarantine struct {
	path string

	mu     sync.Mutex
	out    *appender
	unlock func() error
	closed bool
}

var _ subscribe.Quarantine = (*Quarantine)(nil)

// NewQuarantine returns the quarantine in the file at path, whose folders are
// made when they are needed.
func NewQuarantine(path string) *Quarantine { return &Quarantine{path: path} }

// Path is where the file is, or would be.
func (q *Quarantine) Path() string { return q.path }

// Put appends one line and returns nil when it is on the disk. Half a line that
// a crash left at the end of the file is cut off before the first.
//
// The error is filelock.ErrHeld where another process writes the file, and
// [ErrForeign] for a file that is not one of these.
func (q *Quarantine) Put(ctx context.Context, item subscribe.Quarantined) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	line, err := item.Encode()
	if err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return fmt.Errorf("append to %s: %w", q.path, errClosed)
	}
	if q.out == nil {
		q.out, q.unlock, _, err = openLocked(q.path, quarantinePrefix, Options{MakeFolders: true})
		if err != nil {
			return err
		}
	}
	if err := q.out.line(line); err != nil {
		return err
	}
	return q.out.flush()
}

// Close frees the file. The second time it does nothing.
func (q *Quarantine) Close() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed = true; q.out == nil {
		return nil
	}
	err := errors.Join(q.out.close(), q.unlock())
	q.out = nil
	return err
}
