package blackbox_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"intercom-connector/test/blackbox/mock"
)

// A gate lets a number of writes through and then has another answer.
type gate struct {
	ws     *mock.Workspace
	left   atomic.Int64
	answer func(http.ResponseWriter)
	closed atomic.Int64 // requests that found it closed
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && g.left.Add(-1) < 0 {
		g.closed.Add(1)
		g.answer(w)
		return
	}
	g.ws.ServeHTTP(w, r)
}

// refusal is an answer that is an error list.
func refusal(status int, code string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"type":"error.list","request_id":"r1","errors":[{"code":"%s","message":"no"}]}`, code)
	}
}

// Where nothing can be sent in the middle of a file, nothing is counted as
// tried; after resume the file goes on, and each message is applied once.
func TestPausedInTheMiddle(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		status int
		code   string
	}{
		{401, "token_revoked"}, {401, "unauthorized"}, {401, "token_expired"}, {402, "payment_required"}, {423, "locked"},
	} {
		t.Run(fmt.Sprint(tt.status, " ", tt.code), func(t *testing.T) {
			t.Parallel()
			ws := amsterdam(t)
			ws.Fill("contacts", 20, time.Hour)
			ws.Latency = 10 * time.Millisecond
			g := &gate{ws: ws, answer: refusal(tt.status, tt.code)}
			g.left.Store(50)
			d := newDesk(t, writes(serve(t, g), noting+updating))
			ids := ws.IDs("contacts")
			var messages []any
			const n = 120
			for i := range n {
				messages = append(messages, noteTo(ids[i%len(ids)], i))
			}
			d.putMessages("m.ndjson", messages...)
			d.putMessages("u.ndjson", updateOf(ids[0], n))

			p, r := d.publish("note", "m.ndjson")
			p.accounted(t, n)
			if r.status != 1 || p.Outcome != "paused" || p.Paused != n-50 || p.Done != 50 {
				t.Errorf("want 50 done and the rest paused: %v", r)
			}
			if !contains(r.stderr, "resume") && !contains(r.stderr, "INTERCOM_TOKEN") {
				t.Errorf("it does not say what to do: %s", r.stderr)
			}
			if got := g.closed.Load(); got > 64 {
				t.Errorf("%d requests after the first refusal", got)
			}
			// While it is paused nothing is sent, by no publisher of the client.
			before := g.closed.Load()
			if r := d.call("publish", "update", "u.ndjson"); r.status != 1 {
				t.Errorf("another publisher of the client: %v", r)
			}
			if got := g.closed.Load() - before; got > 1 {
				t.Errorf("%d writes while it was paused", got)
			}
			if all := d.letters(""); len(all) > 0 {
				t.Errorf("dead letters: %+v", all)
			}
			g.left.Store(1 << 30)
			d.must("resume", "note")
			d.published("note", n, "m.ndjson")
			exactly(t, ws.Writes(), n)
			d.published("update", 1, "u.ndjson")
		})
	}
}

// Two publications of one file at once: one does the work, the other steps
// back or finds it done, and each message is applied once.
func TestTwoPublicationsAtOnce(t *testing.T) {
	t.Parallel()
	ws := amsterdam(t)
	ws.Fill("contacts", 50, time.Hour)
	ws.Latency = 50 * time.Millisecond
	d := newDesk(t, writes(serve(t, ws), noting))
	ids := ws.IDs("contacts")
	var messages []any
	const n = 300
	for i := range n {
		messages = append(messages, noteTo(ids[i%len(ids)], i))
	}
	d.putMessages("m.ndjson", messages...)
	d.putMessages("copy.ndjson", messages...)
	results := make([]result, 3)
	var wg sync.WaitGroup
	for i, file := range []string{"m.ndjson", "m.ndjson", "copy.ndjson"} {
		wg.Go(func() { results[i] = d.call("publish", "note", file) })
	}
	wg.Wait()
	done := 0
	for _, r := range results {
		if r.status == 0 {
			done++
		} else if r.status != 1 || !contains(strings.ToLower(r.stderr), "publishing with note") {
			t.Errorf("neither done nor stepped back: %v", r)
		}
	}
	if done == 0 {
		t.Errorf("nobody did the work: %v", results)
	}
	d.published("note", n, "m.ndjson")
	exactly(t, ws.Writes(), n)
}

// Two publishers race on the same e-mail addresses, some of them taken, some of
// an archived contact: each ends as one contact, and no message is dead.
func TestTwoUpsertsRace(t *testing.T) {
	t.Parallel()
	ws := amsterdam(t)
	ws.Latency = 5 * time.Millisecond
	const n = 60
	for i := range n / 3 {
		ws.Put("contacts", time.Now(), time.Now(), map[string]any{
			"type": "contact", "email": fmt.Sprintf("%s@example.org", marker(i)), "archived": i%2 == 0,
		})
	}
	d := newDesk(t, writes(serve(t, ws), upserting+strings.Replace(upserting, "upsert", "second", 1)))
	for _, name := range []string{"upsert", "second"} {
		var messages []any
		for i := range n {
			messages = append(messages, map[string]any{"payload": map[string]any{
				"role": "user", "email": fmt.Sprintf("%s@example.org", marker(i)), name: i, // who was there shows
			}})
		}
		d.putMessages(name+".ndjson", messages...)
	}
	var wg sync.WaitGroup
	for _, name := range []string{"upsert", "second"} {
		wg.Go(func() { d.published(name, n, name+".ndjson") })
	}
	wg.Wait()
	contacts := ws.Records("contacts")
	if len(contacts) != n {
		t.Errorf("%d contacts of %d e-mail addresses", len(contacts), n)
	}
	for id, c := range contacts {
		if !contains(c, `"upsert":`) || !contains(c, `"second":`) || contains(c, `"archived":true`) {
			t.Errorf("contact %s lacks what was sent: %s", id, c)
		}
	}
	if all := d.letters(""); len(all) > 0 {
		t.Errorf("dead letters: %+v", all)
	}
}

// A creation whose answer was lost is not done twice, and the conflict that
// follows from trying again is not taken for a refusal.
func TestCreationsWithLostAnswers(t *testing.T) {
	t.Parallel()
	ws := amsterdam(t)
	lose := mock.Faults()
	ws.Fault = func(n int, r *http.Request) mock.Fault {
		if r.Method == http.MethodPost && r.URL.Path == "/contacts" && n%3 == 0 {
			return lose[n/3%len(lose)]
		}
		return mock.None
	}
	d := newDesk(t, writes(serve(t, ws), upserting))
	var messages []any
	const n = 60
	for i := range n {
		messages = append(messages, map[string]any{"payload": map[string]any{"email": fmt.Sprintf("%s@example.org", marker(i))}})
	}
	d.putMessages("m.ndjson", messages...)
	d.published("upsert", n, "m.ndjson")
	if got := len(ws.Records("contacts")); got != n {
		t.Errorf("%d contacts, want %d", got, n)
	}
}

// A conflict whose answer is cut off does not say which contact it is: it is
// asked again, and not dead.
func TestConflictIsCutOff(t *testing.T) {
	t.Parallel()
	ws := amsterdam(t)
	ws.Put("contacts", time.Now(), time.Now(), map[string]any{"type": "contact", "email": "a@example.org"})
	cut := false
	ws.Fault = func(_ int, r *http.Request) mock.Fault {
		if r.Method == http.MethodPost && !cut {
			cut = true
			return mock.CutBody
		}
		return mock.None
	}
	d := newDesk(t, writes(serve(t, ws), upserting))
	d.putMessages("m.ndjson", map[string]any{"payload": map[string]any{"email": "a@example.org", "name": "Ana"}})
	d.published("upsert", 1, "m.ndjson")
	if all := ws.Writes(); len(all) != 1 || all[0].Method != http.MethodPut {
		t.Errorf("applied %v, want one PUT", all)
	}
}

// A dead letter is shown, mended in Intercom, sent again under its own id, and
// gone; what was done is not sent again.
func TestDeadLetterIsRetried(t *testing.T) {
	t.Parallel()
	ws := amsterdam(t)
	ws.Fill("contacts", 3, time.Hour)
	d := newDesk(t, writes(serve(t, ws), noting+creating+`
  attribute: {client: main, method: POST, entity: data_attributes}
