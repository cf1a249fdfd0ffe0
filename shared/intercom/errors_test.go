package intercom_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"intercom-connector/shared/intercom"
)

func errorList(code, message string) string {
	body, err := json.Marshal(map[string]any{
		"type": "error.list", "request_id": "req-1",
		"errors": []map[string]string{{"code": code, "message": message}},
	})
	if err != nil {
		panic(err)
	}
	return string(body)
}

func TestAPIError(t *testing.T) {
	t.Parallel()
	sentinels := []error{
		intercom.ErrUnauthorized, intercom.ErrLocked, intercom.ErrForbidden, intercom.ErrPlan, intercom.ErrFirewall, intercom.ErrAllowlist,
		intercom.ErrNotFound, intercom.ErrConflict, intercom.ErrGone, intercom.ErrRateLimited,
	}
	for _, tt := range []struct {
		name      string
		server    server
		want      string
		is        []error
		temporary bool
		shrink    bool
	}{
		{
			"token revoked", always(401, errorList("token_revoked", "Access Token Revoked")),
			"intercom: GET /contacts/{contact_id}: 401 Unauthorized: token_revoked: Access Token Revoked [request req-1]",
			[]error{intercom.ErrUnauthorized},
			false, false,
		},
		{
			"permission missing", always(403, errorList("action_forbidden", "Not allowed")),
			`intercom: GET /contacts/{contact_id}: 403 Forbidden: action_forbidden: Not allowed: needs the permission "Read users" [request req-1]`,
			[]error{intercom.ErrForbidden},
			false, false,
		},
		{
			"plan", always(403, errorList("api_plan_restricted", "Active subscription needed.")),
			"intercom: GET /contacts/{contact_id}: 403 Forbidden: api_plan_restricted: Active subscription needed. [request req-1]",
			[]error{intercom.ErrForbidden, intercom.ErrPlan},
			false, false,
		},
		{
			"firewall", always(403, "<html>joe@example.com</html>", "Content-Type: text/html"),
			"intercom: GET /contacts/{contact_id}: 403 Forbidden: refused by a firewall or a proxy on the way, not by Intercom's API",
			[]error{intercom.ErrFirewall},
			false, false,
		},
		{
			"not on the IP allowlist", always(403, errorList("forbidden", "Your IP address is not on the allowlist for API access")),
			"intercom: GET /contacts/{contact_id}: 403 Forbidden: forbidden: Your IP address is not on the allowlist for API access [request req-1]",
			[]error{intercom.ErrAllowlist},
			false, false,
		},
		{
			"a page of Intercom's own", always(403, "<html></html>", "Content-Type: text/html", "X-Request-Id: r2"),
			`intercom: GET /contacts/{contact_id}: 403 Forbidden: needs the permission "Read users" [request r2]`,
			[]error{intercom.ErrForbidden},
			false, false,
		},
		{"unpaid", always(402, ""), "intercom: GET /contacts/{contact_id}: 402 Payment Required", []error{intercom.ErrLocked}, false, false},
		{"locked", always(423, ""), "intercom: GET /contacts/{contact_id}: 423 Locked", []error{intercom.ErrLocked}, false, false},
		{
			"not found", always(404, `{"errors":[{"code":"not_found","message":"User Not Found"}]}`, "X-Request-Id: r3"),
			"intercom: GET /contacts/{contact_id}: 404 Not Found: not_found: User Not Found [request r3]",
			[]error{intercom.ErrNotFound},
			false, false,
		},
		{
			"conflict", always(409, errorList("conflict", "A contact matching those details already exists with id=5f7f0d217289f8d2f4262080")),
			"intercom: GET /contacts/{contact_id}: 409 Conflict: conflict: A contact matching those details already exists with id=5f7f0d217289f8d2f4262080 [request req-1]",
			[]error{intercom.ErrConflict},
			false, false,
		},
		{"gone", always(410, "{}"), "intercom: GET /contacts/{contact_id}: 410 Gone", []error{intercom.ErrGone}, false, false},
		{"request timeout", always(408, "null"), "intercom: GET /contacts/{contact_id}: 408 Request Timeout", nil, true, true},
		{
			"a field", always(422, `{"errors":[{"code":"parameter_invalid","field":"plan name","message":"bad"}]}`),
			"intercom: GET /contacts/{contact_id}: 422 Unprocessable Entity: parameter_invalid: bad (field plan name)",
			nil, false, false,
		},
		{
			"the rate limit", always(429, errorList("rate_limit_exceeded", "Exceeded rate limit of 167 in 10_seconds"), "Retry-After: 3"),
			"intercom: GET /contacts/{contact_id}: 429 Too Many Requests: rate_limit_exceeded: Exceeded rate limit of 167 in 10_seconds [request req-1]: open again in 3s",
			[]error{intercom.ErrRateLimited},
			true, false,
		},
		{"a gateway", always(502, "<html>oops "+planted+"</html>", "Content-Type: text/html"), "intercom: GET /contacts/{contact_id}: 502 Bad Gateway", nil, true, true},
		{"not implemented", always(501, ""), "intercom: GET /contacts/{contact_id}: 501 Not Implemented", nil, false, false},
		{"a status nobody knows", always(599, "x"), "intercom: GET /contacts/{contact_id}: 599", nil, true, true},
		{"not modified", always(304, ""), "intercom: GET /contacts/{contact_id}: 304 Not Modified", nil, false, false},
		{"types nobody expects", always(400, `{"request_id":7,"errors":[{"code":1,"message":["a"],"field":{}}]}`), "intercom: GET /contacts/{contact_id}: 400 Bad Request", nil, false, false},
		{"errors that are none", always(400, `{"errors":"no"}`), "intercom: GET /contacts/{contact_id}: 400 Bad Request", nil, false, false},
		{"no errors", always(400, `{"errors":[]}`), "intercom: GET /contacts/{contact_id}: 400 Bad Request", nil, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				_, err := send(t, newClient(t, intercom.Config{Transport: tt.server}), getContact("joe@example.com"))
				if err == nil || err.Error() != tt.want {
					t.Errorf("error\n%v, want\n%s", err, tt.want)
				}
				for _, s := range sentinels {
					want := false
					for _, is := range tt.is {
						want = want || errors.Is(is, s)
					}
					if got := errors.Is(err, s); got != want {
						t.Errorf("is %q: %v, want %v", s, got, want)
					}
				}
				if got := intercom.Temporary(err); got != tt.temporary {
					t.Errorf("temporary %v, want %v", got, tt.temporary)
				}
				if got := intercom.Shrink(err); got != tt.shrink {
					t.Errorf("shrink %v, want %v", got, tt.shrink)
				}
				if api := new(intercom.APIError); !errors.As(err, &api) {
					t.Errorf("error is a %T, want an APIError in it", err)
				}
			})
		})
	}
}

