package publish_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"intercom-connector/internal/pause"
	"intercom-connector/internal/publish"
)

// inGroup is an update of one contact by its group.
func inGroup(id, group, name string) publish.Delivery {
	return msg(id, fmt.Sprintf(`{"group":%q,"path":{"contact_id":%q},"payload":{"name":%q}}`, group, group, name))
}

// Groups go side by side, in order within; what has to wait holds its group and
// no other, what is dead holds nobody.
func TestBatchGroups(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, &server{answer: func(_ int, _, body string) reply {
			switch {
			case strings.Contains(body, "fail"):
				return refusal(503, "service_unavailable", "x")
			case strings.Contains(body, "bad"):
				return refusal(422, "x", "x")
			}
			r := ok(`{}`)
			r.delay = 100 * time.Millisecond
			return r
		}}, "PUT", "contacts/{contact_id}")
		deliveries := []publish.Delivery{
			inGroup("a1", "a", "fail"), inGroup("b1", "b", "1"), inGroup("a2", "a", "2"), inGroup("b2", "b", "bad"),
			inGroup("b3", "b", "3"), inGroup("c1", "", "x"), inGroup("a3", "a", "3"),
		}
		deliveries[5].Body = []byte(`{"path":{"contact_id":"c"},"payload":{"name":"x"}}`)
		results := b.publisher(t).Batch(t.Context(), deliveries)
		var got []string
		for _, r := range results {
			got = append(got, r.ID+" "+r.Group+" "+string(r.Outcome))
		}
		want := []string{"a1 a retry", "b1 b done", "a2 a retry", "b2 b dead", "b3 b done", "c1  done", "a3 a retry"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("results (-want +got):\n%s", diff)
		}
		if results[2].Requests != 0 || !strings.HasPrefix(results[2].Reason, "waits for") || results[2].After != results[0].After {
			t.Errorf("the rest of the group: %+v", results[2])
		}
		var b3, b1 int
		for i, r := range b.server.requests() {
			if strings.HasPrefix(r, "PUT /contacts/b") && strings.Contains(r, `"1"`) {
				b1 = i
			}
			if strings.HasPrefix(r, "PUT /contacts/b") && strings.Contains(r, `"3"`) {
				b3 = i
			}
		}
		if b1 > b3 {
			t.Error("the order within a group is not kept")
		}
	})
}

// A revoked token stops everything, and nothing is counted as tried.
func TestBatchPaused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, &server{answer: func(int, string, string) reply {
			return refusal(401, "token_revoked", "Access Token Revoked")
		}}, "PUT", "contacts/{contact_id}")
		p := b.publisher(t)
		var deliveries []publish.Delivery
		for i := range 500 {
			deliveries = append(deliveries, inGroup(fmt.Sprint(i), fmt.Sprint(i%250), "x"))
		}
		for _, r := range p.Batch(t.Context(), deliveries) {
			if r.Outcome != publish.Paused || r.After != 15*time.Minute || !strings.Contains(r.Reason, "token_revoked") {
				t.Fatalf("got %+v", r)
			}
		}
		sent := len(b.server.requests())
		if sent > 128 { // as many are worked on at the same time
			t.Errorf("%d requests with a token that is revoked", sent)
		}
		if r := p.Publish(t.Context(), deliveries[0]); r.Outcome != publish.Paused || len(b.server.requests()) != sent {
			t.Errorf("got %+v", r)
		}
		if b.letters.len() != 0 {
			t.Errorf("%d dead letters", b.letters.len())
		}
		if err := pause.Resume(t.Context(), b.store, "main", ""); err != nil {
			t.Fatal(err)
		}
		b.server.answer = func(int, string, string) reply { return ok(`{}`) }
		if r := p.Publish(t.Context(), deliveries[0]); r.Outcome != publish.Done {
			t.Errorf("got %+v", r)
		}
	})
}

// What the time does not suffice for is not begun.
func TestBatchDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, &server{answer: func(int, string, string) reply {
			r := ok(`{}`)
			r.delay = time.Second
			return r
		}}, "POST", "contacts/{contact_id}/notes")
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		var deliveries []publish.Delivery
		for i := range 30 {
			d := msg(fmt.Sprint(i), noteBody)
			d.Group = "g"
			deliveries = append(deliveries, d)
		}
		outcomes := map[publish.Outcome]int{}
		for _, r := range b.publisher(t).Batch(ctx, deliveries) {
			outcomes[r.Outcome]++
		}
		if outcomes[publish.Done] < 7 || outcomes[publish.Done]+outcomes[publish.Retry] != 30 || len(b.server.requests()) != outcomes[publish.Done] {
			t.Errorf("%v, %d requests", outcomes, len(b.server.requests()))
		}
	})
}

// What nobody had the time to try is not given up, however long it has waited.
func TestBatchWithoutTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, script(), "PUT", "contacts/{contact_id}")
		d := msg("m1", putContact)
		d.Sent, d.Tries = d.Sent.Add(-48*time.Hour), 30
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		got := b.publisher(t).Batch(ctx, []publish.Delivery{d})[0]
		if got.Outcome != publish.Retry || got.After <= 0 || b.letters.len() > 0 {
			t.Errorf("got %+v, %d dead letters", got, b.letters.len())
		}
	})
}
