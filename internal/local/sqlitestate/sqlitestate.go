// Package sqlitestate is a [state.Store] in one SQLite file: what the connector
// remembers on a laptop.
//
// # What it promises
//
// A write that returned is on the disk: the journal is a write-ahead log that is
// synced on every commit, so neither a kill nor a power cut takes it back.
// Several processes may have the same file open, as two runs of different
// subscriptions do; each waits for the other's commits, up to ten seconds.
// The file must not be on a network share, where SQLite's locks do not hold.
//
// # What it needs
//
// A few milliseconds to open and a few megabytes of memory, whatever the size of
// the file. Expired records are absent at once and removed from the file with
// later writes.
package sqlitestate

import (
	"context"
	"database/sql"
	"fmt"
	"sync/atomic"
	"time"

	"modernc.org/sqlite"

	"intercom-connector/internal/state"
)

// Memory is the path of a private database that lives as long as its Store.
const Memory = ":memory:"

// A Store keeps records in a SQLite file. It is safe for concurrent use, by
// other processes too.
type Store struct {
	db    *sql.DB
	swept atomic.Pointer[time.Time] // when expired records were last removed
}

var _ state.Store = (*Store)(nil)

// Open opens the database at path and makes it, readable by its owner alone,
// where there is none; a missing folder is made too. The path [Memory] gives a
// database without a file.
//
// The error says what is wrong with the file: a folder that cannot be written,
// a file that is no database of the connector, or one that a newer connector
// has written.
func Open(ctx context.Context, path string) (*Store, error) {
	s, err := open(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("open state %s: %w", path, explain(err))
	}
	return s, nil
}

func open(ctx context.Context, path string) (*Store, error) {
	if path != Memory {
		if err := makeFile(path); err != nil {
			return nil, err
		}
	}
	name, err := dsn(path)
	if err != nil {
		return nil, err
	}
	connector, err := sqlite.NewConnector(name)
	if err != nil {
		return nil, err
	}
	s := &Store{db: sql.OpenDB(connector)}
	// One connection: SQLite has one writer anyway, and a database in memory
	// belongs to its connection, which therefore is never closed for idleness.
	s.db.SetMaxOpenConns(1)
	if err := s.prepare(ctx); err != nil {
		s.db.Close() //nolint:errcheck // The first error is the one to tell.
		return nil, err
	}
	return s, nil
}

// Close closes the file. Whatever returned before is safe without it.
func (s *Store) Close() error {
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("close state: %w", explain(err))
	}
	return nil
}
