package blackbox_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"intercom-connector/test/blackbox/mock"
)

// forms are the token as it might leak.
func forms() map[string]string {
	return map[string]string{
		"as it is":    token,
		"a part":      token[4:24],
		"base64":      base64.StdEncoding.EncodeToString([]byte(token))[:40],
		"hexadecimal": hex.EncodeToString([]byte(token)),
		"in a URL":    url.QueryEscape("Bearer " + token),
	}
}

// clean searches all that a call has left for the token.
func (d *desk) clean(what string, r result) {
	d.t.Helper()
	d.search(what+": stdout", []byte(r.stdout))
	d.search(what+": stderr", []byte(r.stderr))
	err := filepath.WalkDir(d.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		d.search(what+": "+path, data)
		return nil
	})
	if err != nil {
		d.t.Error(err)
	}
}

func (d *desk) search(where string, data []byte) {
	d.t.Helper()
	for name, form := range forms() {
		if bytes.Contains(data, []byte(form)) {
			d.t.Errorf("%s has the token, %s", where, name)
		}
	}
}

// loud is everything that can be asked to be said.
var loud = []string{"--log-level", "debug", "--log-requests", "bodies"}

func TestTokenIsInNoOutput(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		status int // of the call
		setUp  func(*mock.Workspace)
	}{
		{"all goes well", 0, func(*mock.Workspace) {}},
		{"faults", 0, func(ws *mock.Workspace) {
			faults := mock.Faults()
			ws.Fault = func(n int, _ *http.Request) mock.Fault {
				if n%5 != 1 {
					return mock.None
				}
				return faults[n/5%len(faults)]
			}
		}},
		{"wrong token", 1, func(ws *mock.Workspace) { ws.Token = "another" }},
		{"no permission", 1, func(ws *mock.Workspace) { ws.Denied = map[string]bool{"POST /contacts/search": true} }},
		{"firewall", 1, func(ws *mock.Workspace) {
			ws.Fault = func(int, *http.Request) mock.Fault { return mock.Denial }
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ws := amsterdam(t)
			ws.Fill("contacts", 700, 10*24*time.Hour)
			tt.setUp(ws)
			d := newDesk(t, reads(serve(t, ws), "  it: {client: main, entity: contacts, sync: incremental, to: {type: sqs}}\n"))
			r := d.call(append([]string{"run", "it"}, loud...)...)
			if r.status != tt.status {
				t.Errorf("want exit status %d: %v", tt.status, r)
			}
			d.clean("run", r)
			if len(r.stderr) == 0 {
				t.Error("nothing was logged: there was nothing to search")
			}
			for _, args := range [][]string{{"plan", "it"}, {"peek", "it"}, {"status"}, {"status", "--json"}, {"validate"}, {"run", "it", "--json"}, {"run", "it", "--to", "-"}} {
				d.clean(strings.Join(args, " "), d.call(args...))
			}
		})
	}
}

// An elsewhere is a server that must never be told the token.
type elsewhere struct {
	mu   sync.Mutex
	told []string
	hits int
}

func (e *elsewhere) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.hits++
	for name, values := range r.Header {
		if strings.Contains(strings.Join(values, " "), token) {
			e.told = append(e.told, name)
		}
	}
	if strings.Contains(r.URL.String(), token) {
		e.told = append(e.told, r.URL.String())
	}
	_, _ = w.Write([]byte(`{"type":"list","data":[],"id":"1"}`))
}

// on puts the elsewhere on a port, by plain HTTP or by TLS, and returns its
// address by another name of this machine than tests use otherwise.
func (e *elsewhere) on(t *testing.T, secure bool) string {
	t.Helper()
	server := httptest.NewUnstartedServer(e)
	if secure {
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	return strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
}

func (e *elsewhere) check(t *testing.T) {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.told) > 0 {
		t.Errorf("another host was told the token: %v", e.told)
	}
}

// A pages.next that names another host is asked for at home: a proxy in between
// does the same, and there the next page is.
func TestTokenStaysHomeWhenNextIsElsewhere(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"articles", "activity_logs"} {
		for _, secure := range []bool{false, true} {
			t.Run(kind+map[bool]string{true: " by https", false: " by http"}[secure], func(t *testing.T) {
				t.Parallel()
				other := &elsewhere{}
				ws := amsterdam(t)
				ws.Fill(kind, 200, 3*24*time.Hour)
				ws.ForeignNext = other.on(t, secure)
				config := map[string]string{
					"articles":      "entity: articles, paginate: true",
					"activity_logs": `entity: admins/activity_logs, paginate: true, query: {created_at_after: 1}`,
				}[kind]
				d := newDesk(t, reads(serve(t, ws), subscription(config)))
				r := d.call(append([]string{"run", "it"}, loud...)...)
				d.clean("run", r)
				other.check(t)
				if other.hits > 0 {
					t.Errorf("another host was asked %d times", other.hits)
				}
				if r.status != 0 {
					t.Errorf("run: %v", r)
				}
				holds(t, d.whole("out.ndjson"), ws.Records(kind))
			})
		}
	}
}

func TestTokenStaysHomeWhenRedirected(t *testing.T) {
	t.Parallel()
	for _, entity := range []string{"tags", "calls/{call_id}/recording", "contacts", "me"} {
		for _, status := range []int{301, 302, 307, 308} {
			for _, secure := range []bool{false, true} {
				t.Run(entity+" "+http.StatusText(status)+map[bool]string{true: " by https", false: " by http"}[secure], func(t *testing.T) {
					t.Parallel()
					other := &elsewhere{}
					away := other.on(t, secure)
					ws := amsterdam(t)
					home := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						if r.URL.Path == "/me" && entity != "me" {
							ws.ServeHTTP(w, r)
							return
						}
						http.Redirect(w, r, away+r.URL.Path, status)
					})
					config := "entity: " + entity
					switch entity {
					case "contacts":
						config += ", sync: incremental"
					case "calls/{call_id}/recording":
						config = `entity: "` + entity + `", path: {call_id: "7"}`
					}
					d := newDesk(t, reads(serve(t, home), subscription(config)))
					r := d.call(append([]string{"run", "it"}, loud...)...)
					d.clean("run", r)
					other.check(t)
					if r.status != 1 {
						t.Errorf("a redirect to a host of this machine was followed: %v", r)
					}
				})
			}
		}
	}
}

// Bodies in the request log are masked: who a contact is does not get there.
func TestBodiesAreLoggedMasked(t *testing.T) {
	t.Parallel()
	ws := amsterdam(t)
	ws.Fill("contacts", 50, 10*24*time.Hour)
	d := newDesk(t, reads(serve(t, ws), subscription(`entity: contacts/search, payload: {query: {field: email, operator: "~", value: "person@secret.example"}}`)))
	r := d.must("run", "it", "--log-level", "debug", "--log-requests", "bodies")
	for _, private := range []string{"person1@", "Silva", "person@secret.example"} {
		if contains(r.stderr, private) {
			t.Errorf("the log has %q", private)
		}
	}
	if !contains(r.stderr, "/contacts/search") {
		t.Errorf("the log does not name the request: %s", shorten(r.stderr))
	}
}
