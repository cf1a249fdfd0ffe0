// Package statetest is the contract of [state.Store] as a test suite. Every
// store runs it, so that whatever is built on one works on all of them.
//
//	func TestContract(t *testing.T) {
//		statetest.Run(t, func(t *testing.T) state.Store { … }, statetest.Options{})
//	}
package statetest

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"intercom-connector/internal/state"
)

// Options are what the suite has to know about a store.
type Options struct {
	// Bubble runs what waits for an expiry inside testing/synctest, where it
	// takes no time. A store that talks to another process cannot have it.
	Bubble bool
	// TTL is how long a record lives that is to expire while a test waits for
	// it: longer than a few calls of the store take (default: 1s).
	TTL time.Duration
	// Checks is how many random histories are tried against the model
	// (default: what -rapid.checks says).
	Checks int
}

// Run holds the stores that newStore makes against the contract, in parallel.
// Each call of newStore makes an empty one and cleans it up with t.Cleanup.
func Run(t *testing.T, newStore func(t *testing.T) state.Store, o Options) {
	t.Helper()
	if o.TTL == 0 {
		o.TTL = time.Second
	}
	s := suite{newStore: newStore, options: o}
	for _, group := range []struct {
		name  string
		tests []test
	}{
		{"records", recordTests},
		{"revisions", revisionTests},
		{"values", valueTests},
		{"keys", keyTests},
		{"list", listTests},
		{"races", raceTests},
		{"contexts", contextTests},
	} {
		t.Run(group.name, func(t *testing.T) {
			t.Parallel()
			for _, test := range group.tests {
				t.Run(test.name, func(t *testing.T) {
					t.Parallel()
					test.run(t, newStore(t))
				})
			}
		})
	}
	t.Run("expiry", s.expiry)
	t.Run("model", s.model)
}

// A suite is one run of the tests.
type suite struct {
	newStore func(t *testing.T) state.Store
	options  Options
}

// A test is one rule of the contract, held against a fresh store.
type test struct {
	name string
	run  func(t *testing.T, store state.Store)
}

// expiry runs the tests in which time passes.
func (s suite) expiry(t *testing.T) {
	t.Parallel()
	for _, test := range expiryTests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			run := func(t *testing.T) {
				test.run(t, s.newStore(t), s.options.TTL)
			}
			if s.options.Bubble {
				synctest.Test(t, run)
			} else {
				run(t)
			}
		})
	}
}

var never time.Time // the expiry of what stays

// get returns the record of key, which must be there.
func get(t *testing.T, store state.Store, key string) state.Record {
	t.Helper()
	r, err := store.Get(t.Context(), key)
	if err != nil {
		t.Fatalf("Get(%q): %v", key, err)
	}
	return r
}

// create writes a record whose key must be free.
func create(t *testing.T, store state.Store, key, value string, expires time.Time) state.Revision {
	t.Helper()
	rev, err := store.Create(t.Context(), key, []byte(value), expires)
	if err != nil {
		t.Fatalf("Create(%q): %v", key, err)
	}
	if rev == "" {
		t.Fatalf("Create(%q): the revision is empty", key)
	}
	return rev
}

// save replaces the record that must be at rev.
func save(t *testing.T, store state.Store, key, value string, rev state.Revision, expires time.Time) state.Revision {
	t.Helper()
	next, err := store.Save(t.Context(), key, []byte(value), rev, expires)
	if err != nil {
		t.Fatalf("Save(%q): %v", key, err)
	}
	if next == "" {
		t.Fatalf("Save(%q): the revision is empty", key)
	}
	return next
}

// remove deletes the record that must be at rev.
func remove(t *testing.T, store state.Store, key string, rev state.Revision) {
	t.Helper()
	if err := store.Delete(t.Context(), key, rev); err != nil {
		t.Fatalf("Delete(%q): %v", key, err)
	}
}

// list returns what List yields, which must not be an error.
func list(t *testing.T, store state.Store, prefix string) []state.Record {
	t.Helper()
	records, err := collect(t.Context(), store, prefix)
	if err != nil {
		t.Fatalf("List(%q): %v", prefix, err)
	}
	return records
}

// collect returns what List yields up to its end or its error.
func collect(ctx context.Context, store state.Store, prefix string) ([]state.Record, error) {
	var records []state.Record
	for r, err := range store.List(ctx, prefix) {
		if err != nil {
			return records, err
		}
		records = append(records, r)
	}
	return records, nil
}

// keys returns the keys of records.
func keys(records []state.Record) []string {
	var names []string
	for _, r := range records {
		names = append(names, r.Key)
	}
	return names
}

// wantError checks that err is the one that the contract names.
func wantError(t *testing.T, call string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: got %v, want %v", call, err, want)
	}
}

// wantRecord checks that r is what was written. An expiry may be kept to the
// millisecond.
func wantRecord(t *testing.T, r, want state.Record) {
	t.Helper()
	if r.Key != want.Key {
		t.Errorf("key: got %q, want %q", r.Key, want.Key)
	}
	if !bytes.Equal(r.Value, want.Value) {
		t.Errorf("value of %q: got %s, want %s", want.Key, short(r.Value), short(want.Value))
	}
	if r.Revision != want.Revision {
		t.Errorf("revision of %q: got %q, want %q", want.Key, r.Revision, want.Revision)
	}
	if !sameExpiry(r.Expires, want.Expires) {
		t.Errorf("expiry of %q: got %v, want %v", want.Key, r.Expires, want.Expires)
	}
}

func sameExpiry(a, b time.Time) bool {
	return a.IsZero() == b.IsZero() && a.Sub(b).Abs() <= time.Millisecond
}

// wantAbsent checks that every call says that key holds nothing; rev is the
// last revision that it held. Create is not among the calls: it would end it.
func wantAbsent(t *testing.T, store state.Store, key string, rev state.Revision) {
	t.Helper()
	ctx := t.Context()
	_, err := store.Get(ctx, key)
	wantError(t, "Get", err, state.ErrNotFound)
	_, err = store.Save(ctx, key, []byte("saved"), rev, never)
	wantError(t, "Save", err, state.ErrConflict)
	wantError(t, "Delete", store.Delete(ctx, key, rev), state.ErrConflict)
	for _, r := range list(t, store, key) {
		if r.Key == key {
			t.Errorf("List yields %q", key)
		}
	}
}
