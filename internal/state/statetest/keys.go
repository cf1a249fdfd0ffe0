package statetest

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"intercom-connector/internal/state"
)

// oddKeys are all different and all allowed, in the order of their bytes.
var oddKeys = func() []string {
	odd := []string{
		"a", "A", "a ", " a", "a\x00", "a\x00b", "\x00", "\x7f", "%", "_", "a%", "a_", "*", "?", "[a]",
		`\`, `'`, `"`, "a/b/c", "a#1", "NULL", "0", "00", "1e1", "10", "\n", "\r\n", "\t",
		"é", "e\u0301", // the same to a reader, not to a store
		"É", "ß", "ss", "\u2028", "\u200b", "日本", "😀", "\U0010ffff", "\ufffd", "\ufeff",
		strings.Repeat("k", 1000), strings.Repeat("é", 500), strings.Repeat("k", 999) + "l",
	}
	slices.Sort(odd)
	return odd
}()

var keyTests = []test{
	{"odd ones", func(t *testing.T, store state.Store) {
		revs := map[string]state.Revision{}
		for _, key := range oddKeys {
			revs[key] = create(t, store, key, "value of "+key, never)
		}
		for _, key := range oddKeys {
			want := state.Record{Key: key, Value: []byte("value of " + key), Revision: revs[key]}
			wantRecord(t, get(t, store, key), want)
		}
		if diff := cmp.Diff(oddKeys, keys(list(t, store, ""))); diff != "" {
			t.Errorf("List (-want +got):\n%s", diff)
		}
		for _, key := range oddKeys {
			remove(t, store, key, save(t, store, key, "2", revs[key], never))
			wantAbsent(t, store, key, revs[key])
		}
	}},
	{"none that is not allowed", func(t *testing.T, store state.Store) {
		ctx := t.Context()
		for name, key := range map[string]string{
			"empty":     "",
			"too long":  strings.Repeat("k", 1001),
			"not UTF-8": "a\xff",
		} {
			_, err := store.Create(ctx, key, []byte("1"), never)
			wantRefused(t, "Create, "+name, err)
			_, err = store.Save(ctx, key, []byte("1"), "rev", never)
			wantRefused(t, "Save, "+name, err)
			_, err = store.Get(ctx, key)
			wantRefused(t, "Get, "+name, err)
			wantRefused(t, "Delete, "+name, store.Delete(ctx, key, "rev"))
		}
		if got := list(t, store, ""); len(got) != 0 {
			t.Errorf("List: got %q, want none", keys(got))
		}
	}},
}
