package subscribe

import (
	"context"
	"errors"
	"time"

	"intercom-connector/internal/config"
	"intercom-connector/internal/event"
	"intercom-connector/shared/intercom"
)

// A run is a Run of the checkpoint at work. Everything in it belongs to the
// goroutine of loop; requests run beside it and answer through results.
type run struct {
	*Engine
	keeper

	opts   Options
	work   *Run // as of now; the checkpoint has it as of the last time all was safe
	final  *Report
	me     workspace
	source string // of its events
	days   calendar
	grains map[string]grain // by date: what its filter is known to mean
	uncut  bool             // nothing is cut: the server does not mind upper bounds
	memory *memory          // nil where nothing is dropped
	seen   seen             // of this invocation, for the audit

	cuts     []*cut
	inFlight int
	results  chan result
	cancel   context.CancelFunc // of the requests under way
	problem  error              // why the last thing was quarantined
	// tolerated is how much an earlier invocation had quarantined when it
	// stopped: whoever lets a run go on has seen that.
	tolerated int64
	refused   int64         // events put aside that had counted as delivered
	safe      int64         // events that a flush has made safe
	batch     []event.Event // reused from page to page
	scroll    scroll
	parked    bool  // stopped in order, with no answer outstanding
	handed    bool  // stopped in time: another invocation may go on
	unsafe    error // why events may be lost: a later Flush says nothing about them

	stuckSince time.Time // since when the rate limit lets nothing through

	saved  time.Time // when the checkpoint last was
	leased bool      // the checkpoint is this run's
	dirty  bool      // something was delivered since
	offset int64     // the server's clock minus ours, in seconds
	began  time.Time
	waited time.Duration // for the rate limit before this run, by this governor
}

// maxSlices bounds how much a run has under way, whatever the limit allows.
const maxSlices = 64

// closeWithin is how long a run that ends may take to make safe what it did.
const closeWithin = 20 * time.Second

// open finds out what there is to do: whose token it is, what is remembered,
// whether somebody else is at it, and whether a run is to be gone on with.
func (e *Engine) open(ctx context.Context, opts Options) (*run, error) {
	r := &run{Engine: e, opts: opts, grains: map[string]grain{}, results: make(chan result, maxSlices), began: time.Now()}
	if !opts.Since.IsZero() && e.how.Strategy == 0 {
		return r, ErrNoWindow
	}
	r.waited = e.API.Governor().Limits().Waited
	err := e.checkHandover(ctx, opts)
	if err != nil {
		return r, err
	}
	if r.me, err = e.identify(ctx); err != nil {
		return r, err
	}
	if err := e.pin(ctx, r.me, opts.ReplaceWorkspace); err != nil {
		return r, err
	}
	r.offset, r.source = r.me.now-time.Now().Unix(), event.Source(r.me.ID)
	r.keeper = e.keeper(r.me.ID, opts)
	if err := r.load(ctx); err != nil {
		return r, err
	}
	if err := r.expect(opts.Continue); err != nil {
		return r, err
	}
	if lease := r.cp.Lease; !e.Alone && lease.Owner != "" && time.Now().Before(lease.Until) {
		return r, &BusyError{Subscription: e.Subscription.Name, Owner: lease.Owner, Until: lease.Until}
	}
	return r, r.takeOver(ctx)
}

