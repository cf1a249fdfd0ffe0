package intercom_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"intercom-connector/shared/intercom"
)

// planted is the token that nothing may show.
const planted = "dG9rOnBsYW50ZWQtdG9rZW4tdGhhdC1ub3RoaW5nLXNob3dz"

// A server is a RoundTripper made of a function, so that tests run under
// synctest.
type server func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (s server) RoundTrip(r *http.Request) (*http.Response, error) { return s(r) }

// reply makes an answer. Headers are given as "Name: value".
func reply(status int, body string, headers ...string) *http.Response {
	header := http.Header{"Content-Type": {"application/json; charset=utf-8"}, "Date": {time.Now().UTC().Format(http.TimeFormat)}}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		header.Set(name, value)
		if value == "" {
			header.Del(name)
		}
	}
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body))}
}

// always answers every request alike.
func always(status int, body string, headers ...string) server {
	return func(*http.Request) (*http.Response, error) { return reply(status, body, headers...), nil }
}

// inTurn answers with one server after the other, and the last one for ever.
// count tells how many requests came.
func inTurn(count *int, servers ...server) server {
	return func(r *http.Request) (*http.Response, error) {
		s := servers[min(*count, len(servers)-1)]
		*count++
		return s(r)
	}
}

// newClient fills in what the test does not care about.
func newClient(t *testing.T, cfg intercom.Config) *intercom.Client {
	t.Helper()
	if cfg.Token == nil {
		cfg.Token = intercom.StaticToken(planted)
	}
	if cfg.BaseURL == "" {
		cfg.BaseURL = "https://api.intercom.test"
	}
	if cfg.Governor == nil {
		cfg.Governor = newGovernor()
	}
	c, err := intercom.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// send takes and sends.
func send(t *testing.T, c *intercom.Client, req *intercom.Request) (*intercom.Response, error) {
	t.Helper()
	if err := c.Governor().Wait(t.Context(), intercom.Writing); err != nil {
		t.Fatal(err)
	}
	resp, err := c.Send(t.Context(), req)
	if n := c.Governor().Limits().InFlight; n != 0 {
		t.Errorf("%d requests under way after Send", n)
	}
	return resp, err
}

var (
	showOp       = &intercom.Operation{Method: "GET", Path: "/contacts/{contact_id}", Kind: intercom.Read, Permission: "Read users"}
	notesOp      = &intercom.Operation{Method: "GET", Path: "/contacts/{contact_id}/notes", Kind: intercom.Read, Items: "data"}
	searchOp     = &intercom.Operation{Method: "POST", Path: "/contacts/search", Kind: intercom.Read, Body: intercom.OptionalBody}
	createOp     = &intercom.Operation{Method: "POST", Path: "/contacts", Kind: intercom.Write, Body: intercom.RequiredBody}
	updateOp     = &intercom.Operation{Method: "PUT", Path: "/contacts/{contact_id}", Kind: intercom.Write, Body: intercom.OptionalBody}
	untagOp      = &intercom.Operation{Method: "DELETE", Path: "/tickets/{ticket_id}/tags/{tag_id}", Kind: intercom.Write, Body: intercom.RequiredBody}
	eventOp      = &intercom.Operation{Method: "POST", Path: "/events", Kind: intercom.Write, Body: intercom.RequiredBody, Answer: intercom.Empty}
	recordingOp  = &intercom.Operation{Method: "GET", Path: "/calls/{call_id}/recording", Kind: intercom.Read, Answer: intercom.Binary}
	transcriptOp = &intercom.Operation{Method: "GET", Path: "/calls/{call_id}/transcript", Kind: intercom.Read, Answer: intercom.Text}
	tagsOp       = &intercom.Operation{Method: "GET", Path: "/tags", Kind: intercom.Read, Items: "data"}
	scrollOp     = &intercom.Operation{Method: "GET", Path: "/companies/scroll", Kind: intercom.Read, Paging: intercom.Scroll}
	enqueueOp    = &intercom.Operation{Method: "POST", Path: "/export/content/data", Kind: intercom.Job, Body: intercom.RequiredBody}
)

func getContact(id string) *intercom.Request {
	return &intercom.Request{Operation: showOp, Path: map[string]string{"contact_id": id}}
}

func TestNew(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		cfg  intercom.Config
		want []string // in the error; none: no error
	}{
		{"defaults", intercom.Config{}, nil},
		{"a path of its own", intercom.Config{BaseURL: "https://gateway.example/intercom/"}, nil},
		{"http on this machine", intercom.Config{BaseURL: "http://127.0.0.1:8080"}, nil},
		{"http on this machine by name", intercom.Config{BaseURL: "http://localhost:8080"}, nil},
		{"http on this machine, IPv6", intercom.Config{BaseURL: "http://[::1]:8080"}, nil},
		{"http elsewhere", intercom.Config{BaseURL: "http://gateway.example"}, []string{"gateway.example must be https"}},
		{"password in the URL", intercom.Config{BaseURL: "https://joe:" + planted + "@gateway.example"}, []string{"no user, query or fragment"}},
		{"query in the URL", intercom.Config{BaseURL: "https://gateway.example?token=" + planted}, []string{"no user, query or fragment"}},
		{"no host", intercom.Config{BaseURL: "https:///contacts"}, []string{"no host"}},
		{"not a URL", intercom.Config{BaseURL: "https://a b" + planted}, []string{"not a URL"}},
		{"several at once", intercom.Config{Name: "main", Version: "2.16\r\nX: y", LogMode: "all", Timeout: -1, UserAgent: "ä"}, []string{"client main", "version", "log mode", "negative", "user agent"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.cfg.Token = intercom.StaticToken(planted)
			_, err := intercom.New(tt.cfg)
			if (err == nil) != (len(tt.want) == 0) {
				t.Fatalf("error %v, want %q", err, tt.want)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q lacks %q", err, want)
				}
			}
			if err != nil && strings.Contains(err.Error(), planted) {
				t.Errorf("error shows the token: %v", err)
			}
		})
	}
	if _, err := intercom.New(intercom.Config{}); err == nil || !strings.Contains(err.Error(), "no source of tokens") {
		t.Errorf("error %v without a token source", err)
	}
}

