package publish

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"intercom-connector/internal/transform"
)

// A Publisher publishes the messages of one standing order. It may be used by
// several goroutines, and should be made once.
type Publisher struct {
	Config

	program *transform.Program // nil: messages are envelopes already
	doing   sync.Map           // keys of the claims that this Publisher is working on
	unsaved sync.Map           // key of a claim -> record that no store has taken yet
}

// New returns a Publisher, or an error that names every problem of cfg.
func New(cfg Config) (*Publisher, error) {
	var problems []error
	missing := func(what string) { problems = append(problems, errors.New(what)) }
	switch {
	case cfg.Publisher == nil:
		missing("no configuration of a publisher")
	case cfg.Publisher.Operation == nil:
		missing("the publisher's operation is not resolved")
	}
	if cfg.Client == nil {
		missing("no configuration of a client")
	}
	if cfg.API == nil {
		missing("no client of the API")
	}
	if cfg.Store == nil {
		missing("no store")
	}
	if cfg.DeadLetters == nil {
		missing("nowhere to put dead letters")
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("publish: %w", errors.Join(problems...))
	}
	cfg.Workspace = cmp.Or(cfg.Workspace, unknownWorkspace)
	cfg.Owner = cmp.Or(cfg.Owner, fmt.Sprintf("worker-%016x", rand.Uint64())) //nolint:gosec // a name, not a secret.
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Random == nil {
		cfg.Random = rand.Float64
	}
	cfg.Log = slog.New(correlated{cfg.Log.Handler()})
	cfg.Random = oneAtATime(cfg.Random)
	p := &Publisher{Config: cfg}
	if source := cfg.Publisher.MessageTransform; source != "" {
		p.program = transform.New(source)
	}
	return p, nil
}

// oneAtATime makes any source of random numbers fit for several goroutines.
func oneAtATime(random func() float64) func() float64 {
	var mu sync.Mutex
	return func() float64 {
		mu.Lock()
		defer mu.Unlock()
		return random()
	}
}

// unknownWorkspace stands for one whose name is not known.
const unknownWorkspace = "unknown"

// Publish takes one delivery as far as ctx allows. A request that may be
// repeated is tried a few times; whatever is not settled then is Retry, with
// the time before which another try makes no sense.
//
// When it returns, the result is as safe as it says: the answer of a done one
// has been remembered and delivered, a dead one is among the dead letters. If
// that fails the result is Retry, and nothing is sent twice for it that must
// not be.
func (p *Publisher) Publish(ctx context.Context, d Delivery) Result {
	return p.Batch(ctx, []Delivery{d})[0]
}

// work takes one parsed message to its result. tries bounds the attempts at
// a request that fails for the moment.
func (p *Publisher) work(ctx context.Context, d Delivery, m *message, tries int) Result {
	ctx = about(ctx, d, m.id)
	c := p.course(d, m, tries)
	r := c.run(ctx)
	if r.Outcome == Retry {
		r = c.giveUp(r)
	}
	r.ID, r.Group, r.Line, r.Requests = m.id, m.group, d.Line, c.requests
	// Whoever cancels wants nothing new to begin; what has been done is still
	// kept and told.
	ctx, cancel := lasting(ctx)
	defer cancel()
	r = p.keep(ctx, d, r)
	p.note(ctx, d, r)
	return r
}

// giveUp turns a retry into a dead letter once the message is Overdue.
func (c *course) giveUp(r Result) Result {
	limit := c.p.Publisher.GiveUpAfter
	if c.held || !Overdue(c.d, limit) {
		return r
	}
	r.After = 0
	if c.unsettled {
		r.Outcome, r.Reason = Unknown, unknownReason("given up "+limit.String()+" after it was sent to us: "+r.Reason)
		return r
	}
	r.Outcome, r.Reason = Dead, "given up "+limit.String()+" after it was sent to us: "+r.Reason
	return r
}

// keep makes a result safe before it is reported.
func (p *Publisher) keep(ctx context.Context, d Delivery, r Result) Result {
	fail := func(doing string, err error) Result {
		r.Outcome, r.Reason, r.Answer = Retry, doing+": "+err.Error(), nil
		r.After = p.backoff(d.Tries)
		return r
	}
	switch r.Outcome {
	case Done:
		if p.Responses != nil {
			if err := p.Responses.Respond(ctx, r); err != nil {
				return fail("deliver the answer", err)
			}
		}
	case Dead, Unknown:
		letter := DeadLetter{
			Publisher: p.Publisher.Name,
			ID:        r.ID,
			Group:     r.Group,
			Body:      d.Body,
			Reason:    r.Reason,
			Outcome:   r.Outcome,
			Status:    r.Status,
			Code:      r.Code,
			RequestID: r.RequestID,
			Line:      r.Line,
			Time:      time.Now().UTC(),
			Delivery:  d,
		}
		if err := p.DeadLetters.Put(ctx, letter); err != nil {
			return fail("keep the dead letter", err)
		}
	case Retry, Paused:
	}
	return r
}

// lasting is a context for what must be finished: it ends with ctx's deadline,
// a little later at the earliest, but not when ctx is cancelled.
func lasting(ctx context.Context) (context.Context, context.CancelFunc) {
	limit := time.Now().Add(longestFinish)
	if deadline, ok := ctx.Deadline(); ok && deadline.Before(limit) {
		limit = deadline
		if soon := time.Now().Add(shortestFinish); soon.After(limit) {
			limit = soon
		}
	}
	return context.WithDeadline(context.WithoutCancel(ctx), limit)
}

// How long it may take to finish what has begun.
const (
	longestFinish  = 90 * time.Second // more than an attempt of the client takes
	shortestFinish = 3 * time.Second  // to remember what happened
)
