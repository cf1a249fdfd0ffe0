package sqlitestate

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// SQLite keeps two numbers in a file's header for its application: what the
// file is, and how it is laid out.
const (
	applicationID = 0x49436e73 // "ICns", Intercom connector: state
	schemaVersion = 1
)

// schema is the layout of version 1. Keys are blobs, because blobs are ordered
// by their bytes and nothing else. The value comes last: what stands before it
// is read without walking through it.
const schema = `
CREATE TABLE records (
	key      BLOB PRIMARY KEY NOT NULL,
	revision TEXT NOT NULL,
	expires  INTEGER, -- microseconds since 1970, NULL: never
	value    BLOB NOT NULL
) STRICT;
CREATE INDEX expiring ON records (expires) WHERE expires IS NOT NULL;
`

// prepare makes sure that the file is ours, can be written, and has its tables.
func (s *Store) prepare(ctx context.Context) error {
	// Before anything changes the file: it may be somebody else's.
	version, err := s.version(ctx, s.db)
	if err != nil {
		return err
	}
	if version == 0 {
		if err := s.useLog(ctx); err != nil {
			return err
		}
	}
	return s.migrate(ctx)
}

// version returns the layout of the file, 0 for an empty one, or an error if
// the file is not one that this program may touch.
func (s *Store) version(ctx context.Context, db interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
},
) (int, error) {
	var application, version, tables int
	row := db.QueryRowContext(ctx, `SELECT a.application_id, v.user_version, (SELECT count(*) FROM sqlite_schema)
		FROM pragma_application_id AS a, pragma_user_version AS v`)
	if err := row.Scan(&application, &version, &tables); err != nil {
		return 0, err
	}
	switch {
	case application == 0 && version == 0 && tables == 0:
		return 0, nil
	case application != applicationID:
		return 0, errors.New("the file is a database of another program")
	case version > schemaVersion:
		return 0, fmt.Errorf("a newer connector has written the file (layout %d, this one knows up to %d): use that one, or another state folder", version, schemaVersion)
	}
	return version, nil
}

// useLog turns the write-ahead log on, for good: the file remembers it. Where
// two processes make the same database, SQLite tells one of them at once that
// it is busy instead of waiting, so the waiting is done here.
func (s *Store) useLog(ctx context.Context) error {
	deadline := time.Now().Add(10 * time.Second)
	for {
		var mode string
		err := s.db.QueryRowContext(ctx, `PRAGMA journal_mode = WAL`).Scan(&mode)
		if err == nil && mode != "wal" && mode != "memory" {
			return fmt.Errorf("a write-ahead log is not possible here, the journal stays %q", mode)
		}
		if code(err) != sqlite3.SQLITE_BUSY || time.Now().After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// migrate lays out an empty file. It always takes the right to write, which
// finds out here, and not after an hour of reading, that there is none.
func (s *Store) migrate(ctx context.Context) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	version, err := s.version(ctx, tx)
	if err != nil {
		return err
	}
	if version == 0 {
		numbers := fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d;", applicationID, schemaVersion)
		if _, err := tx.ExecContext(ctx, numbers+schema); err != nil {
			return err
		}
	}
	if err := s.sweep(ctx, tx, time.Now()); err != nil {
		return err
	}
	return tx.Commit()
}

// code returns SQLite's primary result code of err, 0 for any other error.
func code(err error) int {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code() & 0xff
	}
	return 0
}
