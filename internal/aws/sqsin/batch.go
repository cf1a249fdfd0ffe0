package sqsin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"intercom-connector/internal/config"
	"intercom-connector/internal/pause"
	"intercom-connector/internal/publish"
)

// A batch is what one queue has handed over.
type batch struct {
	*Handler

	queue    string // its name
	pub      *config.Publisher
	messages []*events.SQSMessage
	results  []publish.Result // of the messages, in their order
	began    time.Time
}

// returned is how long a message is hidden that nothing can be done about until
// somebody has done something else.
const returned = 15 * time.Minute

// batches sorts messages by their queue.
func (h *Handler) batches(messages []events.SQSMessage) []*batch {
	var all []*batch
	known := map[string]*batch{}
	for i := range messages {
		m := &messages[i]
		queue := m.EventSourceARN[strings.LastIndexByte(m.EventSourceARN, ':')+1:]
		b := known[queue]
		if b == nil {
			b = &batch{Handler: h, queue: queue, pub: h.queues[queue], began: time.Now()}
			known[queue] = b
			all = append(all, b)
		}
		b.messages = append(b.messages, m)
	}
	return all
}

// work takes the messages to their results.
func (b *batch) work(ctx context.Context) {
	b.results = make([]publish.Result, len(b.messages))
	switch {
	case b.pub == nil:
		b.Log.ErrorContext(ctx, "queue refused: no publisher of the client has it", "client", b.Client.Name, "queue", b.queue, "messages", len(b.messages))
		b.all(publish.Retry, "no publisher has this queue")
		return
	case !b.pub.Enabled:
		b.Log.WarnContext(ctx, "publisher not enabled", "publisher", b.pub.Name, "messages", len(b.messages))
		b.all(publish.Retry, "the publisher is not enabled")
		return
	}
	switch reason, err := pause.Still(ctx, b.Store, b.Client.Name, b.currentToken); {
	case err != nil:
		b.later(ctx, err)
		return
	case reason != "":
		b.all(publish.Paused, reason)
		return
	}
	workspace, err := b.identify(ctx)
	if err != nil {
		b.refuse(ctx, err)
		return
	}
	publisher, err := b.publisher(b.pub, workspace)
	if err != nil {
		b.later(ctx, err)
		return
	}
	ctx, cancel := bounded(ctx, b.Margin)
	defer cancel()
	deliveries, places := b.deliveries(ctx)
	for i, r := range publisher.Batch(ctx, deliveries) {
		b.results[places[i]] = r
	}
}

// bounded ends some time before the function does.
func bounded(ctx context.Context, margin time.Duration) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return ctx, func() {}
	}
	const share = 4
	return context.WithDeadline(ctx, deadline.Add(-min(margin, time.Until(deadline)/share)))
}

// all gives every message the same result, about which somebody must do something.
func (b *batch) all(outcome publish.Outcome, reason string) {
	for i, m := range b.messages {
		b.results[i] = publish.Result{ID: m.MessageId, Outcome: outcome, Reason: reason, After: returned}
	}
}

// later puts all messages off, each as long as it deserves, and gives up those
// that have waited too long.
func (b *batch) later(ctx context.Context, cause error) {
	overdue := false
	for i, m := range b.messages {
		b.results[i] = publish.Result{ID: m.MessageId, Outcome: publish.Retry, Reason: cause.Error(), After: publish.Backoff(tries(m), b.Random())}
		overdue = overdue || publish.Overdue(b.delivery(m), b.pub.GiveUpAfter)
	}
	if !overdue {
		return
	}
	publisher, err := b.publisher(b.pub, b.pinned(ctx))
	if err != nil {
		return // what keeps their ends cannot be had either
	}
	ctx, cancel := bounded(ctx, b.Margin)
	defer cancel()
	var group sync.WaitGroup
	turns := make(chan struct{}, atOnce)
	deliveries, places := b.deliveries(ctx)
	for i, d := range deliveries {
		group.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			b.results[places[i]] = publisher.Later(ctx, d, cause)
		})
	}
	group.Wait()
}

// deliveries makes deliveries of the messages, and returns the place of each.
// Those whose body cannot be had for now are left out with a result of their
// own, and with them what comes after in their group.
func (b *batch) deliveries(ctx context.Context) (all []publish.Delivery, places []int) {
	read := make([]publish.Delivery, len(b.messages))
	failed := make([]error, len(b.messages))
	var group sync.WaitGroup
	turns := make(chan struct{}, atOnce)
	for i, m := range b.messages {
		read[i] = b.delivery(m)
		if read[i].Claim == "" || read[i].Problem != "" {
			continue
		}
		group.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			failed[i] = b.resolve(ctx, &read[i])
		})
	}
	group.Wait()
	stopped := map[string]time.Duration{}
	for i := range read {
		d := &read[i]
		after, waits := stopped[d.Group]
		switch {
		case failed[i] != nil:
			if !waits {
				after = publish.Backoff(d.Tries, b.Random())
			}
			b.results[i] = publish.Result{ID: d.ID, Group: d.Group, Outcome: publish.Retry, Reason: failed[i].Error(), After: after}
			if d.Group != "" {
				stopped[d.Group] = after
			}
		case waits:
			b.results[i] = publish.Result{ID: d.ID, Group: d.Group, Outcome: publish.Retry, Reason: "waits for an earlier message of its group", After: after}
		default:
			all, places = append(all, *d), append(places, i)
		}
	}
	return all, places
}

// atOnce bounds the calls to AWS at the same time.
const atOnce = 8

// resolve gets the body of a message that lies elsewhere. The error is that it
// cannot be had for now.
func (b *batch) resolve(ctx context.Context, d *publish.Delivery) error {
	body, err := b.Claims.Get(ctx, d.Claim)
	if slices.ContainsFunc(b.Hopeless, func(target error) bool { return errors.Is(err, target) }) {
		d.Body, d.Problem = nil, "its body cannot be had: "+err.Error()
		return nil
	}
	if err != nil {
		err = fmt.Errorf("get its body: %w", err)
		if limit := b.pub.GiveUpAfter; publish.Overdue(*d, limit) && ctx.Err() == nil {
			d.Body, d.Problem = nil, "given up "+limit.String()+" after it was sent to us: "+err.Error()
			return nil
		}
		return err
	}
	d.Body = body
	return nil
}
