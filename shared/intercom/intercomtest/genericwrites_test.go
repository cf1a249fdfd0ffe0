package intercomtest_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"intercom-connector/shared/intercom/intercomtest"
)

// What is made in a list without rules of its own is in the list, can be read,
// changed and deleted.
func TestGenericLists(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ path, body, key, change string }{
		{"/audiences", `{"name":"A"}`, "name", "PUT"},
		{"/content_snippets", `{"title":"A"}`, "title", "PUT"},
		{"/internal_articles", `{"title":"A","owner_id":1,"author_id":1}`, "title", "PUT"},
		{"/news/news_items", `{"title":"A","sender_id":1}`, "title", "PUT"},
		{"/data_connectors", `{"name":"A"}`, "name", "PATCH"},
		{"/office_hours_schedules", `{"name":"A","time_zone_name":"UTC","time_intervals":[]}`, "name", "PUT"},
		{"/ai/content_import_sources", `{"sync_behavior":"api","url":"A"}`, "url", "PUT"},
		{"/ai/external_pages", `{"external_id":"e","html":"h","locale":"en","source_id":1,"title":"A","url":"u"}`, "title", "PUT"},
		{"/conversations/attributes", `{"name":"A","data_type":"string"}`, "name", "PUT"},
		{"/ticket_types", `{"name":"A"}`, "name", "PUT"},
		{"/help_center/help_centers/1001/redirects", `{"from_url":"A","locale":"en","target_type":"article","target_id":"1"}`, "from_url", ""},
		{"/articles", `{"title":"A","author_id":1}`, "title", "PUT"},
		{"/help_center/collections", `{"name":"A"}`, "name", "PUT"},
	} {
		t.Run(tt.path, func(t *testing.T) {
			t.Parallel()
			ws := intercomtest.New(intercomtest.Config{Others: 30})
			n := len(listAll(t, ws, tt.path, url.Values{}))
			made := call(t, ws, "POST", tt.path, tt.body)
			id := fmt.Sprint(made["id"])
			if f, ok := made["id"].(float64); ok {
				id = fmt.Sprint(int64(f))
			}
			if made[tt.key] != "A" {
				t.Errorf("got %v", made)
			}
			all := listAll(t, ws, tt.path, url.Values{})
			if len(all) != n+1 || !slices.ContainsFunc(all, func(raw json.RawMessage) bool {
				return strings.Contains(string(raw), id) && strings.Contains(string(raw), `"`+tt.key+`":"A"`)
			}) {
				t.Errorf("%s is not among the %d of %s", id, len(all), tt.path)
			}
			if got := call(t, ws, "GET", tt.path+"/"+id, ""); got[tt.key] != "A" {
				t.Errorf("got %v", got)
			}
			old := "1001" // one that is made up can be changed, too
			switch tt.path {
			case "/articles":
				old = ws.ID(intercomtest.Articles, 0)
			case "/help_center/collections":
				old = ws.ID(intercomtest.Collections, 0)
			}
			for _, which := range []string{id, old} {
				if tt.change == "" {
					continue
				}
				call(t, ws, tt.change, tt.path+"/"+which, strings.Replace(tt.body, `"A"`, `"B"`, 1))
				if got := call(t, ws, "GET", tt.path+"/"+which, ""); got[tt.key] != "B" {
					t.Errorf("got %v", got)
				}
			}
			if tt.path == "/ticket_types" || tt.path == "/conversations/attributes" {
				return // these are archived instead
			}
			for _, which := range []string{id, old} {
				call(t, ws, "DELETE", tt.path+"/"+which, "")
				get(t, ws, tt.path+"/"+which).wantFailure(t, 404, "not_found")
				send(t.Context(), t, ws, "DELETE", tt.path+"/"+which, "").wantFailure(t, 404, "not_found")
			}
			if got := len(listAll(t, ws, tt.path, url.Values{})); got != n-1 {
				t.Errorf("%d are listed, want %d", got, n-1)
			}
		})
	}
}

