package subscribe

import (
	"time"

	"intercom-connector/shared/intercom"
)

// A Slice is a part of a run that is read independently of the others. What is
// exported is its durable part: as of the last page that was delivered.
type Slice struct {
	Request int `json:"request"` // index into Run.Requests
	// By is the date that the slice is a range of and that its records are
	// sorted by, newest first; "" for one that is read as the server lists it.
	By    string `json:"by,omitempty"`
	Range Range  `json:"range,omitzero"`
	// After and Before are the bounds that are asked for. They may reach
	// further than Range, and a slice whose older half was taken keeps them.
	After  int64 `json:"after,omitempty"`
	Before int64 `json:"before,omitempty"`
	// Other is a day by the other date to which the slice is confined, where
	// one day alone held too many records for one slice.
	Other *Other `json:"other,omitempty"`
	Open  bool   `json:"open,omitempty"` // tickets: those that are open, however old

	Pager intercom.Pager `json:"pager"`
	Read  int64          `json:"read"`            // records that belong to it
	Total int64          `json:"total"`           // matches, as its last page told; -1 unknown
	Again bool           `json:"again,omitempty"` // it is read a second time
	// Root marks the slice whose bounds are those of the whole, and so its total.
	Root bool `json:"root,omitempty"`
}

// Other is a range of the date that a slice is not sorted by.
type Other struct {
	By     string `json:"by"`
	Range  Range  `json:"range"`
	After  int64  `json:"after,omitempty"`
	Before int64  `json:"before,omitempty"`
}

// widen sets the bounds of a slice that was cut in another zone, or in one that
// is in doubt now.
func (s *Slice) widen(days calendar) {
	s.After, s.Before = days.wider(s.After, s.Range.From), days.widerUp(s.Before, s.Range.To)
	if s.Other != nil {
		o := *s.Other
		o.After, o.Before = days.wider(o.After, o.Range.From), days.widerUp(o.Before, o.Range.To)
		s.Other = &o
	}
}

// A cut is a slice under way.
type cut struct {
	Slice

	live     intercom.Pager // where the next request goes on, ahead of Slice.Pager by the page in hand
	inFlight bool
	done     bool      // nothing more is asked for
	probe    int64     // a second with a record: the next request only asks what a filter on it means
	forgiven bool      // it has begun again because its position was refused
	notUntil time.Time // a failed request is not repeated before
	attempts int       // failures in a row

	first    bool    // no page of it has come yet
	sorted   bool    // every page so far was newest first
	position int64   // By of the last record read, 0 before the first page
	density  float64 // records a second around position, 0 unknown
	crowded  bool    // all of the last page was of one second: density is only the least it can be
	left     float64 // records still to come, an estimate
	parent   *cut    // whose older half it was, until its own first page tells how much that is
}

func newCut(s Slice) *cut {
	return &cut{Slice: s, live: s.Pager, first: s.Pager.Pages() == 0, sorted: true, left: -1}
}

// restart forgets how far the slice has come.
func (c *cut) restart() {
	c.Pager, c.live = intercom.Pager{}, intercom.Pager{}
	c.Read, c.Total = 0, -1
	c.first, c.sorted, c.position, c.left, c.density, c.crowded = true, true, 0, -1, 0, false
}

// when is the date of r that by names.
func when(r *intercom.Record, by string) int64 {
	switch {
	case by == "created_at":
		return r.Created
	case r.Updated != 0:
		return r.Updated
	default:
		return r.Created
	}
}

// has reports whether r belongs to the slice rather than to a neighbour.
func (c *cut) has(r *intercom.Record) bool {
	if c.By != "" && !c.Range.holds(when(r, c.By)) {
		return false
	}
	return c.Other == nil || c.Other.Range.holds(when(r, c.Other.By))
}

