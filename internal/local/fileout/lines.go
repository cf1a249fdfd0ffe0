package fileout

import (
	"fmt"
	"io"

	"intercom-connector/internal/event"
)

const (
	bufferSize = 256 << 10 // what is written at once
	slack      = 64 << 10  // so that the last event usually fits behind it
)

// A disk is what an appender needs of an *os.File.
type disk interface {
	io.WriteCloser
	Sync() error
	Truncate(size int64) error
}

// An appender collects lines and appends them to a file. Its first error is
// its last: from then on nobody knows what is in the file, so every later call
// returns it again.
type appender struct {
	disk disk
	path string
	buf  []byte
	size int64 // of the file, with all that was written
	safe int64 // of the file, up to where it was synced
	err  error
}

func newAppender(d disk, path string, size int64) *appender {
	return &appender{disk: d, path: path, size: size, safe: size}
}

// room is the buffer for the next line. It is made when the first one comes
// and made anew after a line that was too long for it.
func room(buf []byte) []byte {
	if buf == nil || len(buf) == 0 && cap(buf) > 2*bufferSize {
		return make([]byte, 0, bufferSize+slack)
	}
	return buf
}

func (a *appender) event(e *event.Event) error {
	if a.err != nil {
		return a.err
	}
	a.buf = e.AppendLine(room(a.buf))
	if len(a.buf) < bufferSize {
		return nil
	}
	return a.write()
}

func (a *appender) line(b []byte) error {
	if a.err != nil {
		return a.err
	}
	a.buf = append(append(room(a.buf), b...), '\n')
	if len(a.buf) < bufferSize {
		return nil
	}
	return a.write()
}

func (a *appender) write() error {
	n, err := writeAll(a.disk, a.buf)
	a.buf = a.buf[:0]
	a.size += int64(n)
	if err != nil {
		return a.fail("append to", err)
	}
	return nil
}

// flush makes everything safe. A sync that failed cannot be tried again: the
// kernel may have dropped what it could not write.
func (a *appender) flush() error {
	if a.err != nil {
		return a.err
	}
	if len(a.buf) > 0 {
		if err := a.write(); err != nil {
			return err
		}
	}
	if a.size == a.safe {
		return nil
	}
	if err := a.disk.Sync(); err != nil {
		return a.fail("sync", err)
	}
	a.safe = a.size
	return nil
}

// fail takes back what is not safe, half a line perhaps, so that the file ends
// as after the last flush. Where that fails too, the next Open repairs it.
func (a *appender) fail(doing string, err error) error {
	a.err = fmt.Errorf("%s %s: %w", doing, a.path, err)
	a.buf = nil
	if a.disk.Truncate(a.safe) == nil {
		a.size = a.safe
		_ = a.disk.Sync() // best effort: the error that counts is there already
	}
	return a.err
}

// close flushes and closes. It returns an error that no call returned before.
func (a *appender) close() error {
	var err error
	if a.err == nil {
		err = a.flush()
	}
	if closeErr := a.disk.Close(); err == nil && closeErr != nil && a.err == nil {
		err = fmt.Errorf("close %s: %w", a.path, closeErr)
	}
	a.err = fmt.Errorf("append to %s: %w", a.path, errClosed)
	return err
}

// writeAll is Write with a short write for an error.
func writeAll(w io.Writer, b []byte) (int, error) {
	n, err := w.Write(b)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	return n, err
}
