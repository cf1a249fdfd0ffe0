package pause

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"intercom-connector/internal/state"
)

// Mappings are what hands the messages of a client's publishers over.
type Mappings interface {
	Disable(ctx context.Context, client string) error
	Enable(ctx context.Context, client string) error
}

// Halt disables the mappings of a client that is paused, and reports whether it
// is. Whoever resumes a client removes the flag first and enables its mappings
// then. So one look at the flag after they were disabled shows whether that was
// too late, and they are enabled again: if that was a mistake, the next batch
// finds the flag.
func Halt(ctx context.Context, store state.Store, client string, mappings Mappings) (bool, error) {
	reason, err := Reason(ctx, store, client)
	if err != nil || reason == "" {
		return false, err
	}
	w, err := begin(ctx, store, client)
	if err != nil {
		return true, fmt.Errorf("halt client %s: %w", client, err) // the next batch does it
	}
	// Where that fails some may be disabled all the same, and those that are not
	// hand over another batch, which does it.
	disableErr := mappings.Disable(ctx, client)
	if disableErr != nil {
		disableErr = fmt.Errorf("halt client %s: %w", client, disableErr)
	}
	reason, err = Reason(ctx, store, client)
	switch {
	case err != nil:
		return true, errors.Join(disableErr, err)
	case reason != "":
		w.end(ctx)
		return true, disableErr
	}
	if err := mappings.Enable(ctx, client); err != nil {
		return false, fmt.Errorf("resume client %s: %w", client, err)
	}
	w.end(ctx)
	return false, nil
}

// Start is [Resume], and enables the mappings then: what comes out of the queues
// finds the flag gone.
func Start(ctx context.Context, store state.Store, client, version string, mappings Mappings) error {
	w, err := begin(ctx, store, client)
	if err != nil {
		return fmt.Errorf("resume client %s: %w", client, err)
	}
	if err := Resume(ctx, store, client, version); err != nil {
		w.end(ctx)
		return err
	}
	if err := mappings.Enable(ctx, client); err != nil {
		return fmt.Errorf("client %s is not paused any more, but its queues could not be started: %w", client, err)
	}
	w.end(ctx)
	for _, left := range w.before {
		left.end(ctx)
	}
	return nil
}

// Explain is [Reason], and tells as well of queues that may be stopped although
// nothing pauses their client: whoever was to start them has died or had no time.
func Explain(ctx context.Context, store state.Store, client string) (string, error) {
	reason, err := Reason(ctx, store, client)
	if err != nil || reason != "" {
		return reason, err
	}
	left, err := unfinished(ctx, store, client)
	if err != nil {
		return "", fmt.Errorf("look whether client %s is paused: %w", client, err)
	}
	if len(left) == 0 {
		return "", nil
	}
	return "nothing pauses it, but its queues may be stopped: resume it once more", nil
}

// A work on the mappings is remembered while it lasts. The flag cannot tell
// whether they are as it says: it is removed before they are enabled.
type work struct {
	store    state.Store
	key      string
	revision state.Revision
	before   []work // of others, that was never ended
}

// longestWork is longer than a function lives: whoever began earlier is dead.
const longestWork = 20 * time.Minute

// workPrefix is where the work of a client is kept, each under a name of its own:
// nobody ends another's that is under way.
func workPrefix(client string) string { return "stopping/" + client + "/" }

// begin remembers that the mappings of a client are about to be changed.
func begin(ctx context.Context, store state.Store, client string) (work, error) {
	before, err := unfinished(ctx, store, client)
	if err != nil {
		return work{}, err
	}
	value, err := json.Marshal(struct {
		Time time.Time `json:"time"`
	}{time.Now().UTC()})
	if err != nil {
		return work{}, err
	}
	w := work{store: store, key: workPrefix(client) + rand.Text(), before: before}
	w.revision, err = store.Create(ctx, w.key, value, time.Time{})
	return w, err
}

// end forgets the work. Where that fails somebody is told of it in vain.
func (w work) end(ctx context.Context) { _ = w.store.Delete(ctx, w.key, w.revision) }

// unfinished is the work of a client that nobody does any more.
func unfinished(ctx context.Context, store state.Store, client string) ([]work, error) {
	var left []work
	for record, err := range store.List(ctx, workPrefix(client)) {
		if err != nil {
			return nil, err
		}
		var began struct {
			Time time.Time `json:"time"`
		}
		if json.Unmarshal(record.Value, &began) == nil && time.Since(began.Time) < longestWork {
			continue
		}
		left = append(left, work{store: store, key: record.Key, revision: record.Revision})
	}
	return left, nil
}
