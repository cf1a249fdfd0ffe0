// Package letters keeps dead letters in a state store: the messages that cannot
// be published, with the reason, until somebody has seen to them.
package letters

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"

	"intercom-connector/internal/publish"
	"intercom-connector/internal/state"
)

// ErrNone means that there is no such dead letter.
var ErrNone = errors.New("no such dead letter")

// An AmbiguousError says that an id stands for several dead letters.
type AmbiguousError struct {
	ID      string
	Letters int
}

// Error says what to do about it.
func (e *AmbiguousError) Error() string {
	return fmt.Sprintf("%q stands for %d dead letters: use the ids that list shows, in full", e.ID, e.Letters)
}

// A Letter is a dead letter in a box.
type Letter struct {
	publish.DeadLetter

	Key string // names this letter: a few hex digits, see [Key]

	revision state.Revision
}

// A Box has the dead letters of all publishers. It is safe for concurrent use.
type Box struct{ store state.Store }

var _ publish.DeadLetters = (*Box)(nil)

// New returns the box in a store.
func New(store state.Store) *Box { return &Box{store: store} }

// prefix is where dead letters lie.
const prefix = "letters/"

// keyLength is how many hex digits a letter's key has.
const keyLength = 16

// Key names the dead letter of a message: by its publisher, its id and its
// bytes, because two messages may share an id by mistake, and because a message
// that dies again is still the same letter.
func Key(publisher, id string, body []byte) string {
	sum := sha256.New()
	for _, part := range []string{publisher, id} {
		fmt.Fprintf(sum, "%d:%s", len(part), part)
	}
	sum.Write(body)
	return hex.EncodeToString(sum.Sum(nil))[:keyLength]
}

// Put implements [publish.DeadLetters]. A letter that is there already is
// replaced: it is the same message, with the latest reason.
func (b *Box) Put(ctx context.Context, letter publish.DeadLetter) error {
	key := prefix + Key(letter.Publisher, letter.ID, letter.Body)
	value, err := json.Marshal(letter)
	if err != nil {
		return fmt.Errorf("keep dead letter: %w", err)
	}
	for range tries {
		_, err = b.store.Create(ctx, key, value, time.Time{})
		if !errors.Is(err, state.ErrExists) {
			break
		}
		var there state.Record
		if there, err = b.store.Get(ctx, key); err == nil {
			_, err = b.store.Save(ctx, key, value, there.Revision, time.Time{})
		}
		if !errors.Is(err, state.ErrConflict) && !errors.Is(err, state.ErrNotFound) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("keep dead letter: %w", err)
	}
	return nil
}

// tries bounds how often something is done over because of others.
const tries = 5

// List yields the dead letters of a publisher, of all for "", in no order that
// means anything. An error comes once, last.
func (b *Box) List(ctx context.Context, publisher string) iter.Seq2[Letter, error] {
	return b.list(ctx, prefix, publisher)
}

func (b *Box) list(ctx context.Context, prefix, publisher string) iter.Seq2[Letter, error] {
	return func(yield func(Letter, error) bool) {
		for record, err := range b.store.List(ctx, prefix) {
			var letter Letter
			if err == nil {
				letter, err = parse(record)
			}
			if err != nil {
				yield(Letter{}, fmt.Errorf("list dead letters: %w", err))
				return
			}
			if publisher != "" && letter.Publisher != publisher {
				continue
			}
			if !yield(letter, nil) {
				return
			}
		}
	}
}

func parse(record state.Record) (Letter, error) {
	letter := Letter{Key: record.Key[len(prefix):], revision: record.Revision}
	if err := json.Unmarshal(record.Value, &letter.DeadLetter); err != nil {
		return Letter{}, fmt.Errorf("read %s: %w", record.Key, err)
	}
	return letter, nil
}

// Get returns the dead letter with a key, or [ErrNone].
func (b *Box) Get(ctx context.Context, key string) (Letter, error) {
	record, err := b.store.Get(ctx, prefix+key)
	if errors.Is(err, state.ErrNotFound) {
		return Letter{}, fmt.Errorf("%q: %w", key, ErrNone)
	}
	if err != nil {
		return Letter{}, fmt.Errorf("load dead letter %s: %w", key, err)
	}
	return parse(record)
}

// Find returns the dead letter that a person means: by its key, by enough of
// its first digits, or by the id of its message. The error is [ErrNone] or an
// [*AmbiguousError].
func (b *Box) Find(ctx context.Context, id string) (Letter, error) {
	if state.CheckKey(prefix+id) == nil {
		letter, err := b.Get(ctx, id)
		if !errors.Is(err, ErrNone) {
			return letter, err
		}
		if len(id) >= shortest && len(id) < keyLength {
			letter, err := one(id, b.list(ctx, prefix+id, ""), func(Letter) bool { return true })
			if !errors.Is(err, ErrNone) {
				return letter, err
			}
		}
	}
	return one(id, b.List(ctx, ""), func(l Letter) bool { return l.ID == id })
}

// shortest is how many digits of a key are worth looking for.
const shortest = 4

// one returns the only letter that is meant.
func one(id string, all iter.Seq2[Letter, error], meant func(Letter) bool) (Letter, error) {
	var found Letter
	n := 0
	for letter, err := range all {
		if err != nil {
			return Letter{}, err
		}
		if meant(letter) {
			found, n = letter, n+1
		}
	}
	switch n {
	case 0:
		return Letter{}, fmt.Errorf("%q: %w", id, ErrNone)
	case 1:
		return found, nil
	default:
		return Letter{}, &AmbiguousError{ID: id, Letters: n}
	}
}

// Drop removes a letter as it was when it was read. It reports whether it did:
// a letter that has been put again since stays, and one that is gone is gone.
func (b *Box) Drop(ctx context.Context, letter Letter) (bool, error) {
	err := b.store.Delete(ctx, prefix+letter.Key, letter.revision)
	if errors.Is(err, state.ErrConflict) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("drop dead letter %s: %w", letter.Key, err)
	}
	return true, nil
}

// A Count is how many dead letters a publisher has.
type Count struct {
	Letters int64 `json:"letters"`
	Unknown int64 `json:"unknown"` // of them: perhaps applied
}

// Counts counts the dead letters of each publisher that has any.
func (b *Box) Counts(ctx context.Context) (map[string]Count, error) {
	counts := map[string]Count{}
	for letter, err := range b.List(ctx, "") {
		if err != nil {
			return nil, err
		}
		c := counts[letter.Publisher]
		c.Letters++
		if letter.Outcome == publish.Unknown {
			c.Unknown++
		}
		counts[letter.Publisher] = c
	}
	return counts, nil
}
