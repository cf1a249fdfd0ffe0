package blackbox_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

// A strict server holds every request against the official description and
// answers with the description's own examples, lists in two pages.
type strict struct {
	doc        *openapi3.T
	operations []*operation

	mu       sync.Mutex
	problems []string
	asked    map[string]int      // requests, by operation
	served   map[string][]string // records or whole answers, by operation
}

// rows is how many records a page has; there are two pages.
const rows = 3

func (s *strict) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-RateLimit-Limit", "1666")
	w.Header().Set("X-RateLimit-Remaining", "1600")
	switch r.URL.Path {
	case "/me":
		// Asked by every run; as an operation it is asked once more.
	case "/signed/recording.mp3":
		w.Header().Set("Content-Type", "audio/mpeg")
		_, _ = w.Write([]byte("ID3\x00\xff"))
		return
	}
	o, values := s.find(r)
	if o == nil {
		s.complain("%s %s: no such operation", r.Method, r.URL.Path)
		http.NotFound(w, r)
		return
	}
	body, err := s.check(o, values, r)
	if err != nil {
		s.complain("%s: %v", o, err)
	}
	s.serve(w, r, o, body)
}

func (s *strict) complain(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.problems = append(s.problems, fmt.Sprintf(format, args...))
}

// find is the operation that a request means: a literal segment goes before a
// parameter.
func (s *strict) find(r *http.Request) (best *operation, values map[string]string) {
	got := strings.Split(r.URL.EscapedPath(), "/")
	for _, o := range s.operations {
		want := strings.Split(o.path, "/")
		if o.method != r.Method || len(want) != len(got) {
			continue
		}
		found := map[string]string{}
		for i, segment := range want {
			name, is := strings.CutPrefix(segment, "{")
			if is {
				found[strings.TrimSuffix(name, "}")] = got[i]
			} else if segment != got[i] {
				found = nil
				break
			}
		}
		if found != nil && (best == nil || len(found) < len(values)) {
			best, values = o, found
		}
	}
	return best, values
}

// check holds a request against the description.
func (s *strict) check(o *operation, values map[string]string, r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	var problems []error
	problem := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }

	if got := r.Header.Get("Intercom-Version"); got != "2.16" {
		problem("Intercom-Version is %q", got)
	}
	if len(body) > 0 {
		if o.described.RequestBody == nil {
			problem("it takes no body and got one: %s", body)
		}
		if got := r.Header.Get("Content-Type"); !strings.HasPrefix(got, "application/json") {
			problem("the body's Content-Type is %q", got)
		}
	}
	for name := range r.URL.Query() {
		if !s.declares(o, name) && !slices.Contains(undeclared[o.path], name) {
			problem("query parameter %q is not declared", name)
		}
	}
	input := &openapi3filter.RequestValidationInput{
		Request: r, PathParams: values,
		Route: &routers.Route{Spec: s.doc, Path: o.path, PathItem: o.item, Method: o.method, Operation: o.described},
		Options: &openapi3filter.Options{
			MultiError: true, SkipSettingDefaults: true, AuthenticationFunc: s.authenticate,
		},
	}
	if err := openapi3filter.ValidateRequest(r.Context(), input); err != nil {
		problems = append(problems, unexcused(o, err)...)
	}
	return body, errors.Join(problems...)
}

func (s *strict) authenticate(_ context.Context, in *openapi3filter.AuthenticationInput) error {
	if in.RequestValidationInput.Request.Header.Get("Authorization") != "Bearer "+token {
		return errors.New("no token")
	}
	return nil
}

// declares tells whether a query parameter is declared.
func (s *strict) declares(o *operation, name string) bool {
	if o.parameter("query", name) != nil {
		return true
	}
	// An object whose members are parameters of their own.
	if filter := o.parameter("query", "filter"); filter != nil {
		for _, variant := range filter.Schema.Value.OneOf {
			if variant.Value.Properties[name] != nil {
				return true
			}
		}
	}
	return false
}

