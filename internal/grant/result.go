package grant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"intercom-connector/internal/state"
)

// A Result is what came of a link. It is kept for an hour.
type Result struct {
	Granted bool `json:"granted"`
	// Problem names why it was not granted, such as refused or wrong_workspace.
	Problem string `json:"problem,omitempty"`
	// Message is one sentence about a problem, with its remedy.
	Message string `json:"message,omitempty"`
	// Note is what to know about a grant beside that it was given.
	Note string `json:"note,omitempty"`

	Client        string    `json:"client"`
	Workspace     string    `json:"workspace,omitempty"`
	WorkspaceName string    `json:"workspace_name,omitempty"`
	Region        string    `json:"region,omitempty"`
	Timezone      string    `json:"timezone,omitempty"`
	Admin         string    `json:"admin,omitempty"` // who granted it
	Time          time.Time `json:"time"`
}

// ErrExpired means that nobody used a link while it was good.
var ErrExpired = errors.New("nobody used the link within ten minutes")

// Await waits until something has come of a link, and looks again every so
// often. The error is [ErrExpired] where nobody used it in time, or that of ctx.
func Await(ctx context.Context, store state.Store, link Link, every time.Duration) (Result, error) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		found, err := store.Get(ctx, stateKey(link.State))
		if err != nil {
			if ctx.Err() != nil {
				return Result{}, ctx.Err()
			}
			if errors.Is(err, state.ErrNotFound) {
				return Result{}, ErrExpired
			}
			return Result{}, fmt.Errorf("wait for the grant: %w", err)
		}
		var r record
		if err := json.Unmarshal(found.Value, &r); err != nil {
			return Result{}, fmt.Errorf("wait for the grant: %w", err)
		}
		// Who has come just in time is waited for.
		late := time.Since(r.Expires)
		switch {
		case r.Result != nil:
			return *r.Result, nil
		case r.Spent.IsZero() && late > 0, late > budget:
			return Result{}, ErrExpired
		}
		select {
		case <-ctx.Done():
			return Result{}, ctx.Err()
		case <-ticker.C:
		}
	}
}
