package intercomtest_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"intercom-connector/shared/intercom/intercomtest"
)

// identity returns the address and the external id of the nth contact of a role.
func identity(t *testing.T, ws *intercomtest.Workspace, role string) (id, email, externalID string) {
	t.Helper()
	for r := range ws.Records(intercomtest.Contacts) {
		var c struct {
			ID, Role, Email string
			ExternalID      string `json:"external_id"`
		}
		if err := json.Unmarshal(r.JSON, &c); err != nil {
			t.Fatal(err)
		}
		if c.Role == role {
			return c.ID, c.Email, c.ExternalID
		}
	}
	t.Fatal("no " + role)
	return "", "", ""
}

func TestCreateContact(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{})
	body := `{"email":"Ada@Example.com","external_id":"a-1","name":"Ada <3","phone":"+47612345678","signed_up_at":1700000000,
		"unsubscribed_from_emails":true,"custom_attributes":{"plan":"team","score":1.50,"marker":"m1"}}`
	made := call(t, ws, "POST", "/contacts", body)
	id, _ := made["id"].(string)
	for key, want := range map[string]any{
		"type": "contact", "role": "user", "email": "Ada@Example.com", "email_domain": "Example.com", "external_id": "a-1", "name": "Ada <3",
		"phone": "+47612345678", "signed_up_at": 1.7e9, "unsubscribed_from_emails": true, "last_seen_at": nil, "browser": nil, "avatar": nil,
	} {
		if diff := cmp.Diff(want, made[key]); diff != "" {
			t.Errorf("%s (-want +got)\n%s", key, diff)
		}
	}
	if got := at(made, "custom_attributes", "plan"); got != "team" || at(made, "tags", "total_count") != 0.0 || at(made, "companies", "total_count") != 0.0 {
		t.Errorf("got %v", made)
	}
	// Numbers come back with the digits that they were sent with.
	r, _ := ws.Record(intercomtest.Contacts, id)
	if !strings.Contains(string(r.JSON), `"score":1.50`) {
		t.Errorf("got %s", r.JSON)
	}
	for _, path := range []string{"/contacts/" + id, "/contacts/find_by_external_id/a-1"} {
		if diff := cmp.Diff(made, call(t, ws, "GET", path, "")); diff != "" {
			t.Errorf("%s (-made +read)\n%s", path, diff)
		}
	}
	for _, query := range []string{
		`{"field":"email","operator":"=","value":"ada@example.com"}`,
		`{"field":"external_id","operator":"=","value":"a-1"}`,
		`{"field":"custom_attributes.marker","operator":"=","value":"m1"}`,
		`{"field":"phone","operator":"^","value":"+476123456"}`,
	} {
		found := ids(t, decode[envelope](t, post(t, ws, "/contacts/search", `{"query":`+query+`}`)).Data)
		if len(found) != 1 || found[0] != id {
			t.Errorf("%s finds %v, want %s", query, found, id)
		}
	}
	if got := len(listAll(t, ws, "/contacts", map[string][]string{})); got != 101 {
		t.Errorf("%d contacts are listed, want 101", got)
	}
}

func TestContactPayloads(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, body string
		status     int
		code, text string
	}{
		{"nobody", `{"name":"Ada"}`, 400, "parameter_missing", "one of email, external_id and role is needed"},
		{"no role", `{"email":"a@example.com","role":"king"}`, 400, "parameter_invalid", `role "king" is neither user nor lead`},
		{"no address", `{"email":"here"}`, 400, "parameter_invalid", "email is not an address"},
		{"no time", `{"email":"a@example.com","signed_up_at":"yesterday"}`, 400, "parameter_invalid", "signed_up_at is not a unix timestamp"},
		{"unknown attribute", `{"email":"a@example.com","custom_attributes":{"shoe size":42}}`, 400, "parameter_invalid", "Custom attribute 'shoe size' does not exist"},
		{"attribute of another type", `{"email":"a@example.com","custom_attributes":{"revision":"x"}}`, 400, "parameter_invalid", "Custom attribute 'revision' has an invalid value"},
		{"not one of the list", `{"email":"a@example.com","custom_attributes":{"tier":"lead"}}`, 400, "parameter_invalid", "Custom attribute 'tier' has an invalid value"},
		{"attributes that are no object", `{"email":"a@example.com","custom_attributes":[1]}`, 400, "parameter_invalid", "custom_attributes is not an object"},
		{"one of the list", `{"email":"a@example.com","custom_attributes":{"tier":"gold","motto":null}}`, 200, "", ""},
		{"a lead without anything", `{"role":"lead"}`, 200, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ws := intercomtest.New(intercomtest.Config{})
			r := post(t, ws, "/contacts", tt.body)
			if r.Status != tt.status || r.code() != tt.code || r.message() != tt.text {
				t.Errorf("got %d %q %q\n%s", r.Status, r.code(), r.message(), r.Body)
			}
			if applied := len(ws.Writes()) == 1; applied != (tt.status == 200) {
				t.Errorf("applied: %v", applied)
			}
			// An update takes and refuses the same.
			if tt.name != "nobody" {
				r := send(t.Context(), t, ws, "PUT", "/contacts/"+ws.ID(intercomtest.Contacts, 3), tt.body)
				if r.Status != tt.status && r.code() != "conflict" {
					t.Errorf("as an update: %d\n%s", r.Status, r.Body)
				}
			}
		})
	}
	t.Run("unknown attribute as a 422", func(t *testing.T) {
		t.Parallel()
		ws := intercomtest.New(intercomtest.Config{Unprocessable: true})
		post(t, ws, "/contacts", `{"email":"a@example.com","custom_attributes":{"x":1}}`).wantFailure(t, 422, "parameter_invalid")
	})
}

