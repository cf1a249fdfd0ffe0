package intercomtest_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"intercom-connector/shared/intercom/intercomtest"
)

func TestCreateConversation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ws := intercomtest.New(intercomtest.Config{IndexLag: time.Minute})
		contact := ws.ID(intercomtest.Contacts, 2)
		time.Sleep(time.Hour)
		made := call(t, ws, "POST", "/conversations", `{"from":{"type":"user","id":"`+contact+`"},"body":"Hello"}`)
		if made["type"] != "user_message" || made["body"] != "Hello" || made["message_type"] != "inapp" {
			t.Errorf("got %v", made)
		}
		id := fmt.Sprint(made["conversation_id"])
		c := call(t, ws, "GET", "/conversations/"+id, "")
		if at(c, "source", "body") != "<p>Hello</p>" || at(c, "source", "author", "id") != contact || at(c, "contacts", "contacts", 0, "id") != contact ||
			c["state"] != "open" || c["created_at"] != float64(time.Now().Unix()) || at(c, "conversation_parts", "total_count") != 0.0 {
			t.Errorf("got %v", c)
		}
		search := `{"query":{"operator":"AND","value":[{"field":"contact_ids","operator":"=","value":"` + contact + `"},{"field":"source.body","operator":"~","value":"Hello"}]}}`
		found := func() []string {
			return ids(t, decode[envelope](t, post(t, ws, "/conversations/search", search)).Convs)
		}
		if got := found(); len(got) != 0 {
			t.Errorf("a search sees %v at once", got)
		}
		time.Sleep(time.Minute)
		if diff := cmp.Diff([]string{id}, found()); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		post(t, ws, "/conversations", `{"from":{"type":"user","id":"nobody"},"body":"b"}`).wantFailure(t, 404, "not_found")
	})
}

func TestReplies(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{})
	contact, email, external := identity(t, ws, "user")
	path := "/conversations/" + ws.ID(intercomtest.Conversations, 4)
	before := call(t, ws, "GET", path, "")
	had := at(before, "conversation_parts", "total_count").(float64)
	for i, tt := range []struct{ body, kind, author, text string }{
		{`{"message_type":"comment","type":"admin","admin_id":"1002","body":"one"}`, "comment", "1002", "<p>one</p>"},
		{`{"message_type":"comment","type":"admin","admin_id":"1002","body":"one"}`, "comment", "1002", "<p>one</p>"},
		{`{"message_type":"note","type":"admin","admin_id":1003,"body":"<b>two</b>"}`, "note", "1003", "<b>two</b>"},
		{`{"message_type":"comment","type":"user","intercom_user_id":"` + contact + `","body":"three"}`, "comment", contact, "<p>three</p>"},
		{`{"message_type":"comment","type":"user","email":"` + email + `","body":"four"}`, "comment", contact, "<p>four</p>"},
		{`{"message_type":"comment","type":"user","user_id":"` + external + `","body":"five","attachment_urls":["https://x.example/1"]}`, "comment", contact, "<p>five</p>"},
	} {
		answer := call(t, ws, "POST", path+"/reply", tt.body)
		read := call(t, ws, "GET", path, "")
		if diff := cmp.Diff(answer, read); diff != "" {
			t.Errorf("(-answered +read)\n%s", diff)
		}
		part := at(read, "conversation_parts", "conversation_parts", -1)
		if at(part, "part_type") != tt.kind || at(part, "author", "id") != tt.author || at(part, "body") != tt.text {
			t.Errorf("%s: got %v", tt.body, part)
		}
		if got, want := at(read, "conversation_parts", "total_count"), had+float64(i+1); got != want || at(read, "statistics", "count_conversation_parts") != want {
			t.Errorf("%v parts, want %v", got, want)
		}
		if id := ws.Writes()[i].ID; id != at(part, "id") {
			t.Errorf("the audit has %s, the part is %v", id, at(part, "id"))
		}
	}
	// What was there stays as it was.
	after := call(t, ws, "GET", path, "")
	n := int(had)
	old, _ := at(before, "conversation_parts", "conversation_parts").([]any)
	now, _ := at(after, "conversation_parts", "conversation_parts").([]any)
	if diff := cmp.Diff(old, now[:n]); diff != "" {
		t.Errorf("(-before +after)\n%s", diff)
	}
	for _, tt := range []struct {
		name, body string
		status     int
		code       string
	}{
		{"no text", `{"message_type":"comment","type":"admin","admin_id":"1"}`, 400, "parameter_invalid"},
		{"no such kind", `{"message_type":"shout","type":"admin","admin_id":"1","body":"b"}`, 400, "parameter_invalid"},
		{"no such author", `{"message_type":"comment","type":"bot","body":"b"}`, 400, "parameter_invalid"},
		{"no teammate", `{"message_type":"comment","type":"admin","body":"b"}`, 400, "parameter_not_found"},
		{"a stranger", `{"message_type":"comment","type":"user","email":"x@example.com","body":"b"}`, 404, "not_found"},
		{"too many files", `{"message_type":"comment","type":"admin","admin_id":"1","body":"b","attachment_urls":["1","2","3","4","5","6","7","8","9","10","11"]}`, 400, "parameter_invalid"},
	} {
		post(t, ws, path+"/reply", tt.body).wantFailure(t, tt.status, tt.code)
	}
	post(t, ws, "/conversations/1/reply", `{"message_type":"comment","type":"admin","admin_id":"1","body":"b"}`).wantFailure(t, 404, "not_found")
}

