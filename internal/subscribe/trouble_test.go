package subscribe_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"intercom-connector/internal/event"
	"intercom-connector/internal/state"
	"intercom-connector/internal/subscribe"
	"intercom-connector/shared/intercom/intercomtest"
)

var errBroken = errors.New("broken")

// errUntrusted is a server that is not who it says it is.
var errUntrusted = x509.UnknownAuthorityError{}

// A trip fails the nth call that is counted, and only that one.
type trip struct{ calls, at int }

func (t *trip) now() bool {
	t.calls++
	return t.calls == t.at
}

// A brokenStore fails one call, before it is carried out or after.
type brokenStore struct {
	state.Store
	trip
	after bool
}

func (s *brokenStore) Get(ctx context.Context, key string) (state.Record, error) {
	if s.now() {
		return state.Record{}, errBroken
	}
	return s.Store.Get(ctx, key)
}

func (s *brokenStore) Create(ctx context.Context, key string, value []byte, expires time.Time) (state.Revision, error) {
	return s.write(func() (state.Revision, error) { return s.Store.Create(ctx, key, value, expires) })
}

func (s *brokenStore) Save(ctx context.Context, key string, value []byte, rev state.Revision, expires time.Time) (state.Revision, error) {
	return s.write(func() (state.Revision, error) { return s.Store.Save(ctx, key, value, rev, expires) })
}

func (s *brokenStore) Delete(ctx context.Context, key string, rev state.Revision) error {
	_, err := s.write(func() (state.Revision, error) { return "", s.Store.Delete(ctx, key, rev) })
	return err
}

func (s *brokenStore) List(ctx context.Context, prefix string) iter.Seq2[state.Record, error] {
	return s.Store.List(ctx, prefix)
}

func (s *brokenStore) write(do func() (state.Revision, error)) (state.Revision, error) {
	broken := s.now()
	if broken && !s.after {
		return "", errBroken
	}
	rev, err := do()
	if broken {
		return "", errBroken
	}
	return rev, err
}

// A brokenSink fails one call; what was not flushed before is gone.
type brokenSink struct {
	*sink
	trip
}

func (s *brokenSink) Deliver(ctx context.Context, events []event.Event) error {
	if s.now() {
		return errBroken
	}
	return s.sink.Deliver(ctx, events)
}

func (s *brokenSink) Flush(ctx context.Context) error {
	if s.now() {
		s.pending = nil
		return errBroken
	}
	return s.sink.Flush(ctx)
}

// atLeastOnce checks that every record was delivered.
func atLeastOnce(t *testing.T, b *bench, ws *intercomtest.Workspace, e intercomtest.Entity) {
	t.Helper()
	got := b.sink.bySubject()
	for r := range ws.Records(e) {
		if got[r.ID] == 0 {
			t.Fatalf("%v %s was never delivered", e, r.ID)
		}
	}
}

// goOn runs until a run is done, however often it takes.
func goOn(t *testing.T, b *bench, name string) subscribe.Report {
	t.Helper()
	for range 30 {
		report, err := b.engine(name).Run(t.Context(), subscribe.Options{})
		if err == nil && report.Outcome == subscribe.Done {
			return report
		}
		time.Sleep(2 * time.Minute)
	}
	t.Fatal("does not come to an end")
	return subscribe.Report{}
}

// TestWhateverFails breaks each call in its turn.
func TestWhateverFails(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		wreck func(b *bench, at int) (tripped func() bool, heal func())
	}{
		{"the store, not written", wreckStore(false)},
		{"the store, written", wreckStore(true)},
		{"the destination", func(b *bench, at int) (func() bool, func()) {
			broken := &brokenSink{b.sink, trip{at: at}}
			b.to = broken
			return func() bool { return broken.calls >= at }, func() { b.to = nil }
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for at := 1; ; at++ {
				over := false
				synctest.Test(t, func(t *testing.T) {
					ws := intercomtest.New(intercomtest.Config{Seed: 3, Contacts: 900, Latency: time.Second})
					b := newBench(t, ws, contactsIncremental)
					tripped, heal := tt.wreck(b, at)
					report, err := b.engine("contacts").Run(t.Context(), subscribe.Options{})
					over = !tripped()
					if (err == nil) != (report.Outcome == subscribe.Done) {
						t.Errorf("call %d: %v, but outcome %s", at, err, report.Outcome)
					}
					if !over && errors.As(err, new(*subscribe.OvertakenError)) {
						t.Errorf("call %d: there is nobody who could have overtaken it", at)
					}
					heal()
					goOn(t, b, "contacts")
					atLeastOnce(t, b, ws, intercomtest.Contacts)
				})
				if over || t.Failed() {
					if at < 8 {
						t.Errorf("only %d calls", at)
					}
					return
				}
			}
		})
	}
}

func wreckStore(after bool) func(b *bench, at int) (func() bool, func()) {
	return func(b *bench, at int) (func() bool, func()) {
		whole := b.store
		broken := &brokenStore{Store: whole, trip: trip{at: at}, after: after}
		b.store = broken
		return func() bool { return broken.calls >= at }, func() { b.store = whole }
	}
}

