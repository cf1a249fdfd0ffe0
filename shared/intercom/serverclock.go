package intercom

import "time"

// A serverClock knows where the server's clock stands, between two bounds, from
// the dates of its answers. A date is a whole second, the first moment the
// clock may have shown; the answer was made at some moment between sending and
// receiving. Answers at different fractions of a second narrow the bounds down
// to about a round trip, however far the two clocks are apart.
type serverClock struct {
	known  bool
	lo, hi time.Duration // server's clock since 1970, minus ours: at least lo, less than hi
}

// observe takes in the date of an answer to a request sent and received at
// times of our clock. It reports whether one of the clocks was set meanwhile.
func (c *serverClock) observe(date time.Time, sent, received time.Duration) bool {
	shown := time.Duration(date.Unix()) * time.Second
	lo, hi := shown-received, shown+time.Second-sent
	if !c.known {
		*c = serverClock{known: true, lo: lo, hi: hi}
		return false
	}
	gap := max(lo-c.hi, c.lo-hi)
	if gap >= 0 { // the bounds contradict each other: the newest answer is right
		*c = serverClock{known: true, lo: lo, hi: hi}
		return gap > 2*time.Second
	}
	c.lo, c.hi = max(c.lo, lo), min(c.hi, hi)
	return false
}

// local returns the bounds, on our clock, of a moment of the server's clock.
func (c *serverClock) local(unix int64) (earliest, latest time.Duration) {
	t := time.Duration(unix) * time.Second
	return t - c.hi, t - c.lo
}
