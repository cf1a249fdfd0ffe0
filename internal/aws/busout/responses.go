package busout

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

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
	cfg       Config
	publisher string
}

var _ publish.Responder = (*Responses)(nil)

// NewResponses returns the responses of a publisher.
func NewResponses(cfg Config, publisher string) *Responses {
	return &Responses{cfg: cfg.withDefaults(), publisher: publisher}
}

// Respond implements publish.Responder.
func (r *Responses) Respond(ctx context.Context, result publish.Result) error {
	response := result.Respond(r.publisher)
	body, err := response.Encode()
	if err != nil {
		return err
	}
	if size := timeSize + len(ResponseSource) + len(ResponseDetailType) + len(body); size > maxBytes {
		if r.cfg.Claims == nil {
			return fmt.Errorf("a response of %d bytes is too large for the bus", size)
		}
		if response.AnswerRef, err = r.cfg.Claims.Put(ctx, result.ID, result.Answer, typeJSON); err != nil {
			return err
		}
		response.Answer = nil
		if body, err = response.Encode(); err != nil {
			return err
		}
	}
	entry := types.PutEventsRequestEntry{
		EventBusName: &r.cfg.Bus.Name, Source: aws.String(ResponseSource), DetailType: aws.String(ResponseDetailType),
		Detail: aws.String(string(body)), Time: &response.Time,
	}
	if trace := r.cfg.Trace(ctx); trace != "" {
		entry.TraceHeader = &trace
	}
	out, err := r.cfg.API.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{entry}}, r.cfg.Bus.options()...)
	switch {
	case err != nil:
		return fmt.Errorf("send to bus %s: %w", r.cfg.Bus.Name, err)
	case len(out.Entries) != 1:
		return fmt.Errorf("send to bus %s: %w", r.cfg.Bus.Name, errSilent)
	}
	if code := aws.ToString(out.Entries[0].ErrorCode); code != "" {
		return fmt.Errorf("send to bus %s: %s: %s", r.cfg.Bus.Name, code, aws.ToString(out.Entries[0].ErrorMessage))
	}
	return nil
}
