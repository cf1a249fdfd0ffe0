package intercom_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"intercom-connector/shared/intercom"
)

// accept reads one page and moves on after it.
func accept(t *testing.T, p *intercom.Pager, op *intercom.Operation, body string) error {
	t.Helper()
	page, err := intercom.SplitPage(op, pageAnswer(body))
	if err != nil {
		t.Fatal(err)
	}
	return p.Accept(op, &page)
}

// asked is a request in one line: query and payload.
func asked(t *testing.T, p intercom.Pager, base intercom.Request, size int) string {
	t.Helper()
	before := mustJSON(json.Marshal(base))
	r, err := p.Request(&base, size)
	if err != nil {
		t.Fatal(err)
	}
	if after := mustJSON(json.Marshal(base)); string(before) != string(after) {
		t.Errorf("Request changed its base from %s to %s", before, after)
	}
	return strings.TrimSpace(r.Query.Encode() + " " + string(r.Payload))
}

// TestPagerStyles has a page of each kind that Intercom serves, and what must
// be asked for after it.
func TestPagerStyles(t *testing.T) {
	t.Parallel()
	const end = "end"
	tests := []struct {
		name   string
		paging intercom.Paging
		body   string
		want   string
	}{
		{"contacts", intercom.CursorQuery, `{"data":[{}],"pages":{"type":"pages","next":{"page":2,"starting_after":"WzE3"},"page":1,"per_page":50,"total_pages":3},"total_count":120}`, "per_page=50&starting_after=WzE3"},
		{"contacts, last page", intercom.CursorQuery, `{"data":[{}],"pages":{"type":"pages","page":3,"per_page":50,"total_pages":3}}`, end},
		{"contacts, last page while the list grows", intercom.CursorQuery, `{"data":[{}],"pages":{"next":null,"page":3,"total_pages":4}}`, end},
		{"contacts/search", intercom.CursorBody, `{"data":[{}],"pages":{"next":{"page":2,"starting_after":"WzE3"},"page":1,"total_pages":3}}`, `{"pagination":{"per_page":50,"starting_after":"WzE3"}}`},
		{"contacts/search, last page", intercom.CursorBody, `{"data":[{}],"pages":{"page":3,"total_pages":3}}`, end},
		{"a search with a URL", intercom.CursorBody, `{"data":[{}],"pages":{"next":"https://api.intercom.io/x?starting_after=WzE3&per_page=20"}}`, `{"pagination":{"per_page":50,"starting_after":"WzE3"}}`},
		{"companies/list", intercom.PageQuery, `{"data":[{}],"pages":{"type":"pages","next":"https://api.intercom.io/companies/list?per_page=15&page=2","page":1,"per_page":15,"total_pages":2}}`, "page=2&per_page=15"},
		{"companies/list, last page", intercom.PageQuery, `{"data":[{}],"pages":{"next":null,"page":2,"per_page":15,"total_pages":2}}`, end},
		{"companies as described", intercom.PageQuery, `{"data":[{}],"pages":{"next":{"page":2,"starting_after":"WzE3"},"page":1,"per_page":60,"total_pages":2}}`, "page=2&per_page=60"},
		{"numbers with a cursor only", intercom.PageQuery, `{"data":[{}],"pages":{"next":{"starting_after":"WzE3"}}}`, "per_page=50&starting_after=WzE3"},
		{"numbers as text", intercom.PageQuery, `{"data":[{}],"pages":{"next":{"page":"2"},"page":"1","per_page":"50"}}`, "page=2&per_page=50"},
		{"companies/{}/contacts", intercom.CursorQuery, `{"data":[{}],"pages":{"next":{"page":2}}}`, "page=2&per_page=50"},
		{"side conversations: no next", intercom.PageQuery, `{"data":[{}],"pages":{"type":"pages","page":1,"per_page":25,"total_pages":2}}`, "page=2&per_page=25"},
		{"side conversations, last page", intercom.PageQuery, `{"data":[{}],"pages":{"page":2,"per_page":25,"total_pages":2}}`, end},
		{"audiences: no pages", intercom.PageQuery, `{"data":[{}],"total_count":60,"page":1,"per_page":50,"total_pages":2}`, "page=2&per_page=50"},
		{"audiences, only page", intercom.PageQuery, `{"data":[{}],"total_count":2,"page":1,"per_page":50,"total_pages":1}`, end},
		{"activity_logs: a URL", intercom.NextURL, `{"data":[{}],"pages":{"next":"https://api.intercom.io/admins/activity_logs?created_at_after=5&per_page=20&page=2","page":1}}`, "created_at_after=5&page=2&per_page=20"},
		{"events: a URL with a position", intercom.NextURL, `{"data":[{}],"pages":{"next":"https://api.intercom.io/events?before=1144474756550"}}`, "before=1144474756550&per_page=50"},
		{"events, last page", intercom.NextURL, `{"data":[{}],"pages":{"next":null,"page":1,"total_pages":2}}`, end},
		{"a URL to another host, with a token", intercom.NextURL, `{"data":[{}],"pages":{"next":"//evil.example/y?page=2&access_token=x&Token=y&empty=#page=9"}}`, "page=2&per_page=50"},
		{"a URL that is a query alone", intercom.NextURL, `{"data":[{}],"pages":{"next":"?a=b%20c&page=2"}}`, "a=b+c&page=2&per_page=50"},
		{"a URL that is empty", intercom.NextURL, `{"data":[{}],"pages":{"next":""}}`, end},
		{"URL paging that only counts", intercom.NextURL, `{"data":[{}],"pages":{"page":1,"total_pages":2}}`, "page=2&per_page=50"},
		{"activity_logs/search", intercom.PageBody, `{"data":[{}],"pages":{"next":null,"page":1,"per_page":20,"total_pages":2}}`, `{"page":2,"per_page":20}`},
		{"activity_logs/search with a URL", intercom.PageBody, `{"data":[{}],"pages":{"next":"https://x/?page=2","page":1,"per_page":20}}`, `{"page":2,"per_page":20}`},
		{"activity_logs/search with an object", intercom.PageBody, `{"data":[{}],"pages":{"next":{"page":2},"page":1}}`, `{"page":2,"per_page":50}`},
		{"merge_history", intercom.NextCursor, `{"data":[{}],"next_cursor":"eyJp","has_more":true}`, "cursor=eyJp&per_page=50"},
		{"merge_history, last page", intercom.NextCursor, `{"data":[{}],"next_cursor":"eyJp","has_more":false}`, end},
		{"merge_history, last page without a cursor", intercom.NextCursor, `{"data":[{}],"next_cursor":null,"has_more":false}`, end},
		{"a cursor without has_more", intercom.NextCursor, `{"data":[{}],"next_cursor":"eyJp"}`, "cursor=eyJp&per_page=50"},
		{"companies/scroll", intercom.Scroll, `{"data":[{}],"pages":null,"total_count":null,"scroll_param":"69352cd2"}`, "per_page=50&scroll_param=69352cd2"},
		{"companies/scroll, end", intercom.Scroll, `{"data":[],"scroll_param":"69352cd2"}`, end},
		{"tags: no paging", intercom.NoPaging, `{"type":"list","data":[{}]}`, end},
		{"no paging, but a next page", intercom.NoPaging, `{"data":[{}],"pages":{"next":{"starting_after":"WzE3"}}}`, "per_page=50&starting_after=WzE3"},
		{"no paging, but two pages", intercom.NoPaging, `{"data":[{}],"pages":{"page":1,"total_pages":2}}`, "page=2&per_page=50"},
		{"an empty page that announces another", intercom.CursorQuery, `{"data":[],"pages":{"next":{"starting_after":"WzE3"}},"total_count":1000}`, end},
		{"a single object", intercom.NoPaging, `{"id":"1","page":1,"total_pages":9}`, end},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			op := &intercom.Operation{Method: "GET", Path: "/things", Items: "data", Paging: tt.paging}
			if tt.name == "a single object" {
				op.Items = ""
			}
			var p intercom.Pager
			if err := accept(t, &p, op, tt.body); err != nil {
				t.Fatal(err)
			}
			got := end
			if !p.Done() {
				got = asked(t, p, intercom.Request{Operation: op}, 50)
			}
			if got != tt.want {
				t.Errorf("next: %s, want %s (cursor %s)", got, tt.want, p.Cursor)
			}
			if p.Pages() != 1 {
				t.Errorf("%d pages read, want 1", p.Pages())
			}
		})
	}
}