func TestContactsConflict(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{})
	id, email, external := identity(t, ws, "user")
	made, _ := call(t, ws, "POST", "/contacts", `{"email":"new@example.com","external_id":"new"}`)["id"].(string)
	archived, _ := call(t, ws, "POST", "/contacts", `{"email":"old@example.com"}`)["id"].(string)
	call(t, ws, "POST", "/contacts/"+archived+"/archive", "")
	for _, tt := range []struct{ name, body, message string }{
		{"address", `{"email":"` + email + `"}`, "A contact matching those details already exists with id=" + id},
		{"address in another case", `{"email":"` + strings.ToUpper(email) + `"}`, "A contact matching those details already exists with id=" + id},
		{"external id", `{"external_id":"` + external + `"}`, "A contact matching those details already exists with id=" + id},
		{"made a moment ago", `{"email":"new@example.com"}`, "A contact matching those details already exists with id=" + made},
		{"external id made", `{"external_id":"new","email":"other@example.com"}`, "A contact matching those details already exists with id=" + made},
		{"archived", `{"email":"old@example.com"}`, "An archived contact matching those details already exists with id=" + archived},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := post(t, ws, "/contacts", tt.body)
			if r.wantFailure(t, 409, "conflict"); r.message() != tt.message {
				t.Errorf("got %q, want %q", r.message(), tt.message)
			}
		})
	}
	t.Run("an update takes somebody else's address", func(t *testing.T) {
		t.Parallel()
		send(t.Context(), t, ws, "PUT", "/contacts/"+made, `{"email":"`+email+`"}`).wantFailure(t, 409, "conflict")
	})
	t.Run("an address that was given up is free", func(t *testing.T) {
		t.Parallel()
		ws := intercomtest.New(intercomtest.Config{})
		id, email, external := identity(t, ws, "user")
		call(t, ws, "PUT", "/contacts/"+id, `{"email":"moved@example.com","external_id":null}`)
		other := call(t, ws, "POST", "/contacts", `{"email":"`+email+`","external_id":"`+external+`"}`)
		if got := call(t, ws, "GET", "/contacts/find_by_external_id/"+external, "")["id"]; got != other["id"] || got == id {
			t.Errorf("the external id leads to %v, want %v", got, other["id"])
		}
		call(t, ws, "DELETE", "/contacts/"+id, "")
		call(t, ws, "POST", "/contacts", `{"email":"moved@example.com"}`)
	})
}

func TestUpdateContact(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ws := intercomtest.New(intercomtest.Config{IndexLag: time.Minute})
		time.Sleep(time.Hour)
		id := ws.ID(intercomtest.Contacts, 3)
		before := call(t, ws, "GET", "/contacts/"+id, "")
		call(t, ws, "PUT", "/contacts/"+id, `{"name":"Grace","custom_attributes":{"plan":"team"}}`)
		call(t, ws, "PUT", "/contacts/"+id, `{"phone":"+1","custom_attributes":{"motto":"on"}}`)
		after := call(t, ws, "GET", "/contacts/"+id, "")
		for key, want := range map[string]any{
			"name": "Grace", "phone": "+1", "email": before["email"], "created_at": before["created_at"], "updated_at": float64(time.Now().Unix()),
			"tags": before["tags"],
		} {
			if diff := cmp.Diff(want, after[key]); diff != "" {
				t.Errorf("%s (-want +got)\n%s", key, diff)
			}
		}
		custom, _ := after["custom_attributes"].(map[string]any)
		if custom["plan"] != "team" || custom["motto"] != "on" || custom["account_number"] == nil {
			t.Errorf("got %v", custom)
		}
		// A search is late, and sees what it knows of as it was.
		named := func() int {
			return len(decode[envelope](t, post(t, ws, "/contacts/search", `{"query":{"field":"name","operator":"=","value":"Grace"}}`)).Data)
		}
		if got := named(); got != 0 {
			t.Errorf("a search sees %d at once", got)
		}
		time.Sleep(time.Minute)
		if got := named(); got != 1 {
			t.Errorf("a search sees %d a minute later, want 1", got)
		}
	})
}