func TestCancelledAtAnyTime(t *testing.T) {
	t.Parallel()
	for at := 100 * time.Millisecond; at < 9*time.Second; at += 300 * time.Millisecond {
		t.Run(at.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ws := intercomtest.New(intercomtest.Config{Seed: 3, Contacts: 1500, Latency: time.Second})
				b := newBench(t, ws, contactsIncremental)
				ctx, cancel := context.WithTimeout(t.Context(), at)
				defer cancel()
				report, err := b.engine("contacts").Run(ctx, subscribe.Options{})
				if err != nil && (!errors.Is(err, subscribe.ErrInterrupted) || report.Outcome != subscribe.Interrupted) {
					t.Errorf("got %v, %s; want that it was interrupted", err, report.Outcome)
				}
				if err != nil {
					b.run("contacts") // at once: the lease was given back
				}
				wantAll(t, b, ws, intercomtest.Contacts)
			})
		})
	}
}

func TestStopAt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ws := intercomtest.New(intercomtest.Config{Seed: 3, Contacts: 8000, Latency: 100 * time.Millisecond, Limit: 400})
		b := newBench(t, ws, contactsIncremental)
		for range 30 {
			stop := time.Now().Add(500 * time.Millisecond)
			report, err := b.engine("contacts").Run(t.Context(), subscribe.Options{StopAt: stop})
			if late := time.Since(stop); late > 200*time.Millisecond {
				t.Errorf("stopped %v late", late)
			}
			if err == nil {
				wantAll(t, b, ws, intercomtest.Contacts)
				if !report.Resumed {
					t.Error("was not stopped")
				}
				return
			}
			if !errors.Is(err, subscribe.ErrInterrupted) {
				t.Fatal(err)
			}
		}
		t.Error("does not come to an end")
	})
}

const scrolling = "  it: {client: main, entity: companies/scroll, paginate: true, side_effects: allow, to: {type: stdout}}\n"

// untold hides the totals: not every list tells them.
type untold struct{ ws http.RoundTripper }

func (u untold) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := u.ws.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	resp.ContentLength = -1
	resp.Header.Del("Content-Length")
	resp.Body = io.NopCloser(io.MultiReader(
		bytes.NewReader(bytes.ReplaceAll(body, []byte(`"total_count"`), []byte(`"no_count"`))), failing{err}))
	return resp, nil
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) {
	if f.err == nil {
		return 0, io.EOF
	}
	return 0, f.err
}

// A scroll moves on with every request, whether its answer arrives or not.
func TestScrollThatLosesAnAnswerBeginsAgain(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		effect intercomtest.Effect
	}{
		{"server error", intercomtest.ServerError()},
		{"gateway", intercomtest.HTML(502)},
		{"cut", intercomtest.Cut()},
		{"reset", intercomtest.Reset()},
		{"empty", intercomtest.Empty()},
		{"a page for a browser", intercomtest.HTML(200)},
		{"too slow", intercomtest.Slow(10 * time.Minute)},
		{"forgotten", intercomtest.NotFound()},
	} {
		for _, nth := range []int{1, 4} {
			t.Run(fmt.Sprintf("%s %d", tt.name, nth), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					ws := intercomtest.New(intercomtest.Config{Seed: 3, Companies: 950, Latency: time.Second})
					ws.Fault(intercomtest.Fault{Path: "/companies/scroll", First: nth, Times: 1, Effect: tt.effect})
					b := newBench(t, untold{ws}, scrolling)
					if tt.name == "forgotten" {
						b.ws = ws // a 404 is the end where nothing says that there is more
					}
					b.run("it")
					wantAll(t, b, ws, intercomtest.Companies)
				})
			})
		}
	}
}

func TestScrollIsNeverHalfBelieved(t *testing.T) {
	t.Parallel()
	for at := 1200 * time.Millisecond; at < 14*time.Second; at += 900 * time.Millisecond {
		t.Run(at.String(), func(t *testing.T) {
			t.Parallel()
			for _, kill := range []bool{false, true} {
				synctest.Test(t, func(t *testing.T) {
					ws := intercomtest.New(intercomtest.Config{Seed: 3, Companies: 950, Latency: time.Second})
					b := newBench(t, untold{ws}, scrolling)
					ctx, cancel := context.WithTimeout(t.Context(), at)
					defer cancel()
					if kill {
						b.store = mortal{b.store, ctx}
					}
					_, err := b.engine("it").Run(ctx, subscribe.Options{})
					if kill {
						b.store = b.store.(mortal).Store
						time.Sleep(55 * time.Second) // its lease is nearly over
						if err != nil {
							b.sink.pending = nil
						}
					}
					if err != nil {
						goOn(t, b, "it")
					}
					atLeastOnce(t, b, ws, intercomtest.Companies)
				})
			}
		})
	}
}

// A mortal store dies with its process.
type mortal struct {
	state.Store

	life context.Context //nolint:containedctx // it is what the type is about.
}

