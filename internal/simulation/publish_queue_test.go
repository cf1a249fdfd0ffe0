package simulation_test

import (
	"fmt"
	"slices"
	"time"

	"intercom-connector/internal/publish"
)

// An entry is a message in a queue, as SQS has them: handed out, it is hidden
// for a while, and comes back unless it is acknowledged.
type entry struct {
	*parcel

	visible time.Time
	receipt int  // how often it was handed out
	tries   int  // how often somebody has tried it
	again   bool // it is one that was acknowledged, or sent, before
	gone    bool
}

// A held entry is one that a worker has.
type held struct {
	*entry

	receipt int
}

// stale reports whether somebody else may have it by now.
func (h *held) stale() bool { return h.entry.receipt != h.receipt || time.Now().After(h.visible) }

// repeat puts a message into the queue once more. Where order matters and
// nothing is remembered, that would be a later message.
func (o *order) repeat(p *parcel) {
	if o.grouped && !o.remembered {
		return
	}
	e := &entry{parcel: p, again: true}
	if o.w.chance(0.5) {
		e.visible = time.Now().Add(o.w.between(0, 20*time.Minute))
	}
	o.queue = append(o.queue, e)
}

// receive hands out a batch: of every group the oldest, in order, and of no
// group of which somebody has something.
func (o *order) receive() []held {
	now := time.Now()
	busy, first := map[string]bool{}, map[string][]*entry{}
	var groups []string
	for i, e := range o.queue {
		if e.gone {
			continue
		}
		group := e.group
		if group == "" || e.again {
			group = fmt.Sprint("alone ", i)
		}
		if e.visible.After(now) {
			busy[group] = true
		}
		if first[group] == nil {
			groups = append(groups, group)
		}
		first[group] = append(first[group], e)
	}
	o.w.rng.Shuffle(len(groups), func(i, j int) { groups[i], groups[j] = groups[j], groups[i] })
	var batch []held
	ids := map[string]bool{}
	for _, group := range groups {
		if busy[group] {
			continue
		}
		for _, e := range first[group] {
			if len(batch) == o.w.plan.batch || ids[e.id] {
				break
			}
			ids[e.id] = true
			e.receipt++
			e.visible = now.Add(o.w.plan.visibility)
			batch = append(batch, held{e, e.receipt})
		}
	}
	return batch
}

// acknowledge does what a worker says became of its batch.
func (o *order) acknowledge(k *worker, results []publish.Result) {
	for i, r := range results {
		h := &k.held[i]
		stale := h.stale()
		switch r.Outcome {
		case publish.Retry, publish.Paused:
			o.w.judgeReturn(k, h.parcel, &r)
			if stale {
				continue // nobody may put off what another has
			}
			h.visible = time.Now().Add(min(r.After, 15*time.Minute))
			if r.Outcome == publish.Retry {
				h.tries++
			}
			continue
		case publish.Done, publish.Dead, publish.Unknown:
		}
		h.settle(k, r)
		switch {
		case !stale:
		case o.remembered || !o.grouped:
			if o.w.chance(0.5) {
				continue // an old receipt may be refused: it comes again
			}
		default:
			h.entry.receipt++ // whoever else has it comes too late with it
		}
		h.gone = true
		if o.w.chance(o.w.plan.twice) {
			o.repeat(h.parcel)
		}
	}
	k.held = nil
}

// deliveries are a batch as its worker sees it.
func deliveries(batch []held) []publish.Delivery {
	all := make([]publish.Delivery, 0, len(batch))
	for _, h := range batch {
		all = append(all, h.delivery(h.tries))
	}
	return all
}

func (p *parcel) delivery(tries int) publish.Delivery {
	return publish.Delivery{Body: slices.Clone(p.body), ID: p.id, Group: p.group, Sent: p.sent, Tries: tries}
}
