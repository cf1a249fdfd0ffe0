// Package memstate is a [state.Store] in memory, for tests and simulations.
// Nothing of it outlives the process.
package memstate

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"intercom-connector/internal/state"
)

// A Store is a map with revisions. The zero value is empty and ready to use.
type Store struct {
	mu       sync.Mutex
	records  map[string]state.Record
	revision int // of the last write
}

var _ state.Store = (*Store)(nil)

// Get implements [state.Store].
func (s *Store) Get(ctx context.Context, key string) (state.Record, error) {
	if err := errors.Join(ctx.Err(), state.CheckKey(key)); err != nil {
		return state.Record{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.live(key)
	if !ok {
		return state.Record{}, state.ErrNotFound
	}
	r.Value = bytes.Clone(r.Value)
	return r, nil
}

// Create implements [state.Store].
func (s *Store) Create(ctx context.Context, key string, value []byte, expires time.Time) (state.Revision, error) {
	if err := errors.Join(ctx.Err(), state.CheckKey(key), state.CheckValue(value)); err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.live(key); ok {
		return "", state.ErrExists
	}
	return s.put(key, value, expires), nil
}

// Save implements [state.Store].
func (s *Store) Save(
	ctx context.Context, key string, value []byte, rev state.Revision, expires time.Time,
) (state.Revision, error) {
	if err := errors.Join(ctx.Err(), state.CheckKey(key), state.CheckValue(value)); err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if r, ok := s.live(key); !ok || r.Revision != rev {
		return "", state.ErrConflict
	}
	return s.put(key, value, expires), nil
}

// Delete implements [state.Store].
func (s *Store) Delete(ctx context.Context, key string, rev state.Revision) error {
	if err := errors.Join(ctx.Err(), state.CheckKey(key)); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if r, ok := s.live(key); !ok || r.Revision != rev {
		return state.ErrConflict
	}
	delete(s.records, key)
	return nil
}

// List implements [state.Store]. It sees the store as it is when it begins.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[state.Record, error] {
	return func(yield func(state.Record, error) bool) {
		for _, r := range s.under(prefix) {
			if err := ctx.Err(); err != nil {
				yield(state.Record{}, err)
				return
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}

func (s *Store) under(prefix string) []state.Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []state.Record
	for key := range s.records {
		if r, ok := s.live(key); ok && strings.HasPrefix(key, prefix) {
			r.Value = bytes.Clone(r.Value)
			found = append(found, r)
		}
	}
	slices.SortFunc(found, func(a, b state.Record) int { return strings.Compare(a.Key, b.Key) })
	return found
}

// live is the record of key unless it has expired.
func (s *Store) live(key string) (state.Record, bool) {
	r, ok := s.records[key]
	if ok && !r.Expires.IsZero() && !time.Now().Before(r.Expires) {
		return state.Record{}, false
	}
	return r, ok
}

func (s *Store) put(key string, value []byte, expires time.Time) state.Revision {
	if s.records == nil {
		s.records = make(map[string]state.Record)
	}
	s.revision++
	rev := state.Revision(strconv.Itoa(s.revision))
	s.records[key] = state.Record{Key: key, Value: bytes.Clone(value), Revision: rev, Expires: expires}
	return rev
}
