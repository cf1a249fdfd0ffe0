package intercomtest_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"intercom-connector/shared/intercom"
	"intercom-connector/shared/intercom/intercomtest"
)

// A workspace with nothing in it answers too: with empty lists and 404s.
func TestEmptyWorkspace(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{
		Contacts: -1, Conversations: -1, Tickets: -1, Companies: -1, Articles: -1,
		Collections: -1, Macros: -1, ActivityLogs: -1, Executions: -1, Others: -1,
	})
	for _, op := range intercom.Operations() {
		if op.Kind != intercom.Read {
			continue
		}
		req := ws.Example(op)
		r := send(t.Context(), t, ws, op.Method, target(req), string(req.Payload))
		if r.Err != nil || r.Status >= 400 && r.Status != 404 || r.Status == 404 && len(req.Path) == 0 && op.Path != "/events" {
			t.Errorf("%s %s: %d (%v)\n%s", op.Method, op.Path, r.Status, r.Err, r.Body)
		}
	}
	if id := ws.Create(intercomtest.Contacts); get(t, ws, "/contacts/"+id).Status != 200 {
		t.Error("the first contact cannot be read")
	}
}

// Readers and writers at the same time: what the race detector is for.
func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{IndexLag: time.Millisecond, Limit: 100_000})
	ws.OnRequest(func(n int) { ws.Touch(intercomtest.Contacts, ws.ID(intercomtest.Contacts, n%100)) })
	ws.Fault(intercomtest.Fault{Probability: 0.1, Effect: intercomtest.RepeatCursor()})
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for range 10 {
				for _, path := range []string{"/contacts", "/conversations", "/companies/scroll", "/articles", "/me"} {
					_ = get(t, ws, path)
				}
				if r := post(t, ws, "/contacts/search", `{"query":`+everything+`}`); r.Status != 200 {
					t.Errorf("got %d", r.Status)
				}
				if i == 0 {
					ws.Bulk(intercomtest.Contacts, 20, time.Now())
					_ = ws.Create(intercomtest.Conversations)
					ws.Spend(1)
					_ = ws.Stats()
				}
			}
		})
	}
	group.Wait()
	if got := ws.Stats().Requests; got != 480 {
		t.Errorf("%d requests, want 480", got)
	}
}

func TestShapesOfTheRest(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{Region: "EU"})
	user := "" // the first contact that is not a lead
	for r := range ws.Records(intercomtest.Contacts) {
		if strings.Contains(string(r.JSON), `"role":"user"`) {
			user = r.ID
			break
		}
	}
	ws.Merge(ws.ID(intercomtest.Contacts, 90), user)
	var known struct{ Email string }
	if r, _ := ws.Record(intercomtest.Contacts, ws.ID(intercomtest.Contacts, 31)); json.Unmarshal(r.JSON, &known) != nil {
		t.Fatal("no address")
	}
	email := url.QueryEscape(known.Email)
	busy := ws.ID(intercomtest.Conversations, 39)
	for _, tt := range []struct{ name, path, want string }{
		{"merge history on demand", "/contacts/" + user + "?include_merge_history=true", `"merge_history":[{"type":"merge_history","source_contact_id":"` + ws.ID(intercomtest.Contacts, 90)},
		{"merge history in lists", "/contacts?per_page=150&include_merge_history=true", `"source_contact_role":"lead"`},
		{"events in numbers", "/events?type=user&user_id=user-31&summary=true", `"name":"event-0"`},
		{"events by address", "/events?type=user&email=" + email, ws.ID(intercomtest.Contacts, 31)},
		{"side conversations", "/conversations/" + busy + "/side_conversations?page=2", `"total_pages":2`},
		{"handling events", "/conversations/" + busy + "/handling_events", `"type":"resumed"`},
		{"object by its external id", "/custom_object_instances/Order?external_id=order_7", `"id":"1008"`},
		{"regional URLs", "/custom_object_instances/Order", `"next":"https://api.eu.intercom.io/custom_object_instances/Order?`},
		{"an article's statistics", "/articles/" + ws.ID(intercomtest.Articles, 3), `"statistics":{`},
		{"an export's URL", "/export/content/data/j1", `https://api.eu.intercom.io/download/content/data/j1`},
		{"ids that are numbers", "/conversations/attributes/1003", `"id":1003`},
		{"an executed connector", "/data_connectors/1001/execution_results?start_ts=1&success=false", `"success":false`},
		{"macros since a date", "/macros?updated_since=2000-01-01T00:00:00Z", `"type":"macro"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if r := get(t, ws, tt.path); r.Status != 200 || !strings.Contains(string(r.Body), tt.want) {
				t.Errorf("got %d, without %s\n%.3000s", r.Status, tt.want, r.Body)
			}
		})
	}
	t.Run("a URL leads elsewhere", func(t *testing.T) {
		t.Parallel()
		ws := intercomtest.New(intercomtest.Config{})
		ws.Fault(intercomtest.Fault{Effect: intercomtest.ForeignNext()})
		e := decode[envelope](t, get(t, ws, "/ai/external_pages"))
		if want := "https://" + intercomtest.ForeignHost + "/ai/external_pages?page=2&per_page=50"; e.nextURL() != want {
			t.Errorf("got %s, want %s", e.nextURL(), want)
		}
		if r := get(t, ws, e.nextURL()); r.Status != 404 || ws.Stats().Leaks != 1 {
			t.Errorf("got %d, %d leaks", r.Status, ws.Stats().Leaks)
		}
	})
}
