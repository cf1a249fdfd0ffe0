package subscribe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"intercom-connector/internal/event"
	"intercom-connector/internal/transform"
	"intercom-connector/shared/intercom"
)

// What may be put aside before a run fails: more than this many, or more than
// this share of what was read.
const (
	maxQuarantined      = 100
	maxQuarantinedShare = 100 // one in
)

// deliver hands a page's records on, those that belong to the slice and were
// not delivered before, and remembers them.
func (r *run) deliver(ctx context.Context, c *cut, res *result) error {
	read, late, before, refused := c.Read, r.work.Late, r.work.Report, r.refused
	err := r.deliverPage(ctx, c, res)
	if err != nil {
		// It will be read again, and counted then.
		c.Read, r.work.Late = read, late
		report := &r.work.Report
		report.Records, report.Duplicates, report.NoID = before.Records, before.Duplicates, before.NoID
		report.Quarantined = before.Quarantined + r.refused - refused // of pages before: they are not read again
	}
	return err
}

func (r *run) deliverPage(ctx context.Context, c *cut, res *result) error {
	out := outgoing{run: r, events: r.batch[:0]}
	now := r.serverNow()
	for i := range res.page.Records {
		record, sum := &res.page.Records[i], res.sums[i]
		if !c.has(record) {
			continue
		}
		known, repeated := false, false
		if record.ID != "" && r.watchesRepeats() {
			known, repeated = r.seen.add(c.Request, r.again(c), record, sum)
		}
		if !known {
			r.count(c, record)
		}
		if !r.wanted(c, record) {
			continue
		}
		r.work.Report.Records++
		if repeated || r.memory != nil && r.memory.has(delivery(sum), now) {
			r.work.Report.Duplicates++
			continue
		}
		if err := out.add(ctx, record, sum, res.resp.ContentType); err != nil {
			return err
		}
	}
	r.batch = out.events
	return out.send(ctx)
}

// watchesRepeats reports whether the run compares its records with each other:
// where all of a scan is counted, or where there is no memory to compare with.
func (r *run) watchesRepeats() bool {
	return r.pages() && (r.how.Strategy != intercom.BySearch || r.work.Loaded || r.memory == nil)
}

// again reports whether a slice is part of a second reading.
func (r *run) again(c *cut) bool { return c.Again || r.work.Loaded && r.work.Audit.Again }

// count counts a record that this reading meets for the first time. What only
// the catch-up of a first load meets was made, or came to match, while that was
// under way: the total at its end has it. Where an earlier invocation took its
// knowledge of the load along, the dates have to tell.
func (r *run) count(c *cut, record *intercom.Record) {
	c.Read++
	if !r.work.Loaded || r.work.Phase != catchUp {
		return
	}
	if !r.seen.lost || record.Created >= r.work.Border || when(record, r.how.Changed) >= r.work.Started {
		r.work.Late++
	}
}

// wanted reports whether a record changed in the time that the run reads,
// which the bounds of days alone do not say.
func (r *run) wanted(c *cut, record *intercom.Record) bool {
	changed := when(record, r.how.Changed)
	if changed == 0 || c.Open {
		return true
	}
	return Range{r.work.From, r.work.To}.holds(changed)
}

// remembers reports whether a record may be met again by a later run.
func (r *run) remembers(record *intercom.Record) bool {
	changed := when(record, r.how.Changed)
	return r.memory != nil &&
		(r.how.Open || changed == 0 || changed >= r.work.Started-int64(r.memory.keep/time.Second))
}

// An outgoing is a page on its way to the destination.
type outgoing struct {
	*run

	events  []event.Event
	records []*intercom.Record // of each event
	handled []delivery         // records that need not be handled again
}

// add makes the events of a record. What cannot be transformed is put aside.
func (o *outgoing) add(ctx context.Context, record *intercom.Record, sum event.Digest, contentType string) error {
	input := record.Raw
	if o.Engine.records != nil {
		input = o.asJSON(record)
	}
	values, err := transform.Records(ctx, o.Engine.records, input)
	switch {
	case ctx.Err() != nil:
		return ErrInterrupted
	case err != nil:
		if err := o.quarantine(ctx, Quarantined{
			Stage: "transform", Reason: err.Error(), ID: record.ID, Record: record.Raw,
		}); err != nil {
			return err
		}
	}
	if o.operation.Answer == intercom.JSON || o.Engine.records != nil {
		contentType = ""
	}
	changed := timeOf(when(record, ""))
	for i, value := range values {
		id := event.Identity{
			Workspace: o.me.ID, Subscription: o.Subscription.Name, Resource: o.resource,
			Record: record.ID, Changed: changed, Content: sum, Output: i,
		}
		o.events = append(o.events, event.Event{
			ID: event.ID(id), Source: o.source, Type: o.eventType,
			Subject: record.ID, Time: changed, Data: value, ContentType: contentType, Run: o.work.ID,
		})
		o.records = append(o.records, record)
	}
	if record.ID == "" {
		o.work.Report.NoID += int64(len(values))
	}
	if o.remembers(record) {
		o.handled = append(o.handled, delivery(sum))
	}
	o.countDay(when(record, o.how.Changed))
	return nil
}

// asJSON is what people and transformers see of a record: a text is a JSON
// string, anything else that is not JSON is one in base64.
func (o *outgoing) asJSON(record *intercom.Record) []byte {
	var value any
	switch o.operation.Answer {
	case intercom.JSON:
		return record.Raw
	case intercom.Text:
		value = string(record.Raw)
	default:
		value = record.Raw
	}
	text, err := json.Marshal(value)
	if err != nil {
		panic("subscribe: a string that is not JSON: " + err.Error())
	}
	return text
}