func TestRateLimitErrorTellsTheReset(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		c := newClient(t, intercom.Config{Transport: always(429, "", "X-RateLimit-Limit: 10", "X-RateLimit-Remaining: 0", fmt.Sprintf("X-RateLimit-Reset: %d", now.Unix()+7))})
		_, err := send(t, c, getContact("1"))
		var limited *intercom.RateLimitError
		if !errors.As(err, &limited) {
			t.Fatalf("error is a %T, want a RateLimitError", err)
		}
		if limited.RetryAfter != 7*time.Second || !limited.Reset.Equal(now.Add(7*time.Second)) {
			t.Errorf("open again in %v, reset at %v; want 7 s from %v", limited.RetryAfter, limited.Reset, now)
		}
	})
}

func TestMessagesKeepNoData(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, message, want string }{
		{"plain", "Per Page is too big", "Per Page is too big"},
		{"an id", "already exists with id=5f7f0d21", "already exists with id=5f7f0d21"},
		{"an id in quotes", "already exists with id='5f7f0d21'", "already exists with id='5f7f0d21'"},
		{"an address for an id", "already exists with id='joe@example.com'", "already exists with id='***'"},
		{"an attribute's name", "Custom attribute 'plan tier' does not exist", "Custom attribute 'plan tier' does not exist"},
		{"an attribute named like an address", "attribute 'joe@example.com' does not exist", "attribute '***' does not exist"},
		{"a parameter's name", `Invalid parameter: "sort"`, `Invalid parameter: "sort"`},
		{"a value", "value 'Joe Doe' is invalid", "value '***' is invalid"},
		{"a value in other quotes", "“Joe” «Doe» `x` \"y\" ‘z’", "“***” «***» `***` \"***\" ‘***’"},
		{"apostrophes", "it doesn't like 'Joe O'Neill' at all", "it doesn't like '***' at all"},
		{"not closed", "value 'Joe Doe is invalid", "value '***"},
		{"an address", "joe.doe+x@mail.example.com taken", "*** taken"},
		{"an address in brackets", "taken (joe@example.com), sorry", "taken (***), sorry"},
		{"a telephone", "phone +31 6 1234 5678 taken", "phone *** taken"},
		{"a URL", "see https://app.intercom.com/x?email=joe@example.com&t=1 now", "see https://app.intercom.com/x?*** now"},
		{"a bearer", "bad header Bearer abc.def", "bad header Bearer ***"},
		{"a long secret", "bad " + strings.Repeat("aB3", 20), "bad ***"},
		{"the token", "bad token " + planted, "bad token ***"},
		{"lines and control characters", "a\r\n\x1b[31mb\x00c\tz", "a [31mb c z"},
		{"invalid text", "a\xffb", "a b"},
		{"too long", strings.Repeat("ab ", 200), strings.Repeat("ab ", 100) + "…"},
		{"a quotation across the bound", strings.Repeat("ab ", 99) + "'" + strings.Repeat("joe ", 9000) + "'", strings.Repeat("ab ", 99) + "'**…"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := send(t, newClient(t, intercom.Config{Transport: always(400, errorList("bad_request", tt.message))}), getContact("1"))
			var api *intercom.APIError
			if !errors.As(err, &api) {
				t.Fatalf("error %v, want an APIError", err)
			}
			if api.Message != tt.want {
				t.Errorf("message %q, want %q", api.Message, tt.want)
			}
		})
	}
}