func TestSendTakesWhatTheServerSays(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("x", 100_000)
	for _, tt := range []struct {
		name   string
		op     *intercom.Operation
		server server
		want   intercom.Response // Status, Body, ContentType, RequestID
	}{
		{"JSON", tagsOp, always(200, `{"data":[]}`, "X-Request-Id: abc"), intercom.Response{Status: 200, Body: []byte(`{"data":[]}`), ContentType: "application/json", RequestID: "abc"}},
		{"no content type", tagsOp, always(200, `{"data":[]}`, "Content-Type: "), intercom.Response{Status: 200, Body: []byte(`{"data":[]}`)}},
		{"text", transcriptOp, always(200, "Hi there", "Content-Type: text/plain"), intercom.Response{Status: 200, Body: []byte("Hi there"), ContentType: "text/plain"}},
		{"empty text", transcriptOp, always(200, "", "Content-Type: text/plain"), intercom.Response{Status: 200, ContentType: "text/plain"}},
		{"binary", recordingOp, always(200, "\x00\xff", "Content-Type: audio/wav"), intercom.Response{Status: 200, Body: []byte("\x00\xff"), ContentType: "audio/wav"}},
		{"202 without content", eventOp, always(202, "", "Content-Type: "), intercom.Response{Status: 202}},
		{"a write's empty 200", updateOp, always(200, ""), intercom.Response{Status: 200, ContentType: "application/json"}},
		{"204", untagOp, always(204, "", "Content-Type: "), intercom.Response{Status: 204}},
		{"201", createOp, always(201, `{"id":"1"}`), intercom.Response{Status: 201, Body: []byte(`{"id":"1"}`), ContentType: "application/json"}},
		{"length unknown", tagsOp, func(*http.Request) (*http.Response, error) {
			r := reply(200, large)
			r.ContentLength = -1
			return r, nil
		}, intercom.Response{Status: 200, Body: []byte(large), ContentType: "application/json"}},
		{"no body at all", eventOp, func(*http.Request) (*http.Response, error) {
			r := reply(202, "")
			r.Body = nil
			return r, nil
		}, intercom.Response{Status: 202, ContentType: "application/json"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newClient(t, intercom.Config{Transport: tt.server})
			resp, err := send(t, c, requestOf(tt.op))
			if err != nil {
				t.Fatal(err)
			}
			if resp.Header == nil || resp.Date.IsZero() || resp.Took < 0 {
				t.Errorf("header %v, date %v, took %v: something is missing", resp.Header, resp.Date, resp.Took)
			}
			got := intercom.Response{Status: resp.Status, Body: resp.Body, ContentType: resp.ContentType, RequestID: resp.RequestID}
			if len(got.Body) == 0 {
				got.Body = nil
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("response (-want +got):\n%s", diff)
			}
		})
	}
}