func TestCreateLag(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ws := intercomtest.New(intercomtest.Config{CreateLag: 5 * time.Second})
		id, _ := call(t, ws, "POST", "/contacts", `{"email":"a@example.com"}`)["id"].(string)
		requests := []struct{ method, path, body string }{
			{"GET", "/contacts/" + id, ""},
			{"PUT", "/contacts/" + id, `{"name":"A"}`},
			{"POST", "/contacts/" + id + "/tags", `{"id":"1001"}`},
			{"POST", "/contacts/" + id + "/notes", `{"body":"b"}`},
			{"POST", "/events", `{"event_name":"e","created_at":1,"id":"` + id + `"}`},
			{"POST", "/conversations", `{"from":{"type":"user","id":"` + id + `"},"body":"b"}`},
			{"POST", "/messages", `{"message_type":"in_app","body":"b","from":{"type":"admin","id":1},"to":{"type":"user","id":"` + id + `"}}`},
			{"POST", "/tickets", `{"ticket_type_id":"1001","contacts":[{"id":"` + id + `"}]}`},
		}
		for _, r := range requests {
			send(t.Context(), t, ws, r.method, r.path, r.body).wantFailure(t, 404, "not_found")
		}
		post(t, ws, "/contacts", `{"email":"a@example.com"}`).wantFailure(t, 409, "conflict")
		time.Sleep(5 * time.Second)
		for _, r := range requests {
			call(t, ws, r.method, r.path, r.body)
		}
	})
}

func TestArchiveAndBack(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{})
	id, email, _ := identity(t, ws, "user")
	call(t, ws, "PUT", "/contacts/"+id, `{"name":"Kept"}`)
	if got := call(t, ws, "POST", "/contacts/"+id+"/archive", ""); got["archived"] != true || got["id"] != id {
		t.Errorf("got %v", got)
	}
	get(t, ws, "/contacts/"+id).wantFailure(t, 404, "not_found")
	post(t, ws, "/contacts/"+id+"/archive", "").wantFailure(t, 404, "not_found")
	send(t.Context(), t, ws, "PUT", "/contacts/"+id, `{"name":"A"}`).wantFailure(t, 404, "not_found")
	if got := len(listAll(t, ws, "/contacts", map[string][]string{})); got != 99 {
		t.Errorf("%d contacts are listed, want 99", got)
	}
	for range 2 { // the second time it is so already
		if got := call(t, ws, "POST", "/contacts/"+id+"/unarchive", ""); got["archived"] != false {
			t.Errorf("got %v", got)
		}
	}
	if got := call(t, ws, "GET", "/contacts/"+id, ""); got["name"] != "Kept" || got["email"] != email {
		t.Errorf("came back as %v", got)
	}
	log := ws.Writes()
	if len(log) != 4 || log[2].Again || !log[3].Again {
		t.Errorf("the audit has %+v", log)
	}
	ws.Archive(id)
	post(t, ws, "/contacts", `{"email":"`+email+`"}`).wantFailure(t, 409, "conflict")
	call(t, ws, "POST", "/contacts/"+id+"/unarchive", "")
}

func TestDeleteAndBlock(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{})
	id, email, _ := identity(t, ws, "user")
	if got := call(t, ws, "POST", "/contacts/"+id+"/block", ""); got["blocked"] != true {
		t.Errorf("got %v", got)
	}
	if got := call(t, ws, "DELETE", "/contacts/"+id, ""); got["deleted"] != true {
		t.Errorf("got %v", got)
	}
	send(t.Context(), t, ws, "DELETE", "/contacts/"+id, "").wantFailure(t, 404, "not_found")
	post(t, ws, "/contacts/"+id+"/unarchive", "").wantFailure(t, 404, "not_found")
	call(t, ws, "POST", "/contacts", `{"email":"`+email+`"}`)
}