func FuzzErrorBody(f *testing.F) {
	f.Add([]byte(errorList("not_found", "User 'x' Not Found")), "application/json", 404)
	f.Add([]byte(`{"errors":[{"code":null}]}`), "application/json", 500)
	f.Add([]byte(`<html>TOKEN`), "text/html", 403)
	f.Add([]byte(`{"request_id":"TOKEN","errors":[{"code":"TOKEN","message":"the token TOKEN is not known","field":"TOKEN"}]}`), "application/json", 401)
	f.Add([]byte("{\"errors\":[{\"message\":\"'\xff joe@example.com\"}]}"), "", 400)
	f.Fuzz(func(t *testing.T, body []byte, contentType string, status int) {
		if status < 100 || status > 999 || status/100 == 2 {
			t.Skip()
		}
		body = bytes.ReplaceAll(body, []byte("TOKEN"), []byte(planted))
		c := newClient(t, intercom.Config{Transport: always(status, string(body), "Content-Type: "+contentType)})
		_, err := send(t, c, getContact("1"))
		if err == nil {
			t.Fatal("no error")
		}
		text := err.Error()
		if strings.Contains(text, planted) || len(text) > 1000 || !utf8.ValidString(text) || strings.ContainsAny(text, "\r\n\x00") {
			t.Errorf("error %q", text)
		}
	})
}

