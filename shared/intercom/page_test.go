package intercom_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"intercom-connector/shared/intercom"
)

func pageAnswer(body string) *intercom.Response {
	return &intercom.Response{Status: http.StatusOK, Body: []byte(body)}
}

func raws(page intercom.Page) []string {
	var all []string
	for _, r := range page.Records {
		all = append(all, string(r.Raw))
	}
	return all
}

func TestSplitPage(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		items string
		body  string
		want  []string
		total int64
	}{
		{"a list", "data", `{"type":"list","data":[{"id":"1"}, {"id":"2"}],"total_count":2}`, []string{`{"id":"1"}`, `{"id":"2"}`}, 2},
		{"the total in pages", "data", `{"pages":{"total_count":7,"page":1},"data":[]}`, nil, 7},
		{"both totals", "data", `{"pages":{"total_count":7},"data":[],"total_count":8}`, nil, 8},
		{"a total that is null", "data", `{"pages":null,"data":[],"total_count":null}`, nil, -1},
		{"a total as text", "data", `{"data":[],"total_count":"9"}`, nil, 9},
		{"another key", "conversations", `{"type":"conversation.list","conversations":[{"id":"1"}]}`, []string{`{"id":"1"}`}, -1},
		{"data for another key", "conversations", `{"type":"list","data":[{"id":"1"}],"extras":[{"id":"9"}]}`, []string{`{"id":"1"}`}, -1},
		{"another key for data", "data", `{"type":"list","companies":[{"id":"1"}],"pages":{"next":null}}`, []string{`{"id":"1"}`}, -1},
		{"the declared key before data", "companies", `{"data":[{"id":"1"}],"companies":[{"id":"2"}]}`, []string{`{"id":"2"}`}, -1},
		{"data that is null for another key", "companies", `{"data":null,"total_count":0}`, nil, 0},
		{"nested", "data.articles", `{"type":"list","total_count":1,"data":{"highlights":[{"x":1}],"articles":[{"id":"1"}]}}`, []string{`{"id":"1"}`}, 1},
		{"nested, but flat", "data.articles", `{"data":[{"id":"1"}]}`, []string{`{"id":"1"}`}, -1},
		{"nested and null", "data.articles", `{"data":{"articles":null}}`, nil, -1},
		{"nested in null", "data.articles", `{"data":null}`, nil, -1},
		{"a root array", ".", ` [ {"id":"1"} , {"id":"2"} ] `, []string{`{"id":"1"}`, `{"id":"2"}`}, -1},
		{"a root array that is empty", ".", `[]`, nil, -1},
		{"a root that is null", ".", `null`, nil, -1},
		{"a list where a root array was expected", ".", `{"data":[{"id":"1"}]}`, []string{`{"id":"1"}`}, -1},
		{"a list that is null", "data", `{"type":"list","data":null}`, nil, -1},
		{"a list that is empty", "data", `{"type":"list","data":[ ]}`, nil, -1},
		{"an object", "", `{"type":"admin","id":"1","data":[1,2]}`, []string{`{"type":"admin","id":"1","data":[1,2]}`}, -1},
		{"a list where an object was expected", "", `[{"id":"1"}]`, []string{`{"id":"1"}`}, -1},
		{"an object instead of a list", "data", `{"type":"company","id":"1","tags":{"type":"tag.list","tags":[]}}`, []string{`{"type":"company","id":"1","tags":{"type":"tag.list","tags":[]}}`}, -1},
		{"an object with a list instead of a list", "data", `{"type":"company","id":"1","plans":[{"id":"9"}]}`, []string{`{"type":"company","id":"1","plans":[{"id":"9"}]}`}, -1},
		{"records that are no objects", "event_types", `{"event_types":["a",1,null,[],true]}`, []string{`"a"`, `1`, `null`, `[]`, `true`}, -1},
		{"the key twice", "data", `{"data":[1,2],"data":[3]}`, []string{`3`}, -1},
		{"the key with escapes", "data", `{"d\u0061ta":[1]}`, []string{`1`}, -1},
		{"the key inside something else", "data", `{"x":{"data":[9]},"data":[1]}`, []string{`1`}, -1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			page, err := intercom.SplitPage(&intercom.Operation{Items: tt.items}, pageAnswer(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, raws(page)); diff != "" {
				t.Errorf("records (-want +got)\n%s", diff)
			}
			if page.Total != tt.total {
				t.Errorf("total %d, want %d", page.Total, tt.total)
			}
		})
	}
}

