package intercom_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"intercom-connector/shared/intercom"
)

// A web is a map of URLs to what they answer, and a list of what was asked.
type web struct {
	pages map[string]canned
	asked []*http.Request
}

type canned struct {
	status  int
	body    string
	headers []string // as reply takes them
}

// RoundTrip implements http.RoundTripper.
func (w *web) RoundTrip(r *http.Request) (*http.Response, error) {
	w.asked = append(w.asked, r)
	if page, ok := w.pages[r.URL.String()]; ok {
		return reply(page.status, page.body, page.headers...), nil
	}
	return reply(404, ""), nil
}

func (w *web) urls() []string {
	var urls []string
	for _, r := range w.asked {
		urls = append(urls, r.URL.String())
	}
	return urls
}

func moved(status int, to string) canned {
	return canned{status, "", []string{"Location: " + to, "X-Request-Id: first"}}
}

func page(body, contentType string, headers ...string) canned {
	return canned{200, body, append(headers, "Content-Type: "+contentType)}
}

func TestRedirects(t *testing.T) {
	t.Parallel()
	const (
		home  = "https://api.intercom.test/calls/1/recording"
		audio = "https://audio.example/a.wav?signature=s3cret"
	)
	for _, tt := range []struct {
		name  string
		pages map[string]canned
		want  string // body
		err   string // instead
		asked int
	}{
		{"to another host", map[string]canned{home: moved(302, audio), audio: page("RIFF", "audio/wav")}, "RIFF", "", 2},
		{"by a relative link", map[string]canned{home: moved(307, "/elsewhere?x=1"), "https://api.intercom.test/elsewhere?x=1": page("RIFF", "audio/wav", "X-Request-Id: first")}, "RIFF", "", 2},
		{"three times", map[string]canned{
			home: moved(301, "https://a.example/"), "https://a.example/": moved(303, "https://b.example/"),
			"https://b.example/": moved(308, audio), audio: page("RIFF", "audio/wav"),
		}, "RIFF", "", 4},
		{"too often", map[string]canned{
			home: moved(301, "https://a.example/"), "https://a.example/": moved(303, "https://b.example/"),
			"https://b.example/": moved(308, "https://c.example/"), "https://c.example/": moved(302, audio),
		}, "", "redirect to audio.example: one too many", 4},
		{"in a circle at home", map[string]canned{home: moved(302, home)}, "", "one too many", 4},
		{"in the clear", map[string]canned{home: moved(302, "http://audio.example/a")}, "", "not https", 1},
		{"to a file", map[string]canned{home: moved(302, "file:///etc/passwd")}, "", "not https", 1},
		{"with a password", map[string]canned{home: moved(302, "https://u:s3cret@audio.example/a")}, "", "carries a password", 1},
		{"nowhere", map[string]canned{home: {302, "", nil}}, "", "does not say where", 1},
		{"to garbage", map[string]canned{home: moved(302, "https://a b%zz/")}, "", "does not say where", 1},
		{"home over http", map[string]canned{home: moved(302, "http://api.intercom.test/x")}, "", "not https", 1},
		{"home on another port", map[string]canned{home: moved(302, "https://api.intercom.test:8443/x"), "https://api.intercom.test:8443/x": page("RIFF", "audio/wav")}, "RIFF", "", 2},
		{"to a link that has expired", map[string]canned{home: moved(302, audio), audio: {403, "<Error>s3cret</Error>", nil}}, "", "redirect to audio.example: answered 403 Forbidden", 2},
		{"to this machine", map[string]canned{home: moved(302, "https://127.0.0.1/x")}, "", "not a public one", 1},
		{"to this machine by name", map[string]canned{home: moved(302, "https://LocalHost./x")}, "", "not a public one", 1},
		{"to the cloud's credentials", map[string]canned{home: moved(302, "https://169.254.169.254/latest")}, "", "not a public one", 1},
		{"to a private network", map[string]canned{home: moved(302, "https://10.1.2.3/x")}, "", "not a public one", 1},
		{"to a private network, IPv6", map[string]canned{home: moved(302, "https://[fd00:ec2::254]/x")}, "", "not a public one", 1},
		{"to IPv4 in IPv6", map[string]canned{home: moved(302, "https://[::ffff:169.254.169.254]/x")}, "", "not a public one", 1},
		{"to IPv4 behind NAT64", map[string]canned{home: moved(302, "https://[64:ff9b::a9fe:a9fe]/x")}, "", "not a public one", 1},
		{"to a zone", map[string]canned{home: moved(302, "https://[fe80::1%25eth0]/x")}, "", "not a public one", 1},
		{"to everybody", map[string]canned{home: moved(302, "https://224.0.0.1/x")}, "", "not a public one", 1},
		{"to nobody", map[string]canned{home: moved(302, "https://0.0.0.0/x")}, "", "not a public one", 1},
		{"to a carrier's NAT", map[string]canned{home: moved(302, "https://100.64.0.1/x")}, "", "not a public one", 1},
		{"to a public address", map[string]canned{home: moved(302, "https://93.184.216.34/x"), "https://93.184.216.34/x": page("RIFF", "audio/wav")}, "RIFF", "", 2},
		{"out and in again", map[string]canned{home: moved(302, "https://a.example/"), "https://a.example/": moved(302, "https://[::1]/x")}, "", "not a public one", 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := &web{pages: tt.pages}
				resp, err := send(t, newClient(t, intercom.Config{Transport: w}), requestOf(recordingOp))
				switch {
				case tt.err == "" && err != nil:
					t.Fatal(err)
				case tt.err == "":
					if string(resp.Body) != tt.want || resp.ContentType != "audio/wav" || resp.RequestID != "first" || resp.Date.IsZero() {
						t.Errorf("response %+v, want %q", resp, tt.want)
					}
				case err == nil || !strings.Contains(err.Error(), tt.err):
					t.Errorf("error %v, want %q", err, tt.err)
				default:
					if redirect := new(intercom.RedirectError); !errors.As(err, &redirect) {
						t.Errorf("error is a %T", err)
					}
					if strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), planted) || errors.Is(err, intercom.ErrForbidden) {
						t.Errorf("error %v", err)
					}
				}
				if len(w.asked) != tt.asked {
					t.Errorf("asked for %q, want %d requests", w.urls(), tt.asked)
				}
				for _, r := range w.asked {
					atHome := r.URL.Scheme == "https" && r.URL.Host == "api.intercom.test"
					if got := r.Header.Get("Authorization") != ""; got != atHome {
						t.Errorf("token sent to %s: %v", r.URL.Host, got)
					}
					if !atHome && (r.Header.Get("Intercom-Version") != "" || r.Method != http.MethodGet || r.Body != nil) {
						t.Errorf("%s %s got more than it should: %v", r.Method, r.URL.Host, r.Header)
					}
				}
			})
		})
	}
}

