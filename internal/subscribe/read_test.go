package subscribe_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"intercom-connector/internal/subscribe"
	"intercom-connector/shared/intercom"
	"intercom-connector/shared/intercom/intercomtest"
)

// wantAll checks that every record was delivered, once.
func wantAll(t *testing.T, b *bench, ws *intercomtest.Workspace, e intercomtest.Entity) {
	t.Helper()
	got := b.sink.bySubject()
	n := 0
	for r := range ws.Records(e) {
		n++
		if got[r.ID] != 1 {
			t.Fatalf("%v %s was delivered %d times", e, r.ID, got[r.ID])
		}
	}
	if len(got) != n {
		t.Errorf("%d different records delivered, there are %d", len(got), n)
	}
}

func TestEveryEntityThatCanIsReadIncrementally(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		entity, more string
		kind         intercomtest.Entity
		touch        bool // its records change
	}{
		{"contacts", "", intercomtest.Contacts, true},
		{"contacts/search", "", intercomtest.Contacts, true},
		{"conversations", "", intercomtest.Conversations, true},
		{"tickets", "", intercomtest.Tickets, true},
		{"macros", "", intercomtest.Macros, true},
		{"articles", "", intercomtest.Articles, true},
		{"help_center/collections", "", intercomtest.Collections, true},
		{"admins/activity_logs", "start: 1999-10-01, ", intercomtest.ActivityLogs, false},
	} {
		t.Run(strings.ReplaceAll(tt.entity, "/", "-"), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ws := intercomtest.New(intercomtest.Config{Seed: 3, Latency: 20 * time.Millisecond, IndexLag: 2 * time.Minute})
				b := newBench(t, ws, fmt.Sprintf(
					"  it: {client: main, entity: %s, sync: incremental, %sto: {type: stdout}}\n", tt.entity, tt.more))
				b.run("it")
				wantAll(t, b, ws, tt.kind)
				for i := range 20 {
					time.Sleep(7 * time.Minute)
					before := len(b.sink.safe)
					want := 0
					if i%2 == 0 {
						want = 2
						ws.Create(tt.kind)
						if tt.touch {
							ws.Touch(tt.kind, ws.ID(tt.kind, i))
						} else {
							ws.Create(tt.kind)
						}
						time.Sleep(3 * time.Minute)
					}
					b.run("it")
					if got := len(b.sink.safe) - before; got != want {
						t.Fatalf("run %d after %d changes delivered %d events", i, want, got)
					}
				}
			})
		})
	}
}

func TestTicketsThatChangeSilently(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ws := intercomtest.New(intercomtest.Config{Seed: 3})
		b := newBench(t, ws, "  it: {client: main, entity: tickets, sync: incremental, to: {type: stdout}}\n")
		b.run("it")
		for day := range 8 { // longer than anything is remembered that is not met again
			time.Sleep(24 * time.Hour)
			before := len(b.sink.safe)
			b.run("it")
			if got := len(b.sink.safe) - before; got != 0 {
				t.Fatalf("day %d: %d events without a change", day, got)
			}
		}
		before := len(b.sink.safe)
		ws.UpdateSilently(intercomtest.Tickets, ws.ID(intercomtest.Tickets, 0))
		time.Sleep(time.Hour)
		b.run("it")
		if got := len(b.sink.safe) - before; got != 1 {
			t.Errorf("a silent change was delivered as %d events", got)
		}
	})
}

func TestResweepFindsWhatDidNotMove(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ws := intercomtest.New(intercomtest.Config{Seed: 3})
		b := newBench(t, ws, "  it: {client: main, entity: conversations, sync: incremental, to: {type: stdout}}\n")
		b.run("it")
		id := ws.Create(intercomtest.Conversations)
		time.Sleep(5 * time.Minute)
		b.run("it")
		time.Sleep(time.Hour)
		b.run("it")
		time.Sleep(11 * time.Hour)
		before := len(b.sink.safe)
		ws.UpdateSilently(intercomtest.Conversations, id)
		b.run("it")
		if got := len(b.sink.safe) - before; got != 0 {
			t.Fatalf("a change that no date tells was seen before the resweep: %d", got)
		}
		time.Sleep(12 * time.Hour)
		b.run("it")
		if got := len(b.sink.safe) - before; got != 1 {
			t.Errorf("the resweep delivered %d events, want the one change", got)
		}
	})
}

