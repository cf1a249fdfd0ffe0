package simulation_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"intercom-connector/internal/pause"
	"intercom-connector/internal/state/memstate"
	"intercom-connector/shared/intercom/intercomtest"
)

// An office is a history of writing: messages, workers who take them to the
// workspace, and whatever befalls them on the way.
type office struct {
	*hand

	seed    uint64
	plan    postPlan
	ws      *intercomtest.Workspace
	store   memstate.Store
	orders  []*order
	signs   map[string][]*parcel
	workers []*worker
	running []*worker

	applied []applied
	paused  time.Time // since when, the zero time for not at all
	faults  []string
	stats   postStats
}

// postStats are what a history of writing was like.
type postStats struct {
	messages, requests, writes, crashes, done, dead, unknown, duplicates int
}

// livePost lives through the history of a seed.
func livePost(t *testing.T, seed uint64) *office {
	t.Helper()
	var w *office
	synctest.Test(t, func(*testing.T) {
		time.Sleep(time.Until(began))
		w = newOffice(seed)
		w.begin()
		w.live(w.delay, w.ended)
		if !w.stopped {
			w.fault("no end after %d steps", len(w.trace))
		}
		for _, k := range w.running {
			w.bury(&k.process)
			k.cancel()
		}
		time.Sleep(time.Hour) // who insists on something that will not be gives up
		synctest.Wait()
	})
	return w
}

func newOffice(seed uint64) *office {
	p := newPostPlan(seed)
	w := &office{hand: newHand(seed), seed: seed, plan: p, signs: map[string][]*parcel{}}
	none := -1
	w.ws = intercomtest.New(intercomtest.Config{
		Contacts: contactsEach * len(p.trades), Conversations: 10, Tickets: none, Companies: none, Articles: none,
		Macros: none, ActivityLogs: none, Seed: seed, Limit: p.limit, IndexLag: p.lag, End: time.Now().Add(-time.Hour),
	})
	for i, kind := range p.trades {
		w.orders = append(w.orders, w.newOrder(i, kind))
	}
	return w
}

// delay is how long something takes until it happens.
func (w *office) delay(c *call) time.Duration {
	if c.kind == "http" {
		return w.between(w.plan.latency/10, w.plan.latency)
	}
	return w.between(time.Millisecond, 50*time.Millisecond)
}

// begin plans what happens by itself.
func (w *office) begin() {
	for _, o := range w.orders {
		for _, p := range o.parcels {
			w.stats.messages++
			p.sent = time.Now()
			if w.plan.stream {
				continue
			}
			w.in(time.Duration(p.n)*w.plan.length/time.Duration(3*w.plan.messages), func() {
				p.sent = time.Now()
				o.queue = append(o.queue, &entry{parcel: p})
				if !o.grouped && w.chance(w.plan.twice/4) { // handed out twice before anybody has done anything
					o.repeat(p)
				}
			})
		}
		w.in(0, func() { w.start(o) })
		if !w.plan.stream {
			w.in(w.between(0, time.Minute), func() { w.start(o) })
		}
	}
	if w.plan.pauses > 0 {
		w.in(w.about(w.plan.pauses), w.sleepNow)
	}
	if w.plan.revoked > 0 {
		w.in(w.about(w.plan.revoked), w.revoke)
	}
	w.in(time.Minute, w.watch)
	w.in(w.plan.length, w.quiet)
}

// over reports whether the quiet has begun.
func (w *office) over() bool { return !time.Now().Before(began.Add(w.plan.length)) }

// sleepNow stops a worker for a while.
func (w *office) sleepNow() {
	if w.over() {
		return
	}
	w.in(w.about(w.plan.pauses), w.sleepNow)
	if len(w.running) == 0 {
		return
	}
	k := w.running[w.rng.IntN(len(w.running))]
	d := w.between(10*time.Second, 5*time.Minute)
	w.note(k.number, "pause", d.String())
	k.doubt()
	w.freeze(&k.process, d)
}

// revoke takes the token away for some minutes.
func (w *office) revoke() {
	if w.over() {
		return
	}
	w.note(0, "revoke", "")
	w.ws.Revoke()
	w.in(w.between(time.Minute, 10*time.Minute), func() {
		w.note(0, "restore", "")
		w.ws.Restore()
		w.resume()
		w.in(w.about(w.plan.revoked), w.revoke)
	})
}

// resume lets everybody go on, as a person does who has granted access again.
func (w *office) resume() {
	if err := pause.Resume(always, &w.store, "main", ""); err != nil {
		panic(err)
	}
	w.paused = time.Time{}
}

// quiet ends all trouble.
func (w *office) quiet() {
	w.note(0, "quiet", "")
	w.plan.mishaps, w.plan.outages, w.plan.crash, w.plan.twice = 0, 0, 0, 0
	w.ws.Restore()
	w.resume()
}

// patience is how long after the quiet has begun something may become of every
// message.
const patience = 8 * time.Hour

// watch looks every minute whether all is done.
func (w *office) watch() {
	w.in(time.Minute, w.watch)
	if !w.over() {
		return
	}
	if !w.paused.IsZero() {
		w.resume() // a refusal that was long on its way has paused everybody once more
	}
	late := time.Now().After(began.Add(w.plan.length + patience))
	for _, o := range w.orders {
		open := slices.ContainsFunc(o.queue, func(e *entry) bool { return !e.gone })
		if w.plan.stream {
			open = slices.ContainsFunc(o.parcels, func(p *parcel) bool { return len(p.settled) == 0 })
		}
		if open && !late {
			return
		}
	}
	w.judgeEnd()
	w.stopped = true
}

// fault notes that something is wrong.
func (w *office) fault(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	w.note(0, "FAULT", text)
	w.faults = append(w.faults, time.Now().UTC().Format("01-02 15:04:05 ")+text)
	w.stopped = w.stopped || len(w.faults) >= 10
}
