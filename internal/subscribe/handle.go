package subscribe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"intercom-connector/shared/intercom"
)

const (
	// maxAttempts is how often in a row a request may fail before its run does;
	// with the waits between them that is about a minute and a half.
	maxAttempts = 8
	firstWait   = 500 * time.Millisecond
	longestWait = 30 * time.Second
	// halveAfter is how often a window of time may fail before it is cut in
	// two, down to shortestWindow, in seconds.
	halveAfter     = 3
	shortestWindow = 3600
	// scrollLife is how long Intercom keeps an idle scroll, and how long after
	// that another can be opened.
	scrollLife = time.Minute
	// patience is how long a run waits for a rate limit that lets nothing through.
	patience = 10 * time.Minute
)

// handle takes one answer in: first where the slice goes on, so that its next
// request can be under way, then the records.
func (r *run) handle(ctx context.Context, res result) error {
	c := res.cut
	c.inFlight = false
	r.inFlight--
	r.work.Report.Requests++
	if res.err != nil {
		return r.failed(ctx, c, res.err)
	}
	c.attempts, r.stuckSince = 0, time.Time{}
	r.work.Report.Bytes += int64(len(res.resp.Body))
	if told := unix(res.resp.Date); told > 0 {
		r.work.Started = min(r.work.Started, told) // our clock may have stood in for the server's, and be fast
	}
	switch {
	case c.probe != 0:
		r.probed(c, &res.page)
		return nil
	case r.work.Phase == counting:
		r.work.Audit.Expected += max(res.page.Total, 0)
		r.dirty = true
		r.drop(c)
		return nil
	}
	if r.tighten(c, &res.page) || r.takeBack(c, &res.page) {
		return nil
	}
	if err := c.live.Accept(r.operation, &res.page); err != nil {
		return r.giveUp(ctx, c, err)
	}
	first := c.first
	c.take(&res.page)
	if c.live.Done() || !r.pages() {
		c.done = true
	}
	if second := r.doubtful(c, first, &res.page); second != 0 {
		r.ask(c, second)
		return nil
	}
	if r.tooManyFor(c, first) {
		r.relieve(c)
		return nil
	}
	if _, err := r.launch(ctx); err != nil {
		return err
	}
	if err := r.deliver(ctx, c, &res); err != nil {
		return err
	}
	c.Pager = c.live
	r.dirty = true
	if c.done {
		r.finish(ctx, c)
	}
	r.tell()
	return nil
}

// pages reports whether the run reads more than a first page.
func (r *run) pages() bool { return r.Subscription.Paginate || r.how.Strategy != 0 }

// tighten looks for the proof that a date filter compares seconds. A slice
// that has begun with records of its neighbour because its bound was set for
// days then begins again with an exact one.
func (r *run) tighten(c *cut, page *intercom.Page) bool {
	newest, oldest := ends(page, c.By)
	if r.how.Strategy != intercom.BySearch || oldest == 0 {
		return false
	}
	if r.grains[c.By] == unknownGrain &&
		(provesSeconds(newest, c.After, c.Before) || provesSeconds(oldest, c.After, c.Before)) {
		r.grains[c.By] = secondGrain
	}
	exact := r.days.before(c.Range.To, secondGrain)
	if !c.first || r.grains[c.By] != secondGrain || c.Before <= exact || c.Range.To == 0 || oldest < c.Range.To {
		return false
	}
	c.Before = exact
	c.live = intercom.Pager{}
	return true
}

// takeBack gives a slice back to the one it was cut from when its first page
// shows that the server does not mind the upper bound: each slice would then
// read what its neighbours read, too. Nothing is cut any more in this run.
func (r *run) takeBack(c *cut, page *intercom.Page) bool {
	newest, _ := ends(page, c.By)
	if r.how.Strategy != intercom.BySearch || !c.first || c.Before == 0 || newest < c.Before+outOfBounds {
		return false
	}
	r.uncut = true
	if c.parent == nil || c.parent.done || !slices.Contains(r.cuts, c.parent) {
		return false
	}
	c.parent.Range.From = min(c.parent.Range.From, c.Range.From)
	c.parent.left += max(c.left, 0)
	r.dirty = true
	r.drop(c)
	return true
}

// outOfBounds is how far behind an upper bound a record cannot be, in seconds,
// whatever the zone and whether days or seconds count.
const outOfBounds = 2 * 86400

// doubtful is a second to ask about when all of a slice's first page is its
// neighbour's: there may be many more such pages, and an exact bound spares
// them where the filter compares seconds. It is 0 where there is no doubt.
func (r *run) doubtful(c *cut, first bool, page *intercom.Page) int64 {
	newest, oldest := ends(page, c.By)
	_, asked := r.grains[c.By]
	if !first || asked || r.uncut || c.done || r.how.Strategy != intercom.BySearch || c.Range.To == 0 || oldest < c.Range.To {
		return 0
	}
	return newest
}

