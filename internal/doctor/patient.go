package doctor

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"sync"
	"time"

	"intercom-connector/internal/config"
	"intercom-connector/shared/intercom"
)

// A patient is a client that is examined.
type patient struct {
	cfg    *Config
	client *config.Client
	pinned string // the workspace it has had so far, "" where none is remembered
	token  Token
	api    *intercom.Client
	plain  map[string]*once // what was asked, by what goes over the network

	mu      sync.Mutex
	clock   clock
	limited *intercom.RateLimitError // a 429 that is not over soon
}

// How long is waited for what is likely to pass.
const (
	oneMoment = time.Second      // after a 5xx or a broken connection
	oneWindow = 12 * time.Second // for the rate limit, whose windows have ten seconds
)

// ask sends a request, once more where it fails in a way that often passes.
func (p *patient) ask(ctx context.Context, request *intercom.Request) (*intercom.Response, error) {
	for attempt := 1; ; attempt++ {
		if err := p.admit(ctx); err != nil {
			return nil, err
		}
		resp, err := p.api.Send(ctx, request)
		if err == nil {
			p.observe(resp)
			return resp, nil
		}
		limited, throttled := errors.AsType[*intercom.RateLimitError](err)
		if throttled && limited.RetryAfter > oneWindow {
			p.keepAway(limited)
			return nil, err
		}
		if attempt > 1 || !passes(err) || ctx.Err() != nil {
			return nil, err
		}
		if !throttled && !wait(ctx, oneMoment) {
			return nil, err
		}
	}
}

// passes reports whether asking once more may help. A server that was too slow
// for all the time there is would be so again.
func passes(err error) bool {
	return intercom.Temporary(err) && !errors.Is(err, intercom.ErrTimeout)
}

// admit waits for the rate limit, for one window of it at most.
func (p *patient) admit(ctx context.Context) error {
	if limited := p.away(); limited != nil {
		return limited
	}
	window, cancel := context.WithTimeout(ctx, oneWindow)
	defer cancel()
	err := p.api.Governor().Wait(window, intercom.Reading)
	if err == nil || ctx.Err() != nil {
		return err
	}
	limited := &intercom.RateLimitError{APIError: &intercom.APIError{
		Method: http.MethodGet, Path: "/me", Status: http.StatusTooManyRequests,
	}}
	p.keepAway(limited)
	return limited
}

func (p *patient) keepAway(limited *intercom.RateLimitError) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.limited = limited
}

// away is the 429 that keeps everything from being sent, nil where none does.
func (p *patient) away() *intercom.RateLimitError {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.limited
}

// observe takes in what an answer tells by the way.
func (p *patient) observe(resp *intercom.Response) {
	if resp.Date.IsZero() {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clock.observe(resp.Date, time.Now(), resp.Took)
}

// A once is what became of a request.
type once struct {
	sync.Once

	err error
}

// permitted sends a request, or says what became of an equal one.
func (p *patient) permitted(ctx context.Context, request *intercom.Request) error {
	wire, err := p.api.Wire(request)
	if err != nil {
		return err
	}
	key := wire.Method + " " + wire.URL + "\n" + string(wire.Body)
	p.mu.Lock()
	if p.plain == nil {
		p.plain = map[string]*once{}
	}
	o := p.plain[key]
	if o == nil {
		o = &once{}
		p.plain[key] = o
	}
	p.mu.Unlock()
	o.Do(func() { _, o.err = p.ask(ctx, request) })
	return o.err
}

// host is where the client asks.
func (p *patient) host() string {
	base, err := url.Parse(p.client.BaseURL)
	if err != nil {
		return "Intercom"
	}
	return base.Host
}

// check is one about the client itself.
func (p *patient) check(name string, f finding) Check {
	return f.check(OfClient, p.client.Name, name)
}

// wait waits, unless ctx ends first.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// A clock is how far the server's clock is ahead of ours: at least and at most.
type clock struct {
	known       bool
	least, most time.Duration
}

// observe takes in the date of an answer, which is the beginning of the second
// in which the server made it, some time between sending and receiving.
func (c *clock) observe(date, received time.Time, took time.Duration) {
	least, most := date.Sub(received), date.Add(time.Second).Sub(received.Add(-took))
	if !c.known {
		*c = clock{known: true, least: least, most: most}
		return
	}
	c.least, c.most = max(c.least, least), min(c.most, most)
}

// off is the distance that the two clocks have for sure.
func (c *clock) off() time.Duration {
	switch {
	case c.least > 0:
		return c.least
	case c.most < 0:
		return c.most
	default:
		return 0
	}
}
