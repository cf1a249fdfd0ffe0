package sqlitestate

import (
	"context"
	"database/sql"
	"time"
)

const (
	sweepEvery = time.Minute
	sweepMost  = 500 // records: what a writer waits for
)

// sweepNowAndThen removes expired records behind a write that was made at now,
// once a minute. They are absent without it, so an error in it is no error of
// the write: a later one tries again.
func (s *Store) sweepNowAndThen(ctx context.Context, now time.Time) {
	last := s.swept.Load()
	if last != nil && now.Sub(*last) < sweepEvery || !s.swept.CompareAndSwap(last, &now) {
		return
	}
	_ = s.sweep(ctx, s.db, now)
}

// sweep removes records that have expired by now.
func (s *Store) sweep(ctx context.Context, db interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}, now time.Time,
) error {
	s.swept.Store(&now)
	result, err := db.ExecContext(ctx, `DELETE FROM records
		WHERE rowid IN (SELECT rowid FROM records WHERE expires <= ? LIMIT ?)`, now.UnixMicro(), sweepMost)
	if err != nil {
		return err
	}
	if removed, err := result.RowsAffected(); err == nil && removed == sweepMost {
		s.swept.Store(nil) // there may be more: the next write goes on
	}
	return nil
}
