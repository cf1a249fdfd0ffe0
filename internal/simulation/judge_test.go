package simulation_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"intercom-connector/internal/event"
	"intercom-connector/internal/subscribe"
	"intercom-connector/shared/intercom"
	"intercom-connector/shared/intercom/intercomtest"
)

// A delivery is an event that is safe in the destination.
type delivery struct {
	by *process
	at time.Time
	// secured is when a checkpoint told that it need not be sent again.
	secured time.Time
}

// fault notes that something is wrong.
func (w *world) fault(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	w.note(0, "FAULT", text)
	w.faults = append(w.faults, time.Now().UTC().Format("01-02 15:04:05 ")+text)
	w.stopped = w.stopped || len(w.faults) >= 10
}

// judgeEvent holds an event against the truth.
func (w *world) judgeEvent(e *event.Event) {
	want, known := w.truth.events[e.ID]
	switch {
	case !known:
		w.fault("invented: event %s of %s matches nothing that ever was", e.ID, e.Subject)
	case !bytes.Equal(e.Data, want.data) || e.Subject != want.version.record || e.Time.Unix() != want.version.changed():
		w.fault("invented: event %s of %s does not say what was served", e.ID, e.Subject)
	case e.Source != "intercom:fake1234" || e.Type != "intercom."+strings.ReplaceAll(w.truth.resource, "/", ".")+".upserted":
		w.fault("event %s has source %q and type %q", e.ID, e.Source, e.Type)
	}
}

// makeSafe makes the first n of what p delivered safe.
func (w *world) makeSafe(p *process, n int) {
	for _, e := range p.pending[:n] {
		d := &delivery{by: p, at: time.Now()}
		for _, before := range w.safe[e.ID] {
			w.pairs = append(w.pairs, pair{e.Subject, before, d})
		}
		if len(w.safe[e.ID]) > 0 {
			w.stats.duplicates++
		}
		w.safe[e.ID] = append(w.safe[e.ID], d)
		p.loose = append(p.loose, d)
		w.stats.events++
	}
	p.pending = p.pending[n:]
}

// judgeDuplicates asks of every event that came twice whether it had to. It is
// asked at the end, when it is known what became of everybody.
func (w *world) judgeDuplicates() {
	for _, pair := range w.pairs {
		if w.needless(pair.before, pair.again) {
			w.fault("sent twice: %s (process %d, secured at %v; then process %d at %v)", pair.record,
				pair.before.by.number, pair.before.secured.UTC().Format(time.DateTime),
				pair.again.by.number, pair.again.at.UTC().Format(time.DateTime))
		}
	}
}

// A pair is an event that came twice.
type pair struct {
	record        string
	before, again *delivery
}

// needless reports whether again repeats before without an excuse.
func (w *world) needless(before, again *delivery) bool {
	p, q := before.by, again.by
	switch {
	case p == q:
		return !q.resumed()
	case before.secured.IsZero(), !q.began.After(before.secured):
		return false // nobody had told q
	case p.run == q.run && (w.again[q.run] || !w.plan.search()):
		return false // the list shifted, or was read again for what it missed; what it had read before q is not known
	case p.run == q.run && !p.opts.Since.IsZero() && (p.dead || p.err != nil):
		return false // a window has no memory: a slice that p began again goes on from there
	case !p.opts.Since.IsZero() || !q.opts.Since.IsZero() || !w.plan.incremental:
		return p.run == q.run // those that read everything every time
	case w.incomplete[p.run]:
		return false
	case w.plan.entity == intercomtest.Tickets && w.trouble(before.secured, again.at, nil):
		return false // all that are open are read whatever their age, longer than is remembered
	}
	return !w.trouble(before.secured, before.secured, p) // else who was overtaken may have written over the memory
}

// trouble reports whether another process than p, under way at some time between
// two moments, came to a bad end.
func (w *world) trouble(from, to time.Time, p *process) bool {
	for _, other := range w.procs {
		bad := other.dead || other.err != nil
		if other != p && bad && !other.began.After(to) && (other.ended.IsZero() || !other.ended.Before(from)) {
			return true
		}
	}
	return false
}

