package intercomtest_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"intercom-connector/shared/intercom"
	"intercom-connector/shared/intercom/intercomtest"
)

// target returns where a request goes, with its query.
func target(req intercom.Request) string {
	path := req.Operation.Path
	for name, value := range req.Path {
		path = strings.ReplaceAll(path, "{"+name+"}", url.PathEscape(value))
	}
	if len(req.Query) > 0 {
		path += "?" + req.Query.Encode()
	}
	return path
}

func TestEveryReadIsAnswered(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{})
	reads := 0
	for _, op := range intercom.Operations() {
		if op.Kind != intercom.Read {
			continue
		}
		reads++
		t.Run(op.Method+" "+op.Path, func(t *testing.T) {
			t.Parallel()
			req := ws.Example(op)
			r := send(t.Context(), t, ws, op.Method, target(req), string(req.Payload))
			if r.Err != nil || r.Status >= 400 {
				t.Fatalf("got %d (%v)\n%s", r.Status, r.Err, r.Body)
			}
			checkShape(t, op, r)
		})
	}
	if reads != 114 {
		t.Errorf("the catalog has %d reads, want 114", reads)
	}
}

func checkShape(t *testing.T, op *intercom.Operation, r reply) {
	t.Helper()
	mediaType := r.Header.Get("Content-Type")
	switch op.Answer {
	case intercom.Text:
		if mediaType != "text/plain" || len(r.Body) == 0 {
			t.Errorf("got %q, want text", mediaType)
		}
		return
	case intercom.Binary:
		if r.Status == http.StatusFound {
			return
		}
		if mediaType != "application/octet-stream" || len(r.Body) == 0 {
			t.Errorf("got %q, want bytes", mediaType)
		}
		return
	case intercom.JSON, intercom.Empty:
	}
	if !strings.HasPrefix(mediaType, "application/json") || !json.Valid(r.Body) {
		t.Fatalf("got %q, want JSON\n%s", mediaType, r.Body)
	}
	if op.Items == "" {
		if v := decode[map[string]any](t, r); len(v) == 0 {
			t.Errorf("got an empty object")
		}
		return
	}
	value := json.RawMessage(r.Body)
	if op.Items != "." {
		for k := range strings.SplitSeq(op.Items, ".") {
			var object map[string]json.RawMessage
			if err := json.Unmarshal(value, &object); err != nil {
				t.Fatalf("%s: %v", op.Items, err)
			}
			value = object[k]
		}
	}
	var items []json.RawMessage
	if err := json.Unmarshal(value, &items); err != nil {
		t.Fatalf("%s holds no list: %v\n%s", op.Items, err, r.Body)
	}
}

func TestPathsThatAreNoReads(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{})
	for _, tt := range []struct{ name, method, path string }{
		{"no such path", "GET", "/contact"},
		{"no such method", "PATCH", "/contacts"},
		{"no such contact", "GET", "/contacts/6762f0d01bb69f9f0fffffff"},
		{"no such tag", "GET", "/tags/999999"},
		{"notes of nobody", "GET", "/contacts/x/notes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			send(t.Context(), t, ws, tt.method, tt.path, "").wantFailure(t, 404, "not_found")
		})
	}
}

// Lists without rules of their own reach their end, whatever the way.
func TestPagesReachTheirEnd(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{ActivityLogs: 55, Executions: 90})
	for _, tt := range []struct {
		name, path string
		query      url.Values
		want       int
	}{
		{"URL", "/ai/external_pages", url.Values{}, 60},
		{"URL with a size", "/custom_object_instances/Order", url.Values{"per_page": {"7"}}, 60},
		{"number", "/news/news_items", url.Values{}, 60},
		{"number in an object", "/news/newsfeeds", url.Values{}, 60},
		{"cursor", "/data_connectors", url.Values{}, 60},
		{"cursor and a rule", "/messages/status", url.Values{"ruleset_id": {"1"}}, 60},
		{"tuple", "/macros", url.Values{"per_page": {"7"}}, 60},
		{"activity logs", "/admins/activity_logs", url.Values{"created_at_after": {"1"}}, 55},
		{"executions", "/data_connectors/1001/execution_results", url.Values{"start_ts": {"1"}}, 30},
		{"articles", "/articles", url.Values{"per_page": {"7"}}, 40},
		{"collections", "/help_center/collections", url.Values{}, 25},
		{"content", "/content/search", url.Values{}, 44},
		{"contacts", "/contacts", url.Values{}, 100},
		{"conversations", "/conversations", url.Values{}, 60},
		{"notes of a contact", "/contacts/" + ws.ID(intercomtest.Contacts, 7) + "/notes", url.Values{}, 60},
		{"companies of a contact", "/contacts/" + ws.ID(intercomtest.Contacts, 97) + "/companies", url.Values{"per_page": {"5"}}, 12},
		{"notes of a company", "/companies/" + ws.ID(intercomtest.Companies, 21) + "/notes", url.Values{}, 55},
		{"events", "/events", url.Values{"type": {"user"}, "intercom_user_id": {ws.ID(intercomtest.Contacts, 31)}}, 120},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			all := ids(t, listAll(t, ws, tt.path, tt.query))
			unique := map[string]bool{}
			for _, id := range all {
				unique[id] = true
			}
			if len(all) != tt.want || len(unique) != tt.want {
				t.Errorf("got %d records with %d ids, want %d", len(all), len(unique), tt.want)
			}
		})
	}
}

