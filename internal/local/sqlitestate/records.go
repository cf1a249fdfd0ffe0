package sqlitestate

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"intercom-connector/internal/state"
)

// Get returns the record of key, or [state.ErrNotFound].
func (s *Store) Get(ctx context.Context, key string) (state.Record, error) {
	r, err := s.get(ctx, key)
	if err != nil {
		return state.Record{}, fmt.Errorf("get %q: %w", key, explain(err))
	}
	return r, nil
}

func (s *Store) get(ctx context.Context, key string) (state.Record, error) {
	if err := state.CheckKey(key); err != nil {
		return state.Record{}, err
	}
	row := s.db.QueryRowContext(ctx, `SELECT key, revision, expires, value FROM records
		WHERE key = ? AND (expires IS NULL OR expires > ?)`, []byte(key), time.Now().UnixMicro())
	r, err := scan(row)
	if errors.Is(err, sql.ErrNoRows) {
		return state.Record{}, state.ErrNotFound
	}
	return r, err
}

// Create writes a new record, or returns [state.ErrExists].
func (s *Store) Create(ctx context.Context, key string, value []byte, expires time.Time) (state.Revision, error) {
	now, rev := time.Now(), newRevision()
	err := s.write(ctx, key, value, state.ErrExists, `INSERT INTO records (key, revision, expires, value)
		VALUES (?1, ?2, ?3, ?4)
		ON CONFLICT (key) DO UPDATE SET revision = ?2, expires = ?3, value = ?4 WHERE expires <= ?5`,
		[]byte(key), rev, expiry(expires), nonNil(value), now.UnixMicro())
	if err != nil {
		return "", fmt.Errorf("create %q: %w", key, explain(err))
	}
	s.sweepNowAndThen(ctx, now)
	return rev, nil
}

// Save replaces the record that is at revision rev, or returns
// [state.ErrConflict].
func (s *Store) Save(ctx context.Context, key string, value []byte, rev state.Revision, expires time.Time) (state.Revision, error) {
	now, next := time.Now(), newRevision()
	err := s.write(ctx, key, value, state.ErrConflict, `UPDATE records SET revision = ?, expires = ?, value = ?
		WHERE key = ? AND revision = ? AND (expires IS NULL OR expires > ?)`,
		next, expiry(expires), nonNil(value), []byte(key), rev, now.UnixMicro())
	if err != nil {
		return "", fmt.Errorf("save %q: %w", key, explain(err))
	}
	s.sweepNowAndThen(ctx, now)
	return next, nil
}

// Delete removes the record that is at revision rev, or returns
// [state.ErrConflict].
func (s *Store) Delete(ctx context.Context, key string, rev state.Revision) error {
	err := s.write(ctx, key, nil, state.ErrConflict, `DELETE FROM records
		WHERE key = ? AND revision = ? AND (expires IS NULL OR expires > ?)`,
		[]byte(key), rev, time.Now().UnixMicro())
	if err != nil {
		return fmt.Errorf("delete %q: %w", key, explain(err))
	}
	return nil
}

// write runs a statement that touches one record, and returns lost if it
// touched none. A single statement is a transaction of its own.
func (s *Store) write(ctx context.Context, key string, value []byte, lost error, statement string, args ...any) error {
	if err := errors.Join(state.CheckKey(key), state.CheckValue(value)); err != nil {
		return err
	}
	result, err := s.db.ExecContext(ctx, statement, args...)
	if err != nil {
		return err
	}
	touched, err := result.RowsAffected()
	if err != nil {
		return err
	}
	if touched == 0 {
		return lost
	}
	return nil
}

// newRevision returns 128 random bits. A counter in the file would start again
// with the file: a process that outlived a restored backup could then overwrite
// what it has never seen.
func newRevision() state.Revision { return state.Revision(rand.Text()) }

// expiry is how a record's expiry stands in the file.
func expiry(t time.Time) sql.NullInt64 {
	return sql.NullInt64{Int64: t.UnixMicro(), Valid: !t.IsZero()}
}

// nonNil keeps an empty value from becoming NULL.
func nonNil(value []byte) []byte {
	if value == nil {
		return []byte{}
	}
	return value
}

// scan reads a record from a row of key, revision, expires and value. The value
// is a copy.
func scan(row interface{ Scan(into ...any) error }) (state.Record, error) {
	var key []byte
	var r state.Record
	var expires sql.NullInt64
	if err := row.Scan(&key, &r.Revision, &expires, &r.Value); err != nil {
		return state.Record{}, err
	}
	r.Key = string(key)
	if expires.Valid {
		r.Expires = time.UnixMicro(expires.Int64)
	}
	return r, nil
}