func (m mortal) Save(ctx context.Context, key string, value []byte, rev state.Revision, expires time.Time) (state.Revision, error) {
	if m.life.Err() != nil {
		return "", m.life.Err()
	}
	return m.Store.Save(ctx, key, value, rev, expires)
}

// A scroll that is handed over in order goes on: one that takes longer than an
// invocation lives would never end otherwise.
func TestScrollIsHandedOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ws := intercomtest.New(intercomtest.Config{Seed: 3, Companies: 2950, Latency: time.Second})
		b := newBench(t, untold{ws}, scrolling)
		for i := range 12 {
			_, err := b.engine("it").Run(t.Context(), subscribe.Options{StopAt: time.Now().Add(7500 * time.Millisecond)})
			if err == nil {
				wantAll(t, b, ws, intercomtest.Companies)
				if i < 3 {
					t.Errorf("stopped %d times", i)
				}
				return
			}
			if !errors.Is(err, subscribe.ErrInterrupted) {
				t.Fatal(err)
			}
		}
		t.Error("does not come to an end")
	})
}

func TestDeletedWhileFirstLoading(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ws := intercomtest.New(intercomtest.Config{Seed: 3, Contacts: 6000, Latency: time.Second, Limit: 40})
		b := newBench(t, ws, contactsIncremental)
		ws.OnRequest(func(n int) {
			if n > 6 && n < 40 {
				ws.Delete(intercomtest.Contacts, ws.ID(intercomtest.Contacts, n)) // old ones
			}
		})
		report := b.run("contacts")
		if report.Outcome != subscribe.Done || report.Audit.Again {
			t.Errorf("got %s, audit %+v", report.Outcome, report.Audit)
		}
	})
}

// Whatever changes during a first load comes to match what the search asks for.
func TestMatchesWhileFirstLoading(t *testing.T) {
	t.Parallel()
	for _, span := range []time.Duration{60 * 24 * time.Hour, 12 * time.Hour} {
		t.Run(span.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ws := intercomtest.New(intercomtest.Config{Seed: 3, Contacts: 6000, Latency: time.Second, Limit: 40, Span: span})
				b := newBench(t, ws, "  contacts: {client: main, entity: contacts, sync: incremental, to: {type: stdout}, start: 1999-12-10}\n")
				ws.OnRequest(func(n int) {
					if n > 6 && n < 40 {
						ws.Touch(intercomtest.Contacts, ws.ID(intercomtest.Contacts, n))
						ws.Create(intercomtest.Contacts)
					}
				})
				report := b.run("contacts")
				if report.Outcome != subscribe.Done || report.Audit.Again {
					t.Errorf("got %s, audit %+v", report.Outcome, report.Audit)
				}
				ws.OnRequest(nil)
				time.Sleep(time.Hour)
				b.run("contacts")
				got := map[string]bool{}
				for _, e := range b.sink.safe {
					got[e.Subject+strconv.FormatInt(e.Time.Unix(), 10)] = true
				}
				since := time.Date(1999, 12, 10, 0, 0, 0, 0, time.UTC)
				for r := range ws.Records(intercomtest.Contacts) {
					if !r.UpdatedAt.Before(since) && !got[r.ID+strconv.FormatInt(r.UpdatedAt.Unix(), 10)] {
						t.Errorf("contact %s of %v was not delivered", r.ID, r.UpdatedAt)
					}
				}
			})
		})
	}
}

func TestResetThatDiesForgets(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ws := intercomtest.New(intercomtest.Config{Seed: 3, Contacts: 300, Span: 20 * time.Hour})
		for at := range 20 {
			b := newBench(t, ws, contactsIncremental)
			b.run("contacts")
			b.sink.safe = nil
			whole := b.store
			b.store = &brokenStore{Store: whole, trip: trip{at: at}}
			_, err := b.engine("contacts").Run(t.Context(), subscribe.Options{Reset: true})
			b.store = whole
			time.Sleep(2 * time.Minute)
			if cps, _ := subscribe.Checkpoints(t.Context(), whole); err != nil && cps[0].Watermark != 0 {
				continue // it had not begun
			}
			if err != nil {
				goOn(t, b, "contacts")
			}
			atLeastOnce(t, b, ws, intercomtest.Contacts)
		}
	})
}

// Who may not ask any more whose token it is has no other workspace for that: not
// even somebody who accepts another one gets everything again under no name.
func TestMayNotAskAnyMore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ws := intercomtest.New(intercomtest.Config{Seed: 3, Contacts: 300, Latency: time.Second})
		b := newBench(t, ws, contactsIncremental)
		b.run("contacts")
		ws.Fault(intercomtest.Fault{Path: "/me", Effect: intercomtest.Forbidden()})
		for _, opts := range []subscribe.Options{{}, {ReplaceWorkspace: true}} {
			_, err := b.engine("contacts").Run(t.Context(), opts)
			for _, want := range []string{"may not ask /me any more", "workspace: fake1234"} {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want it to say %q", err, want)
				}
			}
		}
		told := b.engine("contacts")
		told.Client.Workspace = "fake1234"
		if _, err := told.Run(t.Context(), subscribe.Options{}); err != nil {
			t.Errorf("with the workspace configured: %v", err)
		}
		for id, n := range b.sink.bySubject() {
			if n != 1 {
				t.Errorf("contact %s was delivered %d times", id, n)
			}
		}
	})
}

