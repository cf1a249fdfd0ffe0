package statetest

import (
	"context"
	"testing"

	"intercom-connector/internal/state"
)

var contextTests = []test{
	{"cancelled before the call", func(t *testing.T, store state.Store) {
		rev := create(t, store, "a", "1", never)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()

		_, err := store.Get(ctx, "a")
		wantError(t, "Get", err, context.Canceled)
		_, err = store.Create(ctx, "b", []byte("1"), never)
		wantError(t, "Create", err, context.Canceled)
		_, err = store.Save(ctx, "a", []byte("2"), rev, never)
		wantError(t, "Save", err, context.Canceled)
		wantError(t, "Delete", store.Delete(ctx, "a", rev), context.Canceled)
		_, err = collect(ctx, store, "")
		wantError(t, "List", err, context.Canceled)

		wantRecord(t, get(t, store, "a"), state.Record{Key: "a", Value: []byte("1"), Revision: rev})
		wantAbsent(t, store, "b", "")
	}},
	{"a list's error comes once and last", func(t *testing.T, store state.Store) {
		create(t, store, "a", "1", never)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		var failed int
		for r, err := range store.List(ctx, "") {
			if failed > 0 {
				t.Errorf("after its error List yields %q, %v", r.Key, err)
			}
			if err != nil {
				failed++
				if r.Key != "" {
					t.Errorf("with its error List yields %q", r.Key)
				}
			}
		}
		if failed != 1 {
			t.Errorf("List yields %d errors, want 1", failed)
		}
	}},
	{"cancelled in the middle of calls", func(t *testing.T, store state.Store) {
		// A write whose context ends may or may not have happened. Nothing else
		// may suffer, and what was acknowledged stays.
		kept := create(t, store, "kept", "1", never)
		value := noise(500 << 10)
		ctx, cancel := context.WithCancel(t.Context())
		acknowledged := make([]state.Revision, racers)
		race(func(i int) {
			key := "racer/" + string(rune('a'+i))
			rev, err := store.Create(ctx, key, value, never)
			if i == 3 {
				cancel()
			}
			if err == nil {
				acknowledged[i] = rev
			} else {
				wantError(t, "Create", err, context.Canceled)
			}
		})
		cancel()
		wantRecord(t, get(t, store, "kept"), state.Record{Key: "kept", Value: []byte("1"), Revision: kept})
		for i, rev := range acknowledged {
			if rev != "" {
				key := "racer/" + string(rune('a'+i))
				wantRecord(t, get(t, store, key), state.Record{Key: key, Value: value, Revision: rev})
			}
		}
		for _, r := range list(t, store, "racer/") {
			if len(r.Value) != len(value) {
				t.Errorf("%q has %d bytes, want all %d or no record", r.Key, len(r.Value), len(value))
			}
		}
	}},
}
