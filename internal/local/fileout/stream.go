package fileout

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"syscall"

	"intercom-connector/internal/event"
)

// ErrReaderGone means that whoever read a stream has gone, as head does when it
// has seen enough. Nothing is wrong, but nothing more can be delivered.
var ErrReaderGone = errors.New("nobody reads the output any more")

// A Stream is a destination of events that is written and forgotten, such as
// standard output. It is safe for concurrent use.
type Stream struct {
	mu  sync.Mutex
	w   io.Writer
	buf []byte
	err error
}

// Stdout returns the stream that writes to w.
//
// A program whose own standard output is a broken pipe is ended by a signal
// before it sees [ErrReaderGone], unless it ignores that signal:
// signal.Ignore(syscall.SIGPIPE).
func Stdout(w io.Writer) *Stream { return &Stream{w: w} }

// Deliver takes events, which are written at the latest by the next
// [Stream.Flush]. Its first error is its last, because nobody knows where in a
// line it happened.
func (s *Stream) Deliver(ctx context.Context, events []event.Event) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	for i := range events {
		s.buf = events[i].AppendLine(room(s.buf))
		if len(s.buf) >= bufferSize {
			if err := s.write(); err != nil {
				return err
			}
		}
	}
	return nil
}

// Flush returns nil when everything delivered before is written. Whether the
// reader has kept it, nobody can know.
func (s *Stream) Flush(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.flush()
}

// Close flushes. The writer stays open, it is not the stream's.
func (s *Stream) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return nil // told before
	}
	err := s.flush()
	s.err = fmt.Errorf("write events: %w", errClosed)
	return err
}

func (s *Stream) flush() error {
	if s.err != nil || len(s.buf) == 0 {
		return s.err
	}
	return s.write()
}

func (s *Stream) write() error {
	_, err := writeAll(s.w, s.buf)
	s.buf = s.buf[:0]
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.EPIPE), errors.Is(err, io.ErrClosedPipe):
		s.err = fmt.Errorf("write events: %w", ErrReaderGone)
	default:
		s.err = fmt.Errorf("write events: %w", err)
	}
	s.buf = nil
	return s.err
}