// forbidden hides /me, and shifts our clock: what it serves has dates of its own.
func TestWatermarkIsOfTheServersClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ws := intercomtest.New(intercomtest.Config{Seed: 3, Contacts: 300})
		ws.Fault(intercomtest.Fault{Path: "/me", Effect: intercomtest.Forbidden()})
		b := newBench(t, behind{ws, 15 * time.Minute}, contactsIncremental)
		report := b.run("contacts")
		if want := time.Now().Add(-16 * time.Minute); report.WatermarkAfter.After(want) {
			t.Errorf("the watermark is %v, the server's clock and the lag allow %v", report.WatermarkAfter, want)
		}
	})
}

// A behind workspace has a clock that is slow.
type behind struct {
	ws http.RoundTripper
	by time.Duration
}

func (b behind) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := b.ws.RoundTrip(req)
	if err == nil {
		resp.Header.Set("Date", time.Now().Add(-b.by).UTC().Format(http.TimeFormat))
	}
	return resp, err
}

func TestZoneUnknown(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Pacific/Kiritimati", "America/Los_Angeles", "Asia/Kathmandu"} {
		t.Run(strings.ReplaceAll(name, "/", "-"), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ws := intercomtest.New(intercomtest.Config{Seed: 3, Contacts: 600, Zone: location(t, name)})
				ws.Fault(intercomtest.Fault{Path: "/me", Effect: intercomtest.Forbidden()})
				b := newBench(t, ws, contactsIncremental)
				b.run("contacts")
				aroundMidnights(t, b, ws, func(int) {})
			})
		})
	}
}

func TestZoneChanges(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var zones []*time.Location
		for _, name := range []string{"Pacific/Kiritimati", "America/Los_Angeles", "Asia/Kathmandu", "Pacific/Niue"} {
			zones = append(zones, location(t, name))
		}
		ws := intercomtest.New(intercomtest.Config{Seed: 3, Contacts: 600, Zone: zones[0]})
		b := newBench(t, ws, contactsIncremental)
		b.run("contacts")
		aroundMidnights(t, b, ws, func(i int) { ws.SetZone(zones[i%len(zones)]) })
	})
}

func location(t *testing.T, name string) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// aroundMidnights changes contacts through two days and looks after each change
// whether it arrives once.
func aroundMidnights(t *testing.T, b *bench, ws *intercomtest.Workspace, between func(i int)) {
	t.Helper()
	for i := range 200 {
		time.Sleep(15*time.Minute - 1*time.Second)
		ids := []string{ws.ID(intercomtest.Contacts, 2*i), ws.ID(intercomtest.Contacts, 2*i+1)}
		ws.Touch(intercomtest.Contacts, ids[0])
		time.Sleep(time.Second)
		ws.Touch(intercomtest.Contacts, ids[1])
		between(i)
		b.sink.safe = nil
		b.run("contacts")
		if got := b.sink.bySubject(); len(got) != 2 || got[ids[0]] != 1 || got[ids[1]] != 1 {
			t.Fatalf("change %d at %v: got %v", i, time.Now(), got)
		}
	}
}

// A run that was stopped has bounds of the zone of then.
func TestZoneChangesWhileStopped(t *testing.T) {
	t.Parallel()
	for from := range 8 {
		t.Run(strconv.Itoa(from), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				was := location(t, "Etc/GMT-14")
				is := location(t, []string{
					"Etc/GMT-14", "Etc/GMT-8", "Etc/GMT-3", "Etc/GMT", "Etc/GMT+3", "Etc/GMT+6", "Etc/GMT+9", "Etc/GMT+12",
				}[from])
				ws := intercomtest.New(intercomtest.Config{Seed: 3, Contacts: 9000, Zone: was, Latency: time.Second})
				b := newBench(t, ws, contactsIncremental)
				ctx, cancel := context.WithTimeout(t.Context(), 6500*time.Millisecond)
				defer cancel()
				if _, err := b.engine("contacts").Run(ctx, subscribe.Options{}); !errors.Is(err, subscribe.ErrInterrupted) {
					t.Fatal(err)
				}
				ws.SetZone(is)
				report := b.run("contacts")
				wantAll(t, b, ws, intercomtest.Contacts)
				if report.Audit.Again {
					t.Error("only a second reading has found all")
				}
			})
		})
	}
}