// A conversation shows its newest 500 parts, whoever wrote them.
func TestManyReplies(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{})
	path := "/conversations/" + ws.ID(intercomtest.Conversations, 49)
	for i := range 505 {
		if r := post(t, ws, path+"/reply", fmt.Sprintf(`{"message_type":"note","type":"admin","admin_id":"1","body":"%d"}`, i)); r.Status != 200 {
			t.Fatalf("got %d", r.Status)
		}
	}
	c := call(t, ws, "GET", path, "")
	parts, _ := at(c, "conversation_parts", "conversation_parts").([]any)
	if len(parts) != 500 || at(parts[0], "body") != "<p>5</p>" || at(parts[499], "body") != "<p>504</p>" {
		t.Errorf("%d parts, from %v to %v", len(parts), at(parts[0], "body"), at(parts[len(parts)-1], "body"))
	}
}

func TestManageConversation(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{})
	path := "/conversations/" + ws.ID(intercomtest.Conversations, 4)
	for _, tt := range []struct{ body, kind, state string }{
		{`{"message_type":"close","type":"admin","admin_id":"1","body":"Bye"}`, "close", "closed"},
		{`{"message_type":"open","admin_id":"1"}`, "open", "open"},
		{`{"message_type":"snoozed","admin_id":"1","snoozed_until":1900000000}`, "snoozed", "snoozed"},
		{`{"message_type":"assignment","type":"admin","admin_id":"1","assignee_id":"1009"}`, "assignment", "snoozed"},
		{`{"message_type":"assignment","type":"team","admin_id":"1","assignee_id":"55"}`, "assignment", "snoozed"},
	} {
		c := call(t, ws, "POST", path+"/parts", tt.body)
		if at(c, "state") != tt.state || at(c, "open") != (tt.state == "open") || at(c, "conversation_parts", "conversation_parts", -1, "part_type") != tt.kind {
			t.Errorf("%s: got %v", tt.body, c)
		}
		found := decode[envelope](t, post(t, ws, "/conversations/search", `{"query":{"operator":"AND","value":[{"field":"id","operator":"=","value":"`+fmt.Sprint(c["id"])+`"},{"field":"state","operator":"=","value":"`+tt.state+`"}]}}`))
		if len(found.Convs) != 1 {
			t.Errorf("%s: not found by its state", tt.body)
		}
	}
	c := call(t, ws, "GET", path, "")
	if c["admin_assignee_id"] != 1009.0 || c["team_assignee_id"] != 55.0 || c["snoozed_until"] != 1.9e9 {
		t.Errorf("got %v", c)
	}
	post(t, ws, path+"/parts", `{"message_type":"snoozed","admin_id":"1"}`).wantFailure(t, 400, "parameter_not_found")
	post(t, ws, path+"/parts", `{"message_type":"assignment","admin_id":"1"}`).wantFailure(t, 400, "parameter_not_found")
	post(t, ws, path+"/parts", `{"message_type":"fly","admin_id":"1"}`).wantFailure(t, 400, "parameter_invalid")
}

