package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"intercom-connector/internal/config"
	"intercom-connector/internal/names"
	"intercom-connector/internal/subscribe"
)

// printReport prints what a run did in a few lines.
func (j *job) printReport(o order, r subscribe.Report) {
	if j.global.JSON || j.global.Quiet {
		return
	}
	w := j.results()
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s, %s in %s", r.Subscription, j.paintOutcome(r.Outcome), count(r.Events, "event"), lasting(r.Duration))
	if seconds := r.Duration.Seconds(); seconds > 0.5 && r.Records > 0 {
		fmt.Fprintf(&b, " (%s records/s)", number(int64(float64(r.Records)/seconds)))
	}
	b.WriteByte('\n')
	line := func(key, format string, args ...any) {
		fmt.Fprintf(&b, "  %-12s %s\n", key, fmt.Sprintf(format, args...))
	}
	line("records", "%s", recordsOf(r))
	line("requests", "%s", requestsOf(r))
	if o.sub.Sync == config.Incremental && o.window.since.IsZero() {
		line("watermark", "%s → %s", moment(r.WatermarkBefore), moment(r.WatermarkAfter))
	}
	if r.Audit != nil {
		line("audit", "%s", auditOf(*r.Audit))
	}
	if r.Quarantined > 0 {
		line("quarantined", "%s, see %s", number(r.Quarantined), j.quarantineOf(o))
	}
	if where := j.eventsOf(o); where != "" && r.Events > 0 {
		line("events", "in %s", where)
	}
	for _, note := range r.Notes {
		line("note", "%s", note)
	}
	line("next", "%s", j.next(o, r))
	_, _ = io.WriteString(w, b.String()) // the run's outcome does not depend on who reads of it
}

// quarantineOf is where what an order could not deliver is kept.
func (j *job) quarantineOf(o order) string {
	if j.stack != nil {
		return "s3://" + j.stack.outputs[names.OutputBucket] + "/" + names.QuarantinePrefix + o.sub.Name + "/"
	}
	return j.quarantinePath(o.sub.Name)
}

// eventsOf is where the events of an order are, "" where that goes without
// saying.
func (j *job) eventsOf(o order) string {
	if j.stack != nil {
		return j.stack.eventsOf(j.cfg, o.sub)
	}
	return o.target.path
}

func (j *job) paintOutcome(o subscribe.Outcome) string {
	switch o {
	case subscribe.Done:
		return j.console.paint(green, string(o))
	case subscribe.Interrupted, subscribe.Busy:
		return j.console.paint(yellow, string(o))
	default:
		return j.console.paint(red, string(o))
	}
}

func recordsOf(r subscribe.Report) string {
	parts := []string{number(r.Records) + " read", number(r.Events) + " delivered"}
	if r.Duplicates > 0 {
		parts = append(parts, number(r.Duplicates)+" dropped as delivered before")
	}
	if r.Forgotten > 0 {
		parts = append(parts, number(r.Forgotten)+" deliveries forgotten, they may come twice")
	}
	if r.NoID > 0 {
		parts = append(parts, number(r.NoID)+" without an id")
	}
	if r.Resumed {
		parts = append(parts, "went on with a stopped run")
	}
	return strings.Join(parts, " · ")
}

func requestsOf(r subscribe.Report) string {
	parts := []string{number(r.Requests), size(r.Bytes)}
	if r.Slices > 1 {
		parts = append(parts, count(r.Slices, "slice"))
	}
	if r.Retries > 0 {
		parts = append(parts, number(r.Retries)+" sent again")
	}
	if r.Throttled > 0 {
		parts = append(parts, number(r.Throttled)+" over the rate limit")
	}
	if r.Waited > 100*time.Millisecond {
		parts = append(parts, "waited "+lasting(r.Waited))
	}
	return strings.Join(parts, " · ")
}

func auditOf(a subscribe.Audit) string {
	text := fmt.Sprintf("%s of %s", number(a.Read), number(a.Expected))
	if a.Again {
		text += ", after reading again"
	}
	if missing := a.Missing(); missing > 0 {
		text += ": " + number(missing) + " missing"
	}
	return text
}

// next is what there is to do after a run.
func (j *job) next(o order, r subscribe.Report) string {
	switch {
	case r.Outcome == subscribe.Interrupted:
		return j.again(o)
	case r.Outcome != subscribe.Done:
		return "see below, then " + j.again(o)
	case !o.window.since.IsZero():
		return "nothing: the window has been read, the watermark is where it was"
	case o.sub.Sync == config.Incremental:
		return j.again(o) + " reads what changes from here on"
	default:
		return j.again(o) + " reads it whole again"
	}
}
