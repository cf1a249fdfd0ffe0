package filequeue_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"intercom-connector/internal/local/filequeue"
	"intercom-connector/internal/publish"
	"intercom-connector/internal/state"
	"intercom-connector/internal/state/memstate"
)

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "messages.ndjson")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func open(t *testing.T, path string) *filequeue.File {
	t.Helper()
	f, err := filequeue.Open(t.Context(), path, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func load(t *testing.T, store state.Store, f *filequeue.File) *filequeue.Progress {
	t.Helper()
	p, err := filequeue.Load(t.Context(), store, "ws", "pub", f)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// collect reads what is left of a file: each line as "number:body", a bad one
// as "number!reason". It stops after limit lines, where that is above 0.
func collect(ctx context.Context, t *testing.T, f *filequeue.File, p *filequeue.Progress, limit int) []string {
	t.Helper()
	var got []string
	bad := func(b filequeue.Bad) error {
		got = append(got, fmt.Sprintf("%d!%s", b.Line, b.Reason))
		return nil
	}
	for d, err := range f.Deliveries(ctx, p, bad) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%d:%s", d.Line, d.Body))
		if len(got) == limit {
			break
		}
	}
	return got
}

const cutReason = "the file ends in the middle of this line: it has no line break and is not complete JSON"

func TestLines(t *testing.T) {
	t.Parallel()
	const limit = publish.MaxMessage
	for _, tt := range []struct {
		name, text string
		want       []string
	}{
		{"plain", "{}\n[]\n", []string{"1:{}", "2:[]"}},
		{"nothing", "", nil},
		{"blank lines count", "\n \t\n{}\n\r\n[]\n\n", []string{"3:{}", "5:[]"}},
		{"carriage returns", "{}\r\n[]\r\n", []string{"1:{}", "2:[]"}},
		{"byte order mark", "\ufeff{}\n[]\n", []string{"1:{}", "2:[]"}},
		{"only a byte order mark", "\ufeff", nil},
		{"whole last line", "{}\n[]", []string{"1:{}", "2:[]"}},
		{"cut last line", "{}\n{\"a\":", []string{"1:{}", "2!" + cutReason}},
		{"no JSON in the middle is the publisher's to judge", "nonsense\n{}\n", []string{"1:nonsense", "2:{}"}},
		{"bytes that are no text are as well", "\xff\n", []string{"1:\xff"}},
		{"the longest line", strings.Repeat("x", limit) + "\r\n{}\n", []string{"1:" + strings.Repeat("x", limit), "2:{}"}},
		{"one byte too long", strings.Repeat("x", limit+1) + "\n{}\n", []string{"1!the line has 1048577 bytes, 1048576 are the most", "2:{}"}},
		{"far too long, and cut", "{}\n" + strings.Repeat("y", 3*limit), []string{"1:{}", "2!the line has 3145728 bytes, 1048576 are the most"}},
		{"the length of a chunk", strings.Repeat("z", 128<<10) + "\n{}\n", []string{"1:" + strings.Repeat("z", 128<<10), "2:{}"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := open(t, write(t, tt.text))
			got := collect(t.Context(), t, f, load(t, &memstate.Store{}, f), 0)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%.2000s", diff)
			}
			if int(f.Messages) != len(tt.want) {
				t.Errorf("%d messages, want %d", f.Messages, len(tt.want))
			}
		})
	}
}

// The names of messages depend on the file's bytes and on nothing else.
func TestIDs(t *testing.T) {
	t.Parallel()
	ids := func(text string, again int) []string {
		f := open(t, write(t, text))
		p := load(t, &memstate.Store{}, f)
		for range again {
			p.Again()
		}
		var got []string
		for d, err := range f.Deliveries(t.Context(), p, nil) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, d.ID)
		}
		return got
	}
	first := ids("{}\n{}\n", 0)
	if first[0] == first[1] {
		t.Errorf("two lines have the id %s", first[0])
	}
	if diff := cmp.Diff(first, ids("{}\n{}\n", 0)); diff != "" {
		t.Errorf("the same file: (-want +got)\n%s", diff)
	}
	if other := ids("{}\n{} \n", 0); other[0] == first[0] {
		t.Errorf("another file has the same id %s", other[0])
	}
	if again := ids("{}\n{}\n", 1); again[0] == first[0] {
		t.Errorf("published again it has the same id %s", again[0])
	}
}

