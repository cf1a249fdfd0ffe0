package filequeue

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"runtime"
	"time"

	"intercom-connector/internal/publish"
)

// ErrChanged means that a file was written to while it was published. What has
// been published is remembered; the changed file is another one.
var ErrChanged = errors.New("the file has changed while it was published")

// A File is a file of messages. It has been read once, to know it again.
type File struct {
	Name     string // as people call it
	Digest   string // of all its bytes, in hex
	Messages int64  // lines that are not blank

	file *os.File
	info os.FileInfo
	// temporary is the path of a copy that goes when the File is closed.
	temporary string
}

// Open reads the file at path to its end and returns it. What can be read once
// only, a pipe say, is copied into the folder spool first, see [Spool].
func Open(ctx context.Context, path, spool string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case info.IsDir():
		err = fmt.Errorf("%s is a folder", path)
	case !info.Mode().IsRegular():
		defer f.Close()
		return Spool(ctx, path, f, spool)
	default:
		var file *File
		if file, err = read(ctx, path, f); err == nil {
			return file, nil
		}
	}
	_ = f.Close() // it was read only
	return nil, err
}

// Spool copies a stream to a file in folder, because a stream cannot be read
// twice and its messages are named for the whole of it, and returns that file.
// The copy, readable by its owner alone, goes with the File at the latest.
// Nothing is handed out before the stream has ended.
func Spool(ctx context.Context, name string, stream io.Reader, folder string) (*File, error) {
	file, err := spool(ctx, name, stream, folder)
	if err != nil {
		return nil, fmt.Errorf("copy %s into %s: %w", name, folder, err)
	}
	return file, nil
}

func spool(ctx context.Context, name string, stream io.Reader, folder string) (*File, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(folder, "spool-")
	if err != nil {
		return nil, err
	}
	// Where a file may lose its name while it is open, it does so now, and a
	// process that is killed leaves nothing behind.
	removed := runtime.GOOS != "windows" && os.Remove(f.Name()) == nil
	var file *File
	if err = copyUntil(ctx, f, stream); err == nil {
		file, err = read(ctx, name, f)
	}
	if err != nil {
		_ = f.Close() // the error that counts is there already
		if !removed {
			_ = os.Remove(f.Name())
		}
		return nil, err
	}
	if !removed {
		file.temporary = f.Name()
	}
	return file, nil
}

// copyUntil copies a stream to its end, or returns ctx's error at once when
// that ends: a terminal that nobody types on is waited for by a goroutine that
// the end of the process ends.
func copyUntil(ctx context.Context, to io.Writer, from io.Reader) error {
	copied := make(chan error, 1)
	go func() {
		_, err := io.Copy(to, from)
		copied <- err
	}()
	select {
	case err := <-copied:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// read finds out what f is: its digest and how many messages it has.
func read(ctx context.Context, name string, f *os.File) (*File, error) {
	file := &File{Name: name, file: f}
	var err error
	if file.info, err = f.Stat(); err != nil {
		return nil, err
	}
	sum := sha256.New()
	all := newLines(io.TeeReader(io.NewSectionReader(f, 0, file.info.Size()), sum))
	for {
		l, err := all.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil && l.number%1024 == 0 {
			err = ctx.Err()
		}
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		if !l.blank() {
			file.Messages++
		}
	}
	file.Digest = hex.EncodeToString(sum.Sum(nil))
	return file, nil
}

// Close frees the file.
func (f *File) Close() error {
	err := f.file.Close()
	if f.temporary != "" {
		err = errors.Join(err, os.Remove(f.temporary))
	}
	return err
}

// A Bad line is one that is no message, whatever it says.
type Bad struct {
	publish.Delivery // without a body where the line is too long to be kept

	Reason string
}

// Deliveries yields the messages of the file that p does not know to be
// finished. Bad lines are given to bad instead, whose error ends the sequence;
// so does the end of ctx, without an error.
func (f *File) Deliveries(ctx context.Context, p *Progress, bad func(Bad) error) iter.Seq2[publish.Delivery, error] {
	return func(yield func(publish.Delivery, error) bool) {
		all := newLines(io.NewSectionReader(f.file, 0, f.info.Size()))
		for ctx.Err() == nil {
			l, err := all.next()
			if errors.Is(err, io.EOF) {
				err = f.changed()
				if err == nil {
					return
				}
			}
			if err != nil {
				yield(publish.Delivery{}, fmt.Errorf("read %s: %w", f.Name, err))
				return
			}
			if l.blank() || !p.take(l.number) {
				continue
			}
			d := publish.Delivery{ID: p.id(l.number), Sent: time.Now(), Line: l.number}
			reason := l.problem()
			if !l.tooLong() {
				d.Body = append([]byte(nil), l.text...)
			}
			if reason == "" {
				if !yield(d, nil) {
					return
				}
				continue
			}
			if err := bad(Bad{d, reason}); err != nil {
				yield(publish.Delivery{}, err)
				return
			}
		}
	}
}

// problem says why a line is a bad one, "" for one that is not.
func (l *line) problem() string {
	switch {
	case l.tooLong():
		return fmt.Sprintf("the line has %d bytes, %d are the most", l.size, publish.MaxMessage)
	case !l.ended && !json.Valid(l.text):
		return "the file ends in the middle of this line: it has no line break and is not complete JSON"
	default:
		return ""
	}
}

// changed compares the file with what it was when it was opened.
func (f *File) changed() error {
	now, err := f.file.Stat()
	if err != nil {
		return err
	}
	if now.Size() != f.info.Size() || !now.ModTime().Equal(f.info.ModTime()) {
		return ErrChanged
	}
	return nil
}
