// Package pin remembers which workspace a client belongs to: that of its first
// token. Whoever gets another token for the client asks here first, so that
// nothing read from one workspace is taken for, or written into, another.
package pin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"intercom-connector/internal/state"
)

// Unknown stands for a workspace that could not be asked for its name.
const Unknown = "unknown"

// A Workspace is what is remembered of it.
type Workspace struct {
	ID      string `json:"id"`
	Zone    string `json:"zone,omitempty"`    // IANA name, "" where not known
	Created int64  `json:"created,omitempty"` // unix seconds, 0 where not known
}

// An Error means that a client belongs to another workspace.
type Error struct{ Client, Want, Got string }

func (e *Error) Error() string {
	return fmt.Sprintf("client %s belongs to workspace %s, the token to %s", e.Client, e.Want, e.Got)
}

// Key is where the workspace of a client is remembered.
func Key(client string) string { return "client/" + client }

// Get returns the workspace of a client, or state.ErrNotFound where it has had
// no token yet.
func Get(ctx context.Context, store state.Store, client string) (Workspace, error) {
	w, _, err := load(ctx, store, client)
	return w, err
}

func load(ctx context.Context, store state.Store, client string) (w Workspace, rev state.Revision, err error) {
	record, err := store.Get(ctx, Key(client))
	if err != nil {
		return w, "", fmt.Errorf("load %s: %w", Key(client), err)
	}
	if err := json.Unmarshal(record.Value, &w); err != nil {
		return w, "", fmt.Errorf("load %s: %w", Key(client), err)
	}
	return w, record.Revision, nil
}

// Set remembers the first workspace of a client, and what else is known of it.
// Another one is an [*Error], unless replace accepts it. Nothing makes a known
// workspace unknown again: that is no other workspace but a question not answered.
func Set(ctx context.Context, store state.Store, client string, w Workspace, replace bool) error {
	value, err := json.Marshal(w)
	if err != nil {
		return fmt.Errorf("save %s: %w", Key(client), err)
	}
	for {
		pinned, rev, err := load(ctx, store, client)
		switch {
		case errors.Is(err, state.ErrNotFound):
			_, err = store.Create(ctx, Key(client), value, time.Time{})
		case err != nil:
			return err
		case pinned.ID == w.ID && pinned.Zone == w.Zone:
			return nil
		case pinned.ID != w.ID && pinned.ID != Unknown && (!replace || w.ID == Unknown):
			return &Error{Client: client, Want: pinned.ID, Got: w.ID}
		default:
			_, err = store.Save(ctx, Key(client), value, rev, time.Time{})
		}
		if errors.Is(err, state.ErrExists) || errors.Is(err, state.ErrConflict) {
			continue // another of the client was quicker
		}
		if err != nil {
			return fmt.Errorf("save %s: %w", Key(client), err)
		}
		return nil
	}
}
