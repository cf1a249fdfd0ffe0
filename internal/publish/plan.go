package publish

import (
	"context"
	"errors"

	"intercom-connector/shared/intercom"
)

// Plan returns the request that a delivery asks for, and sends nothing. The
// error is ctx's own, or says why the message would be dead. What Intercom
// answers can lead to further requests: see on_conflict and unknown_attributes.
func (p *Publisher) Plan(ctx context.Context, d Delivery) (intercom.Request, error) {
	m, err := p.read(ctx, d)
	if err != nil {
		return intercom.Request{}, err
	}
	if m.problem != "" {
		return intercom.Request{}, errors.New(m.problem)
	}
	return *p.request(m), nil
}

// Wire returns what would go over the network for a delivery, with the token
// hidden, and sends nothing. The errors are those of Plan.
func (p *Publisher) Wire(ctx context.Context, d Delivery) (intercom.Wire, error) {
	request, err := p.Plan(ctx, d)
	if err != nil {
		return intercom.Wire{}, err
	}
	return p.API.Wire(&request)
}
