package statetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"intercom-connector/internal/state"
)

var listTests = []test{
	{"by prefix, in the order of bytes", func(t *testing.T, store state.Store) {
		all := []string{
			"a", "a/", "a/1", "a/10", "a/2", "a/é", "a0", "aa", "b", "é", "êa", "日", "😀", "\U0010ffff", "\U0010ffffz",
			"p%q", "p%r", "pxq", "p_q", "p_r", "P%q", "A/1", `p\q`, "p*q", "p?q", "p[q]",
		}
		for _, key := range all {
			create(t, store, key, key, never)
		}
		slices.Sort(all)
		prefixes := []string{
			"", "a", "a/", "a/1", "a/10", "a/100", "c", "p%", "p_", `p\`, "p*", "p?", "p[", "P", "%", "_",
			"é", "\xc3", "\xf0", "\xf4\x8f\xbf\xbf", "\xff", "a\xff", "\xff\xff", "\x00",
		}
		for _, prefix := range prefixes {
			var want []string
			for _, key := range all {
				if strings.HasPrefix(key, prefix) {
					want = append(want, key)
				}
			}
			if diff := cmp.Diff(want, keys(list(t, store, prefix))); diff != "" {
				t.Errorf("List(%q) (-want +got):\n%s", prefix, diff)
			}
		}
	}},
	{"whole records", func(t *testing.T, store state.Store) {
		create(t, store, "b", "2", never)
		rev := save(t, store, "a", "3", create(t, store, "a", "1", never), never)
		got := list(t, store, "a")
		if len(got) != 1 {
			t.Fatalf("got %q, want the one record", keys(got))
		}
		wantRecord(t, got[0], state.Record{Key: "a", Value: []byte("3"), Revision: rev})
	}},
	{"many records", func(t *testing.T, store state.Store) {
		var want []string
		for i := range 700 {
			key := fmt.Sprintf("many/%04d", i)
			create(t, store, key, strings.Repeat("v", 100), never)
			want = append(want, key)
		}
		create(t, store, "many0", "", never)
		create(t, store, "many.", "", never)
		if diff := cmp.Diff(want, keys(list(t, store, "many/"))); diff != "" {
			t.Errorf("List (-want +got):\n%s", diff)
		}
	}},
	{"many bytes", func(t *testing.T, store state.Store) {
		var want []string
		for i := range 6 {
			key := fmt.Sprintf("large/%d", i)
			if _, err := store.Create(t.Context(), key, noise(600<<10), never); err != nil {
				t.Fatal(err)
			}
			want = append(want, key)
		}
		if diff := cmp.Diff(want, keys(list(t, store, "large/"))); diff != "" {
			t.Errorf("List (-want +got):\n%s", diff)
		}
	}},
	{"twice, and not to the end", func(t *testing.T, store state.Store) {
		for _, key := range []string{"a", "b", "c"} {
			create(t, store, key, key, never)
		}
		seq := store.List(t.Context(), "")
		for range 2 {
			var got []string
			for r, err := range seq {
				if err != nil {
					t.Fatal(err)
				}
				if got = append(got, r.Key); len(got) == 2 {
					break
				}
			}
			if diff := cmp.Diff([]string{"a", "b"}, got); diff != "" {
				t.Errorf("List (-want +got):\n%s", diff)
			}
		}
		create(t, store, "d", "d", never) // whatever the list held is free again
	}},
	{"while the store is used", func(t *testing.T, store state.Store) {
		for i := range 20 {
			create(t, store, fmt.Sprintf("a/%02d", i), "1", never)
		}
		for r, err := range store.List(t.Context(), "a/") {
			if err != nil {
				t.Fatal(err)
			}
			create(t, store, "b"+r.Key, "1", never)
			rev := save(t, store, r.Key, "2", r.Revision, never)
			if len(list(t, store, r.Key)) != 1 {
				t.Errorf("a list inside a list does not see %q", r.Key)
			}
			remove(t, store, r.Key, rev)
		}
		if got := list(t, store, "a/"); len(got) != 0 {
			t.Errorf("List: got %q, want none", keys(got))
		}
		if got := list(t, store, "b"); len(got) != 20 {
			t.Errorf("List: got %d records, want 20", len(got))
		}
	}},
}
