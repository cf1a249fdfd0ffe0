package blackbox_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"intercom-connector/test/blackbox/mock"
)

// A publication is what publish --json prints, as far as it matters here.
type publication struct {
	Outcome    string `json:"outcome"`
	Error      string `json:"error"`
	Given      int    `json:"given"`
	Done       int    `json:"done"`
	Dead       int    `json:"dead"`
	Unknown    int    `json:"unknown"`
	Paused     int    `json:"paused"`
	Left       int    `json:"left"`
	Duplicates int    `json:"duplicates"`
	Requests   int    `json:"requests"`
}

// accounted checks that it can be said of every message what became of it.
func (p publication) accounted(t *testing.T, given int) {
	t.Helper()
	if p.Given != given || p.Done+p.Dead+p.Unknown+p.Paused != given {
		t.Errorf("%d messages: given %d = %d done + %d dead + %d unknown + %d paused (%d left)",
			given, p.Given, p.Done, p.Dead, p.Unknown, p.Paused, p.Left)
	}
}

// publish publishes a file and returns what is reported.
func (d *desk) publish(name string, args ...string) (publication, result) {
	d.t.Helper()
	r := d.call(append([]string{"publish", name, "--json"}, args...)...)
	var p publication
	if err := json.Unmarshal([]byte(r.stdout), &p); err != nil {
		d.t.Fatalf("report of %s: %v\n%v", name, err, r)
	}
	return p, r
}

// published publishes a file of which every message has to be done.
func (d *desk) published(name string, given int, args ...string) publication {
	d.t.Helper()
	p, r := d.publish(name, args...)
	if r.status != 0 || p.Outcome != "done" || p.Done != given {
		d.t.Errorf("publish %s: want %d done\n%v", name, given, r)
	}
	p.accounted(d.t, given)
	return p
}

// A letter is a dead letter as dead-letters list --json shows it.
type letter struct {
	Key       string `json:"key"`
	Publisher string `json:"publisher"`
	ID        string `json:"id"`
	Outcome   string `json:"outcome"`
	Reason    string `json:"reason"`
	Status    int    `json:"status"`
	Line      int    `json:"line"`
}

// letters are the dead letters of a publisher, "" for all.
func (d *desk) letters(publisher string) (all []letter) {
	d.t.Helper()
	args := []string{"dead-letters", "list", "--json"}
	if publisher != "" {
		args = append(args, publisher)
	}
	r := d.must(args...)
	if err := json.Unmarshal([]byte(r.stdout), &all); err != nil {
		d.t.Fatalf("dead letters: %v\n%v", err, r)
	}
	return all
}

// put writes a file of the desk.
func (d *desk) put(name string, data []byte) {
	d.t.Helper()
	if err := os.WriteFile(d.path(name), data, 0o600); err != nil {
		d.t.Fatal(err)
	}
}

// putMessages writes a file of messages.
func (d *desk) putMessages(name string, messages ...any) {
	d.t.Helper()
	var b bytes.Buffer
	for _, m := range messages {
		b.Write(mustJSON(d.t, m))
		b.WriteByte('\n')
	}
	d.put(name, b.Bytes())
}

// writes is a configuration with one client, main, and the given publishers.
func writes(base, publishers string) string {
	return "clients:\n  main: {base_uri: \"" + base + "\", auth: access_token}\npublishers:\n" + publishers
}

// publishers that tests use, by name.
const (
	updating  = "  update: {client: main, method: PUT, entity: \"contacts/{contact_id}\"}\n"
	noting    = "  note: {client: main, method: POST, entity: \"contacts/{contact_id}/notes\"}\n"
	replying  = "  reply: {client: main, method: POST, entity: \"conversations/{conversation_id}/reply\"}\n"
	messaging = "  message: {client: main, method: POST, entity: messages}\n"
	creating  = "  create: {client: main, method: POST, entity: contacts}\n"
	upserting = "  upsert: {client: main, method: POST, entity: contacts, on_conflict: update}\n"
)

// marker tells messages apart wherever they turn up.
func marker(i int) string { return fmt.Sprintf("marker-%06d", i) }

var markers = regexp.MustCompile(`marker-(\d{6})`)

// marked is the number of the message that a write is of, -1 for none.
func marked(w mock.Write) int {
	m := markers.FindStringSubmatch(w.Body)
	if m == nil {
		return -1
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return -1
	}
	return n
}

// applied counts how often each message was applied.
func applied(all []mock.Write) map[int]int {
	count := map[int]int{}
	for _, w := range all {
		if n := marked(w); n >= 0 {
			count[n]++
		}
	}
	return count
}

// exactly checks that each of n messages was applied once.
func exactly(t *testing.T, all []mock.Write, n int) {
	t.Helper()
	count := applied(all)
	var wrong []string
	for i := range n {
		if count[i] != 1 {
			wrong = append(wrong, fmt.Sprintf("%d: %d times", i, count[i]))
		}
	}
	if len(wrong) > 0 {
		t.Errorf("%d of %d messages were not applied exactly once: %s", len(wrong), n, strings.Join(wrong[:min(len(wrong), 8)], ", "))
	}
}

// noteTo is a message that makes a note.
func noteTo(contact string, i int) map[string]any {
	return map[string]any{
		"group": contact, "path": map[string]any{"contact_id": contact},
		// What comes back of it is not what was sent: it is made markup.
		"payload": map[string]any{"body": marker(i) + ": déjà vu & <3, \"so\"\nit's  日本", "admin_id": "814860"},
	}
}