func TestTransportError(t *testing.T) {
	t.Parallel()
	fails := func(err error) server { return func(*http.Request) (*http.Response, error) { return nil, err } }
	dial := &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	for _, tt := range []struct {
		name      string
		server    server
		sent      bool
		temporary bool
		want      string
	}{
		{"refused", fails(dial), false, true, "connection refused"},
		{"no such host", fails(&net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "api.intercom.test", IsNotFound: true}}), false, true, "no such host"},
		{"certificate", fails(&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}), false, false, "unknown authority"},
		{"no TLS", fails(tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}), false, false, "TLS handshake"},
		{"reset", fails(&net.OpError{Op: "read", Err: syscall.ECONNRESET}), true, true, "connection reset"},
		{"in a URL error", fails(&url.Error{Op: "Get", URL: "https://api.intercom.test/contacts/joe?token=" + planted, Err: io.EOF}), true, true, "EOF"},
		{"a URL error further in", fails(fmt.Errorf("proxy: %w", &url.Error{Op: "Get", URL: "https://api.intercom.test/contacts/joe?email=joe", Err: io.EOF})), true, true, "proxy"},
		{"that repeats the header", fails(errors.New("cannot send Bearer " + planted)), true, true, "cannot send Bearer ***"},
		{"nothing at all", fails(nil), true, true, "no answer"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			req := getContact("joe")
			req.Query = url.Values{"email": {"joe@example.com"}}
			_, err := send(t, newClient(t, intercom.Config{Transport: tt.server}), req)
			var lost *intercom.TransportError
			if !errors.As(err, &lost) {
				t.Fatalf("error is a %T: %v", err, err)
			}
			if lost.Sent != tt.sent || intercom.Temporary(err) != tt.temporary || lost.Timeout() || intercom.Shrink(err) {
				t.Errorf("sent %v, temporary %v, timeout %v, shrink %v; want %v, %v, false, false", lost.Sent, intercom.Temporary(err), lost.Timeout(), intercom.Shrink(err), tt.sent, tt.temporary)
			}
			text := err.Error()
			if !strings.HasPrefix(text, "intercom: GET /contacts/{contact_id}: ") || !strings.Contains(text, tt.want) {
				t.Errorf("error %q, want %q in it", text, tt.want)
			}
			for _, secret := range []string{planted, "joe", "email"} {
				if strings.Contains(text, secret) {
					t.Errorf("error %q shows %q", text, secret)
				}
			}
		})
	}
}

// A real listener that is gone, and one that is not a server of TLS.
func TestTransportErrorOfARealNetwork(t *testing.T) {
	t.Parallel()
	gone := httptest.NewServer(nil)
	gone.Close()
	c := newClient(t, intercom.Config{BaseURL: gone.URL})
	_, err := send(t, c, getContact("1"))
	var lost *intercom.TransportError
	if !errors.As(err, &lost) || lost.Sent || !intercom.Temporary(err) {
		t.Errorf("a closed port: %v, want a temporary error of a request that was not sent", err)
	}

	stranger := httptest.NewUnstartedServer(nil)
	stranger.Config.ErrorLog = log.New(io.Discard, "", 0)
	stranger.StartTLS()
	t.Cleanup(stranger.Close)
	c = newClient(t, intercom.Config{BaseURL: stranger.URL})
	_, err = send(t, c, getContact("1"))
	if !errors.As(err, &lost) || lost.Sent || intercom.Temporary(err) {
		t.Errorf("a stranger's certificate: %v, want a permanent error of a request that was not sent", err)
	}
}

