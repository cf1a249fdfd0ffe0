package subscribe_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"intercom-connector/internal/event"
	"intercom-connector/internal/state"
	"intercom-connector/internal/subscribe"
	"intercom-connector/shared/intercom/intercomtest"
)

// A holder is a sink that would rather be flushed when its oldest event has
// waited for a while.
type holder struct {
	*sink
	wait    time.Duration
	since   time.Time // when the oldest came
	flushes int       // of something
}

func (h *holder) Deliver(ctx context.Context, events []event.Event) error {
	if len(h.pending) == 0 {
		h.since = time.Now()
	}
	return h.sink.Deliver(ctx, events)
}

func (h *holder) Flush(ctx context.Context) error {
	if len(h.pending) > 0 {
		h.flushes++
	}
	return h.sink.Flush(ctx)
}

func (h *holder) HoldFor() time.Duration { return h.wait - time.Since(h.since) }

// A watchedStore shows every checkpoint that is saved.
type watchedStore struct {
	state.Store
	saved func(subscribe.Checkpoint)
}

func (s watchedStore) Save(ctx context.Context, key string, value []byte, rev state.Revision, expires time.Time) (state.Revision, error) {
	var cp subscribe.Checkpoint
	if json.Unmarshal(value, &cp) == nil && cp.Subscription != "" {
		s.saved(cp)
	}
	return s.Store.Save(ctx, key, value, rev, expires)
}

const contactsFull = "  contacts: {client: main, entity: contacts, paginate: true, to: {type: stdout}}\n"

// A destination that holds back is flushed when it wants to be. The lease is
// renewed meanwhile, and no checkpoint claims what is not safe.
func TestHolder(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		wait    time.Duration
		flushes int
	}{
		{"for nothing", 0, 60},
		{"for half a minute", 30 * time.Second, 3},
		{"for hours", 10 * time.Hour, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ws := intercomtest.New(intercomtest.Config{Seed: 3, Contacts: 9000, Latency: 1500 * time.Millisecond})
				b := newBench(t, ws, contactsFull)
				h := &holder{sink: b.sink, wait: tt.wait}
				b.to = h
				last := time.Now()
				b.store = watchedStore{b.store, func(cp subscribe.Checkpoint) {
					if gap := time.Since(last); gap > 22*time.Second {
						t.Errorf("no save for %v", gap)
					}
					last = time.Now()
					if cp.Run != nil && cp.Run.Report.Events != int64(len(h.safe)) {
						t.Errorf("a checkpoint of %d events, %d are safe", cp.Run.Report.Events, len(h.safe))
					}
				}}
				report := b.run("contacts")
				if report.Events != 9000 || len(h.safe) != 9000 {
					t.Errorf("%d events, %d safe", report.Events, len(h.safe))
				}
				if off := h.flushes - tt.flushes; off < -2 || off > 2 {
					t.Errorf("flushed %d times, want about %d", h.flushes, tt.flushes)
				}
			})
		})
	}
}

// A regretful destination takes events and finds later that it cannot.
type regretful struct {
	*sink
	on      string // "flush" or "deliver": when it tells
	of      map[string]bool
	waiting []subscribe.Refusal
}

func (r *regretful) Deliver(ctx context.Context, events []event.Event) error {
	var good []event.Event
	earlier := r.waiting
	if r.on == "deliver" {
		r.waiting = nil
	}
	for _, e := range events {
		if r.of[e.Subject] {
			r.waiting = append(r.waiting, subscribe.Refusal{Reason: errors.New("too odd"), ID: e.Subject, Event: e.AppendJSON(nil)})
		} else {
			good = append(good, e)
		}
	}
	if err := r.sink.Deliver(ctx, good); err != nil {
		return err
	}
	if r.on == "deliver" && len(earlier) > 0 {
		return &subscribe.RefusedError{Earlier: earlier}
	}
	return nil
}

func (r *regretful) Flush(ctx context.Context) error {
	if err := r.sink.Flush(ctx); err != nil || len(r.waiting) == 0 {
		return err
	}
	waiting := r.waiting
	r.waiting = nil
	return &subscribe.RefusedError{Earlier: waiting}
}

// What a destination refuses only after it has taken it is put aside as well.
func TestRefusedLater(t *testing.T) {
	t.Parallel()
	for _, on := range []string{"flush", "deliver"} {
		t.Run(on, func(t *testing.T) {
			t.Parallel()
			ws := intercomtest.New(intercomtest.Config{Seed: 3, Contacts: 400})
			b := newBench(t, ws, contactsIncremental)
			r := &regretful{sink: b.sink, on: on, of: map[string]bool{}}
			for record := range ws.Records(intercomtest.Contacts) {
				if len(r.of) < 3 {
					r.of[record.ID] = true
				}
			}
			b.to = r
			report := b.run("contacts")
			if report.Outcome != subscribe.Done || report.Quarantined != 3 || report.Events != 397 || len(b.sink.safe) != 397 {
				t.Errorf("%+v", report)
			}
			for _, q := range b.aside.items {
				if e, err := event.Parse(q.Record); err != nil || q.Stage != "deliver" || !r.of[q.ID] || e.Subject != q.ID || q.Reason != "too odd" {
					t.Errorf("quarantined %+v: %v", q, err)
				}
			}
			if again := b.run("contacts"); again.Quarantined != 0 {
				t.Errorf("quarantined again: %+v", again)
			}
		})
	}
}

// Too many of them fail the run, once what was read is remembered.
func TestTooManyRefusedLater(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{Seed: 3, Contacts: 200})
	b := newBench(t, ws, contactsIncremental)
	r := &regretful{sink: b.sink, on: "flush", of: map[string]bool{}}
	for record := range ws.Records(intercomtest.Contacts) {
		r.of[record.ID] = true
	}
	b.to = r
	report, err := b.engine("contacts").Run(t.Context(), subscribe.Options{})
	var tooMany *subscribe.TooManyError
	if !errors.As(err, &tooMany) || report.Quarantined != 200 || report.Events != 0 {
		t.Errorf("%v\n%+v", err, report)
	}
}

// A refusal that cannot be put aside is not safe.
func TestRefusedLaterAndLost(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{Seed: 3, Contacts: 200})
	b := newBench(t, ws, contactsIncremental)
	r := &regretful{sink: b.sink, on: "flush", of: map[string]bool{}}
	for record := range ws.Records(intercomtest.Contacts) {
		if len(r.of) == 0 {
			r.of[record.ID] = true
		}
	}
	b.to, b.aside.err = r, errBroken
	if _, err := b.engine("contacts").Run(t.Context(), subscribe.Options{}); !errors.Is(err, errBroken) {
		t.Fatalf("got %v", err)
	}
	b.aside.err = nil
	if report := b.run("contacts"); report.Quarantined != 1 {
		t.Errorf("%+v", report)
	}
	atLeastOnceBut(t, b, ws, r.of)
}

func atLeastOnceBut(t *testing.T, b *bench, ws *intercomtest.Workspace, but map[string]bool) {
	t.Helper()
	got := b.sink.bySubject()
	for r := range ws.Records(intercomtest.Contacts) {
		if got[r.ID] == 0 && !but[r.ID] {
			t.Fatalf("contact %s was never delivered", r.ID)
		}
	}
}