// resumed reports whether p went on with a run that another had begun.
func (p *process) resumed() bool {
	for _, other := range p.w.procs[:p.number-1] {
		if other.run == p.run {
			return true
		}
	}
	return false
}

// A written is a checkpoint and who wrote it.
type written struct {
	subscribe.Checkpoint

	by *process
}

// judgeWrite looks at what a process has written.
func (w *world) judgeWrite(p *process, key string, value []byte) {
	if !strings.HasPrefix(key, "checkpoint/") {
		return
	}
	next := written{by: p}
	if err := json.Unmarshal(value, &next.Checkpoint); err != nil {
		w.fault("checkpoint: %v", err)
		return
	}
	last, known := w.checkpoints[key]
	w.checkpoints[key] = next
	if known {
		w.judgeTurn(p, &last)
		w.judgeProgress(&last, &next)
	}
	p.writes++
	if next.Resweep > 0 {
		w.resweep = time.Unix(next.Resweep, 0)
	}
	if next.Run != nil {
		p.run = next.Run.ID
		w.runs[p.run] = next.Run
		again := func(s subscribe.Slice) bool { return s.Again }
		if next.Run.Audit.Again || slices.ContainsFunc(next.Run.Slices, again) {
			w.again[p.run] = true
		}
	}
	w.judgeContinuation(p)
	if len(p.pending) == 0 && !p.faulted {
		for _, d := range p.loose {
			d.secured = time.Now()
		}
		p.loose = nil
	}
}

// judgeTurn asks whether p was the one to write.
func (w *world) judgeTurn(p *process, last *written) {
	if last.by == p {
		return
	}
	if p.writes > 0 {
		w.fault("fencing: process %d wrote the checkpoint after process %d had taken it over", p.number, last.by.number)
	}
	if l := last.Lease; l.Owner != "" && time.Now().Before(l.Until) {
		w.fault("lease: process %d took over from process %d, whose lease had %v left", p.number, last.by.number, time.Until(l.Until))
	}
}

// judgeProgress asks whether a checkpoint is ahead of the one before.
func (w *world) judgeProgress(last, next *written) {
	if next.Watermark < last.Watermark {
		w.fault("backwards: the watermark went from %d to %d", last.Watermark, next.Watermark)
	}
	a, b := last.Run, next.Run
	if a == nil || b == nil || a.ID != b.ID || b.Audit.Again != a.Audit.Again {
		return
	}
	if b.Phase < a.Phase || b.Phase == a.Phase && b.Next < a.Next {
		w.fault("backwards: run %s went from request %d of phase %d to %d of %d", a.ID, a.Next, a.Phase, b.Next, b.Phase)
	}
	if b.Report.Events < a.Report.Events || b.Report.Records < a.Report.Records || b.Report.Requests < a.Report.Requests {
		w.fault("backwards: the counters of run %s fell", a.ID)
	}
	if a.Started != b.Started {
		w.fault("backwards: run %s began at %d and at %d", a.ID, a.Started, b.Started)
	}
}

// judgeRun looks at what an engine says about itself.
func (w *world) judgeRun(p *process) {
	r := &p.report
	w.stats.outcomes[r.Outcome]++
	if r.Audit != nil && r.Audit.Again {
		w.again[r.Run] = true
	}
	if r.Outcome == subscribe.Failed && !w.excused(p) {
		w.fault("process %d failed without a reason: %v", p.number, p.err)
	}
	if r.Forgotten > 0 {
		w.fault("process %d forgot %d deliveries of a memory that cannot be full", p.number, r.Forgotten)
	}
	if r.Quarantined > 0 {
		w.fault("process %d reports %d quarantined", p.number, r.Quarantined)
	}
	switch r.Outcome {
	case subscribe.Done:
		if !r.Resumed && r.Events != p.accepted {
			w.fault("process %d reports %d events, %d were delivered", p.number, r.Events, p.accepted)
		}
		if !r.Resumed && w.plan.gentle && r.Requests != p.requests {
			w.fault("process %d reports %d requests, %d were answered", p.number, r.Requests, p.requests)
		}
		w.judgeResweep(p)
		w.judgeCompleteness(p)
	case subscribe.Incomplete:
		w.incomplete[r.Run] = true
		if !r.WatermarkAfter.Equal(r.WatermarkBefore) {
			w.fault("process %d is incomplete and moved the watermark", p.number)
		}
	default: // of a run that did not end nothing more is promised
	}
}

