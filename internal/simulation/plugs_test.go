package simulation_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strconv"
	"strings"
	"time"

	"intercom-connector/internal/event"
	"intercom-connector/internal/state"
	"intercom-connector/internal/subscribe"
	"intercom-connector/shared/intercom/intercomtest"
)

// done is what an act returns that is over.
const done = time.Duration(-1)

// A transport is the way of a process to the workspace. A request travels, is
// answered from what the workspace is at that moment, and the answer travels.
type transport struct{ p *process }

// RoundTrip implements http.RoundTripper.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	p, w := t.p, t.p.w
	p.mu.Lock()
	early := time.Until(p.blocked)
	p.mu.Unlock()
	var (
		resp   *http.Response
		failed error
		served bool
	)
	err := w.ask(r.Context(), p, "http", r.Method+" "+r.URL.RequestURI()+" "+string(body), func() time.Duration {
		if served {
			w.deed(p, func() { w.answered(p, r, resp) })
			return done
		}
		served = true
		if early > 0 {
			w.fault("sent %s %s %v before the reset of a 429", r.Method, r.URL.Path, early)
		}
		var slow time.Duration
		resp, slow, failed = w.serve(p, r, body)
		way := slow + w.between(w.plan.latency/10, w.plan.latency)
		if way > w.plan.timeout {
			// Two timers of a process that fire at once are the only thing that the
			// hand cannot put in order: so it is the hand that ends the wait.
			resp, failed, way = nil, timeoutError{}, w.plan.timeout
		}
		return way
	})
	if err != nil {
		return nil, err
	}
	return resp, failed
}

// A timeoutError is an answer that does not come in time.
type timeoutError struct{}

func (timeoutError) Error() string { return "simulation: no answer in time" }
func (timeoutError) Timeout() bool { return true }

// Temporary makes it a net.Error.
func (timeoutError) Temporary() bool { return true }

// serve lets the workspace answer, with what may go wrong about it.
func (w *world) serve(p *process, r *http.Request, body []byte) (resp *http.Response, slow time.Duration, err error) {
	effect, name := w.mishap()
	if effect != nil {
		w.ws.Fault(intercomtest.Fault{Times: 1, Effect: effect})
	}
	r = r.Clone(context.Background())
	r.Body = io.NopCloser(bytes.NewReader(body))
	resp, err = w.ws.RoundTrip(r)
	w.ws.Heal()
	if name == "slow" {
		slow = w.between(time.Second, 2*w.plan.timeout)
	}
	if err != nil {
		w.note(p.number, "served", fmt.Sprintf("%s %s %s: %v", r.Method, r.URL.RequestURI(), body, err))
		return nil, slow, err
	}
	w.note(p.number, "served", fmt.Sprintf("%s %s %s: %d %s", r.Method, r.URL.RequestURI(), body, resp.StatusCode, name))
	w.shiftClock(resp.Header)
	return resp, slow, nil
}

// mishap chooses what goes wrong with an answer, mostly nothing.
func (w *world) mishap() (intercomtest.Effect, string) {
	if !w.chance(w.plan.mishaps) {
		return nil, ""
	}
	switch w.rng.IntN(9) {
	case 0:
		w.ws.LimitNext(w.between(time.Second, 20*time.Second))
		return nil, "limited"
	case 1:
		return intercomtest.ServerError(), "500"
	case 2:
		return intercomtest.HTML(502), "html"
	case 3:
		return intercomtest.HTML(504), "html"
	case 4:
		return intercomtest.Cut(), "cut"
	case 5:
		return intercomtest.Empty(), "empty"
	case 6:
		return intercomtest.Reset(), "reset"
	case 7:
		return intercomtest.Status(408, "request_timeout", "Request Timeout"), "408"
	default:
		return nil, "slow"
	}
}

// shiftClock makes the answer one of a server whose clock differs from ours.
func (w *world) shiftClock(header http.Header) {
	if date, err := http.ParseTime(header.Get("Date")); err == nil {
		header.Set("Date", date.Add(w.plan.skew).UTC().Format(http.TimeFormat))
	}
	if reset, err := strconv.ParseInt(header.Get("X-RateLimit-Reset"), 10, 64); err == nil {
		header.Set("X-RateLimit-Reset", strconv.FormatInt(reset+int64(w.plan.skew/time.Second), 10))
	}
}

// answered is the moment at which an answer reaches its process.
func (w *world) answered(p *process, r *http.Request, resp *http.Response) {
	if !strings.HasPrefix(r.URL.Path, "/me") {
		p.requests++
	}
	if resp == nil || resp.StatusCode != http.StatusTooManyRequests {
		return
	}
	w.stats.throttled++
	reset, err := strconv.ParseInt(resp.Header.Get("X-RateLimit-Reset"), 10, 64)
	if err != nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.blocked = later(p.blocked, time.Unix(reset, 0).Add(-w.plan.skew))
}

// A store is the way of a process to the store that all share.
type store struct{ p *process }

