package subscribe

import (
	"time"
)

// A Range is a half-open range of unix seconds: From <= t < To.
// Zero leaves a side open.
type Range struct {
	From int64 `json:"from,omitempty"`
	To   int64 `json:"to,omitempty"`
}

// holds reports whether t is in the range. What has no date is in every one:
// it is nobody else's.
func (r Range) holds(t int64) bool { return t == 0 || t >= r.From && (r.To == 0 || t < r.To) }

// A grain is what a date filter of the search is taken to mean.
type grain uint8

const (
	// Whole days of the workspace's zone or seconds, nobody knows.
	unknownGrain grain = iota
	// A page has proven that the filter compares seconds.
	secondGrain
)

// The bounds of whole days are set at seven and a half minutes past noon: far
// from either midnight, whatever the zone does that day, and not on a quarter of
// an hour. Every zone's midnights are on one, so a record between this instant
// and the quarter next to it can only be served by a filter that compares seconds.
const noonHour, noonMinute, noonSecond = 12, 7, 30

const quarter = int64(15 * 60)

// A calendar knows the days of the workspace.
type calendar struct {
	zone *time.Location
	// slack widens every bound by whole days, where the zone is not known or
	// was another one when the range was made.
	slack int
}

// startOfDay is the first second of t's day.
func (c calendar) startOfDay(t int64) int64 {
	y, m, d := time.Unix(t, 0).In(c.zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, c.zone).Unix()
}

// noonOf is noon of the day that lies days after t's.
func (c calendar) noonOf(t int64, days int) int64 {
	y, m, d := time.Unix(t, 0).In(c.zone).Date()
	return time.Date(y, m, d+days, noonHour, noonMinute, noonSecond, 0, c.zone).Unix()
}

// after is the bound for "field > after" that lets through everything from
// the second from on.
func (c calendar) after(from int64, g grain) int64 {
	switch {
	case from <= 0:
		return 0
	case g == secondGrain:
		return from - 1
	default:
		return max(c.noonOf(from, -1-c.slack), 0)
	}
}

// before is the bound for "field < before" that lets through everything
// earlier than the second to.
func (c calendar) before(to int64, g grain) int64 {
	switch {
	case to == 0:
		return 0
	case g == secondGrain:
		return to // some say that "<" includes the bound, some not: both do
	default:
		return c.noonOf(to-1, 1+c.slack)
	}
}

// wider is the lower of the bound after and one that suits the calendar, where
// its zone is in doubt. No bound stays none.
func (c calendar) wider(after, from int64) int64 {
	if c.slack == 0 || after == 0 {
		return after
	}
	return min(after, c.after(from, unknownGrain))
}

// widerUp is the higher of the bound before and one that suits the calendar.
func (c calendar) widerUp(before, to int64) int64 {
	if c.slack == 0 || before == 0 {
		return before
	}
	return max(before, c.before(to, unknownGrain))
}

// provesSeconds reports whether a record of time t can only come from a filter
// with this bound that compares seconds. A filter by days starts or ends at
// some zone's midnight, which is on a quarter of an hour.
func provesSeconds(t, after, before int64) bool {
	if after > 0 && t > after && t/quarter == after/quarter {
		return true
	}
	return before > 0 && t < before && t/quarter == before/quarter
}
