package intercom_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"intercom-connector/shared/intercom"
)

func TestWire(t *testing.T) {
	t.Parallel()
	header := func(accept string, more ...string) http.Header {
		h := http.Header{
			"Authorization": {"Bearer ***"}, "Intercom-Version": {"2.16"},
			"Accept": {accept}, "User-Agent": {"intercom-connector"},
		}
		for i := 0; i+1 < len(more); i += 2 {
			h.Set(more[i], more[i+1])
		}
		return h
	}
	const base = "https://api.intercom.test"
	for _, tt := range []struct {
		name string
		base string
		req  intercom.Request
		want intercom.Wire
	}{
		{
			"a list", base,
			intercom.Request{Operation: tagsOp, Query: url.Values{"per_page": {"50"}, "a b": {"c&d", "ü"}}},
			intercom.Wire{Method: "GET", URL: base + "/tags?a+b=c%26d&a+b=%C3%BC&per_page=50", Header: header("application/json")},
		},
		{
			"a value that is full of surprises", base,
			intercom.Request{Operation: showOp, Path: map[string]string{"contact_id": "a/b?c#d%2e e\\ü"}},
			intercom.Wire{Method: "GET", URL: base + "/contacts/a%2Fb%3Fc%23d%252e%20e%5C%C3%BC", Header: header("application/json")},
		},
		{
			"three dots are a name", base,
			intercom.Request{Operation: showOp, Path: map[string]string{"contact_id": "..."}},
			intercom.Wire{Method: "GET", URL: base + "/contacts/...", Header: header("application/json")},
		},
		{
			"a search", base,
			intercom.Request{Operation: searchOp, Payload: []byte(`{"query":{}}`)},
			intercom.Wire{Method: "POST", URL: base + "/contacts/search", Header: header("application/json", "Content-Type", "application/json"), Body: []byte(`{"query":{}}`)},
		},
		{
			"a DELETE with a body", base,
			intercom.Request{Operation: untagOp, Path: map[string]string{"ticket_id": "1", "tag_id": "2"}, Payload: []byte(`{"admin_id":"3"}`)},
			intercom.Wire{Method: "DELETE", URL: base + "/tickets/1/tags/2", Header: header("application/json", "Content-Type", "application/json"), Body: []byte(`{"admin_id":"3"}`)},
		},
		{
			"a download", base,
			intercom.Request{Operation: recordingOp, Path: map[string]string{"call_id": "1"}},
			intercom.Wire{Method: "GET", URL: base + "/calls/1/recording", Header: header("application/octet-stream")},
		},
		{
			"a text", base,
			intercom.Request{Operation: transcriptOp, Path: map[string]string{"call_id": "1"}},
			intercom.Wire{Method: "GET", URL: base + "/calls/1/transcript", Header: header("text/plain")},
		},
		{
			"a gateway's path", "https://gateway.example/a%2Fb/",
			intercom.Request{Operation: tagsOp},
			intercom.Wire{Method: "GET", URL: "https://gateway.example/a%2Fb/tags", Header: header("application/json")},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := newClient(t, intercom.Config{BaseURL: tt.base}).Wire(&tt.req)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("wire (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWireRefuses(t *testing.T) {
	t.Parallel()
	const secret = "joe@example.com"
	for _, tt := range []struct {
		name string
		req  intercom.Request
		want string
	}{
		{"a missing parameter", intercom.Request{Operation: showOp}, "contact_id is missing"},
		{"an empty parameter", intercom.Request{Operation: showOp, Path: map[string]string{"contact_id": ""}}, "contact_id is empty"},
		{"a blank parameter", intercom.Request{Operation: showOp, Path: map[string]string{"contact_id": " \t"}}, "contact_id is empty"},
		{"here", intercom.Request{Operation: showOp, Path: map[string]string{"contact_id": "."}}, "contact_id is not a name"},
		{"up", intercom.Request{Operation: showOp, Path: map[string]string{"contact_id": ".."}}, "contact_id is not a name"},
		{"an unknown parameter", intercom.Request{Operation: showOp, Path: map[string]string{"contact_id": "1", "id": secret}}, "path parameter id is unknown"},
		{"one of two", intercom.Request{Operation: untagOp, Path: map[string]string{"ticket_id": secret}, Payload: []byte("{}")}, "tag_id is missing"},
		{"a payload on a GET", intercom.Request{Operation: tagsOp, Payload: []byte(`{}`)}, "must be left out"},
		{"no payload", intercom.Request{Operation: createOp}, "payload is missing"},
		{"a blank payload", intercom.Request{Operation: searchOp, Payload: []byte(" ")}, "payload is blank"},
		{"a list for a payload", intercom.Request{Operation: createOp, Payload: []byte(`["` + secret + `"]`)}, "not a JSON object"},
		{"half a payload", intercom.Request{Operation: createOp, Payload: []byte(`{"email":"` + secret)}, "not a JSON object"},
		{"no operation", intercom.Request{}, "no operation"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := newClient(t, intercom.Config{}).Wire(&tt.req)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error %v, want %q", err, tt.want)
			}
			if strings.Contains(err.Error(), secret) {
				t.Errorf("error shows a value: %v", err)
			}
			param, payload := new(intercom.ParamError), new(intercom.PayloadError)
			if tt.req.Operation != nil && !errors.As(err, &param) && !errors.As(err, &payload) {
				t.Errorf("error is a %T", err)
			}
			if intercom.Temporary(err) || intercom.Shrink(err) {
				t.Error("asking again does not help")
			}
		})
	}
}

// What a real server receives is what Wire says.
func TestSendSendsTheWire(t *testing.T) {
	t.Parallel()
	var got intercom.Wire
	var uri string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got, uri = intercom.Wire{Method: r.Method, Header: r.Header, Body: body}, r.RequestURI
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"id":"1"}`)
	}))
	t.Cleanup(s.Close)
	c := newClient(t, intercom.Config{BaseURL: s.URL + "/prefix"})
	for _, req := range []*intercom.Request{
		{Operation: untagOp, Path: map[string]string{"ticket_id": "a/b%2F..", "tag_id": "ü ?"}, Query: url.Values{"x": {"1"}}, Payload: []byte(`{"admin_id":"3"}`)},
		{Operation: searchOp, Payload: []byte(`{"query":{"value":"ü"}}`)},
		{Operation: searchOp},
		getContact("1"),
	} {
		want, err := c.Wire(req)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := send(t, c, req); err != nil {
			t.Fatal(err)
		}
		if want := strings.TrimPrefix(want.URL, s.URL); uri != want {
			t.Errorf("request for %s, want %s", uri, want)
		}
		if got.Method != want.Method || string(got.Body) != string(want.Body) {
			t.Errorf("%s with %q, want %s with %q", got.Method, got.Body, want.Method, want.Body)
		}
		want.Header.Set("Authorization", "Bearer "+planted)
		for name := range want.Header {
			if got.Header.Get(name) != want.Header.Get(name) {
				t.Errorf("%s is %q, want %q", name, got.Header.Get(name), want.Header.Get(name))
			}
		}
		for _, name := range []string{"X-Idempotency-Key", "Idempotency-Key"} {
			if _, sent := got.Header[name]; sent {
				t.Errorf("%s was sent", name)
			}
		}
		if got.Header.Get("Accept-Encoding") != "gzip" {
			t.Errorf("no compression was asked for")
		}
	}
}
