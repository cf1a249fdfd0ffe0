package publish

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"intercom-connector/internal/pause"
	"intercom-connector/shared/intercom"
)

// A course is one go at one message, from its claim to its result.
type course struct {
	p       *Publisher
	d       Delivery
	m       *message
	tries   int // attempts at what fails for the moment
	request intercom.Request
	claim   *claim // nil for a request of which nothing needs to be remembered

	repeatable bool
	taken      bool // the claim says sending, because of this go
	lost       bool // an attempt may have been applied
	unsettled  bool // and nobody has found out
	held       bool // another has the message, or nobody has tried it: giving it up would be wrong
	requests   int
	retries    int             // results of this go that were Retry
	hops       int             // to contacts that were merged
	conflicts  int             // resolved
	made       map[string]bool // custom attributes
}

// What one go may do at most, besides tries.
const (
	maxTries      = 4
	maxHops       = 3  // between merged contacts, as the client's
	maxConflicts  = 4  // of contacts that come and go meanwhile
	maxAttributes = 50 // made or dropped
	maxLosses     = 10 // of answers to one request that is never there afterwards
)

// pausedFor is when to look again whether a pause is over.
const pausedFor = 15 * time.Minute

func (p *Publisher) course(d Delivery, m *message, tries int) *course {
	c := &course{p: p, d: d, m: m, tries: tries, request: *p.request(m)}
	c.repeatable = c.upserts() || c.request.Operation.Repeatable(m.payload)
	return c
}

// upserts reports whether a conflict is resolved by an update. Then sending the
// whole again leads to the same contact.
func (c *course) upserts() bool {
	return c.p.Publisher.OnConflict == "update" && isCreateContact(c.request.Operation)
}

// tracked reports whether the message has to be remembered: because its request
// must not be repeated, or because a repeated one is refused as "already so"
// and only the memory of a lost answer tells that from a mistake.
func (c *course) tracked() bool {
	op := c.request.Operation
	return !c.repeatable || op.Method == http.MethodDelete || isArchive(op) || isUnarchive(op)
}

// run takes the message to its result.
func (c *course) run(ctx context.Context) Result {
	if c.m.problem != "" {
		return Result{Outcome: Dead, Reason: c.m.problem}
	}
	if !c.tracked() {
		return c.attempts(ctx)
	}
	key := c.p.claimKey(c.m.id)
	if _, busy := c.p.doing.LoadOrStore(key, true); busy {
		return c.wait("the same id is being published right now", time.Second)
	}
	defer c.p.doing.Delete(key)
	claim, err := c.p.load(ctx, c.m.id)
	if err != nil {
		return c.retry(verdict{reason: err.Error()})
	}
	c.claim = claim
	if kept, ok := c.p.unsaved.Load(key); ok {
		claim.record = kept.(record)
		if err := claim.insist(ctx); err != nil {
			return c.wait(err.Error(), c.p.backoff(c.d.Tries))
		}
	}
	return c.resume(ctx)
}

// resume goes on from what is remembered of the message.
func (c *course) resume(ctx context.Context) Result {
	known := c.claim.State != "" && (c.claim.State != released || c.claim.Lost)
	if known && c.claim.Request != c.m.digest {
		return Result{Outcome: Dead, Reason: "the id was used before for another request: every message needs an id of its own"}
	}
	c.lost = c.claim.Lost
	switch c.claim.State {
	case done:
		return Result{
			Outcome: Done, Duplicate: true,
			Status: c.claim.Status, RequestID: c.claim.RequestID, Answer: c.claim.Answer,
		}
	case unknown:
		return Result{
			Outcome: Unknown, Reason: c.claim.Reason,
			Status: c.claim.Status, Code: c.claim.Code, RequestID: c.claim.RequestID,
		}
	case sending:
		if c.claim.live() {
			return c.wait("another worker is sending it", time.Until(c.claim.Until))
		}
		// Whoever claimed it has died, or could not find out.
		c.lost, c.claim.Lost = true, true
		if !c.repeatable {
			return c.settle(ctx)
		}
	case released:
	}
	return c.attempts(ctx)
}