// TestHowFastAFirstLoadIs counts in virtual time what a real one takes at
// the limit that most apps have.
func TestHowFastAFirstLoadIs(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		cfg    intercomtest.Config
		within time.Duration
	}{
		{"days", intercomtest.Config{Contacts: 30_000}, 1900 * time.Millisecond},
		{"seconds", intercomtest.Config{Contacts: 30_000, Grain: intercomtest.SecondGrain}, 1900 * time.Millisecond},
		{"seconds of one day", intercomtest.Config{Contacts: 30_000, Grain: intercomtest.SecondGrain, Span: 20 * time.Hour}, 4 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				tt.cfg.Seed, tt.cfg.Latency, tt.cfg.Limit = 1, 100*time.Millisecond, 1667
				ws := intercomtest.New(tt.cfg)
				b := newBench(t, ws, contactsIncremental)
				start := time.Now()
				report := b.run("contacts")
				if took := time.Since(start); took > tt.within {
					t.Errorf("took %v, want at most %v", took, tt.within)
				}
				if most := int64(200 * 12 / 10); report.Requests > most {
					t.Errorf("%d requests for 200 pages, want at most %d", report.Requests, most)
				}
				if report.Throttled > 3 {
					t.Errorf("%d answers of 429", report.Throttled)
				}
				wantAll(t, b, ws, intercomtest.Contacts)
			})
		})
	}
}

func TestEveryReadOfTheCatalog(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{Seed: 2})
	for _, op := range intercom.Operations() {
		if op.Kind != intercom.Read {
			continue
		}
		example := ws.Example(op)
		t.Run(op.Method+" "+op.Entity(), func(t *testing.T) {
			t.Parallel()
			b := newBench(t, intercomtest.New(intercomtest.Config{Seed: 2}), contactsIncremental)
			sub := *b.cfg.Subscriptions["contacts"]
			sub.Name, sub.Entity, sub.Operation, sub.Sync = "it", op.Entity(), op, "full"
			sub.Paginate = op.Paging != intercom.NoPaging
			sub.Path, sub.Query, sub.Payload = map[string]*string{}, map[string]any{}, example.Payload
			for name, value := range example.Path {
				sub.Path[name] = &value
			}
			for name, values := range example.Query {
				sub.Query[name] = values[0]
			}
			b.cfg.Subscriptions["it"] = &sub
			report := b.run("it")
			if report.Outcome != subscribe.Done {
				t.Errorf("outcome %s: %+v", report.Outcome, report)
			}
			if report.Events != int64(len(b.sink.safe)) {
				t.Errorf("%d events reported, %d delivered", report.Events, len(b.sink.safe))
			}
		})
	}
}

func TestAuditHoldsTheWatermark(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ws := intercomtest.New(intercomtest.Config{Seed: 3, Contacts: 400})
		ws.Fault(intercomtest.Fault{Path: "/contacts/search", Effect: intercomtest.WrongTotal(5)})
		b := newBench(t, ws, contactsIncremental)
		report, err := b.engine("contacts").Run(t.Context(), subscribe.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if report.Outcome != subscribe.Incomplete || report.Audit.Missing() != 5 || !report.Audit.Again {
			t.Errorf("got %s, audit %+v; want incomplete, 5 missing, read again", report.Outcome, report.Audit)
		}
		if !report.WatermarkAfter.IsZero() {
			t.Errorf("the watermark moved to %v", report.WatermarkAfter)
		}
		wantAll(t, b, ws, intercomtest.Contacts) // nothing twice, although it was read again
		ws.Heal()
		if report := b.run("contacts"); report.Outcome != subscribe.Done {
			t.Errorf("healed: %s", report.Outcome)
		}
	})
}

