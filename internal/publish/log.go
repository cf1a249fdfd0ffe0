package publish

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"

	"intercom-connector/shared/intercom"
)

// harmless is what an id may look like to be logged as it is: ids are chosen by
// senders, who may use an e-mail address.
var harmless = lazily(`^[A-Za-z0-9_.:/+=#-]{1,128}$`)

// shown is how a message's id appears in the log.
func shown(id string) string {
	if harmless().MatchString(id) {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return "sha256:" + hex.EncodeToString(sum[:8])
}

// about returns a context of a message: every line that is logged with it, those
// of its requests included, tells which message it is and which run has sent it.
func about(ctx context.Context, d Delivery, id string) context.Context {
	attrs := []slog.Attr{slog.String("message_id", shown(id))}
	if d.Trace != "" {
		attrs = append(attrs, slog.String("trace", shown(d.Trace)))
	}
	return intercom.WithLogAttrs(ctx, attrs...)
}

// A correlated handler adds to each line what its context is about.
type correlated struct{ slog.Handler }

// Handle implements [slog.Handler].
func (h correlated) Handle(ctx context.Context, record slog.Record) error {
	record.AddAttrs(intercom.LogAttrs(ctx)...)
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

// note logs what became of a message: nothing of its content, nothing that
// Intercom quoted of it.
func (p *Publisher) note(ctx context.Context, d Delivery, r Result) {
	level := slog.LevelInfo
	switch r.Outcome {
	case Done, Retry:
	case Dead, Unknown, Paused:
		level = slog.LevelWarn
	}
	attrs := []slog.Attr{
		slog.String("publisher", p.Publisher.Name),
		slog.String("outcome", string(r.Outcome)),
		slog.Int("requests", r.Requests),
	}
	if d.MessageID != "" {
		attrs = append(attrs, slog.String("delivery", d.MessageID))
	}
	if r.Line != 0 {
		attrs = append(attrs, slog.Int("line", r.Line))
	}
	if r.Status != 0 {
		attrs = append(attrs, slog.Int("status", r.Status), slog.String("request_id", r.RequestID))
	}
	if r.Code != "" {
		attrs = append(attrs, slog.String("code", r.Code))
	}
	if r.Duplicate {
		attrs = append(attrs, slog.Bool("duplicate", true))
	}
	if r.Reason != "" {
		attrs = append(attrs, slog.String("reason", r.Reason))
	}
	p.Log.LogAttrs(ctx, level, "message", attrs...)
}