// attempts sends the request until something is settled.
func (c *course) attempts(ctx context.Context) Result {
	for try := 1; ; try++ {
		r, again := c.attempt(ctx)
		if !again {
			if r.Outcome != Retry || try >= c.tries || ctx.Err() != nil || c.unsettled || c.held {
				return r
			}
			// A 429 is waited out by the Governor, the rest here.
			if !fits(ctx, r.After) || r.After > longestHere || !sleep(ctx, r.After) {
				return r
			}
			continue
		}
		try--
	}
}

// attempt sends the request once and does what follows from the answer. again
// means that the request has changed, or its cause to fail, and goes out anew.
func (c *course) attempt(ctx context.Context) (r Result, again bool) {
	resp, err := c.send(ctx)
	if held, ok := errors.AsType[*heldError](err); ok {
		switch {
		case errors.Is(held.err, errTaken):
			return c.wait(errTaken.Error(), time.Second), false
		case errors.Is(held.err, errNoTime):
			return c.wait(errNoTime.Error(), c.p.backoff(c.d.Tries)), false
		}
		return c.retry(verdict{reason: held.err.Error()}), false
	}
	ctx, cancel := lasting(ctx)
	defer cancel()
	s := situation{
		op: c.request.Operation, err: err, repeatable: c.repeatable, lost: c.lost,
		upsert: c.upserts(), attributes: c.p.Publisher.UnknownAttributes,
	}
	if errors.Is(err, intercom.ErrNotFound) {
		s.young = c.p.young(ctx, &c.request)
	}
	return c.follow(ctx, decide(s), resp)
}

// A heldError is what keeps a request from being sent: no time, no claim.
type heldError struct{ err error }

func (e *heldError) Error() string { return e.err.Error() }

var errNoTime = errors.New("no time is left to send it")

// send waits for a turn, claims the message where it must, and makes one
// attempt. The claim is the last thing before the request: what is claimed has
// most likely been sent.
func (c *course) send(ctx context.Context) (*intercom.Response, error) {
	op := c.request.Operation
	if !fits(ctx, 0) {
		return nil, &heldError{errNoTime}
	}
	if err := c.p.wait(ctx, op); err != nil {
		return nil, err
	}
	switch {
	case !fits(ctx, 0):
		c.p.giveBack(op, errNoTime)
		return nil, &heldError{errNoTime}
	case c.claim != nil:
		if err := c.take(ctx); err != nil {
			c.p.giveBack(op, err)
			return nil, &heldError{err}
		}
	}
	c.requests++
	ctx, cancel := lasting(ctx)
	defer cancel()
	return c.p.API.Send(ctx, &c.request)
}

// take claims the message for sending it right now.
func (c *course) take(ctx context.Context) error {
	if !c.repeatable && lookFor(c.request.Operation, c.request.Payload) != nil {
		if err := c.announce(ctx); err != nil {
			return err
		}
	}
	if err := c.claim.take(ctx, c.m.digest); err != nil {
		return err
	}
	c.taken = true
	return nil
}

