package watch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"intercom-connector/internal/config"
	"intercom-connector/internal/state"
)

const (
	notesPrefix  = "watch/failed/"
	schedulesKey = "watch/schedules"
)

// A Failure is what is remembered of a run that failed.
type Failure struct {
	Time  time.Time `json:"time"`
	Run   string    `json:"run,omitempty"`
	Error string    `json:"error"`
}

// Note remembers that a run of a subscription failed, in the words that say what
// to do about it. Its checkpoint may know nothing of it, where the token is
// missing or was refused, say. It counts until a later run ends. run is "" where
// none began.
func Note(ctx context.Context, store state.Store, subscription, run string, failure error) error {
	value, err := json.Marshal(Failure{Time: time.Now().UTC(), Run: run, Error: failure.Error()})
	if err != nil {
		return fmt.Errorf("note that %s failed: %w", subscription, err)
	}
	return wrap(write(ctx, store, notesPrefix+subscription, value), "note that %s failed", subscription)
}

// write puts value in the place of whatever is there.
func write(ctx context.Context, store state.Store, key string, value []byte) error {
	record, err := store.Get(ctx, key)
	switch {
	case errors.Is(err, state.ErrNotFound):
		_, err = store.Create(ctx, key, value, time.Time{})
	case err == nil:
		_, err = store.Save(ctx, key, value, record.Revision, time.Time{})
	}
	if errors.Is(err, state.ErrConflict) || errors.Is(err, state.ErrExists) {
		return nil // somebody else had as much to say at the same moment
	}
	return err
}

// Failures returns what [Note] remembers, by the subscription.
func Failures(ctx context.Context, store state.Store) (map[string]Failure, error) {
	failures := map[string]Failure{}
	for record, err := range store.List(ctx, notesPrefix) {
		if err != nil {
			return nil, fmt.Errorf("list failures: %w", err)
		}
		var f Failure
		if err := json.Unmarshal(record.Value, &f); err != nil {
			return nil, fmt.Errorf("load %s: %w", record.Key, err)
		}
		failures[strings.TrimPrefix(record.Key, notesPrefix)] = f
	}
	return failures, nil
}

// A sighting is since when a subscription has had a schedule.
type sighting struct {
	Schedule string    `json:"schedule"`
	Since    time.Time `json:"since"`
}

// sight returns since when each enabled subscription is known to have the
// schedule it has, and remembers those that are new.
func sight(ctx context.Context, store state.Store, cfg *config.Config) (map[string]time.Time, error) {
	before := map[string]sighting{}
	record, err := store.Get(ctx, schedulesKey)
	if err == nil {
		err = json.Unmarshal(record.Value, &before)
	}
	if err != nil && !errors.Is(err, state.ErrNotFound) {
		return nil, fmt.Errorf("load %s: %w", schedulesKey, err)
	}
	now, since := map[string]sighting{}, map[string]time.Time{}
	for name, sub := range cfg.Subscriptions {
		if !sub.Enabled || sub.Schedule == nil {
			continue
		}
		seen := sighting{Schedule: sub.Schedule.String() + " " + sub.Schedule.Timezone(), Since: time.Now().UTC()}
		if known, ok := before[name]; ok && known.Schedule == seen.Schedule {
			seen = known
		}
		now[name], since[name] = seen, seen.Since
	}
	if maps.Equal(before, now) {
		return since, nil
	}
	value, err := json.Marshal(now)
	if err != nil {
		return nil, fmt.Errorf("save %s: %w", schedulesKey, err)
	}
	return since, wrap(write(ctx, store, schedulesKey, value), "save %s", schedulesKey)
}

func wrap(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf(format+": %w", append(args, err)...)
}
