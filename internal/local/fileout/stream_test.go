package fileout_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"
	"testing"

	"intercom-connector/internal/event"
	"intercom-connector/internal/local/fileout"
)

func TestStream(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s := fileout.Stdout(&out)
	for n := range 5000 {
		if err := s.Deliver(t.Context(), []event.Event{numbered(n)}); err != nil {
			t.Fatal(err)
		}
	}
	if out.Len() == 0 {
		t.Error("nothing was written before the flush")
	}
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if out.String() != lines(0, 5000) {
		t.Errorf("got %d bytes, want %d", out.Len(), len(lines(0, 5000)))
	}
	if err := s.Deliver(t.Context(), []event.Event{numbered(5000)}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if out.String() != lines(0, 5001) {
		t.Error("Close did not flush")
	}
	if err := s.Deliver(t.Context(), nil); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("Deliver after Close: got %v, want %v", err, fs.ErrClosed)
	}
}

func TestStreamWithoutReader(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	reader, writer := io.Pipe()
	if err := reader.Close(); err != nil {
		t.Fatal(err)
	}
	for name, out := range map[string]io.Writer{"pipe of the system": w, "pipe of Go": writer} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := fileout.Stdout(out)
			if err := s.Deliver(t.Context(), []event.Event{numbered(1)}); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if err := s.Flush(t.Context()); !errors.Is(err, fileout.ErrReaderGone) {
					t.Errorf("got %v, want %v", err, fileout.ErrReaderGone)
				}
			}
			if err := s.Close(); err != nil {
				t.Errorf("Close told it again: %v", err)
			}
		})
	}
}

func TestStreamToFullDisk(t *testing.T) {
	t.Parallel()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { _ = full.Close() })
	s := fileout.Stdout(full)
	for n := 0; err == nil && n < 5000; n++ {
		err = s.Deliver(t.Context(), []event.Event{numbered(n)})
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("got %v, want %v", err, syscall.ENOSPC)
	}
}
