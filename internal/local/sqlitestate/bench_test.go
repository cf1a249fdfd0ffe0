package sqlitestate_test

import (
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"intercom-connector/internal/local/sqlitestate"
)

// What a run that finds nothing new pays for its memory: open, look, save, close.
func BenchmarkOpenGetSave(b *testing.B) {
	path := filepath.Join(b.TempDir(), "state.db")
	store := opened(b, path)
	if _, err := store.Create(b.Context(), "a", make([]byte, 2_000), time.Time{}); err != nil {
		b.Fatal(err)
	}
	if err := store.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		store := opened(b, path)
		r, err := store.Get(b.Context(), "a")
		if err != nil {
			b.Fatal(err)
		}
		if _, err := store.Save(b.Context(), "a", r.Value, r.Revision, time.Time{}); err != nil {
			b.Fatal(err)
		}
		if err := store.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSave(b *testing.B) {
	for _, size := range []int{2_000, 300_000, 5_000_000} {
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			store := opened(b, filepath.Join(b.TempDir(), "state.db"))
			value := make([]byte, size)
			rev, err := store.Create(b.Context(), "a", value, time.Time{})
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(size))
			for b.Loop() {
				if rev, err = store.Save(b.Context(), "a", value, rev, time.Time{}); err != nil {
					b.Fatal(err)
				}
			}
			if err := store.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}

func opened(b *testing.B, path string) *sqlitestate.Store {
	b.Helper()
	store, err := sqlitestate.Open(b.Context(), path)
	if err != nil {
		b.Fatal(err)
	}
	return store
}
