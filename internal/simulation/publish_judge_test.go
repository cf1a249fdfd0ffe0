package simulation_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"intercom-connector/internal/publish"
)

// A settlement is what a worker said became of a message, once that was safe.
type settlement struct {
	*parcel
	publish.Result
}

// canonical is an answer in the one way of writing it.
func canonical(answer json.RawMessage) string {
	if len(answer) == 0 {
		return ""
	}
	var v any
	if err := json.Unmarshal(answer, &v); err != nil {
		return string(answer)
	}
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// settle enters what became of a message.
func (p *parcel) settle(k *worker, r publish.Result) {
	w := p.o.w
	switch r.Outcome {
	case publish.Done:
		w.stats.done++
	case publish.Dead:
		w.stats.dead++
	case publish.Unknown:
		w.stats.unknown++
	case publish.Retry, publish.Paused:
		w.fault("%s: %s is no end", p.id, r.Outcome)
	}
	if r.Duplicate {
		w.stats.duplicates++
	}
	if r.ID != p.id && !p.bad {
		w.fault("%s: the result is of %s", p.id, r.ID)
	}
	if p.o.remembered && p.came(publish.Done) && k.since.After(p.ended) && (r.Outcome != publish.Done || !r.Duplicate) {
		w.fault("%s was acknowledged as done, delivered again, and then %s (duplicate %v): %s", p.id, r.Outcome, r.Duplicate, r.Reason)
	}
	if p.ended.IsZero() {
		p.ended = time.Now()
	}
	p.settled = append(p.settled, settlement{p, r})
}

// came reports whether a message has ended so.
func (p *parcel) came(to publish.Outcome) bool {
	return slices.ContainsFunc(p.settled, func(s settlement) bool { return s.Outcome == to })
}

// judgeReturn looks at a message that goes back into its queue.
func (w *office) judgeReturn(k *worker, p *parcel, r *publish.Result) {
	if r.After <= 0 || r.Reason == "" {
		w.fault("worker %d returns %s for %v because of %q", k.number, p.id, r.After, r.Reason)
	}
	if p.bad && w.plan.outages == 0 && w.paused.IsZero() && w.plan.gentle {
		w.fault("%s can never be sent and is to be tried again: %s", p.id, r.Reason)
	}
}

// judgeSending asks whether a worker may send anything now.
func (w *office) judgeSending(f *flight) {
	if !w.paused.IsZero() && w.paused.Before(f.k.since) {
		w.fault("worker %d sent %s, from a batch of %s, paused since %s", f.k.number, f.name(),
			f.k.since.UTC().Format(time.TimeOnly), w.paused.UTC().Format(time.TimeOnly))
	}
}

// judgeAnswer holds an answer against those that were told before: what comes
// again says the same.
func (w *office) judgeAnswer(k *worker, r *publish.Result) {
	i := slices.IndexFunc(k.o.parcels, func(p *parcel) bool { return p.id == r.ID })
	if i < 0 {
		w.fault("an answer to %s, which nobody has sent", r.ID)
		return
	}
	p := k.o.parcels[i]
	if r.Duplicate && k.o.remembered {
		// Two who were at it at once may have two.
		if first := slices.Compact(slices.Clone(p.told)); len(first) == 1 && first[0] != canonical(r.Answer) {
			w.fault("%s was answered %s and, delivered again, %s", p.id, first[0], r.Answer)
		}
	}
	p.told = append(p.told, canonical(r.Answer))
}

// judgeLetter asks whether a message deserves to be a dead letter.
func (w *office) judgeLetter(k *worker, l *publish.DeadLetter) {
	i := slices.IndexFunc(k.o.parcels, func(p *parcel) bool { return p.id == l.ID && bytes.Equal(p.body, l.Body) })
	if i < 0 {
		w.fault("a dead letter %s, which nobody has sent", l.ID)
		return
	}
	p := k.o.parcels[i]
	switch {
	case p.bad && l.Outcome == publish.Dead && strings.HasPrefix(l.Reason, "the message is not valid: "):
	case p.same != nil && l.Outcome == publish.Dead && strings.HasPrefix(l.Reason, "the id was used before"):
	case l.Outcome == publish.Unknown && p.o.once && (p.doubted || p.same != nil && p.same.doubted || k.overtime()):
	default:
		w.fault("%s is %s without a reason: %s", p.id, l.Outcome, l.Reason)
	}
}

// overtime reports whether a worker's time for its batch is over, which ends all
// that it waits for.
func (k *worker) overtime() bool {
	return !k.w.plan.stream && time.Since(k.since) >= k.w.plan.deadline
}

// judgeEnd asks, after a time of quiet, whether every message is accounted for
// and the workspace is what the results say.
func (w *office) judgeEnd() {
	for _, o := range w.orders {
		for _, p := range o.parcels {
			w.judgeAccount(p)
		}
		w.judgeOrder(o)
		if o.name == "upserts" {
			w.judgeUpserts(o)
		}
	}
}

// times is how often what a message asks for was applied.
func (w *office) times(sign string) (n int) {
	for _, a := range w.applied {
		if a.sign == sign {
			n++
		}
	}
	return n
}

// judgeAccount asks what became of one message, and of those that are equal to it.
func (w *office) judgeAccount(p *parcel) {
	if len(p.settled) == 0 {
		w.fault("nothing became of %s", p.id)
		return
	}
	if p.came(publish.Done) && p.came(publish.Dead) {
		w.fault("%s is done, and dead", p.id)
	}
	equals := w.signs[p.sign()]
	if equals[0] != p {
		return // asked of the first of them
	}
	times, ended := w.times(p.sign()), 0
	for _, q := range equals {
		if q.came(publish.Done) {
			ended++
		}
	}
	switch {
	case times > len(equals) && (p.o.once || p.o.method == "DELETE" || p.o.name == "archive"):
		w.fault("applied twice: %s (%d messages) came %d times", p.marker, len(equals), times)
	case times < ended && (p.o.once || times == 0):
		w.fault("not applied: %s (%d messages) is done %d times and came %d times", p.marker, len(equals), ended, times)
	}
	if times > 0 && len(equals) == 1 && p.o.once && !p.came(publish.Done) && !p.came(publish.Unknown) {
		w.fault("%s was applied and is %s: %s", p.marker, p.settled[0].Outcome, p.settled[0].Reason)
	}
	if p.same != nil && p.o.once && w.times(p.sign()) > 0 && w.times(p.same.sign()) > 0 {
		w.fault("%s and %s have one id and were both applied", p.marker, p.same.marker)
	}
	if p.came(publish.Done) && len(p.told) == 0 && p.same == nil {
		w.fault("%s is done, and nobody was told the answer", p.id)
	}
}

// judgeOrder asks whether the messages of a group were applied in their order.
// What its worker had given up, or another had by then, may come late; what is
// unknown may have come at any time.
func (w *office) judgeOrder(o *order) {
	if !o.grouped {
		return
	}
	last := map[string]*parcel{}      // by group, where nothing comes twice
	in := map[[2]int]map[string]int{} // by worker and batch, elsewhere
	onTime := map[*parcel]bool{}
	for _, a := range w.applied {
		equals := w.signs[a.sign]
		if len(equals) != 1 || equals[0].o != o {
			continue
		}
		p := equals[0]
		if p.came(publish.Unknown) || a.late && !o.once {
			continue
		}
		before := last[p.group]
		last[p.group], onTime[p] = p, true
		if o.once {
			if before != nil && before.n > p.n {
				w.fault("order: %s was applied after %s", p.marker, before.marker)
			}
			continue
		}
		batch := [2]int{a.k.number, a.batch}
		if in[batch] == nil {
			in[batch] = map[string]int{}
		}
		if n, known := in[batch][p.group]; known && n > p.n {
			w.fault("order: in one batch %s was applied after number %d", p.marker, n)
		}
		in[batch][p.group] = p.n
	}
	for _, p := range o.parcels {
		if last := last[p.group]; !o.once && onTime[p] && p.came(publish.Done) && p.n > last.n {
			w.fault("order: %s is done, and yet %s was applied last", p.marker, last.marker)
		}
	}
}

// judgeUpserts asks whether there is one contact for each address.
func (w *office) judgeUpserts(o *order) {
	made := map[string]string{} // address -> contact
	for _, a := range w.applied {
		for _, p := range w.signs[a.sign] {
			if p.o != o {
				continue
			}
			address := string(p.body[bytes.Index(p.body, []byte("new-")):bytes.Index(p.body, []byte("@example"))])
			if id, known := made[address]; known && id != a.ID {
				w.fault("upsert: %s is contact %s and contact %s", address, id, a.ID)
			}
			made[address] = a.ID
		}
	}
}