// requestOf is a request with something for every parameter.
func requestOf(op *intercom.Operation) *intercom.Request {
	req := &intercom.Request{Operation: op, Path: map[string]string{}}
	for part := range strings.SplitSeq(op.Path, "/") {
		if strings.HasPrefix(part, "{") {
			req.Path[strings.Trim(part, "{}")] = "1"
		}
	}
	if op.Body != intercom.NoBody {
		req.Payload = []byte(`{"role":"user"}`)
	}
	return req
}

func TestSendReportsEveryOutcomeOnce(t *testing.T) {
	t.Parallel()
	broken := errors.New("vault sealed")
	for _, tt := range []struct {
		name  string
		req   *intercom.Request
		token intercom.TokenSource
	}{
		{"no request", nil, nil},
		{"no operation", &intercom.Request{}, nil},
		{"a parameter missing", &intercom.Request{Operation: showOp}, nil},
		{"no token", getContact("1"), tokenFunc(func(context.Context) (string, error) { return "", broken })},
		{"an empty token", getContact("1"), intercom.StaticToken("  ")},
		{"a token of two lines", getContact("1"), intercom.StaticToken("a\nb")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := intercom.NewGovernor(intercom.GovernorConfig{MaxInFlight: 2})
			c := newClient(t, intercom.Config{Name: "main", Governor: g, Token: tt.token, Transport: always(200, "{}")})
			for range 2 {
				g.Take(intercom.Reading)
			}
			_, err := c.Send(t.Context(), tt.req)
			if err == nil {
				t.Fatal("no error")
			}
			if got := g.Limits().InFlight; got != 1 {
				t.Errorf("%d under way, want 1", got)
			}
			if tt.token != nil && !strings.Contains(err.Error(), "client main: token") {
				t.Errorf("error %q does not name the client", err)
			}
			if strings.Contains(tt.name, "no token") && !errors.Is(err, broken) {
				t.Errorf("error %v does not wrap the source's", err)
			}
			if intercom.Temporary(err) {
				t.Errorf("%v is temporary", err)
			}
		})
	}
}

type tokenFunc func(context.Context) (string, error)

// Token implements intercom.TokenSource.
func (f tokenFunc) Token(ctx context.Context) (string, error) { return f(ctx) }

func TestStaticTokenHides(t *testing.T) {
	t.Parallel()
	source := intercom.StaticToken(planted)
	cfg := intercom.Config{Token: source}
	c := newClient(t, cfg)
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).InfoContext(t.Context(), "x", "token", source, "config", fmt.Sprint(cfg))
	shown := log.String()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		shown += fmt.Sprintf(verb, source) + fmt.Sprintf(verb, cfg) + fmt.Sprintf(verb, c)
	}
	if strings.Contains(shown, planted) || strings.Contains(shown, fmt.Sprintf("%x", planted)) {
		t.Errorf("the token is shown: %s", shown)
	}
	if got, err := source.Token(t.Context()); got != planted || err != nil {
		t.Errorf("token %q, %v", got, err)
	}
}
