package intercomtest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"intercom-connector/shared/intercom/intercomtest"
)

const base = "https://api.intercom.io"

// reply is an answer as a test looks at it.
type reply struct {
	Status int
	Header http.Header
	Body   []byte
	Err    error // of the request or of reading its body
}

// send makes a request of ws and reads the answer to its end.
func send(ctx context.Context, t *testing.T, ws http.RoundTripper, method, target, body string) reply {
	t.Helper()
	return do(ws, newRequest(ctx, t, method, target, body))
}

func newRequest(ctx context.Context, tb testing.TB, method, target, body string) *http.Request {
	tb.Helper()
	if strings.HasPrefix(target, "/") {
		target = base + target
	}
	req, err := http.NewRequestWithContext(ctx, method, target, strings.NewReader(body))
	if err != nil {
		tb.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer secret")
	req.Header.Set("Intercom-Version", "2.16")
	return req
}

func do(ws http.RoundTripper, req *http.Request) reply {
	resp, err := ws.RoundTrip(req)
	if err != nil {
		return reply{Err: err}
	}
	b, err := io.ReadAll(resp.Body)
	if closeErr := resp.Body.Close(); err == nil {
		err = closeErr
	}
	return reply{resp.StatusCode, resp.Header, b, err}
}

func get(t *testing.T, ws http.RoundTripper, target string) reply {
	t.Helper()
	return send(t.Context(), t, ws, http.MethodGet, target, "")
}

func post(t *testing.T, ws http.RoundTripper, target, body string) reply {
	t.Helper()
	return send(t.Context(), t, ws, http.MethodPost, target, body)
}

// code returns the code of an error list, "" for anything else.
func (r reply) code() string {
	var list struct {
		Type      string `json:"type"`
		RequestID string `json:"request_id"`
		Errors    []struct {
			Code string `json:"code"`
		} `json:"errors"`
	}
	if json.Unmarshal(r.Body, &list) != nil || list.Type != "error.list" || len(list.Errors) != 1 || list.RequestID == "" {
		return ""
	}
	return list.Errors[0].Code
}

// wantFailure checks status and code.
func (r reply) wantFailure(t *testing.T, status int, code string) {
	t.Helper()
	if r.Err != nil || r.Status != status || r.code() != code {
		t.Errorf("got %d %q (%v), want %d %q\n%s", r.Status, r.code(), r.Err, status, code, r.Body)
	}
}

// decode reads a 200's JSON.
func decode[T any](t *testing.T, r reply) T {
	t.Helper()
	var v T
	if r.Err != nil || r.Status != http.StatusOK {
		t.Fatalf("got %d (%v), want 200\n%.500s", r.Status, r.Err, r.Body)
	}
	if err := json.Unmarshal(r.Body, &v); err != nil {
		t.Fatalf("%v\n%.500s", err, r.Body)
	}
	return v
}

// envelope is every page there is.
type envelope struct {
	Type    string            `json:"type"`
	Total   *int              `json:"total_count"`
	Data    []json.RawMessage `json:"data"`
	Convs   []json.RawMessage `json:"conversations"`
	Tickets []json.RawMessage `json:"tickets"`
	Logs    []json.RawMessage `json:"activity_logs"`
	Events  []json.RawMessage `json:"events"`
	Pages   *struct {
		Next       json.RawMessage `json:"next"`
		Page       int             `json:"page"`
		PerPage    int             `json:"per_page"`
		TotalPages int             `json:"total_pages"`
	} `json:"pages"`
	ScrollParam string `json:"scroll_param"`
	NextCursor  string `json:"next_cursor"`
	HasMore     bool   `json:"has_more"`
}

func (e *envelope) items() []json.RawMessage {
	for _, list := range [][]json.RawMessage{e.Convs, e.Tickets, e.Logs, e.Events} {
		if len(list) > 0 {
			return list
		}
	}
	return e.Data
}

// cursor returns pages.next.starting_after, "" on a last page.
func (e *envelope) cursor() string {
	var next struct {
		StartingAfter string `json:"starting_after"`
	}
	if e.Pages == nil || json.Unmarshal(e.Pages.Next, &next) != nil {
		return ""
	}
	return next.StartingAfter
}

// nextURL returns pages.next where it is a string.
func (e *envelope) nextURL() string {
	var next string
	if e.Pages == nil || json.Unmarshal(e.Pages.Next, &next) != nil {
		return ""
	}
	return next
}

// ids returns the ids of records.
func ids(t *testing.T, items []json.RawMessage) []string {
	t.Helper()
	out := make([]string, len(items))
	for i, item := range items {
		var v struct {
			ID any `json:"id"`
		}
		if err := json.Unmarshal(item, &v); err != nil {
			t.Fatal(err)
		}
		out[i] = fmt.Sprint(v.ID)
	}
	return out
}

// searchAll reads a search to its end, between pages calling step.
func searchAll(t *testing.T, ws http.RoundTripper, entity, query, sort string, perPage int, step func(page int)) []json.RawMessage {
	t.Helper()
	var all []json.RawMessage
	cursor := ""
	for page := 1; ; page++ {
		after := ""
		if cursor != "" {
			after = `,"starting_after":"` + cursor + `"`
		}
		body := fmt.Sprintf(`{"query":%s,"sort":%s,"pagination":{"per_page":%d%s}}`, query, sort, perPage, after)
		e := decode[envelope](t, post(t, ws, "/"+entity+"/search", body))
		all = append(all, e.items()...)
		cursor = e.cursor()
		if cursor == "" {
			return all
		}
		if step != nil {
			step(page)
		}
	}
}

// listAll reads a list by whatever its pages say comes next.
func listAll(t *testing.T, ws http.RoundTripper, path string, query url.Values) []json.RawMessage {
	t.Helper()
	var all []json.RawMessage
	for range 1000 {
		e := decode[envelope](t, get(t, ws, path+"?"+query.Encode()))
		all = append(all, e.items()...)
		switch {
		case e.cursor() != "":
			query.Set("starting_after", e.cursor())
		case e.nextURL() != "":
			u, err := url.Parse(e.nextURL())
			if err != nil {
				t.Fatal(err)
			}
			query = u.Query()
		case e.Pages != nil && e.Pages.Page < e.Pages.TotalPages:
			query.Set("page", fmt.Sprint(e.Pages.Page+1))
		default:
			return all
		}
	}
	t.Fatalf("%s does not end", path)
	return nil
}

// truth returns what there is, by id.
func truth(ws *intercomtest.Workspace, e intercomtest.Entity) map[string]string {
	all := map[string]string{}
	for r := range ws.Records(e) {
		all[r.ID] = string(r.JSON)
	}
	return all
}

// byID returns records by id.
func byID(t *testing.T, items []json.RawMessage) map[string]string {
	t.Helper()
	all := map[string]string{}
	for i, id := range ids(t, items) {
		all[id] = string(items[i])
	}
	return all
}

const everything = `{"field":"created_at","operator":">","value":1}`

const ascending = `{"field":"updated_at","order":"ascending"}`

// call sends a request that succeeds and returns its answer.
func call(t *testing.T, ws http.RoundTripper, method, path, body string) map[string]any {
	t.Helper()
	r := send(t.Context(), t, ws, method, path, body)
	if r.Err != nil || r.Status >= 300 {
		t.Fatalf("%s %s %s: got %d (%v)\n%s", method, path, body, r.Status, r.Err, r.Body)
	}
	var v map[string]any
	if len(r.Body) > 0 {
		if err := json.Unmarshal(r.Body, &v); err != nil {
			t.Fatalf("%v\n%s", err, r.Body)
		}
	}
	return v
}

// at returns what is under a path of keys and numbers of list entries.
func at(v any, path ...any) any {
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[p]
		case int:
			l, _ := v.([]any)
			if p < 0 {
				p += len(l)
			}
			if p < 0 || p >= len(l) {
				return nil
			}
			v = l[p]
		}
	}
	return v
}

// message returns the message of an error list.
func (r reply) message() string {
	var list struct {
		Errors []struct{ Message string }
	}
	if json.Unmarshal(r.Body, &list) != nil || len(list.Errors) != 1 {
		return ""
	}
	return list.Errors[0].Message
}
