package subscribe

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"intercom-connector/internal/event"
	"intercom-connector/internal/state"
	"intercom-connector/shared/intercom"
)

// Plan returns the requests that a run would begin with, the first page of
// every slice, without sending any. Time zone and workspace are those of the
// last run or of the configuration, as nobody is asked.
func (e *Engine) Plan(ctx context.Context, opts Options) ([]intercom.Wire, error) {
	requests, err := e.Requests(ctx, opts)
	if err != nil {
		return nil, err
	}
	wires := make([]intercom.Wire, 0, len(requests))
	for _, request := range requests {
		wire, err := e.API.Wire(request)
		if err != nil {
			return nil, fmt.Errorf("client %s: %w", e.Client.Name, err)
		}
		wires = append(wires, wire)
	}
	return wires, nil
}

// Requests is Plan before the requests are put into words: a path parameter may
// still be missing.
func (e *Engine) Requests(ctx context.Context, opts Options) ([]*intercom.Request, error) {
	r, err := e.rehearse(ctx, opts)
	if err != nil {
		return nil, err
	}
	for range r.work.Requests {
		r.openNext()
	}
	requests := make([]*intercom.Request, 0, len(r.cuts))
	for _, c := range r.cuts {
		request, err := r.next(c)
		if err != nil {
			return nil, err
		}
		requests = append(requests, request)
	}
	return requests, nil
}

// rehearse plans a run on what is remembered. Nothing of it is saved.
func (e *Engine) rehearse(ctx context.Context, opts Options) (*run, error) {
	quiet := *e
	quiet.Quarantine = opts.Aside
	if opts.Aside == nil {
		quiet.Quarantine = nowhere{}
	}
	r := &run{Engine: &quiet, opts: opts, grains: map[string]grain{}, began: time.Now()}
	if !opts.Since.IsZero() && e.how.Strategy == 0 {
		return nil, ErrNoWindow
	}
	var err error
	if r.me, err = e.remembered(ctx); err != nil {
		return nil, err
	}
	r.keeper = keeper{store: e.Store, key: checkpointKey(r.me.ID, e.Subscription.Name, opts.window())}
	if err := r.load(ctx); err != nil {
		return nil, err
	}
	if opts.Reset {
		r.cp = Checkpoint{}
	}
	r.days = r.calendar(r.cp.Zone)
	return r, r.begin(ctx)
}

// A Peeked is a record as a run would see it.
type Peeked struct {
	Record json.RawMessage   `json:"record"`           // as served
	Values []json.RawMessage `json:"values,omitempty"` // after the transformer, where there is one
	Events []json.RawMessage `json:"events"`           // as they would be delivered
	Error  string            `json:"error,omitempty"`  // why it would be quarantined
}

// Peek reads a first page and shows what would become of its first n records.
// It delivers nothing and remembers nothing. An incremental subscription is
// looked at as if nothing had been read of it: what there is says more than
// what happens to be new.
func (e *Engine) Peek(ctx context.Context, n int, opts Options) ([]Peeked, error) {
	opts.Reset = true
	r, err := e.rehearse(ctx, opts)
	if err != nil {
		return nil, err
	}
	if r.me, err = e.identify(ctx); err != nil {
		return nil, err
	}
	r.source = event.Source(r.me.ID)
	var peeked []Peeked
	for range r.work.Requests {
		c := r.openNext()
		if c == nil {
			continue
		}
		request, err := r.request(&c.Slice)
		if err != nil {
			return nil, err
		}
		if request, err = c.live.Request(request, min(n, r.operation.PerPage)); err != nil {
			return nil, err
		}
		resp, err := r.API.Do(ctx, request)
		if err != nil {
			return nil, fmt.Errorf("client %s: %w", e.Client.Name, err)
		}
		page, err := intercom.SplitPage(r.operation, resp)
		if err != nil {
			return nil, err
		}
		for i := range page.Records {
			if len(peeked) == n {
				return peeked, nil
			}
			peeked = append(peeked, r.peek(ctx, &page.Records[i], resp.ContentType))
		}
	}
	return peeked, nil
}

// peek makes the events of one record, without a destination.
func (r *run) peek(ctx context.Context, record *intercom.Record, contentType string) Peeked {
	out := outgoing{run: r}
	p := Peeked{Record: out.asJSON(record)}
	var rehearsal noted
	r.Quarantine = &rehearsal
	if err := out.add(ctx, record, event.DigestOf(record.Raw), contentType); err != nil {
		p.Error = err.Error()
	}
	if rehearsal.reason != "" {
		p.Error = rehearsal.reason
	}
	for i := range out.events {
		if r.Engine.records != nil {
			p.Values = append(p.Values, out.events[i].Data)
		}
		p.Events = append(p.Events, out.events[i].AppendJSON(nil))
	}
	return p
}

// A noted quarantine only notes the reason.
type noted struct{ reason string }

func (n *noted) Put(_ context.Context, q Quarantined) error {
	n.reason = q.Reason
	return nil
}

// Nowhere is where a rehearsal puts planned requests aside.
type nowhere struct{}

func (nowhere) Put(context.Context, Quarantined) error { return nil }

// Checkpoints returns what is remembered of every subscription, windows that
// are read again included, in the order of their keys.
func Checkpoints(ctx context.Context, store state.Store) ([]Checkpoint, error) {
	var all []Checkpoint
	for record, err := range store.List(ctx, "checkpoint/") {
		if err != nil {
			return nil, fmt.Errorf("list checkpoints: %w", err)
		}
		var cp Checkpoint
		if err := json.Unmarshal(record.Value, &cp); err != nil {
			return nil, fmt.Errorf("load checkpoint %s: %w", record.Key, err)
		}
		_, cp.Window, _ = strings.Cut(strings.TrimPrefix(record.Key, "checkpoint/"+cp.Workspace+"/"), "/")
		all = append(all, cp)
	}
	return all, nil
}
