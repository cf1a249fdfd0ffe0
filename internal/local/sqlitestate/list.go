package sqlitestate

import (
	"context"
	"fmt"
	"iter"
	"time"

	"intercom-connector/internal/state"
)

// A batch is what List reads at once. It ends at either of these, or with the
// last record.
const (
	batchRecords = 256
	batchBytes   = 1 << 20
)

// List yields the records whose keys begin with prefix, in the order of their
// keys' bytes. It reads them in batches and holds nothing open in between: the
// caller may use the store while it goes through them, and may or may not see
// what changes meanwhile.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[state.Record, error] {
	return func(yield func(state.Record, error) bool) {
		from, end := []byte(prefix), after(prefix)
		for {
			batch, err := s.batch(ctx, from, end)
			if err != nil {
				yield(state.Record{}, fmt.Errorf("list %q: %w", prefix, explain(err)))
				return
			}
			if len(batch) == 0 {
				return
			}
			for _, r := range batch {
				if !yield(r, nil) {
					return
				}
			}
			// The smallest key behind the last one.
			from = append([]byte(batch[len(batch)-1].Key), 0)
		}
	}
}

// batch reads the first records with from <= key < end.
func (s *Store) batch(ctx context.Context, from, end []byte) (_ []state.Record, err error) {
	rows, err := s.db.QueryContext(ctx, `SELECT key, revision, expires, value FROM records
		WHERE key >= ? AND key < ? AND (expires IS NULL OR expires > ?)
		ORDER BY key LIMIT ?`, nonNil(from), end, time.Now().UnixMicro(), batchRecords)
	if err != nil {
		return nil, err
	}
	defer func() {
		if e := rows.Close(); err == nil {
			err = e
		}
	}()
	var batch []state.Record
	for size := 0; size < batchBytes && rows.Next(); {
		r, err := scan(rows)
		if err != nil {
			return nil, err
		}
		batch = append(batch, r)
		size += len(r.Value)
	}
	return batch, rows.Err()
}

// after returns a bound behind all keys that begin with prefix, and before all
// other keys that are greater.
func after(prefix string) []byte {
	b := []byte(prefix)
	for i := len(b) - 1; i >= 0; i-- {
		if b[i] < 0xff {
			b[i]++
			return b[:i+1]
		}
	}
	return []byte{0xff} // no UTF-8 has this byte, so it is behind every key
}
