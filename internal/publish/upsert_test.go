package publish_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"intercom-connector/internal/publish"
)

const (
	exists   = "A contact matching those details already exists with id=5f7f0d21"
	archived = "An archived contact matching those details already exists with id=5f7f0d21"
)

// A creation that meets a contact becomes an update of it.
func TestUpsert(t *testing.T) {
	t.Parallel()
	payload := `{"email":"ada@example.com","name":"Ada"}`
	create, update := "POST /contacts "+payload, "PUT /contacts/5f7f0d21 "+payload
	unarchive := "POST /contacts/5f7f0d21/unarchive"
	for _, tt := range []struct {
		name    string
		replies []reply
		want    publish.Outcome
		reason  string
		sent    []string
	}{
		{"new", []reply{ok(`{"id":"5f7f0d21"}`)}, publish.Done, "", []string{create}},
		{"exists", []reply{refusal(409, "conflict", exists), ok(`{}`)}, publish.Done, "", []string{create, update}},
		{"archived", []reply{refusal(409, "conflict", archived), ok(`{}`), ok(`{}`)}, publish.Done, "", []string{create, unarchive, update}},
		{"unarchived by somebody else", []reply{refusal(409, "conflict", archived), refusal(400, "x", "x"), ok(`{}`)}, publish.Done, "", []string{create, unarchive, update}},
		{"the creation's answer is lost", []reply{errCut, refusal(409, "conflict", exists), ok(`{}`)}, publish.Done, "", []string{create, create, update}},
		{"the update's answer is lost", []reply{refusal(409, "conflict", exists), errCut, refusal(409, "conflict", exists), ok(`{}`)}, publish.Done, "", []string{create, update, create, update}},
		{"deleted meanwhile", []reply{refusal(409, "conflict", exists), refusal(404, "not_found", "x"), ok(`{}`)}, publish.Done, "", []string{create, update, create}},
		{"archived meanwhile", []reply{refusal(409, "conflict", exists), refusal(404, "not_found", "x"), refusal(409, "conflict", archived), ok(`{}`), ok(`{}`)}, publish.Done, "", []string{create, update, create, unarchive, update}},
		{"merged meanwhile", []reply{refusal(409, "conflict", exists), refusal(410, "contact_merged", "x").with("Link", `</contacts/c2>; rel=canonical`), ok(`{}`)}, publish.Done, "", []string{create, update, "PUT /contacts/c2 " + payload}},
		{"the limit in between", []reply{refusal(409, "conflict", exists), refusal(429, "rate_limit_exceeded", "x"), refusal(409, "conflict", exists), ok(`{}`)}, publish.Done, "", []string{create, update, create, update}},
		{"details of two contacts", []reply{refusal(409, "conflict", exists), refusal(409, "conflict", "A contact matching those details already exists with id=c9")}, publish.Dead, "more than one contact", []string{create, update}},
		{"refused update", []reply{refusal(409, "conflict", exists), refusal(400, "parameter_invalid", "x")}, publish.Dead, "parameter_invalid", []string{create, update}},
		{"no id in the conflict", []reply{refusal(409, "conflict", "exists")}, publish.Dead, "409", []string{create}},
		{"the token in between", []reply{refusal(409, "conflict", exists), refusal(401, "token_revoked", "x")}, publish.Paused, "token_revoked", []string{create, update}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, script(tt.replies...), "POST", "contacts")
				b.order.OnConflict = "update"
				p := b.publisher(t)
				d := msg("m1", `{"payload":`+payload+`}`)
				got := p.Publish(t.Context(), d)
				if got.Outcome != tt.want || !strings.Contains(got.Reason, tt.reason) {
					t.Errorf("got %s: %s", got.Outcome, got.Reason)
				}
				if tt.sent != nil {
					if diff := cmp.Diff(tt.sent, b.server.requests()); diff != "" {
						t.Errorf("requests (-want +got):\n%s", diff)
					}
				}
			})
		})
	}
}

// A contacts is a fake workspace with one rule: one contact an address.
type contacts struct {
	mu      sync.Mutex
	made    int
	updated int
}

func (c *contacts) answer(_ int, request, _ string) reply {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case strings.HasPrefix(request, "POST /contacts") && c.made > 0:
		return refusal(409, "conflict", exists)
	case strings.HasPrefix(request, "POST /contacts"):
		c.made++
		r := ok(`{"id":"5f7f0d21"}`)
		r.delay = 50 * time.Millisecond
		return r
	default:
		c.updated++
		return ok(`{"id":"5f7f0d21"}`)
	}
}

// Two workers with the same address end with one contact.
func TestUpsertRace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		world := &contacts{}
		b := newBench(t, &server{answer: world.answer}, "POST", "contacts")
		b.order.OnConflict = "update"
		var group sync.WaitGroup
		for i := range 2 {
			p := b.publisher(t)
			group.Go(func() {
				r := p.Publish(t.Context(), msg(fmt.Sprint("m", i), `{"payload":{"email":"ada@example.com"}}`))
				if r.Outcome != publish.Done {
					t.Errorf("got %s: %s", r.Outcome, r.Reason)
				}
			})
		}
		group.Wait()
		if world.made != 1 || world.updated != 1 || b.letters.len() != 0 {
			t.Errorf("%d made, %d updated, %d dead letters", world.made, world.updated, b.letters.len())
		}
	})
}

