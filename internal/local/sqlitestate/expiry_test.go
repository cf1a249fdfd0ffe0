package sqlitestate_test

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"intercom-connector/internal/local/sqlitestate"
)

// Expired records do not only become absent, they leave the file.
func TestExpiredRecordsLeaveTheFile(t *testing.T) {
	t.Parallel()
	for name, remove := range map[string]func(t *testing.T, store *sqlitestate.Store, path string){
		"with later writes": func(t *testing.T, store *sqlitestate.Store, _ string) {
			t.Helper()
			for range 2 { // a writer never waits for the removal of more than 500
				if _, err := store.Create(t.Context(), "0", nil, time.Now()); err != nil {
					t.Fatal(err)
				}
			}
		},
		"with later saves": func(t *testing.T, store *sqlitestate.Store, _ string) {
			t.Helper()
			for range 2 {
				r, err := store.Get(t.Context(), "kept")
				if err != nil {
					t.Fatal(err)
				}
				if _, err := store.Save(t.Context(), "kept", nil, r.Revision, r.Expires); err != nil {
					t.Fatal(err)
				}
			}
		},
		"when opened": func(t *testing.T, _ *sqlitestate.Store, path string) {
			t.Helper()
			for range 2 {
				open(t, path)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				path := file(t)
				store := open(t, path)
				if _, err := store.Create(t.Context(), "kept", nil, time.Now().Add(time.Hour)); err != nil {
					t.Fatal(err)
				}
				for i := range 700 {
					if _, err := store.Create(t.Context(), strconv.Itoa(i), nil, time.Now().Add(time.Second)); err != nil {
						t.Fatal(err)
					}
				}
				time.Sleep(2 * time.Minute)
				if got, want := records(t, path), 701; got != want {
					t.Fatalf("%d records in the file, want %d", got, want)
				}
				remove(t, store, path)
				if got, want := records(t, path), 1; got != want {
					t.Errorf("%d records in the file, want %d", got, want)
				}
			})
		})
	}
}

// records counts what is in the file, expired or not.
func records(t *testing.T, path string) int {
	t.Helper()
	var n int
	if err := raw(t, path).QueryRowContext(t.Context(), `SELECT count(*) FROM records`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
