package subscribe

import (
	"context"
	"errors"
	"time"

	"intercom-connector/internal/state"
)

// A tripStore fails one write, before it is carried out or after.
type tripStore struct {
	state.Store

	calls, at int
	after     bool
}

var errTripped = errors.New("tripped")

func (s *tripStore) Create(ctx context.Context, key string, value []byte, expires time.Time) (state.Revision, error) {
	return s.write(func() (state.Revision, error) { return s.Store.Create(ctx, key, value, expires) })
}

func (s *tripStore) Save(ctx context.Context, key string, value []byte, rev state.Revision, expires time.Time) (state.Revision, error) {
	return s.write(func() (state.Revision, error) { return s.Store.Save(ctx, key, value, rev, expires) })
}

func (s *tripStore) write(do func() (state.Revision, error)) (state.Revision, error) {
	s.calls++
	if s.calls == s.at && !s.after {
		return "", errTripped
	}
	rev, err := do()
	if s.calls == s.at {
		return "", errTripped
	}
	return rev, err
}
