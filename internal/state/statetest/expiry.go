package statetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"intercom-connector/internal/state"
)

// A timedTest is a rule of the contract that needs time to pass. A record that
// is to expire lives for ttl.
type timedTest struct {
	name string
	run  func(t *testing.T, store state.Store, ttl time.Duration)
}

var expiryTests = []timedTest{
	{"a record lives until it expires", func(t *testing.T, store state.Store, ttl time.Duration) {
		expires := time.Now().Add(ttl)
		rev := create(t, store, "a", "1", expires)
		r, err := store.Get(t.Context(), "a")
		if time.Now().Before(expires) { // a slow machine may be too late
			if err != nil {
				t.Fatalf("Get before the expiry: %v", err)
			}
			wantRecord(t, r, state.Record{Key: "a", Value: []byte("1"), Revision: rev, Expires: expires})
		}
		waitUntil(expires)
		wantAbsent(t, store, "a", rev)
	}},
	{"create over an expired record", func(t *testing.T, store state.Store, ttl time.Duration) {
		expires := time.Now().Add(ttl)
		old := create(t, store, "a", "1", expires)
		waitUntil(expires)
		rev := create(t, store, "a", "2", never)
		wantRecord(t, get(t, store, "a"), state.Record{Key: "a", Value: []byte("2"), Revision: rev})
		wantStale(t, store, "a", old)
		_, err := store.Create(t.Context(), "a", []byte("3"), never)
		wantError(t, "Create", err, state.ErrExists)
	}},
	{"create before the expiry", func(t *testing.T, store state.Store, ttl time.Duration) {
		expires := time.Now().Add(ttl)
		create(t, store, "a", "1", expires)
		_, err := store.Create(t.Context(), "a", []byte("2"), never)
		if time.Now().Before(expires) {
			wantError(t, "Create", err, state.ErrExists)
		}
	}},
	{"save puts the expiry off", func(t *testing.T, store state.Store, ttl time.Duration) {
		expires := time.Now().Add(ttl)
		later := expires.Add(time.Hour)
		rev, err := store.Save(t.Context(), "a", []byte("2"), create(t, store, "a", "1", expires), later)
		if err != nil {
			if time.Now().After(expires) {
				t.Skip("this machine is too slow for the TTL")
			}
			t.Fatal(err)
		}
		waitUntil(expires)
		wantRecord(t, get(t, store, "a"), state.Record{Key: "a", Value: []byte("2"), Revision: rev, Expires: later})
	}},
	{"save brings the expiry forward", func(t *testing.T, store state.Store, ttl time.Duration) {
		rev := create(t, store, "a", "1", never)
		expires := time.Now().Add(ttl)
		rev = save(t, store, "a", "2", rev, expires)
		waitUntil(expires)
		wantAbsent(t, store, "a", rev)
	}},
	{"born expired", func(t *testing.T, store state.Store, _ time.Duration) {
		for i, expires := range []time.Time{
			time.Now().Add(-time.Nanosecond),
			time.Now().Add(-time.Hour),
			time.Unix(0, 0),
			time.Unix(-1, 0),
		} {
			key := fmt.Sprint(i)
			wantAbsent(t, store, key, create(t, store, key, "1", expires))
			rev := create(t, store, key, "2", never)
			wantAbsent(t, store, key, save(t, store, key, "3", rev, expires))
			create(t, store, key, "4", never)
		}
	}},
	{"list leaves out what has expired", func(t *testing.T, store state.Store, ttl time.Duration) {
		expires := time.Now().Add(ttl)
		create(t, store, "a", "1", never)
		create(t, store, "b", "1", expires)
		create(t, store, "c", "1", time.Now().Add(time.Hour))
		for i := range 10 {
			create(t, store, fmt.Sprintf("d%d", i), "1", expires)
		}
		create(t, store, "e", "1", never)
		waitUntil(expires)
		if diff := cmp.Diff([]string{"a", "c", "e"}, keys(list(t, store, ""))); diff != "" {
			t.Errorf("List (-want +got):\n%s", diff)
		}
	}},
	{"a large value expires as a whole", func(t *testing.T, store state.Store, ttl time.Duration) {
		want := noise(1 << 20)
		expires := time.Now().Add(ttl)
		rev, err := store.Create(t.Context(), "a", want, expires)
		if err != nil {
			t.Fatal(err)
		}
		waitUntil(expires)
		wantAbsent(t, store, "a", rev)
		rev = create(t, store, "a", "small", never)
		wantRecord(t, get(t, store, "a"), state.Record{Key: "a", Value: []byte("small"), Revision: rev})
	}},
	{"others outlive the removal of the expired", func(t *testing.T, store state.Store, ttl time.Duration) {
		kept := create(t, store, "kept", "1", never)
		expires := time.Now().Add(ttl)
		for i := range 20 {
			create(t, store, fmt.Sprintf("gone/%d", i), "1", expires)
		}
		waitUntil(expires)
		for i := range 20 {
			create(t, store, fmt.Sprintf("new/%d", i), "1", time.Now().Add(time.Hour))
		}
		wantRecord(t, get(t, store, "kept"), state.Record{Key: "kept", Value: []byte("1"), Revision: kept})
		if got := list(t, store, ""); len(got) != 21 {
			t.Errorf("List: got %q, want kept and twenty new ones", keys(got))
		}
	}},
}

// waitUntil returns when t has come, and a millisecond more: an expiry may be
// kept to the millisecond.
func waitUntil(t time.Time) {
	<-time.After(time.Until(t) + 2*time.Millisecond)
}
