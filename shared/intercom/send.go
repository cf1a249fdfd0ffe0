package intercom

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// A hop is one HTTP exchange of a request: mostly the only one.
type hop struct {
	op     *Operation
	method string
	url    *url.URL
	header http.Header // without the token
	body   []byte
	token  string // "" on the way to another host

	version string // of the token, "" where it has none
	renewed bool   // the token is already the second
}

// errMoved is what a hop ends with when the request goes on elsewhere.
var errMoved = errors.New("moved")

// send takes a request through its hops. The Governor has admitted the first;
// every further one that goes to Intercom waits for its own turn.
func (c *Client) send(ctx context.Context, op *Operation, wire *Wire) (*Response, error) {
	begun := time.Now()
	h, err := c.firstHop(ctx, op, wire)
	if err != nil {
		c.cfg.Governor.Done(Outcome{Err: err, Operation: op})
		return nil, err
	}
	for n := 1; ; n++ {
		a, err := c.homeHop(ctx, h)
		if limited, ok := errors.AsType[*RateLimitError](err); ok && !isJobLimit(op, parseRateHeaders(a.header)) {
			limited.RetryAfter = c.cfg.Governor.pausedFor()
		}
		if next := c.renewed(ctx, h, err); next != nil {
			if c.cfg.Governor.Wait(ctx, priority(op)) != nil {
				return nil, err // no time is left: the 401 is what there is to tell
			}
			h = next
			n--
			continue
		}
		next, err := c.nextHop(h, a, err, n)
		if err != nil {
			return nil, err
		}
		if next != nil && next.token == "" {
			first := a
			if a, err = c.foreignHop(ctx, next, n); err != nil {
				return nil, err
			}
			a.date, a.requestID = first.date, first.requestID // Intercom's, not the other host's
			next = nil
		}
		if next == nil {
			return a.response(time.Since(begun)), nil
		}
		if err := c.cfg.Governor.Wait(ctx, priority(op)); err != nil {
			return nil, fmt.Errorf("intercom: %s %s: %w", op.Method, op.Path, err)
		}
		h = next
	}
}

func (c *Client) firstHop(ctx context.Context, op *Operation, wire *Wire) (*hop, error) {
	token, version, err := c.token(ctx, "")
	if err != nil {
		return nil, err
	}
	to, err := url.Parse(wire.URL)
	if err != nil {
		return nil, fmt.Errorf("intercom: %s %s: the URL cannot be built", op.Method, op.Path)
	}
	return &hop{op: op, method: op.Method, url: to, header: wire.Header, body: wire.Body, token: token, version: version}, nil
}

// homeHop is one exchange with Intercom, reported to the Governor.
func (c *Client) homeHop(ctx context.Context, h *hop) (a *answer, err error) {
	out := Outcome{Operation: h.op}
	defer func() {
		out.Err = err
		if errors.Is(err, errMoved) {
			out.Err = nil
		}
		c.cfg.Governor.Done(out)
	}()
	a, err = c.exchange(ctx, c.transport, h)
	out.Status, out.Header, out.Took = a.status, a.header, a.took
	if err == nil {
		err = a.judge(h)
	}
	c.logHop(ctx, h, a, err)
	return a, err
}

// nextHop returns the hop after one that ended with err: nil and nil for none.
func (c *Client) nextHop(h *hop, a *answer, err error, n int) (*hop, error) {
	if errors.Is(err, errMoved) {
		to, err := c.redirectTarget(h.op, h.url, a.status, a.header, n)
		if err != nil {
			return nil, err
		}
		if !c.isHome(to) {
			return c.elsewhere(h, to), nil
		}
		next := *h
		next.method, next.url, next.body = http.MethodGet, to, nil
		next.header = maps.Clone(h.header)
		next.header.Del("Content-Type")
		return &next, nil
	}
	if api, ok := errors.AsType[*APIError](err); ok && api.canonical != "" && n <= maxHops {
		to, parseErr := url.Parse(c.mergedURL(h.op, h.url, api.canonical))
		if parseErr == nil && to.Host != "" {
			next := *h
			next.url = to
			return &next, nil
		}
	}
	return nil, err
}

// elsewhere is a hop to another host: without the token, and without anything
// else that is between us and Intercom.
func (c *Client) elsewhere(h *hop, to *url.URL) *hop {
	return &hop{op: h.op, method: http.MethodGet, url: to, header: http.Header{
		"Accept":     {"*/*"},
		"User-Agent": {c.cfg.UserAgent},
	}}
}