// send delivers the events, and remembers what was handled once they are taken.
func (o *outgoing) send(ctx context.Context) error {
	accepted := int64(len(o.events))
	if len(o.events) > 0 {
		err := o.Destination.Deliver(ctx, o.events)
		var refused *RefusedError
		switch {
		case errors.As(err, &refused):
			accepted -= int64(len(refused.Refused))
			for _, i := range slices.Sorted(maps.Keys(refused.Refused)) {
				if err := o.quarantine(ctx, Quarantined{
					Stage: "deliver", Reason: refused.Refused[i].Error(), ID: o.records[i].ID, Record: o.records[i].Raw,
				}); err != nil {
					return err
				}
			}
			if err := o.refuseEarlier(ctx, refused.Earlier); err != nil {
				return err
			}
		case ctx.Err() != nil && err != nil:
			return ErrInterrupted
		case err != nil:
			return fmt.Errorf("deliver: %w", err)
		}
	}
	o.work.Report.Events += accepted
	for _, d := range o.handled {
		o.memory.add(d)
	}
	return nil
}

// countDay keeps count of what was delivered of the last days.
func (r *run) countDay(changed int64) {
	if r.memory == nil || changed < r.work.Started-countedDays*86400 {
		return
	}
	if r.cp.Days == nil {
		r.cp.Days = map[int64]int64{}
	}
	day := r.days.startOfDay(changed)
	if _, known := r.cp.Days[day]; !known {
		maps.DeleteFunc(r.cp.Days, func(day, _ int64) bool { return day < r.work.Started-2*countedDays*86400 })
	}
	r.cp.Days[day]++
}

const countedDays = 3

// flush makes safe what was delivered. What turns out to be refused by then is
// put aside: that makes it safe, too.
func (r *run) flush(ctx context.Context) error {
	err := r.Destination.Flush(ctx)
	if refused, ok := errors.AsType[*RefusedError](err); ok {
		return r.refuseEarlier(ctx, refused.Earlier)
	}
	return wrapf(err, "deliver")
}

// refuseEarlier puts events aside that count as delivered. That may be too many
// for the run, but that is for whatever comes next to say: this must not keep
// the run from remembering how far it has come.
func (r *run) refuseEarlier(ctx context.Context, refusals []Refusal) error {
	for _, refusal := range refusals {
		if err := r.putAside(ctx, Quarantined{
			Stage: "deliver", Reason: refusal.Reason.Error(), ID: refusal.ID, Record: refusal.Event,
		}); err != nil {
			return err
		}
		r.work.Report.Events--
		r.refused++
	}
	return nil
}

// quarantine puts something aside, and fails the run where that becomes too much.
func (r *run) quarantine(ctx context.Context, q Quarantined) error {
	if err := r.putAside(ctx, q); err != nil {
		return err
	}
	if r.work.Report.Quarantined-r.tolerated > maxQuarantined {
		return r.tooMany()
	}
	return nil
}

func (r *run) putAside(ctx context.Context, q Quarantined) error {
	q.Time, q.Subscription, q.Run = time.Now().UTC(), r.Subscription.Name, r.work.ID
	if err := r.Quarantine.Put(ctx, q); err != nil {
		return fmt.Errorf("quarantine: %w", err)
	}
	r.work.Report.Quarantined++
	r.problem = errors.New(q.Reason)
	r.Log.WarnContext(ctx, "quarantined", "stage", q.Stage, "id", q.ID, "reason", q.Reason)
	return nil
}

// quarantineRequest puts a planned request aside.
func (r *run) quarantineRequest(ctx context.Context, request int, reason error) error {
	raw, err := json.Marshal(r.work.Requests[request])
	if err != nil {
		return fmt.Errorf("quarantine: %w", err)
	}
	return r.quarantine(ctx, Quarantined{Stage: "request", Reason: reason.Error(), Record: raw})
}

// tooMany ends a run in which too large a part was put aside.
func (r *run) tooMany() error {
	return &TooManyError{
		Quarantined: r.work.Report.Quarantined,
		Of:          r.work.Report.Records + int64(r.work.Refused),
		Last:        r.problem,
	}
}

// checkShare fails a run that has read to its end, but put aside more than
// one in a hundred of what it met.
func (r *run) checkShare() error {
	report := &r.work.Report
	if report.Quarantined*maxQuarantinedShare > report.Records+int64(r.work.Refused) {
		return &hopelessError{r.tooMany()}
	}
	return nil
}

// tell reports the progress.
func (r *run) tell() {
	report := &r.work.Report
	limits := r.API.Governor().Limits()
	p := Progress{
		Subscription: r.Subscription.Name, Phase: phases[r.work.Phase],
		Records: report.Records, Events: report.Events, Requests: report.Requests,
		Expected: r.expected(), Slices: report.Slices, Open: int64(len(r.cuts)),
		Limit: -1, Remaining: -1, Waiting: !r.stuckSince.IsZero(), Elapsed: time.Since(r.began),
	}
	if limits.Known {
		p.Limit, p.Remaining = int64(limits.Limit), int64(limits.Remaining)
	}
	r.Progress(p)
}

// expected is how many records the run will have read as far as is known.
func (r *run) expected() int64 {
	expected := float64(r.work.Report.Records)
	for _, c := range r.cuts {
		switch {
		case c.left >= 0:
			expected += c.left
		case c.By == "" && c.Total >= 0:
			expected += float64(max(c.Total-c.Read, 0))
		default:
			return -1
		}
	}
	if r.work.Next < len(r.work.Requests) {
		return -1
	}
	return int64(expected)
}

var phases = map[phase]string{reading: "reading", loading: "loading", counting: "loading", catchUp: "catching up", over: "done"}
