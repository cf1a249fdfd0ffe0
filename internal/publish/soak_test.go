package publish_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"intercom-connector/internal/config"
	"intercom-connector/internal/publish"
	"intercom-connector/internal/state/memstate"
	"intercom-connector/shared/intercom"
	"intercom-connector/shared/intercom/intercomtest"
)

// A mortal process has a network that ends with it.
type mortal struct {
	http.RoundTripper

	crash *crashing
}

func (m *mortal) RoundTrip(r *http.Request) (*http.Response, error) {
	if !m.crash.step() {
		return nil, errCrash
	}
	resp, err := m.RoundTripper.RoundTrip(r)
	if err == nil && !m.crash.step() {
		_ = resp.Body.Close()
		return nil, errCrash
	}
	return resp, err
}

// Messages go through faults before and after the write and through processes
// that die at any step, until all of them are settled: none that must not be
// repeated is applied twice, those that are done are applied, the order within
// a group is kept, and every one is accounted for.
func TestSoak(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, method, entity string
		unknown              bool // some outcomes stay unknown
		message              func(group string, n int) string
	}{
		{"notes", "POST", "contacts/{contact_id}/notes", false, func(group string, n int) string {
			return fmt.Sprintf(`{"group":%q,"path":{"contact_id":%q},"payload":{"body":"marker:%d"}}`, group, group, n)
		}},
		{"articles", "POST", "articles", true, func(group string, n int) string {
			return fmt.Sprintf(`{"group":%q,"payload":{"title":"marker:%d","author_id":1}}`, group, n)
		}},
		{"upserts", "POST", "contacts", false, func(group string, n int) string {
			return fmt.Sprintf(`{"group":%q,"payload":{"external_id":"new-%s","role":"user","name":"marker:%d"}}`, group, group, n)
		}},
		{"updates", "PUT", "contacts/{contact_id}", false, func(group string, n int) string {
			return fmt.Sprintf(`{"group":%q,"path":{"contact_id":%q},"payload":{"name":"marker:%d"}}`, group, group, n)
		}},
	} {
		for seed := range uint64(4) {
			t.Run(fmt.Sprintf("%s, seed %d", tt.name, seed), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					o := order(t, tt.method, tt.entity)
					if tt.name == "upserts" {
						o.OnConflict = "update"
					}
					soak(t, o, seed, tt.unknown, tt.message)
				})
			})
		}
	}
}

func soak(t *testing.T, o *config.Publisher, seed uint64, unknowable bool, message func(string, int) string) {
	t.Helper()
	const n, groups = 300, 30
	random := rand.New(rand.NewPCG(seed, 1))
	ws := intercomtest.New(intercomtest.Config{Seed: seed, Latency: 100 * time.Millisecond, Limit: 500, Contacts: groups})
	for i, effect := range []intercomtest.Effect{intercomtest.ServerError(), intercomtest.HTML(502), intercomtest.Reset()} {
		for _, after := range []bool{false, true} {
			ws.Fault(intercomtest.Fault{Method: o.Method, Path: o.Operation.Path, First: 1 + i, Probability: 0.03, After: after, Effect: effect})
		}
	}
	ws.Fault(intercomtest.Fault{Method: http.MethodGet, Probability: 0.1, Effect: intercomtest.ServerError()})
	store, kept := &memstate.Store{}, &letters{}
	outcomes := map[string]publish.Outcome{}
	var lines []publish.Delivery
	for i := range n {
		group := ws.ID(intercomtest.Contacts, i%groups)
		lines = append(lines, publish.Delivery{ID: fmt.Sprintf("line-%d", i), Body: []byte(message(group, i)), Sent: time.Now()})
	}
	lives := 0
	for ; len(outcomes) < n && lives < 200; lives++ {
		ctx, cancel := context.WithCancel(t.Context())
		crash := &crashing{Store: store, left: 100 + random.IntN(1_000)}
		if lives > 20 {
			crash.left = -1
		}
		api, err := intercom.New(intercom.Config{Token: intercom.StaticToken(token), Transport: &mortal{ws, crash}})
		if err != nil {
			t.Fatal(err)
		}
		p, err := publish.New(publish.Config{
			Publisher: o, Client: &config.Client{Name: "main"}, API: api, Workspace: "w",
			Store: crash, DeadLetters: kept, Owner: "laptop", Random: random.Float64,
		})
		if err != nil {
			t.Fatal(err)
		}
		var watch sync.WaitGroup
		watch.Go(func() { // whoever is dead does not go on
			for ctx.Err() == nil {
				if !crash.alive() {
					cancel()
				}
				time.Sleep(10 * time.Millisecond)
			}
		})
		deliveries := func(yield func(publish.Delivery, error) bool) {
			for _, d := range lines {
				if outcomes[d.ID] == "" && !yield(d, nil) {
					return
				}
			}
		}
		pending := map[string]publish.Outcome{}
		err = p.Stream(ctx, deliveries, func(r publish.Result, d publish.Delivery) error {
			if crash.alive() {
				pending[d.ID] = r.Outcome
			}
			return nil
		})
		dead := ctx.Err() != nil
		cancel()
		watch.Wait()
		maps.Copy(outcomes, pending)
		if err != nil && !dead {
			t.Fatal(err)
		}
	}
	if !unknowable {
		for _, l := range kept.all {
			t.Errorf("%s: %s", l.ID, l.Reason)
		}
	}
	check(t, o, ws, outcomes, n, groups, unknowable)
	t.Logf("%d lives, %d writes, %d dead letters", lives, len(ws.Writes()), kept.len())
}

// check compares what was reported with what was applied.
func check(t *testing.T, o *config.Publisher, ws *intercomtest.Workspace, outcomes map[string]publish.Outcome, n, groups int, unknowable bool) {
	t.Helper()
	applied, last := map[int]int{}, map[int]int{}
	for _, w := range ws.Writes() {
		var number int
		if _, err := fmt.Sscanf(strings.TrimPrefix(w.Marker, "marker:"), "%d", &number); err != nil {
			t.Fatalf("a write that nobody ordered: %+v", w)
		}
		if applied[number]++; number < last[number%groups] {
			t.Errorf("message %d was applied after %d", number, last[number%groups])
		}
		last[number%groups] = number
	}
	unknown := 0
	for i := range n {
		switch outcome := outcomes[fmt.Sprintf("line-%d", i)]; {
		case outcome == publish.Done && applied[i] == 0:
			t.Errorf("message %d is done and was not applied", i)
		case outcome == publish.Unknown && unknowable:
			unknown++
		case outcome != publish.Done:
			t.Errorf("message %d is %q", i, outcome)
		}
		if applied[i] > 1 && o.Method == http.MethodPost && o.OnConflict == "" {
			t.Errorf("message %d was applied %d times", i, applied[i])
		}
	}
	if unknowable && unknown == 0 {
		t.Error("nothing was lost: the test tests nothing")
	}
}
