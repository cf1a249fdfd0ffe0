package intercomtest_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"intercom-connector/shared/intercom/intercomtest"
)

// listIDs returns the ids of everything in a list.
func listIDs(t *testing.T, ws *intercomtest.Workspace, path string) []string {
	t.Helper()
	return ids(t, listAll(t, ws, path, url.Values{}))
}

func TestTagsByName(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{})
	contact, company := ws.ID(intercomtest.Contacts, 4), ws.ID(intercomtest.Companies, 1)
	made := call(t, ws, "POST", "/tags", `{"name":"VIP"}`)
	id, _ := made["id"].(string)
	if again := call(t, ws, "POST", "/tags", `{"name":"VIP"}`); again["id"] != id {
		t.Errorf("got another tag of the same name: %v", again)
	}
	if got := call(t, ws, "POST", "/tags", `{"name":"tag 1003"}`); got["id"] != "1003" {
		t.Errorf("a tag that is made up is not found by its name: %v", got)
	}
	call(t, ws, "POST", "/tags", `{"name":"VIP","users":[{"id":"`+contact+`"}]}`)
	call(t, ws, "POST", "/tags", `{"name":"VIP","companies":[{"company_id":"acme-1"}]}`)
	if got := listIDs(t, ws, "/contacts/"+contact+"/tags"); !slices.Contains(got, id) {
		t.Errorf("the contact has %v", got)
	}
	if r := get(t, ws, "/contacts/"+contact+"/tags"); !strings.Contains(string(r.Body), `"name":"VIP"`) {
		t.Errorf("got %s", r.Body)
	}
	firms := ids(t, listAll(t, ws, "/companies", url.Values{"tag_id": {id}}))
	if diff := cmp.Diff([]string{company}, firms); diff != "" {
		t.Errorf("companies (-want +got)\n%s", diff)
	}
	call(t, ws, "POST", "/tags", `{"name":"VIP","users":[{"id":"`+contact+`","untag":true}],"companies":[{"id":"`+company+`","untag":true}]}`)
	if got := listIDs(t, ws, "/contacts/"+contact+"/tags"); slices.Contains(got, id) {
		t.Errorf("the contact still has %v", got)
	}
	renamed := call(t, ws, "POST", "/tags", `{"name":"Very important","id":"`+id+`"}`)
	if got := call(t, ws, "GET", "/tags/"+id, ""); renamed["id"] != id || got["name"] != "Very important" {
		t.Errorf("got %v, %v", renamed, got)
	}
	// All or nothing: one that is not there changes nothing.
	before := len(ws.Writes())
	post(t, ws, "/tags", `{"name":"New","users":[{"id":"`+contact+`"},{"id":"nobody"}]}`).wantFailure(t, 404, "not_found")
	post(t, ws, "/tags", `{"name":"New","companies":[{"id":"none"}]}`).wantFailure(t, 404, "company_not_found")
	if len(ws.Writes()) != before || strings.Contains(string(get(t, ws, "/tags").Body), `"New"`) {
		t.Error("half of a refused write was applied")
	}
	call(t, ws, "DELETE", "/tags/"+id, "")
	get(t, ws, "/tags/"+id).wantFailure(t, 404, "not_found")
	if slices.Contains(listIDs(t, ws, "/tags"), id) {
		t.Error("a tag that was deleted is listed")
	}
	send(t.Context(), t, ws, "DELETE", "/tags/"+id, "").wantFailure(t, 404, "not_found")
}

