package intercom

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"time"
)

// Full is what Take answers when only a request that finishes can help.
const Full = time.Hour

// A Priority says which of two requests goes first when few are left.
type Priority uint8

// The priorities of requests.
const (
	Reading Priority = iota // leaves the reserve to writers
	Writing                 // may use all there is
)

// A GovernorConfig configures a Governor. The zero value is ready to use.
type GovernorConfig struct {
	// Reserve is the share of the limit, 0 to 0.9, that reading leaves to
	// writers, whoever they are. Default: none.
	Reserve float64
	// MaxInFlight bounds the requests under way at once. Default: 64.
	MaxInFlight int
	// Jitter spreads, in [0,1), what would wake up at the same moment.
	// Default: math/rand/v2.
	Jitter func() float64
}

// A Governor decides when the next request may be sent, and how many may be
// under way. All requests with one app's tokens share its limit, so they
// should share a Governor; those of other processes are seen in the headers of
// the answers, which count all use of the app by whoever
// (https://developers.intercom.com/docs/references/rest-api/errors/rate-limiting).
//
// It spreads requests evenly over what remains of the window, sends nothing
// between a 429 and the reset, lets concurrency grow while latency holds and
// halves it on 5xx and timeouts. It owns no goroutine.
type Governor struct {
	reserve float64
	jitter  func() float64
	start   time.Time        // what its times count from, on the monotonic clock
	queues  [2]chan struct{} // by Priority: held by the first of those who Wait

	mu          sync.Mutex
	finished    chan struct{} // closed when a request finishes; nil while nobody waits
	clock       serverClock
	window      rateWindow
	slot        time.Duration // when the last request was due
	paused      time.Duration // nothing is sent before
	probing     bool          // a request that asks for news of the window is under way
	probe       time.Duration // since when
	inFlight    int
	concurrency concurrency
	operations  map[*Operation]*experience
	throttled   int
	held        holdup
}

// NewGovernor returns a Governor that has seen nothing yet.
func NewGovernor(cfg GovernorConfig) *Governor {
	if !(cfg.Reserve > 0) { // NaN too
		cfg.Reserve = 0
	}
	if cfg.MaxInFlight <= 0 {
		cfg.MaxInFlight = 64
	}
	if cfg.Jitter == nil {
		cfg.Jitter = rand.Float64
	}
	return &Governor{
		reserve:     min(cfg.Reserve, 0.9),
		jitter:      cfg.Jitter,
		start:       time.Now(),
		queues:      [2]chan struct{}{make(chan struct{}, 1), make(chan struct{}, 1)},
		concurrency: newConcurrency(cfg.MaxInFlight),
		operations:  make(map[*Operation]*experience),
	}
}

// Take asks to send one request. Zero means yes: the request counts as under
// way, and Done must be called when it is over. Anything else is how long to
// wait before asking again; Full means until a request finishes.
func (g *Governor) Take(p Priority) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.take(p, g.now())
}

// Wait waits until one request may be sent and takes it; then Done must be
// called. The only error is that of ctx, and it takes nothing. Callers of the
// same priority go first come, first served.
func (g *Governor) Wait(ctx context.Context, p Priority) error {
	// Only the first in the queue watches the clock; the others would all wake
	// up for a place that one of them can have.
	queue := g.queues[p]
	select {
	case queue <- struct{}{}:
		defer func() { <-queue }()
	case <-ctx.Done():
		return fmt.Errorf("intercom: wait for the rate limit: %w", ctx.Err())
	}
	for {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("intercom: wait for the rate limit: %w", err)
		}
		wait, finished := g.takeOrWatch(p)
		if wait == 0 {
			return nil
		}
		watch(ctx, wait, finished)
	}
}

// takeOrWatch is Take, with a channel that closes when a request finishes.
func (g *Governor) takeOrWatch(p Priority) (time.Duration, <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	wait := g.take(p, g.now())
	if wait == 0 {
		return 0, nil
	}
	if g.finished == nil {
		g.finished = make(chan struct{})
	}
	return wait, g.finished
}

