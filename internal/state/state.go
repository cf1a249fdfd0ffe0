// Package state keeps what the connector remembers between invocations: a
// small key-value store with revisions and expiry. Checkpoints, leases,
// deduplication, idempotency records and OAuth states are built on it.
//
// # The contract
//
// Every [Store] keeps it, and statetest checks it:
//   - Get and List are strongly consistent: they see every write that returned.
//   - Create writes only where nothing is; Save and Delete only over the
//     revision they name. The loser of a race gets [ErrConflict] or [ErrExists].
//   - Revisions are never reused, not even after a deletion or an expiry.
//   - A record past its expiry is absent at once, for every call.
//   - A value may be of any size up to [MaxValue]; a store splits it if it must,
//     and no reader ever sees half of one.
package state

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"
	"unicode/utf8"
)

// MaxValue is the largest value in bytes that a store must take.
const MaxValue = 32 << 20

var (
	// ErrNotFound means that the key holds nothing, or nothing any more.
	ErrNotFound = errors.New("state: no such key")
	// ErrExists means that Create found the key taken.
	ErrExists = errors.New("state: key exists")
	// ErrConflict means that the record is not at the revision the caller knows:
	// somebody else has changed or deleted it.
	ErrConflict = errors.New("state: changed by somebody else")
)

// A Revision names one version of one record. The zero Revision names none.
type Revision string

// A Record is a value with its key, revision and expiry.
type Record struct {
	Key      string
	Value    []byte
	Revision Revision
	Expires  time.Time // the zero time: never
}

// CheckKey says what is wrong with a key that no store takes.
func CheckKey(key string) error {
	switch {
	case key == "":
		return errors.New("state: the key is empty")
	case len(key) > maxKey:
		return fmt.Errorf("state: a key of %d bytes is too long, %d are the most", len(key), maxKey)
	case !utf8.ValidString(key):
		return errors.New("state: the key is not UTF-8")
	}
	return nil
}

// CheckValue says what is wrong with a value that no store takes.
func CheckValue(value []byte) error {
	if len(value) > MaxValue {
		return fmt.Errorf("state: a value of %d bytes is too large, %d are the most", len(value), MaxValue)
	}
	return nil
}

const maxKey = 1000

// A Store keeps records by key. Keys are non-empty UTF-8 of at most 1,000 bytes.
type Store interface {
	// Get returns the record of key, or ErrNotFound.
	Get(ctx context.Context, key string) (Record, error)
	// Create writes a new record and returns its revision, or ErrExists.
	Create(ctx context.Context, key string, value []byte, expires time.Time) (Revision, error)
	// Save replaces the record that is at revision rev, or returns ErrConflict.
	Save(ctx context.Context, key string, value []byte, rev Revision, expires time.Time) (Revision, error)
	// Delete removes the record that is at revision rev, or returns ErrConflict.
	// Deleting what is not there is ErrConflict too.
	Delete(ctx context.Context, key string, rev Revision) error
	// List yields the records whose keys begin with prefix, in the order of
	// their keys' bytes. An error comes once, last.
	List(ctx context.Context, prefix string) iter.Seq2[Record, error]
}
