package statetest

import (
	"testing"
	"time"

	"intercom-connector/internal/state"
)

var recordTests = []test{
	{"an empty store has nothing", func(t *testing.T, store state.Store) {
		wantAbsent(t, store, "a", "some revision")
		wantAbsent(t, store, "a", "")
		if got := list(t, store, ""); len(got) != 0 {
			t.Errorf("List: got %q, want none", keys(got))
		}
	}},
	{"create and get", func(t *testing.T, store state.Store) {
		expires := time.Now().Add(time.Hour)
		rev := create(t, store, "a", "1", never)
		other := create(t, store, "b", "2", expires)
		wantRecord(t, get(t, store, "a"), state.Record{Key: "a", Value: []byte("1"), Revision: rev})
		wantRecord(t, get(t, store, "b"), state.Record{Key: "b", Value: []byte("2"), Revision: other, Expires: expires})
	}},
	{"create where something is", func(t *testing.T, store state.Store) {
		rev := create(t, store, "a", "1", never)
		got, err := store.Create(t.Context(), "a", []byte("2"), never)
		wantError(t, "Create", err, state.ErrExists)
		if got != "" {
			t.Errorf("the lost Create returned revision %q", got)
		}
		wantRecord(t, get(t, store, "a"), state.Record{Key: "a", Value: []byte("1"), Revision: rev})
	}},
	{"save", func(t *testing.T, store state.Store) {
		rev := save(t, store, "a", "2", create(t, store, "a", "1", never), never)
		wantRecord(t, get(t, store, "a"), state.Record{Key: "a", Value: []byte("2"), Revision: rev})
		rev = save(t, store, "a", "3", rev, never)
		wantRecord(t, get(t, store, "a"), state.Record{Key: "a", Value: []byte("3"), Revision: rev})
	}},
	{"save touches no other record", func(t *testing.T, store state.Store) {
		a, b := create(t, store, "a", "1", never), create(t, store, "b", "1", never)
		_, err := store.Save(t.Context(), "b", []byte("2"), a, never)
		wantError(t, "Save with the revision of another key", err, state.ErrConflict)
		b = save(t, store, "b", "2", b, never)
		wantRecord(t, get(t, store, "a"), state.Record{Key: "a", Value: []byte("1"), Revision: a})
		wantRecord(t, get(t, store, "b"), state.Record{Key: "b", Value: []byte("2"), Revision: b})
	}},
	{"save and delete with an old revision", func(t *testing.T, store state.Store) {
		old := create(t, store, "a", "1", never)
		rev := save(t, store, "a", "2", old, never)
		for _, stale := range []state.Revision{old, "", "made up"} {
			got, err := store.Save(t.Context(), "a", []byte("3"), stale, never)
			wantError(t, "Save", err, state.ErrConflict)
			if got != "" {
				t.Errorf("the lost Save returned revision %q", got)
			}
			wantError(t, "Delete", store.Delete(t.Context(), "a", stale), state.ErrConflict)
		}
		wantRecord(t, get(t, store, "a"), state.Record{Key: "a", Value: []byte("2"), Revision: rev})
	}},
	{"save adds an expiry and takes it away", func(t *testing.T, store state.Store) {
		expires := time.Now().Add(time.Hour)
		rev := save(t, store, "a", "2", create(t, store, "a", "1", never), expires)
		wantRecord(t, get(t, store, "a"), state.Record{Key: "a", Value: []byte("2"), Revision: rev, Expires: expires})
		rev = save(t, store, "a", "3", rev, never)
		wantRecord(t, get(t, store, "a"), state.Record{Key: "a", Value: []byte("3"), Revision: rev})
	}},
	{"delete", func(t *testing.T, store state.Store) {
		rev := create(t, store, "a", "1", never)
		other := create(t, store, "b", "1", never)
		remove(t, store, "a", rev)
		wantAbsent(t, store, "a", rev)
		wantRecord(t, get(t, store, "b"), state.Record{Key: "b", Value: []byte("1"), Revision: other})
	}},
	{"create after delete", func(t *testing.T, store state.Store) {
		remove(t, store, "a", create(t, store, "a", "1", time.Now().Add(time.Hour)))
		rev := create(t, store, "a", "2", never)
		wantRecord(t, get(t, store, "a"), state.Record{Key: "a", Value: []byte("2"), Revision: rev})
	}},
	{"an expiry in a distant century", func(t *testing.T, store state.Store) {
		expires := time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
		rev := create(t, store, "a", "1", expires)
		wantRecord(t, get(t, store, "a"), state.Record{Key: "a", Value: []byte("1"), Revision: rev, Expires: expires})
	}},
}