// updateOf is a message that changes a contact.
func updateOf(contact string, i int) map[string]any {
	return map[string]any{
		"group": contact, "path": map[string]any{"contact_id": contact},
		"payload": map[string]any{"name": marker(i)},
	}
}

// A small walk through the operations that the mock knows: each message is
// applied, once, as it was sent.
func TestPublishingAppliesEachMessageOnce(t *testing.T) {
	t.Parallel()
	ws := amsterdam(t)
	ws.Fill("contacts", 20, time.Hour)
	ws.Fill("conversations", 3, time.Hour)
	ws.Fill("tickets", 3, time.Hour)
	ws.Fill("tags", 3, time.Hour)
	ws.Attributes = map[string]bool{"plan": true}
	contact, conversation := ws.IDs("contacts")[4], ws.IDs("conversations")[1]
	ticket, tag := ws.IDs("tickets")[1], ws.IDs("tags")[1]
	of := func(name, id string) map[string]any { return map[string]any{name: id} }

	for _, tt := range []struct {
		name, method, entity string
		message              map[string]any
		path                 string // of the one write
	}{
		{"create", "POST", "contacts", map[string]any{"payload": map[string]any{"email": "new@example.org", "custom_attributes": map[string]any{"plan": "pro"}}}, "/contacts"},
		{"update", "PUT", "contacts", map[string]any{"path": of("contact_id", contact), "payload": map[string]any{"name": "Ana"}}, "/contacts/" + contact},
		{"archive", "POST", "contacts/archive", map[string]any{"path": of("contact_id", ws.IDs("contacts")[5])}, "/contacts/" + ws.IDs("contacts")[5] + "/archive"},
		{"delete", "DELETE", "contacts", map[string]any{"path": of("contact_id", ws.IDs("contacts")[6])}, "/contacts/" + ws.IDs("contacts")[6]},
		{"note", "POST", "contacts/notes", map[string]any{"path": of("contact_id", contact), "payload": map[string]any{"body": "<b>x</b>"}}, "/contacts/" + contact + "/notes"},
		{"attach a tag", "POST", "contacts/tags", map[string]any{"path": of("contact_id", contact), "payload": map[string]any{"id": tag}}, "/contacts/" + contact + "/tags"},
		{"tag", "POST", "tags", map[string]any{"payload": map[string]any{"name": "new"}}, "/tags"},
		{"company", "POST", "companies", map[string]any{"payload": map[string]any{"company_id": "c-1", "name": "One"}}, "/companies"},
		{"event", "POST", "events", map[string]any{"payload": map[string]any{"event_name": "ordered", "created_at": 1734537292, "user_id": "7"}}, "/events"},
		{"message", "POST", "messages", map[string]any{"payload": map[string]any{"from": map[string]any{"type": "user", "id": contact}, "body": "Hello"}}, "/messages"},
		{"conversation", "POST", "conversations", map[string]any{"payload": map[string]any{"from": map[string]any{"type": "user", "id": contact}, "body": "Hello"}}, "/conversations"},
		{"reply", "POST", "conversations/reply", map[string]any{"path": of("conversation_id", conversation), "payload": map[string]any{"message_type": "comment", "type": "admin", "admin_id": "1", "body": "Hi"}}, "/conversations/" + conversation + "/reply"},
		{"ticket", "POST", "tickets", map[string]any{"payload": map[string]any{"ticket_type_id": 88, "contacts": []any{of("id", contact)}}}, "/tickets"},
		{"ticket reply", "POST", "tickets/reply", map[string]any{"path": of("ticket_id", ticket), "payload": map[string]any{"message_type": "note", "type": "admin", "admin_id": 1, "body": "Hi"}}, "/tickets/" + ticket + "/reply"},
	} {
		name := strings.ReplaceAll(tt.name, " ", "-")
		d := newDesk(t, writes(serve(t, ws), "  "+name+": {client: main, method: "+tt.method+", entity: "+tt.entity+"}\n"))
		d.putMessages("m.ndjson", tt.message)
		before := len(ws.Writes())
		d.published(name, 1, "m.ndjson")
		made := ws.Writes()[before:]
		if len(made) != 1 || made[0].Method != tt.method || made[0].Path != tt.path {
			t.Errorf("%s: applied %v", tt.name, made)
			continue
		}
		sent, _ := tt.message["payload"].(map[string]any)
		if want := string(mustJSON(t, sent)); sent != nil && !sameJSON(t, want, made[0].Body) {
			t.Errorf("%s: sent %s, want %s", tt.name, made[0].Body, want)
		}
	}
}

// sameJSON compares two values and forgives order and spaces.
func sameJSON(t *testing.T, a, b string) bool {
	t.Helper()
	normal := func(s string) string {
		d := json.NewDecoder(strings.NewReader(s))
		d.UseNumber()
		var v any
		if err := d.Decode(&v); err != nil {
			t.Errorf("not JSON: %v: %s", err, shorten(s))
		}
		return string(mustJSON(t, v))
	}
	return normal(a) == normal(b)
}

// numbers sorts what was counted, for messages of a test.
func numbers(of map[int]bool) []int {
	var all []int
	for n := range of {
		all = append(all, n)
	}
	slices.Sort(all)
	return all
}
