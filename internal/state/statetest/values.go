package statetest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"intercom-connector/internal/state"
)

var valueTests = []test{
	{"of every size", func(t *testing.T, store state.Store) {
		for _, size := range []int{0, 1, 300 << 10, 300<<10 + 1, 400 << 10, large()} {
			key := fmt.Sprintf("%08d", size)
			want := noise(size)
			rev, err := store.Create(t.Context(), key, want, never)
			if err != nil {
				t.Fatalf("Create of %d bytes: %v", size, err)
			}
			wantRecord(t, get(t, store, key), state.Record{Key: key, Value: want, Revision: rev})
		}
		for _, r := range list(t, store, "") {
			var size int
			if _, err := fmt.Sscanf(r.Key, "%d", &size); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(r.Value, noise(size)) {
				t.Errorf("List: value of %q: got %s, want %s", r.Key, short(r.Value), short(noise(size)))
			}
		}
	}},
	{"that grow and shrink", func(t *testing.T, store state.Store) {
		rev := create(t, store, "a", "small", never)
		for _, size := range []int{large(), 10, 800 << 10, 0, 700 << 10} {
			want := noise(size)
			next, err := store.Save(t.Context(), "a", want, rev, never)
			if err != nil {
				t.Fatalf("Save of %d bytes: %v", size, err)
			}
			rev = next
			wantRecord(t, get(t, store, "a"), state.Record{Key: "a", Value: want, Revision: rev})
			if got := list(t, store, ""); len(got) != 1 {
				t.Errorf("List: got %q, want the one record", keys(got))
			}
		}
		remove(t, store, "a", rev)
		wantAbsent(t, store, "a", rev)
	}},
	{"large, that lose a race", func(t *testing.T, store state.Store) {
		want := noise(1 << 20)
		rev, err := store.Create(t.Context(), "a", want, never)
		if err != nil {
			t.Fatal(err)
		}
		_, err = store.Create(t.Context(), "a", noise(2<<20), never)
		wantError(t, "Create", err, state.ErrExists)
		_, err = store.Save(t.Context(), "a", noise(2<<20), "stale", never)
		wantError(t, "Save", err, state.ErrConflict)
		wantRecord(t, get(t, store, "a"), state.Record{Key: "a", Value: want, Revision: rev})
	}},
	{"of the largest size", func(t *testing.T, store state.Store) {
		if testing.Short() {
			t.Skip("takes memory")
		}
		want := noise(state.MaxValue)
		rev, err := store.Create(t.Context(), "a", want, never)
		if err != nil {
			t.Fatal(err)
		}
		wantRecord(t, get(t, store, "a"), state.Record{Key: "a", Value: want, Revision: rev})
	}},
	{"too large", func(t *testing.T, store state.Store) {
		if testing.Short() {
			t.Skip("takes memory")
		}
		value := make([]byte, state.MaxValue+1)
		_, err := store.Create(t.Context(), "a", value, never)
		wantRefused(t, "Create", err)
		wantAbsent(t, store, "a", "")
		rev := create(t, store, "a", "1", never)
		_, err = store.Save(t.Context(), "a", value, rev, never)
		wantRefused(t, "Save", err)
		wantRecord(t, get(t, store, "a"), state.Record{Key: "a", Value: []byte("1"), Revision: rev})
	}},
	{"of every byte", func(t *testing.T, store state.Store) {
		want := make([]byte, 256)
		for i := range want {
			want[i] = byte(i)
		}
		rev, err := store.Create(t.Context(), "a", want, never)
		if err != nil {
			t.Fatal(err)
		}
		wantRecord(t, get(t, store, "a"), state.Record{Key: "a", Value: want, Revision: rev})
	}},
	{"nil is empty", func(t *testing.T, store state.Store) {
		rev, err := store.Create(t.Context(), "a", nil, never)
		if err != nil {
			t.Fatal(err)
		}
		wantRecord(t, get(t, store, "a"), state.Record{Key: "a", Revision: rev})
		rev, err = store.Save(t.Context(), "a", nil, rev, never)
		if err != nil {
			t.Fatal(err)
		}
		wantRecord(t, get(t, store, "a"), state.Record{Key: "a", Revision: rev})
	}},
	{"belong to the caller", func(t *testing.T, store state.Store) {
		written := []byte("created")
		rev, err := store.Create(t.Context(), "a", written, never)
		if err != nil {
			t.Fatal(err)
		}
		copy(written, "XXXXXXX")
		want := state.Record{Key: "a", Value: []byte("created"), Revision: rev}
		wantRecord(t, get(t, store, "a"), want)

		written = []byte("saved")
		rev, err = store.Save(t.Context(), "a", written, rev, never)
		if err != nil {
			t.Fatal(err)
		}
		copy(written, "XXXXX")
		want = state.Record{Key: "a", Value: []byte("saved"), Revision: rev}
		wantRecord(t, get(t, store, "a"), want)

		copy(get(t, store, "a").Value, "YYYYY")
		wantRecord(t, get(t, store, "a"), want)
		for _, r := range list(t, store, "") {
			copy(r.Value, "ZZZZZ")
		}
		wantRecord(t, get(t, store, "a"), want)

		kept := get(t, store, "a")
		save(t, store, "a", "again", rev, never)
		wantRecord(t, kept, want)
	}},
}

// large is a size that is many times what a store keeps in one piece.
func large() int {
	if testing.Short() {
		return 1 << 20
	}
	return 5 << 20
}

// noise returns size bytes that are always the same, and of which no part of
// 64 KiB is like another or like that of another size.
func noise(size int) []byte {
	b := make([]byte, size)
	for at := 0; at < size; at += len(block) {
		n := copy(b[at:], block)
		if n >= 16 {
			binary.BigEndian.PutUint64(b[at:], uint64(size))
			binary.BigEndian.PutUint64(b[at+8:], uint64(at))
		}
	}
	return b
}

// block is 64 KiB that nothing can compress.
var block = func() []byte {
	b := make([]byte, 64<<10)
	source := rand.NewChaCha8([32]byte{})
	source.Read(b) //nolint:errcheck // It never fails.
	return b
}()

// short shows a value that may be long.
func short(b []byte) string {
	if len(b) <= 40 {
		return fmt.Sprintf("%q", b)
	}
	return fmt.Sprintf("%q… (%d bytes)", b[:20], len(b))
}

// wantRefused checks that err is an error, and none that says how the record
// is: what was asked for is wrong, and would be for any record.
func wantRefused(t *testing.T, call string, err error) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: no error", call)
	}
	for _, other := range []error{state.ErrNotFound, state.ErrExists, state.ErrConflict} {
		if errors.Is(err, other) {
			t.Errorf("%s: got %v, want another error", call, err)
		}
	}
}
