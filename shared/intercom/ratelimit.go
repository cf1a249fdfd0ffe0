package intercom

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// What Intercom's rate limit headers are trusted with.
const (
	defaultPause = 10 * time.Second       // after a 429 that tells nothing: the length of Intercom's windows
	minPause     = time.Second            // after any 429: clocks are told in whole seconds
	maxPause     = 2 * time.Minute        // no window is longer
	maxJitter    = 500 * time.Millisecond // added to a pause
	maxLimit     = 10_000_000             // a higher number is not a rate limit
)

// rateHeaders is what one answer tells about the rate limit. Garbage counts as
// not told.
type rateHeaders struct {
	limit, remaining int           // -1: not told
	reset            int64         // unix seconds of the server's clock; 0: not told
	date             time.Time     // the server's clock, in whole seconds; zero: not told
	retryAfter       time.Duration // -1: not told
}

func parseRateHeaders(h http.Header) rateHeaders {
	told := rateHeaders{limit: -1, remaining: -1, retryAfter: -1}
	if h == nil {
		return told
	}
	if n, ok := headerInt(h, "X-Ratelimit-Limit"); ok && n > 0 && n <= maxLimit {
		told.limit = int(n)
	}
	if n, ok := headerInt(h, "X-Ratelimit-Remaining"); ok && n <= maxLimit {
		told.remaining = int(max(n, 0))
	}
	if told.limit > 0 {
		told.remaining = min(told.remaining, told.limit)
	}
	if n, ok := headerInt(h, "X-Ratelimit-Reset"); ok && plausible(time.Unix(n, 0)) {
		told.reset = n
	}
	told.date = serverDate(h)
	told.retryAfter = retryAfter(h, told.date)
	return told
}

func headerInt(h http.Header, name string) (int64, bool) {
	n, err := strconv.ParseInt(strings.TrimSpace(h.Get(name)), 10, 64)
	return n, err == nil
}

// serverDate is the answer's Date, or the zero time.
func serverDate(h http.Header) time.Time {
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil || !plausible(date) {
		return time.Time{}
	}
	return date
}

// plausible keeps what is computed from a stranger's time from overflowing.
func plausible(t time.Time) bool {
	return t.Year() >= 1990 && t.Year() <= 2200
}

// retryAfter reads Retry-After, which Intercom does not document but gateways
// send: seconds or a date. It is -1 where there is none.
func retryAfter(h http.Header, date time.Time) time.Duration {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if v == "" {
		return -1
	}
	if n, err := strconv.ParseInt(v, 10, 64); err == nil {
		if n < 0 {
			return -1
		}
		return time.Duration(min(n, 24*60*60)) * time.Second
	}
	until, err := http.ParseTime(v)
	if err != nil || !plausible(until) {
		return -1
	}
	if date.IsZero() {
		date = time.Now().Truncate(time.Second)
	}
	return max(0, until.Sub(date))
}

// valid reports whether a window can be read from the headers.
func (t rateHeaders) valid() bool { return t.remaining >= 0 && t.reset != 0 }

// left is the longest that can remain until the reset: the server's clock is
// told without its fraction of a second. It may be negative.
func (t rateHeaders) left() time.Duration {
	date := t.date
	if date.IsZero() {
		date = time.Now().Truncate(time.Second)
	}
	return time.Unix(t.reset, 0).Sub(date)
}

// wait is how long a 429 stops everything, without jitter.
func (t rateHeaders) wait() time.Duration {
	wait := t.retryAfter
	if t.reset != 0 {
		wait = max(wait, t.left())
	}
	if t.reset == 0 && t.retryAfter < 0 {
		wait = defaultPause
	}
	return min(max(wait, minPause), maxPause)
}

// A rateWindow is the window of the rate limit that was last heard of. Its
// reset names it: whoever sees the same reset sees the same window.
type rateWindow struct {
	known     bool
	reset     int64 // unix seconds of the server's clock
	limit     int
	remaining int           // the lowest seen
	length    time.Duration // the shortest distance between two resets, or the longest time left that was seen
	measured  bool          // length is a distance between resets
}

// update takes in the headers of an answer; those of an earlier window that
// arrive late are ignored.
func (w *rateWindow) update(told rateHeaders) {
	left := max(told.left(), time.Second)
	switch {
	case !w.known:
		*w = rateWindow{known: true, reset: told.reset, limit: told.limit, remaining: told.remaining, length: left}
	case told.reset < w.reset:
		return
	case told.reset > w.reset:
		apart := time.Duration(min(told.reset-w.reset, int64(maxPause/time.Second))) * time.Second
		if !w.measured || apart < w.length {
			w.length, w.measured = apart, true
		}
		w.reset, w.remaining = told.reset, told.remaining
	default:
		w.remaining = min(w.remaining, told.remaining)
		if !w.measured {
			w.length = max(w.length, left)
		}
	}
	if told.limit > 0 {
		w.limit = told.limit
	}
	w.limit = max(w.limit, w.remaining, 1)
}

// ordinary is the distance between requests that uses a whole window evenly.
func (w *rateWindow) ordinary() time.Duration {
	return w.length / time.Duration(max(w.limit, 1))
}