func TestTimeouts(t *testing.T) {
	t.Parallel()
	// slow answers after an hour, in the way of a real transport.
	slow := server(func(r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, context.Cause(r.Context())
	})
	for _, tt := range []struct {
		name     string
		deadline time.Duration // of the caller
		cancel   time.Duration
		server   server
		took     time.Duration
		timeout  bool // the server's fault
		is       error
	}{
		{"the server is slow", time.Hour, 0, slow, time.Minute, true, intercom.ErrTimeout},
		{"the caller's deadline", time.Second, 0, slow, time.Second, false, context.DeadlineExceeded},
		{"the caller stops", time.Hour, time.Second, slow, time.Second, false, context.Canceled},
		{"while connecting", time.Hour, 0, func(*http.Request) (*http.Response, error) {
			return nil, &net.OpError{Op: "dial", Err: deadline{}}
		}, 0, true, intercom.ErrTimeout},
		{"in the body", time.Hour, 0, func(r *http.Request) (*http.Response, error) {
			resp := reply(200, "{}")
			resp.Body = io.NopCloser(readFunc(func([]byte) (int, error) {
				<-r.Context().Done()
				return 0, r.Context().Err()
			}))
			return resp, nil
		}, time.Minute, true, intercom.ErrTimeout},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), tt.deadline)
				defer cancel()
				if tt.cancel > 0 {
					time.AfterFunc(tt.cancel, cancel)
				}
				c := newClient(t, intercom.Config{Transport: tt.server})
				c.Governor().Take(intercom.Reading)
				begun := time.Now()
				_, err := c.Send(ctx, getContact("1"))
				if took := time.Since(begun); took != tt.took {
					t.Errorf("took %v, want %v", took, tt.took)
				}
				if !errors.Is(err, tt.is) {
					t.Errorf("error %v, want %v", err, tt.is)
				}
				if tt.timeout && errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("error %v looks like the caller's own", err)
				}
				if intercom.Temporary(err) != tt.timeout || intercom.Shrink(err) != tt.timeout {
					t.Errorf("temporary %v, shrink %v; want both %v", intercom.Temporary(err), intercom.Shrink(err), tt.timeout)
				}
			})
		})
	}
}

type deadline struct{}

func (deadline) Error() string   { return "i/o timeout" }
func (deadline) Timeout() bool   { return true }
func (deadline) Temporary() bool { return true }

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

func TestAnswersThatCannotBe(t *testing.T) {
	t.Parallel()
	body := func(r io.Reader, length int64) server {
		return func(*http.Request) (*http.Response, error) {
			resp := reply(200, "")
			resp.Body, resp.ContentLength = io.NopCloser(r), length
			return resp, nil
		}
	}
	for _, tt := range []struct {
		name      string
		op        *intercom.Operation
		server    server
		is        error
		want      string
		temporary bool
		shrink    bool
	}{
		{"empty", tagsOp, always(200, ""), intercom.ErrEmptyBody, "intercom: GET /tags: 200: the answer is empty", true, false},
		{"blank", tagsOp, always(200, " \r\n", "X-Request-Id: r1"), intercom.ErrEmptyBody, "[request r1]", true, false},
		{"a job without its id", enqueueOp, always(200, ""), intercom.ErrEmptyBody, "the answer is empty", true, false},
		{"HTML", tagsOp, always(200, "<html>", "Content-Type: text/html; charset=utf-8"), intercom.ErrNotJSON, "not JSON", true, false},
		{"HTML without saying so", tagsOp, always(200, "\n <html>", "Content-Type: "), intercom.ErrNotJSON, "not JSON", true, false},
		{"cut off", tagsOp, body(io.MultiReader(strings.NewReader(`{"data":`), iotest.ErrReader(io.ErrUnexpectedEOF)), -1), io.ErrUnexpectedEOF, "cut off after 8 bytes", true, false},
		{"reset", tagsOp, body(iotest.ErrReader(syscall.ECONNRESET), 100), io.ErrUnexpectedEOF, "cut off after 0 bytes", true, false},
		{"shorter than promised", tagsOp, body(strings.NewReader("{}"), 100), io.ErrUnexpectedEOF, "cut off after 2 bytes", true, false},
		{"too large, as promised", tagsOp, always(200, strings.Repeat(" ", 1025)), nil, "larger than 1024 bytes", false, true},
		{"too large, by surprise", tagsOp, body(strings.NewReader(strings.Repeat(" ", 5000)), -1), nil, "larger than 1024 bytes", false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := send(t, newClient(t, intercom.Config{Transport: tt.server, MaxBody: 1024}), requestOf(tt.op))
			if err == nil || tt.is != nil && !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error %v, want %v: %s", err, tt.is, tt.want)
			}
			if intercom.Temporary(err) != tt.temporary || intercom.Shrink(err) != tt.shrink {
				t.Errorf("temporary %v, shrink %v; want %v, %v", intercom.Temporary(err), intercom.Shrink(err), tt.temporary, tt.shrink)
			}
		})
	}
	t.Run("as large as may be", func(t *testing.T) {
		t.Parallel()
		for _, length := range []int64{1024, -1} {
			resp, err := send(t, newClient(t, intercom.Config{Transport: body(strings.NewReader(strings.Repeat("1", 1024)), length), MaxBody: 1024}), requestOf(tagsOp))
			if err != nil || len(resp.Body) != 1024 {
				t.Errorf("error %v with length %d", err, length)
			}
		}
	})
}

