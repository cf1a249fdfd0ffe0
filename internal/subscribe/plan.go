package subscribe

import (
	"context"
	"fmt"
	"time"

	"intercom-connector/internal/config"
	"intercom-connector/internal/transform"
	"intercom-connector/shared/intercom"
)

// founded is before any workspace: where a read by windows begins if neither
// the configuration nor the workspace says when.
const founded = 1293840000 // 2011-01-01

// resweeps reports whether what changed lately is due to be read again.
func (r *run) resweepDue() bool {
	every := int64(r.Subscription.Resweep.Every / time.Second)
	return every > 0 && r.me.now-r.cp.Resweep >= every
}

// begin makes a new run of the checkpoint: its requests and how far back it goes.
func (r *run) begin(ctx context.Context) error {
	r.work = &Run{
		ID:      r.newID(),
		Started: r.me.now,
		Now:     time.Unix(r.me.now, 0).UTC(),
		Report: Report{
			Subscription: r.Subscription.Name, Client: r.Client.Name, Entity: r.Subscription.Entity,
			Workspace: r.me.ID, Started: time.Unix(r.me.now, 0).UTC(), Notes: r.me.notes,
		},
	}
	run := r.work
	ctx = WithRun(ctx, run.ID)
	run.Report.Run = run.ID
	run.Report.WatermarkBefore = timeOf(r.cp.Watermark)
	r.setPeriod(run)
	if err := r.plan(ctx, run); err != nil {
		return &hopelessError{err}
	}
	return nil
}

// setPeriod says what changes a run reads, and in which phase it begins.
func (r *run) setPeriod(run *Run) {
	sub := r.Subscription
	second := func(d time.Duration) int64 { return int64(d / time.Second) }
	switch {
	case sub.Sync != config.Incremental:
		return
	case !r.opts.Since.IsZero():
		run.From, run.To, run.Phase = r.opts.Since.Unix(), unix(r.opts.Until), catchUp
	case r.cp.Watermark == 0:
		run.From, run.Phase = max(unix(sub.Start), 0), catchUp
		run.Resweep = true // a first load has read it all
		if r.how.Strategy == intercom.BySearch {
			run.Phase, run.Loaded = loading, true
			run.Border = max(run.Started-second(sub.Lag+sub.Overlap), 1)
		}
	default:
		run.From, run.Phase = r.cp.Watermark-second(sub.Overlap), catchUp
		if r.resweepDue() {
			run.Resweep = true
			run.From = min(run.From, r.me.now-second(sub.Resweep.Window))
		}
	}
	run.From = max(run.From, 0)
	run.After = r.days.after(run.From, unknownGrain)
}

// plan makes the requests of a run out of the configured one.
func (r *run) plan(ctx context.Context, run *Run) error {
	sub := r.Subscription
	parts, err := transform.Requests(ctx, r.requests, transform.RequestInput{
		Path: sub.Path, Query: sub.Query, Payload: sub.Payload, Input: r.opts.Input,
		Now: run.Now, Last: timeOf(r.cp.Watermark), Subscription: sub.Name,
	})
	if err != nil {
		return fmt.Errorf("request_transform: %w", err)
	}
	for _, p := range parts {
		request := intercom.Request{Path: p.Path, Query: p.Query, Payload: p.Payload}
		run.Requests = append(run.Requests, request)
		if p.Problem == nil {
			continue
		}
		if err := r.quarantineRequest(ctx, len(run.Requests)-1, p.Problem); err != nil {
			return err
		}
		run.Requests = run.Requests[:len(run.Requests)-1]
		run.Refused++
	}
	return nil
}

// slices are the parts in which request i is first read in this phase; the
// newest is the first, and what its total is of.
func (r *run) slices(i int) []Slice {
	run, p := r.work, r.work.Phase
	whole := Slice{Request: i, Total: -1, Root: true}
	switch {
	case r.how.Strategy == intercom.BySearch && p == counting:
		whole.By = r.how.Created
		return []Slice{whole}
	case r.how.Strategy == intercom.BySearch && p == loading:
		whole.By, whole.Range.To = r.how.Created, run.Border
		return []Slice{whole}
	case r.how.Strategy == intercom.BySearch:
		whole.By, whole.Range, whole.After = r.how.Changed, Range{run.From, run.To}, run.After
		whole.Before = r.days.before(run.To, unknownGrain)
		all := []Slice{whole}
		if r.how.Open && r.opts.Since.IsZero() && !run.Loaded {
			all = append(all, Slice{Request: i, Total: -1, By: r.how.Created, Open: true})
		}
		return all
	case r.how.Strategy == intercom.ByFilter:
		whole.Range, whole.After = Range{run.From, run.To}, max(run.From-1, 0) // whether the bound is part of it is not known
	case r.how.Strategy == intercom.ByList:
		whole.By, whole.Range = r.how.Changed, Range{run.From, run.To}
	case r.how.Strategy == intercom.ByWindow:
		return r.windows(whole, run)
	}
	return []Slice{whole}
}

// windows cuts the time of a run into what may be asked for at once, newest
// first. They overlap by a second at either side, as it is not known whether
// the API's bounds are part of a window.
func (r *run) windows(whole Slice, run *Run) []Slice {
	from, to := run.From, run.To
	if from == 0 {
		from = founded
		if r.me.Created > 0 {
			from = r.me.Created - 86400
		}
	}
	if to == 0 {
		to = r.me.now + 3600
	}
	length := int64(r.how.Window / time.Second)
	if length == 0 {
		length = to - from
	}
	var all []Slice
	for ; to > from; to -= length {
		s := whole
		s.Root = len(all) == 0
		s.After, s.Before = max(to-length, from)-1, to+1
		all = append(all, s)
	}
	return all
}

func timeOf(second int64) time.Time {
	if second == 0 {
		return time.Time{}
	}
	return time.Unix(second, 0).UTC()
}

// newID makes an id for a run.
func (r *run) newID() string {
	const digits = "0123456789abcdefghijklmnopqrstuvwxyz"
	id := make([]byte, 10)
	for i := range id {
		id[i] = digits[int(r.Random()*float64(len(digits)))]
	}
	return string(id)
}
