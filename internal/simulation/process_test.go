package simulation_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"intercom-connector/internal/event"
	"intercom-connector/internal/subscribe"
	"intercom-connector/shared/intercom"
)

// A process is one invocation: an engine of its own on the store, the
// destination and the workspace that all share.
type process struct {
	w      *world
	number int
	opts   subscribe.Options
	began  time.Time
	cancel context.CancelFunc

	// The hand's.
	dead        bool
	pausedUntil time.Time
	paused      bool          // at some time
	pending     []event.Event // delivered and not yet safe
	accepted    int64         // events
	requests    int64         // of the subscription's operation, answered
	faulted     bool          // the store or the destination did not answer it well
	writes      int           // of its checkpoint
	run         string        // that it goes on with, "" before it has said so
	interrupted bool
	loose       []*delivery // safe, but behind no checkpoint yet

	mu      sync.Mutex
	blocked time.Time // no request may be sent before: it knows of a 429

	ended  time.Time        // zero until then
	report subscribe.Report // as soon as it has ended
	err    error
}

// start begins a process.
func (w *world) start(opts subscribe.Options) *process {
	ctx, cancel := context.WithCancel(context.Background())
	p := &process{w: w, number: len(w.procs) + 1, opts: opts, began: time.Now(), cancel: cancel}
	w.procs = append(w.procs, p)
	w.running = append(w.running, p)
	w.note(p.number, "start", "")
	seed := w.seed ^ uint64(p.number)<<32
	api, err := intercom.New(intercom.Config{
		Token: intercom.StaticToken("secret"), Transport: transport{p}, Timeout: 24 * time.Hour, // see transport
		Governor: intercom.NewGovernor(intercom.GovernorConfig{Jitter: locked(seed)}),
	})
	if err != nil {
		panic(err)
	}
	engine, err := subscribe.New(subscribe.Config{
		Subscription: w.cfg.Subscriptions["it"], Client: w.cfg.Clients["main"], API: api,
		Store: store{p}, Destination: p.destination(), Quarantine: aside{p},
		Owner: "process " + strconv.Itoa(p.number), Random: locked(seed + 1),
	})
	if err != nil {
		panic(err)
	}
	go func() {
		p.report, p.err = engine.Run(ctx, opts)
		cancel()
		w.end(p)
	}()
	return p
}

// locked returns numbers from a seed to whoever asks.
func locked(seed uint64) func() float64 {
	var mu sync.Mutex
	rng := rand.New(rand.NewPCG(seed, 1))
	return func() float64 {
		mu.Lock()
		defer mu.Unlock()
		return rng.Float64()
	}
}

// kill ends a process as SIGKILL or a power cut does: what it asked for and
// has not got yet never happens, and of what it delivered and has not seen safe
// only the beginning may be there.
func (w *world) kill(p *process, why string) {
	w.note(p.number, "dies", why)
	p.ended = time.Now()
	w.stats.crashes++
	w.bury(p)
	w.settle(p)
	p.cancel()
}

// settle makes some of what is not safe yet safe, as if by chance.
func (w *world) settle(p *process) {
	w.makeSafe(p, w.rng.IntN(len(p.pending)+1))
	p.pending = nil
}

// deed does something for a process that may die right before or right after it.
func (w *world) deed(p *process, do func()) {
	if w.chance(w.plan.crash / 2) {
		w.kill(p, "before")
		return
	}
	do()
	if w.chance(w.plan.crash / 2) {
		w.kill(p, "after")
	}
}

var errInjected = errors.New("simulation: out of order for the moment")

// ended takes note of a process that has come to its end.
func (w *world) ended(p *process) {
	for i, other := range w.running {
		if other == p {
			w.running = append(w.running[:i:i], w.running[i+1:]...)
			break
		}
	}
	p.ended = later(p.ended, time.Now())
	if p.dead {
		w.note(p.number, "buried", "")
		return
	}
	w.note(p.number, "end", fmt.Sprintf("%s %d events %d requests %v", p.report.Outcome, p.report.Events, p.report.Requests, p.err))
	w.settle(p)
	w.judgeRun(p)
	w.handOver(p)
}