// tooManyFor reports whether a slice is a single day, or a single second, that
// nobody can take a part of and that would hold the run up.
func (r *run) tooManyFor(c *cut, first bool) bool {
	if r.uncut || r.how.Strategy != intercom.BySearch || r.how.Created == "" || c.done || c.Other != nil || c.Open || c.Again {
		return false
	}
	if _, can := c.split(r.days, r.grains[c.By]); can || c.position == 0 {
		return false
	}
	left := c.left
	if first {
		left = float64(c.Total)
	}
	if float64(c.Read) > left/8 {
		return false // it would be read twice
	}
	if c.Range.From > 0 && c.By == r.how.Changed {
		// All of the day would be read, also what was delivered before.
		known := float64(r.cp.Days[r.days.startOfDay(c.position)])
		if known > left/8 {
			return false
		}
	}
	all := 0.0
	for _, other := range r.cuts {
		all += max(other.left, 0)
	}
	return left >= float64(heavyDay*r.operation.PerPage) && left > all/8
}

// relieve begins a slice of one day again so that it can be cut: at seconds, if
// one more request proves that the filter compares them, else by the other date.
func (r *run) relieve(c *cut) {
	if _, asked := r.grains[c.By]; asked {
		r.byOtherDate(c)
		return
	}
	r.ask(c, c.position)
}

// ask begins a slice again, with a question: what does its date's filter make
// of a second that has a record?
func (r *run) ask(c *cut, second int64) {
	r.beginAgain(c)
	r.grains[c.By] = unknownGrain
	c.probe = second
}

// beginAgain forgets how far a slice has come, but for the audit: what it has
// read is known, and not counted again.
func (r *run) beginAgain(c *cut) {
	if r.work.Phase == loading {
		r.work.Audit.Read += c.Read
	}
	c.restart()
	r.dirty = true
}

// probed looks at what is between the second before and the second after one
// that has a record: nothing, if the filter takes them for days. Then a slice of
// too many records, which begins again in any case, is cut by the other date.
func (r *run) probed(c *cut, page *intercom.Page) {
	after, before := c.probe-1, c.probe+1
	c.probe = 0
	for i := range page.Records {
		if provesSeconds(when(&page.Records[i], c.By), after, before) {
			r.grains[c.By] = secondGrain
		}
	}
}

// byOtherDate begins a slice of one day again, as a range of the other date
// that is confined to the day: that can be cut.
func (r *run) byOtherDate(c *cut) {
	r.beginAgain(c)
	other := r.how.Created
	if c.By == r.how.Created {
		other = r.how.Changed
	}
	s := Slice{
		Request: c.Request, By: other, Total: -1, Root: c.Root, Again: c.Again,
		Other: &Other{By: c.By, Range: c.Range, After: c.After, Before: c.Before},
	}
	if other == r.how.Changed {
		s.After = r.work.After
	}
	*c = *newCut(s)
}

// finish takes a slice that has been read off the list and checks its numbers.
func (r *run) finish(ctx context.Context, c *cut) {
	switch {
	case r.work.Phase == loading:
		r.work.Audit.Read += c.Read
	case r.how.Strategy == intercom.BySearch, c.Range.From > 0 && c.By != "", !c.live.Done(), !r.pages(), c.Total < 0:
		// only the newest part was of interest, or nobody knows how many there are
	case c.Read < c.Total && !c.Again:
		r.Log.WarnContext(ctx, "records missing, reading again", "expected", c.Total, "read", c.Read)
		c.restart()
		c.Again, c.done = true, false
		return
	default:
		r.work.Audit.Expected += c.Total
		r.work.Audit.Read += c.Read
		r.work.Audit.Again = r.work.Audit.Again || c.Again
	}
	r.drop(c)
}

func (r *run) drop(c *cut) {
	r.cuts = slices.DeleteFunc(r.cuts, func(other *cut) bool { return other == c })
}

