package simulation_test

import (
	"testing"
	"testing/synctest"
	"time"

	"intercom-connector/internal/config"
	"intercom-connector/internal/config/file"
	"intercom-connector/internal/event"
	"intercom-connector/internal/state/memstate"
	"intercom-connector/internal/subscribe"
	"intercom-connector/internal/transform"
	"intercom-connector/shared/intercom/intercomtest"
)

// A world is one history.
type world struct {
	*hand

	seed    uint64
	plan    plan
	cfg     *config.Config
	ws      *intercomtest.Workspace
	truth   *truth
	store   memstate.Store
	procs   []*process
	running []*process

	checkpoints map[string]written
	safe        map[string][]*delivery // by event id
	pairs       []pair
	runs        map[string]*subscribe.Run // as last saved, by id
	resweep     time.Time                 // when the last one that is done began, by the server's clock: as the checkpoint says
	again       map[string]bool           // runs that the audit made read again
	incomplete  map[string]bool
	faults      []string
	stats       stats
}

// stats are what a history was like.
type stats struct {
	events, duplicates, crashes, throttled, changes, handovers int
	outcomes                                                   map[subscribe.Outcome]int
}

// began is when every history does: a day or two before Europe's clocks change.
var began = time.Date(2026, 3, 27, 9, 0, 0, 0, time.UTC)

// live lives through the history of a seed.
func live(t *testing.T, seed uint64) *world {
	t.Helper()
	var w *world
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(began))
		w = newWorld(t, seed)
		w.begin()
		w.live(w.delay, w.ended)
		if !w.stopped {
			w.fault("no end after %d steps", len(w.trace))
		}
		for _, p := range w.running {
			w.bury(p)
			p.cancel()
		}
		synctest.Wait()
	})
	return w
}

func newWorld(t *testing.T, seed uint64) *world {
	t.Helper()
	p := newPlan(seed)
	w := &world{
		hand: newHand(seed), seed: seed, plan: p,
		checkpoints: map[string]written{}, safe: map[string][]*delivery{}, runs: map[string]*subscribe.Run{}, again: map[string]bool{}, incomplete: map[string]bool{},
		stats: stats{outcomes: map[subscribe.Outcome]int{}},
	}
	none := -1
	sizes := intercomtest.Config{
		Contacts: none, Conversations: none, Tickets: none, Companies: none, Articles: none, Macros: none, ActivityLogs: none,
		Zone: p.zones[0], Seed: seed, Span: p.span, Grain: p.grain, DayConversations: p.days, IndexLag: p.lag, Limit: p.limit,
		End: time.Now().Add(-time.Minute), LogWindow: 6 * 24 * time.Hour,
	}
	for _, size := range []struct {
		entity intercomtest.Entity
		field  *int
	}{
		{intercomtest.Contacts, &sizes.Contacts},
		{intercomtest.Conversations, &sizes.Conversations},
		{intercomtest.Tickets, &sizes.Tickets},
		{intercomtest.Companies, &sizes.Companies},
		{intercomtest.Articles, &sizes.Articles},
		{intercomtest.Macros, &sizes.Macros},
		{intercomtest.ActivityLogs, &sizes.ActivityLogs},
	} {
		if size.entity == p.entity {
			*size.field = p.records
		}
	}
	w.ws = intercomtest.New(sizes)
	cfg, err := file.Parse("connector.yaml", []byte(p.yaml()))
	if err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	w.cfg = cfg
	w.truth = &truth{
		entity: p.entity, resource: event.Resource(p.name), keep: p.matches,
		records: map[string][]*version{}, events: map[string]expected{},
	}
	if p.transform != "" {
		if w.truth.transform, err = transform.Compile(p.transform); err != nil {
			t.Fatal(err)
		}
	}
	for r := range w.ws.Records(p.entity) {
		w.truth.observe(w.ws, r.ID, true)
	}
	for _, v := range w.truth.versions {
		v.from = v.from.Add(-time.Hour) // the index has had the time
	}
	return w
}

// delay is how long something takes until it happens.
func (w *world) delay(c *call) time.Duration {
	if c.kind == "http" {
		return w.between(w.plan.latency/10, w.plan.latency)
	}
	return w.between(time.Millisecond, 50*time.Millisecond)
}

// begin plans what happens by itself.
func (w *world) begin() {
	w.in(0, w.schedule)
	w.in(w.about(w.plan.changes), w.changeNow)
	if w.plan.pauses > 0 {
		w.in(w.about(w.plan.pauses), w.pause)
	}
	if w.plan.windows {
		w.in(w.about(w.plan.length/4), w.window)
	}
	for i, zone := range w.plan.zones[1:] {
		w.in(w.plan.length/time.Duration(len(w.plan.zones))*time.Duration(i+1), func() {
			w.note(0, "zone", zone.String())
			w.ws.SetZone(zone)
		})
	}
	w.in(w.plan.length, w.quiet)
}