// serve answers.
func (s *strict) serve(w http.ResponseWriter, r *http.Request, o *operation, body []byte) {
	var value any
	switch {
	case o.paged:
		value = s.page(r, o, body)
	case o.path == "/calls/{call_id}/recording":
		s.remember(o, "audio")
		http.Redirect(w, r, "/signed/recording.mp3", http.StatusFound)
		return
	case o.path == "/calls/{call_id}/transcript":
		s.remember(o, "text")
		w.Header().Set("Content-Type", "text/plain")
		_, _ = w.Write([]byte("Hello, how can I help?\n\"Not at all.\""))
		return
	case strings.HasPrefix(o.path, "/download/"):
		s.remember(o, "binary")
		w.Header().Set("Content-Type", "application/octet-stream")
		_, _ = w.Write([]byte{0x1f, 0x8b, 0x08, 0x00, 0xff})
		return
	case o.listKey != "":
		value = o.answer()
		if _, is := dig(value, o.listKey).([]any); !is {
			value = envelope(o.listKey, []any{o.record()})
		}
		list, _ := dig(value, o.listKey).([]any)
		if len(list) == 0 {
			list = []any{o.record()}
			value = envelope(o.listKey, list)
		}
		s.rememberAll(o, list)
	default:
		if value = o.answer(); value == nil {
			value = map[string]any{"id": "1", "type": "described nowhere"}
		}
		s.rememberAll(o, []any{value})
	}
	text, err := json.Marshal(value)
	if err != nil {
		s.complain("%s: the example is not JSON: %v", o, err)
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_, _ = w.Write(text)
}

func (s *strict) remember(o *operation, what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked[o.String()]++
	s.served[o.String()] = append(s.served[o.String()], what)
}

func (s *strict) rememberAll(o *operation, list []any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked[o.String()]++
	for _, v := range list {
		text, err := json.Marshal(v)
		if err != nil {
			s.problems = append(s.problems, err.Error())
		}
		s.served[o.String()] = append(s.served[o.String()], string(text))
	}
}

// envelope puts a list where its key says.
func envelope(key string, list []any) any {
	if strings.HasPrefix(key, "(") {
		return list
	}
	outer, inner, nested := strings.Cut(key, ".")
	if nested {
		return map[string]any{"type": "list", outer: map[string]any{inner: list}}
	}
	return map[string]any{"type": "list", outer: list}
}

// page is one of a list's two pages, which announces the next in the way of
// the operation.
func (s *strict) page(r *http.Request, o *operation, body []byte) any {
	const cursor = "WzE3MzQ1MzcyOTIwMDAsIjkiLDJd"
	q := r.URL.Query()
	second := q.Get("page") == "2" || q.Get("starting_after") == cursor || q.Get("cursor") == cursor ||
		q.Get("before") == "1734537292" || bytes.Contains(body, []byte(cursor)) || bytes.Contains(body, []byte(`"page":2`))
	third := false
	if o.path == "/companies/scroll" && q.Has("scroll_param") {
		second, third = true, s.times(o) > 1
	}
	list := []any{}
	for i := range rows {
		if third {
			break
		}
		record := maps.Clone(o.record())
		number := i
		if second {
			number += rows
		}
		if _, is := record["id"].(string); is || record["id"] == nil {
			record["id"] = fmt.Sprintf("id-%d", number)
		} else {
			record["id"] = 1000 + number
		}
		list = append(list, record)
	}
	s.rememberAll(o, list)
	value, _ := envelope(o.listKey, list).(map[string]any)
	pages := map[string]any{"type": "pages", "page": 1, "per_page": rows, "total_pages": 2}
	if second {
		pages["page"] = 2
	}
	style, _, _ := strings.Cut(o.paging, " ")
	switch {
	case style == "scroll_param":
		value["scroll_param"], pages = "scroll-1", nil
	case style == "query.cursor":
		value["has_more"], value["next_cursor"], pages = !second, nil, nil
		if !second {
			value["next_cursor"] = cursor
		}
	case style == "query.starting_after" || strings.Contains(o.paging, "live report") || style == "body.pagination.starting_after":
		if !second {
			pages["next"] = map[string]any{"page": 2, "starting_after": cursor}
		}
	case strings.Contains(o.paging, "no pages object"):
		value["page"], value["per_page"], value["total_pages"] = pages["page"], rows, 2
		pages = nil
	case strings.Contains(o.paging, "url-string") && !second:
		more := "page=2"
		if o.path == "/events" {
			more = "before=1734537292"
		}
		q.Del("page")
		pages["next"] = "https://api.intercom.io" + r.URL.Path + "?" + strings.TrimPrefix(q.Encode()+"&"+more, "&")
	case strings.Contains(o.paging, "url-string"):
		pages["next"] = nil
	}
	if pages != nil {
		value["pages"] = pages
	}
	if style != "scroll_param" {
		value["total_count"] = 2 * rows
	}
	return value
}

// times is how often an operation was asked so far.
func (s *strict) times(o *operation) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[o.String()]
}