func TestTagging(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{})
	for _, tt := range []struct{ path, admin, missing string }{
		{"/contacts/" + ws.ID(intercomtest.Contacts, 4), "", "not_found"},
		{"/conversations/" + ws.ID(intercomtest.Conversations, 0), `"admin_id":"1001"`, "not_found"},
		{"/tickets/" + ws.ID(intercomtest.Tickets, 0), `"admin_id":"1001"`, "ticket_not_found"},
		{"/articles/" + ws.ID(intercomtest.Articles, 0), "", "article_not_found"},
		{"/internal_articles/1002", "", "internal_article_not_found"},
		{"/content_snippets/1002", "", "content_snippet_not_found"},
	} {
		t.Run(tt.path, func(t *testing.T) {
			t.Parallel()
			ws := intercomtest.New(intercomtest.Config{})
			body := `{"id":"1040"}`
			detach := ""
			if tt.admin != "" {
				body, detach = `{"id":1040,`+tt.admin+`}`, `{`+tt.admin+`}`
			}
			tagged := func() bool {
				return strings.Contains(string(get(t, ws, tt.path).Body), `"id":"1040"`)
			}
			for i := range 2 {
				if got := call(t, ws, "POST", tt.path+"/tags", body); got["type"] != "tag" || got["id"] != "1040" || !tagged() {
					t.Errorf("got %v, tagged: %v", got, tagged())
				}
				if again := ws.Writes()[i].Again; again != (i == 1) {
					t.Errorf("again: %v", again)
				}
			}
			post(t, ws, tt.path+"/tags", strings.Replace(body, "1040", "4711", 1)).wantFailure(t, 404, "not_found")
			if tt.admin != "" {
				send(t.Context(), t, ws, "DELETE", tt.path+"/tags/1040", "").wantFailure(t, 400, "parameter_not_found")
			}
			call(t, ws, "DELETE", tt.path+"/tags/1040", detach)
			if tagged() {
				t.Error("still tagged")
			}
			send(t.Context(), t, ws, "DELETE", tt.path+"/tags/1040", detach).wantFailure(t, 404, "not_found")
			collection, _, _ := strings.Cut(tt.path[1:], "/")
			post(t, ws, "/"+collection+"/999/tags", body).wantFailure(t, 404, tt.missing)
		})
	}
}

func TestTagSearchFollowsTags(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{})
	id := ws.ID(intercomtest.Contacts, 4)
	call(t, ws, "POST", "/contacts/"+id+"/tags", `{"id":"1059"}`)
	found := ids(t, decode[envelope](t, post(t, ws, "/contacts/search", `{"query":{"field":"tag_id","operator":"=","value":"1059"},"pagination":{"per_page":150}}`)).Data)
	if !slices.Contains(found, id) {
		t.Errorf("%s is not among %v", id, found)
	}
}

func TestCompaniesOfContacts(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{})
	contact, _ := call(t, ws, "POST", "/contacts", `{"email":"a@example.com"}`)["id"].(string)
	company := ws.ID(intercomtest.Companies, 5)
	for range 2 {
		if got := call(t, ws, "POST", "/contacts/"+contact+"/companies", `{"id":"`+company+`"}`); got["id"] != company {
			t.Errorf("got %v", got)
		}
	}
	if got := listIDs(t, ws, "/contacts/"+contact+"/companies"); !slices.Equal(got, []string{company}) {
		t.Errorf("the contact has %v", got)
	}
	if got := listIDs(t, ws, "/companies/"+company+"/contacts"); !slices.Contains(got, contact) {
		t.Errorf("the company has %v", got)
	}
	if got := at(call(t, ws, "GET", "/contacts/"+contact, ""), "companies", "data", 0, "id"); got != company {
		t.Errorf("the contact says %v", got)
	}
	call(t, ws, "DELETE", "/contacts/"+contact+"/companies/"+company, "")
	if got := listIDs(t, ws, "/companies/"+company+"/contacts"); slices.Contains(got, contact) {
		t.Error("the company still has the contact")
	}
	send(t.Context(), t, ws, "DELETE", "/contacts/"+contact+"/companies/"+company, "").wantFailure(t, 404, "company_not_found")
	post(t, ws, "/contacts/"+contact+"/companies", `{"id":"nothing"}`).wantFailure(t, 404, "company_not_found")

	// One that is made up leaves a company it was in from the beginning.
	old := ws.ID(intercomtest.Contacts, 1)
	first := listIDs(t, ws, "/contacts/"+old+"/companies")[0]
	call(t, ws, "DELETE", "/contacts/"+old+"/companies/"+first, "")
	if got := listIDs(t, ws, "/companies/"+first+"/contacts"); slices.Contains(got, old) {
		t.Errorf("%s still has %s", first, old)
	}
}

