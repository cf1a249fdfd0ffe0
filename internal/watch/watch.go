// Package watch looks over everything that a stack remembers and says who needs
// somebody: subscriptions that failed, are overdue or came out incomplete, and
// clients that are paused. A run can only tell what it met itself; what did not
// run at all is for the watch to notice.
//
//   - Failed is a subscription whose last run failed, also one that failed before
//     it could touch its checkpoint, for want of a token say: see [Note].
//   - Overdue is one that is enabled and has a schedule, of which three firings
//     have passed without a run that is done. A run under way is not overdue,
//     however long it takes: whether it moves is for the run itself to judge.
//   - Incomplete is one whose last run missed records by its own audit.
//
// Subscriptions that are not enabled, or not in the configuration any more, need
// nobody. One that never ran counts from when the watch first met it with its
// present schedule, and so does one whose schedule was changed.
package watch

import (
	"context"
	"maps"
	"slices"
	"time"

	"intercom-connector/internal/config"
	"intercom-connector/internal/pause"
	"intercom-connector/internal/schedule"
	"intercom-connector/internal/state"
	"intercom-connector/internal/subscribe"
)

const (
	// missed is how many firings may pass without a success.
	missed = 3
	// latest is how late a firing may be: a tenth of the period, and no more
	// than this. It is the flexible window of the stack's schedules.
	latest = 5 * time.Minute
	// betweenTwo is how long it may take from the end of one invocation of a run
	// to the beginning of the next.
	betweenTwo = 5 * time.Minute
)

// Findings are what a look has found. Its lists are sorted by name.
type Findings struct {
	Subscriptions int       `json:"subscriptions"` // enabled, of the configuration
	Failed        []Finding `json:"failed"`
	Overdue       []Finding `json:"overdue"`
	Incomplete    []Finding `json:"incomplete"`
	Paused        []Paused  `json:"paused"`
}

// A Finding is about one subscription.
type Finding struct {
	Subscription string `json:"subscription"`
	Client       string `json:"client"`
	Run          string `json:"run,omitempty"`   // the last one
	Error        string `json:"error,omitempty"` // of a run that failed
	// Since is when the run ended that failed or was incomplete; for what is
	// overdue the last success, or the first look where there was none.
	Since time.Time `json:"since,omitzero"`
}

// A Paused client sends nothing.
type Paused struct {
	Client string `json:"client"`
	Reason string `json:"reason"`
}

// Look looks over the subscriptions and clients of a configuration.
func Look(ctx context.Context, store state.Store, cfg *config.Config) (Findings, error) {
	checkpoints, err := subscribe.Checkpoints(ctx, store)
	if err != nil {
		return Findings{}, err
	}
	notes, err := Failures(ctx, store)
	if err != nil {
		return Findings{}, err
	}
	since, err := sight(ctx, store, cfg)
	if err != nil {
		return Findings{}, err
	}
	all := current(checkpoints)
	found := Findings{Failed: []Finding{}, Overdue: []Finding{}, Incomplete: []Finding{}, Paused: []Paused{}}
	now := time.Now()
	for _, name := range slices.Sorted(maps.Keys(cfg.Subscriptions)) {
		if sub := cfg.Subscriptions[name]; sub.Enabled {
			found.Subscriptions++
			found.add(sub, all[name], notes[name], since[name], now)
		}
	}
	for _, client := range slices.Sorted(maps.Keys(cfg.Clients)) {
		reason, err := pause.Explain(ctx, store, client)
		if err != nil {
			return Findings{}, err
		}
		if reason != "" {
			found.Paused = append(found.Paused, Paused{Client: client, Reason: reason})
		}
	}
	return found, nil
}

// current picks the checkpoint of each subscription that was at work last: one
// whose client has moved to another workspace has left one behind. Windows that
// are read again are for whoever asked for them.
func current(checkpoints []subscribe.Checkpoint) map[string]*subscribe.Checkpoint {
	all := map[string]*subscribe.Checkpoint{}
	for i := range checkpoints {
		cp := &checkpoints[i]
		if before := all[cp.Subscription]; cp.Window == "" && (before == nil || touched(before) < touched(cp)) {
			all[cp.Subscription] = cp
		}
	}
	return all
}

// touched is when a run last had to do with a checkpoint, in unix seconds.
func touched(cp *subscribe.Checkpoint) int64 {
	at := cp.Done
	if cp.Last != nil {
		at = max(at, cp.Last.Finished.Unix())
	}
	if cp.Run != nil {
		at = max(at, cp.Run.Saved)
	}
	return at
}

// add judges one subscription. cp is nil for one that never had a checkpoint,
// since zero for one without a schedule.
func (f *Findings) add(sub *config.Subscription, cp *subscribe.Checkpoint, noted Failure, since, now time.Time) {
	finding := Finding{Subscription: sub.Name, Client: sub.Client}
	var last subscribe.Report
	success := since
	if cp != nil {
		if cp.Last != nil {
			last = *cp.Last
		}
		if done := time.Unix(cp.Done, 0); cp.Done > 0 && done.After(success) {
			success = done
		}
	}
	finding.Run = last.Run
	switch at := finding; {
	case noted.Time.After(last.Finished):
		at.Since, at.Error, at.Run = noted.Time, noted.Error, noted.Run
		f.Failed = append(f.Failed, at)
	case last.Outcome == subscribe.Failed:
		at.Since, at.Error = last.Finished, last.Error
		f.Failed = append(f.Failed, at)
	case last.Outcome == subscribe.Incomplete:
		at.Since = last.Finished
		f.Incomplete = append(f.Incomplete, at)
	}
	if sub.Schedule != nil && !working(cp, now) && overdue(sub.Schedule, success, now) {
		finding.Since = success.UTC()
		f.Overdue = append(f.Overdue, finding)
	}
}

// working reports whether somebody is at a run, or about to be.
func working(cp *subscribe.Checkpoint, now time.Time) bool {
	switch {
	case cp == nil:
		return false
	case cp.Lease.Owner != "" && now.Before(cp.Lease.Until):
		return true
	default:
		handedOver := cp.Run != nil && cp.Run.Handed != nil && cp.Last != nil && cp.Last.Outcome == subscribe.Interrupted
		return handedOver && now.Sub(time.Unix(cp.Run.Saved, 0)) < betweenTwo
	}
}

// overdue reports whether enough firings have passed since the last success.
func overdue(when *schedule.Schedule, success, now time.Time) bool {
	at := success
	for range missed {
		next, ok := when.Next(at)
		if !ok {
			return false
		}
		at = next
	}
	return now.After(at.Add(min(when.Period()/10, latest)))
}
