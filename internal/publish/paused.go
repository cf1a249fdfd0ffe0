package publish

import (
	"context"
	"fmt"

	"intercom-connector/internal/pause"
)

// A PausedError says that a client sends nothing until it is resumed.
type PausedError struct {
	Client string
	Reason string
	Err    error // what paused it just now, nil where that is not known
}

func (e *PausedError) Error() string {
	return fmt.Sprintf("client %s is paused: %s", e.Client, e.Reason)
}

func (e *PausedError) Unwrap() error { return e.Err }

// paused says why nothing can be sent, "" where something can.
func (p *Publisher) paused(ctx context.Context) (string, error) {
	return pause.Still(ctx, p.Store, p.Client.Name, p.currentToken)
}

func (p *Publisher) currentToken(ctx context.Context) (string, error) {
	return pause.CurrentToken(ctx, p.API)
}
