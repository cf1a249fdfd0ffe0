package transform_test

import (
	"encoding/json"
	"errors"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"intercom-connector/internal/transform"
)

func program(t *testing.T, source string) *transform.Program {
	t.Helper()
	if source == "" {
		return nil
	}
	return compile(t, source)
}

func TestRequests(t *testing.T) {
	t.Parallel()
	id := "42"
	full := transform.RequestInput{
		Path:         map[string]*string{"contact_id": &id, "note_id": nil},
		Query:        map[string]any{"per_page": 50, "deep": true, "kinds": []any{"a", "b"}},
		Payload:      json.RawMessage(`{"query": {"value": 9007199254740993}}`),
		Input:        json.RawMessage(`{"note":7,"state":"closed"}`),
		Now:          time.Unix(1700000000, 0),
		Last:         time.Unix(1600000000, 0),
		Subscription: "notes",
	}
	tests := []struct {
		name   string
		source string
		in     transform.RequestInput
		want   []transform.RequestParts
	}{
		{"no program, nothing configured", "", transform.RequestInput{}, []transform.RequestParts{{Path: map[string]string{}}}},
		{
			"no program", "",
			transform.RequestInput{Path: map[string]*string{"contact_id": &id}, Query: full.Query, Payload: full.Payload},
			[]transform.RequestParts{{
				Path:    map[string]string{"contact_id": "42"},
				Query:   url.Values{"per_page": {"50"}, "deep": {"true"}, "kinds": {"a", "b"}},
				Payload: json.RawMessage(`{"query":{"value":9007199254740993}}`),
			}},
		},
		{
			"the input, modified", ".path.note_id = .input.note | .payload.query.value = .run.last | del(.query.kinds)", full,
			[]transform.RequestParts{{
				Path:    map[string]string{"contact_id": "42", "note_id": "7"},
				Query:   url.Values{"per_page": {"50"}, "deep": {"true"}},
				Payload: json.RawMessage(`{"query":{"value":1600000000}}`),
			}},
		},
		{
			"an output replaces everything", `{path: {contact_id: "a/b", note_id: 1.50}}`, full,
			[]transform.RequestParts{{Path: map[string]string{"contact_id": "a/b", "note_id": "1.5"}}},
		},
		{
			"several", ".path.note_id = (1, 2) | {path, query: {a: [], b: null, c: .run.now, d: .run.subscription}}", full,
			[]transform.RequestParts{
				{Path: map[string]string{"contact_id": "42", "note_id": "1"}, Query: url.Values{"c": {"1700000000"}, "d": {"notes"}}},
				{Path: map[string]string{"contact_id": "42", "note_id": "2"}, Query: url.Values{"c": {"1700000000"}, "d": {"notes"}}},
			},
		},
		{"none", "empty", full, []transform.RequestParts{}},
		{
			"first run", "{payload: {last: .run.last}}",
			transform.RequestInput{Now: time.Unix(1, 0)},
			[]transform.RequestParts{{Path: map[string]string{}, Payload: json.RawMessage(`{"last":null}`)}},
		},
		{"null payload", "{payload: null, path: null, query: null}", transform.RequestInput{}, []transform.RequestParts{{Path: map[string]string{}}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := transform.Requests(t.Context(), program(t, tt.source), tt.in)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRequestsWithoutUsablePath(t *testing.T) {
	t.Parallel()
	in := transform.RequestInput{Path: map[string]*string{"a": nil, "b": nil}}
	tests := []struct {
		name, source string
		want         *transform.PathError
		text         string
	}{
		{"absent", "{path: {a: 1}}", &transform.PathError{Parameters: []string{"b"}}, "request 1: no usable value for path parameter b"},
		{"no path at all", "{}", &transform.PathError{Parameters: []string{"a", "b"}}, "request 1: no usable value for path parameter a, b"},
		{"empty and null", `{path: {a: "", b: null}}`, &transform.PathError{Parameters: []string{"a", "b"}}, "request 1: no usable value for path parameter a, b"},
		{"blank", `{path: {a: " \t", b: 1}}`, &transform.PathError{Parameters: []string{"a"}}, "request 1: no usable value for path parameter a"},
		{"dots", `{path: {a: ".", b: ".."}}`, &transform.PathError{Parameters: []string{"a", "b"}}, "request 1: no usable value for path parameter a, b"},
		{"neither string nor number", `{path: {a: true, b: ["x"]}}`, &transform.PathError{Parameters: []string{"a", "b"}}, "request 1: no usable value for path parameter a, b"},
		{"unknown", `{path: {a: 1, b: 2, c: 3}}`, &transform.PathError{Unknown: []string{"c"}}, "request 1: no such path parameter: c"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := transform.Requests(t.Context(), compile(t, tt.source+`, {path: {a: 1, b: "..."}}`), in)
			if err != nil {
				t.Fatal(err)
			}
			if len(got) != 2 || got[1].Problem != nil {
				t.Fatalf("got %v, want one request with a problem and one without", got)
			}
			problem, ok := errors.AsType[*transform.PathError](got[0].Problem)
			if !ok {
				t.Fatalf("got %v, want a PathError", got[0].Problem)
			}
			if diff := cmp.Diff(tt.want, problem); diff != "" {
				t.Errorf("problem (-want +got):\n%s", diff)
			}
			if problem.Error() != tt.text {
				t.Errorf("got %q, want %q", problem, tt.text)
			}
		})
	}
}

func TestRequestsOfWrongShape(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, source, want string }{
		{"not an object", "{}, 1", "request 2: not an object with path, query and payload, but a number"},
		{"null", "null", "request 1: not an object with path, query and payload, but null"},
		{"unknown key", "{body: {}}", `request 1: unknown key "body": a request has path, query and payload`},
		{"path", `{path: "x"}`, "request 1: path is not an object, but a string"},
		{"query", "{query: [1]}", "request 1: query is not an object, but an array"},
		{"payload", "{payload: true}", "request 1: payload is not an object, but a boolean"},
		{"query value", "{query: {a: {}}}", `request 1: query parameter "a" is neither a string, number or boolean nor a list of them`},
		{"list in a query value", "{query: {a: [[]]}}", `request 1: query parameter "a" is neither a string, number or boolean nor a list of them`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := transform.Requests(t.Context(), compile(t, tt.source), transform.RequestInput{})
			if _, ok := errors.AsType[*transform.ShapeError](err); !ok || err.Error() != tt.want {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
	t.Run("input is not JSON", func(t *testing.T) {
		t.Parallel()
		if _, err := transform.Requests(t.Context(), nil, transform.RequestInput{Input: json.RawMessage("{")}); err == nil {
			t.Error("got no error")
		}
	})
}

func TestRecords(t *testing.T) {
	t.Parallel()
	record := []byte(`{"b": 1,  "a": [2, 3]}`)
	tests := []struct {
		name, source string
		want         []json.RawMessage
	}{
		{"no program", "", []json.RawMessage{record}},
		{"none", "empty", nil},
		{"one", ".", []json.RawMessage{[]byte(`{"a":[2,3],"b":1}`)}},
		{"several", ".a[]", []json.RawMessage{[]byte("2"), []byte("3")}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := transform.Records(t.Context(), program(t, tt.source), record)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("records (-want +got):\n%s", diff)
			}
		})
	}
}