func TestRedirectOfAWriteIsNotFollowed(t *testing.T) {
	t.Parallel()
	w := &web{pages: map[string]canned{"https://api.intercom.test/contacts": moved(307, "https://api.intercom.test/other")}}
	_, err := send(t, newClient(t, intercom.Config{Transport: w}), requestOf(createOp))
	if redirect := new(intercom.RedirectError); !errors.As(err, &redirect) || intercom.Temporary(err) || len(w.asked) != 1 {
		t.Errorf("error %v after %q", err, w.urls())
	}
}

// With its own transport the client looks at what a name resolves to.
func TestRedirectIntoThisMachine(t *testing.T) {
	t.Parallel()
	reached := false
	inside := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	t.Cleanup(inside.Close)
	to, err := url.Parse(inside.URL)
	if err != nil {
		t.Fatal(err)
	}
	base := ""
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/1/recording"):
			http.Redirect(w, r, base+"/here", http.StatusFound)
		case r.URL.Path == "/here":
			_, _ = io.WriteString(w, "RIFF")
		default:
			http.Redirect(w, r, inside.URL+"/there", http.StatusFound)
		}
	}))
	t.Cleanup(s.Close)
	base = s.URL
	c := newClient(t, intercom.Config{BaseURL: s.URL})
	if resp, err := send(t, c, requestOf(recordingOp)); err != nil || string(resp.Body) != "RIFF" {
		t.Errorf("a loopback base URL cannot redirect to itself: %v", err)
	}
	_, err = send(t, c, &intercom.Request{Operation: recordingOp, Path: map[string]string{"call_id": "2"}})
	if err == nil || !strings.Contains(err.Error(), "not a public one") || intercom.Temporary(err) {
		t.Errorf("error %v, want a refusal to go to %s", err, to.Host)
	}
	if reached {
		t.Error("the server inside was reached")
	}
}

