package fileout_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"intercom-connector/internal/event"
	"intercom-connector/internal/local/filelock"
	"intercom-connector/internal/local/fileout"
)

func numbered(n int) event.Event {
	return event.Event{
		ID: fmt.Sprintf("%032d", n), Source: "intercom:ab12cd34", Type: "intercom.contacts.upserted",
		Subject: fmt.Sprint(n), Time: time.Unix(1700000000, 0), Data: fmt.Appendf(nil, `{"id":"%d"}`, n),
	}
}

func lines(from, to int) string {
	var b []byte
	for n := from; n < to; n++ {
		e := numbered(n)
		b = e.AppendLine(b)
	}
	return string(b)
}

func open(tb testing.TB, path string) *fileout.File {
	tb.Helper()
	f, err := fileout.Open(path, fileout.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = f.Close() })
	return f
}

func deliver(tb testing.TB, f *fileout.File, from, to int) {
	tb.Helper()
	for n := from; n < to; n++ {
		if err := f.Deliver(tb.Context(), []event.Event{numbered(n)}); err != nil {
			tb.Fatal(err)
		}
	}
}

func content(tb testing.TB, path string) string {
	tb.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	return string(b)
}

func TestFileAppends(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "events.ndjson")
	for run := range 3 {
		f := open(t, path)
		if f.Repaired() != 0 || f.Path() != path {
			t.Errorf("repaired %d bytes of %s", f.Repaired(), f.Path())
		}
		deliver(t, f, run*1000, run*1000+1000)
		if err := f.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, want := content(t, path), lines(0, run*1000+1000); got != want {
			t.Fatalf("after Flush %d: got %d bytes, want %d", run, len(got), len(want))
		}
		for range 2 {
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		}
		if err := f.Deliver(t.Context(), []event.Event{numbered(1)}); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("Deliver after Close: got %v, want %v", err, fs.ErrClosed)
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); runtime.GOOS != "windows" && got != 0o600 {
		t.Errorf("file mode %v, want 0600", got)
	}
}

