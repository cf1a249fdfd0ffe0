package statetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"intercom-connector/internal/state"
)

const racers = 16

// race runs f in many goroutines that start together.
func race(f func(racer int)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range racers {
		wg.Go(func() {
			<-start
			f(i)
		})
	}
	close(start)
	wg.Wait()
}

var raceTests = []test{
	{"no increment is lost", func(t *testing.T, store state.Store) {
		const each = 10
		create(t, store, "counter", "0", never)
		race(func(int) {
			for range each {
				if err := increment(t.Context(), store, "counter"); err != nil {
					t.Errorf("increment: %v", err)
					return
				}
			}
		})
		if got, want := string(get(t, store, "counter").Value), strconv.Itoa(racers*each); got != want {
			t.Errorf("the counter is at %s, want %s", got, want)
		}
	}},
	{"one creates", func(t *testing.T, store state.Store) {
		for round := range 5 {
			key := strconv.Itoa(round)
			if round%2 == 1 {
				create(t, store, key, "expired", time.Now().Add(-time.Second))
			}
			wantOneWinner(t, store, key, state.ErrExists, func(value []byte) (state.Revision, error) {
				return store.Create(t.Context(), key, value, never)
			})
		}
	}},
	{"one saves", func(t *testing.T, store state.Store) {
		for round := range 5 {
			key := strconv.Itoa(round)
			rev := create(t, store, key, "created", never)
			wantOneWinner(t, store, key, state.ErrConflict, func(value []byte) (state.Revision, error) {
				return store.Save(t.Context(), key, value, rev, never)
			})
		}
	}},
	{"one deletes", func(t *testing.T, store state.Store) {
		rev := create(t, store, "a", "1", never)
		var mu sync.Mutex
		var won int
		race(func(int) {
			err := store.Delete(t.Context(), "a", rev)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				won++
			} else {
				wantError(t, "Delete", err, state.ErrConflict)
			}
		})
		if won != 1 {
			t.Errorf("%d deleted the record, want 1", won)
		}
		wantAbsent(t, store, "a", rev)
	}},
	{"nobody reads half a value", func(t *testing.T, store state.Store) {
		const rounds = 6
		rev, err := store.Create(t.Context(), "a", uniform(0), never)
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for {
					select {
					case <-done:
						return
					default:
					}
					wantUniform(t, get1(t, store, "a"))
					for r, err := range store.List(t.Context(), "") {
						if err != nil {
							t.Errorf("List: %v", err)
							break
						}
						wantUniform(t, r)
					}
				}
			})
		}
		for i := range rounds {
			if rev, err = store.Save(t.Context(), "a", uniform(i+1), rev, never); err != nil {
				t.Errorf("Save: %v", err)
				break
			}
		}
		close(done)
		wg.Wait()
	}},
}

// get1 is get for other goroutines than the test's own.
func get1(t *testing.T, store state.Store, key string) state.Record {
	t.Helper()
	r, err := store.Get(t.Context(), key)
	if err != nil {
		t.Errorf("Get(%q): %v", key, err)
	}
	return r
}

// uniform returns a large value of one byte, of another length for each i.
func uniform(i int) []byte {
	return bytes.Repeat([]byte{byte('a' + i)}, 400<<10+(i%3)*200<<10+i)
}

// wantUniform checks that r has a value that uniform made, whole.
func wantUniform(t *testing.T, r state.Record) {
	t.Helper()
	if len(r.Value) == 0 || !bytes.Equal(r.Value, uniform(int(r.Value[0]-'a'))) {
		t.Errorf("%d bytes are not one of the values that were written", len(r.Value))
	}
}

// increment adds one to the number at key, however often others come first.
func increment(ctx context.Context, store state.Store, key string) error {
	for {
		r, err := store.Get(ctx, key)
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(string(r.Value))
		if err != nil {
			return err
		}
		_, err = store.Save(ctx, key, []byte(strconv.Itoa(n+1)), r.Revision, never)
		if !errors.Is(err, state.ErrConflict) {
			return err
		}
	}
}

// wantOneWinner lets all write to key and checks that one did, that the others
// were told so, and that the winner's value is there.
func wantOneWinner(t *testing.T, store state.Store, key string, lost error, write func(value []byte) (state.Revision, error)) {
	t.Helper()
	var mu sync.Mutex
	var winners []state.Record
	race(func(i int) {
		value := fmt.Appendf(nil, "racer %d", i)
		rev, err := write(value)
		mu.Lock()
		defer mu.Unlock()
		if err == nil {
			winners = append(winners, state.Record{Key: key, Value: value, Revision: rev})
		} else {
			wantError(t, "the write of a loser", err, lost)
		}
	})
	if len(winners) != 1 {
		t.Fatalf("%d writes won, want 1", len(winners))
	}
	wantRecord(t, get(t, store, key), winners[0])
	if got := keys(list(t, store, key)); !slices.Equal(got, []string{key}) {
		t.Errorf("List: got %q, want %q", got, key)
	}
}
