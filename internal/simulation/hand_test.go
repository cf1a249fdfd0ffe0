package simulation_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"sync"
	"testing/synctest"
	"time"
)

// errDead is what a dead process gets for everything it asks for.
var errDead = errors.New("simulation: this process is dead")

// A call is something that a process asks of the world and waits for.
type call struct {
	proc   *process
	kind   string // get, save, deliver, …
	detail string
	// act is what it does to the world, done by the hand. A call that is to be
	// picked a second time, as an answer on its way back is, returns how much
	// later; any other a negative duration.
	act func() time.Duration

	due  time.Time
	done chan struct{}
	dead bool // it was not done: its process died
}

// A moment is something that happens by itself.
type moment struct {
	at   time.Time
	what func()
}

// A hand decides the order of everything that comes from outside.
type hand struct {
	rng *rand.Rand

	mu      sync.Mutex
	arrived []*call // since the hand last looked
	left    []*call // whose caller stopped waiting
	ended   []*process

	wake    chan struct{}
	waiting []*call
	moments []moment // in their order
	trace   []step
	stopped bool
}

// A step is one line of a trace.
type step struct {
	at           time.Time
	proc         int
	kind, detail string
}

func (s step) String() string {
	return fmt.Sprintf("%s  %3d  %-8s %s", s.at.UTC().Format("01-02 15:04:05.000000"), s.proc, s.kind, s.detail)
}

func newHand(seed uint64) *hand {
	return &hand{rng: rand.New(rand.NewPCG(seed, 0x5eed)), wake: make(chan struct{}, 1)}
}

// ask waits for the hand to do act. The error is that of ctx or errDead.
func (h *hand) ask(ctx context.Context, p *process, kind, detail string, act func() time.Duration) error {
	c := &call{proc: p, kind: kind, detail: detail, act: act, done: make(chan struct{})}
	h.mu.Lock()
	if p.dead {
		h.mu.Unlock()
		return errDead
	}
	h.arrived = append(h.arrived, c)
	h.mu.Unlock()
	h.nudge()
	select {
	case <-c.done:
	case <-ctx.Done():
		h.mu.Lock()
		h.left = append(h.left, c)
		h.mu.Unlock()
		h.nudge()
		return ctx.Err()
	}
	if c.dead {
		return errDead
	}
	return nil
}

func (h *hand) end(p *process) {
	h.mu.Lock()
	h.ended = append(h.ended, p)
	h.mu.Unlock()
	h.nudge()
}

func (h *hand) nudge() {
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// note adds a line to the trace.
func (h *hand) note(proc int, kind, detail string) {
	h.trace = append(h.trace, step{time.Now(), proc, kind, detail})
}

// in plans something.
func (h *hand) in(d time.Duration, what func()) {
	m := moment{time.Now().Add(d), what}
	i, _ := slices.BinarySearchFunc(h.moments, m, func(a, b moment) int {
		if a.at.After(b.at) {
			return 1
		}
		return -1 // behind those of the same instant
	})
	h.moments = slices.Insert(h.moments, i, m)
}

// maxSteps is more than any history has that comes to an end.
const maxSteps = 200_000

// live does one thing after the other until somebody calls stop. Between any
// two everybody else has come to rest.
func (h *hand) live(latency func(*call) time.Duration, ended func(*process)) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for !h.stopped && len(h.trace) < maxSteps {
		synctest.Wait()
		h.look(latency, ended)
		now := time.Now()
		switch {
		case h.stopped:
		case len(h.moments) > 0 && !h.moments[0].at.After(now):
			m := h.moments[0]
			h.moments = h.moments[1:]
			m.what()
		case len(h.waiting) > 0 && !h.waiting[0].due.After(now):
			h.pick()
		default:
			timer.Reset(h.idle(now))
			select {
			case <-h.wake:
			case <-timer.C:
			}
		}
	}
}

// look takes in what happened since, in an order that does not depend on
// which goroutine was the first.
func (h *hand) look(latency func(*call) time.Duration, ended func(*process)) {
	h.mu.Lock()
	arrived, left, gone := h.arrived, h.left, h.ended
	h.arrived, h.left, h.ended = nil, nil, nil
	h.mu.Unlock()
	order := func(a, b *call) int {
		return cmp.Or(cmp.Compare(a.proc.number, b.proc.number), cmp.Compare(a.kind, b.kind), cmp.Compare(a.detail, b.detail))
	}
	slices.SortStableFunc(arrived, order)
	slices.SortStableFunc(left, order)
	slices.SortFunc(gone, func(a, b *process) int { return cmp.Compare(a.number, b.number) })
	for _, c := range arrived {
		if c.proc.dead {
			c.dead = true
			close(c.done)
			continue
		}
		c.due = c.proc.after(latency(c))
		h.waiting = append(h.waiting, c)
	}
	for _, c := range left {
		h.waiting = slices.DeleteFunc(h.waiting, func(other *call) bool { return other == c })
	}
	h.sort()
	for _, p := range gone {
		ended(p)
	}
}

func (h *hand) sort() {
	slices.SortStableFunc(h.waiting, func(a, b *call) int { return a.due.Compare(b.due) })
}

// idle is how long nothing happens unless somebody asks for something.
func (h *hand) idle(now time.Time) time.Duration {
	next := now.Add(24 * time.Hour)
	if len(h.moments) > 0 {
		next = h.moments[0].at
	}
	if len(h.waiting) > 0 && h.waiting[0].due.Before(next) {
		next = h.waiting[0].due
	}
	return next.Sub(now)
}

// pick does what the first in the queue waits for.
func (h *hand) pick() {
	c := h.waiting[0]
	h.waiting = h.waiting[1:]
	again := c.act()
	switch {
	case c.proc.dead:
		c.dead = true
		close(c.done)
	case again >= 0:
		c.due = c.proc.after(again)
		h.waiting = append(h.waiting, c)
		h.sort()
	default:
		close(c.done)
	}
}

// bury ends everything that a dead process waits for.
func (h *hand) bury(p *process) {
	h.mu.Lock()
	p.dead = true
	h.mu.Unlock()
	h.waiting = slices.DeleteFunc(h.waiting, func(c *call) bool {
		if c.proc != p {
			return false
		}
		c.dead = true
		close(c.done)
		return true
	})
}

// freeze lets nothing of what a process waits for happen for a while.
func (h *hand) freeze(p *process, d time.Duration) {
	p.pausedUntil, p.paused = time.Now().Add(d), true
	for _, c := range h.waiting {
		if c.proc == p {
			c.due = later(c.due, p.pausedUntil.Add(time.Until(c.due)))
		}
	}
	h.sort()
}

func (h *hand) chance(p float64) bool { return h.rng.Float64() < p }

// between is a duration of any length between two, short ones as likely as long ones.
func (h *hand) between(least, most time.Duration) time.Duration {
	return least + time.Duration(h.rng.Float64()*float64(most-least))
}

// about is a duration whose average is d.
func (h *hand) about(d time.Duration) time.Duration {
	return time.Duration(min(h.rng.ExpFloat64(), 8) * float64(d))
}

// after is when something happens to a process that takes so long, once it is
// not paused: never all of it at one moment.
func (p *process) after(d time.Duration) time.Time {
	return later(time.Now(), p.pausedUntil).Add(d)
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// digest names a text in a few letters.
func digest(text string) string {
	f := fnv.New64a()
	_, _ = f.Write([]byte(text))
	return fmt.Sprintf("%08x", uint32(f.Sum64()))
}
