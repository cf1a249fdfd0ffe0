package intercom

import (
	"context"
	"log/slog"
	"slices"
)

// logAttrsKey is where a context keeps what the log says of its requests.
type logAttrsKey struct{}

// WithLogAttrs returns a context whose requests have attrs in their lines of the
// request log, after those that ctx has already: for whom a request is.
func WithLogAttrs(ctx context.Context, attrs ...slog.Attr) context.Context {
	return context.WithValue(ctx, logAttrsKey{}, slices.Concat(LogAttrs(ctx), attrs))
}

// LogAttrs returns what [WithLogAttrs] has given to ctx, for other lines that
// should be found with those of the requests.
func LogAttrs(ctx context.Context) []slog.Attr {
	attrs, _ := ctx.Value(logAttrsKey{}).([]slog.Attr)
	return attrs
}