func TestPeekLeavesEverythingAlone(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{Seed: 3, Contacts: 500})
	b := newBench(t, ws, "  it: {client: main, entity: contacts, to: {type: stdout},\n"+
		"       record_transform: 'if (.id | test(\"7$\")) then error(\"no\") else {id} end'}\n"+
		"  fan: {client: main, entity: 'contacts/{contact_id}', path: {contact_id: null}, to: {type: stdout},\n"+
		"       request_transform: '.path.contact_id = (\"\", .input)'}\n")
	engine := b.engine("it")
	peeked, err := engine.Peek(t.Context(), 5, subscribe.Options{})
	if err != nil || len(peeked) != 5 {
		t.Fatalf("%d, %v", len(peeked), err)
	}
	for _, p := range peeked {
		if (p.Error == "") != (len(p.Events) == 1 && len(p.Values) == 1) || len(p.Record) == 0 {
			t.Errorf("got %s %v %s", p.Record, p.Values, p.Error)
		}
	}
	id := ws.ID(intercomtest.Contacts, 3)
	input := []byte(strconv.Quote(id))
	fan := b.engine("fan")
	if peeked, err = fan.Peek(t.Context(), 5, subscribe.Options{Input: input}); err != nil || len(peeked) != 1 {
		t.Errorf("%d, %v", len(peeked), err)
	}
	wires, err := fan.Plan(t.Context(), subscribe.Options{Input: input})
	if err != nil || len(wires) != 1 || !strings.HasSuffix(wires[0].URL, "/contacts/"+id) {
		t.Errorf("%v, %v", wires, err)
	}
	if len(b.aside.items) != 0 || len(b.sink.pending)+len(b.sink.safe) != 0 {
		t.Errorf("peeking put aside %v and delivered %v", b.aside.items, b.sink.pending)
	}
	if cps, err := subscribe.Checkpoints(t.Context(), b.store); err != nil || len(cps) != 0 {
		t.Errorf("remembered %v, %v", cps, err)
	}
	// The same engine runs as if nobody had peeked.
	if _, err := fan.Run(t.Context(), subscribe.Options{Input: input}); !errors.As(err, new(*subscribe.TooManyError)) {
		t.Errorf("got %v; want that half of the requests were put aside", err)
	}
	if len(b.aside.items) != 1 {
		t.Errorf("put aside: %v", b.aside.items)
	}
}

func TestPlan(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ws := intercomtest.New(intercomtest.Config{Seed: 3})
		b := newBench(t, ws, contactsIncremental+
			"  logs: {client: main, entity: admins/activity_logs, sync: incremental, start: 1999-12-22, to: {type: stdout}}\n")
		wires, err := b.engine("contacts").Plan(t.Context(), subscribe.Options{})
		if err != nil || len(wires) != 1 || !strings.Contains(string(wires[0].Body), `"field":"created_at"`) {
			t.Errorf("first load: %v, %v", wires, err)
		}
		b.run("contacts")
		asked := ws.Stats().Requests
		wires, err = b.engine("contacts").Plan(t.Context(), subscribe.Options{})
		if err != nil || len(wires) != 1 || !strings.Contains(string(wires[0].Body), `"field":"updated_at"`) {
			t.Errorf("catching up: %v, %v", wires, err)
		}
		since := time.Date(1999, 12, 1, 0, 0, 0, 0, time.UTC)
		wires, err = b.engine("contacts").Plan(t.Context(), subscribe.Options{Since: since, Until: since.AddDate(0, 0, 2)})
		if err != nil || len(wires) != 1 || strings.Count(string(wires[0].Body), `"field":"updated_at"`) != 3 {
			t.Errorf("a window: %s, %v", wires[0].Body, err)
		}
		wires, err = b.engine("logs").Plan(t.Context(), subscribe.Options{})
		if err != nil || len(wires) != 3 {
			t.Errorf("eleven days in windows of five are %d requests, %v", len(wires), err)
		}
		if n := ws.Stats().Requests; n != asked {
			t.Errorf("planning sent %d requests", n-asked)
		}
		if _, err := b.engine("logs").Plan(t.Context(), subscribe.Options{Since: since, Until: since}); err != nil {
			t.Errorf("an empty window: %v", err)
		}
	})
}

func TestWindowsOfEveryStrategy(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		entity string
		kind   intercomtest.Entity
		by     func(intercomtest.Record) time.Time
	}{
		{"contacts", intercomtest.Contacts, updated},
		{"conversations", intercomtest.Conversations, updated},
		{"tickets", intercomtest.Tickets, updated},
		{"macros", intercomtest.Macros, updated},
		{"articles", intercomtest.Articles, updated},
		{"admins/activity_logs", intercomtest.ActivityLogs, func(r intercomtest.Record) time.Time { return r.CreatedAt }},
	} {
		t.Run(strings.ReplaceAll(tt.entity, "/", "-"), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ws := intercomtest.New(intercomtest.Config{Seed: 3})
				b := newBench(t, ws, fmt.Sprintf("  it: {client: main, entity: %s, sync: incremental, to: {type: stdout}}\n", tt.entity))
				var times []time.Time
				for r := range ws.Records(tt.kind) {
					times = append(times, tt.by(r).Truncate(time.Second))
				}
				// The borders are on records: the first second is part of a window, the last is not.
				for i := range 8 {
					since, until := times[i], times[len(times)-1-i]
					if since.After(until) {
						since, until = until, since
					}
					b.sink.safe = nil
					if _, err := b.engine("it").Run(t.Context(), subscribe.Options{Since: since, Until: until}); err != nil {
						t.Fatal(err)
					}
					got := b.sink.bySubject()
					for r := range ws.Records(tt.kind) {
						at := tt.by(r)
						if in := !at.Before(since) && at.Before(until); in != (got[r.ID] == 1) {
							t.Errorf("%s of %v was delivered %d times between %v and %v", r.ID, at, got[r.ID], since, until)
						}
					}
				}
				future := time.Now().Add(48 * time.Hour)
				b.sink.safe = nil
				if report, err := b.engine("it").Run(t.Context(), subscribe.Options{Since: future}); err != nil || report.Events != 0 {
					t.Errorf("a window in the future: %v, %d events", err, report.Events)
				}
			})
		})
	}
}

