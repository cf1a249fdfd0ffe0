package s3out_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"intercom-connector/internal/aws/s3out"
	"intercom-connector/internal/config/file"
	"intercom-connector/internal/event"
	"intercom-connector/internal/state/memstate"
	"intercom-connector/internal/subscribe"
	"intercom-connector/shared/intercom"
	"intercom-connector/shared/intercom/intercomtest"
)

// A run of some minutes that is killed every now and then loses nothing, and
// does not leave a heap of small objects.
func TestRuns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ws := intercomtest.New(intercomtest.Config{Seed: 3, Contacts: 20_000, Latency: 300 * time.Millisecond, Limit: 10})
		cfg, err := file.Parse("connector.yaml", []byte("clients: {main: {auth: access_token}}\nsubscriptions: {contacts: {client: main, entity: contacts, sync: incremental, to: {type: s3}}}\n"))
		if err != nil {
			t.Fatal(err)
		}
		b, store, start := &bucket{}, new(memstate.Store), time.Now()
		run := func(ctx context.Context) error {
			api, err := intercom.New(intercom.Config{
				Token: intercom.StaticToken("secret"), Transport: ws, Governor: intercom.NewGovernor(intercom.GovernorConfig{}),
			})
			if err != nil {
				t.Fatal(err)
			}
			engine, err := subscribe.New(subscribe.Config{
				Subscription: cfg.Subscriptions["contacts"], Client: cfg.Clients["main"], API: api, Store: store, Owner: "test",
				Destination: newObjects(b), Quarantine: s3out.NewQuarantine(b, "b"),
			})
			if err != nil {
				t.Fatal(err)
			}
			_, err = engine.Run(ctx, subscribe.Options{})
			return err
		}
		errKilled := errors.New("killed")
		for kill := range 3 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(20+10*kill)*time.Second)
			b.do = func(context.Context, int) error {
				if ctx.Err() != nil {
					return errKilled // what a dead process would put
				}
				return nil
			}
			if err := run(ctx); err == nil {
				t.Fatal("done before it was killed")
			}
			cancel()
			time.Sleep(2 * time.Minute) // the lease ends
		}
		b.do = nil
		if err := run(t.Context()); err != nil {
			t.Fatal(err)
		}
		got := map[string]int{}
		for _, line := range b.lines(t) {
			e, err := event.Parse([]byte(line))
			if err != nil {
				t.Fatal(err)
			}
			got[e.Subject]++
		}
		for r := range ws.Records(intercomtest.Contacts) {
			if got[r.ID] == 0 {
				t.Fatalf("contact %s was never delivered", r.ID)
			}
		}
		if most := int(time.Since(start)/time.Second)/10 + 5; len(b.objects) > most {
			t.Errorf("%d objects in %v, %d would do", len(b.objects), time.Since(start), most)
		}
		t.Logf("%d contacts in %d objects in %v", len(got), len(b.objects), time.Since(start))
	})
}
