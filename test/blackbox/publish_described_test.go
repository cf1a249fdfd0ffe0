package blackbox_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// A receiver holds every write against the official description and answers
// as the description says: with its status, and its own example.
type receiver struct {
	*strict

	mu   sync.Mutex
	sent map[string][]string // bodies by operation, "" for none
}

func (s *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-RateLimit-Limit", "1666")
	w.Header().Set("X-RateLimit-Remaining", "1600")
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Intercom-Version", "2.16")
	if r.URL.Path == "/me" {
		_, _ = w.Write([]byte(`{"type":"admin","id":"1","app":{"type":"app","id_code":"ab12cd34","region":"US","timezone":"UTC"}}`))
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
		s.complain("%s: %v\n%s", o, err, body)
	}
	s.mu.Lock()
	s.sent[o.String()] = append(s.sent[o.String()], string(body))
	s.mu.Unlock()
	status, example := o.success()
	w.WriteHeader(status)
	_, _ = w.Write(example)
}

// success is how the operation answers what it takes.
func (o *operation) success() (status int, body []byte) {
	for _, status := range []int{200, 201, 202, 204} {
		r := o.described.Responses.Status(status)
		if r == nil || r.Value == nil {
			continue
		}
		if content := r.Value.Content.Get("application/json"); content != nil {
			body, _ = json.Marshal(contentExample(content)) // it was JSON, or YAML
		}
		return status, body
	}
	return http.StatusOK, nil
}

// message is one for the operation, made of the description's examples.
func (o *operation) message() map[string]any {
	m := map[string]any{}
	if path := o.pathValues(); len(path) > 0 {
		m["path"] = path
	}
	if query := o.queryValues(); len(query) > 0 {
		m["query"] = query
	}
	if body := o.described.RequestBody; body != nil {
		m["payload"] = payloadOf(body.Value.Content.Get("application/json"))
		if own := payloads[o.String()]; own != nil {
			m["payload"] = own
		}
	}
	return m
}

// payloadOf is the first example of a body that its own schema takes, for some
// are examples of mistakes; else one that is made of the schema.
func payloadOf(content *openapi3.MediaType) any {
	candidates := []any{content.Example}
	for _, name := range slices.Sorted(maps.Keys(content.Examples)) {
		if e := content.Examples[name]; e.Value != nil {
			candidates = append(candidates, e.Value.Value)
		}
	}
	candidates = append(candidates, example(content.Schema, 0))
	for _, c := range candidates {
		if c, is := plainJSON(c).(map[string]any); is && content.Schema.Value.VisitJSON(c) == nil {
			return c
		}
	}
	return map[string]any{}
}

// plainJSON is a value as it is after it was sent.
func plainJSON(v any) any {
	text, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	var plain any
	d := json.NewDecoder(bytes.NewReader(text))
	if d.Decode(&plain) != nil {
		return nil
	}
	return plain
}

// Every operation that writes, and those that start and stop exports: one
// publisher each, and a message made of the description's own examples.
func TestEveryWriteOperationAsDescribed(t *testing.T) {
	t.Parallel()
	doc, operations := operationsOf(t, "write", "job")
	if got, want := len(operations), 117; got != want {
		t.Errorf("%d operations write, want %d", got, want)
	}
	server := &receiver{
		strict: &strict{doc: doc, operations: operations, asked: map[string]int{}, served: map[string][]string{}},
		sent:   map[string][]string{},
	}
	publishers := map[string]any{}
	for i, o := range operations {
		publishers[fmt.Sprintf("p%03d", i)] = map[string]any{
			"client": "main", "method": o.method, "entity": strings.TrimPrefix(o.path, "/"),
		}
	}
	d := newDesk(t, string(mustJSON(t, map[string]any{
		"clients":    map[string]any{"main": map[string]any{"base_uri": serve(t, server), "auth": "access_token"}},
		"publishers": publishers,
	})))
	d.must("validate")

	// A few at a time: each is a process of its own.
	var wg sync.WaitGroup
	next := make(chan int)
	for range 4 {
		wg.Go(func() {
			for i := range next {
				o := operations[i]
				name := fmt.Sprintf("p%03d", i)
				message := o.message()
				d.putMessages(name+".ndjson", message)
				p, r := d.publish(name, name+".ndjson")
				if r.status != 0 || p.Done != 1 {
					t.Errorf("%s: %v", o, r)
					continue
				}
				server.compareSent(t, o, message["payload"])
			}
		})
	}
	for i := range operations {
		next <- i
	}
	close(next)
	wg.Wait()
	slices.Sort(server.problems)
	for _, problem := range slices.Compact(server.problems) {
		t.Error(problem)
	}
}

// compareSent checks that an operation was asked for once, with its payload.
func (s *receiver) compareSent(t *testing.T, o *operation, payload any) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	sent := s.sent[o.String()]
	if len(sent) != 1 {
		t.Errorf("%s: %d requests, want 1", o, len(sent))
		return
	}
	want := ""
	if payload != nil {
		want = string(mustJSON(t, payload))
	}
	if want != sent[0] && (want == "" || !sameJSON(t, want, cmp.Or(sent[0], "null"))) {
		t.Errorf("%s: sent %q, want %q", o, sent[0], want)
	}
}
