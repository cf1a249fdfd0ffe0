package trigger

import (
	"context"
	"time"
)

const (
	// margin is how long before its deadline an invocation stops reading.
	margin = 45 * time.Second
	// marginShare is how much of the time the margin takes at the most, where
	// that is short: one part in so many.
	marginShare = 4
	// cancelShare is when the rest is cancelled: one in so many parts of the margin
	// before the deadline.
	cancelShare = 3
)

// limits returns when a run stops and when everything is cancelled, zero times
// for a context without a deadline.
func limits(ctx context.Context) (stop, cancel time.Time) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return time.Time{}, time.Time{}
	}
	before := min(margin, max(time.Until(deadline), 0)/marginShare)
	return deadline.Add(-before), deadline.Add(-before / cancelShare)
}
