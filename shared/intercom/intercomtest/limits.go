package intercomtest

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// A limiter meters requests in windows that begin at multiples of their length,
// as Intercom does in windows of ten seconds:
// https://developers.intercom.com/docs/references/rest-api/errors/rate-limiting
type limiter struct {
	limit  int // 0 for none
	window time.Duration

	start time.Time // of the window
	used  int       // requests in it

	blocked time.Time // until when LimitNext refuses everything
	ordered time.Duration

	// A client knows of a 429 since warned and may not send before reset.
	warned, reset time.Time
	last          time.Time // the reset that the latest 429 named
	tied          int       // requests at the very instant of warned
}

// LimitNext answers the next request with a 429 whose reset is d later, and
// everything until then, too. The header has whole seconds, rounded up.
func (ws *Workspace) LimitNext(d time.Duration) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	ws.limiter.ordered = d
}

// Spend uses up n requests of this window in the name of somebody else who
// shares the app's rate limit.
func (ws *Workspace) Spend(n int) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	ws.limiter.roll(time.Now())
	ws.limiter.used += n
}

// meter counts a request, gives the answer its headers, and reports whether the
// request is one too many, which makes the answer a 429.
func (ws *Workspace) meter(a *Answer) bool {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	l := &ws.limiter
	now := time.Now()
	l.roll(now)
	if l.ordered > 0 {
		l.blocked, l.ordered = wholeSecond(now.Add(l.ordered)), 0
	}
	refused := now.Before(l.blocked)
	if l.limit == 0 && !refused {
		return false
	}
	reset := wholeSecond(l.start.Add(l.window))
	switch {
	case refused:
		reset = l.blocked
	case l.used >= l.limit:
		refused = true
	default:
		l.used++
	}
	remaining := max(l.limit-l.used, 0)
	if refused {
		remaining = 0
	}
	limit := max(l.limit, 1)
	a.Header.Set("X-RateLimit-Limit", strconv.Itoa(limit))
	a.Header.Set("X-RateLimit-Remaining", strconv.Itoa(remaining))
	a.Header.Set("X-RateLimit-Reset", strconv.FormatInt(reset.Unix(), 10))
	if refused {
		l.last = reset
		a.Fail(http.StatusTooManyRequests, "rate_limit_exceeded",
			fmt.Sprintf("Exceeded rate limit of %d in %d_seconds", limit, int(l.window.Seconds())))
	}
	return refused
}

// roll begins a new window if it is time.
func (l *limiter) roll(now time.Time) {
	if start := now.Truncate(l.window); !start.Equal(l.start) {
		l.start, l.used = start, 0
	}
}

// told notes that a client has got a 429.
func (l *limiter) told(now time.Time) {
	if l.last.After(l.reset) {
		l.warned, l.reset, l.tied = now, l.last, 0
	}
}

// violated reports whether a request that comes now ignores a 429. Where time is
// virtual many things happen in one instant: requests that come as the 429 goes
// may not know of it, as many as there have ever been at one time.
func (l *limiter) violated(now time.Time, concurrent int) bool {
	if !now.Before(l.reset) {
		return false
	}
	if now.Equal(l.warned) {
		l.tied++
		return l.tied > concurrent
	}
	return now.After(l.warned)
}

func wholeSecond(t time.Time) time.Time {
	if whole := t.Truncate(time.Second); whole.Before(t) {
		return whole.Add(time.Second)
	}
	return t
}
