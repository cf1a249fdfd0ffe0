package publish

import (
	"context"
	"time"
)

// How long to wait before another try.
const (
	firstBackoff   = time.Second      // doubled each time, half of it random
	longestBackoff = 15 * time.Minute // what a queue may hide a message for
	longestHere    = time.Minute      // where the message waits in memory
	shortBackoff   = 500 * time.Millisecond
)

// Backoff is how long to stay away from a message that was tried so often: from
// a second to the quarter of an hour that a queue may hide it for. random is in
// [0,1).
func Backoff(tries int, random float64) time.Duration {
	return jittered(firstBackoff, tries, longestBackoff, random)
}

func (p *Publisher) backoff(tries int) time.Duration { return Backoff(tries, p.Random()) }

// triedFor reports whether a message was handed over often enough to be given up
// after limit: whoever tries one all that time comes to longer waits than this.
func triedFor(tries int, limit time.Duration) bool {
	const (
		share   = 8
		longest = 2 * time.Minute
	)
	return firstBackoff<<min(max(tries, 0), 20) >= min(limit/share, longest)
}

// jittered doubles first for each try up to longest, and takes half of it off
// at random, so that what failed together does not come back together.
func jittered(first time.Duration, tries int, longest time.Duration, random float64) time.Duration {
	d := longest
	if tries >= 0 && tries < 30 {
		d = min(first<<tries, longest)
	}
	return d/2 + time.Duration(random*float64(d/2))
}

// sleep waits on a timer and the context, and reports whether the time is over.
func sleep(ctx context.Context, d time.Duration) bool {
	if ctx.Err() != nil {
		return false
	}
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// fits reports whether a pause, and a request after it, end before ctx does.
func fits(ctx context.Context, d time.Duration) bool {
	deadline, ok := ctx.Deadline()
	return !ok || time.Until(deadline) > d+enough
}

// enough is the time without which no request is begun: a request whose answer
// nobody waits for may be one that nobody can settle.
const enough = 2 * time.Second