func TestFullReadOfAShiftingList(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{Seed: 3, Articles: 200})
	kept := map[string]bool{}
	for r := range ws.Records(intercomtest.Articles) {
		kept[r.ID] = true
	}
	ws.OnRequest(func(n int) {
		if n > 1 && n < 8 {
			id := ws.ID(intercomtest.Articles, 199-n) // young ones are on the first pages
			ws.Delete(intercomtest.Articles, id)
			delete(kept, id)
		}
	})
	b := newBench(t, ws, "  it: {client: main, entity: articles, paginate: true, to: {type: stdout}}\n")
	report := b.run("it")
	got := b.sink.bySubject()
	for id := range kept {
		if got[id] != 1 {
			t.Errorf("article %s, which was there all the time, was delivered %d times", id, got[id])
		}
	}
	if report.Outcome != subscribe.Done {
		t.Errorf("outcome %s, audit %+v", report.Outcome, report.Audit)
	}
}

func TestQuarantine(t *testing.T) {
	t.Parallel()
	const half = "  it: {client: main, entity: contacts, sync: incremental, to: {type: stdout},\n" +
		"       record_transform: 'if (.id | test(\"%s$\")) then error(\"no\") else {id} end'}\n"
	t.Run("few", func(t *testing.T) {
		t.Parallel()
		ws := intercomtest.New(intercomtest.Config{Seed: 3, Contacts: 5000})
		b := newBench(t, ws, fmt.Sprintf(half, "7a"))
		report := b.run("it")
		if report.Quarantined == 0 || int(report.Quarantined) != len(b.aside.items) {
			t.Errorf("%d reported, %d put aside", report.Quarantined, len(b.aside.items))
		}
		if got := report.Events + report.Quarantined; got != 5000 {
			t.Errorf("%d records accounted for, want 5000", got)
		}
	})
	t.Run("too many", func(t *testing.T) {
		t.Parallel()
		ws := intercomtest.New(intercomtest.Config{Seed: 3, Contacts: 5000})
		b := newBench(t, ws, fmt.Sprintf(half, ""))
		report, err := b.engine("it").Run(t.Context(), subscribe.Options{})
		if _, ok := errors.AsType[*subscribe.TooManyError](err); !ok || report.Outcome != subscribe.Failed {
			t.Errorf("got %s, %v; want a failure for too many", report.Outcome, err)
		}
	})
	t.Run("too many, until it is mended", func(t *testing.T) {
		t.Parallel()
		ws := intercomtest.New(intercomtest.Config{Seed: 3, Contacts: 500})
		b := newBench(t, ws, fmt.Sprintf(half, ""))
		for range 2 {
			_, err := b.engine("it").Run(t.Context(), subscribe.Options{})
			if tooMany, ok := errors.AsType[*subscribe.TooManyError](err); !ok || tooMany.Quarantined != 101 {
				t.Errorf("got %v, want 101 quarantined", err)
			}
		}
		b.configure(strings.Replace(fmt.Sprintf(half, ""), "error(\"no\")", "{id}", 1))
		report := b.run("it")
		if report.Quarantined != 0 || report.Events != 500 || len(b.sink.bySubject()) != 500 {
			t.Errorf("mended: %+v, %d contacts arrived", report, len(b.sink.bySubject()))
		}
	})
	t.Run("refused by the destination", func(t *testing.T) {
		t.Parallel()
		ws := intercomtest.New(intercomtest.Config{Seed: 3, Contacts: 500})
		b := newBench(t, ws, contactsIncremental)
		id := ws.ID(intercomtest.Contacts, 17)
		b.sink.refuse = refuse(id)
		report := b.run("contacts")
		if report.Quarantined != 1 || report.Events != 499 || b.aside.items[0].ID != id || b.aside.items[0].Stage != "deliver" {
			t.Errorf("got %+v, put aside %+v", report, b.aside.items)
		}
	})
}