// foreignHop follows redirects away from Intercom to their end. The Governor
// has nothing to do with them.
func (c *Client) foreignHop(ctx context.Context, h *hop, n int) (*answer, error) {
	for n++; ; n++ {
		a, err := c.exchange(ctx, c.foreign, h)
		if err == nil {
			err = a.judge(h)
		}
		c.logHop(ctx, h, a, err)
		if lost, ok := errors.AsType[*TransportError](err); ok {
			if ctx.Err() != nil || lost.Timeout() || errors.Is(err, io.ErrUnexpectedEOF) {
				return nil, err
			}
			return nil, foreignError(h.op, h.url, 0, err)
		}
		if _, ok := errors.AsType[*APIError](err); ok {
			return nil, foreignError(h.op, h.url, a.status, nil)
		}
		if !errors.Is(err, errMoved) {
			return a, err
		}
		to, err := c.redirectTarget(h.op, h.url, a.status, a.header, n)
		if err != nil {
			return nil, err
		}
		h = c.elsewhere(h, to)
	}
}

// exchange sends one hop and reads its answer to the end. The answer is never
// nil: with an error it has what is known of it.
func (c *Client) exchange(ctx context.Context, transport http.RoundTripper, h *hop) (*answer, error) {
	begun := time.Now()
	a := &answer{}
	bounded, cancel := context.WithTimeoutCause(ctx, c.cfg.Timeout, ErrTimeout)
	defer cancel()
	var seen trace
	req, err := h.request(httptrace.WithClientTrace(bounded, seen.hooks()))
	if err != nil {
		return a, newTransportError(ctx, h.op, false, err, h.secrets()...)
	}
	resp, err := transport.RoundTrip(req)
	if err == nil && resp == nil {
		err = errors.New("no answer")
	}
	if err != nil {
		a.took = time.Since(begun)
		return a, newTransportError(ctx, h.op, seen.sent(err), err, h.secrets()...)
	}
	if resp.Body != nil {
		defer func() { _ = resp.Body.Close() }() // everything of use has been read
	}
	a.read(resp, h, c.maxBody(h.op), c.sizeHint(h.op))
	a.took = time.Since(begun)
	switch {
	case a.readErr == nil:
		return a, nil
	case errors.Is(a.readErr, errTooLarge):
		return a, &BodyTooLargeError{Method: h.op.Method, Path: h.op.Path, Max: c.maxBody(h.op)}
	default:
		return a, newTransportError(ctx, h.op, true, a.readErr, h.secrets()...)
	}
}

// request builds the HTTP request of a hop.
func (h *hop) request(ctx context.Context) (*http.Request, error) {
	var body io.Reader
	if len(h.body) > 0 {
		body = bytes.NewReader(h.body)
	}
	req, err := http.NewRequestWithContext(ctx, h.method, h.url.String(), body)
	if err != nil {
		return nil, err
	}
	req.URL = h.url // as built, with its own way of escaping
	req.Header = h.header.Clone()
	req.Header.Del("Authorization")
	if h.token != "" {
		req.Header.Set("Authorization", "Bearer "+h.token)
	}
	switch {
	case h.op.Paging == Scroll:
		// http.Transport sends a GET again by itself when a kept connection turns
		// out to be closed. A scroll has moved on by then, and what it had to say
		// is lost: a body, although an empty one, keeps the transport from it.
		req.Body = io.NopCloser(strings.NewReader(""))
	case h.op.Kind == Read:
		// Tells http.Transport, and nobody else, that a search may be sent again
		// when a kept connection turns out to be closed.
		req.Header["X-Idempotency-Key"] = nil
	}
	return req, nil
}

// secrets are what must not appear in the text of an error.
func (h *hop) secrets() []string {
	return []string{h.token, h.url.String(), h.url.RawQuery}
}

// sizeHint is where the size of op's last answer is kept.
func (c *Client) sizeHint(op *Operation) *atomic.Int64 {
	if hint, ok := c.sizes.Load(op); ok {
		return hint.(*atomic.Int64)
	}
	hint, _ := c.sizes.LoadOrStore(op, new(atomic.Int64))
	return hint.(*atomic.Int64)
}

// A trace watches whether a request got as far as a connection.
type trace struct{ started, connected atomic.Bool }

func (t *trace) hooks() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn: func(string) { t.started.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { t.connected.Store(true) },
	}
}

// sent reports whether the request may have reached the server. A RoundTripper
// that is not watched is believed to have sent it, unless the error says no.
func (t *trace) sent(err error) bool {
	if t.started.Load() {
		return t.connected.Load()
	}
	return !neverSent(err)
}

// maxBody is how large an answer may be. A page that is too large comes again
// in smaller ones; a download cannot.
func (c *Client) maxBody(op *Operation) int64 {
	if op.Answer == Binary {
		return 4 * c.cfg.MaxBody
	}
	return c.cfg.MaxBody
}