`))
	d.putMessages("m.ndjson",
		map[string]any{"group": "g", "payload": map[string]any{"email": marker(0) + "@example.org"}},
		map[string]any{"id": "order-7", "group": "g", "payload": map[string]any{"email": marker(1) + "@example.org", "custom_attributes": map[string]any{"shoe size": 45}}},
		map[string]any{"group": "g", "payload": map[string]any{"email": marker(0) + "@example.org", "name": "again"}},
	)
	p, r := d.publish("create", "m.ndjson")
	p.accounted(t, 3)
	if r.status != 1 || p.Done != 1 || p.Dead != 2 || !contains(r.stderr, "shoe size") {
		t.Errorf("want a conflict and an unknown attribute: %v", r)
	}
	// Intercom's own words may have an address in them; its code may be said.
	for _, l := range d.letters("create") {
		if contains(l.Reason, "@example.org") || l.Status == 0 {
			t.Errorf("dead letter: %+v", l)
		}
	}
	if r := d.must("dead-letters", "show", "order-7"); !contains(r.stdout, "shoe size") || !contains(r.stdout, "45") {
		t.Errorf("the message is not shown: %v", r)
	}
	d.putMessages("a.ndjson", map[string]any{"payload": map[string]any{"name": "shoe size", "model": "contact", "data_type": "integer"}})
	d.published("attribute", 1, "a.ndjson")
	d.must("dead-letters", "retry", "order-7")
	if all := d.letters("create"); len(all) != 1 || all[0].Line != 3 {
		t.Errorf("dead letters after the retry: %+v", all)
	}
	// The conflict stays one.
	if r := d.call("dead-letters", "retry", "--all"); r.status != 1 {
		t.Errorf("a retry that fails again: %v", r)
	}
	d.must("dead-letters", "drop", "--all")
	if all := d.letters(""); len(all) > 0 {
		t.Errorf("dead letters after they were dropped: %+v", all)
	}
	if got := len(ws.Records("contacts")); got != 3+2 {
		t.Errorf("%d contacts, want 5", got)
	}
	d.publish("create", "m.ndjson")
	if got := len(ws.Records("contacts")); got != 3+2 {
		t.Errorf("%d contacts after the file was published again, want 5", got)
	}
}

// Two messages with one id are one; with other contents the second is dead. Two
// that are the same without an id are two.
func TestIDsOfMessages(t *testing.T) {
	t.Parallel()
	ws := amsterdam(t)
	ws.Fill("contacts", 2, time.Hour)
	id := ws.IDs("contacts")[0]
	d := newDesk(t, writes(serve(t, ws), noting))
	named := func(name string, i int) map[string]any {
		m := noteTo(id, i)
		m["id"] = name
		return m
	}
	d.putMessages("m.ndjson", named("a", 0), named("a", 0), named("a", 1), noteTo(id, 2), noteTo(id, 2), named("b", 3))
	p, r := d.publish("note", "m.ndjson")
	p.accounted(t, 6)
	if p.Dead != 1 || p.Done != 5 {
		t.Errorf("want 5 done and 1 dead: %v", r)
	}
	if all := d.letters("note"); len(all) != 1 || all[0].Line != 3 || !contains(all[0].Reason, "id") {
		t.Errorf("dead letters: %+v", all)
	}
	count := applied(ws.Writes())
	if count[0] != 1 || count[1] != 0 || count[2] != 2 || count[3] != 1 {
		t.Errorf("applied %v", count)
	}
}

// Whatever happens, the token and what the messages say are in no output but
// that which is for them.
func TestPublishingTellsNobody(t *testing.T) {
	t.Parallel()
	ws := amsterdam(t)
	ws.Fill("contacts", 20, time.Hour)
	faults := mock.Faults()
	ws.Fault = func(n int, r *http.Request) mock.Fault {
		if n%4 != 0 || r.Method == http.MethodGet || r.URL.Path == "/contacts" {
			return mock.None // a contact is looked for by a search, and for minutes
		}
		return faults[n/4%len(faults)]
	}
	d := newDesk(t, writes(serve(t, ws), noting+creating+updating+
		"  answered: {client: main, method: PUT, entity: \"contacts/{contact_id}\", responses: {type: file, path: answers.ndjson}}\n"))
	var notes, people, changes []any
	for i, id := range ws.IDs("contacts") {
		notes = append(notes, noteTo(id, i))
		people = append(people,
			map[string]any{"payload": map[string]any{"email": fmt.Sprintf("private%d@secret.example", i%15)}},
			map[string]any{"payload": map[string]any{"email": fmt.Sprintf("wrong%d@secret.example", i), "custom_attributes": map[string]any{"ssn": "078-05-1120"}}})
		changes = append(changes, updateOf(id, i))
	}
	d.putMessages("note.ndjson", notes...)
	d.putMessages("create.ndjson", people...)
	d.putMessages("answered.ndjson", changes...)
	for _, name := range []string{"note", "create", "answered"} {
		r := d.call(append([]string{"publish", name, name + ".ndjson"}, loud...)...)
		d.clean("publish "+name, r)
		for _, private := range []string{"secret.example", "078-05", "marker-", "déjà"} {
			if contains(r.stderr, private) || contains(r.stdout, private) {
				t.Errorf("the output of %s has %q: %v", name, private, r)
			}
		}
		if !contains(r.stderr, "level=") {
			t.Errorf("nothing was logged: %v", r)
		}
	}
	for _, args := range [][]string{
		{"publish", "note", "note.ndjson", "--dry-run"},
		{"publish", "note", "note.ndjson", "--dry-run", "--json"},
		{"dead-letters", "list"},
		{"dead-letters", "list", "--json"},
		{"dead-letters", "retry", "--all"},
		{"status"},
		{"status", "--json"},
	} {
		d.clean(strings.Join(args, " "), d.call(args...))
	}
	for _, l := range d.letters("") {
		if contains(l.Reason, "secret.example") || contains(l.Reason, "078-05") {
			t.Errorf("a reason has what the message says: %s", l.Reason)
		}
	}
}

// Records that are read feed a publisher, each once, whatever goes wrong.
func TestSubscriptionFeedsPublisher(t *testing.T) {
	t.Parallel()
	ws := amsterdam(t)
	ws.Fill("contacts", 200, 10*24*time.Hour)
	faults := []mock.Fault{mock.Broken, mock.Gateway, mock.Hangup, mock.Slow, mock.Reset}
	ws.Fault = func(n int, r *http.Request) mock.Fault {
		if n%9 != 0 || r.URL.Path == "/me" {
			return mock.None
		}
		return faults[n/9%len(faults)]
	}
	d := newDesk(t, `
clients:
  main: {base_uri: "`+serve(t, ws)+`", auth: access_token}
subscriptions:
  it: {client: main, entity: contacts, sync: incremental, to: {type: publisher, name: note}}
publishers:
  note: {client: main, method: POST, entity: "contacts/{contact_id}/notes", message_transform: '{path: {contact_id: .id}, payload: {body: "seen \(.id)"}}'}
`)
	d.must("run", "it")
	d.must("run", "it")
	count := map[string]int{}
	for _, w := range ws.Writes() {
		count[w.Path]++
	}
	for _, id := range ws.IDs("contacts") {
		if got := count["/contacts/"+id+"/notes"]; got != 1 {
			t.Errorf("contact %s has %d notes, want 1", id, got)
		}
	}
}