func TestSplitPageRefuses(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 9000)
	tests := []struct {
		name   string
		items  string
		body   string
		reason string
		offset int
	}{
		{"nothing", "data", ``, "cut short", -1},
		{"an object that is cut", "data", `{"type":"list","data":[{"id":"1"},{"id"`, "cut short", -1},
		{"an object that is cut after the list", "data", `{"type":"list","data":[{"id":"1"}]`, "cut short", -1},
		{"a page for browsers", "data", `<html></html>`, "no valid JSON", 0},
		{"more than one value", "data", `{"data":[]}{"data":[]}`, "no valid JSON", 11},
		{"a broken record", "data", `{"data":[{"id":"1"},{"id":tru}]}`, "no valid JSON", 29},
		{"a broken list", "data", `{"data":[1 2]}`, "no valid JSON", 11},
		{"a broken member", "data", `{"data":[],"pages":{"next":nul}}`, "no valid JSON", 30},
		{"no list", "data", `{"type":"list","pages":{"next":null}}`, `no list under "data"`, -1},
		{"nothing in it", "data", `{}`, `no list under "data"`, -1},
		{"two lists, neither the one", "data", `{"type":"list","a":[],"b":[]}`, `no list under "data"`, -1},
		{"an id in a list without a list", "data", `{"type":"list","id":"1"}`, `no list under "data"`, -1},
		{"no list for a root array", ".", `{"a":1}`, "no list", -1},
		{"no list inside", "data.articles", `{"data":{"highlights":[1]}}`, `no list under "data.articles"`, -1},
		{"an empty object around the list", "data.articles", `{"data":{}}`, `no list under "data.articles"`, -1},
		{"an object for a list inside", "data.articles", `{"data":{"articles":{}}}`, `"data.articles" is no list`, -1},
		{"an object for a list", "data", `{"data":{"a":1}}`, `"data" is no list`, -1},
		{"a text for a list", "data", `{"data":"a"}`, `"data" is no list`, -1},
		{"a text for everything", "data", `"a"`, "neither an object nor a list", -1},
		{"pages that is a list", "data", `{"data":[],"pages":[]}`, "pages is no object", -1},
		{"a next page that is a number", "data", `{"data":[],"pages":{"next":2}}`, "pages.next is neither", -1},
		{"a URL without a query", "data", `{"data":[],"pages":{"next":"https://api.intercom.io/tags"}}`, "says nothing", -1},
		{"a URL with a token only", "data", `{"data":[],"pages":{"next":"/tags?access_token=x"}}`, "says nothing", -1},
		{"a URL that is none", "data", `{"data":[],"pages":{"next":"/tags?%zz=1"}}`, "cannot be read", -1},
		{"a URL that is too long", "data", `{"data":[],"pages":{"next":"/tags?a=` + long + `"}}`, "too long", -1},
		{"a cursor that is too long", "data", `{"data":[],"pages":{"next":{"starting_after":"` + long + `"}}}`, "too long", -1},
		{"errors with a status of success", "data", `{"type":"error.list","request_id":"r","errors":[{"code":"server_error","message":"of joe@example.com"}]}`, "success: server_error", -1},
		{"errors for an object", "", `{"type":"error.list","errors":[{"code":"not a code!"}]}`, "status of success", -1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			op := &intercom.Operation{Method: "GET", Path: "/things", Items: tt.items}
			_, err := intercom.SplitPage(op, pageAnswer(tt.body))
			pageErr, ok := errors.AsType[*intercom.PageError](err)
			if !ok {
				t.Fatalf("error %v, want a PageError", err)
			}
			if !strings.Contains(pageErr.Reason, tt.reason) || pageErr.Offset != tt.offset || pageErr.Operation != op || !pageErr.Temporary() {
				t.Errorf("%q at %d of %v, temporary %v; want %q at %d", pageErr.Reason, pageErr.Offset, pageErr.Operation, pageErr.Temporary(), tt.reason, tt.offset)
			}
			if text := err.Error(); !strings.HasPrefix(text, "intercom: GET /things: page of ") || strings.Contains(text, "joe@") || len(text) > 200 {
				t.Errorf("error text %q", text)
			}
		})
	}
}

