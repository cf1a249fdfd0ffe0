package publish

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"intercom-connector/internal/state"
)

// A pause is what is remembered of a client that cannot send anything.
type pause struct {
	Reason string    `json:"reason"`
	Time   time.Time `json:"time"`
}

// pauseKey is where the pause of a client is kept. Every publisher of the
// client shares it, because they share the token.
func pauseKey(client string) string { return "paused/" + client }

// pauseTries bounds how often a pause is written anew when others write it too.
const pauseTries = 5

// Pause keeps all publishers of a client from sending anything, until Resume.
// A client that is paused already keeps its first reason.
func Pause(ctx context.Context, store state.Store, client, reason string) error {
	value, err := json.Marshal(pause{Reason: reason, Time: time.Now().UTC()})
	if err != nil {
		return fmt.Errorf("pause client %s: %w", client, err)
	}
	_, err = store.Create(ctx, pauseKey(client), value, time.Time{})
	if err != nil && !errors.Is(err, state.ErrExists) {
		return fmt.Errorf("pause client %s: %w", client, err)
	}
	return nil
}

// Resume lets the publishers of a client send again. Resuming one that is not
// paused is no error.
func Resume(ctx context.Context, store state.Store, client string) error {
	for range pauseTries {
		record, err := store.Get(ctx, pauseKey(client))
		if errors.Is(err, state.ErrNotFound) {
			return nil
		}
		if err == nil {
			err = store.Delete(ctx, record.Key, record.Revision)
		}
		if err == nil {
			return nil
		}
		if !errors.Is(err, state.ErrConflict) {
			return fmt.Errorf("resume client %s: %w", client, err)
		}
	}
	return fmt.Errorf("resume client %s: %w", client, state.ErrConflict)
}

// PausedReason says why a client is paused, "" for one that is not.
func PausedReason(ctx context.Context, store state.Store, client string) (string, error) {
	record, err := store.Get(ctx, pauseKey(client))
	if errors.Is(err, state.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("look whether client %s is paused: %w", client, err)
	}
	p := pause{Reason: "paused, for a reason that cannot be read"}
	_ = json.Unmarshal(record.Value, &p) // a pause is a pause, whatever it says
	return p.Reason, nil
}

// A PausedError says that a client sends nothing until it is resumed.
type PausedError struct {
	Client string
	Reason string
}

func (e *PausedError) Error() string {
	return fmt.Sprintf("client %s is paused: %s", e.Client, e.Reason)
}