// Every read operation, one subscription each, all in one call.
func TestEveryReadOperationAsDescribed(t *testing.T) {
	t.Parallel()
	doc, operations := readOperations(t)
	if got, want := len(operations), 114; got != want {
		t.Errorf("%d operations read, want %d", got, want)
	}
	server := &strict{doc: doc, operations: operations, asked: map[string]int{}, served: map[string][]string{}}
	subscriptions := map[string]any{}
	names := map[string]*operation{}
	for i, o := range operations {
		name := fmt.Sprintf("s%03d", i)
		names[name] = o
		subscriptions[name] = o.subscription(name + ".ndjson")
	}
	d := newDesk(t, string(mustJSON(t, map[string]any{
		"clients":       map[string]any{"main": map[string]any{"base_uri": serve(t, server), "auth": "access_token"}},
		"subscriptions": subscriptions,
	})))
	d.must("validate")
	if r := d.call("run", "--all"); r.status != 0 {
		t.Errorf("run --all: %v", r)
	}
	slices.Sort(server.problems)
	for _, problem := range slices.Compact(server.problems) {
		t.Error(problem)
	}
	for name, o := range names {
		t.Run(o.String(), func(t *testing.T) {
			t.Parallel()
			server.compare(t, o, d.whole(name+".ndjson"))
		})
	}
}

// compare checks that what was served was delivered.
func (s *strict) compare(t *testing.T, o *operation, all []event) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(all) == 0 {
		t.Fatalf("no event of %d that were served", len(s.served[o.String()]))
	}
	if o.paged && s.asked[o.String()] < 2 {
		t.Errorf("%d requests for two pages", s.asked[o.String()])
	}
	once(t, all)
	want := map[string]bool{}
	for _, record := range s.served[o.String()] {
		want[record] = true
	}
	if len(all) != len(want) {
		t.Errorf("%d events for %d records", len(all), len(want))
	}
	for _, e := range all {
		switch text := string(e.Data); {
		case want["audio"]:
			if e.DataContentType != "audio/mpeg" || string(e.DataBase64) != "ID3\x00\xff" {
				t.Errorf("recording came as %q: %q", e.DataContentType, e.DataBase64)
			}
		case want["binary"]:
			if e.DataContentType != "application/octet-stream" || len(e.DataBase64) != 5 {
				t.Errorf("download came as %q: %q", e.DataContentType, e.DataBase64)
			}
		case want["text"]:
			if e.DataContentType != "text/plain" || text != `"Hello, how can I help?\n\"Not at all.\""` {
				t.Errorf("transcript came as %q: %s", e.DataContentType, text)
			}
		case !want[text]:
			t.Errorf("event with data that was never served: %s", shorten(text))
		}
	}
}

// A checked server holds every request against the description and lets
// another one answer.
type checked struct {
	*strict

	next http.Handler
}

func (c checked) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o, values := c.find(r)
	if o == nil {
		c.complain("%s %s: no such operation", r.Method, r.URL.Path)
	} else if body, err := c.check(o, values, r); err != nil {
		c.complain("%s: %v\n%s", o, err, body)
	}
	c.next.ServeHTTP(w, r)
}

// What an incremental read makes up itself, bounds, orders and pages, has to be
// what the API takes, too.
func TestRequestsOfIncrementalReadsAsDescribed(t *testing.T) {
	t.Parallel()
	doc, operations := readOperations(t)
	for _, tt := range entities {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ws := amsterdam(t)
			ws.Fill(tt.kind, 1500, 60*24*time.Hour)
			server := checked{&strict{doc: doc, operations: operations}, ws}
			d := newDesk(t, reads(serve(t, server), subscription(tt.config)))
			d.done("it")
			for _, id := range ws.IDs(tt.kind)[:20] {
				ws.Touch(tt.kind, id)
			}
			d.done("it")
			slices.Sort(server.problems)
			for _, problem := range slices.Compact(server.problems) {
				t.Error(problem)
			}
		})
	}
}