func updated(r intercomtest.Record) time.Time { return r.UpdatedAt }

func TestWindowOfAFullRead(t *testing.T) {
	t.Parallel()
	b := newBench(t, intercomtest.New(intercomtest.Config{}), "  it: {client: main, entity: contacts, to: {type: stdout}}\n")
	opts := subscribe.Options{Since: time.Now()}
	if _, err := b.engine("it").Run(t.Context(), opts); !errors.Is(err, subscribe.ErrNoWindow) {
		t.Errorf("Run: %v", err)
	}
	if _, err := b.engine("it").Plan(t.Context(), opts); !errors.Is(err, subscribe.ErrNoWindow) {
		t.Errorf("Plan: %v", err)
	}
}

func TestLongWindowsAreHalved(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ws := intercomtest.New(intercomtest.Config{Seed: 3, ActivityLogs: 400, LogWindow: 30 * time.Hour})
		b := newBench(t, ws, "  it: {client: main, entity: admins/activity_logs, sync: incremental, start: 1999-10-25, to: {type: stdout}}\n")
		b.run("it")
		wantAll(t, b, ws, intercomtest.ActivityLogs)
	})
}

func TestPagesShrink(t *testing.T) {
	t.Parallel()
	for _, smallest := range []int{100, 20, 2} {
		t.Run(strconv.Itoa(smallest), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ws := intercomtest.New(intercomtest.Config{Seed: 3, Contacts: 700})
				ws.Fault(intercomtest.Fault{Path: "/contacts/search", MinPerPage: smallest, Effect: intercomtest.HTML(504)})
				b := newBench(t, ws, contactsIncremental)
				b.run("contacts")
				wantAll(t, b, ws, intercomtest.Contacts)
			})
		})
	}
}

func TestPatienceEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ws := intercomtest.New(intercomtest.Config{Seed: 3, Contacts: 700, Limit: 100})
		b := newBench(t, ws, contactsIncremental)
		ws.OnRequest(func(n int) {
			if n > 3 {
				ws.LimitNext(10 * time.Second)
			}
		})
		start := time.Now()
		report, err := b.engine("contacts").Run(t.Context(), subscribe.Options{})
		took := time.Since(start)
		if err == nil || report.Outcome != subscribe.Failed || took < 10*time.Minute || took > 12*time.Minute {
			t.Errorf("got %v, %s after %v", err, report.Outcome, took)
		}
		ws.OnRequest(nil)
		ws.Heal()
		b.run("contacts")
		wantAll(t, b, ws, intercomtest.Contacts)
	})
}

func TestRefusedCursorBeginsAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ws := intercomtest.New(intercomtest.Config{Seed: 3, Contacts: 9000, Latency: time.Second})
		b := newBench(t, ws, contactsIncremental)
		ctx, cancel := context.WithTimeout(t.Context(), 6500*time.Millisecond)
		defer cancel()
		if _, err := b.engine("contacts").Run(ctx, subscribe.Options{}); !errors.Is(err, subscribe.ErrInterrupted) {
			t.Fatal(err)
		}
		b.ws = &fresh{ws: ws}
		b.run("contacts")
		atLeastOnce(t, b, ws, intercomtest.Contacts)
	})
}

// A fresh workspace only knows the cursors that it gave itself.
type fresh struct {
	ws    http.RoundTripper
	given bytes.Buffer
	mu    sync.Mutex
}

var startingAfter = regexp.MustCompile(`"starting_after":"[^"]+"`)

func (f *fresh) RoundTrip(req *http.Request) (*http.Response, error) {
	var asked []byte
	if req.Body != nil {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		asked = startingAfter.Find(body)
		req.Body = io.NopCloser(bytes.NewReader(body))
	}
	f.mu.Lock()
	known := bytes.Contains(f.given.Bytes(), asked)
	f.mu.Unlock()
	resp, err := f.ws.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if !known {
		resp.StatusCode = http.StatusBadRequest
		body = []byte(`{"type":"error.list","errors":[{"code":"parameter_invalid","message":"Invalid starting_after param"}]}`)
	}
	f.mu.Lock()
	f.given.Write(startingAfter.Find(body))
	f.mu.Unlock()
	resp.ContentLength = int64(len(body))
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

// A certificate that cannot be verified says nothing about the request.
func TestPositionOutlivesTheNetwork(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		effect intercomtest.Effect
	}{
		{"revoked", intercomtest.Revoked()},
		{"permission taken away", intercomtest.Forbidden()},
		{"firewall", intercomtest.HTML(403)},
		{"unpaid", intercomtest.Status(402, "", "")},
		{"down", intercomtest.ServerError()},
		{"broken pages", func(a *intercomtest.Answer) { a.Body = []byte("[") }},
		{"untrusted", func(a *intercomtest.Answer) { a.Err = errUntrusted }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ws := intercomtest.New(intercomtest.Config{Seed: 3, Contacts: 9000, Latency: time.Second})
				b := newBench(t, ws, contactsIncremental)
				ws.Fault(intercomtest.Fault{Path: "/contacts/search", First: 12, Effect: tt.effect})
				report, err := b.engine("contacts").Run(t.Context(), subscribe.Options{})
				if err == nil || report.Outcome != subscribe.Failed {
					t.Fatalf("got %v, %s", err, report.Outcome)
				}
				ws.Heal()
				if report := b.run("contacts"); !report.Resumed {
					t.Error("the run did not go on where it was")
				}
				wantAll(t, b, ws, intercomtest.Contacts)
			})
		})
	}
}