func TestCompanyLimit(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{Companies: 1002})
	contact, _ := call(t, ws, "POST", "/contacts", `{"email":"a@example.com"}`)["id"].(string)
	for i := range 1000 {
		call(t, ws, "POST", "/contacts/"+contact+"/companies", `{"id":"`+ws.ID(intercomtest.Companies, i)+`"}`)
	}
	post(t, ws, "/contacts/"+contact+"/companies", `{"id":"`+ws.ID(intercomtest.Companies, 1001)+`"}`).wantFailure(t, 400, "contact_company_limit_exceeded")
}

func TestSubscriptions(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{})
	path := "/contacts/" + ws.ID(intercomtest.Contacts, 4) + "/subscriptions"
	if got := call(t, ws, "POST", path, `{"id":1020,"consent_type":"opt_out"}`); got["type"] != "subscription" || got["consent_type"] != "opt_out" {
		t.Errorf("got %v", got)
	}
	call(t, ws, "DELETE", path+"/1001", "")
	if diff := cmp.Diff([]string{"1002", "1003", "1020"}, listIDs(t, ws, path)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	send(t.Context(), t, ws, "DELETE", path+"/1001", "").wantFailure(t, 404, "not_found")
	post(t, ws, path, `{"id":"4711","consent_type":"opt_in"}`).wantFailure(t, 404, "not_found")
}

// Equal notes are all kept: nothing tells that one was meant.
func TestNotes(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{})
	contact, _ := call(t, ws, "POST", "/contacts", `{"email":"a@example.com"}`)["id"].(string)
	for _, tt := range []struct {
		path, parent, id string
		had              int
	}{
		{"/contacts/" + contact, "contact", contact, 0},
		{"/contacts/" + ws.ID(intercomtest.Contacts, 7), "contact", ws.ID(intercomtest.Contacts, 7), 60},
		{"/companies/" + ws.ID(intercomtest.Companies, 21), "company", ws.ID(intercomtest.Companies, 21), 55},
	} {
		var made []string
		for range 3 {
			note := call(t, ws, "POST", tt.path+"/notes", `{"body":"Hello","admin_id":"1002"}`)
			if note["body"] != "<p>Hello</p>" || at(note, tt.parent, "id") != tt.id || at(note, "author", "id") != "1002" {
				t.Errorf("got %v", note)
			}
			made = append(made, fmt.Sprint(note["id"]))
		}
		all := listIDs(t, ws, tt.path+"/notes")
		if len(all) != tt.had+3 || !slices.Equal(all[tt.had:], made) {
			t.Errorf("%s: %d notes, the last %v, want %d, the last %v", tt.path, len(all), all[max(0, len(all)-3):], tt.had+3, made)
		}
		if tt.parent == "contact" {
			if got := call(t, ws, "GET", "/notes/"+made[0], ""); got["id"] != made[0] {
				t.Errorf("got %v", got)
			}
			if got := at(call(t, ws, "GET", tt.path, ""), "notes", "total_count"); got != float64(tt.had+3) {
				t.Errorf("the contact counts %v notes", got)
			}
		}
		post(t, ws, tt.path+"/notes", `{"body":""}`).wantFailure(t, 400, "parameter_invalid")
	}
}

