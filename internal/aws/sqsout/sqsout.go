// Package sqsout sends to SQS: the events of a subscription to a queue
// ([NewEvents]), or as messages to a publisher's ([NewMessages]), and what
// Intercom answered to whoever waits for it ([Responses]).
//
// # Events
//
// The body is the event, a CloudEvents JSON object. On a FIFO queue the event's
// id is the MessageDeduplicationId and its subject the MessageGroupId, so the
// changes of one record stay in their order; events without a subject are one
// group.
//
// # Messages
//
// The body is the event's data, which the publisher's message_transform takes;
// the event's id is the message's and the record its group, by attributes and on
// a FIFO queue by MessageGroupId as well. An event without a subject is a group
// of its own.
//
// # Sizes
//
// A message has at most 1 MiB with its attributes, and so has a batch of up to
// ten: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html.
// A larger event leaves its data in the bucket and travels with a dataref, a
// larger message leaves its body there and travels with an address.
package sqsout

import (
	"context"

	"intercom-connector/internal/aws/queues"
	"intercom-connector/internal/aws/wire"
	"intercom-connector/internal/event"
	"intercom-connector/internal/outbox"
)

const (
	maxBytes = 1 << 20 // of a message, and of a batch
	parallel = 8       // batches under way
)

// An API is what a destination needs of a *queues.Client.
type API interface {
	SendBatch(ctx context.Context, to queues.Address, messages []queues.Message) ([]error, error)
}

// Claims leaves what is too large for a queue somewhere else; see
// internal/aws/claim.
type Claims interface {
	Put(ctx context.Context, id string, body []byte, contentType string) (address string, err error)
}

// A Config is what a destination is made of.
type Config struct {
	API    API
	Queue  Queue
	Claims Claims         // nil: what is too large is refused
	Random func() float64 // in [0,1), for jitter; default: math/rand
}

// NewEvents returns the destination of events that is a queue. It belongs to one
// run.
func NewEvents(cfg Config) *outbox.Box {
	return cfg.box(&events{claims: cfg.Claims, fifo: cfg.Queue.FIFO})
}

// NewMessages returns the destination that makes events messages of a
// publisher, whose queue it is. It belongs to one run.
func NewMessages(cfg Config) *outbox.Box {
	return cfg.box(&messages{claims: cfg.Claims})
}

// A form is what a message is made of an event by.
type form interface {
	make(ctx context.Context, e *event.Event) (outbox.Message, error)
	attributes(m *outbox.Message) queues.Attributes
	groupID(m *outbox.Message) string // on a FIFO queue
}

func (cfg Config) box(f form) *outbox.Box {
	s := &sender{api: cfg.API, queue: cfg.Queue, form: f}
	return outbox.New(outbox.Config{
		Make: f.make, Send: s.send, Temporary: wire.Temporary,
		MaxCount: queues.AtOnce, MaxBytes: maxBytes, Parallel: parallel,
		Random: cfg.Random,
	})
}