func TestBulkChangeOfOneSecond(t *testing.T) {
	t.Parallel()
	for _, grain := range []intercomtest.Grain{intercomtest.DayGrain, intercomtest.SecondGrain} {
		t.Run(fmt.Sprint(grain), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ws := intercomtest.New(intercomtest.Config{
					Seed: 1, Contacts: 16_000, Latency: 100 * time.Millisecond, Limit: 1667, Grain: grain,
				})
				b := newBench(t, ws, contactsIncremental)
				b.run("contacts")
				time.Sleep(24 * time.Hour)
				b.run("contacts")
				ws.Bulk(intercomtest.Contacts, 7500, time.Now())
				time.Sleep(10 * time.Minute)
				b.sink.safe = nil
				start := time.Now()
				report := b.run("contacts")
				if took := time.Since(start); grain == intercomtest.DayGrain && took > 2*time.Second {
					t.Errorf("took %v", took)
				}
				if report.Requests > 50*14/10 {
					t.Errorf("%d requests for 50 pages", report.Requests)
				}
				if got := b.sink.bySubject(); len(got) != 7500 || report.Events != 7500 {
					t.Errorf("%d events of %d contacts", report.Events, len(got))
				}
				b.sink.safe = nil
				if report := b.run("contacts"); report.Events != 0 || report.Duplicates != 7500 {
					t.Errorf("read again: %d events, %d duplicates", report.Events, report.Duplicates)
				}
			})
		})
	}
}

// A first load of what was all imported, or all updated, on one day.
func TestFirstLoadOfOneDay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ws := intercomtest.New(intercomtest.Config{Seed: 1, Contacts: 12_000, Latency: 100 * time.Millisecond, Limit: 1667, End: time.Now().Add(-20 * 24 * time.Hour)})
		ws.Bulk(intercomtest.Contacts, 12_000, time.Now().Add(-10*24*time.Hour))
		b := newBench(t, ws, contactsIncremental)
		start := time.Now()
		report := b.run("contacts")
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("all updated on one day: %v, %d requests", took, report.Requests)
		}
		wantAll(t, b, ws, intercomtest.Contacts)
	})
}

// Tickets stay open for long, and runs are long and far between.
func TestOpenTicketsAreRememberedThroughALongRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ws := intercomtest.New(intercomtest.Config{Seed: 3, Tickets: 3000, Latency: 2 * time.Second})
		b := newBench(t, ws, "  it: {client: main, entity: tickets, sync: incremental, to: {type: stdout}}\n")
		b.run("it")
		time.Sleep(24 * time.Hour)
		for i, pause := range []time.Duration{0, 30 * time.Hour, 24 * time.Hour, 71 * time.Hour, 30 * time.Hour} {
			time.Sleep(pause)
			ws.Touch(intercomtest.Tickets, ws.ID(intercomtest.Tickets, i))
			b.sink.safe = nil
			b.run("it")
			if got := len(b.sink.safe); got != 1 {
				t.Errorf("run %d: %d events for one change", i, got)
			}
		}
	})
}

// stripped takes the counting of a page that could not be delivered back.
func TestAuditAfterAFailedDelivery(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ws := intercomtest.New(intercomtest.Config{Seed: 3, Contacts: 600})
		b := newBench(t, ws, contactsIncremental)
		b.to = &brokenSink{b.sink, trip{at: 4}}
		if _, err := b.engine("contacts").Run(t.Context(), subscribe.Options{}); !errors.Is(err, errBroken) {
			t.Fatal(err)
		}
		b.to = nil
		report := b.run("contacts")
		if report.Records != 600 || report.Audit.Read != 600 {
			t.Errorf("%d records, audit %+v; want 600", report.Records, report.Audit)
		}
	})
}

