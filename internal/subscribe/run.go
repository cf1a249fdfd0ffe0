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
	batch     []event.Event // reused from page to page
	scroll    scroll

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
	var err error
	if r.me, err = e.identify(ctx); err != nil {
		return r, err
	}
	if err := e.pin(ctx, r.me, opts.ReplaceWorkspace); err != nil {
		return r, err
	}
	r.offset, r.source = r.me.now-time.Now().Unix(), event.Source(r.me.ID)
	r.keeper = keeper{store: e.Store, key: checkpointKey(r.me.ID, e.Subscription.Name, opts.window()), owner: e.Owner}
	if err := r.load(ctx); err != nil {
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
		r.cp = Checkpoint{Reads: reads}
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
	if r.opts.Reset {
		return r.memory.clear(ctx)
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
	run.Report.Resumed = true
	run.Report.Outcome, run.Report.Error = "", ""
	r.tolerated = run.Report.Quarantined
	for _, s := range run.Slices {
		if r.operation.Paging == intercom.Scroll && time.Since(time.Unix(run.Saved, 0)) > scrollLife {
			// The scroll is dead: from scratch, never half believed.
			s.Pager, s.Read = intercom.Pager{}, 0
		}
		r.seen.partial = r.seen.partial || s.Read > 0
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
			return r.checkShare()
		}
		wait, err := r.launch(ctx)
		if err != nil {
			return err
		}
		timer.Reset(r.until(wait))
		select {
		case res := <-r.results:
			if err := r.handle(ctx, res); err != nil {
				return err
			}
		case <-timer.C:
		case <-ctx.Done():
			return ErrInterrupted
		}
		if !r.opts.StopAt.IsZero() && !time.Now().Before(r.opts.StopAt) {
			return ErrInterrupted
		}
		if err := r.saveIfDue(ctx); err != nil {
			return err
		}
	}
}

// until is how long loop may sleep: until a request can be sent, the
// checkpoint or the lease is due, or it is time to stop.
func (r *run) until(wait time.Duration) time.Duration {
	due := renewEvery
	if r.dirty {
		due = saveEvery
	}
	wait = min(wait, due-time.Since(r.saved))
	if !r.opts.StopAt.IsZero() {
		wait = min(wait, time.Until(r.opts.StopAt))
	}
	return max(wait, 0)
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
	for len(r.cuts) == 0 && run.Next >= len(run.Requests) && run.Phase != over {
		switch {
		case run.Phase == loading:
			run.Phase, run.Next = catchUp, 0
			run.From = max(run.From, run.Border)
			run.After = r.days.after(run.From, unknownGrain)
		case run.Loaded && !run.Audit.Again && run.audited().Missing() > 0:
			r.Log.WarnContext(ctx, "records missing, reading again",
				"expected", run.Audit.Expected, "read", run.Audit.Read)
			run.Audit.Expected, run.Audit.Again = 0, true
			if r.seen.partial {
				run.Audit.Read = 0 // else what it counts again are only those that were missed
			}
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
	if r.work == nil {
		if saveErr := r.save(ctx, time.Time{}); saveErr != nil {
			return errors.Join(err, saveErr)
		}
		return err
	}
	if saveErr := r.secure(ctx); saveErr != nil && (err == nil || errors.As(saveErr, &overtaken)) {
		err = saveErr
	}
	if errors.As(err, &overtaken) {
		return err
	}
	r.conclude(err)
	if saveErr := r.save(ctx, time.Time{}); saveErr != nil && err == nil {
		return saveErr
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