// failed decides what to do about a request that was not answered well.
func (r *run) failed(ctx context.Context, c *cut, err error) error {
	var limited *intercom.RateLimitError
	switch {
	case ctx.Err() != nil:
		return ErrInterrupted
	case c.live.EndsOn(err):
		c.done, c.Pager = true, c.live
		r.dirty = true
		r.finish(ctx, c)
		return nil
	case errors.As(err, &limited):
		r.work.Report.Throttled++
		r.work.Report.Retries++
		if r.stuckSince.IsZero() {
			r.stuckSince = time.Now()
		}
		r.tell()
		if time.Since(r.stuckSince) > patience {
			return fmt.Errorf("nothing got through the rate limit for %v: %w", patience, err)
		}
		return nil // the governor lets nothing go before the reset
	case r.operation.Paging == intercom.Scroll && loses(err):
		return r.scrollAgain(ctx, c, err)
	case intercom.Temporary(err), intercom.Shrink(err): // what is too large now comes in smaller pages
		return r.retry(ctx, c, err)
	case c.live.Pages() > 0 && !c.forgiven && refusesCursor(err):
		// A position from an earlier invocation may not be good any more.
		c.restart()
		c.forgiven = true
		r.work.Report.Retries++
		return nil
	default:
		return r.giveUp(ctx, c, err)
	}
}

// retry sends the request again, after a wait that grows.
func (r *run) retry(ctx context.Context, c *cut, err error) error {
	c.attempts++
	if r.how.Strategy == intercom.ByWindow && c.attempts >= halveAfter && c.Before-c.After > shortestWindow {
		r.halve(c)
	}
	if c.attempts >= maxAttempts {
		return fmt.Errorf("%d attempts: %w", c.attempts, err)
	}
	wait := min(firstWait<<(c.attempts-1), longestWait)
	wait += time.Duration(r.Random() * float64(wait) / 2)
	c.notUntil = time.Now().Add(wait)
	r.work.Report.Retries++
	r.Log.DebugContext(ctx, "retry", "attempt", c.attempts, "wait", wait, "err", err)
	return nil
}

// halve cuts a window of time in two, because a long one can be more than
// Intercom answers in time.
func (r *run) halve(c *cut) {
	older := c.Slice
	middle := c.After + (c.Before-c.After)/2
	older.Before, older.Root = middle+1, false
	c.After = middle - 1
	c.restart()
	c.attempts = 1
	half := newCut(older)
	half.restart()
	r.add(half)
}

// scrollAgain begins a scroll from scratch: one that failed in the middle is
// not to be trusted, and a new one can be opened when the old one has died.
func (r *run) scrollAgain(ctx context.Context, c *cut, err error) error {
	c.restart()
	if retryErr := r.retry(ctx, c, err); retryErr != nil {
		return retryErr
	}
	var api *intercom.APIError
	if errors.As(err, &api) && api.Code == "scroll_exists" {
		c.notUntil = time.Now().Add(scrollLife + time.Duration(r.Random()*float64(5*time.Second)))
	}
	return nil
}

// loses reports whether a scroll may have moved on without its page having
// arrived, or is gone.
func loses(err error) bool {
	var (
		api  *intercom.APIError
		page *intercom.PageError
		lost *intercom.TransportError
	)
	switch {
	case errors.As(err, &lost):
		return lost.Sent && intercom.Temporary(err)
	case errors.As(err, &page):
		return true
	case errors.As(err, &api):
		return api.Code == "scroll_exists" || api.Status == 404 || intercom.Temporary(err)
	default:
		return intercom.Temporary(err) || intercom.Shrink(err)
	}
}

func refusesCursor(err error) bool {
	var api *intercom.APIError
	return errors.As(err, &api) && api.Status == 400
}

// giveUp puts a request aside that will never succeed. What concerns the whole
// client ends the run, and another goes on with it.
func (r *run) giveUp(ctx context.Context, c *cut, err error) error {
	if !concernsRequest(err) {
		return err
	}
	return r.refuse(ctx, c, err)
}

// concernsRequest reports whether it is the request that is to blame rather than
// the token, the network or the workspace.
func concernsRequest(err error) bool {
	for _, all := range []error{
		intercom.ErrUnauthorized, intercom.ErrForbidden, intercom.ErrLocked, intercom.ErrPlan, intercom.ErrFirewall, intercom.ErrAllowlist,
	} {
		if errors.Is(err, all) {
			return false
		}
	}
	var (
		api     *intercom.APIError
		page    *intercom.PageError
		loop    *intercom.LoopError
		param   *intercom.ParamError
		payload *intercom.PayloadError
	)
	return errors.As(err, &api) || errors.As(err, &page) || errors.As(err, &loop) ||
		errors.As(err, &param) || errors.As(err, &payload)
}

// refuse puts a request aside. Where it is the only one, the run is over.
func (r *run) refuse(ctx context.Context, c *cut, err error) error {
	if len(r.work.Requests) == 1 {
		return &hopelessError{err}
	}
	r.work.Refused++
	r.dirty = true
	r.drop(c)
	return r.quarantineRequest(ctx, c.Request, err)
}

// A hopelessError ends a run that would meet it again if it was gone on with.
type hopelessError struct{ error }

func (e *hopelessError) Unwrap() error { return e.error }

func hopeless(err error) bool {
	var given *hopelessError
	return errors.As(err, &given)
}
