package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"intercom-connector/internal/config"
	"intercom-connector/internal/pause"
	"intercom-connector/internal/pin"
	"intercom-connector/internal/state"
	"intercom-connector/internal/subscribe"
	"intercom-connector/internal/watch"
)

// remembered is what a store tells of the clients.
type remembered struct {
	paused      map[string]string // by client: the reason
	workspaces  map[string]string // by client: the one it has had so far
	checkpoints []subscribe.Checkpoint
	watched     watch.Findings // of a stack
	err         error
}

// recall reads the store of the stack, or of this machine where there is none.
func (cfg *Config) recall(ctx context.Context) remembered {
	var store state.Store
	var err error
	switch {
	case cfg.Stack != nil:
		store, err = cfg.Stack.Store, cfg.Stack.Broken
	case cfg.Machine != nil:
		store, err = cfg.Machine.Store, cfg.Machine.Broken
	}
	memory := remembered{paused: map[string]string{}, workspaces: map[string]string{}, err: err}
	if store == nil || err != nil {
		return memory
	}
	for _, client := range cfg.names() {
		reason, err := pause.Reason(ctx, store, client)
		memory.err = cmp.Or(memory.err, err)
		memory.paused[client] = reason
		workspace, err := pin.Get(ctx, store, client)
		if err != nil && !errors.Is(err, state.ErrNotFound) {
			memory.err = cmp.Or(memory.err, err)
		}
		if err == nil && workspace.ID != pin.Unknown {
			memory.workspaces[client] = workspace.ID
		}
	}
	memory.checkpoints, err = subscribe.Checkpoints(ctx, store)
	memory.err = cmp.Or(memory.err, err)
	if cfg.Stack != nil {
		memory.watched, err = watch.Look(ctx, onlooker{store}, cfg.Settings)
		memory.err = cmp.Or(memory.err, err)
	}
	return memory
}

// run judges how the last runs of a subscription went.
func (m remembered) run(sub *config.Subscription) finding {
	about := func(all []watch.Finding) *watch.Finding {
		for i := range all {
			if all[i].Subscription == sub.Name {
				return &all[i]
			}
		}
		return nil
	}
	if f := about(m.watched.Failed); f != nil {
		return finding{result: Fail, problem: RunFailed, detail: fmt.Sprintf("its last run failed at %s: %s", at(f.Since), f.Error)}
	}
	if f := about(m.watched.Overdue); f != nil {
		return finding{result: Fail, problem: RunOverdue, detail: "it is overdue: no run has come to its end since " + at(f.Since)}
	}
	if f := about(m.watched.Incomplete); f != nil {
		return finding{result: Fail, problem: RunFailed, detail: fmt.Sprintf("its last run, at %s, missed records by its own count", at(f.Since))}
	}
	last := m.last(sub)
	switch {
	case last != nil:
		return fine("its last run ended %s at %s", last.Outcome, at(last.Finished))
	case sub.Schedule == nil:
		return fine("it has not been run, and has no schedule")
	default:
		return fine("it has not been run yet")
	}
}

// last is the report of a subscription's last run, nil where there was none.
func (m remembered) last(sub *config.Subscription) *subscribe.Report {
	var last *subscribe.Report
	for i := range m.checkpoints {
		cp := &m.checkpoints[i]
		if cp.Subscription != sub.Name || cp.Window != "" || cp.Last == nil {
			continue
		}
		if last == nil || cp.Last.Finished.After(last.Finished) {
			last = cp.Last
		}
	}
	return last
}

func at(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// An onlooker is a store that nothing is written to: the watch remembers what it
// has seen, and is welcome to do so where it belongs.
type onlooker struct{ state.Store }

// Create does nothing.
func (onlooker) Create(context.Context, string, []byte, time.Time) (state.Revision, error) {
	return "", nil
}

// Save does nothing.
func (onlooker) Save(context.Context, string, []byte, state.Revision, time.Time) (state.Revision, error) {
	return "", nil
}

// Delete does nothing.
func (onlooker) Delete(context.Context, string, state.Revision) error { return nil }

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
