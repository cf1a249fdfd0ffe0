package publish

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"

	"intercom-connector/shared/intercom"
)

// operation is an entry of the catalog that this package asks for by itself.
func operation(method, entity string) *intercom.Operation {
	op, err := intercom.Find(method, entity, -1)
	if err != nil {
		panic("publish: " + err.Error()) // the catalog is part of the program
	}
	return op
}

// wait takes a turn from the Governor: then Send must be called, or giveBack.
func (p *Publisher) wait(ctx context.Context, op *intercom.Operation) error {
	priority := intercom.Writing // looking what became of a write is part of it
	if err := p.API.Governor().Wait(ctx, priority); err != nil {
		return fmt.Errorf("%s %s: %w", op.Method, op.Path, err)
	}
	return nil
}

// giveBack returns a turn that was not used.
func (p *Publisher) giveBack(op *intercom.Operation, err error) {
	p.API.Governor().Done(intercom.Outcome{Err: err, Operation: op})
}

// call makes one attempt at a request of our own, beside the message's.
func (c *course) call(ctx context.Context, op *intercom.Operation, path map[string]string, query url.Values, payload json.RawMessage) (*intercom.Response, error) {
	if err := c.p.wait(ctx, op); err != nil {
		return nil, err
	}
	c.requests++
	sent, cancel := lasting(ctx)
	defer cancel()
	return c.p.API.Send(sent, &intercom.Request{Operation: op, Path: path, Query: query, Payload: payload})
}
