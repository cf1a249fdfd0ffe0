package intercom

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// How often and how fast Do repeats.
const (
	maxAttempts   = 5                      // of a request that fails in a way that may pass
	maxThrottles  = 20                     // 429s of one request, whatever MaxWait says
	firstBackoff  = 500 * time.Millisecond // doubled each time, half of it random
	longestPause  = 30 * time.Second
	backoffFactor = 2
)

// Do sends one request under the Governor: it waits for its turn, waits out
// 429s for up to Config.MaxWait and the deadline of ctx, and repeats what
// failed for the moment, where repeating is safe: reads, PUT and DELETE, and
// anything that has not reached the server. The errors are those of Send.
func (c *Client) Do(ctx context.Context, req *Request) (*Response, error) {
	wire, err := c.Wire(req)
	if err != nil {
		return nil, err
	}
	op := req.Operation
	left := patience{attempts: maxAttempts, throttles: maxThrottles, wait: c.cfg.MaxWait}
	for {
		if waitErr := c.cfg.Governor.Wait(ctx, priority(op)); waitErr != nil {
			return nil, after(err, fmt.Errorf("intercom: %s %s: %w", op.Method, op.Path, waitErr))
		}
		var resp *Response
		resp, err = c.send(ctx, op, &wire)
		if err == nil {
			return resp, nil
		}
		pause, again := left.again(ctx, op, err, c.jitter())
		if !again {
			return nil, err
		}
		if sleepErr := sleep(ctx, pause); sleepErr != nil {
			return nil, after(err, fmt.Errorf("intercom: %s %s: %w", op.Method, op.Path, sleepErr))
		}
	}
}

// after adds the failure before to the end of the context.
func after(before, end error) error {
	if before == nil {
		return end
	}
	return fmt.Errorf("%w, after %w", end, before)
}

// A patience is what Do has left to spend on one request.
type patience struct {
	attempts, throttles int
	wait                time.Duration // on 429s
	backoff             time.Duration // the last one
}

// again decides whether to repeat after err, and how long to pause first. A
// 429 needs no pause of its own: the Governor's turn is the pause.
func (p *patience) again(ctx context.Context, op *Operation, err error, jitter float64) (time.Duration, bool) {
	if ctx.Err() != nil || !Temporary(err) {
		return 0, false
	}
	if limited, ok := errors.AsType[*RateLimitError](err); ok {
		// Intercom refuses before it does anything, so any request may be repeated.
		p.throttles--
		p.wait -= limited.RetryAfter
		return 0, limited.RetryAfter > 0 && p.throttles > 0 && p.wait >= 0 && fits(ctx, limited.RetryAfter)
	}
	p.attempts--
	if p.attempts <= 0 || !repeatable(op, err) {
		return 0, false
	}
	p.backoff = min(max(p.backoff*backoffFactor, firstBackoff), longestPause)
	pause := p.backoff/2 + time.Duration(jitter*float64(p.backoff/2))
	if api, ok := errors.AsType[*APIError](err); ok {
		pause = max(pause, api.RetryAfter)
	}
	return pause, pause <= maxPause && fits(ctx, pause)
}

// fits reports whether a pause ends before the context does.
func fits(ctx context.Context, pause time.Duration) bool {
	deadline, ok := ctx.Deadline()
	return !ok || time.Until(deadline) > pause
}

// repeatable reports whether a request that failed with err may be sent again
// without doing something twice.
func repeatable(op *Operation, err error) bool {
	if lost, ok := errors.AsType[*TransportError](err); ok && !lost.Sent {
		return true
	}
	if op.SideEffect != "" || op.Paging == Scroll {
		return false // a scroll whose answer was lost has moved on all the same
	}
	switch op.Method {
	case http.MethodGet, http.MethodPut, http.MethodDelete:
		return true
	default:
		return op.Kind == Read
	}
}

// sleep waits on a timer and the context.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
