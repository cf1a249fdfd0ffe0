// Package outbox sends the events of a run in batches to a service that takes a
// few messages at a time, and of these maybe only a part. It knows no service:
// whoever does makes the messages, sends a batch and says what became of each.
//
// # What goes together
//
// A batch is bounded by count and by bytes, and several are under way at once.
// Messages of one group are sent in their order: the next one goes when the one
// before has been taken, or refused. So a batch has one of a group at most, and
// a batch that is taken in part cannot turn an order around.
//
// # What fails
//
// A message that was not taken is sent again after a wait that grows, as long as
// something gets through; what a service will never take is handed back by a
// [subscribe.RefusedError]. After an error nothing is lost either: what was not
// taken stays in the box, and the next Flush goes on with it.
package outbox

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"intercom-connector/internal/event"
	"intercom-connector/internal/subscribe"
)

const (
	// held is how many bytes are collected at the most before they are sent
	// without a Flush asking for it. It bounds the memory, and how long a Deliver
	// may take.
	held = 4 << 20
	// patience is how long nothing at all may get through. A run that waits in
	// here does not renew its lease, so it is well below the lease's minute.
	patience = 20 * time.Second
	// sendWithin is how long one Send may take.
	sendWithin = 10 * time.Second
	firstWait  = 100 * time.Millisecond
	lastWait   = 5 * time.Second
)

// A Message is what is sent for an event.
type Message struct {
	Event event.Event // without its data
	Body  string
	Claim string // where the body is instead, "" where it is here
	Group string // messages of one group keep their order; "": it has none
	Size  int    // in bytes, as the service counts it
}

// ErrOneByOne is part of what Send returns of a batch that the service refuses
// as a whole because of what is in it, or of how large it is. Its messages are
// sent one by one, and one that is refused alone will never be taken.
var ErrOneByOne = errors.New("refused")

// A NeverError says that a message will never be taken, whatever is done.
type NeverError struct{ Reason string }

func (e *NeverError) Error() string { return e.Reason }

// A Config is what a box is made of.
type Config struct {
	// Make makes the message of an event, and keeps nothing of the event's data.
	// A [*NeverError] refuses the event.
	Make func(ctx context.Context, e *event.Event) (Message, error)
	// Send sends a batch and returns what became of each message, in their order:
	// nil where it was taken, a [*NeverError] where it will not be. An error of
	// the whole batch says that it is not known of any.
	Send func(ctx context.Context, batch []*Message) ([]error, error)
	// Temporary reports whether an error, of a message or of a batch, may go away
	// by itself. Any other ends the run.
	Temporary func(error) bool

	MaxCount int // messages of a batch
	MaxBytes int // of a batch
	Parallel int // batches under way at once

	Random func() float64 // in [0,1), for jitter; default: math/rand
}

// A Box is a destination of events. It belongs to one run, and not to two
// goroutines at once.
type Box struct {
	cfg     Config
	waiting []*item
	bytes   int
	refused []refusal
}

// An item is a message with what the box knows of it.
type item struct {
	Message

	index    int // in the events of the Deliver under way, -1: of an earlier one
	attempts int
	alone    bool // goes in a batch of its own
	settled  bool
}

// A refusal is a message that will never be taken.
type refusal struct {
	*item

	reason error
}

var _ subscribe.Destination = (*Box)(nil)

// New returns an empty box.
func New(cfg Config) *Box {
	if cfg.Random == nil {
		cfg.Random = rand.Float64
	}
	return &Box{cfg: cfg}
}

// Deliver takes events, which are sent at the latest by the next [Box.Flush].
func (b *Box) Deliver(ctx context.Context, events []event.Event) error {
	b.ageAll()
	for i := range events {
		if err := b.take(ctx, &events[i], i); err != nil {
			return err
		}
	}
	return b.handBack()
}

// Flush sends what is left and returns nil when all of it has been taken.
func (b *Box) Flush(ctx context.Context) error {
	b.ageAll()
	if err := b.send(ctx); err != nil {
		return err
	}
	return b.handBack()
}

// ageAll makes everything in the box that of an earlier Deliver. What a Deliver
// that failed had refused is read again, and refused then.
func (b *Box) ageAll() {
	for _, it := range b.waiting {
		it.index = -1
	}
	kept := b.refused[:0]
	for _, r := range b.refused {
		if r.index < 0 {
			kept = append(kept, r)
		}
	}
	b.refused = kept
}

func (b *Box) take(ctx context.Context, e *event.Event, index int) error {
	msg, err := b.cfg.Make(ctx, e)
	it := &item{Message: msg, index: index}
	if err == nil && msg.Size > b.cfg.MaxBytes {
		err = &NeverError{Reason: fmt.Sprintf("%d bytes are too many, %d are the most", msg.Size, b.cfg.MaxBytes)}
	}
	if never, ok := errors.AsType[*NeverError](err); ok {
		b.refused = append(b.refused, refusal{it, never})
		return nil
	}
	if err != nil {
		return err
	}
	b.waiting = append(b.waiting, it)
	b.bytes += msg.Size
	if len(b.waiting) < b.cfg.MaxCount*b.cfg.Parallel && b.bytes < held {
		return nil
	}
	return b.send(ctx)
}

// handBack tells what was refused, nil where nothing was.
func (b *Box) handBack() error {
	if len(b.refused) == 0 {
		return nil
	}
	told := &subscribe.RefusedError{Refused: map[int]error{}}
	for _, r := range b.refused {
		if r.index >= 0 {
			told.Refused[r.index] = r.reason
			continue
		}
		told.Earlier = append(told.Earlier, subscribe.Refusal{Reason: r.reason, ID: r.Event.Subject, Event: []byte(r.Body)})
	}
	b.refused = nil
	return told
}

// send sends everything that waits. After an error what was not taken waits on,
// in its order.
func (b *Box) send(ctx context.Context) error {
	if len(b.waiting) == 0 {
		return nil
	}
	d := newDispatch(&b.cfg, b.waiting)
	err := d.run(ctx)
	b.refused = append(b.refused, d.refused...)
	left := b.waiting[:0]
	b.bytes = 0
	for _, it := range b.waiting {
		if !it.settled {
			left = append(left, it)
			b.bytes += it.Size
		}
	}
	clear(b.waiting[len(left):])
	b.waiting = left
	return err
}