// A real connection that is closed in the middle, with each way to tell a length.
func TestConnectionCutInTheMiddle(t *testing.T) {
	t.Parallel()
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	_, _ = zip.Write([]byte(`{"data":[]}`))
	_ = zip.Close()
	for name, head := range map[string]string{
		"gzip":   "Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\na\r\n" + packed.String()[:10] + "\r\n0\r\n\r\n",
		"length": "Content-Length: 1000\r\n\r\n{\"data\":",
		"chunks": "Transfer-Encoding: chunked\r\n\r\n8\r\n{\"data\":\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				conn, out, err := w.(http.Hijacker).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = out.WriteString("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" + head)
				_ = out.Flush()
				_ = conn.Close()
			}))
			t.Cleanup(s.Close)
			_, err := send(t, newClient(t, intercom.Config{BaseURL: s.URL}), requestOf(tagsOp))
			var lost *intercom.TransportError
			if !errors.As(err, &lost) || !lost.Sent || !errors.Is(err, io.ErrUnexpectedEOF) || !intercom.Temporary(err) {
				t.Errorf("error %v, want a temporary one of an answer that was cut off", err)
			}
		})
	}
}

func TestTemporaryOfOthers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err  error
		want bool
	}{
		{nil, false},
		{errors.New("x"), false},
		{context.Canceled, false},
		{fmt.Errorf("page: %w", intercom.ErrEmptyBody), true},
		{fmt.Errorf("page: %w", &intercom.APIError{Status: 503}), true},
		{&intercom.BodyTooLargeError{}, false},
		{garbled{}, true},
	} {
		if got := intercom.Temporary(tt.err); got != tt.want {
			t.Errorf("temporary %v: %v, want %v", tt.err, got, tt.want)
		}
	}
	if intercom.Shrink(nil) || intercom.Shrink(garbled{}) {
		t.Error("a smaller page does not help")
	}
}

type garbled struct{}

func (garbled) Error() string   { return "garbled" }
func (garbled) Temporary() bool { return true }

func TestAPIErrorFields(t *testing.T) {
	t.Parallel()
	_, err := send(t, newClient(t, intercom.Config{Transport: always(403, `{"request_id":"r","errors":[{"code":"forbidden","message":"no","field":"email"},{"code":"second"}]}`, "Retry-After: 5")}), getContact("42"))
	var got *intercom.APIError
	if !errors.As(err, &got) {
		t.Fatal(err)
	}
	want := &intercom.APIError{
		Method: "GET", Path: "/contacts/{contact_id}", Status: 403, Code: "forbidden", Message: "no", Field: "email",
		RequestID: "r", RetryAfter: 5 * time.Second, Permission: "Read users",
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(intercom.APIError{})); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
}