func TestUniqueRecords(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{})
	page := `{"external_id":"e","html":"h","locale":"en","source_id":1,"title":"A"}`
	first := call(t, ws, "POST", "/ai/external_pages", page)
	second := call(t, ws, "POST", "/ai/external_pages", strings.Replace(page, `"A"`, `"B"`, 1))
	if first["id"] != second["id"] || second["title"] != "B" {
		t.Errorf("got %v", second)
	}
	redirect := `{"from_url":"https://help.example.com/a","locale":"en","target_type":"article","target_id":"1"}`
	call(t, ws, "POST", "/help_center/help_centers/1001/redirects", redirect)
	post(t, ws, "/help_center/help_centers/1001/redirects", redirect).wantFailure(t, 409, "resource_conflict")
}

func TestCustomObjects(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{})
	made := call(t, ws, "POST", "/custom_object_instances/Order", `{"external_id":"x-1","custom_attributes":{"a":"1","b":"2"}}`)
	again := call(t, ws, "POST", "/custom_object_instances/Order", `{"external_id":"x-1","custom_attributes":{"b":"3"}}`)
	id := fmt.Sprint(made["id"])
	if again["id"] != id || at(again, "custom_attributes", "a") != "1" || at(again, "custom_attributes", "b") != "3" || again["type"] != "Order" {
		t.Errorf("got %v", again)
	}
	old := call(t, ws, "POST", "/custom_object_instances/Order", `{"external_id":"order_7","custom_attributes":{"state":"paid"}}`)
	if old["id"] != "1008" || at(old, "custom_attributes", "order_number") != "ORDER-7" {
		t.Errorf("got %v", old)
	}
	if got := len(listAll(t, ws, "/custom_object_instances/Order", url.Values{})); got != 61 {
		t.Errorf("%d are listed, want 61", got)
	}
	if got := len(listAll(t, ws, "/custom_object_instances/Invoice", url.Values{})); got != 60 {
		t.Errorf("%d of another type are listed, want 60", got)
	}
	if got := call(t, ws, "GET", "/custom_object_instances/Order?external_id=x-1", ""); got["id"] != id {
		t.Errorf("got %v", got)
	}
	call(t, ws, "DELETE", "/custom_object_instances/Order?external_id=x-1", "")
	call(t, ws, "DELETE", "/custom_object_instances/Order/1008", "")
	for _, path := range []string{"/custom_object_instances/Order/" + id, "/custom_object_instances/Order?external_id=order_7"} {
		get(t, ws, path).wantFailure(t, 404, "not_found")
		send(t.Context(), t, ws, "DELETE", path, "").wantFailure(t, 404, "not_found")
	}
	send(t.Context(), t, ws, "DELETE", "/custom_object_instances/Order", "").wantFailure(t, 400, "parameter_missing")
}

func TestOptionsAndAttributes(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{})
	const list = "/conversations/attributes/1001"
	got := call(t, ws, "POST", list+"/options", `{"label":"High"}`)
	option := fmt.Sprint(at(got, "options", 1, "id"))
	call(t, ws, "PUT", list+"/options/"+option, `{"label":"Higher"}`)
	call(t, ws, "DELETE", list+"/options/"+option, "")
	got = call(t, ws, "GET", list, "")
	if at(got, "options", 1, "label") != "Higher" || at(got, "options", 1, "archived") != true || at(got, "options", 0, "archived") != false {
		t.Errorf("got %v", got)
	}
	send(t.Context(), t, ws, "PUT", list+"/options/9", `{"label":"x"}`).wantFailure(t, 422, "parameter_invalid")
	if got := call(t, ws, "DELETE", list, ""); got["archived"] != true {
		t.Errorf("got %v", got)
	}
	text := call(t, ws, "POST", "/conversations/attributes", `{"name":"n","data_type":"string"}`)
	post(t, ws, fmt.Sprintf("/conversations/attributes/%.0f/options", text["id"]), `{"label":"x"}`).wantFailure(t, 422, "parameter_invalid")

	made := call(t, ws, "POST", "/ticket_types/1001/attributes", `{"name":"n","description":"d","data_type":"string"}`)
	call(t, ws, "PUT", fmt.Sprintf("/ticket_types/1001/attributes/%v", made["id"]), `{"description":"other"}`)
	typ := call(t, ws, "GET", "/ticket_types/1001", "")
	if at(typ, "ticket_type_attributes", "data", 0, "description") != "other" || at(typ, "ticket_type_attributes", "data", 0, "name") != "n" {
		t.Errorf("got %v", typ)
	}
}

