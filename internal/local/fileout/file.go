package fileout

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"intercom-connector/internal/event"
	"intercom-connector/internal/local/filelock"
)

var (
	// ErrForeign means that a file holds something else than it should, and
	// was left alone.
	ErrForeign = errors.New("not a file of this kind")

	errClosed = fs.ErrClosed
)

// mode is for what may hold people's names and addresses.
const (
	mode       = 0o600
	folderMode = 0o700
)

// Options say how a file is opened.
type Options struct {
	// MakeFolders makes the folders that the file lies in. It is for files in
	// the connector's own folder: elsewhere a folder that is missing is a
	// mistyped path.
	MakeFolders bool
}

// A File is a destination of events that is a file. It is safe for concurrent
// use.
type File struct {
	mu       sync.Mutex
	out      *appender
	unlock   func() error
	closed   bool
	repaired int64
}

// Open opens the file at path to append events, and makes it if it is not
// there, readable for its owner only.
//
// Half a line at its end is cut off, see [File.Repaired]. The error is
// [ErrForeign] for a file that does not begin like one of events, or whose half
// line does not, and [filelock.ErrHeld] where another process writes it.
func Open(path string, opts Options) (*File, error) {
	out, unlock, repaired, err := openLocked(path, eventPrefix, opts)
	if err != nil {
		return nil, err
	}
	return &File{out: out, unlock: unlock, repaired: repaired}, nil
}

// Repaired is how many bytes of a last, interrupted line Open has cut off.
func (f *File) Repaired() int64 { return f.repaired }

// Path is where the file is.
func (f *File) Path() string { return f.out.path }

// Deliver takes events, which are safe after the next [File.Flush]. It keeps
// nothing of what events refers to.
//
// After an error the file is done for, and what was delivered since the last
// Flush has to be delivered again to one that is opened anew.
func (f *File) Deliver(ctx context.Context, events []event.Event) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range events {
		if err := f.out.event(&events[i]); err != nil {
			return err
		}
	}
	return nil
}

// Flush returns nil when everything delivered before is on the disk.
func (f *File) Flush(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.out.flush()
}

// Close flushes and frees the file. The second time it does nothing.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil
	}
	f.closed = true
	return errors.Join(f.out.close(), f.unlock())
}

// openLocked opens a file of lines that begin with prefix, for this process
// alone.
func openLocked(path, prefix string, opts Options) (out *appender, unlock func() error, repaired int64, err error) {
	folder := filepath.Dir(path)
	if opts.MakeFolders {
		if err := os.MkdirAll(folder, folderMode); err != nil {
			return nil, nil, 0, err
		}
	} else if _, err := os.Stat(folder); err != nil {
		return nil, nil, 0, fmt.Errorf("open %s: its folder: %w", path, err)
	}
	// Looked at before the lock is made, which would stay beside it.
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, nil, 0, fmt.Errorf("open %s: %w: not a regular file", path, ErrForeign)
	}
	held, err := filelock.Lock(path + ".lock")
	if err != nil {
		return nil, nil, 0, fmt.Errorf("open %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			_ = held.Unlock() // the error that counts is there already
		}
	}()
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, mode)
	if err != nil {
		return nil, nil, 0, err
	}
	size, repaired, err := repair(f, prefix)
	if err == nil && size == 0 {
		err = syncFolder(folder) // a new file is safe when its name is
	}
	if err != nil {
		_ = f.Close() // the error that counts is there already
		return nil, nil, 0, fmt.Errorf("open %s: %w", path, err)
	}
	return newAppender(f, path, size), held.Unlock, repaired, nil
}