// takeOver makes the checkpoint this run's own, with a run in it to go on with.
func (r *run) takeOver(ctx context.Context) error {
	reads := fingerprint(r.Subscription, r.Client.Version)
	if r.cp.Subscription == "" || r.opts.Reset {
		r.cp = Checkpoint{Reads: reads, Forget: r.opts.Reset}
	}
	remembers := r.cp.Watermark > 0 || r.cp.Run != nil
	if changed := changedParts(r.cp.Reads, reads); remembers && len(changed) > 0 {
		if !r.opts.KeepWatermark {
			return &ChangedError{Subscription: r.Subscription.Name, Parts: changed}
		}
		r.cp.Run = nil
	}
	r.days = r.calendar(r.cp.Zone)
	r.cp.Subscription, r.cp.Client, r.cp.Workspace = r.Subscription.Name, r.Client.Name, r.me.ID
	r.cp.Reads, r.cp.Zone = reads, r.me.Zone
	if err := r.lease(ctx); err != nil { // from here on, whoever else comes is told to go
		return err
	}
	if r.cp.Run != nil {
		r.resume()
	} else if err := r.begin(ctx); err != nil {
		return err
	}
	ctx = WithRun(ctx, r.work.ID)
	if err := r.recall(ctx); err != nil {
		return err
	}
	return r.secure(ctx)
}

// calendar is the workspace's, wider where the zone is in doubt.
func (r *run) calendar(before string) calendar {
	days := calendar{zone: r.me.zone}
	if !r.me.known || before != "" && before != r.me.Zone {
		days.slack = 1
	}
	return days
}

// recall loads what was delivered, as far as this run may meet it again.
func (r *run) recall(ctx context.Context) error {
	if !r.keepsWatermark() {
		return nil
	}
	sub := r.Subscription
	keep := max(sub.Resweep.Window, sub.Overlap+sub.Lag) + time.Hour
	r.memory = newMemory(r.Store, r.key, keep)
	if r.cp.Forget {
		if err := r.memory.clear(ctx); err != nil {
			return err
		}
		r.cp.Forget = false
		return nil
	}
	from := r.work.From
	if r.how.Open {
		from = 0
	}
	return r.memory.load(ctx, from)
}

// resume takes up the slices of a run that was stopped.
func (r *run) resume() {
	run := *r.cp.Run
	r.work = &run
	run.Report.Earlier = run.Report.clone()
	run.Report.Resumed = true
	run.Report.Outcome, run.Report.Error = "", ""
	r.tolerated, r.safe = run.Report.Quarantined, run.Report.Events
	alive := run.Parked && time.Since(time.Unix(run.Saved, 0)) < scrollLife
	run.Parked = false
	r.seen.lost = true
	run.After = r.days.wider(run.After, run.From)
	for _, s := range run.Slices {
		if r.operation.Paging == intercom.Scroll && !alive {
			// From scratch, never half believed.
			s.Pager, s.Read = intercom.Pager{}, 0
		}
		s.widen(r.days)
		r.cuts = append(r.cuts, newCut(s))
	}
}

// loop works until the run is over, stopped or cannot go on.
func (r *run) loop(ctx context.Context) error {
	ctx, r.cancel = context.WithCancel(ctx)
	defer r.drain()
	defer r.cancel()
	r.saved = time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		r.advance(ctx)
		if r.work.Phase == over {
			return nil
		}
		wait, err := r.launch(ctx)
		if err != nil {
			return err
		}
		timer.Reset(r.until(wait))
		res, answered, err := r.await(ctx, timer.C)
		if err != nil {
			return err
		}
		if answered {
			if err := r.handle(ctx, res); err != nil {
				return err
			}
		}
		if r.stopped() {
			r.parked = r.inFlight == 0
			return r.handOver()
		}
		if err := r.saveIfDue(ctx); err != nil {
			return err
		}
	}
}

// await waits for the next answer, or until it is time for something else. What
// has happened already goes in a fixed order, so that nothing depends on chance.
func (r *run) await(ctx context.Context, due <-chan time.Time) (res result, answered bool, err error) {
	if ctx.Err() != nil {
		return result{}, false, ErrInterrupted
	}
	select {
	case res = <-r.results:
		return res, true, nil
	default:
	}
	select {
	case res = <-r.results:
		return res, true, nil
	case <-due:
		return result{}, false, nil
	case <-ctx.Done():
		return result{}, false, ErrInterrupted
	}
}

