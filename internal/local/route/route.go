// Package route leads the events of a subscription through a publisher: every
// record that is read becomes a message. It is what stands between the two on a
// laptop, where a queue is on AWS.
//
// The event's id is the message's id, so a record that is read twice is written
// once, and the record's id is its group, so the changes of one record arrive in
// their order. The event's data is the message, before the publisher's
// message_transform.
package route

import (
	"context"
	"fmt"
	"iter"
	"time"

	"intercom-connector/internal/event"
	"intercom-connector/internal/publish"
	"intercom-connector/internal/subscribe"
)

// What is collected before it is published, without a Flush asking for it. It
// bounds the memory, and how long a Deliver may take.
const (
	maxMessages = 512
	maxBytes    = 4 << 20
)

// A Publisher is what events are led through; see [publish.Publisher.Stream].
type Publisher interface {
	Stream(ctx context.Context, deliveries iter.Seq2[publish.Delivery, error], done func(publish.Result, publish.Delivery) error) error
}

// A Route is a destination of events. It belongs to one run.
type Route struct {
	publisher Publisher
	told      func(publish.Result)
	waiting   []publish.Delivery
	bytes     int
}

var _ subscribe.Destination = (*Route)(nil)

// New returns the route through a publisher. told is called for every result.
func New(publisher Publisher, told func(publish.Result)) *Route {
	return &Route{publisher: publisher, told: told}
}

// Deliver takes events, which are done or dead letters after the next
// [Route.Flush].
func (r *Route) Deliver(ctx context.Context, events []event.Event) error {
	for i := range events {
		body := events[i].AppendValue(nil)
		r.waiting = append(r.waiting, publish.Delivery{
			ID: events[i].ID, Group: events[i].Subject, Body: body, Sent: time.Now(),
		})
		r.bytes += len(body)
		if len(r.waiting) < maxMessages && r.bytes < maxBytes {
			continue
		}
		if err := r.Flush(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Flush publishes everything delivered before and returns nil when each is done
// or among the dead letters. After an error, a [*publish.PausedError] say, the
// next Flush goes on with what is left.
func (r *Route) Flush(ctx context.Context) error {
	if len(r.waiting) == 0 {
		return nil
	}
	settled := make(map[string]bool, len(r.waiting))
	deliveries := func(yield func(publish.Delivery, error) bool) {
		for _, d := range r.waiting {
			if !yield(d, nil) {
				return
			}
		}
	}
	err := r.publisher.Stream(ctx, deliveries, func(result publish.Result, d publish.Delivery) error {
		if result.Outcome != publish.Paused && result.Outcome != publish.Retry {
			settled[d.ID] = true
		}
		r.told(result)
		return nil
	})
	left := r.waiting[:0]
	r.bytes = 0
	for _, d := range r.waiting {
		if !settled[d.ID] {
			left = append(left, d)
			r.bytes += len(d.Body)
		}
	}
	clear(r.waiting[len(left):])
	r.waiting = left
	if err == nil && len(left) > 0 {
		return fmt.Errorf("nothing became of %d messages", len(left))
	}
	return err
}