// What is done about a custom attribute that does not exist.
func TestUnknownAttributes(t *testing.T) {
	t.Parallel()
	missing := func(name string) reply {
		return refusal(400, "parameter_invalid", "Custom attribute '"+name+"' does not exist")
	}
	put := func(attributes string) string {
		return `PUT /contacts/c1 {"custom_attributes":` + attributes + `}`
	}
	attribute := func(name, kind string) string {
		return `POST /data_attributes {"data_type":"` + kind + `","model":"contact","name":"` + name + `"}`
	}
	for _, tt := range []struct {
		name, mode, attributes string
		replies                []reply
		want                   publish.Outcome
		reason                 string
		sent                   []string
	}{
		{"dead", "", `{"plan":"pro"}`, []reply{missing("plan")}, publish.Dead, `unknown custom attribute "plan": make it`, []string{put(`{"plan":"pro"}`)}},
		{"another spelling", "", `{"plan":"pro"}`, []reply{refusal(422, "parameter_invalid", `custom attribute named "plan" does not exist`)}, publish.Dead, `attribute "plan"`, nil},
		{"dropped", "drop", `{"a":1,"plan":"pro"}`, []reply{missing("plan"), ok(`{}`)}, publish.Done, "", []string{put(`{"a":1,"plan":"pro"}`), put(`{"a":1}`)}},
		{"two dropped", "drop", `{"a":1,"b":2,"c":3}`, []reply{missing("a"), missing("c"), ok(`{}`)}, publish.Done, "", []string{put(`{"a":1,"b":2,"c":3}`), put(`{"b":2,"c":3}`), put(`{"b":2}`)}},
		{"a string", "create", `{"plan":"pro"}`, []reply{missing("plan"), ok(`{}`), ok(`{}`)}, publish.Done, "", []string{put(`{"plan":"pro"}`), attribute("plan", "string"), put(`{"plan":"pro"}`)}},
		{"an integer", "create", `{"n":1700000000}`, []reply{missing("n"), ok(`{}`), ok(`{}`)}, publish.Done, "", []string{put(`{"n":1700000000}`), attribute("n", "integer"), put(`{"n":1700000000}`)}},
		{"a float", "create", `{"n":1.5}`, []reply{missing("n"), ok(`{}`), ok(`{}`)}, publish.Done, "", []string{put(`{"n":1.5}`), attribute("n", "float"), put(`{"n":1.5}`)}},
		{"a boolean", "create", `{"n":false}`, []reply{missing("n"), ok(`{}`), ok(`{}`)}, publish.Done, "", []string{put(`{"n":false}`), attribute("n", "boolean"), put(`{"n":false}`)}},
		{"a null tells no type", "create", `{"n":null}`, []reply{missing("n")}, publish.Dead, "does not tell its type", nil},
		{"made by another worker", "create", `{"n":"x"}`, []reply{missing("n"), refusal(400, "parameter_invalid", "You already have 'n' in your contact data. To save this as new people data, use a different name."), ok(`{}`)}, publish.Done, "", nil},
		{"must not be made", "create", `{"n":"x"}`, []reply{missing("n"), refusal(403, "forbidden", "x")}, publish.Dead, "cannot be created", nil},
		{"its answer is lost", "create", `{"n":"x"}`, []reply{missing("n"), errCut, ok(`{}`)}, publish.Done, "", nil},
		{"not known everywhere yet", "create", `{"n":"x"}`, []reply{missing("n"), ok(`{}`), missing("n"), ok(`{}`)}, publish.Done, "", nil},
		{"not in the message", "create", `{"n":"x"}`, []reply{missing("other")}, publish.Dead, "not among the custom_attributes", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, script(tt.replies...), "PUT", "contacts/{contact_id}")
				b.order.UnknownAttributes = tt.mode
				p := b.publisher(t)
				d := msg("m1", `{"path":{"contact_id":"c1"},"payload":{"custom_attributes":`+tt.attributes+`}}`)
				got := p.Publish(t.Context(), d)
				if got.Outcome != tt.want || !strings.Contains(got.Reason, tt.reason) {
					t.Errorf("got %s: %s, want %s: %s", got.Outcome, got.Reason, tt.want, tt.reason)
				}
				if tt.sent != nil {
					if diff := cmp.Diff(tt.sent, b.server.requests()); diff != "" {
						t.Errorf("requests (-want +got):\n%s", diff)
					}
				}
			})
		})
	}
}

// A refused 404 is believed, unless the contact was made less than a minute ago.
func TestYoungContact(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, method, entity, message string
		age                           time.Duration
		want                          publish.Outcome
	}{
		{"in the path", "POST", "contacts/{contact_id}/tags", `{"path":{"contact_id":"c1"},"payload":{"id":"1"}}`, 0, publish.Done},
		{"in the payload", "POST", "messages", `{"payload":{"from":{"type":"admin","id":"1"},"to":{"type":"user","id":"c1"},"body":"x","message_type":"inapp"}}`, 0, publish.Done},
		{"by its e-mail address", "POST", "events", `{"payload":{"event_name":"e","email":"ada@example.com","created_at":1700000000}}`, 0, publish.Done},
		{"another contact", "POST", "contacts/{contact_id}/tags", `{"path":{"contact_id":"c2"},"payload":{"id":"1"}}`, 0, publish.Dead},
		{"after a minute", "POST", "contacts/{contact_id}/tags", `{"path":{"contact_id":"c1"},"payload":{"id":"1"}}`, 61 * time.Second, publish.Dead},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, script(ok(`{"id":"c1","email":"ada@example.com"}`), refusal(404, "not_found", "User Not Found"), ok(`{}`)), "POST", "contacts")
				if r := b.publisher(t).Publish(t.Context(), msg("m1", contact)); r.Outcome != publish.Done {
					t.Fatal(r.Reason)
				}
				time.Sleep(tt.age)
				b.order = order(t, tt.method, tt.entity)
				if got := b.publisher(t).Publish(t.Context(), msg("m2", tt.message)); got.Outcome != tt.want {
					t.Errorf("got %s: %s", got.Outcome, got.Reason)
				}
			})
		})
	}
}
