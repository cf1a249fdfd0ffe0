package sqsin

import (
	"bytes"
	"context"
	"encoding/json"

	"github.com/aws/aws-lambda-go/events"
)

// Invoke handles what the function is invoked with: messages, see
// [Handler.Handle], or {"watch": true}, once an hour where no function reads. It
// is a handler of aws-lambda-go.
func (h *Handler) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	if h.Watch != nil && watches(event) {
		report, err := h.Watch.Report(ctx)
		if err != nil {
			return nil, err
		}
		return json.Marshal(report)
	}
	var messages events.SQSEvent
	if json.Unmarshal(event, &messages) != nil {
		messages = events.SQSEvent{} // a part of an event is none
	}
	answer, err := h.Handle(ctx, messages)
	if err != nil {
		return nil, err
	}
	return json.Marshal(answer)
}

// watches reports whether an event is the trigger of the watch and nothing else.
func watches(event []byte) bool {
	var trigger struct {
		Watch bool `json:"watch"`
	}
	dec := json.NewDecoder(bytes.NewReader(event))
	dec.DisallowUnknownFields()
	return dec.Decode(&trigger) == nil && trigger.Watch
}
