package publish

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
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

// note logs what became of a message: nothing of its content, nothing that
// Intercom quoted of it.
func (p *Publisher) note(ctx context.Context, d Delivery, r Result) {
	level := slog.LevelDebug
	switch r.Outcome {
	case Done:
	case Retry:
		level = slog.LevelInfo
	case Dead, Unknown, Paused:
		level = slog.LevelWarn
	}
	attrs := []slog.Attr{
		slog.String("publisher", p.Publisher.Name),
		slog.String("message_id", shown(r.ID)),
		slog.String("outcome", string(r.Outcome)),
		slog.Int("requests", r.Requests),
	}
	if d.MessageID != "" {
		attrs = append(attrs, slog.String("delivery", d.MessageID))
	}
	if d.Trace != "" {
		attrs = append(attrs, slog.String("trace", shown(d.Trace)))
	}
	if r.Line != 0 {
		attrs = append(attrs, slog.Int("line", r.Line))
	}
	if r.Status != 0 {
		attrs = append(attrs, slog.Int("status", r.Status), slog.String("code", r.Code), slog.String("request_id", r.RequestID))
	}
	if r.Duplicate {
		attrs = append(attrs, slog.Bool("duplicate", true))
	}
	if r.Reason != "" {
		attrs = append(attrs, slog.String("reason", r.Reason))
	}
	p.Log.LogAttrs(ctx, level, "message", attrs...)
}
