package sqsout

import (
	"cmp"
	"context"
	"fmt"

	"intercom-connector/internal/aws/queues"
	"intercom-connector/internal/names"
	"intercom-connector/internal/publish"
)

// A ResponseAPI is what Responses needs of a *queues.Client.
type ResponseAPI interface {
	Send(ctx context.Context, to queues.Address, m queues.Message) error
}

// A ResponsesConfig is what Responses are made of.
type ResponsesConfig struct {
	API       ResponseAPI
	Queue     Queue
	Publisher string
	Claims    Claims // nil: an answer that is too large is an error
}

// Responses sends what Intercom answered to a queue, one message a response. An
// answer that is too large stays in the bucket, and the response says where. It
// is safe for concurrent use.
type Responses struct{ cfg ResponsesConfig }

var _ publish.Responder = (*Responses)(nil)

// NewResponses returns the responses of a publisher.
func NewResponses(cfg ResponsesConfig) *Responses { return &Responses{cfg} }

// Respond implements publish.Responder.
func (r *Responses) Respond(ctx context.Context, result publish.Result) error {
	all := attributes(names.AttributeID, token(result.ID))
	response := result.Respond(r.cfg.Publisher)
	body, err := response.Encode()
	if err != nil {
		return err
	}
	if size := len(body) + all.Size(); size > maxBytes {
		if response.AnswerRef, err = leave(ctx, r.cfg.Claims, result.ID, result.Answer, typeJSON, size); err != nil {
			return err
		}
		response.Answer = nil
		if body, err = response.Encode(); err != nil {
			return err
		}
	}
	m := queues.Message{Body: permitted(body), Attributes: all}
	if r.cfg.Queue.FIFO {
		id := token(result.ID)
		m.Group, m.Deduplication = cmp.Or(groupOf(result.Group, ""), id), id
	}
	if err := r.cfg.API.Send(ctx, r.cfg.Queue.address(), m); err != nil {
		return fmt.Errorf("send to %s: %w", r.cfg.Queue.URL, err)
	}
	return nil
}