// take notes what a page tells about the slice: how far it has come, how
// much is left, and whether there is any need to read on.
func (c *cut) take(page *intercom.Page) {
	fell := page.Total >= 0 && page.Total < c.Total
	c.Total = page.Total
	if c.By == "" {
		c.first = false
		return
	}
	newest, oldest := ends(page, c.By)
	if oldest == 0 {
		c.settle(0)
		return
	}
	previous := newest
	for i := range page.Records {
		t := when(&page.Records[i], c.By)
		if t == 0 {
			continue
		}
		if t > previous || c.position != 0 && t > c.position {
			c.sorted = false
		}
		previous = t
	}
	if c.Range.To != 0 {
		if oldest >= c.Range.To {
			return // not there yet: all of it is a neighbour's
		}
		newest = min(newest, c.Range.To)
	}
	c.position = oldest
	c.density = float64(len(page.Records)) / float64(max(newest-oldest, 1))
	c.crowded = newest == oldest
	switch {
	case fell:
		// Something was deleted. What slipped from this page to one before has not
		// been read, and the pager of a list by number goes back for it.
		c.position = 0
	case c.sorted && oldest < c.Range.From:
		c.done = true // the rest is a neighbour's or known
	}
	c.estimate(page)
}

// ends are the dates of the first and the last record of a page that have one, 0
// where none has.
func ends(page *intercom.Page, by string) (newest, oldest int64) {
	for i := range page.Records {
		if t := when(&page.Records[i], by); t != 0 {
			if newest == 0 {
				newest = t
			}
			oldest = t
		}
	}
	return newest, oldest
}

// estimate says how much is left: of the matches, what has not come; and no
// more than the density around here makes likely down to the end of the range.
func (c *cut) estimate(page *intercom.Page) {
	n := float64(len(page.Records))
	if (c.first || c.left < 0) && page.Total >= 0 {
		c.settle(max(float64(page.Total-c.Read)-n, 0))
	} else {
		c.left = max(c.left-n, 0)
	}
	if c.Range.From > 0 && c.Other == nil && !c.crowded {
		c.left = min(c.left, c.density*float64(max(c.position-c.Range.From, 0)))
	}
	c.first, c.parent = false, nil
}

// settle puts a number in the place of the first guess of what is left; the
// slice that this one was cut from still has the difference.
func (c *cut) settle(left float64) {
	if p := c.parent; p != nil && c.left >= 0 {
		p.left = max(p.left+c.left-left, 0)
	}
	c.left, c.first, c.parent = left, false, nil
}

// A split is where a slice can be cut in two.
type split struct {
	border int64
	share  float64 // of what is left that is older than the border
}

// split finds the middle of what remains of the slice, at the border of a day
// unless the filter is known to compare seconds. ok is false where there is
// nothing to cut.
func (c *cut) split(days calendar, g grain) (_ split, ok bool) {
	if c.By == "" || c.done || c.position == 0 || !c.sorted || c.density == 0 {
		return split{}, false
	}
	oldest := c.position - int64(c.left/c.density) - 1
	if c.Range.From > 0 {
		oldest = max(oldest, c.Range.From)
	}
	oldest = max(oldest, 0)
	border := oldest + (c.position-oldest)/2
	if g != secondGrain {
		// The day of border goes to whichever side leaves both with something.
		newestDay, oldestDay := days.startOfDay(c.position), days.startOfDay(oldest)
		border = days.startOfDay(border)
		if border <= oldestDay {
			border = min(days.startOfDay(oldestDay+36*3600), newestDay)
		}
		border = min(border, newestDay)
	}
	if border <= oldest || border > c.position || border <= c.Range.From {
		return split{}, false
	}
	return split{border: border, share: float64(border-oldest) / float64(c.position-oldest)}, true
}

// giveAway cuts the older part off and returns it as a slice of its own. The
// slice itself goes on as it was and stops at the border.
func (c *cut) giveAway(s split, days calendar, g grain) *cut {
	older := newCut(Slice{
		Request: c.Request, By: c.By, Other: c.Other, Open: c.Open, Again: c.Again, Total: -1,
		Range:  Range{From: c.Range.From, To: s.border},
		After:  max(c.After, days.after(c.Range.From, g)), // c's own may reach further down than what it still has
		Before: days.before(s.border, g),
	})
	older.left = c.left * s.share
	older.parent = c
	c.left -= older.left
	c.Range.From = s.border
	return older
}