func TestDraftsAreStagedAndPublished(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{})
	published, draft := "/articles/"+ws.ID(intercomtest.Articles, 0), "/articles/"+ws.ID(intercomtest.Articles, 1)
	call(t, ws, "PUT", published+"/draft", `{"title":"Soon"}`)
	if got := call(t, ws, "GET", published, ""); got["title"] == "Soon" {
		t.Error("a draft is served before it is published")
	}
	if got := call(t, ws, "GET", published+"/draft", ""); got["title"] != "Soon" {
		t.Errorf("the draft is %v", got)
	}
	call(t, ws, "POST", published+"/draft/publish", `{}`)
	if got := call(t, ws, "GET", published, ""); got["title"] != "Soon" {
		t.Errorf("got %v", got)
	}
	post(t, ws, published+"/draft/publish", `{}`).wantFailure(t, 422, "parameter_invalid")
	send(t.Context(), t, ws, "PUT", draft+"/draft", `{"title":"x"}`).wantFailure(t, 422, "parameter_invalid")
	if got := call(t, ws, "GET", "/articles/search?phrase=soon", ""); got["total_count"] != 1.0 {
		t.Errorf("a search finds %v, want 1", got["total_count"])
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{})
	call(t, ws, "PUT", "/admins/1002/away", `{"away_mode_enabled":true,"away_mode_reassign":false}`)
	if got := call(t, ws, "GET", "/admins/1002", ""); got["away_mode_enabled"] != true {
		t.Errorf("got %v", got)
	}
	call(t, ws, "PUT", "/ip_allowlist", `{"enabled":true,"ip_allowlist":["10.0.0.9"]}`)
	if got := call(t, ws, "GET", "/ip_allowlist", ""); got["enabled"] != true || at(got, "ip_allowlist", 0) != "10.0.0.9" {
		t.Errorf("got %v", got)
	}
	post(t, ws, "/content/bulk_actions", `{"action":"publish","content_ids":[]}`).wantFailure(t, 422, "parameter_invalid")
}

func TestExportJobs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ws := intercomtest.New(intercomtest.Config{JobTime: 30 * time.Second})
		const content = `{"created_at_after":1,"created_at_before":2}`
		job := call(t, ws, "POST", "/export/content/data", content)
		id := fmt.Sprint(job["job_identifier"])
		r := post(t, ws, "/export/content/data", content)
		if r.wantFailure(t, 429, "rate_limit_exceeded"); !strings.Contains(r.message(), "1 pending message data export job") {
			t.Errorf("got %q", r.message())
		}
		for _, step := range []struct {
			after  time.Duration
			status string
		}{{0, "pending"}, {10 * time.Second, "in_progress"}, {20 * time.Second, "completed"}} {
			time.Sleep(step.after)
			got := call(t, ws, "GET", "/export/content/data/"+id, "")
			if got["status"] != step.status || (got["download_url"] != "") != (step.status == "completed") {
				t.Errorf("got %v, want %s", got, step.status)
			}
		}
		second := fmt.Sprint(call(t, ws, "POST", "/export/content/data", content)["job_identifier"])
		if got := call(t, ws, "POST", "/export/cancel/"+second, ""); got["status"] != "canceled" {
			t.Errorf("got %v", got)
		}
		call(t, ws, "POST", "/export/content/data", content)

		const reporting = `{"dataset_id":"conversation","attribute_ids":["a"],"start_time":1,"end_time":2}`
		for range 5 {
			call(t, ws, "POST", "/export/reporting_data/enqueue", reporting)
		}
		post(t, ws, "/export/reporting_data/enqueue", reporting).wantFailure(t, 429, "rate_limit_exceeded")
		if got := ws.Stats(); got.Violations != 0 {
			t.Errorf("%d violations: a limit of jobs is none of requests", got.Violations)
		}
	})
}
