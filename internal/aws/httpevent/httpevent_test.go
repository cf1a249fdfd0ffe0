package httpevent_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"intercom-connector/internal/aws/httpevent"
)

// echo answers with what it was asked.
func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	w.Header().Set("Content-Type", "text/plain")
	w.Header().Add("Set-Cookie", "a=1")
	w.Header().Add("Set-Cookie", "b=2")
	w.Header().Add("Vary", "x")
	w.Header().Add("Vary", "y")
	w.WriteHeader(http.StatusTeapot)
	w.Header().Set("Late", "1")
	fmt.Fprintf(w, "%s|%s|%s|%s|%s|%s|%s|%d %v", r.Method, r.URL.Path, r.URL.RawQuery, r.Host, r.Header.Get("Content-Type"), r.Header.Get("Cookie"), body, r.ContentLength, err)
}

func TestWrap(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		event string
		want  string
	}{
		{
			"GET", `{"rawPath":"/oauth/callback","rawQueryString":"code=a%3D&code=b+c","cookies":null,
			"headers":{"host":"x.example","content-type":"text/html"},"requestContext":{"http":{"method":"GET"}}}`,
			"GET|/oauth/callback|code=a%3D&code=b+c|x.example|text/html|||0 <nil>",
		},
		{
			"POST in base64", `{"rawPath":"/a%20b","isBase64Encoded":true,"body":"eyJhIjoxfQ==","cookies":["k=v","l=w"],"requestContext":{"http":{"method":"POST"}}}`,
			`POST|/a b||||k=v; l=w|{"a":1}|7 <nil>`,
		},
		{"cookies in the header only", `{"rawPath":"/","headers":{"cookie":"k=v"},"requestContext":{"http":{"method":"GET"}}}`, "GET|/||||k=v||0 <nil>"},
		{"a path that cannot be decoded", `{"rawPath":"/%zz","requestContext":{"http":{"method":"GET"}}}`, "GET|/%zz||||||0 <nil>"},
		{"no headers at all", `{"rawPath":"","headers":null,"requestContext":{"http":{"method":"HEAD"}}}`, "HEAD|||||||0 <nil>"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var event events.APIGatewayV2HTTPRequest
			if err := json.Unmarshal([]byte(tt.event), &event); err != nil {
				t.Fatal(err)
			}
			got, err := httpevent.Wrap(http.HandlerFunc(echo))(t.Context(), event)
			if err != nil {
				t.Fatal(err)
			}
			want := events.APIGatewayV2HTTPResponse{
				StatusCode: http.StatusTeapot, Body: tt.want,
				Headers: map[string]string{"Content-Type": "text/plain", "Vary": "x, y"}, MultiValueHeaders: map[string][]string{},
				Cookies: []string{"a=1", "b=2"},
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestWrapOddly(t *testing.T) {
	t.Parallel()
	binary := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte{0xff, 0xfe}) })
	silent := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	event := func(method, body string) events.APIGatewayV2HTTPRequest {
		e := events.APIGatewayV2HTTPRequest{Body: body, IsBase64Encoded: body != ""}
		e.RequestContext.HTTP.Method = method
		return e
	}
	for _, tt := range []struct {
		name    string
		handler http.Handler
		event   events.APIGatewayV2HTTPRequest
		status  int
		body    string
	}{
		{"binary", binary, event("GET", ""), 200, "//4="},
		{"says nothing", silent, event("GET", ""), 200, ""},
		{"not base64", silent, event("POST", "%"), 400, ""},
		{"not a method", silent, event("G T", ""), 400, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := httpevent.Wrap(tt.handler)(t.Context(), tt.event)
			if err != nil || got.StatusCode != tt.status || got.Body != tt.body || got.IsBase64Encoded != (tt.name == "binary") {
				t.Errorf("got %+v and %v, want %d and %q", got, err, tt.status, tt.body)
			}
			if raw, err := json.Marshal(got); err != nil || got.Headers == nil || got.Cookies == nil {
				t.Errorf("something is null: %s, %v", raw, err)
			}
		})
	}
}