// over reports whether the quiet has begun.
func (w *world) over() bool { return !time.Now().Before(began.Add(w.plan.length)) }

// schedule begins a run, now and again.
func (w *world) schedule() {
	if w.over() {
		return
	}
	w.in(w.between(w.plan.every/2, w.plan.every*3/2), w.schedule)
	if len(w.running) > 0 && !w.chance(w.plan.overlaps) || len(w.running) >= 3 {
		return
	}
	opts := subscribe.Options{}
	if w.chance(0.05) && !w.plan.gentle || w.plan.handover {
		opts.StopAt = time.Now().Add(w.between(0, time.Minute))
	}
	p := w.start(opts)
	if w.chance(0.05) && !w.plan.gentle {
		w.in(w.between(0, 30*time.Second), func() {
			w.note(p.number, "interrupt", "")
			p.interrupted = true
			p.cancel()
		})
	}
	if w.chance(w.plan.overlaps) {
		w.in(w.between(0, 3*time.Minute), func() { w.start(subscribe.Options{}) })
	}
	for range w.rng.IntN(4) { // while it reads
		w.in(w.about(4*w.plan.latency), w.change)
	}
}

// pause stops a process for minutes, as a laptop's lid or a garbage collector does.
func (w *world) pause() {
	if w.over() {
		return
	}
	if len(w.running) == 0 {
		w.in(w.between(0, time.Minute), w.pause)
		return
	}
	w.in(w.about(w.plan.pauses), w.pause)
	p := w.running[w.rng.IntN(len(w.running))]
	d := w.between(10*time.Second, 5*time.Minute)
	w.note(p.number, "pause", d.String())
	w.freeze(p, d)
	w.in(w.between(0, d+time.Minute), func() {
		if len(w.running) < 3 {
			w.start(subscribe.Options{})
		}
	})
}

// window reads some hours again, until that is done. They begin and end in a
// second in which something changed.
func (w *world) window() {
	if w.over() {
		return
	}
	w.in(w.about(w.plan.length/4), w.window)
	moment := func() time.Time {
		return time.Unix(w.truth.versions[w.rng.IntN(len(w.truth.versions))].changed(), 0)
	}
	opts := subscribe.Options{Since: moment()}
	if until := moment(); w.chance(0.5) && until.After(opts.Since) {
		opts.Until = until
	}
	var p *process
	var try func()
	try = func() {
		if w.over() || p != nil && (p.report.Outcome == subscribe.Done || p.report.Outcome == subscribe.Incomplete) {
			return
		}
		p = w.start(opts)
		w.in(5*time.Minute, try)
	}
	try()
}

// excusable reports whether a run that is not done may be so in the quiet.
func (p *process) excusable() bool {
	switch p.report.Outcome {
	case subscribe.Busy, subscribe.Overtaken, subscribe.Incomplete:
		return true
	default:
		return false
	}
}

// quiet ends all trouble. What is under way may end, then runs go on until
// nothing changes any more.
func (w *world) quiet() {
	w.note(0, "quiet", "")
	w.plan.mishaps, w.plan.outages, w.plan.crash = 0, 0, 0
	waits := []time.Duration{20 * time.Minute, 20 * time.Minute}
	for range 5 { // a day, for the last resweep
		waits = append(waits, 5*time.Hour)
	}
	waits = append(waits, time.Hour)
	tries := 0
	var p *process
	var next func()
	next = func() {
		switch {
		case p == nil:
		case len(w.running) > 0, p.report.Outcome != subscribe.Done && tries < 20 && p.excusable():
			// Who is still there ends, and a run that had begun in times of trouble
			// may come out incomplete: the next one has it all.
			tries++
			if len(w.running) == 0 {
				p = w.start(subscribe.Options{})
			}
			w.in(2*time.Minute, next)
			return
		case p.report.Outcome != subscribe.Done:
			w.fault("in the quiet, process %d is %q: %v %+v", p.number, p.report.Outcome, p.err, p.report.Audit)
			w.stopped = true
			return
		}
		if len(waits) == 0 {
			if w.plan.incremental && p.report.Events > 0 {
				w.fault("the last run delivered %d events although nothing had changed", p.report.Events)
			}
			w.judgeEnd()
			w.stopped = true
			return
		}
		wait := waits[0]
		waits = waits[1:]
		w.in(wait, func() {
			p = w.start(subscribe.Options{})
			w.in(5*time.Minute, next)
		})
	}
	next()
}
