package simulation_test

import (
	"time"

	"intercom-connector/internal/subscribe"
)

// handOver lets others go on with a run that was stopped in time: mostly one and
// at once, but what says so is delivered late, twice or never as well.
func (w *world) handOver(p *process) {
	h := p.report.Handover
	if h == nil {
		return
	}
	w.judgeHandover(p, h)
	if w.chance(0.1) {
		w.note(p.number, "lost", "its hand-over")
		return
	}
	w.deliver(p, h, w.between(0, 2*time.Second))
	if w.chance(0.3) {
		w.deliver(p, h, w.between(0, 5*time.Minute))
	}
}

// deliver begins a process that goes on where p was stopped.
func (w *world) deliver(p *process, h *subscribe.Handover, after time.Duration) {
	w.in(after, func() {
		if w.over() || len(w.running) >= 4 {
			return
		}
		w.stats.handovers++
		w.start(subscribe.Options{
			Since: p.opts.Since, Until: p.opts.Until,
			StopAt: time.Now().Add(w.between(0, time.Minute)), Continue: h,
		})
	})
}

// judgeHandover asks whether what p hands over is what it has saved.
func (w *world) judgeHandover(p *process, h *subscribe.Handover) {
	if p.report.Outcome != subscribe.Interrupted || p.opts.StopAt.IsZero() || time.Now().Before(p.opts.StopAt) {
		w.fault("process %d is %q and hands over", p.number, p.report.Outcome)
	}
	if h.Run != p.run {
		w.fault("process %d hands over run %s, its checkpoint has %s", p.number, h.Run, p.run)
	}
}

// judgeContinuation looks at a checkpoint of a process that was to go on with a
// hand-over: it is of that run, and nobody else has made use of the hand-over.
func (w *world) judgeContinuation(p *process) {
	h := p.opts.Continue
	if h == nil || p.writes > 1 {
		return
	}
	if p.run != h.Run {
		w.fault("handover: process %d was to go on with run %s and writes about %q", p.number, h.Run, p.run)
	}
	for _, other := range w.procs[:p.number-1] {
		if o := other.opts.Continue; o != nil && *o == *h && other.writes > 0 {
			w.fault("handover: processes %d and %d both go on with run %s as of revision %s", other.number, p.number, h.Run, h.Revision)
		}
	}
}
