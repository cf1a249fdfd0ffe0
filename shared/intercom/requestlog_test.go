package intercom_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"intercom-connector/shared/intercom"
)

// logOf sends a request and returns what was logged, as it was and decoded.
func logOf(t *testing.T, mode intercom.LogMode, s http.RoundTripper, req *intercom.Request) (string, map[string]any) {
	t.Helper()
	var out bytes.Buffer
	c := newClient(t, intercom.Config{Name: "main", Transport: s, Log: slog.New(slog.NewJSONHandler(&out, nil)), LogMode: mode})
	_, _ = send(t, c, req)
	var line map[string]any
	if first, _, _ := bytes.Cut(out.Bytes(), []byte("\n")); len(first) > 0 {
		if err := json.Unmarshal(first, &line); err != nil {
			t.Fatal(err)
		}
	}
	return out.String(), line
}

// A context's attributes are in the line of each request, beside its own.
func TestRequestLogTellsForWhom(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	c := newClient(t, intercom.Config{Transport: always(200, `{}`), Log: slog.New(slog.NewJSONHandler(&out, nil)), LogMode: intercom.LogHeaders})
	ctx := intercom.WithLogAttrs(t.Context(), slog.String("trace", "run-7"))
	for _, ctx := range []context.Context{intercom.WithLogAttrs(ctx, slog.String("message_id", "m1")), intercom.WithLogAttrs(ctx, slog.String("message_id", "m2")), t.Context()} {
		if _, err := c.Send(ctx, &intercom.Request{Operation: searchOp, Payload: []byte(`{}`)}); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for line := range strings.Lines(out.String()) {
		var l struct {
			Trace     string
			MessageID string `json:"message_id"`
		}
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatal(err)
		}
		got = append(got, l.Trace+" "+l.MessageID)
	}
	if diff := cmp.Diff([]string{"run-7 m1", "run-7 m2", " "}, got); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

func TestRequestLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		req := &intercom.Request{
			Operation: searchOp,
			Query:     url.Values{"per_page": {"50"}, "email": {"joe@example.com"}, "external_id": {"joe@example.com"}, "admin_id": {"12"}, "page": {"x"}},
			Payload:   []byte(`{"query":{"field":"email","operator":"=","value":"joe@example.com"},"sort":null}`),
		}
		s := always(200, `{"type":"contact","id":"5f7f","external_id":"joe@example.com","name":"Joe","phone":"+316","updated_at":1700000000,`+
			`"created_at":"2024-01-01T00:00:00Z","custom_attributes":{"joe@example.com":"x","vip":true},"tag_ids":["1","a b"],"state":"open","list":[{"id":7,"body":"secret"},[]]}`,
			"X-RateLimit-Remaining: 99", "X-Request-Id: r1", "Set-Cookie: session=secret")
		for _, tt := range []struct {
			mode intercom.LogMode
			want map[string]any
		}{
			{intercom.LogOff, nil},
			{"", nil},
			{intercom.LogHeaders, map[string]any{}},
			{intercom.LogBodies, map[string]any{
				"payload": `{"query":{"field":"***","operator":"***","value":"***"},"sort":null}`,
				"answer": `{"type":"contact","id":"5f7f","external_id":"***","name":"***","phone":"***","updated_at":1700000000,` +
					`"created_at":"2024-01-01T00:00:00Z","custom_attributes":{"***":"***","vip":true},"tag_ids":["1","***"],"state":"open","list":[{"id":7,"body":"***"},[]]}`,
			}},
		} {
			raw, got := logOf(t, tt.mode, s, req)
			if tt.want != nil {
				maps.Copy(tt.want, map[string]any{
					"time": "2000-01-01T00:00:00Z", "level": "INFO", "msg": "request",
					"client": "main", "method": "POST", "path": "/contacts/search", "host": "api.intercom.test",
					"query":  "admin_id=12&email=***&external_id=***&page=***&per_page=50",
					"status": 200.0, "bytes": 332.0, "took": 0.0, "request_id": "r1",
					"headers": map[string]any{"authorization": "Bearer ***", "intercom_version": "2.16", "accept": "application/json", "content_type": "application/json"},
					"answer_headers": map[string]any{
						"content_type": "application/json; charset=utf-8", "date": "Sat, 01 Jan 2000 00:00:00 GMT",
						"x_ratelimit_remaining": "99", "x_request_id": "r1",
					},
				})
				tt.want["bytes"], got["time"] = got["bytes"], "2000-01-01T00:00:00Z"
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("mode %q (-want +got):\n%s", tt.mode, diff)
			}
			for _, secret := range []string{"joe", "Joe", "secret", "+316", planted} {
				if strings.Contains(raw, secret) {
					t.Errorf("mode %q shows %q", tt.mode, secret)
				}
			}
		}
	})
}

func TestRequestLogOfOtherBodies(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		body string
		want string
	}{
		{"text", "Joe said hi", "***"},
		{"binary", "\x00\x01", "***"},
		{"half of it", `{"id":"1"`, "***"},
		{"nothing", "", ""},
		{"a string", `"Joe"`, `"***"`},
		{"a number", "1e3", "1e3"},
		{"huge", "[" + strings.Repeat("1,", 1<<20) + "1]", "***"},
		{"long", "[" + strings.Repeat("1,", 10_000) + "1]", "[" + strings.Repeat("1,", 8191) + "1…"},
		{"deep", strings.Repeat(`{"a":[`, 1000) + strings.Repeat("]}", 1000), strings.Repeat(`{"a":[`, 1000) + strings.Repeat("]}", 1000)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, line := logOf(t, intercom.LogBodies, always(200, tt.body), requestOf(tagsOp))
			if line["answer"] != tt.want {
				t.Errorf("answer %.100q, want %.100q", line["answer"], tt.want)
			}
		})
	}
}

// The token is planted wherever a server can put it, and nothing shows it.
func TestNothingShowsTheToken(t *testing.T) {
	t.Parallel()
	echo := `{"token":"` + planted + `","id":"` + planted + `","` + planted + `":1,"errors":[{"code":"` + planted + `","message":"` + planted + `","field":"` + planted + `"}],"request_id":"` + planted + `"}`
	for name, s := range map[string]server{
		"success":    always(200, echo, "X-Request-Id: "+planted, "X-RateLimit-Limit: "+planted, "Date: "+planted),
		"error":      always(400, echo, "X-Request-Id: "+planted),
		"forbidden":  always(403, planted, "Content-Type: "+planted),
		"rate limit": always(429, echo, "Retry-After: "+planted),
		"redirect":   always(302, "", "Location: https://"+planted+"@x.example/"+planted+"?"+planted),
		"merged":     always(410, strings.ReplaceAll(echo, `"code":"`+planted, `"code":"contact_merged`), "Link: </contacts/"+planted+"/x>; rel=canonical"),
		"lost":       failing(errors.New("header Authorization: Bearer " + planted)),
		"URL":        failing(&url.Error{Op: "Get", URL: "https://x/?" + planted, Err: errors.New(planted)}),
		"HTML":       always(200, "<"+planted, "Content-Type: text/html"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			c := newClient(t, intercom.Config{Transport: s, Log: slog.New(slog.NewTextHandler(&out, nil)), LogMode: intercom.LogBodies})
			resp, err := send(t, c, getContact("1"))
			shown := out.String()
			if err != nil {
				shown += err.Error()
			}
			if resp != nil {
				shown += resp.RequestID
			}
			if strings.Contains(shown, planted) {
				t.Errorf("the token is shown: %s", shown)
			}
		})
	}
}