func TestFileRepairs(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 200<<10) // longer than what is read at once
	tests := []struct {
		name, tail string
		foreign    bool
	}{
		{name: "nothing"},
		{name: "one byte", tail: "{"},
		{name: "part of the prefix", tail: `{"specver`},
		{name: "the prefix", tail: `{"specversion"`},
		{name: "all but the line break", tail: strings.TrimSuffix(lines(7, 8), "\n")},
		{name: "a long one", tail: `{"specversion":"1.0","data":"` + long},
		{name: "zeros of a lost block", tail: strings.Repeat("\x00", 5000)},
		{name: "zeros behind the prefix", tail: `{"specversion":"1.0"` + strings.Repeat("\x00", 5000)},
		{name: "somebody's note", tail: "remember the milk", foreign: true},
		{name: "other JSON", tail: `{"id":"1"`, foreign: true},
		{name: "a long line of others", tail: long, foreign: true},
	}
	for _, tt := range tests {
		for _, whole := range []int{0, 3, 2000} {
			t.Run(fmt.Sprintf("%s after %d", tt.name, whole), func(t *testing.T) {
				t.Parallel()
				path := filepath.Join(t.TempDir(), "events.ndjson")
				before := lines(0, whole) + tt.tail
				if err := os.WriteFile(path, []byte(before), 0o600); err != nil {
					t.Fatal(err)
				}
				f, err := fileout.Open(path, fileout.Options{})
				if tt.foreign {
					if !errors.Is(err, fileout.ErrForeign) {
						t.Errorf("got %v, want %v", err, fileout.ErrForeign)
					}
					if content(t, path) != before {
						t.Error("file was changed")
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if got, want := f.Repaired(), int64(len(tt.tail)); got != want {
					t.Errorf("repaired %d bytes, want %d", got, want)
				}
				deliver(t, f, whole, whole+1)
				if err := f.Close(); err != nil {
					t.Fatal(err)
				}
				if content(t, path) != lines(0, whole+1) {
					t.Errorf("file does not hold the %d events", whole+1)
				}
			})
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	t.Run("whole lines of others", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "notes.txt")
		if err := os.WriteFile(path, []byte("milk\nbread\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := fileout.Open(path, fileout.Options{}); !errors.Is(err, fileout.ErrForeign) {
			t.Errorf("got %v, want %v", err, fileout.ErrForeign)
		}
		if content(t, path) != "milk\nbread\n" {
			t.Error("file was changed")
		}
	})
	t.Run("folder", func(t *testing.T) {
		t.Parallel()
		if _, err := fileout.Open(t.TempDir(), fileout.Options{}); !errors.Is(err, fileout.ErrForeign) {
			t.Errorf("got %v, want %v", err, fileout.ErrForeign)
		}
	})
	t.Run("missing folder", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "a", "b", "events.ndjson")
		if _, err := fileout.Open(path, fileout.Options{}); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("got %v, want %v", err, fs.ErrNotExist)
		}
		f, err := fileout.Open(path, fileout.Options{MakeFolders: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Run("second writer", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "events.ndjson")
		first := open(t, path)
		if _, err := fileout.Open(path, fileout.Options{}); !errors.Is(err, filelock.ErrHeld) {
			t.Errorf("got %v, want %v", err, filelock.ErrHeld)
		}
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		open(t, path)
	})
	t.Run("a failed Open frees the file", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "events.ndjson")
		if err := os.WriteFile(path, []byte("milk\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := fileout.Open(path, fileout.Options{}); err == nil {
			t.Fatal("got no error")
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		open(t, path)
	})
}

func TestFileHeedsContext(t *testing.T) {
	t.Parallel()
	f := open(t, filepath.Join(t.TempDir(), "events.ndjson"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.Deliver(ctx, []event.Event{numbered(1)}); !errors.Is(err, context.Canceled) {
		t.Errorf("Deliver: got %v", err)
	}
	if err := f.Flush(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Flush: got %v", err)
	}
}

func TestFileConcurrently(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "events.ndjson")
	f := open(t, path)
	var wait sync.WaitGroup
	const each = 2000
	for writer := range 8 {
		wait.Go(func() {
			deliver(t, f, writer*each, (writer+1)*each)
			if err := f.Flush(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	got := map[string]bool{}
	for line := range strings.Lines(content(t, path)) {
		got[line] = true
	}
	for line := range strings.Lines(lines(0, 8*each)) {
		if !got[line] {
			t.Fatalf("no line %s", line)
		}
	}
	if len(got) != 8*each {
		t.Errorf("got %d lines, want %d", len(got), 8*each)
	}
}

// A fakeDisk is a file in memory that has room for some bytes only and fails
// on order.
type fakeDisk struct {
	data                []byte
	room                int
	short               bool // says nothing of what does not fit
	syncErr, truncErr   error
	synced, syncs, shut int
}

func (d *fakeDisk) Write(b []byte) (int, error) {
	n := min(len(b), d.room-len(d.data))
	d.data = append(d.data, b[:n]...)
	if n < len(b) && !d.short {
		return n, syscall.ENOSPC
	}
	return n, nil
}

func (d *fakeDisk) Sync() error {
	d.syncs++
	if d.syncErr == nil {
		d.synced = len(d.data)
	}
	return d.syncErr
}

func (d *fakeDisk) Truncate(size int64) error {
	if d.truncErr == nil {
		d.data = d.data[:size]
	}
	return d.truncErr
}

func (d *fakeDisk) Close() error { d.shut++; return nil }

func TestFileOnFullDisk(t *testing.T) {
	t.Parallel()
	safe, lost := lines(0, 10), lines(10, 5000)
	tests := []struct {
		name string
		disk fakeDisk
		want error
		data string
	}{
		{"full", fakeDisk{room: len(safe) + 1000}, syscall.ENOSPC, safe},
		{"short write", fakeDisk{room: len(safe) + 1000, short: true}, io.ErrShortWrite, safe},
		{"full, and cannot be cut", fakeDisk{room: len(safe) + 1000, truncErr: syscall.EIO}, syscall.ENOSPC, safe + lost[:1000]},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := fileout.NewFile(&tt.disk, "events.ndjson", 0)
			deliver(t, f, 0, 10)
			if err := f.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			var err error
			for n := 10; n < 5000 && err == nil; n++ {
				err = f.Deliver(t.Context(), []event.Event{numbered(n)})
			}
			if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), "events.ndjson") {
				t.Errorf("got %v, want %v with the path", err, tt.want)
			}
			if diff := cmp.Diff(tt.data, string(tt.disk.data)); diff != "" {
				t.Errorf("file (-want +got):\n%s", diff)
			}
			tt.disk.room = 1 << 30 // somebody tidies up, but what is lost is lost
			if again := f.Deliver(t.Context(), []event.Event{numbered(1)}); !errors.Is(again, tt.want) {
				t.Errorf("Deliver after an error: got %v, want %v", again, tt.want)
			}
			if again := f.Flush(t.Context()); !errors.Is(again, tt.want) {
				t.Errorf("Flush after an error: got %v, want %v", again, tt.want)
			}
			if err := f.Close(); err != nil || tt.disk.shut != 1 {
				t.Errorf("Close: %v, closed %d times", err, tt.disk.shut)
			}
			if len(tt.disk.data) != len(tt.data) {
				t.Error("Close wrote behind the error")
			}
		})
	}
}

func TestFileSyncs(t *testing.T) {
	t.Parallel()
	disk := &fakeDisk{room: 1 << 30}
	f := fileout.NewFile(disk, "events.ndjson", 0)
	flush := func(want error) {
		t.Helper()
		if err := f.Flush(t.Context()); !errors.Is(err, want) {
			t.Errorf("Flush: got %v, want %v", err, want)
		}
	}
	flush(nil)
	if disk.syncs != 0 {
		t.Error("synced nothing")
	}
	deliver(t, f, 0, 3)
	if len(disk.data) != 0 {
		t.Error("wrote before the buffer was full")
	}
	flush(nil)
	flush(nil)
	if disk.syncs != 1 || disk.synced != len(lines(0, 3)) {
		t.Errorf("synced %d times, %d bytes", disk.syncs, disk.synced)
	}
	disk.syncErr = syscall.EIO
	deliver(t, f, 3, 6)
	flush(syscall.EIO)
	disk.syncErr = nil
	flush(syscall.EIO)
	if string(disk.data) != lines(0, 3) {
		t.Errorf("file holds %d bytes, want %d", len(disk.data), len(lines(0, 3)))
	}
}

// What one huge event needs is given back.
func TestFileKeepsItsBufferSmall(t *testing.T) {
	t.Parallel()
	disk := &fakeDisk{room: 1 << 30}
	f := fileout.NewFile(disk, "events.ndjson", 0)
	huge := numbered(0)
	huge.Data = []byte(`"` + strings.Repeat("x", 20<<20) + `"`)
	if err := f.Deliver(t.Context(), []event.Event{huge, numbered(1)}); err != nil {
		t.Fatal(err)
	}
	if err := f.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := string(disk.data), string(huge.AppendLine(nil))+lines(1, 2); got != want {
		t.Errorf("file holds %d bytes, want %d", len(got), len(want))
	}
	disk.data = nil
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if freed := int64(before.HeapAlloc) - int64(after.HeapAlloc); freed > 2<<20 {
		t.Errorf("the buffer held %d MB", freed>>20)
	}
}

type discard struct{ bytes int64 }

func (d *discard) Write(b []byte) (int, error) { d.bytes += int64(len(b)); return len(b), nil }

func benchmarkEvents() []event.Event {
	e := numbered(1)
	e.Data = []byte(`{"id":"1","note":"` + strings.Repeat("lorem ipsum ", 160) + `"}`)
	return slices.Repeat([]event.Event{e}, 150)
}

// One page of 150 events of 2 KB, without the sync that ends a file.
func BenchmarkDeliver(b *testing.B) {
	events := benchmarkEvents()
	size := int64(len(events) * len(events[0].AppendLine(nil)))
	type destination interface {
		Deliver(ctx context.Context, events []event.Event) error
	}
	run := func(b *testing.B, to destination, reset func()) {
		b.Helper()
		b.SetBytes(size)
		b.ReportAllocs()
		n := 0
		for b.Loop() {
			if err := to.Deliver(b.Context(), events); err != nil {
				b.Fatal(err)
			}
			if n++; n%1000 == 0 {
				reset()
			}
		}
		b.ReportMetric(float64(n*len(events))/b.Elapsed().Seconds(), "events/s")
	}
	b.Run("file", func(b *testing.B) {
		path := filepath.Join(b.TempDir(), "events.ndjson")
		f := open(b, path)
		run(b, f, func() { _ = os.Truncate(path, 0) })
	})
	b.Run("stream", func(b *testing.B) { run(b, fileout.Stdout(&discard{}), func() {}) })
}
