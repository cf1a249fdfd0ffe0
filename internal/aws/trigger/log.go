package trigger

import (
	"context"
	"log/slog"

	"intercom-connector/internal/subscribe"
)

// subscriptionKey is where a context keeps the subscription that is read.
type subscriptionKey struct{}

// A correlated handler adds to each line what it belongs to, by its context: the
// subscription and the run. Lambda's own handler adds the request's id.
type correlated struct{ slog.Handler }

// Handle implements [slog.Handler].
func (h correlated) Handle(ctx context.Context, record slog.Record) error {
	if name, ok := ctx.Value(subscriptionKey{}).(string); ok {
		record.AddAttrs(slog.String("subscription", name))
	}
	if run := subscribe.RunOf(ctx); run != "" {
		record.AddAttrs(slog.String("run", run))
	}
	return h.Handler.Handle(ctx, record)
}

// WithAttrs implements [slog.Handler].
func (h correlated) WithAttrs(attrs []slog.Attr) slog.Handler {
	return correlated{h.Handler.WithAttrs(attrs)}
}

// WithGroup implements [slog.Handler].
func (h correlated) WithGroup(name string) slog.Handler {
	return correlated{h.Handler.WithGroup(name)}
}