func TestFanOut(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{Seed: 3, Contacts: 300})
	ids := make([]string, 300)
	for i := range ids {
		ids[i] = fmt.Sprintf("%q", ws.ID(intercomtest.Contacts, i))
	}
	b := newBench(t, ws, "  it: {client: main, entity: 'contacts/{contact_id}', path: {contact_id: null}, to: {type: stdout},\n"+
		"       request_transform: '.input[] as $id | .path.contact_id = $id'}\n")
	input := "[" + strings.Join(ids, ",") + `,"","nobody"]`
	report, err := b.engine("it").Run(t.Context(), subscribe.Options{Input: []byte(input)})
	if err != nil {
		t.Fatalf("%v: %+v", err, report)
	}
	wantAll(t, b, ws, intercomtest.Contacts)
	if report.Quarantined != 2 || report.Requests < 301 {
		t.Errorf("got %+v; want the empty id and the unknown one put aside", report)
	}
}

func TestChangedSubscriptionIsNoticed(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{Seed: 3})
	b := newBench(t, ws, contactsIncremental)
	b.run("contacts")
	first := len(b.sink.safe)
	b.configure("  contacts: {client: main, entity: contacts, sync: incremental, to: {type: stdout},\n" +
		"             payload: {query: {field: role, operator: '=', value: user}}}\n")
	_, err := b.engine("contacts").Run(t.Context(), subscribe.Options{})
	changed, ok := errors.AsType[*subscribe.ChangedError](err)
	if !ok || strings.Join(changed.Parts, " ") != "payload" {
		t.Fatalf("got %v, want that the payload changed", err)
	}
	report, err := b.engine("contacts").Run(t.Context(), subscribe.Options{KeepWatermark: true})
	if err != nil || report.Events != 0 {
		t.Errorf("with the watermark kept: %v, %d events", err, report.Events)
	}
	if report, err = b.engine("contacts").Run(t.Context(), subscribe.Options{Reset: true}); err != nil {
		t.Fatal(err)
	}
	if got := len(b.sink.safe); got == first || report.WatermarkBefore.Unix() > 0 {
		t.Errorf("a reset delivered nothing again: %+v", report)
	}
}

func TestAnotherWorkspaceIsNoticed(t *testing.T) {
	t.Parallel()
	b := newBench(t, intercomtest.New(intercomtest.Config{Workspace: "one"}), contactsIncremental)
	b.run("contacts")
	b.ws = intercomtest.New(intercomtest.Config{Workspace: "two"})
	_, err := b.engine("contacts").Run(t.Context(), subscribe.Options{})
	if _, ok := errors.AsType[*subscribe.WorkspaceError](err); !ok {
		t.Fatalf("got %v, want that it is another workspace", err)
	}
	report, err := b.engine("contacts").Run(t.Context(), subscribe.Options{ReplaceWorkspace: true})
	if err != nil || report.Workspace != "two" {
		t.Errorf("replaced: %v %+v", err, report)
	}
	b.run("contacts")
}

func TestOneAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ws := intercomtest.New(intercomtest.Config{Seed: 3, Contacts: 3000, Latency: time.Second})
		b := newBench(t, ws, contactsIncremental)
		done := make(chan error)
		go func() {
			_, err := b.engine("contacts").Run(t.Context(), subscribe.Options{})
			done <- err
		}()
		time.Sleep(3 * time.Second)
		_, err := b.engine("contacts").Run(t.Context(), subscribe.Options{})
		if _, ok := errors.AsType[*subscribe.BusyError](err); !ok {
			t.Errorf("the second got %v, want that another is at it", err)
		}
		if err := <-done; err != nil {
			t.Errorf("the first: %v", err)
		}
	})
}