// A run that dies at any moment is gone on with: nothing is left out, and of
// what was noted nothing comes again.
func TestProgressSurvives(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	var text strings.Builder
	for i := range 50 {
		fmt.Fprintf(&text, "%d\n", i)
	}
	path, store := write(t, text.String()), &memstate.Store{}

	f := open(t, path)
	p := load(t, store, f)
	if got := collect(ctx, t, f, p, 20); len(got) != 20 {
		t.Fatalf("got %d lines, want 20", len(got))
	}
	for line, outcome := range map[int]publish.Outcome{
		1: publish.Done, 2: publish.Dead, 4: publish.Unknown, 5: publish.Retry, 19: publish.Done, 20: publish.Paused,
	} {
		if err := p.Finish(ctx, publish.Result{Line: line, Outcome: outcome, Duplicate: line == 1}); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Save(ctx); err != nil {
		t.Fatal(err)
	}

	f = open(t, path)
	p = load(t, store, f)
	if !p.Resumed() {
		t.Error("the second run knows of no first")
	}
	if diff := cmp.Diff(filequeue.Tally{Done: 2, Duplicates: 1, Dead: 1, Unknown: 1}, p.Tally()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	var want []string
	for i := range 50 {
		if line := i + 1; line != 1 && line != 2 && line != 4 && line != 19 {
			want = append(want, fmt.Sprintf("%d:%d", line, i))
		}
	}
	got := collect(ctx, t, f, p, 0)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for line := range 51 {
		if err := p.Finish(ctx, publish.Result{Line: line, Outcome: publish.Done}); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Save(ctx); err != nil {
		t.Fatal(err)
	}

	p = load(t, store, f)
	if _, complete := p.Complete(); !complete {
		t.Error("the file is not complete")
	}
	if got := p.Tally().Finished(); got != 50 {
		t.Errorf("%d lines are finished, want 50", got)
	}
	if got := collect(ctx, t, f, p, 0); got != nil {
		t.Errorf("a complete file yields %q", got)
	}
	p.Again()
	if got := collect(ctx, t, f, p, 0); len(got) != 50 {
		t.Errorf("again it yields %d lines, want 50", len(got))
	}
}

// Progress is saved every second or 500 results, and not more often.
func TestProgressIsSavedNowAndThen(t *testing.T) {
	t.Parallel()
	path := write(t, strings.Repeat("{}\n", 3000))
	for _, tt := range []struct {
		name        string
		each        time.Duration
		least, most int
	}{
		{"fast", 0, 4, 8},
		{"slow", 600 * time.Millisecond, 1400, 1600},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := open(t, path)
			synctest.Test(t, func(t *testing.T) {
				store := &counting{Store: &memstate.Store{}}
				p := load(t, store, f)
				for d, err := range f.Deliveries(t.Context(), p, nil) {
					if err != nil {
						t.Fatal(err)
					}
					time.Sleep(tt.each)
					if err := p.Finish(t.Context(), publish.Result{Line: d.Line, Outcome: publish.Done}); err != nil {
						t.Fatal(err)
					}
				}
				if store.saves < tt.least || store.saves > tt.most {
					t.Errorf("saved %d times, want %d to %d", store.saves, tt.least, tt.most)
				}
			})
		})
	}
}

// counting counts what is written to a store.
type counting struct {
	state.Store

	saves int
}

func (c *counting) Save(ctx context.Context, key string, value []byte, rev state.Revision, expires time.Time) (state.Revision, error) {
	c.saves++
	return c.Store.Save(ctx, key, value, rev, expires)
}

func TestFileThatChanges(t *testing.T) {
	t.Parallel()
	path := write(t, "{}\n")
	f := open(t, path)
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := out.WriteString("[]\n"); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	var bodies []string
	for d, err := range f.Deliveries(t.Context(), load(t, &memstate.Store{}, f), nil) {
		if err != nil {
			if !errors.Is(err, filequeue.ErrChanged) {
				t.Errorf("error %v, want ErrChanged", err)
			}
			bodies = append(bodies, "changed")
			break
		}
		bodies = append(bodies, string(d.Body))
	}
	if diff := cmp.Diff([]string{"{}", "changed"}, bodies); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// A stream is the same messages as the file with its bytes, and leaves no copy.
func TestSpool(t *testing.T) {
	t.Parallel()
	const text = "{}\n[]\n"
	folder := filepath.Join(t.TempDir(), "folder")
	f, err := filequeue.Spool(t.Context(), "standard input", strings.NewReader(text), folder)
	if err != nil {
		t.Fatal(err)
	}
	if file := open(t, write(t, text)); file.Digest != f.Digest || f.Messages != 2 {
		t.Errorf("digest %s and %d messages, want %s and 2", f.Digest, f.Messages, file.Digest)
	}
	got := collect(t.Context(), t, f, load(t, &memstate.Store{}, f), 0)
	if diff := cmp.Diff([]string{"1:{}", "2:[]"}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	empty(t, folder)
}

func TestSpoolEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	silent, never := io.Pipe()
	defer never.Close()
	time.AfterFunc(10*time.Millisecond, cancel)
	folder := t.TempDir()
	if _, err := filequeue.Spool(ctx, "standard input", silent, folder); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
	empty(t, folder)
}

func empty(t *testing.T, folder string) {
	t.Helper()
	left, err := os.ReadDir(folder)
	if err != nil || len(left) > 0 {
		t.Errorf("left in the folder: %v, %v", left, err)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if _, err := filequeue.Open(t.Context(), folder, ""); err == nil || !strings.Contains(err.Error(), "is a folder") {
		t.Errorf("a folder: %v", err)
	}
	if _, err := filequeue.Open(t.Context(), filepath.Join(folder, "none"), ""); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("nothing there: %v", err)
	}
}

// What a person sees of bad lines, they see because the caller is told.
func TestBadLineEndsTheReadingWhereItCannotBeKept(t *testing.T) {
	t.Parallel()
	f := open(t, write(t, "{\n"+"{"))
	full := errors.New("disk full")
	var got error
	for _, err := range f.Deliveries(t.Context(), load(t, &memstate.Store{}, f), func(filequeue.Bad) error { return full }) {
		got = err
	}
	if !errors.Is(got, full) {
		t.Errorf("error %v, want %v", got, full)
	}
}
