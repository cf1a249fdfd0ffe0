package subscribe

import "context"

// runKey is where a context keeps the id of its run.
type runKey struct{}

// RunOf returns the id of the run on whose behalf an engine called: a
// destination, a logger or a transport can name it. It is "" where there is none.
func RunOf(ctx context.Context) string {
	id, _ := ctx.Value(runKey{}).(string)
	return id
}

// WithRun returns a context of a run. The engine gives one to all that it calls
// as soon as the run is known.
func WithRun(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, runKey{}, id)
}