// excused reports whether p could not help failing.
func (w *world) excused(p *process) bool {
	if api, ok := errors.AsType[*intercom.APIError](p.err); ok && w.plan.scroll && api.Status == http.StatusBadRequest {
		return true // somebody who is stopped for minutes comes back to his scroll, or the answer that says so was cut
	}
	if errors.As(p.err, new(*subscribe.StuckError)) {
		return !p.opts.StopAt.IsZero()
	}
	return errors.Is(p.err, errInjected) || intercom.Temporary(p.err) ||
		errors.Is(p.err, context.Canceled) && p.interrupted ||
		errors.Is(p.err, context.DeadlineExceeded) && p.paused
}

// judgeCompleteness asks whether a run that is done has all that it could have
// seen the whole time it ran.
func (w *world) judgeCompleteness(p *process) {
	from, to := p.report.Started.Add(-w.plan.skew), time.Now()
	for _, v := range w.truth.versions {
		if !v.wanted || !v.throughout(from, to, w.plan.lag) || w.outside(p, v) {
			continue
		}
		for _, id := range v.events {
			if !w.has(p, id) {
				w.fault("lost: %s, changed at %s, is not there after run %s (process %d, since %s)", v.record,
					time.Unix(v.changed(), 0).UTC().Format(time.DateTime), p.report.Run, p.number, from.UTC().Format(time.DateTime))
				return // more of the same would tell nothing
			}
		}
	}
}

// outside reports whether a version is not one that the run was to read.
func (w *world) outside(p *process, v *version) bool {
	if !w.plan.incremental {
		return false
	}
	changed, run := time.Unix(v.changed(), 0), w.runs[p.report.Run]
	switch {
	case changed.Before(w.plan.start):
		return true
	case !p.opts.Since.IsZero():
		return !v.loud || changed.Before(p.opts.Since) || !p.opts.Until.IsZero() && !changed.Before(p.opts.Until)
	case v.loud, run.Loaded:
		return false
	case v.open && w.plan.search():
		return false
	}
	// A change that did not move updated_at.
	return !run.Resweep || changed.Before(p.report.Started.Add(-w.plan.resweepWindow))
}

// judgeResweep asks whether a run that is done has looked back as often as it
// was to.
func (w *world) judgeResweep(p *process) {
	run := w.runs[p.report.Run]
	if !w.plan.incremental || !p.opts.Since.IsZero() || run.Resweep {
		return
	}
	if age := p.report.Started.Sub(w.resweep); age >= w.plan.resweepEvery {
		w.fault("no resweep: run %s began %v after the last one", run.ID, age)
	}
}

// has reports whether an event is safe that the run of p is answerable for: a
// run that reads everything, or a window again, for all of it by itself.
func (w *world) has(p *process, id string) bool {
	if w.plan.incremental && p.opts.Since.IsZero() {
		return len(w.safe[id]) > 0
	}
	for _, d := range w.safe[id] {
		if d.by.run == p.report.Run {
			return true
		}
	}
	return false
}

// judgeEnd asks, after a time of quiet, whether everything is there as it is.
func (w *world) judgeEnd() {
	w.judgeDuplicates()
	if !w.plan.incremental {
		return
	}
	for _, id := range w.truth.existing {
		all := w.truth.records[id]
		v := all[len(all)-1]
		if !v.wanted || !v.loud && !v.open || time.Unix(v.changed(), 0).Before(w.plan.start) {
			continue
		}
		for _, id := range v.events {
			if len(w.safe[id]) == 0 {
				w.fault("lost: the last version of %s, of %s (changed at %s, loud %v), never arrived", v.record,
					v.from.UTC().Format(time.DateTime), time.Unix(v.changed(), 0).UTC().Format(time.DateTime), v.loud)
			}
		}
	}
}
