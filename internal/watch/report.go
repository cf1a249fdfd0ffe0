package watch

import (
	"context"
	"fmt"
	"log/slog"

	"intercom-connector/internal/config"
	"intercom-connector/internal/names"
	"intercom-connector/internal/state"
)

// Metrics takes numbers by the names of internal/names. What cannot be written
// is not worth an error.
type Metrics interface {
	Emit(ctx context.Context, values map[string]float64)
}

// A Watch looks over a stack and tells the log and the alarms. Which function
// does that once an hour is for the stack to say.
type Watch struct {
	Stack   names.Stack
	Config  *config.Config
	Store   state.Store
	Metrics Metrics
	Log     *slog.Logger
}

// A Report is what the function answers that was asked to watch.
type Report struct {
	Watch bool `json:"watch"`
	Findings
}

// Report looks, and writes what it has found.
func (w *Watch) Report(ctx context.Context) (*Report, error) {
	found, err := Look(ctx, w.Store, w.Config)
	if err != nil {
		w.Log.ErrorContext(ctx, "watch failed", "err", err)
		return nil, fmt.Errorf("watch: %w", err)
	}
	found.Log(ctx, w.Log, w.Stack)
	if counts := found.Metrics(); len(counts) > 0 {
		w.Metrics.Emit(ctx, counts)
	}
	w.Log.InfoContext(ctx, "watch ended", "subscriptions", found.Subscriptions, "failed", len(found.Failed),
		"overdue", len(found.Overdue), "incomplete", len(found.Incomplete), "paused", len(found.Paused))
	return &Report{Watch: true, Findings: found}, nil
}