func TestMergedContacts(t *testing.T) {
	t.Parallel()
	const base = "https://api.intercom.test/contacts/"
	merged := func(link string) canned {
		return canned{410, errorList("contact_merged", "merged"), []string{"Link: " + link}}
	}
	found := page(`{"id":"new"}`, "application/json")
	byExternal := &intercom.Operation{Method: "GET", Path: "/contacts/find_by_external_id/{external_id}", Kind: intercom.Read}
	for _, tt := range []struct {
		name  string
		op    *intercom.Operation
		pages map[string]canned
		want  []string // asked for, behind the base; the last one answers
		gone  bool
	}{
		{"one hop", showOp, map[string]canned{base + "1?x=y": merged(`</contacts/new>; rel="canonical"`), base + "new?x=y": found}, []string{"1?x=y", "new?x=y"}, false},
		{"a whole URL among other links", showOp, map[string]canned{base + "1?x=y": merged(`<https://x>; rel=next, <https://evil.example/contacts/new>; title="a"; rel=canonical`), base + "new?x=y": found}, []string{"1?x=y", "new?x=y"}, false},
		{"three hops", showOp, map[string]canned{
			base + "1?x=y": merged(`</contacts/2>; rel="canonical"`), base + "2?x=y": merged(`</contacts/3>; rel="canonical"`),
			base + "3?x=y": merged(`</contacts/new>; rel="canonical"`), base + "new?x=y": found,
		}, []string{"1?x=y", "2?x=y", "3?x=y", "new?x=y"}, false},
		{"in a circle", showOp, map[string]canned{base + "1?x=y": merged(`</contacts/1>; rel="canonical"`)}, []string{"1?x=y", "1?x=y", "1?x=y", "1?x=y"}, true},
		{"a list of the contact's", notesOp, map[string]canned{base + "1/notes?x=y": merged(`</contacts/new>; rel="canonical"`), base + "new/notes?x=y": found}, []string{"1/notes?x=y", "new/notes?x=y"}, false},
		{"found by another id", byExternal, map[string]canned{base + "find_by_external_id/1?x=y": merged(`</contacts/new>; rel="canonical"`), base + "new?x=y": found}, []string{"find_by_external_id/1?x=y", "new?x=y"}, false},
		{"no link", showOp, map[string]canned{base + "1?x=y": merged("")}, []string{"1?x=y"}, true},
		{"a link to something else", showOp, map[string]canned{base + "1?x=y": merged(`</admins/new>; rel="canonical"`)}, []string{"1?x=y"}, true},
		{"a link that climbs", showOp, map[string]canned{base + "1?x=y": merged(`</contacts/..>; rel="canonical"`)}, []string{"1?x=y"}, true},
		{"a link that climbs in disguise", showOp, map[string]canned{base + "1?x=y": merged(`</contacts/%2e%2e%2fadmins>; rel="canonical"`)}, []string{"1?x=y"}, true},
		{"a write", updateOp, map[string]canned{base + "1?x=y": merged(`</contacts/new>; rel="canonical"`)}, []string{"1?x=y"}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := &web{pages: tt.pages}
				req := requestOf(tt.op)
				req.Query = url.Values{"x": {"y"}}
				resp, err := send(t, newClient(t, intercom.Config{Transport: w}), req)
				if gone := errors.Is(err, intercom.ErrGone); gone != tt.gone || !gone && err != nil {
					t.Errorf("error %v, gone: %v", err, tt.gone)
				}
				if err == nil && string(resp.Body) != `{"id":"new"}` {
					t.Errorf("body %s", resp.Body)
				}
				got := w.urls()
				for i := range got {
					got[i] = strings.TrimPrefix(got[i], base)
				}
				if !slices.Equal(got, tt.want) {
					t.Errorf("asked for %q, want %q", got, tt.want)
				}
			})
		})
	}
}

// A name can hide a private address until it is dialed.
func TestRedirectToANameOfThisMachine(t *testing.T) {
	t.Parallel()
	hostname, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	name := ""
	for _, candidate := range []string{hostname, "ip6-localhost", "ip6-loopback"} {
		addrs, err := net.DefaultResolver.LookupNetIP(t.Context(), "ip", candidate)
		if err == nil && len(addrs) > 0 && (addrs[0].IsPrivate() || addrs[0].IsLoopback()) && candidate != "localhost" {
			name = candidate
		}
	}
	if name == "" {
		t.Skip("no name of this machine resolves to a private address")
	}
	s := httptest.NewServer(http.RedirectHandler("https://"+name+"/x", http.StatusFound))
	t.Cleanup(s.Close)
	_, err = send(t, newClient(t, intercom.Config{BaseURL: s.URL}), requestOf(recordingOp))
	if err == nil || !strings.Contains(err.Error(), "not a public one") || intercom.Temporary(err) {
		t.Errorf("error %v, want a refusal to go to %s", err, name)
	}
}

func TestRedirectsThatFailElsewhere(t *testing.T) {
	t.Parallel()
	away := moved(302, "https://audio.example/a?signature=s3cret")
	for _, tt := range []struct {
		name      string
		there     server
		temporary bool
		want      string
	}{
		{"overloaded", always(503, ""), true, "answered 503 Service Unavailable"},
		{"not found", always(404, ""), false, "answered 404 Not Found"},
		{"too many", always(429, ""), true, "answered 429 Too Many Requests"},
		{"refused", failing(&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}), true, "no answer"},
		{"cut off", func(*http.Request) (*http.Response, error) {
			resp := reply(200, "RI")
			resp.ContentLength = 100
			return resp, nil
		}, true, "cut off after 2 bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			count := 0
			home := always(away.status, away.body, away.headers...)
			c := newClient(t, intercom.Config{Transport: inTurn(&count, home, tt.there)})
			_, err := send(t, c, requestOf(recordingOp))
			if err == nil || !strings.Contains(err.Error(), tt.want) || intercom.Temporary(err) != tt.temporary || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("error %v, temporary %v; want %q, %v", err, intercom.Temporary(err), tt.want, tt.temporary)
			}
			if l := c.Governor().Limits(); l.Throttled != 0 {
				t.Error("another host's limit was taken for Intercom's")
			}
		})
	}
}