func TestFlatPages(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{})
	got := decode[map[string]any](t, get(t, ws, "/audiences?page=2"))
	delete(got, "data")
	want := map[string]any{"type": "list", "total_count": 60.0, "page": 2.0, "per_page": 50.0, "total_pages": 2.0}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestPageSizes(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{})
	for _, tt := range []struct{ path, code string }{
		{"/contacts?per_page=151", "bad_request"},
		{"/contacts?per_page=0", "parameter_invalid"},
		{"/contacts?per_page=many", "parameter_invalid"},
		{"/conversations/deleted?per_page=61", "bad_request"},
		{"/audiences?per_page=51", "bad_request"},
		{"/calls?per_page=26", "bad_request"},
		{"/data_connectors?per_page=51", "bad_request"},
		{"/data_connectors/1001/execution_results?per_page=31", "bad_request"},
		{"/macros?per_page=151", "bad_request"},
		{"/content/search?per_page=51", "bad_request"},
		{"/articles?page=0", "parameter_invalid"},
		{"/contacts?starting_after=", "parameter_invalid"},
		{"/macros?starting_after=None", "parameter_invalid"},
	} {
		t.Run(tt.path, func(t *testing.T) {
			t.Parallel()
			get(t, ws, tt.path).wantFailure(t, 400, tt.code)
		})
	}
}

func TestRulesOfSingleOperations(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{Workspace: "ab12cd34", Region: "EU"})
	for _, tt := range []struct {
		name, path string
		status     int
		code       string
	}{
		{"attributes of conversations", "/data_attributes?model=conversation", 422, "parameter_invalid"},
		{"companies without a filter", "/companies", 400, "parameter_missing"},
		{"company by an unknown id", "/companies?company_id=x", 404, "company_not_found"},
		{"logs without a beginning", "/admins/activity_logs", 400, "parameter_missing"},
		{"status without a ruleset", "/messages/status", 400, "parameter_missing"},
		{"events of nobody", "/events?type=user", 400, "parameter_missing"},
		{"events of anything", "/events?user_id=user-1", 400, "parameter_missing"},
		{"visitor without an id", "/visitors", 400, "parameter_missing"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			get(t, ws, tt.path).wantFailure(t, tt.status, tt.code)
		})
	}
	t.Run("me", func(t *testing.T) {
		t.Parallel()
		me := decode[struct {
			App struct {
				IDCode   string `json:"id_code"`
				Region   string
				Timezone string
			}
		}](t, get(t, ws, "/me"))
		if got := me.App; got.IDCode != "ab12cd34" || got.Region != "EU" || got.Timezone != "UTC" {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("recording", func(t *testing.T) {
		t.Parallel()
		ws := intercomtest.New(intercomtest.Config{})
		r := get(t, ws, "/calls/1001/recording")
		location, err := url.Parse(r.Header.Get("Location"))
		if r.Status != 302 || err != nil || location.Hostname() != intercomtest.ForeignHost {
			t.Fatalf("got %d to %v", r.Status, location)
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, location.String(), http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		if r := do(ws, req); r.Status != 200 || r.Header.Get("Content-Type") != "audio/mpeg" || ws.Stats().Leaks != 0 {
			t.Errorf("got %d %q, %d leaks", r.Status, r.Header.Get("Content-Type"), ws.Stats().Leaks)
		}
		req.Header.Set("Authorization", "Bearer secret")
		if do(ws, req); ws.Stats().Leaks != 1 {
			t.Error("a token on the foreign host was not noted")
		}
	})
}