// A second reading that is stopped counts neither too much nor too little.
func TestAuditOfASecondReadingThatIsStopped(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, yaml string }{
		{"first load", "  it: {client: main, entity: contacts, sync: incremental, to: {type: stdout}}\n"},
		{"full", "  it: {client: main, entity: contacts, paginate: true, to: {type: stdout}}\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ws := intercomtest.New(intercomtest.Config{Seed: 3, Contacts: 3000, Latency: time.Second})
				ws.Fault(intercomtest.Fault{Path: "/contacts*", Effect: intercomtest.WrongTotal(5)})
				b := newBench(t, ws, tt.yaml)
				for i := range 60 {
					report, err := b.engine("it").Run(t.Context(), subscribe.Options{StopAt: time.Now().Add(4500 * time.Millisecond)})
					if errors.Is(err, subscribe.ErrInterrupted) {
						continue
					}
					if err != nil || report.Outcome != subscribe.Incomplete || report.Audit.Missing() != 5 || !report.Audit.Again {
						t.Errorf("got %v, %s, %+v after %d stops", err, report.Outcome, report.Audit, i)
					}
					atLeastOnce(t, b, ws, intercomtest.Contacts)
					return
				}
				t.Error("does not come to an end")
			})
		})
	}
}

func TestQuarantineThatFails(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{Seed: 3, Contacts: 900})
	b := newBench(t, ws, contactsIncremental)
	b.sink.refuse = refuse(ws.ID(intercomtest.Contacts, 17))
	b.aside.err = errBroken
	if _, err := b.engine("contacts").Run(t.Context(), subscribe.Options{}); !errors.Is(err, errBroken) {
		t.Fatalf("got %v", err)
	}
	b.aside.err = nil
	b.run("contacts")
	if len(b.aside.items) != 1 {
		t.Errorf("%d put aside", len(b.aside.items))
	}
	if got := b.sink.bySubject(); len(got) != 899 {
		t.Errorf("%d contacts delivered", len(got))
	}
}

func TestUsersQuery(t *testing.T) {
	t.Parallel()
	role := func(v string) string { return "{field: role, operator: '=', value: " + v + "}" }
	for _, tt := range []struct {
		name, query string
		want        []string
	}{
		{"one", role("user"), []string{"user"}},
		{"AND", "{operator: AND, value: [" + role("user") + ", " + role("user") + "]}", []string{"user"}},
		{"OR", "{operator: OR, value: [" + role("user") + ", " + role("lead") + "]}", []string{"user", "lead"}},
		{"AND of ORs", "{operator: AND, value: [{operator: OR, value: [" + role("user") + ", " + role("lead") + "]}, {operator: OR, value: [" + role("lead") + "]}]}", []string{"lead"}},
		{"AND of both", "{operator: AND, value: [" + role("lead") + ", {operator: OR, value: [" + role("user") + ", " + role("lead") + "]}]}", []string{"lead"}},
		{"AND of both, turned", "{operator: AND, value: [{operator: OR, value: [" + role("user") + ", " + role("lead") + "]}, " + role("lead") + "]}", []string{"lead"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ws := intercomtest.New(intercomtest.Config{Seed: 3, Contacts: 900})
			b := newBench(t, ws, "  contacts: {client: main, entity: contacts, sync: incremental, to: {type: stdout}, payload: {query: "+tt.query+"}}\n")
			b.run("contacts")
			ws.Bulk(intercomtest.Contacts, 900, time.Now())
			b.run("contacts")
			roles := map[string]int{}
			for _, e := range b.sink.safe {
				for _, role := range []string{"user", "lead"} {
					if bytes.Contains(e.Data, []byte(`"role":"`+role+`"`)) {
						roles[role]++
					}
				}
			}
			for _, role := range tt.want {
				if roles[role] < 100 {
					t.Errorf("got %v, want %v", roles, tt.want)
				}
			}
			if len(roles) != len(tt.want) {
				t.Errorf("got %v, want %v", roles, tt.want)
			}
		})
	}
}

func TestCompaniesListEndsEarly(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{Seed: 3, Companies: 10_100})
	b := newBench(t, ws, "  it: {client: main, entity: companies/list, paginate: true, to: {type: stdout}}\n")
	report, err := b.engine("it").Run(t.Context(), subscribe.Options{})
	if err == nil || report.Outcome != subscribe.Failed || !strings.Contains(err.Error(), "scroll") {
		t.Errorf("got %v, %s; want a hint to the scroll", err, report.Outcome)
	}
}

// A boundless server forgets the upper bounds of a search.
type boundless struct{ http.RoundTripper }

func (b boundless) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil && strings.HasSuffix(req.URL.Path, "/search") {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		body = upperBound.ReplaceAll(body, nil)
		req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
	return b.RoundTripper.RoundTrip(req)
}

var upperBound = regexp.MustCompile(`,\{"field":"(created|updated)_at","operator":"(<|\\\\u003c)","value":\d+\}`)

func TestServerThatDoesNotMindBounds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ws := intercomtest.New(intercomtest.Config{Seed: 3, Contacts: 20_000, Latency: 100 * time.Millisecond})
		b := newBench(t, boundless{ws}, contactsIncremental)
		report := b.run("contacts")
		wantAll(t, b, ws, intercomtest.Contacts)
		if most := int64(20_000/150 + 64); report.Requests > most {
			t.Errorf("%d requests, want at most %d: slices read what their neighbours read", report.Requests, most)
		}
	})
}
