package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"intercom-connector/internal/config"
	"intercom-connector/internal/local/sqlitestate"
	"intercom-connector/internal/pause"
	"intercom-connector/internal/state"
)

// pauseCommand keeps publishers from sending.
type pauseCommand struct {
	stackFlags

	Name   string `arg:"" help:"A publisher of the configuration."`
	Reason string `default:"paused by hand" help:"What status says about it."`
}

// resumeCommand lets publishers send again.
type resumeCommand struct {
	stackFlags

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
	return a.changePause(ctx, c.Name, c.stackFlags, pauseChange{
		here:  func(store state.Store, client string) error { return pause.Begin(ctx, store, client, c.Reason, "") },
		stack: func(d *deployment, client string) error { return d.pause(ctx, client, c.Reason) },
	})
}

// Run implements the command.
func (c *resumeCommand) Run(ctx context.Context, a *app) error {
	return a.changePause(ctx, c.Name, c.stackFlags, pauseChange{
		here:  func(store state.Store, client string) error { return pause.Resume(ctx, store, client, "") },
		stack: func(d *deployment, client string) error { return d.resume(ctx, client, "") },
	})
}

// A pauseChange is what to do to a client, on this machine or on a stack.
type pauseChange struct {
	here  func(store state.Store, client string) error
	stack func(d *deployment, client string) error
}

// changePause changes the pause of a publisher's client and tells how it is now.
// The pause is the client's, because what stops one publisher, a token that is
// revoked, stops all that share it.
func (a *app) changePause(ctx context.Context, name string, flags stackFlags, change pauseChange) error {
	if err := flags.check(); err != nil {
		return err
	}
	cfg, _, err := a.load()
	if err != nil {
		return err
	}
	pub, err := publisher(cfg, name)
	if err != nil {
		return err
	}
	if flags.deployed() {
		d, err := a.stack(ctx, flags)
		if err != nil {
			return err
		}
		if err := change.stack(d, pub.Client); err != nil {
			return err
		}
		return a.tellPause(ctx, cfg, d.store, pub.Client)
	}
	store, err := sqlitestate.Open(ctx, a.statePath())
	if err != nil {
		return err
	}
	defer store.Close()
	if err := change.here(store, pub.Client); err != nil {
		return err
	}
	return a.tellPause(ctx, cfg, store, pub.Client)
}

// tellPause tells whether a client may send.
func (a *app) tellPause(ctx context.Context, cfg *config.Config, store state.Store, client string) error {
	reason, err := pause.Reason(ctx, store, client)
	if err != nil {
		return err
	}
	r := pauseResult{Client: client, Publishers: publishersOf(cfg, client), Paused: reason != "", Reason: reason}
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