func TestUpdateAndDeleteConversation(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{})
	id := ws.ID(intercomtest.Conversations, 4)
	c := call(t, ws, "PUT", "/conversations/"+id, `{"title":"T","read":false,"custom_attributes":{"a":"b"}}`)
	if c["title"] != "T" || c["read"] != false || at(c, "custom_attributes", "a") != "b" {
		t.Errorf("got %v", c)
	}
	call(t, ws, "DELETE", "/conversations/"+id+"?retain_metrics=false", "")
	get(t, ws, "/conversations/"+id).wantFailure(t, 404, "not_found")
	if r := get(t, ws, "/conversations/deleted"); !strings.Contains(string(r.Body), id) || !strings.Contains(string(r.Body), `"metrics_retained":false`) {
		t.Errorf("got %s", r.Body)
	}
	send(t.Context(), t, ws, "DELETE", "/conversations/"+id, "").wantFailure(t, 404, "not_found")
}

func TestCustomersOfConversations(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{})
	path := "/conversations/" + ws.ID(intercomtest.Conversations, 4)
	contact, _ := call(t, ws, "POST", "/contacts", `{"email":"a@example.com","external_id":"e"}`)["id"].(string)
	for range 2 {
		got := call(t, ws, "POST", path+"/customers", `{"admin_id":"1","customer":{"intercom_user_id":"`+contact+`"}}`)
		if at(got, "customers", 1, "id") != contact || at(got, "customers", 2) != nil {
			t.Errorf("got %v", got)
		}
	}
	c := call(t, ws, "GET", path, "")
	if at(c, "contacts", "contacts", 1, "external_id") != "e" {
		t.Errorf("got %v", c["contacts"])
	}
	first := fmt.Sprint(at(c, "contacts", "contacts", 0, "id"))
	call(t, ws, "DELETE", path+"/customers/"+first, `{"admin_id":"1"}`)
	send(t.Context(), t, ws, "DELETE", path+"/customers/"+first, `{"admin_id":"1"}`).wantFailure(t, 404, "not_found")
	send(t.Context(), t, ws, "DELETE", path+"/customers/"+contact, `{"admin_id":"1"}`).wantFailure(t, 422, "parameter_invalid")
}

func TestRedact(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{})
	id := ws.ID(intercomtest.Conversations, 4)
	c := call(t, ws, "POST", "/conversations/"+id+"/reply", `{"message_type":"note","type":"admin","admin_id":"1","body":"secret"}`)
	for _, i := range []int{0, -1} {
		part := at(c, "conversation_parts", "conversation_parts", i, "id")
		c = call(t, ws, "POST", "/conversations/redact", fmt.Sprintf(`{"type":"conversation_part","conversation_id":%q,"conversation_part_id":%q}`, id, part))
		if got := at(c, "conversation_parts", "conversation_parts", i); at(got, "body") != "" || at(got, "redacted") != true {
			t.Errorf("got %v", got)
		}
	}
	c = call(t, ws, "POST", "/conversations/redact", fmt.Sprintf(`{"type":"source","conversation_id":%q,"source_id":%q}`, id, at(c, "source", "id")))
	if at(c, "source", "body") != "" || at(c, "source", "redacted") != true {
		t.Errorf("got %v", c["source"])
	}
	post(t, ws, "/conversations/redact", `{"type":"conversation_part","conversation_id":"`+id+`","conversation_part_id":"1"}`).wantFailure(t, 404, "conversation_part_or_message_not_found")
	post(t, ws, "/conversations/redact", `{"type":"source","conversation_id":"`+id+`","source_id":"1"}`).wantFailure(t, 404, "conversation_part_or_message_not_found")
}

