package fileout

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// Responses is a file of JSON lines with what was answered to messages. It is
// safe for concurrent use: lines that come at the same time are made safe
// together, because a disk can be waited for some hundred times a second only.
type Responses struct {
	out    *appender
	unlock func() error

	mu   sync.Mutex // guards next
	next *batch     // lines that nobody writes yet

	writing sync.Mutex // held by who writes, guards out, closed and the batches written
	closed  bool
}

// A batch is lines that are written together.
type batch struct {
	lines   [][]byte
	written bool
	err     error
}

// OpenResponses opens the file at path to append lines, and makes it if it is
// not there, readable for its owner only. Half a line at its end is cut off. The
// errors are those of [Open].
func OpenResponses(path string, opts Options) (*Responses, error) {
	out, unlock, _, err := openLocked(path, responsePrefix, opts)
	if err != nil {
		return nil, err
	}
	return &Responses{out: out, unlock: unlock, next: &batch{}}, nil
}

// Append appends a line, which must be a JSON object that begins with the key
// publisher, and returns nil when it is on the disk. It keeps line until then.
func (r *Responses) Append(ctx context.Context, line []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r.mu.Lock()
	b := r.next
	b.lines = append(b.lines, line)
	r.mu.Unlock()

	r.writing.Lock()
	defer r.writing.Unlock()
	if !b.written { // else whoever was before has written it, too
		r.mu.Lock()
		r.next = &batch{}
		r.mu.Unlock()
		b.err = r.write(b.lines)
		b.written, b.lines = true, nil
	}
	return b.err
}

func (r *Responses) write(lines [][]byte) error {
	if r.closed {
		return fmt.Errorf("append to %s: %w", r.out.path, errClosed)
	}
	for _, line := range lines {
		if err := r.out.line(line); err != nil {
			return err
		}
	}
	return r.out.flush()
}

// Close frees the file. The second time it does nothing.
func (r *Responses) Close() error {
	r.writing.Lock()
	defer r.writing.Unlock()
	if r.closed {
		return nil
	}
	r.closed = true
	return errors.Join(r.out.close(), r.unlock())
}
