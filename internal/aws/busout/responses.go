package busout

import (
	"context"
	"fmt"

	"intercom-connector/internal/publish"
)

// What rules find responses by; the detail names the publisher.
const (
	ResponseSource     = "intercom-connector"
	ResponseDetailType = "response"
)

// Responses sends what Intercom answered to a bus, one entry a response. An
// answer that is too large stays in the bucket, and the response says where. It
// is safe for concurrent use.
type Responses struct {
	bus       bus
	claims    Claims
	publisher string
}

var _ publish.Responder = (*Responses)(nil)

// NewResponses returns the responses of a publisher.
func NewResponses(cfg Config, publisher string) *Responses {
	return &Responses{bus: newBus(cfg), claims: cfg.Claims, publisher: publisher}
}

// Respond implements publish.Responder.
func (r *Responses) Respond(ctx context.Context, result publish.Result) error {
	response := result.Respond(r.publisher)
	body, err := response.Encode()
	if err != nil {
		return err
	}
	if size := timeSize + len(ResponseSource) + len(ResponseDetailType) + len(body); size > maxBytes {
		if r.claims == nil {
			return fmt.Errorf("a response of %d bytes is too large for the bus", size)
		}
		if response.AnswerRef, err = r.claims.Put(ctx, result.ID, result.Answer, typeJSON); err != nil {
			return err
		}
		response.Answer = nil
		if body, err = response.Encode(); err != nil {
			return err
		}
	}
	results, err := r.bus.put(ctx, []entry{{
		Source: ResponseSource, DetailType: ResponseDetailType, Detail: string(body), Time: seconds(response.Time),
	}})
	switch {
	case err != nil:
		return fmt.Errorf("send to bus %s: %w", r.bus.Name, err)
	case len(results) != 1:
		return fmt.Errorf("send to bus %s: %w", r.bus.Name, errSilent)
	case results[0].ErrorCode != "":
		return fmt.Errorf("send to bus %s: %s: %s", r.bus.Name, results[0].ErrorCode, results[0].ErrorMessage)
	}
	return nil
}
