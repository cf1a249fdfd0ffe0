package sqlitestate_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"intercom-connector/internal/local/sqlitestate"
	"intercom-connector/internal/state"
)

func TestOpenKeepsWhatWasThere(t *testing.T) {
	t.Parallel()
	for name, base := range map[string]string{
		"plain name": "state.db",
		"odd name":   "a b?#&%41;é.db",
		"new folder": filepath.Join("some", "folder", "state.db"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), base)
			store, err := sqlitestate.Open(t.Context(), path)
			if err != nil {
				t.Fatal(err)
			}
			rev, err := store.Create(t.Context(), "a", []byte("1"), time.Time{})
			if err != nil {
				t.Fatal(err)
			}
			if err := store.Close(); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(path); err != nil {
				t.Fatalf("the database is elsewhere: %v", err)
			}
			r, err := open(t, path).Get(t.Context(), "a")
			if err != nil || r.Revision != rev || string(r.Value) != "1" {
				t.Errorf("got %+v, %v", r, err)
			}
		})
	}
}

func TestOpenByRelativePath(t *testing.T) {
	t.Chdir(t.TempDir())
	open(t, filepath.Join("folder", "state.db"))
	if _, err := os.Stat(filepath.Join("folder", "state.db")); err != nil {
		t.Error(err)
	}
}

func TestMemoryIsPrivate(t *testing.T) {
	t.Parallel()
	one, other := open(t, sqlitestate.Memory), open(t, sqlitestate.Memory)
	if _, err := one.Create(t.Context(), "a", nil, time.Time{}); err != nil {
		t.Fatal(err)
	}
	if _, err := other.Get(t.Context(), "a"); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}

// A call that is cut off does not take a database in memory with it.
func TestMemoryOutlivesACancelledCall(t *testing.T) {
	t.Parallel()
	store := open(t, sqlitestate.Memory)
	if _, err := store.Create(t.Context(), "a", nil, time.Time{}); err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*500*time.Microsecond)
		_, err := store.Create(ctx, "large"+string(rune('a'+i)), make([]byte, 4<<20), time.Time{})
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the deadline", err)
		}
		cancel()
	}
	if _, err := store.Get(t.Context(), "a"); err != nil {
		t.Error(err)
	}
}

func TestFilesAreTheirOwnersAlone(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("no such modes")
	}
	folder := filepath.Join(t.TempDir(), "folder")
	store := open(t, filepath.Join(folder, "state.db"))
	if _, err := store.Create(t.Context(), "a", nil, time.Time{}); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(folder)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := info.Mode().Perm(), fs.FileMode(0o700); got != want {
		t.Errorf("the folder has mode %v, want %v", got, want)
	}
	files, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil || len(files) < 2 {
		t.Fatalf("want the database and its log, got %q, %v", files, err)
	}
	for _, name := range files {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := info.Mode().Perm(), fs.FileMode(0o600); got != want {
			t.Errorf("%s has mode %v, want %v", name, got, want)
		}
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		prepare func(t *testing.T, path string)
		want    string
	}{
		"not a database": {func(t *testing.T, path string) {
			t.Helper()
			write(t, path, strings.Repeat("this is a text\n", 100), 0o600)
		}, "the file is no database"},
		"a folder": {func(t *testing.T, path string) {
			t.Helper()
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}, "the file cannot be opened"},
		"another program's database": {func(t *testing.T, path string) {
			t.Helper()
			execute(t, path, `CREATE TABLE records (id INTEGER)`)
		}, "another program"},
		"another program's empty database": {func(t *testing.T, path string) {
			t.Helper()
			execute(t, path, `PRAGMA application_id = 7; CREATE TABLE a (b); DROP TABLE a`)
		}, "another program"},
		"a newer connector's": {func(t *testing.T, path string) {
			t.Helper()
			create(t, path)
			execute(t, path, `PRAGMA user_version = 7`)
		}, "a newer connector has written the file (layout 7, this one knows up to 1)"},
		"damaged": {func(t *testing.T, path string) {
			t.Helper()
			create(t, path)
			damage(t, path)
		}, "the file is damaged"},
		"may not be written": {func(t *testing.T, path string) {
			t.Helper()
			create(t, path)
			readOnly(t, path)
		}, "cannot be written"},
		"the folder may not be written": {func(t *testing.T, path string) {
			t.Helper()
			readOnly(t, filepath.Dir(path))
		}, "permission denied"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := file(t)
			tt.prepare(t, path)
			before, _ := os.ReadFile(path)
			store, err := sqlitestate.Open(t.Context(), path)
			if err == nil {
				store.Close()
				t.Fatal("no error")
			}
			for _, want := range []string{tt.want, path} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %q, want it to say %q", err, want)
				}
			}
			if after, _ := os.ReadFile(path); string(after) != string(before) {
				t.Error("the file was changed")
			}
		})
	}
}

func TestOpenBelowAFile(t *testing.T) {
	t.Parallel()
	path := file(t)
	write(t, path, "", 0o600)
	_, err := sqlitestate.Open(t.Context(), filepath.Join(path, "state.db"))
	if err == nil || !strings.Contains(err.Error(), "not a directory") && runtime.GOOS != "windows" {
		t.Errorf("got %v, want it to say that the folder is none", err)
	}
}

func TestOpenCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := sqlitestate.Open(ctx, file(t)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

// create makes a database of ours with something in it.
func create(t *testing.T, path string) {
	t.Helper()
	store, err := sqlitestate.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Create(t.Context(), "a", []byte("1"), time.Time{}); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
}

// execute runs statements as another program would.
func execute(t *testing.T, path, statements string) {
	t.Helper()
	db := raw(t, path)
	if _, err := db.ExecContext(t.Context(), statements); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// damage overwrites the page that says which tables there are, and leaves the
// header that says that it is a database.
func damage(t *testing.T, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 100; i < 4096; i++ {
		text[i] = 0xa5
	}
	write(t, path, string(text), 0o600)
}

// readOnly takes the right to write away, or skips where it cannot be taken.
func readOnly(t *testing.T, path string) {
	t.Helper()
	if runtime.GOOS == "windows" || os.Geteuid() == 0 {
		t.Skip("this user may write everything")
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, info.Mode().Perm()&^0o222); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(path, info.Mode().Perm()) }) //nolint:errcheck // So that the folder can be removed.
}

func write(t *testing.T, path, text string, mode fs.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}
