package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"intercom-connector/internal/config"
	"intercom-connector/internal/local/filelock"
	"intercom-connector/internal/state"
	"intercom-connector/internal/subscribe"
	"intercom-connector/internal/watch"
)

// statusCommand shows what is remembered. It asks nobody but the stack.
type statusCommand struct{ stackFlags }

// A standing is what is remembered of one subscription, or of a window of it
// that is read again.
type standing struct {
	Subscription string            `json:"subscription"`
	Window       string            `json:"window,omitempty"`
	Workspace    string            `json:"workspace,omitempty"`
	Enabled      bool              `json:"enabled"`
	Configured   bool              `json:"configured"`
	Running      bool              `json:"running"` // a process or a function is at it
	Last         *subscribe.Report `json:"last,omitempty"`
	Watermark    time.Time         `json:"watermark,omitzero"`
	Lag          time.Duration     `json:"lag_ns,omitempty"` // since the watermark
	Position     *position         `json:"position,omitempty"`
}

// A position is how far a run in progress has come.
type position struct {
	Run     string    `json:"run"`
	Started time.Time `json:"started"`
	Saved   time.Time `json:"saved"`
	Slices  int       `json:"slices"` // open
	Records int64     `json:"records"`
	Percent int       `json:"percent"` // -1 unknown
}

// Run implements the command.
func (c *statusCommand) Run(ctx context.Context, a *app) error {
	if err := c.check(); err != nil {
		return err
	}
	cfg, _, err := a.load()
	if err != nil {
		return err
	}
	if c.deployed() {
		return a.stackStatus(ctx, cfg, c.stackFlags)
	}
	store, exists, err := a.look(ctx)
	if err != nil {
		return err
	}
	defer store.Close()
	all, err := recall(ctx, cfg, store, a.isRunning)
	if err != nil {
		return err
	}
	publishers, err := a.publisherStandings(ctx, cfg, store)
	if err != nil {
		return err
	}
	if !exists && !a.global.JSON {
		a.note("nothing is remembered yet in %s", a.stateFolder())
	}
	return a.writeStatus(all, publishers)
}

// writeStatus prints what is known of subscriptions and publishers.
func (a *app) writeStatus(all []standing, publishers []publisherStanding) error {
	if a.global.JSON {
		list := make([]any, 0, len(all)+len(publishers))
		for i := range all {
			list = append(list, &all[i])
		}
		for i := range publishers {
			list = append(list, &publishers[i])
		}
		return writeJSON(a.Stdout, list)
	}
	if len(all) > 0 {
		if err := writeStandings(a.Stdout, all); err != nil {
			return err
		}
	}
	return writePublisherStandings(a.Stdout, publishers, len(all) > 0)
}

// recall is what is remembered of all subscriptions.
func recall(ctx context.Context, cfg *config.Config, store state.Store, isRunning func(subscription string) bool) ([]standing, error) {
	checkpoints, err := subscribe.Checkpoints(ctx, store)
	if err != nil {
		return nil, err
	}
	failures, err := watch.Failures(ctx, store)
	if err != nil {
		return nil, err
	}
	all := standings(cfg, checkpoints, time.Now(), isRunning)
	for name, f := range failures {
		if s := newest(all, name); s != nil {
			s.failed(f)
		}
	}
	return all, nil
}

// newest is the standing of a subscription that changed last: one that has moved
// to another workspace has left one behind. It is nil for no such subscription.
func newest(all []standing, subscription string) *standing {
	var found *standing
	for i := range all {
		s := &all[i]
		switch {
		case s.Subscription != subscription || s.Window != "":
		case found == nil, found.Last == nil, s.Last != nil && found.Last.Finished.Before(s.Last.Finished):
			found = s
		}
	}
	return found
}

// failed takes in a failure that the checkpoint may know nothing of: without a
// token nobody knows whose checkpoint it would be.
func (s *standing) failed(f watch.Failure) {
	switch {
	case s.Last != nil && f.Run != "" && s.Last.Run == f.Run && s.Last.Outcome == subscribe.Failed:
		last := *s.Last
		last.Error = f.Error // says what to do about it
		s.Last = &last
	case s.Last == nil || s.Last.Finished.Before(f.Time):
		s.Last = &subscribe.Report{Subscription: s.Subscription, Run: f.Run, Outcome: subscribe.Failed, Finished: f.Time, Error: f.Error}
	}
}

