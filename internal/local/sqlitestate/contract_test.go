package sqlitestate_test

import (
	"path/filepath"
	"testing"

	"intercom-connector/internal/local/sqlitestate"
	"intercom-connector/internal/state"
	"intercom-connector/internal/state/statetest"
)

func TestContract(t *testing.T) {
	t.Parallel()
	for name, path := range map[string]func(t *testing.T) string{
		"in a file": file,
		"in memory": func(*testing.T) string { return sqlitestate.Memory },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			statetest.Run(t, func(t *testing.T) state.Store {
				t.Helper()
				return open(t, path(t))
			}, statetest.Options{Bubble: true})
		})
	}
}

// file returns the path of a database that is not there yet.
func file(t *testing.T) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "state.db")
}

// open opens the store at path until the test ends.
func open(t *testing.T, path string) *sqlitestate.Store {
	t.Helper()
	s, err := sqlitestate.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}
