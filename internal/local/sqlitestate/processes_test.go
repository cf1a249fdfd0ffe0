package sqlitestate_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"testing"
	"time"

	"intercom-connector/internal/local/sqlitestate"
	"intercom-connector/internal/state"
)

const (
	processes  = 4
	increments = 25
)

// background is the context of a process that is not a test.
func background() context.Context { return context.Background() }

// incrementMuch adds to a number that other processes add to as well, and
// makes records of its own in between.
func incrementMuch(out io.Writer, args []string) error {
	store, err := sqlitestate.Open(background(), args[0])
	if err != nil {
		return err
	}
	defer store.Close()
	for i := range increments {
		if err := increment(background(), store, "n"); err != nil {
			return fmt.Errorf("increment: %w", err)
		}
		key := args[1] + "/" + strconv.Itoa(i)
		if _, err := store.Create(background(), key, make([]byte, 20_000), time.Time{}); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintln(out, "done")
	return err
}

// increment adds one to the number at key, which it makes if it is not there.
func increment(ctx context.Context, store state.Store, key string) error {
	for {
		var lost error
		r, err := store.Get(ctx, key)
		switch {
		case errors.Is(err, state.ErrNotFound):
			_, lost = store.Create(ctx, key, []byte("1"), time.Time{})
		case err != nil:
			return err
		default:
			n, err := strconv.Atoi(string(r.Value))
			if err != nil {
				return err
			}
			_, lost = store.Save(ctx, key, []byte(strconv.Itoa(n+1)), r.Revision, time.Time{})
		}
		if !errors.Is(lost, state.ErrConflict) && !errors.Is(lost, state.ErrExists) {
			return lost
		}
	}
}

// Several processes make the same database at the same moment and then get in
// each other's way as much as they can.
func TestProcessesShareAFile(t *testing.T) {
	t.Parallel()
	path := file(t)
	var wg sync.WaitGroup
	for i := range processes {
		p := start(t, "increment", path, "p"+strconv.Itoa(i))
		wg.Go(func() {
			if got := p.line(); got != "done" {
				t.Errorf("process %d says %q", i, got)
			}
			if err := p.Wait(); err != nil {
				t.Errorf("process %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	store := open(t, path)
	r, err := store.Get(t.Context(), "n")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(r.Value), strconv.Itoa(processes*increments); got != want {
		t.Errorf("the number is %s, want %s", got, want)
	}
	var records int
	for _, err := range store.List(t.Context(), "p") {
		if err != nil {
			t.Fatal(err)
		}
		records++
	}
	if got, want := records, processes*increments; got != want {
		t.Errorf("%d records, want %d", got, want)
	}
	checkIntegrity(t, path)
}

// Stores of one process do so too, and closing one takes no lock of another.
func TestStoresShareAFile(t *testing.T) {
	t.Parallel()
	path := file(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 3 {
				store, err := sqlitestate.Open(t.Context(), path)
				if err != nil {
					t.Error(err)
					return
				}
				for range 5 {
					if err := increment(t.Context(), store, "n"); err != nil {
						t.Error(err)
					}
				}
				if err := store.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	r, err := open(t, path).Get(t.Context(), "n")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(r.Value), strconv.Itoa(8*3*5); got != want {
		t.Errorf("the number is %s, want %s", got, want)
	}
}