func TestMergeContacts(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{})
	lead, _, _ := identity(t, ws, "lead")
	user, email, _ := identity(t, ws, "user")
	double, _ := call(t, ws, "POST", "/contacts", `{"role":"lead","name":"Twin"}`)["id"].(string)
	merge := func(from, into, more string) reply {
		return post(t, ws, "/contacts/merge", `{"from":"`+from+`","into":"`+into+`"`+more+`}`)
	}
	for _, tt := range []struct{ name, from, into string }{
		{"no duplicates", lead, user},
		{"no address", double, user},
		{"a user into a user", user, ws.ID(intercomtest.Contacts, 50)},
		{"a user into a lead", user, lead},
		{"into oneself", lead, lead},
	} {
		if r := merge(tt.from, tt.into, ""); r.Status != 400 || r.code() != "invalid_merge" {
			t.Errorf("%s: got %d %q", tt.name, r.Status, r.code())
		}
	}
	if got := decode[map[string]any](t, merge(lead, user, `,"skip_duplicate_validation":true`)); got["id"] != user || got["email"] != email {
		t.Errorf("got %v", got)
	}
	for _, r := range []struct{ method, path, body string }{
		{"GET", "", ""},
		{"PUT", "", `{"name":"A"}`},
		{"DELETE", "", ""},
		{"POST", "/archive", ""},
		{"POST", "/tags", `{"id":"1001"}`},
		{"POST", "/notes", `{"body":"b"}`},
		{"DELETE", "/companies/1", ""},
	} {
		got := send(t.Context(), t, ws, r.method, "/contacts/"+lead+r.path, r.body)
		got.wantFailure(t, 410, "contact_merged")
		if link := got.Header.Get("Link"); link != "</contacts/"+user+`>; rel="canonical"` {
			t.Errorf("%s %s: got the link %q", r.method, r.path, link)
		}
	}
	merge(lead, user, "").wantFailure(t, 404, "not_found")
}

func TestDataAttributes(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{})
	const contact = `{"email":"a@example.com","custom_attributes":{"size":"M"}}`
	post(t, ws, "/contacts", contact).wantFailure(t, 400, "parameter_invalid")
	made := call(t, ws, "POST", "/data_attributes", `{"name":"size","model":"contact","data_type":"options","options":[{"value":"S"},{"value":"M"}],"description":"of shirts"}`)
	if made["data_type"] != "string" || made["full_name"] != "custom_attributes.size" || made["description"] != "of shirts" || at(made, "options", 1) != "M" {
		t.Errorf("got %v", made)
	}
	call(t, ws, "POST", "/contacts", contact)
	post(t, ws, "/contacts", `{"email":"b@example.com","custom_attributes":{"size":"XL"}}`).wantFailure(t, 400, "parameter_invalid")
	call(t, ws, "PUT", fmt.Sprintf("/data_attributes/%v", made["id"]), `{"options":[{"value":"M"},{"value":"XL"}]}`)
	call(t, ws, "POST", "/contacts", `{"email":"b@example.com","custom_attributes":{"size":"XL"}}`)
	if r := get(t, ws, "/data_attributes?model=contact"); !strings.Contains(string(r.Body), `"options":["M","XL"]`) {
		t.Errorf("got %s", r.Body)
	}
	for _, tt := range []struct{ name, body, code string }{
		{"there already", `{"name":"size","model":"contact","data_type":"string"}`, "parameter_invalid"},
		{"no such model", `{"name":"x","model":"ticket","data_type":"string"}`, "parameter_invalid"},
		{"no such type", `{"name":"x","model":"contact","data_type":"colour"}`, "parameter_invalid"},
		{"one option", `{"name":"x","model":"contact","data_type":"options","options":[{"value":"a"}]}`, "parameter_invalid"},
	} {
		post(t, ws, "/data_attributes", tt.body).wantFailure(t, 400, tt.code)
	}
	call(t, ws, "PUT", fmt.Sprintf("/data_attributes/%v", made["id"]), `{"archived":true}`)
	post(t, ws, "/contacts", `{"email":"c@example.com","custom_attributes":{"size":"M"}}`).wantFailure(t, 400, "parameter_invalid")
	for _, kind := range []struct{ name, value string }{{"integer", "7"}, {"float", "1.5"}, {"boolean", "true"}, {"string", `"x"`}, {"date", "1700000000"}, {"datetime", "1700000000"}} {
		call(t, ws, "POST", "/data_attributes", `{"name":"a `+kind.name+`","model":"contact","data_type":"`+kind.name+`"}`)
		call(t, ws, "POST", "/contacts", `{"role":"lead","custom_attributes":{"a `+kind.name+`":`+kind.value+`}}`)
	}
}

func TestVisitorsBecomeContacts(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{})
	id, email, _ := identity(t, ws, "user")
	convert := func(user string) any {
		return call(t, ws, "POST", "/visitors/convert", `{"type":"user","visitor":{"user_id":"v"},"user":`+user+`}`)["id"]
	}
	if got := convert(`{"email":"` + email + `"}`); got != id {
		t.Errorf("got %v, want %s", got, id)
	}
	made := convert(`{"email":"v@example.com","user_id":"v-1"}`)
	if got := call(t, ws, "GET", "/contacts/find_by_external_id/v-1", "")["id"]; got != made {
		t.Errorf("got %v, want %v", got, made)
	}
}
