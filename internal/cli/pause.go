package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"intercom-connector/internal/config"
	"intercom-connector/internal/local/sqlitestate"
	"intercom-connector/internal/publish"
)

// pauseCommand keeps publishers from sending.
type pauseCommand struct {
	Name   string `arg:"" help:"A publisher of the configuration."`
	Reason string `default:"paused by hand" help:"What status says about it."`
}

// resumeCommand lets publishers send again.
type resumeCommand struct {
	Name string `arg:"" help:"A publisher of the configuration."`
}

// A pauseResult is what pause and resume say as JSON.
type pauseResult struct {
	Client     string   `json:"client"`
	Publishers []string `json:"publishers"` // all of the client's
	Paused     bool     `json:"paused"`
	Reason     string   `json:"reason,omitempty"`
}

// Run implements the command.
func (c *pauseCommand) Run(ctx context.Context, a *app) error {
	return a.changePause(ctx, c.Name, func(store *sqlitestate.Store, client string) error {
		return publish.Pause(ctx, store, client, c.Reason, "")
	})
}

// Run implements the command.
func (c *resumeCommand) Run(ctx context.Context, a *app) error {
	return a.changePause(ctx, c.Name, func(store *sqlitestate.Store, client string) error {
		return publish.Resume(ctx, store, client, "")
	})
}

// changePause changes the pause of a publisher's client and tells how it is now.
// The pause is the client's, because what stops one publisher, a token that is
// revoked, stops all that share it.
func (a *app) changePause(ctx context.Context, name string, change func(store *sqlitestate.Store, client string) error) error {
	cfg, _, err := a.load()
	if err != nil {
		return err
	}
	pub, err := publisher(cfg, name)
	if err != nil {
		return err
	}
	store, err := sqlitestate.Open(ctx, a.statePath())
	if err != nil {
		return err
	}
	defer store.Close()
	if err := change(store, pub.Client); err != nil {
		return err
	}
	reason, err := publish.PausedReason(ctx, store, pub.Client)
	if err != nil {
		return err
	}
	r := pauseResult{Client: pub.Client, Publishers: publishersOf(cfg, pub.Client), Paused: reason != "", Reason: reason}
	if a.global.JSON {
		return writeJSON(a.Stdout, r)
	}
	if a.global.Quiet {
		return nil
	}
	text := fmt.Sprintf("client %s may send: %s", r.Client, list(r.Publishers, "and"))
	if r.Paused {
		text = fmt.Sprintf("client %s is paused (%s): %s", r.Client, oneLine(r.Reason), list(r.Publishers, "and"))
	}
	_, err = fmt.Fprintln(a.Stdout, text)
	return err
}

// publishersOf are the publishers of a client.
func publishersOf(cfg *config.Config, client string) []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(cfg.Publishers)) {
		if cfg.Publishers[name].Client == client {
			names = append(names, name)
		}
	}
	return names
}