func TestMergeConversations(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{})
	from, into := ws.ID(intercomtest.Conversations, 4), ws.ID(intercomtest.Conversations, 5)
	if c := call(t, ws, "POST", "/conversations/"+from+"/merge", `{"merge_into_conversation_id":`+into+`}`); c["id"] != into {
		t.Errorf("got %v", c["id"])
	}
	if c := call(t, ws, "GET", "/conversations/"+from, ""); c["state"] != "closed" {
		t.Errorf("got %v", c["state"])
	}
	post(t, ws, "/conversations/"+from+"/merge", `{"merge_into_conversation_id":1}`).wantFailure(t, 422, "merge_failed")
}

func TestMessages(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{})
	contact := ws.ID(intercomtest.Contacts, 2)
	message := func(kind, more string) string {
		return `{"message_type":"` + kind + `","from":{"type":"admin","id":1001},"to":{"type":"user","id":"` + contact + `"}` + more + `}`
	}
	n := ws.Len(intercomtest.Conversations)
	m := call(t, ws, "POST", "/messages", message("in_app", `,"body":"Hi"`))
	if m["type"] != "admin_message" || m["message_type"] != "inapp" || m["conversation_id"] != nil || ws.Len(intercomtest.Conversations) != n {
		t.Errorf("got %v", m)
	}
	m = call(t, ws, "POST", "/messages", message("email", `,"body":"Hi","subject":"S","template":"plain","create_conversation_without_contact_reply":true`))
	c := call(t, ws, "GET", fmt.Sprintf("/conversations/%v", m["conversation_id"]), "")
	if at(c, "source", "subject") != "S" || at(c, "source", "delivered_as") != "admin_initiated" || at(c, "source", "author", "type") != "admin" {
		t.Errorf("got %v", c["source"])
	}
	call(t, ws, "POST", "/messages", message("whatsapp", `,"template":"t","components":[]`))
	post(t, ws, "/messages", message("email", `,"body":"Hi"`)).wantFailure(t, 422, "parameter_not_found")
	post(t, ws, "/messages", message("in_app", ``)).wantFailure(t, 400, "parameter_invalid")
	post(t, ws, "/messages", message("fax", `,"body":"Hi"`)).wantFailure(t, 400, "parameter_invalid")
	post(t, ws, "/messages", strings.Replace(message("in_app", `,"body":"Hi"`), contact, "nobody", 1)).wantFailure(t, 404, "not_found")
}