func TestSplitPageWithoutJSON(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		op   intercom.Operation
		resp *intercom.Response
		want []string
	}{
		{"a transcript", intercom.Operation{Answer: intercom.Text}, pageAnswer("Hello,\nthis is {not JSON"), []string{"Hello,\nthis is {not JSON"}},
		{"a download", intercom.Operation{Answer: intercom.Binary}, pageAnswer("\x1f\x8b\x00"), []string{"\x1f\x8b\x00"}},
		{"accepted", intercom.Operation{Answer: intercom.Empty}, &intercom.Response{Status: http.StatusAccepted}, nil},
		{"no content", intercom.Operation{Items: "data"}, &intercom.Response{Status: http.StatusNoContent}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			page, err := intercom.SplitPage(&tt.op, tt.resp)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, raws(page)); diff != "" {
				t.Errorf("records (-want +got)\n%s", diff)
			}
			if page.Total != -1 {
				t.Errorf("total %d, want none", page.Total)
			}
			for _, r := range page.Records {
				if r.ID != "" {
					t.Errorf("id %q", r.ID)
				}
			}
		})
	}
}

// FuzzSplitPage holds splitting against encoding/json: whatever one accepts as
// a list the other does, with the same records.
func FuzzSplitPage(f *testing.F) {
	for _, s := range texts {
		f.Add([]byte(s))
	}
	f.Add(contactPage(2))
	lists := &intercom.Operation{Items: "data", Paging: intercom.PageQuery}
	nested := &intercom.Operation{Items: "data.articles", Paging: intercom.NextURL}
	root := &intercom.Operation{Items: ".", Paging: intercom.CursorBody}
	single := &intercom.Operation{Paging: intercom.Scroll}
	f.Fuzz(func(t *testing.T, body []byte) {
		resp := &intercom.Response{Status: http.StatusOK, Body: body}
		for _, op := range []*intercom.Operation{nested, root, single} {
			checkPage(t, op, resp)
		}
		page, ok := checkPage(t, lists, resp)
		var naive struct {
			Data *[]json.RawMessage `json:"data"`
		}
		if !ok || json.Unmarshal(body, &naive) != nil || naive.Data == nil || hasDuplicates(body) || !hasKey(body, "data") {
			return
		}
		if len(*naive.Data) != len(page.Records) {
			t.Fatalf("%d records, want %d", len(page.Records), len(*naive.Data))
		}
		for i, raw := range *naive.Data {
			if string(raw) != string(page.Records[i].Raw) {
				t.Fatalf("record %d is %q, want %q", i, page.Records[i].Raw, raw)
			}
		}
	})
}

// hasKey tells whether an object has the very key: encoding/json takes Data too.
func hasKey(body []byte, key string) bool {
	var fields map[string]json.RawMessage
	if json.Unmarshal(body, &fields) != nil {
		return false
	}
	for k := range fields {
		if k != key && strings.EqualFold(k, key) {
			return false
		}
	}
	return fields[key] != nil
}

// checkPage splits a body, checks what must hold for any, and follows what it
// announces.
func checkPage(t *testing.T, op *intercom.Operation, resp *intercom.Response) (intercom.Page, bool) {
	t.Helper()
	page, err := intercom.SplitPage(op, resp)
	if err != nil {
		if _, ok := errors.AsType[*intercom.PageError](err); !ok {
			t.Fatalf("error %T", err)
		}
		return page, false
	}
	if !json.Valid(resp.Body) {
		t.Fatalf("accepted %q", resp.Body)
	}
	for _, r := range page.Records {
		again, err := intercom.ScanRecord(r.Raw)
		if err != nil {
			t.Fatalf("record %q: %v", r.Raw, err)
		}
		if diff := cmp.Diff(again, r); diff != "" {
			t.Fatalf("(-alone +in the page)\n%s", diff)
		}
	}
	var p intercom.Pager
	if err := p.Accept(op, &page); err != nil {
		return page, true
	}
	if p.Done() {
		return page, true
	}
	if _, err := p.Request(&intercom.Request{Operation: op}, 10); err != nil {
		t.Fatalf("request after %q: %v", resp.Body, err)
	}
	return page, true
}