func TestPagerRequest(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		paging  intercom.Paging
		pager   intercom.Pager
		query   string
		payload string
		size    int
		want    string
	}{
		{"first page", intercom.CursorQuery, intercom.Pager{}, "", "", 150, "per_page=150"},
		{"no size", intercom.CursorQuery, intercom.Pager{}, "", "", 0, ""},
		{"the user's parameters stay", intercom.CursorQuery, intercom.Pager{Cursor: "after:x"}, "a=1&a=2&empty=", "", 150, "a=1&a=2&empty=&per_page=150&starting_after=x"},
		{"the user's size", intercom.CursorQuery, intercom.Pager{Cursor: "after:x"}, "per_page=20", "", 150, "per_page=20&starting_after=x"},
		{"the user's size, halved", intercom.CursorQuery, intercom.Pager{}, "per_page=20", "", 10, "per_page=10"},
		{"the user's size alone", intercom.CursorQuery, intercom.Pager{}, "per_page=20", "", 0, "per_page=20"},
		{"a size that is no number", intercom.CursorQuery, intercom.Pager{}, "per_page=many", "", 10, "per_page=many"},
		{"the user's first page", intercom.PageQuery, intercom.Pager{}, "page=3", "", 10, "page=3&per_page=10"},
		{"after the user's first page", intercom.PageQuery, intercom.Pager{Cursor: "page:4"}, "page=3", "", 10, "page=4&per_page=10"},
		{"the user's cursor", intercom.CursorQuery, intercom.Pager{}, "starting_after=y", "", 0, "starting_after=y"},
		{"after the user's cursor", intercom.CursorQuery, intercom.Pager{Cursor: "after:x"}, "starting_after=y", "", 0, "starting_after=x"},
		{"empty positions", intercom.CursorQuery, intercom.Pager{}, "starting_after=&page=&cursor=&per_page=", "", 0, ""},
		{"the size of the first page stays", intercom.PageQuery, intercom.Pager{Cursor: "page:2", Size: 60}, "per_page=100", "", 30, "page=2&per_page=60"},
		{"the size in a URL stays", intercom.PageQuery, intercom.Pager{Cursor: "query:page=2&per_page=60"}, "per_page=100&order=asc", "", 30, "order=asc&page=2&per_page=60"},
		{"the size in a URL without a page number", intercom.NextURL, intercom.Pager{Cursor: "query:before=2&per_page=60"}, "type=user", "", 30, "before=2&per_page=30&type=user"},
		{"scroll", intercom.Scroll, intercom.Pager{Cursor: "scroll:abc"}, "", "", 0, "scroll_param=abc"},

		{"search", intercom.CursorBody, intercom.Pager{}, "", `{"query":{"field":"a","operator":"=","value":"<&>"},"n":12345678901234567890}`, 150, `{"n":12345678901234567890,"pagination":{"per_page":150},"query":{"field":"a","operator":"=","value":"<&>"}}`},
		{"search without a payload", intercom.CursorBody, intercom.Pager{Cursor: `after:a"b`}, "", "", 150, `{"pagination":{"per_page":150,"starting_after":"a\"b"}}`},
		{"search with null for a payload", intercom.CursorBody, intercom.Pager{}, "", "null", 5, `{"pagination":{"per_page":5}}`},
		{"search, nothing to change", intercom.CursorBody, intercom.Pager{}, "", `{ "query": 1, "pagination": {} }`, 0, `{ "query": 1, "pagination": {} }`},
		{"search, the user's pagination", intercom.CursorBody, intercom.Pager{Cursor: "after:x"}, "", `{"pagination":{"per_page":20,"other":true,"starting_after":"y"},"sort":{"order":"ascending","field":"a"}}`, 150, `{"pagination":{"other":true,"per_page":20,"starting_after":"x"},"sort":{"order":"ascending","field":"a"}}`},
		{"search, the user's start", intercom.CursorBody, intercom.Pager{}, "", `{"pagination":{"starting_after":"y"}}`, 0, `{"pagination":{"starting_after":"y"}}`},
		{"search, a start that is null", intercom.CursorBody, intercom.Pager{}, "", `{"a":1,"pagination":{"starting_after":null}}`, 0, `{"a":1}`},
		{"search, pagination that is null", intercom.CursorBody, intercom.Pager{Cursor: "after:x"}, "", `{"pagination":null}`, 0, `{"pagination":{"starting_after":"x"}}`},
		{"search, the user's size halved", intercom.CursorBody, intercom.Pager{}, "", `{"pagination":{"per_page":"20"}}`, 10, `{"pagination":{"per_page":10}}`},
		{"search keeps its query", intercom.CursorBody, intercom.Pager{Cursor: "after:x"}, "include_merge_history=true", "", 0, `include_merge_history=true {"pagination":{"starting_after":"x"}}`},
		{"search by page", intercom.CursorBody, intercom.Pager{Cursor: "page:2"}, "", "", 0, `{"pagination":{"page":2}}`},
		{"search with the query of a URL", intercom.CursorBody, intercom.Pager{Cursor: "query:a=1"}, "b=2", `{"pagination":{"starting_after":"y"}}`, 0, `a=1&b=2 {}`},
		{"numbers in the payload", intercom.PageBody, intercom.Pager{Cursor: "page:2", Size: 20}, "", `{"created_at_after":5,"per_page":50,"page":1}`, 100, `{"created_at_after":5,"page":2,"per_page":20}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			base := intercom.Request{Operation: &intercom.Operation{Paging: tt.paging}}
			if tt.query != "" {
				base.Query, _ = url.ParseQuery(tt.query)
			}
			if tt.payload != "" {
				base.Payload = json.RawMessage(tt.payload)
			}
			if got := asked(t, tt.pager, base, tt.size); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestPagerRequestRefuses(t *testing.T) {
	t.Parallel()
	search := &intercom.Operation{Method: "POST", Path: "/contacts/search", Paging: intercom.CursorBody}
	tests := []struct {
		name  string
		pager intercom.Pager
		base  intercom.Request
	}{
		{"no operation", intercom.Pager{}, intercom.Request{}},
		{"the end", intercom.Pager{Ended: true}, intercom.Request{Operation: search}},
		{"a cursor of no style", intercom.Pager{Cursor: "secret"}, intercom.Request{Operation: search}},
		{"a cursor of another style", intercom.Pager{Cursor: "secret:x"}, intercom.Request{Operation: search}},
		{"a cursor without a value", intercom.Pager{Cursor: "after:"}, intercom.Request{Operation: search}},
		{"a page that is no number", intercom.Pager{Cursor: "page:secret"}, intercom.Request{Operation: search}},
		{"a query that is none", intercom.Pager{Cursor: "query:%zz"}, intercom.Request{Operation: search}},
		{"a payload that is a list", intercom.Pager{}, intercom.Request{Operation: search, Payload: []byte(`["secret"]`)}},
		{"a payload that is no JSON", intercom.Pager{}, intercom.Request{Operation: search, Payload: []byte(`{secret`)}},
		{"pagination that is a text", intercom.Pager{}, intercom.Request{Operation: search, Payload: []byte(`{"pagination":"secret"}`)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r, err := tt.pager.Request(&tt.base, 10)
			if err == nil {
				t.Fatalf("request %+v", r)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("the error shows content: %v", err)
			}
		})
	}
}

func TestPagerNoticesLoops(t *testing.T) {
	t.Parallel()
	after := func(cursor string) string {
		return `{"data":[{}],"pages":{"next":{"starting_after":"` + cursor + `"}}}`
	}
	tests := []struct {
		name   string
		paging intercom.Paging
		bodies []string // the last one closes the loop
	}{
		{"the same cursor", intercom.CursorQuery, []string{after("a"), after("a")}},
		{"two in turns", intercom.CursorQuery, []string{after("a"), after("b"), after("a")}},
		{"the same URL", intercom.NextURL, []string{`{"data":[1],"pages":{"next":"/x?before=1"}}`, `{"data":[1],"pages":{"next":"/x?before=1"}}`}},
		{"the same next_cursor", intercom.NextCursor, []string{`{"data":[1],"next_cursor":"a","has_more":true}`, `{"data":[1],"next_cursor":"a","has_more":true}`}},
		{"page 2 announces page 2", intercom.PageQuery, []string{`{"data":[1],"pages":{"next":{"page":2}}}`, `{"data":[1],"pages":{"next":{"page":2}}}`}},
		{"page 2 announces page 1", intercom.PageQuery, []string{`{"data":[1],"pages":{"next":"/x?page=2"}}`, `{"data":[1],"pages":{"next":"/x?page=1"}}`}},
		{"the number is ignored", intercom.PageQuery, []string{`{"data":[1],"page":1,"total_pages":5}`, `{"data":[1],"page":1,"total_pages":5}`}},
		{"far beyond the last page", intercom.PageQuery, []string{`{"data":[1],"pages":{"next":{"page":14},"total_pages":3}}`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			op := &intercom.Operation{Method: "GET", Path: "/things", Items: "data", Paging: tt.paging}
			var p intercom.Pager
			last := len(tt.bodies) - 1
			for _, body := range tt.bodies[:last] {
				if err := accept(t, &p, op, body); err != nil {
					t.Fatal(err)
				}
			}
			before := p
			err := accept(t, &p, op, tt.bodies[last])
			loop, ok := errors.AsType[*intercom.LoopError](err)
			if !ok {
				t.Fatalf("error %v, want a LoopError", err)
			}
			if loop.Pages != last+1 || !strings.HasPrefix(err.Error(), "intercom: GET /things: after ") {
				t.Errorf("error %q of %d pages", err, loop.Pages)
			}
			if diff := cmp.Diff(before, p); diff != "" {
				t.Errorf("the pager moved (-before +after)\n%s", diff)
			}
		})
	}
}

// TestPagerStaysBehindTheUsersStart checks that a list read from page 3 on is
// not gone back beyond that, whether its pages tell their number or not.
func TestPagerStaysBehindTheUsersStart(t *testing.T) {
	t.Parallel()
	op := &intercom.Operation{Items: "data", Paging: intercom.PageQuery}
	var p intercom.Pager
	var got []intercom.Cursor
	for _, body := range []string{
		`{"data":[1,2],"pages":{"next":"/x?page=4"},"total_count":20}`,
		`{"data":[3,4],"pages":{"next":"/x?page=5"},"total_count":20}`,
		`{"data":[5,6],"pages":{"next":"/x?page=6"},"total_count":12}`,
		`{"data":[1,2],"pages":{"next":"/x?page=4"},"total_count":12}`,
	} {
		if err := accept(t, &p, op, body); err != nil {
			t.Fatal(err)
		}
		got = append(got, p.Cursor)
	}
	if diff := cmp.Diff([]intercom.Cursor{"query:page=4", "query:page=5", "query:page=3", "query:page=4"}, got); diff != "" {
		t.Errorf("cursors (-want +got)\n%s", diff)
	}
}

func TestPagerLetsAScrollRepeat(t *testing.T) {
	t.Parallel()
	op := &intercom.Operation{Items: "data", Paging: intercom.Scroll}
	var p intercom.Pager
	for _, body := range []string{`{"data":[1],"scroll_param":"a"}`, `{"data":[1],"scroll_param":"a"}`, `{"data":[1]}`, `{"data":[1],"scroll_param":"a"}`} {
		if err := accept(t, &p, op, body); err != nil {
			t.Fatal(err)
		}
		if p.Done() || p.Cursor != "scroll:a" {
			t.Fatalf("cursor %q, done %v", p.Cursor, p.Done())
		}
	}
	if err := accept(t, &p, op, `{"data":[],"scroll_param":"a"}`); err != nil || !p.Done() {
		t.Errorf("done %v after an empty page (%v)", p.Done(), err)
	}
	if err := accept(t, &p, op, `{"data":[1]}`); err == nil {
		t.Error("a page was accepted after the end")
	}
}

func TestPagerEndsOn(t *testing.T) {
	t.Parallel()
	notFound := fmt.Errorf("read companies: %w", intercom.ErrNotFound)
	tests := []struct {
		name  string
		pager intercom.Pager
		err   error
		want  bool
	}{
		{"a scroll without a total", intercom.Pager{Cursor: "scroll:a", Records: 100}, notFound, true},
		{"a scroll that was read", intercom.Pager{Cursor: "scroll:a", Records: 100, Total: 100}, notFound, true},
		{"a scroll that died", intercom.Pager{Cursor: "scroll:a", Records: 100, Total: 250}, notFound, false},
		{"the first request of a scroll", intercom.Pager{}, notFound, false},
		{"another list", intercom.Pager{Cursor: "page:2"}, notFound, false},
		{"another error", intercom.Pager{Cursor: "scroll:a"}, errors.New("no network"), false},
		{"no error", intercom.Pager{Cursor: "scroll:a"}, nil, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := tt.pager.EndsOn(tt.err); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

// TestSeen checks that any circle of cursors is found, however long the way
// into it is.
func TestSeen(t *testing.T) {
	t.Parallel()
	for before := range 40 {
		for circle := 1; circle < 60; circle++ {
			var seen intercom.Seen
			n := 0
			for i := 0; ; i++ {
				if i >= before+circle {
					i = before
				}
				if n++; !seen.Add(fmt.Sprint("cursor ", i)) {
					break
				}
				if n > 3*(before+circle)+8 {
					t.Fatalf("a circle of %d after %d is not found", circle, before)
				}
			}
			if n <= before+circle {
				t.Fatalf("cursor %d of a circle of %d after %d was new", n, circle, before)
			}
			if circle <= 8 && n > before+circle+1 {
				t.Errorf("a circle of %d after %d is found after %d cursors", circle, before, n)
			}
		}
	}
}

// TestPagerIsSmall keeps checkpoints of many slices small.
func TestPagerIsSmall(t *testing.T) {
	t.Parallel()
	if got := mustJSON(json.Marshal(intercom.Pager{})); string(got) != "{}" {
		t.Errorf("the zero Pager is %s", got)
	}
	op := &intercom.Operation{Items: "data", Paging: intercom.CursorQuery}
	var p intercom.Pager
	for i := range 1000 {
		body := fmt.Sprintf(`{"data":[1],"pages":{"next":{"starting_after":"WzE3MjY3NTI%dNTAwMCwiNWJhNjgyZDIzZDdjZjkyYmVmODdiZmQ0IiwyXQ=="}},"total_count":1000000}`, i)
		if err := accept(t, &p, op, body); err != nil {
			t.Fatal(err)
		}
	}
	if got := mustJSON(json.Marshal(p)); len(got) > 450 {
		t.Errorf("%d bytes: %s", len(got), got)
	}
}