// standings joins what is configured with what is remembered. A lease that has
// not ended yet is a run under way if isRunning confirms it.
func standings(cfg *config.Config, checkpoints []subscribe.Checkpoint, now time.Time, isRunning func(subscription string) bool) []standing {
	all := []standing{}
	for _, name := range slices.Sorted(maps.Keys(cfg.Subscriptions)) {
		known := func(cp subscribe.Checkpoint) bool { return cp.Subscription == name && cp.Window == "" }
		if !slices.ContainsFunc(checkpoints, known) {
			all = append(all, standing{Subscription: name, Enabled: cfg.Subscriptions[name].Enabled, Configured: true})
		}
	}
	for _, cp := range checkpoints {
		sub := cfg.Subscriptions[cp.Subscription]
		s := standing{
			Subscription: cp.Subscription, Window: cp.Window, Workspace: cp.Workspace,
			Configured: sub != nil, Enabled: sub != nil && sub.Enabled, Last: cp.Last,
		}
		s.Running = now.Before(cp.Lease.Until) && isRunning(cp.Subscription)
		if cp.Watermark > 0 {
			s.Watermark = time.Unix(cp.Watermark, 0).UTC()
			s.Lag = now.Sub(s.Watermark).Round(time.Second)
		}
		if cp.Run != nil {
			s.Position = positionOf(cp.Run)
		}
		all = append(all, s)
	}
	slices.SortStableFunc(all, func(a, b standing) int {
		return cmp.Or(strings.Compare(a.Subscription, b.Subscription), strings.Compare(a.Window, b.Window))
	})
	return all
}

// isRunning asks the lock of a subscription: the lease of a run that was killed
// outlives it.
func (a *app) isRunning(subscription string) bool {
	lock, err := filelock.Lock(filepath.Join(a.stateFolder(), "locks", subscription+".lock"))
	if err != nil {
		return errors.Is(err, filelock.ErrHeld)
	}
	_ = lock.Unlock() // the end of the process would, too
	return false
}

// positionOf tells how much of a run is done by the totals of those slices that
// stand for the whole, where they have told one.
func positionOf(run *subscribe.Run) *position {
	p := &position{
		Run: run.ID, Started: time.Unix(run.Started, 0).UTC(), Saved: time.Unix(run.Saved, 0).UTC(),
		Slices: len(run.Slices), Records: run.Report.Records, Percent: -1,
	}
	if total := run.Progress().Expected; total > 0 {
		p.Percent = int(min(p.Records*100/total, 99))
	}
	return p
}

func writeStandings(w io.Writer, all []standing) error {
	rows := [][]string{{"SUBSCRIPTION", "LAST RUN", "WHEN", "RECORDS", "WATERMARK", "LAG", "POSITION"}}
	now := time.Now()
	for i := range all {
		rows = append(rows, all[i].row(now))
	}
	if err := table(w, rows); err != nil {
		return err
	}
	for i := range all {
		if why := all[i].trouble(); why != "" {
			if _, err := fmt.Fprintf(w, "%s: %s\n", all[i].name(), why); err != nil {
				return err
			}
		}
	}
	return nil
}

// trouble is what was wrong with the last run, "" where nothing was.
func (s *standing) trouble() string {
	switch {
	case s.Last == nil:
		return ""
	case s.Last.Outcome == subscribe.Incomplete && s.Last.Audit != nil:
		return "incomplete: " + auditOf(*s.Last.Audit)
	case s.Last.Outcome == subscribe.Failed && s.Last.Error != "":
		return "failed: " + s.Last.Error
	default:
		return ""
	}
}

// name is the subscription's, with its window where it is one that is read again.
func (s *standing) name() string {
	if s.Window == "" {
		return s.Subscription
	}
	return s.Subscription + " again " + s.Window
}

func (s *standing) row(now time.Time) []string {
	name := s.name()
	switch {
	case !s.Configured:
		name += " (not configured any more)"
	case !s.Enabled:
		name += " (not enabled)"
	}
	row := []string{name, "never", "-", "-", "-", "-", "-"}
	if s.Last != nil {
		row[1] = string(s.Last.Outcome)
		row[2] = lasting(now.Sub(s.Last.Finished)) + " ago"
		row[3] = number(s.Last.Records)
	}
	if !s.Watermark.IsZero() {
		row[4], row[5] = moment(s.Watermark), lasting(s.Lag)
	}
	if p := s.Position; p != nil {
		row[6] = p.String(s.Running)
	}
	return row
}

// String is what a person wants to know of it.
func (p *position) String(running bool) string {
	text := "stopped run"
	if running {
		text = "run in progress"
	}
	text += fmt.Sprintf(": %s, %s", number(p.Records)+" records", count(int64(p.Slices), "slice"))
	if p.Percent >= 0 {
		text += fmt.Sprintf(", %d %%", p.Percent)
	}
	return text
}
