package publish

import (
	"context"
	"sync"
	"sync/atomic"
)

// maxAtOnce bounds the messages that are worked on at the same time. The
// Governor admits fewer requests than this; the rest look things up meanwhile.
const maxAtOnce = 128

// waitsForGroup is why a message was left alone.
const waitsForGroup = "waits for an earlier message of its group"

// Batch publishes deliveries as far as ctx allows and returns their results in
// the same order. Groups go side by side, and within a group the order is kept:
// after one that has to be tried again, or cannot be sent for the moment, the
// rest of its group is left alone and is Retry, too. A dead or unknown one does
// not stop its group: nothing will ever come of it.
func (p *Publisher) Batch(ctx context.Context, deliveries []Delivery) []Result {
	results := make([]Result, len(deliveries))
	for i, d := range deliveries {
		results[i] = Result{ID: d.ID, Group: d.Group, Line: d.Line}
	}
	all := func(outcome Outcome, reason string) []Result {
		for i := range results {
			results[i].Outcome, results[i].Reason = outcome, reason
			if results[i].After = pausedFor; outcome == Retry {
				results[i].After = p.backoff(deliveries[i].Tries)
			}
		}
		return results
	}
	switch reason, err := p.paused(ctx); {
	case err != nil:
		return all(Retry, err.Error())
	case reason != "":
		return all(Paused, reason)
	}
	b := &batch{p: p, deliveries: deliveries, results: results, messages: make([]*message, len(deliveries))}
	var group sync.WaitGroup
	places := make(chan struct{}, maxAtOnce)
	for _, members := range b.read(ctx) {
		places <- struct{}{}
		group.Go(func() {
			defer func() { <-places }()
			b.publish(ctx, members)
		})
	}
	group.Wait()
	return results
}

// A batch is the work of one call of Batch.
type batch struct {
	p          *Publisher
	deliveries []Delivery
	messages   []*message
	results    []Result
	paused     atomic.Pointer[string] // why nothing can be sent any more
}

// read reads all messages and returns their places by group, in the order in
// which the groups begin.
func (b *batch) read(ctx context.Context) [][]int {
	var groups [][]int
	place := map[string]int{}
	for i, d := range b.deliveries {
		m, err := b.p.read(ctx, d)
		if err != nil {
			m = nil // no time is left, which publish finds out, too
		}
		b.messages[i] = m
		group := d.Group
		if m != nil {
			group = m.group
			b.results[i].ID, b.results[i].Group = m.id, group
		}
		at, known := place[group]
		if group == "" || !known {
			at = len(groups)
			groups = append(groups, nil)
			place[group] = at
		}
		groups[at] = append(groups[at], i)
	}
	return groups
}

// publish takes one group to its results, in order.
func (b *batch) publish(ctx context.Context, members []int) {
	var stopped *Result
	for _, i := range members {
		d, r := b.deliveries[i], &b.results[i]
		switch paused := b.paused.Load(); {
		case stopped != nil && stopped.Outcome == Retry:
			r.Outcome, r.Reason, r.After = Retry, waitsForGroup, stopped.After
		case paused != nil:
			r.Outcome, r.Reason, r.After = Paused, *paused, pausedFor
		case b.messages[i] == nil || ctx.Err() != nil:
			r.Outcome, r.Reason, r.After = Retry, errNoTime.Error(), b.p.backoff(d.Tries)
		default:
			*r = b.p.work(ctx, d, b.messages[i], maxTries)
		}
		switch r.Outcome {
		case Retry:
			stopped = r
		case Paused:
			b.paused.CompareAndSwap(nil, &r.Reason)
		case Done, Dead, Unknown:
		}
	}
}
