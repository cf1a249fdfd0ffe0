package intercomtest_test

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"intercom-connector/shared/intercom/intercomtest"
)

func TestAudit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ws := intercomtest.New(intercomtest.Config{Latency: time.Second})
		id := ws.ID(intercomtest.Contacts, 3)
		start := time.Now()
		call(t, ws, "PUT", "/contacts/"+id, `{"name":"A","phone":"+1"}`)
		call(t, ws, "PUT", "/contacts/"+id+"?include_merge_history=true", ` { "phone" : "+1", "name" : "A" } `)
		call(t, ws, "PUT", "/contacts/"+id, `{"name":"B"}`)
		_ = send(t.Context(), t, ws, "PUT", "/contacts/nobody", `{"name":"B"}`)
		_ = get(t, ws, "/contacts/"+id)
		call(t, ws, "DELETE", "/contacts/"+id, "")
		log := ws.Writes()
		if len(log) != 4 {
			t.Fatalf("%d writes, want 4: %+v", len(log), log)
		}
		if log[0].Digest != log[1].Digest || log[0].Digest == log[2].Digest || log[3].Digest != "" {
			t.Errorf("digests %q, %q, %q, %q", log[0].Digest, log[1].Digest, log[2].Digest, log[3].Digest)
		}
		want := intercomtest.Write{
			Number: 3, Time: start.Add(2 * time.Second), Operation: "PUT /contacts/{contact_id}", Path: []string{id},
			Digest: log[2].Digest, ID: id, Status: 200, Answered: 200,
		}
		if diff := cmp.Diff(want, log[2]); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		if log[1].Query != "include_merge_history=true" {
			t.Errorf("got the query %q", log[1].Query)
		}
	})
}

func TestMarkers(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{})
	path := "/conversations/" + ws.ID(intercomtest.Conversations, 0) + "/reply"
	reply := func(text string) string {
		return `{"message_type":"note","type":"admin","admin_id":"1","body":"` + text + `"}`
	}
	for _, tt := range []struct{ name, path, body, want string }{
		{"in a text", path, reply("<p>see marker:a-1</p>"), "marker:a-1"},
		{"alone", path, reply("marker:7"), "marker:7"},
		{"in an attribute", "/contacts", `{"role":"lead","name":"x","custom_attributes":{"marker":"m-9"}}`, "m-9"},
		{"deep inside", "/events", `{"event_name":"e","created_at":1,"user_id":"USER","metadata":{"k":"marker:e/1, and more"}}`, "marker:e/1"},
		{"the body", path, reply("<p>Hello</p>"), "Hello"},
		{"none", "/tags", `{"name":"x"}`, ""},
	} {
		if tt.path == "/events" {
			_, _, external := identity(t, ws, "user")
			tt.body = `{"event_name":"e","created_at":1,"user_id":"` + external + `","metadata":{"k":"marker:e/1, and more"}}`
		}
		call(t, ws, "POST", tt.path, tt.body)
		log := ws.Writes()
		if got := log[len(log)-1].Marker; got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
	if got := ws.Marked("marker:7"); len(got) != 1 || got[0].Number != 2 {
		t.Errorf("got %+v", got)
	}
}

func TestAppliedCounts(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{})
	path := "/conversations/" + ws.ID(intercomtest.Conversations, 0) + "/reply"
	one := `{"message_type":"note","type":"admin","admin_id":"1","body":"one"}`
	call(t, ws, "POST", path, one)
	call(t, ws, "POST", path, one)
	call(t, ws, "POST", path, `{"message_type":"note","type":"admin","admin_id":"1","body":"two"}`)
	call(t, ws, "POST", "/conversations/"+ws.ID(intercomtest.Conversations, 1)+"/reply", one)
	counts := map[int]int{}
	for key, n := range ws.Applied() {
		if key.Operation != "POST /conversations/{conversation_id}/reply" {
			t.Errorf("got %+v", key)
		}
		counts[n]++
	}
	if diff := cmp.Diff(map[int]int{2: 1, 1: 2}, counts); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// The audit of many clients at once has every write once, and each client's in
// the order in which it wrote.
func TestAuditOfManyAtOnce(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{IndexLag: time.Millisecond, CreateLag: time.Nanosecond})
	var group sync.WaitGroup
	for client := range 8 {
		group.Go(func() {
			id := ws.ID(intercomtest.Contacts, client)
			for i := range 25 {
				if r := send(t.Context(), t, ws, "PUT", "/contacts/"+id, fmt.Sprintf(`{"name":"marker:%d"}`, i)); r.Status != 200 {
					t.Errorf("got %d", r.Status)
				}
				_ = post(t, ws, "/contacts", fmt.Sprintf(`{"email":"c%d-%d@example.com"}`, client, i))
				_ = post(t, ws, "/tags", fmt.Sprintf(`{"name":"t%d","users":[{"id":%q}]}`, i, id))
				_ = get(t, ws, "/contacts/"+id)
				_ = get(t, ws, "/contacts/"+id+"/tags")
				_ = post(t, ws, "/contacts/search", `{"query":`+everything+`}`)
				_ = post(t, ws, "/conversations/"+ws.ID(intercomtest.Conversations, 0)+"/reply", `{"message_type":"note","type":"admin","admin_id":"1","body":"b"}`)
				_ = get(t, ws, "/conversations/"+ws.ID(intercomtest.Conversations, 0))
			}
		})
	}
	group.Wait()
	next := map[string]int{}
	log := ws.Writes()
	for i, w := range log {
		if w.Number != i+1 {
			t.Fatalf("number %d at %d", w.Number, i)
		}
		if w.Operation != "PUT /contacts/{contact_id}" {
			continue
		}
		if want := fmt.Sprintf("marker:%d", next[w.Path[0]]); w.Marker != want {
			t.Fatalf("%s: got %q, want %q", w.Path[0], w.Marker, want)
		}
		next[w.Path[0]]++
	}
	if len(log) != 8*25*4 || len(next) != 8 {
		t.Errorf("%d writes of %d contacts", len(log), len(next))
	}
}

func BenchmarkUpdateContact(b *testing.B) {
	ws := intercomtest.New(intercomtest.Config{Contacts: 20_000})
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		req := newRequest(b.Context(), b, "PUT", "/contacts/"+ws.ID(intercomtest.Contacts, i%20_000), `{"name":"A","custom_attributes":{"plan":"team"}}`)
		if r := do(ws, req); r.Status != 200 {
			b.Fatalf("got %d", r.Status)
		}
	}
}