func TestUpsertCompany(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{})
	made := call(t, ws, "POST", "/companies", `{"company_id":"c-1","name":"One","plan":"gold","custom_attributes":{"a":1,"b":2}}`)
	again := call(t, ws, "POST", "/companies", `{"company_id":"c-1","name":"Uno","custom_attributes":{"b":3}}`)
	if again["id"] != made["id"] || again["name"] != "Uno" || at(again, "custom_attributes", "a") != 1.0 || at(again, "custom_attributes", "b") != 3.0 ||
		at(again, "plan", "name") != "gold" || ws.Len(intercomtest.Companies) != 71 {
		t.Errorf("got %v, %d companies", again, ws.Len(intercomtest.Companies))
	}
	id := fmt.Sprint(made["id"])
	call(t, ws, "PUT", "/companies/"+id, `{"name":"Eins","company_id":"c-2"}`)
	for _, query := range []string{"company_id=c-1", "name=Eins"} {
		if got := call(t, ws, "GET", "/companies?"+query, ""); got["id"] != id || got["company_id"] != "c-1" {
			t.Errorf("%s: got %v", query, got)
		}
	}
	get(t, ws, "/companies?company_id=c-2").wantFailure(t, 404, "company_not_found")
	if got := call(t, ws, "POST", "/companies", `{"company_id":"acme-7","name":"Seven"}`); got["id"] != ws.ID(intercomtest.Companies, 7) {
		t.Errorf("one that is made up is not found by its company_id: %v", got)
	}
	call(t, ws, "DELETE", "/companies/"+id, "")
	send(t.Context(), t, ws, "DELETE", "/companies/"+id, "").wantFailure(t, 404, "company_not_found")
	if got := call(t, ws, "POST", "/companies", `{"company_id":"c-1"}`); got["id"] == id {
		t.Error("a deleted company came back")
	}
	post(t, ws, "/companies", `{"name":"x"}`).wantFailure(t, 400, "parameter_not_found")
	if got := listAll(t, ws, "/companies/scroll", url.Values{}); len(got) != 71 {
		t.Errorf("%d companies, want 71", len(got))
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{})
	contact, _ := call(t, ws, "POST", "/contacts", `{"email":"a@example.com","external_id":"x"}`)["id"].(string)
	now := time.Now().Unix()
	for i, who := range []string{`"id":"` + contact + `"`, `"user_id":"x"`, `"email":"A@example.com"`} {
		body := fmt.Sprintf(`{"event_name":"bought","created_at":%d,%s,"metadata":{"n":%d}}`, now, who, i)
		r := post(t, ws, "/events", body)
		if r.Status != 202 || len(r.Body) != 0 || ws.Writes()[len(ws.Writes())-1].Again != (i > 0) {
			t.Errorf("%s: got %d %q", who, r.Status, r.Body)
		}
	}
	call(t, ws, "POST", "/events", fmt.Sprintf(`{"event_name":"bought","created_at":%d,"user_id":"x"}`, now-60))
	call(t, ws, "POST", "/events", fmt.Sprintf(`{"event_name":"sold","created_at":%d,"user_id":"x"}`, now))
	e := decode[envelope](t, get(t, ws, "/events?type=user&user_id=x"))
	var names []string
	for _, raw := range e.Events {
		names = append(names, string(raw))
	}
	if len(names) != 3 || !strings.Contains(names[2], fmt.Sprint(now-60)) || !strings.Contains(strings.Join(names, ""), `"metadata":{"n":0}`) {
		t.Errorf("got %v", names)
	}
	if r := get(t, ws, "/events?type=user&user_id=x&summary=true"); !strings.Contains(string(r.Body), `"name":"bought"`) || !strings.Contains(string(r.Body), `"count":2`) {
		t.Errorf("got %s", r.Body)
	}
	for _, tt := range []struct {
		name, body string
		status     int
		code       string
	}{
		{"of nobody", `{"event_name":"e","created_at":1}`, 400, "parameter_missing"},
		{"of a stranger", `{"event_name":"e","created_at":1,"user_id":"stranger"}`, 404, "not_found"},
		{"at no time", `{"event_name":"e","created_at":"now","user_id":"x"}`, 400, "parameter_invalid"},
		{"too talkative", `{"event_name":"e","created_at":1,"user_id":"x","metadata":{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1,"j":1,"k":1}}`, 400, "parameter_invalid"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			post(t, ws, "/events", tt.body).wantFailure(t, tt.status, tt.code)
		})
	}
}
