package subscribe

import (
	"context"
	"errors"
	"time"
)

// lease saves the checkpoint as it is, and with it this run's claim.
func (r *run) lease(ctx context.Context) error {
	err := r.save(ctx, time.Now().Add(leaseFor))
	if err == nil {
		r.saved, r.leased = time.Now(), true
	}
	return err
}

func (r *run) saveIfDue(ctx context.Context) error {
	since := time.Since(r.saved)
	switch {
	case r.dirty && since >= saveEvery && r.holdFor() <= 0:
		return r.secure(ctx)
	case since >= renewEvery:
		return r.lease(ctx)
	}
	return nil
}

// holdFor is how much longer the destination would rather not be flushed. The
// lease is renewed meanwhile, with the position that is safe.
func (r *run) holdFor() time.Duration {
	if holder, ok := r.Destination.(Holder); ok {
		return holder.HoldFor()
	}
	return 0
}

// secure makes what was delivered safe, then remembers it, then saves the
// position behind it. In this order a crash between any two steps reads
// something again and never skips anything.
func (r *run) secure(ctx context.Context) error {
	if r.unsafe == nil {
		r.unsafe = r.flush(ctx)
	}
	if r.unsafe != nil {
		return r.unsafe
	}
	r.safe = r.work.Report.Events
	if r.memory != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveWithin)
		defer cancel()
		if err := r.memory.save(ctx, r.serverNow(), r.reach()); err != nil {
			return err
		}
	}
	run := *r.work
	run.Slices = r.durable()
	run.Saved, run.Parked = time.Now().Unix(), r.parked
	run.Report = r.report(nil)
	run.Report.Outcome = ""
	r.cp.Run = &run
	r.dirty = false
	return r.lease(ctx)
}

// durable is what is saved of the slices.
func (r *run) durable() []Slice {
	all := make([]Slice, 0, len(r.cuts))
	for _, c := range r.cuts {
		all = append(all, c.Slice)
	}
	return all
}

// reach is the earliest change that this run, however often it is stopped, or a
// later one may read. While open tickets are read that is any: they may be as old
// as the workspace.
func (r *run) reach() int64 {
	sub := r.Subscription
	if r.how.Open && r.work.Phase != over {
		return 0
	}
	last := min(r.cp.Watermark-int64(sub.Overlap/time.Second), r.work.From)
	return max(min(last, r.work.Started-int64(sub.Resweep.Window/time.Second)), 0)
}

// report is what the run did so far, and how it ended if err is why.
func (r *run) report(err error) Report {
	report := Report{
		Subscription: r.Subscription.Name, Client: r.Client.Name, Entity: r.Subscription.Entity, Workspace: r.me.ID,
		Notes: r.me.notes, Started: r.began.UTC(), WatermarkBefore: timeOf(r.cp.Watermark), WatermarkAfter: timeOf(r.cp.Watermark),
	}
	if r.opts.Continue != nil {
		report.Run = r.opts.Continue.Run
	}
	if r.work != nil {
		report = r.work.Report
		report.Audit = nil
		if audit := r.work.audited(); audit != (Audit{}) && r.work.Phase == over && r.unsafe == nil {
			report.Audit = &audit
		}
		if r.unsafe != nil {
			report.Events = r.safe // who cannot make the others safe takes them back, or delivers them again
		}
		report.Waited += r.API.Governor().Limits().Waited - r.waited
		report.Duration += time.Since(r.began)
		if r.memory != nil {
			report.Forgotten += r.memory.forgotten
		}
	}
	report.Finished = time.Now().UTC()
	report.Outcome = outcome(err)
	switch {
	case err != nil:
		report.Error = err.Error()
	case report.Audit != nil && report.Audit.Missing() > 0:
		report.Outcome = Incomplete
	}
	return report
}

func outcome(err error) Outcome {
	var (
		busy      *BusyError
		overtaken *OvertakenError
	)
	switch {
	case err == nil:
		return Done
	case errors.Is(err, ErrInterrupted):
		return Interrupted
	case errors.As(err, &busy):
		return Busy
	case errors.As(err, &overtaken):
		return Overtaken
	default:
		return Failed
	}
}
