package subscribe

import (
	"context"
	"time"

	"intercom-connector/internal/event"
	"intercom-connector/shared/intercom"
)

const (
	// minSplit is how many pages a slice must still have for a part of it to
	// be worth a slice of its own, whose last page is half empty on average.
	minSplit = 3
	// heavyDay is how many pages make a day too large for one slice.
	heavyDay = 8
)

// A result is the answer to one request.
type result struct {
	cut  *cut
	resp *intercom.Response
	page intercom.Page
	sums []event.Digest // of the page's records
	err  error
}

// launch sends as many requests as there is room and work for, and returns how
// long to wait before there may be more.
func (r *run) launch(ctx context.Context) (time.Duration, error) {
	for {
		if r.stopping() {
			return renewEvery, nil
		}
		c, wait := r.ready()
		from, s, older := r.splittable()
		if older && c != nil && c.left >= from.left/2 {
			older = false
		}
		opens := c == nil && r.work.Next < len(r.work.Requests) && len(r.cuts) < r.most()
		if c == nil && !older && !opens {
			if r.idle() {
				return 0, nil
			}
			return wait, nil
		}
		if room := r.API.Governor().Take(intercom.Reading); room > 0 {
			return min(room, wait), nil
		}
		if r.operation.Paging == intercom.Scroll {
			if busy, err := r.holdScroll(ctx); err != nil || busy > 0 {
				r.API.Governor().Done(intercom.Outcome{})
				return min(busy, wait), err
			}
		}
		switch {
		case opens:
			if c = r.openNext(); c == nil {
				r.API.Governor().Done(intercom.Outcome{})
				continue
			}
		case older:
			c = from.giveAway(s, r.days, r.grains[from.By])
			r.add(c)
		}
		if err := r.start(ctx, c); err != nil {
			return 0, err
		}
	}
}

// most is how many slices may be under way at once. A workspace has one scroll.
func (r *run) most() int {
	if r.operation.Paging == intercom.Scroll {
		return 1
	}
	return maxSlices
}

// idle reports whether the phase has nothing left to read.
func (r *run) idle() bool { return len(r.cuts) == 0 && r.work.Next >= len(r.work.Requests) }

// ready is the slice with the most left to read that waits for a request, and
// nil with how long until there may be one.
func (r *run) ready() (best *cut, wait time.Duration) {
	wait = renewEvery
	now := time.Now()
	for _, c := range r.cuts {
		switch {
		case c.inFlight || c.done:
		case c.notUntil.After(now):
			wait = min(wait, c.notUntil.Sub(now))
		case best == nil || c.left > best.left:
			best = c
		}
	}
	return best, wait
}

// splittable is the slice with the most left to read, where it can be cut.
func (r *run) splittable() (largest *cut, at split, ok bool) {
	if r.how.Strategy != intercom.BySearch || r.uncut || len(r.cuts) >= maxSlices {
		return nil, split{}, false
	}
	least := float64(minSplit * max(r.operation.PerPage, 1))
	for _, c := range r.cuts {
		if c.left < least || largest != nil && c.left <= largest.left {
			continue
		}
		if s, can := c.split(r.days, r.grains[c.By]); can {
			largest, at, ok = c, s, true
		}
	}
	return largest, at, ok
}

func (r *run) add(cuts ...*cut) {
	r.cuts = append(r.cuts, cuts...)
	r.work.Report.Slices += int64(len(cuts))
}

// openNext begins with the next planned request and returns its first slice,
// nil where it has nothing to read.
func (r *run) openNext() *cut {
	slices := r.slices(r.work.Next)
	r.work.Next++
	first := len(r.cuts)
	for _, s := range slices {
		r.add(newCut(s))
	}
	if len(slices) == 0 {
		return nil
	}
	return r.cuts[first]
}

// start sends the next request of c, for which the governor has made room.
func (r *run) start(ctx context.Context, c *cut) error {
	request, err := r.next(c)
	if err != nil {
		r.API.Governor().Done(intercom.Outcome{})
		return r.refuse(ctx, c, err)
	}
	c.inFlight = true
	r.inFlight++
	go func() {
		res := result{cut: c}
		res.resp, res.err = r.API.Send(ctx, request)
		if res.err == nil {
			res.page, res.err = intercom.SplitPage(r.operation, res.resp)
		}
		res.sums = make([]event.Digest, len(res.page.Records))
		for i := range res.page.Records {
			res.sums[i] = event.DigestOf(res.page.Records[i].Raw)
		}
		r.results <- res
	}()
	return nil
}

// next is the request for the next page of c.
func (r *run) next(c *cut) (*intercom.Request, error) {
	s := c.Slice
	if c.probe != 0 {
		s.After, s.Before = c.probe-1, c.probe+1
	}
	request, err := r.request(&s)
	if err != nil {
		return nil, err
	}
	size := 0
	switch {
	case r.work.Phase == counting:
		size = 1
	case r.pages():
		size = r.API.Governor().PageSize(r.operation, r.operation.PerPage)
	}
	return c.live.Request(request, size)
}
