package intercom

import (
	"net/http"
	"time"
)

// An Outcome is what became of one request.
type Outcome struct {
	Status    int           // 0: no answer
	Header    http.Header   // of the answer
	Took      time.Duration // from sending to the last byte, 0 for a request that was never sent
	Err       error         // what Send returns, nil for a success
	Operation *Operation
}

// Done reports the outcome of one request that Take or Wait has admitted.
// It must be called exactly once for each.
func (g *Governor) Done(out Outcome) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	sent := now - max(out.Took, 0)
	if g.inFlight > 0 {
		g.inFlight--
	}
	if g.probing && (sent >= g.probe || g.inFlight == 0) {
		g.probing = false
	}
	told := parseRateHeaders(out.Header)
	g.observe(out, told, sent, now)
	if out.Status == http.StatusTooManyRequests && !isJobLimit(out.Operation, told) {
		g.throttle(told, now)
	}
	g.learn(out, sent, now)
	if g.finished != nil {
		close(g.finished)
		g.finished = nil
	}
}

// observe updates what is known of the window.
func (g *Governor) observe(out Outcome, told rateHeaders, sent, now time.Duration) {
	if out.Status != 0 {
		date := told.date
		if date.IsZero() && !g.clock.known {
			date = time.Now() // the best there is
		}
		if !date.IsZero() && g.clock.observe(date, sent, now) {
			g.window = rateWindow{} // the clock was set: the reset is not where it was
		}
	}
	if told.valid() && told.left() >= 0 && told.left() <= maxPause {
		g.window.update(told)
		return
	}
	if told.valid() && told.reset < g.window.reset {
		return // late, from a window that is over
	}
	// Nothing told: it may have been counted all the same.
	if g.window.known && wasSent(out) {
		g.window.remaining = max(0, g.window.remaining-1)
		if _, surely := g.clock.local(g.window.reset); out.Err == nil && now > surely {
			g.window = rateWindow{} // a server that no longer tells limits
		}
	}
}

// throttle stops all sending until the window of a 429 has surely ended.
func (g *Governor) throttle(told rateHeaders, now time.Duration) {
	g.throttled++
	if told.valid() && told.reset == g.window.reset {
		g.window.remaining = 0
	}
	// The server's clock shows whole seconds and its answer was under way, so
	// the wait told is never too short. Jitter keeps those who wait for the
	// same reset from waking up together.
	jitter := time.Duration(g.jitter() * float64(maxJitter))
	g.paused = max(g.paused, now+told.wait()+min(max(jitter, 0), maxJitter))
}

// isJobLimit recognises the 429 that limits the export jobs of a workspace,
// which says nothing about requests.
func isJobLimit(op *Operation, told rateHeaders) bool {
	return op != nil && op.Kind == Job && told.valid() && told.remaining > 0
}

// wasSent reports whether a request may have reached the server.
func wasSent(out Outcome) bool {
	return out.Status != 0 || out.Took > 0 && !neverSent(out.Err)
}
