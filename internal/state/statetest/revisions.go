package statetest

import (
	"testing"
	"time"

	"intercom-connector/internal/state"
)

var revisionTests = []test{
	{"every write has a revision of its own", func(t *testing.T, store state.Store) {
		seen := revisions{}
		for range 3 {
			rev := create(t, store, "a", "same", never)
			seen.add(t, rev)
			for range 3 {
				rev = save(t, store, "a", "same", rev, never)
				seen.add(t, rev)
			}
			remove(t, store, "a", rev)
		}
	}},
	{"none is used again after a deletion", func(t *testing.T, store state.Store) {
		first := create(t, store, "a", "1", never)
		remove(t, store, "a", first)
		rev := create(t, store, "a", "1", never)
		wantStale(t, store, "a", first)
		wantRecord(t, get(t, store, "a"), state.Record{Key: "a", Value: []byte("1"), Revision: rev})
	}},
	{"none is used again after an expiry", func(t *testing.T, store state.Store) {
		seen := revisions{}
		for range 5 {
			first := create(t, store, "a", "1", time.Now().Add(-time.Second))
			seen.add(t, first)
			rev := create(t, store, "a", "1", never)
			seen.add(t, rev)
			wantStale(t, store, "a", first)
			first = save(t, store, "a", "1", rev, time.Now().Add(-time.Second))
			seen.add(t, first)
			rev = create(t, store, "a", "1", never)
			seen.add(t, rev)
			wantStale(t, store, "a", first)
			remove(t, store, "a", rev)
		}
	}},
	{"none is that of another key", func(t *testing.T, store state.Store) {
		a, b := create(t, store, "a", "1", never), create(t, store, "b", "1", never)
		wantStale(t, store, "a", b)
		wantStale(t, store, "b", a)
	}},
}

// revisions are those that have been seen.
type revisions map[state.Revision]bool

func (seen revisions) add(t *testing.T, rev state.Revision) {
	t.Helper()
	if seen[rev] {
		t.Errorf("revision %q was there before", rev)
	}
	seen[rev] = true
}

// wantStale checks that rev does not name the record that key holds.
func wantStale(t *testing.T, store state.Store, key string, rev state.Revision) {
	t.Helper()
	_, err := store.Save(t.Context(), key, []byte("stale"), rev, never)
	wantError(t, "Save with a stale revision", err, state.ErrConflict)
	wantError(t, "Delete with a stale revision", store.Delete(t.Context(), key, rev), state.ErrConflict)
}