// until is how long loop may sleep: until a request can be sent, the
// checkpoint or the lease is due, or it is time to stop.
func (r *run) until(wait time.Duration) time.Duration {
	since := time.Since(r.saved)
	wait = min(wait, renewEvery-since)
	if r.dirty {
		wait = min(wait, max(saveEvery-since, r.holdFor()))
	}
	if !r.opts.StopAt.IsZero() && (!r.stopping() || r.stopped()) {
		wait = min(wait, time.Until(r.opts.StopAt))
	}
	return max(wait, 0)
}

// stopping reports whether it is time to send nothing more.
func (r *run) stopping() bool {
	return !r.opts.StopAt.IsZero() && !time.Now().Before(r.opts.StopAt)
}

// stopped reports whether it is time to end. The answer to a scroll is waited
// for all the same: without it the scroll would be lost.
func (r *run) stopped() bool {
	return r.stopping() && (r.inFlight == 0 || r.operation.Paging != intercom.Scroll)
}

// drain waits for the requests under way, whose context is cancelled.
func (r *run) drain() {
	for ; r.inFlight > 0; r.inFlight-- {
		<-r.results
	}
}

// advance begins the next phase when the one under way has nothing left.
func (r *run) advance(ctx context.Context) {
	run := r.work
	for r.idle() && run.Phase != over {
		switch {
		case run.Phase == loading:
			run.Phase, run.Next = counting, 0
		case run.Phase == counting:
			run.Phase, run.Next = catchUp, 0
			run.From = max(run.From, run.Border)
			run.After = r.days.after(run.From, unknownGrain)
		case run.Loaded && !run.Audit.Again && run.audited().Missing() > 0:
			r.Log.WarnContext(ctx, "records missing, reading again",
				"expected", run.Audit.Expected, "read", run.Audit.Read)
			run.Audit = Audit{Again: true}
			run.Next, run.Late = 0, 0
			r.setPeriod(run)
		default:
			run.Phase = over
		}
	}
}

// close ends a run or leaves it for the next one, and gives the lease back.
func (r *run) close(ctx context.Context, err error) error {
	var overtaken *OvertakenError
	if errors.As(err, &overtaken) {
		return err
	}
	// What was delivered is made safe, although whoever asked may be gone.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeWithin)
	defer cancel()
	r.freeScroll(ctx)
	if saveErr := r.secure(ctx); saveErr != nil && (err == nil || errors.As(saveErr, &overtaken)) {
		err = saveErr
	}
	if errors.As(err, &overtaken) {
		return err
	}
	if err == nil {
		err = r.checkShare() // the last flush may have added to it
	}
	r.conclude(err)
	saveErr := r.save(ctx, time.Time{})
	switch {
	case saveErr != nil && err == nil:
		report := r.report(saveErr)
		r.final = &report
		return saveErr
	case saveErr == nil && r.handed && errors.Is(err, ErrInterrupted):
		r.final.Handover = &Handover{Run: r.work.ID, Revision: r.rev}
	}
	return err
}

// conclude writes into the checkpoint how the run ended.
func (r *run) conclude(err error) {
	report := r.report(err)
	if err != nil {
		if hopeless(err) {
			r.cp.Run = nil // going on would only meet it again
		}
	} else {
		if report.Outcome == Done {
			r.cp.Done = report.Finished.Unix()
		}
		if report.Outcome == Done && r.keepsWatermark() {
			r.cp.Watermark = max(r.cp.Watermark, r.work.Started-int64(r.Subscription.Lag/time.Second))
			if r.work.Resweep {
				r.cp.Resweep = r.work.Started
			}
		}
		r.cp.Run = nil
	}
	report.WatermarkAfter = timeOf(r.cp.Watermark)
	r.cp.Last, r.final = &report, &report
}

// keepsWatermark reports whether the run is a step of an incremental read,
// rather than a full one or a window that is read again.
func (r *run) keepsWatermark() bool {
	return r.Subscription.Sync == config.Incremental && r.opts.Since.IsZero()
}

func (r *run) serverNow() int64 { return time.Now().Unix() + r.offset }