func TestTickets(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{})
	contact, email, _ := identity(t, ws, "user")
	made := call(t, ws, "POST", "/tickets", `{"ticket_type_id":1002,"contacts":[{"id":"`+contact+`"}],"ticket_attributes":{"_default_title_":"Broken","size":1.50}}`)
	id := fmt.Sprint(made["id"])
	if at(made, "ticket_attributes", "_default_title_") != "Broken" || at(made, "ticket_type", "id") != "1002" || made["category"] != "Back-office" ||
		at(made, "contacts", "contacts", 0, "id") != contact || at(made, "ticket_state", "category") != "submitted" || made["open"] != true {
		t.Errorf("got %v", made)
	}
	if diff := cmp.Diff(made, call(t, ws, "GET", "/tickets/"+id, "")); diff != "" {
		t.Errorf("(-made +read)\n%s", diff)
	}
	for _, query := range []string{
		`{"field":"title","operator":"=","value":"Broken"}`,
		`{"operator":"AND","value":[{"field":"ticket_type_id","operator":"=","value":"1002"},{"field":"title","operator":"~","value":"broken"}]}`,
	} {
		if found := ids(t, decode[envelope](t, post(t, ws, "/tickets/search", `{"query":`+query+`}`)).Tickets); !slices.Equal(found, []string{id}) {
			t.Errorf("%s finds %v", query, found)
		}
	}
	updated := call(t, ws, "PUT", "/tickets/"+id, `{"ticket_state_id":"1002","ticket_attributes":{"x":"y"},"assignee_id":7,"is_shared":false}`)
	if at(updated, "ticket_state", "category") != "in_progress" || at(updated, "ticket_attributes", "_default_title_") != "Broken" ||
		at(updated, "ticket_attributes", "x") != "y" || updated["admin_assignee_id"] != 7.0 || updated["is_shared"] != false {
		t.Errorf("got %v", updated)
	}
	send(t.Context(), t, ws, "PUT", "/tickets/"+id, `{"ticket_state_id":"4711"}`).wantFailure(t, 400, "ticket_state_id_invalid")

	for range 2 {
		part := call(t, ws, "POST", "/tickets/"+id+"/reply", `{"message_type":"note","type":"admin","admin_id":"1","body":"n"}`)
		read := call(t, ws, "GET", "/tickets/"+id, "")
		if part["type"] != "ticket_part" || part["part_type"] != "note" || at(read, "ticket_parts", "ticket_parts", -1, "id") != part["id"] {
			t.Errorf("got %v", part)
		}
	}
	if got := at(call(t, ws, "GET", "/tickets/"+id, ""), "ticket_parts", "total_count"); got != 2.0 {
		t.Errorf("%v parts, want 2", got)
	}
	post(t, ws, "/tickets/"+id+"/reply", `{"message_type":"comment","type":"user","email":"`+email+`","body":"b"}`).wantFailure(t, 400, "parameter_mismatch")

	changed := call(t, ws, "POST", "/tickets/"+id+"/change_type", `{"ticket_type_id":"1001","ticket_state_id":"1004"}`)
	if at(changed, "ticket_type", "id") != "1001" || at(changed, "ticket_state", "category") != "resolved" || changed["open"] != false {
		t.Errorf("got %v", changed)
	}
	call(t, ws, "DELETE", "/tickets/"+id, "")
	get(t, ws, "/tickets/"+id).wantFailure(t, 404, "not_found")

	t.Run("for somebody new", func(t *testing.T) {
		t.Parallel()
		made := call(t, ws, "POST", "/tickets", `{"ticket_type_id":1001,"contacts":[{"email":"new@example.com"}]}`)
		who := fmt.Sprint(at(made, "contacts", "contacts", 0, "id"))
		if got := call(t, ws, "GET", "/contacts/"+who, ""); got["email"] != "new@example.com" {
			t.Errorf("got %v", got)
		}
		post(t, ws, "/tickets", `{"ticket_type_id":1001,"contacts":[{"external_id":"stranger"}]}`).wantFailure(t, 404, "not_found")
		post(t, ws, "/tickets", `{"ticket_type_id":4711,"contacts":[{"id":"`+contact+`"}]}`).wantFailure(t, 404, "not_found")
		post(t, ws, "/tickets", `{"ticket_type_id":1001,"contacts":[]}`).wantFailure(t, 400, "parameter_not_found")
	})
	t.Run("by a job", func(t *testing.T) {
		t.Parallel()
		job := call(t, ws, "POST", "/tickets/enqueue", `{"ticket_type_id":1001,"contacts":[{"id":"`+contact+`"}],"ticket_attributes":{"_default_title_":"Later"}}`)
		if job["type"] != "job" || job["status"] != "pending" {
			t.Errorf("got %v", job)
		}
		done := call(t, ws, "GET", fmt.Sprintf("/jobs/status/%v", job["id"]), "")
		ticket := call(t, ws, "GET", fmt.Sprintf("/tickets/%v", done["resource_id"]), "")
		if done["status"] != "success" || at(ticket, "ticket_attributes", "_default_title_") != "Later" {
			t.Errorf("got %v, %v", done, ticket)
		}
	})
	t.Run("of a conversation", func(t *testing.T) {
		t.Parallel()
		c := call(t, ws, "GET", "/conversations/"+ws.ID(intercomtest.Conversations, 4), "")
		ticket := call(t, ws, "POST", fmt.Sprintf("/conversations/%v/convert", c["id"]), `{"ticket_type_id":"1001"}`)
		if at(ticket, "contacts", "contacts", 0, "id") != at(c, "contacts", "contacts", 0, "id") {
			t.Errorf("got %v", ticket)
		}
	})
}

