package subscribe_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"time"

	"intercom-connector/internal/config"
	"intercom-connector/internal/config/file"
	"intercom-connector/internal/event"
	"intercom-connector/internal/state"
	"intercom-connector/internal/state/memstate"
	"intercom-connector/internal/subscribe"
	"intercom-connector/shared/intercom"
	"intercom-connector/shared/intercom/intercomtest"
)

// A sink is a destination that keeps what was flushed.
type sink struct {
	pending, safe []event.Event
	refuse        func(event.Event) error
}

func (s *sink) Deliver(_ context.Context, events []event.Event) error {
	refused := map[int]error{}
	for i, e := range events {
		if s.refuse != nil {
			if err := s.refuse(e); err != nil {
				refused[i] = err
				continue
			}
		}
		e.Data = append([]byte(nil), e.Data...)
		s.pending = append(s.pending, e)
	}
	if len(refused) > 0 {
		return &subscribe.RefusedError{Refused: refused}
	}
	return nil
}

func (s *sink) Flush(context.Context) error {
	s.safe = append(s.safe, s.pending...)
	s.pending = nil
	return nil
}

func (s *sink) bySubject() map[string]int {
	all := map[string]int{}
	for _, e := range s.safe {
		all[e.Subject]++
	}
	return all
}

type aside struct {
	items []subscribe.Quarantined
	err   error
}

func (a *aside) Put(_ context.Context, q subscribe.Quarantined) error {
	if a.err != nil {
		return a.err
	}
	q.Record = append([]byte(nil), q.Record...)
	a.items = append(a.items, q)
	return nil
}

// A bench is everything an engine needs, around a workspace.
type bench struct {
	t     *testing.T
	ws    http.RoundTripper
	store state.Store
	sink  *sink
	aside *aside
	cfg   *config.Config
	to    subscribe.Destination // nil: the sink
}

func newBench(t *testing.T, ws http.RoundTripper, yaml string) *bench {
	t.Helper()
	b := &bench{t: t, ws: ws, store: new(memstate.Store), sink: &sink{}, aside: &aside{}}
	b.configure(yaml)
	return b
}

func (b *bench) configure(subscriptions string) {
	b.t.Helper()
	cfg, err := file.Parse("connector.yaml", []byte("clients: {main: {auth: access_token}}\nsubscriptions:\n"+subscriptions))
	if err != nil {
		b.t.Fatal(err)
	}
	b.cfg = cfg
}

func (b *bench) engine(name string) *subscribe.Engine { return b.engineOf(name, "test") }

func (b *bench) engineOf(name, owner string) *subscribe.Engine {
	b.t.Helper()
	api, err := intercom.New(intercom.Config{
		Token: intercom.StaticToken("secret"), Transport: b.ws, Governor: intercom.NewGovernor(intercom.GovernorConfig{}),
	})
	if err != nil {
		b.t.Fatal(err)
	}
	var to subscribe.Destination = b.sink
	if b.to != nil {
		to = b.to
	}
	engine, err := subscribe.New(subscribe.Config{
		Subscription: b.cfg.Subscriptions[name], Client: b.cfg.Clients["main"], API: api,
		Store: b.store, Destination: to, Quarantine: b.aside, Owner: owner,
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return engine
}

func (b *bench) run(name string) subscribe.Report {
	b.t.Helper()
	report, err := b.engine(name).Run(b.t.Context(), subscribe.Options{})
	if err != nil {
		b.t.Fatalf("%v\n%+v", err, report)
	}
	return report
}

const contactsIncremental = "  contacts: {client: main, entity: contacts, sync: incremental, to: {type: stdout}}\n"

func TestFirstLoadAndIncremental(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{Contacts: 5000, Seed: 1})
	b := newBench(t, ws, contactsIncremental)
	report := b.run("contacts")
	show(t, report)
	want := 0
	for r := range ws.Records(intercomtest.Contacts) {
		want++
		if n := b.sink.bySubject()[r.ID]; n != 1 {
			t.Fatalf("contact %s delivered %d times", r.ID, n)
		}
	}
	before := len(b.sink.safe)
	report = b.run("contacts")
	show(t, report)
	if got := len(b.sink.safe); got != before {
		t.Errorf("a run without changes delivered %d events", got-before)
	}
	ws.Bulk(intercomtest.Contacts, 50, time.Now())
	report = b.run("contacts")
	show(t, report)
	if got := len(b.sink.safe) - before; got != 50 {
		t.Errorf("50 changes delivered as %d events", got)
	}
}

func show(t *testing.T, report subscribe.Report) {
	t.Helper()
	text, _ := json.MarshalIndent(report, "", " ")
	t.Log(string(text))
}

func refuse(id string) func(event.Event) error {
	return func(e event.Event) error {
		if e.Subject == id {
			return errors.New("too large")
		}
		return nil
	}
}
