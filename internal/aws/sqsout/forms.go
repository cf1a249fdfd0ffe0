package sqsout

import (
	"cmp"
	"context"
	"fmt"

	"intercom-connector/internal/aws/queues"
	"intercom-connector/internal/event"
	"intercom-connector/internal/names"
	"intercom-connector/internal/outbox"
)

const typeJSON = "application/json"

// events go out as they are.
type events struct {
	claims  Claims
	fifo    bool
	scratch []byte
}

func (f *events) make(ctx context.Context, e *event.Event) (outbox.Message, error) {
	m := outbox.Message{Event: *e}
	m.Event.Data = nil
	if f.fifo {
		m.Group = f.groupID(&m) // elsewhere there is no order to keep
	}
	f.scratch = e.AppendJSON(f.scratch[:0])
	m.Body = permitted(f.scratch)
	m.Size = len(m.Body) + f.attributes(&m).Size()
	if m.Size <= maxBytes {
		return m, nil
	}
	ref, err := leave(ctx, f.claims, e.ID, e.Data, cmp.Or(e.ContentType, typeJSON), m.Size)
	if err != nil {
		return m, err
	}
	m.Event.DataRef = ref
	m.Body = permitted(m.Event.AppendJSON(nil))
	m.Size = len(m.Body) + f.attributes(&m).Size()
	return m, nil
}

func (f *events) attributes(m *outbox.Message) queues.Attributes {
	return attributes(names.AttributeTrace, m.Event.Run)
}

func (f *events) groupID(m *outbox.Message) string { return groupOf(m.Event.Subject, noSubject) }

// messages for a publisher are the events' data.
type messages struct {
	claims  Claims
	scratch []byte
}

func (f *messages) make(ctx context.Context, e *event.Event) (outbox.Message, error) {
	m := outbox.Message{Event: *e, Group: groupOf(e.Subject, "")}
	m.Event.Data = nil
	f.scratch = e.AppendValue(f.scratch[:0])
	if len(f.scratch) == 0 {
		f.scratch = append(f.scratch, "null"...) // SQS takes no empty body, and this is no message either
	}
	m.Body = permitted(f.scratch)
	m.Size = len(m.Body) + f.attributes(&m).Size()
	if m.Size <= maxBytes {
		return m, nil
	}
	ref, err := leave(ctx, f.claims, e.ID, f.scratch, typeJSON, m.Size)
	if err != nil {
		return m, err
	}
	m.Body, m.Claim = "{}", ref
	m.Size = len(m.Body) + f.attributes(&m).Size()
	return m, nil
}

func (f *messages) attributes(m *outbox.Message) queues.Attributes {
	return attributes(
		names.AttributeTrace, m.Event.Run,
		names.AttributeID, m.Event.ID,
		names.AttributeGroup, m.Group,
		names.AttributeClaim, m.Claim,
	)
}

func (f *messages) groupID(m *outbox.Message) string { return cmp.Or(m.Group, m.Event.ID) }

// leave leaves a body that is too large for the queue, and returns its address.
func leave(ctx context.Context, claims Claims, id string, body []byte, contentType string, size int) (string, error) {
	if claims == nil {
		return "", &outbox.NeverError{Reason: fmt.Sprintf("%d bytes are too many for the queue, %d are the most", size, maxBytes)}
	}
	return claims.Put(ctx, id, body, contentType)
}