func TestLinkedConversations(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{})
	tracker, other, conversation := ws.ID(intercomtest.Tickets, 5), ws.ID(intercomtest.Tickets, 3), ws.ID(intercomtest.Conversations, 4)
	path := "/tickets/" + tracker + "/linked_conversations"
	for range 2 {
		c := call(t, ws, "POST", path, `{"conversation_id":"`+conversation+`"}`)
		if c["id"] != conversation || at(c, "linked_objects", "total_count") != 1.0 || at(c, "linked_objects", "data", 0, "id") != tracker {
			t.Errorf("got %v", c["linked_objects"])
		}
	}
	if got := at(call(t, ws, "GET", "/tickets/"+tracker, ""), "linked_objects", "data", 0, "id"); got != conversation {
		t.Errorf("got %v", got)
	}
	c := call(t, ws, "DELETE", path+"/"+conversation, "")
	if at(c, "linked_objects", "total_count") != 0.0 {
		t.Errorf("got %v", c["linked_objects"])
	}
	send(t.Context(), t, ws, "DELETE", path+"/"+conversation, "").wantFailure(t, 404, "conversation_not_found")
	post(t, ws, "/tickets/"+other+"/linked_conversations", `{"conversation_id":"`+conversation+`"}`).wantFailure(t, 400, "invalid_ticket_type")
}

// A test may change what a client has written to, and the other way round.
func TestWritesAndChangesMix(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ws := intercomtest.New(intercomtest.Config{})
		id := ws.ID(intercomtest.Conversations, 4)
		count := func() any {
			return at(call(t, ws, "GET", "/conversations/"+id, ""), "conversation_parts", "total_count")
		}
		had, _ := count().(float64)
		time.Sleep(time.Hour)
		call(t, ws, "POST", "/conversations/"+id+"/reply", `{"message_type":"note","type":"admin","admin_id":"1","body":"n"}`)
		ws.Touch(intercomtest.Conversations, id)
		call(t, ws, "POST", "/conversations/"+id+"/reply", `{"message_type":"note","type":"admin","admin_id":"1","body":"n"}`)
		ws.UpdateSilently(intercomtest.Conversations, id)
		if got := count(); got != had+4 {
			t.Errorf("%v parts, want %v", got, had+4)
		}
		contact := ws.ID(intercomtest.Contacts, 4)
		call(t, ws, "PUT", "/contacts/"+contact, `{"name":"N"}`)
		before, _ := ws.Record(intercomtest.Contacts, contact)
		time.Sleep(time.Hour)
		ws.Touch(intercomtest.Contacts, contact)
		after, _ := ws.Record(intercomtest.Contacts, contact)
		if string(before.JSON) == string(after.JSON) || !after.UpdatedAt.Equal(time.Now()) || !strings.Contains(string(after.JSON), `"name":"N"`) {
			t.Errorf("got %s", after.JSON)
		}
		if got := byID(t, listAll(t, ws, "/contacts", url.Values{})); got[contact] != string(after.JSON) {
			t.Errorf("the list has %s", got[contact])
		}
	})
}