func TestOvertakenRunStops(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ws := intercomtest.New(intercomtest.Config{Seed: 3, Contacts: 3000, Latency: time.Second})
		b := newBench(t, ws, contactsIncremental)
		done := make(chan error)
		go func() {
			_, err := b.engine("contacts").Run(t.Context(), subscribe.Options{})
			done <- err
		}()
		time.Sleep(2500 * time.Millisecond)
		record, err := b.store.Get(t.Context(), "checkpoint/fake1234/contacts")
		if err != nil {
			t.Fatal(err)
		}
		theirs := bytes.Replace(record.Value, []byte(`"owner":"test"`), []byte(`"owner":"else"`), 1)
		if _, err := b.store.Save(t.Context(), record.Key, theirs, record.Revision, time.Time{}); err != nil {
			t.Fatal(err)
		}
		if _, ok := errors.AsType[*subscribe.OvertakenError](<-done); !ok {
			t.Error("the run went on although somebody else saved its checkpoint")
		}
	})
}

func TestInterruptedRunGoesOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ws := intercomtest.New(intercomtest.Config{Seed: 3, Contacts: 20_000, Latency: 100 * time.Millisecond, Limit: 1667})
		b := newBench(t, ws, contactsIncremental)
		resumed := 0
		for range 20 {
			ctx, cancel := context.WithTimeout(t.Context(), 400*time.Millisecond)
			report, err := b.engine("contacts").Run(ctx, subscribe.Options{})
			cancel()
			if err == nil {
				wantAll(t, b, ws, intercomtest.Contacts)
				if resumed == 0 || !report.Resumed || report.Events != 20_000 {
					t.Errorf("resumed %d times: %+v", resumed, report)
				}
				return
			}
			if !errors.Is(err, subscribe.ErrInterrupted) || report.Outcome != subscribe.Interrupted {
				t.Fatalf("got %v %s", err, report.Outcome)
			}
			resumed++
		}
		t.Error("does not come to an end")
	})
}

func TestWindowIsReadAgain(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{Seed: 3, Contacts: 2000})
	b := newBench(t, ws, contactsIncremental)
	before := b.run("contacts")
	b.sink.safe = nil
	until := time.Now().Add(-10 * 24 * time.Hour).Truncate(time.Second)
	since := until.Add(-5 * 24 * time.Hour)
	report, err := b.engine("contacts").Run(t.Context(), subscribe.Options{Since: since, Until: until})
	if err != nil {
		t.Fatal(err)
	}
	got := b.sink.bySubject()
	for r := range ws.Records(intercomtest.Contacts) {
		in := !r.UpdatedAt.Before(since) && r.UpdatedAt.Before(until)
		if in != (got[r.ID] == 1) {
			t.Errorf("contact %s of %v was delivered %d times", r.ID, r.UpdatedAt, got[r.ID])
		}
	}
	if !report.WatermarkAfter.IsZero() {
		t.Errorf("the window has a watermark: %v", report.WatermarkAfter)
	}
	if after := b.run("contacts"); !after.WatermarkBefore.Equal(before.WatermarkAfter) {
		t.Errorf("the watermark moved from %v to %v", before.WatermarkAfter, after.WatermarkBefore)
	}
}

func TestScrollIsOneAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ws := intercomtest.New(intercomtest.Config{Seed: 3, Companies: 950, Latency: time.Second})
		yaml := "  a: {client: main, entity: companies/scroll, paginate: true, side_effects: allow, to: {type: stdout}}\n" +
			"  b: {client: main, entity: companies/scroll, paginate: true, side_effects: allow, to: {type: stdout}}\n"
		b := newBench(t, ws, yaml)
		other := &bench{t: t, ws: ws, store: b.store, sink: &sink{}, aside: &aside{}, cfg: b.cfg}
		done := make(chan error)
		go func() {
			_, err := b.engine("a").Run(t.Context(), subscribe.Options{})
			done <- err
		}()
		time.Sleep(1500 * time.Millisecond)
		other.run("b")
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		wantAll(t, b, ws, intercomtest.Companies)
		wantAll(t, other, ws, intercomtest.Companies)
		if n := ws.Stats().ByStatus[http.StatusBadRequest]; n > 1 { // the old one lives on for a minute
			t.Errorf("%d times somebody tried to open a second scroll", n)
		}
	})
}