// follow does what a verdict asks for.
func (c *course) follow(ctx context.Context, v verdict, resp *intercom.Response) (r Result, again bool) {
	switch v.step {
	case stepDone:
		if isCreateContact(c.request.Operation) && resp != nil {
			c.p.welcome(ctx, resp.Body)
		}
		return c.finish(ctx, v, resp), false
	case stepLost:
		c.lost, c.taken = true, false
		if err := c.claim.leave(ctx, v); err != nil {
			return c.wait(err.Error(), claimed), false
		}
		return c.settle(ctx), false
	case stepRepeat:
		c.lost, c.taken = true, false
		if c.claim != nil {
			if err := c.claim.leave(ctx, v); err != nil {
				return c.wait(err.Error(), claimed), false
			}
		}
		return c.retry(v), false
	case stepAgain, stepDead, stepPaused, stepConflict, stepMoved, stepAttribute, stepCompare, stepAlready:
	}
	// Refused: whatever comes next, this attempt has changed nothing.
	if c.taken {
		if err := c.claim.release(ctx); err != nil {
			return c.wait(err.Error(), claimed), false
		}
		c.taken = false
	}
	switch v.step {
	case stepConflict:
		return c.upsert(ctx, v)
	case stepMoved:
		return c.redirect(v)
	case stepAttribute:
		return c.mendAttribute(ctx, v, c.request.Operation, &c.request.Payload)
	case stepCompare:
		return c.compare(ctx, v), false
	case stepAlready:
		return c.already(ctx, v), false
	default:
		return c.conclude(ctx, v), false
	}
}

// conclude is the result of a step that leads nowhere else.
func (c *course) conclude(ctx context.Context, v verdict) Result {
	switch v.step {
	case stepPaused:
		return c.pause(ctx, v)
	case stepAgain, stepRepeat:
		return c.retry(v)
	default:
		return v.result(Dead, 0)
	}
}

// pause pauses the client, unless the refusal was of a token that has been
// replaced meanwhile.
func (c *course) pause(ctx context.Context, v verdict) Result {
	paused, err := pause.Revoke(ctx, c.p.Store, c.p.Client.Name, v.reason, v.token, c.p.currentToken)
	switch {
	case err != nil:
		c.p.Log.WarnContext(ctx, "pause", "client", c.p.Client.Name, "err", err)
		if v.token != "" {
			return c.retry(v) // there may be another token
		}
		// Whether the pause can be written does not matter to this message: the
		// next one meets the same answer.
	case !paused:
		v.reason = "there is another token by now than the one that was refused: " + v.reason
		return c.retry(v)
	}
	return v.result(Paused, pausedFor)
}

func (v verdict) result(outcome Outcome, after time.Duration) Result {
	return Result{Outcome: outcome, Reason: v.reason, Status: v.status, Code: v.code, RequestID: v.requestID, After: after}
}

// retry is another try later.
func (c *course) retry(v verdict) Result {
	after := max(v.after, c.p.backoff(c.d.Tries+c.retries))
	c.retries++
	return v.result(Retry, after)
}

// wait is another try later that has nothing to do with this message's age.
func (c *course) wait(reason string, after time.Duration) Result {
	c.held = true
	return Result{Outcome: Retry, Reason: reason, After: max(after, time.Second)}
}

// finish remembers a success and what was answered.
func (c *course) finish(ctx context.Context, v verdict, resp *intercom.Response) Result {
	r := Result{Outcome: Done, Status: v.status, RequestID: v.requestID}
	if resp != nil {
		r.Status, r.RequestID, r.Answer = resp.Status, resp.RequestID, answerOf(resp.Body)
	} else if v.reason != "" {
		r.Answer = note(v.reason)
	}
	return c.accomplish(ctx, r)
}

// accomplish remembers a result that is done, if it must be remembered.
func (c *course) accomplish(ctx context.Context, r Result) Result {
	if c.claim == nil {
		return r
	}
	if err := c.claim.finish(ctx, r); err != nil {
		return c.wait("it is done, but cannot be remembered: "+err.Error(), c.p.backoff(c.d.Tries))
	}
	return r
}

// answerOf is an answer as JSON, whatever was sent; nil for nothing.
func answerOf(body []byte) json.RawMessage {
	switch {
	case len(body) == 0:
		return nil
	case json.Valid(body):
		return body
	default:
		return note("the answer is not JSON")
	}
}

func note(text string) json.RawMessage {
	return json.RawMessage(fmt.Sprintf(`{"note":%q}`, text))
}
