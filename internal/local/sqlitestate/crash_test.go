package sqlitestate_test

import (
	"bytes"
	"database/sql"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"intercom-connector/internal/local/sqlitestate"
	"intercom-connector/internal/state"
)

// saveForEver saves one number after the other, in values of all sizes, and
// says which ones the store has acknowledged.
func saveForEver(out io.Writer, args []string) error {
	ctx, path := background(), args[0]
	store, err := sqlitestate.Open(ctx, path)
	if err != nil {
		return err
	}
	var rev state.Revision
	n := 0
	if r, err := store.Get(ctx, "n"); err == nil {
		rev = r.Revision
		if n, err = number(r.Value); err != nil {
			return err
		}
	} else if rev, err = store.Create(ctx, "n", numbered(0), time.Time{}); err != nil {
		return err
	}
	for {
		n++
		if rev, err = store.Save(ctx, "n", numbered(n), rev, time.Time{}); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(out, n); err != nil {
			return err
		}
	}
}

// numbered returns a value from which n, and whether it is whole, can be told.
func numbered(n int) []byte {
	size := []int{10, 5_000, 300_000, 100}[n%4]
	return append(bytes.Repeat([]byte{byte(n)}, size), "#"+strconv.Itoa(n)...)
}

// number returns the n of a value of numbered, or an error if it is not whole.
func number(value []byte) (int, error) {
	i := bytes.LastIndexByte(value, '#')
	n, err := strconv.Atoi(string(value[i+1:]))
	if err != nil || !bytes.Equal(value, numbered(n)) {
		return 0, fmt.Errorf("a value of %d bytes is not one that was saved", len(value))
	}
	return n, nil
}

// A kill at any moment loses nothing that was acknowledged and leaves a
// database that is whole.
func TestKill(t *testing.T) {
	t.Parallel()
	path := file(t)
	last := 0
	for range 15 {
		p := start(t, "save", path)
		first := p.line()
		if _, err := strconv.Atoi(first); err != nil {
			t.Fatalf("the process says %q", first)
		}
		timer := time.AfterFunc(rand.N(60*time.Millisecond), func() { p.Process.Kill() }) //nolint:errcheck // Wait says so.
		for line := first; line != ""; line = p.line() {
			n, err := strconv.Atoi(line)
			if err != nil {
				t.Fatalf("the process says %q", line)
			}
			last = n
		}
		timer.Stop()
		if err := p.Wait(); err == nil {
			t.Fatal("the process was not killed")
		}
		last = checkNumber(t, path, last)
	}
	if last < 15 {
		t.Errorf("only %d saves in all: this tests nothing", last)
	}
	checkIntegrity(t, path)
}

// checkNumber checks that the store has a whole number, and none before the
// last acknowledged one, and returns it.
func checkNumber(t *testing.T, path string, acknowledged int) int {
	t.Helper()
	store, err := sqlitestate.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	r, err := store.Get(t.Context(), "n")
	if err != nil {
		t.Fatal(err)
	}
	n, err := number(r.Value)
	if err != nil {
		t.Fatal(err)
	}
	// One more may have been saved whose acknowledgement was cut off.
	if n < acknowledged || n > acknowledged+1 {
		t.Fatalf("the store is at %d, the last acknowledged is %d", n, acknowledged)
	}
	return n
}

// checkIntegrity lets SQLite look for damage.
func checkIntegrity(t *testing.T, path string) {
	t.Helper()
	var got string
	if err := raw(t, path).QueryRowContext(t.Context(), `PRAGMA integrity_check`).Scan(&got); err != nil || got != "ok" {
		t.Errorf("integrity check: %s, %v", got, err)
	}
}

// raw opens the file as any program would.
func raw(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}