// try does something in the store, unless it fails before or after.
func (s store) try(ctx context.Context, kind, detail string, do func() error) (err error) {
	p, w := s.p, s.p.w
	asked := w.ask(ctx, p, kind, detail, func() time.Duration {
		w.deed(p, func() {
			switch {
			case w.chance(w.plan.outages / 2):
				p.faulted, err = true, errInjected
			case w.chance(w.plan.outages / 2):
				p.faulted, err = true, errInjected
				_ = do() // it has happened, but nobody is told
			default:
				err = do()
			}
			w.note(p.number, kind, fmt.Sprintf("%s %v", detail, err))
		})
		return done
	})
	if asked != nil {
		return asked
	}
	return err
}

// Get implements state.Store.
func (s store) Get(ctx context.Context, key string) (record state.Record, err error) {
	err = s.try(ctx, "get", key, func() error {
		record, err = s.p.w.store.Get(context.Background(), key)
		return err
	})
	if err != nil {
		return state.Record{}, err
	}
	return record, nil
}

// Create implements state.Store.
func (s store) Create(ctx context.Context, key string, value []byte, expires time.Time) (rev state.Revision, err error) {
	err = s.try(ctx, "create", key+" "+digest(string(value)), func() error {
		rev, err = s.p.w.store.Create(context.Background(), key, value, expires)
		if err == nil {
			s.p.w.judgeWrite(s.p, key, value)
		}
		return err
	})
	return rev, err
}

// Save implements state.Store.
func (s store) Save(ctx context.Context, key string, value []byte, old state.Revision, expires time.Time) (rev state.Revision, err error) {
	err = s.try(ctx, "save", key+" "+digest(string(value)), func() error {
		rev, err = s.p.w.store.Save(context.Background(), key, value, old, expires)
		if err == nil {
			s.p.w.judgeWrite(s.p, key, value)
		}
		return err
	})
	return rev, err
}

// Delete implements state.Store.
func (s store) Delete(ctx context.Context, key string, rev state.Revision) error {
	return s.try(ctx, "delete", key, func() error { return s.p.w.store.Delete(context.Background(), key, rev) })
}

// List implements state.Store. No run lists anything.
func (s store) List(ctx context.Context, prefix string) iter.Seq2[state.Record, error] {
	return s.p.w.store.List(ctx, prefix)
}

// A sink is the way of a process to the destination that all share.
type sink struct{ p *process }

// Deliver implements subscribe.Destination. Where it fails, it may have taken
// a part.
func (s sink) Deliver(ctx context.Context, events []event.Event) (err error) {
	p, w := s.p, s.p.w
	asked := w.ask(ctx, p, "deliver", strconv.Itoa(len(events)), func() time.Duration {
		w.deed(p, func() {
			n := len(events)
			if w.chance(w.plan.outages) {
				p.faulted, err = true, errInjected
				n = w.rng.IntN(n + 1)
			} else {
				p.accepted += int64(n)
			}
			for _, e := range events[:n] {
				w.judgeEvent(&e)
				e.Data = nil // judged, and the caller's
				p.pending = append(p.pending, e)
			}
			w.note(p.number, "deliver", fmt.Sprintf("%d of %d %v", n, len(events), err))
		})
		return done
	})
	if asked != nil {
		return asked
	}
	return err
}

// Flush implements subscribe.Destination. Where it fails, a part may be safe.
func (s sink) Flush(ctx context.Context) (err error) {
	p, w := s.p, s.p.w
	asked := w.ask(ctx, p, "flush", "", func() time.Duration {
		w.deed(p, func() {
			n := len(p.pending)
			if w.chance(w.plan.outages) {
				p.faulted, err = true, errInjected
				n = w.rng.IntN(n + 1)
			}
			w.makeSafe(p, n)
			w.note(p.number, "flush", fmt.Sprintf("%d %v", n, err))
		})
		return done
	})
	if asked != nil {
		return asked
	}
	return err
}

// destination is the way of p to the destination.
func (p *process) destination() subscribe.Destination {
	if p.w.plan.holds == 0 {
		return sink{p}
	}
	return &holder{sink: sink{p}}
}

// A holder is a sink that would rather make something whole of what lies
// between two flushes.
type holder struct {
	sink

	since time.Time // of the oldest event that is not safe, zero for none
}

// Deliver implements subscribe.Destination.
func (h *holder) Deliver(ctx context.Context, events []event.Event) error {
	if h.since.IsZero() {
		h.since = time.Now()
	}
	return h.sink.Deliver(ctx, events)
}

// Flush implements subscribe.Destination.
func (h *holder) Flush(ctx context.Context) error {
	err := h.sink.Flush(ctx)
	if err == nil {
		h.since = time.Time{}
	}
	return err
}

// HoldFor implements subscribe.Holder.
func (h *holder) HoldFor() time.Duration {
	if h.since.IsZero() {
		return 0
	}
	return h.p.w.plan.holds - time.Since(h.since)
}

// An aside is the quarantine, which nothing in these histories belongs in.
type aside struct{ p *process }

// Put implements subscribe.Quarantine.
func (a aside) Put(ctx context.Context, q subscribe.Quarantined) error {
	return a.p.w.ask(ctx, a.p, "aside", q.ID, func() time.Duration {
		a.p.w.fault("quarantined %s %s at %s: %s", q.Stage, q.ID, q.Run, q.Reason)
		return done
	})
}
