package subscribe

import (
	"bytes"
	"context"
	"errors"
	"time"

	"intercom-connector/internal/state"
)

// put writes value over the revision rev of a record that has one writer, or
// creates it where rev is "". Somebody else's write is an [OvertakenError].
//
// The answer to a write can be lost although the write was not. What the record
// holds then is value, or last, which the caller tried to write before: neither
// is somebody else's.
func put(ctx context.Context, store state.Store, key string, value, last []byte, rev state.Revision) (state.Revision, error) {
	write := func(rev state.Revision) (state.Revision, error) {
		if rev == "" {
			return store.Create(ctx, key, value, time.Time{})
		}
		return store.Save(ctx, key, value, rev, time.Time{})
	}
	saved, err := write(rev)
	if !errors.Is(err, state.ErrConflict) && !errors.Is(err, state.ErrExists) {
		return saved, wrapf(err, "save %s", key)
	}
	found, err := store.Get(ctx, key)
	switch {
	case errors.Is(err, state.ErrNotFound):
		return "", &OvertakenError{Key: key}
	case err != nil:
		return "", wrapf(err, "load %s", key)
	case bytes.Equal(found.Value, value):
		return found.Revision, nil
	case last == nil || !bytes.Equal(found.Value, last):
		return "", &OvertakenError{Key: key}
	}
	saved, err = write(found.Revision)
	if errors.Is(err, state.ErrConflict) {
		return "", &OvertakenError{Key: key}
	}
	return saved, wrapf(err, "save %s", key)
}
