package intercom

import (
	"math"
	"math/bits"
	"time"
)

// A concurrency is how many requests may be under way. It starts low, grows
// while answers come as fast as ever, and halves when the server struggles.
type concurrency struct {
	limit, max int
	cut        time.Duration // when it was last halved
}

// The numbers of adaption.
const (
	firstConcurrency = 8
	latencySlack     = 50 * time.Millisecond            // what latency may vary by without meaning anything
	restoreAfter     = 4                                // successes in a row that double the page size again
	maxHalvings      = 8                                // 150 records halved eight times are one
	never            = time.Duration(math.MinInt64 / 2) // long before any time
)

func newConcurrency(limit int) concurrency {
	return concurrency{limit: min(firstConcurrency, limit), max: limit, cut: never}
}

// grow allows one more, for a success that came as fast as ever.
func (c *concurrency) grow() { c.limit = min(c.limit+1, c.max) }

// halve is called for a failed request; those that were sent before the last
// cut say nothing about what it has helped.
func (c *concurrency) halve(sent, now time.Duration) {
	if sent < c.cut {
		return
	}
	c.limit, c.cut = max(c.limit/2, 1), now
}

// An experience is what is remembered of one operation. Operations differ too
// much for one latency: a search takes seconds where a tag takes milliseconds.
type experience struct {
	best     time.Duration // latency, smoothed; 0 before the first
	rise     time.Duration // when best was last raised
	halvings int           // of the page size
	streak   int           // successes since the last failure or doubling
	cut      time.Duration // when the page size was last halved
}

// holds takes in the latency of a success and reports whether it is in order.
// The best falls quickly to what has proved possible, but not at once, because
// an empty page comes faster than a full one. It rises slowly, once per round
// trip: a server that has become slower for good is accepted in the end.
func (e *experience) holds(took, now time.Duration) bool {
	if took <= 0 {
		return true
	}
	if e.best == 0 {
		e.best = took
	}
	ok := took <= 2*e.best+latencySlack
	switch {
	case took < e.best:
		e.best -= (e.best - took) / 4
	case now-e.rise >= took:
		e.best, e.rise = e.best+(took-e.best)/32, now
	}
	return ok
}

// learn adapts concurrency and page size to an outcome.
func (g *Governor) learn(out Outcome, sent, now time.Duration) {
	exp := g.operations[out.Operation]
	if exp == nil {
		exp = &experience{cut: never, rise: never}
		g.operations[out.Operation] = exp
	}
	switch {
	case out.Err == nil && out.Status/100 == 2:
		if exp.holds(out.Took, now) {
			g.concurrency.grow()
		}
		if exp.streak++; exp.streak >= restoreAfter {
			exp.streak, exp.halvings = 0, max(exp.halvings-1, 0)
		}
	case out.Status >= 500 || isTimeout(out.Err):
		g.concurrency.halve(sent, now)
	}
	if Shrink(out.Err) {
		exp.streak = 0
		if sent >= exp.cut {
			exp.halvings, exp.cut = min(exp.halvings+1, maxHalvings), now
		}
	}
}

// PageSize is how many records to ask op for at once: full, which must be what
// the caller would like, halved for each time that op failed in a way that
// [Shrink] knows, doubled again after ten successes in a row, never below one.
func (g *Governor) PageSize(op *Operation, full int) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	exp := g.operations[op]
	if exp == nil || full <= 1 {
		return full
	}
	// A smaller page than one is not remembered, or it would take ten more
	// successes to come back from each.
	exp.halvings = min(exp.halvings, bits.Len(uint(full))-1)
	return max(full>>exp.halvings, 1)
}