// watch waits for the time, the channel or the context, whichever is first.
func watch(ctx context.Context, wait time.Duration, finished <-chan struct{}) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-finished:
	case <-timer.C:
	}
}

func (g *Governor) take(p Priority, now time.Duration) time.Duration {
	wait := g.admit(p, now)
	g.held.count(wait, now)
	return wait
}

// admit is take without counting waits.
func (g *Governor) admit(p Priority, now time.Duration) time.Duration {
	if wait := g.paused - now; wait > 0 {
		return wait
	}
	if g.inFlight >= g.concurrency.limit {
		return Full
	}
	if wait := g.pace(p, now); wait > 0 {
		return wait
	}
	g.inFlight++
	return 0
}

// pace says how long a request has to wait for the rate limit, and books its
// place in time when it need not.
func (g *Governor) pace(p Priority, now time.Duration) time.Duration {
	w := &g.window
	if !w.known {
		g.slot = now
		return 0
	}
	// The reset lies between these two. Up to the first, sending uses the old
	// window; from the second on, the new one.
	opens, surely := g.clock.local(w.reset)
	budget := w.remaining - g.inFlight
	if p == Reading {
		budget -= int(math.Ceil(g.reserve * float64(w.limit)))
	}
	if budget <= 0 {
		return g.ask(now, surely)
	}
	// The budget cuts what remains of the window in budget+1 equal parts. After
	// the reset, and until an answer tells of a new window, what is left of the
	// old one goes out at the ordinary pace: others may be doing the same.
	interval := w.ordinary()
	if left := opens - g.slot; now < opens && left > 0 {
		interval = left / time.Duration(budget+1)
	}
	due := g.slot + interval
	if due > now {
		return due - now
	}
	// One place that was missed may be made up for, not more.
	g.slot = max(due, now-interval)
	return 0
}

// ask is pace when nothing is left: after the reset one request at a time may
// find out whether there is a new window, because only an answer proves it.
func (g *Governor) ask(now, surely time.Duration) time.Duration {
	if now < surely {
		return surely - now
	}
	if g.probing {
		return Full
	}
	g.probing, g.probe, g.slot = true, now, now
	return 0
}

// now is the time since the Governor was made. It is monotonic: setting the
// machine's clock changes nothing.
func (g *Governor) now() time.Duration { return time.Since(g.start) }

// Limits is what a Governor knows of the rate limit, and what it has done.
type Limits struct {
	Known       bool          // an answer told a limit; otherwise Limit, Remaining and Reset are zero
	Limit       int           // requests per window
	Remaining   int           // the lowest that was seen in this window
	Reset       time.Time     // when the window ends, by our clock, give or take a second
	InFlight    int           // requests under way
	Concurrency int           // how many may be under way now
	Throttled   int           // 429s so far
	Waited      time.Duration // how long the rate limit, and not the server, has held somebody back
}

// Limits returns the state of the moment.
func (g *Governor) Limits() Limits {
	g.mu.Lock()
	defer g.mu.Unlock()
	l := Limits{
		InFlight:    g.inFlight,
		Concurrency: g.concurrency.limit,
		Throttled:   g.throttled,
		Waited:      g.held.total,
	}
	if g.window.known {
		_, surely := g.clock.local(g.window.reset)
		l.Known, l.Limit, l.Remaining, l.Reset = true, g.window.limit, g.window.remaining, g.start.Add(surely)
	}
	return l
}

// pausedFor is how long nothing may be sent because of a 429.
func (g *Governor) pausedFor() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return max(0, g.paused-g.now())
}

// A holdup sums up the time in which the rate limit lets nobody go who asks.
type holdup struct {
	total        time.Duration
	since, until time.Duration // of the wait that goes on; until is 0 for none
}

// count takes in the answer to one who asked. Who never comes back has not
// waited for longer than told.
func (h *holdup) count(wait, now time.Duration) {
	switch {
	case wait == Full:
	case wait > 0:
		if h.until == 0 {
			h.since = now
		}
		h.until = max(h.until, now+wait)
	case h.until > 0:
		h.total += min(now, h.until) - h.since
		h.until = 0
	}
}
