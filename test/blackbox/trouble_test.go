package blackbox_test

import (
	"bytes"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"intercom-connector/test/blackbox/mock"
)

// complains checks that a call failed with one line that has each of the words,
// and that it did not take long.
func (r result) complains(t *testing.T, status int, words ...string) {
	t.Helper()
	if r.status != status {
		t.Errorf("want exit status %d: %v", status, r)
	}
	lines := strings.Split(strings.TrimSpace(r.stderr), "\n")
	last := strings.ToLower(lines[len(lines)-1])
	for _, word := range words {
		if !contains(last, strings.ToLower(word)) {
			t.Errorf("the error does not say %q: %v", word, r)
		}
	}
}

const incremental = "entity: contacts, sync: incremental"

func TestWrongToken(t *testing.T) {
	t.Parallel()
	ws := amsterdam(t)
	ws.Token = "another"
	d := newDesk(t, reads(serve(t, ws), subscription(incremental)))
	d.call("run", "it").complains(t, 1, "client main", "INTERCOM_TOKEN")
	if got := len(ws.Requests()); got != 1 {
		t.Errorf("%d requests with a token that is not good, want 1", got)
	}
}

func TestNoToken(t *testing.T) {
	t.Parallel()
	d := newDesk(t, reads("http://127.0.0.1:9", subscription(incremental)))
	d.token = ""
	d.call("run", "it").complains(t, 2, "INTERCOM_TOKEN_MAIN")
}

// A token that is not good any more in the middle of a run, and good again.
func TestTokenRevokedInTheMiddle(t *testing.T) {
	t.Parallel()
	ws := amsterdam(t)
	ws.Fill("contacts", 2_000, 60*24*time.Hour)
	revoked := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(ws.Requests()) >= 6 {
			r.Header.Set("Authorization", "Bearer revoked")
		}
		ws.ServeHTTP(w, r)
	})
	d := newDesk(t, reads(serve(t, revoked), subscription(incremental)))
	d.call("run", "it").complains(t, 1, "client main", "INTERCOM_TOKEN")
	d.configure(reads(serve(t, ws), subscription(incremental)))
	d.done("it")
	holds(t, d.whole("out.ndjson"), ws.Records("contacts"))
}

// A permission that is missing stops the subscription that needs it, and is
// called by its name; the others go on.
func TestPermissionIsMissing(t *testing.T) {
	t.Parallel()
	ws := amsterdam(t)
	ws.Fill("contacts", 100, 60*24*time.Hour)
	ws.Fill("tags", 10, 60*24*time.Hour)
	ws.Denied = map[string]bool{"POST /conversations/search": true}
	d := newDesk(t, reads(serve(t, ws), `
  a: {client: main, entity: contacts, sync: incremental, to: {type: file, path: a.ndjson}}
  b: {client: main, entity: conversations, sync: incremental, to: {type: file, path: b.ndjson}}
  c: {client: main, entity: tags, to: {type: file, path: c.ndjson}}
`))
	r := d.call("run", "--all")
	if r.status != 1 || !contains(r.stderr, "b: ") || !contains(strings.ToLower(r.stderr), "conversations") || !contains(strings.ToLower(r.stderr), "permission") {
		t.Errorf("it does not say what is missing: %v", r)
	}
	holds(t, d.whole("a.ndjson"), ws.Records("contacts"))
	holds(t, d.whole("c.ndjson"), ws.Records("tags"))
}

// Where the token may not ask who it is, the configuration stands in; where
// that says nothing either, days are taken wider.
func TestMeIsNotPermitted(t *testing.T) {
	t.Parallel()
	for name, settings := range map[string]string{
		"configuration says": `, workspace: bb12box3, timezone: Pacific/Auckland`,
		"nobody knows":       ``,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ws := mock.New(token, zone(t, "Pacific/Auckland"))
			ws.Fill("contacts", 1000, 10*24*time.Hour)
			ws.Denied = map[string]bool{"GET /me": true}
			d := newDesk(t, "clients:\n  main: {base_uri: \""+serve(t, ws)+"\", auth: access_token"+settings+"}\nsubscriptions:\n"+subscription(incremental))
			d.must("run", "it")
			ids := ws.IDs("contacts")
			for i := range 40 {
				ws.Touch("contacts", ids[i*20])
			}
			d.must("run", "it")
			holds(t, d.whole("out.ndjson"), ws.Records("contacts"))
		})
	}
}

func TestNobodyListens(t *testing.T) {
	t.Parallel()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := "http://" + l.Addr().String()
	l.Close()
	d := newDesk(t, reads(address, subscription(incremental)))
	r := d.call("run", "it")
	r.complains(t, 1, "network")
	if r.took > 100*time.Second {
		t.Errorf("took %v to give up", r.took)
	}
}

func TestCertificateIsNotTrusted(t *testing.T) {
	t.Parallel()
	ws := amsterdam(t)
	server := httptest.NewTLSServer(ws)
	t.Cleanup(server.Close)
	d := newDesk(t, reads(server.URL, subscription(incremental)))
	d.call("run", "it").complains(t, 1, "certificate")
	if len(ws.Requests()) > 0 {
		t.Error("a server with a certificate of nobody's was asked")
	}
}

func TestPlainServerBehindHTTPS(t *testing.T) {
	t.Parallel()
	ws := amsterdam(t)
	base := strings.Replace(serve(t, ws), "http:", "https:", 1)
	d := newDesk(t, reads(base, subscription(incremental)))
	d.call("run", "it").complains(t, 1, "https")
}

// A server that talks nonsense for ever ends the run, in a bounded time.
func TestNonsenseForEver(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]mock.Fault{
		"garbage": mock.Garbage, "empty": mock.EmptyBody, "gateway": mock.Gateway, "cut": mock.CutBody,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ws := amsterdam(t)
			ws.Fill("contacts", 400, 60*24*time.Hour)
			var mended atomic.Bool
			ws.Fault = func(_ int, r *http.Request) mock.Fault {
				if mended.Load() || r.URL.Path == "/me" {
					return mock.None
				}
				return fault
			}
			d := newDesk(t, reads(serve(t, ws), subscription(incremental)))
			r := d.call("run", "it")
			r.complains(t, 1, "it")
			if got := len(ws.Requests()); got > 60 {
				t.Errorf("%d requests to a server that talks nonsense", got)
			}
			mended.Store(true)
			d.done("it")
			holds(t, d.whole("out.ndjson"), ws.Records("contacts"))
		})
	}
}

// A body without an end ends the run before it fills the memory.
func TestEndlessBody(t *testing.T) {
	t.Parallel()
	ws := amsterdam(t)
	endless := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/me" {
			ws.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"type":"list","data":[`))
		row := bytes.Repeat([]byte(`{"id":"1","name":"x"},`), 1000)
		for r.Context().Err() == nil {
			if _, err := w.Write(row); err != nil {
				return
			}
		}
	})
	d := newDesk(t, reads(serve(t, endless), subscription("entity: tags")))
	cmd, stderr := d.start(t.Context(), "run", "it")
	timer := time.AfterFunc(d.patience, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	_ = cmd.Wait() // the status is looked at
	if cmd.ProcessState.ExitCode() != 1 {
		t.Errorf("%v\n%s", cmd.ProcessState, shorten(stderr.String()))
	}
	if got := memory(cmd); got > 600<<20 { // the most that an answer may have, some times over
		t.Errorf("took %d MB of memory", got>>20)
	}
}

// An answer that never comes is not waited for for ever, but a slow one is.
func TestSlowAnswers(t *testing.T) {
	t.Parallel()
	ws := amsterdam(t)
	ws.Fill("contacts", 400, 60*24*time.Hour)
	ws.Latency = 5 * time.Second
	d := newDesk(t, reads(serve(t, ws), subscription(incremental)))
	d.done("it")
	holds(t, d.whole("out.ndjson"), ws.Records("contacts"))
}

// A scroll that breaks in the middle has moved on at the server, so the page
// that was lost comes no more: it is read from its start when the old one has
// died, which takes a minute.
func TestBrokenScrollStartsOver(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]mock.Fault{
		"cut": mock.CutBody, "hung up": mock.Hangup, "empty": mock.EmptyBody, "garbage": mock.Garbage, "gateway": mock.Gateway, "broken": mock.Broken,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ws := amsterdam(t)
			ws.ScrollUntold = true
			ws.Fill("companies", 450, 60*24*time.Hour)
			ws.Fault = func(n int, _ *http.Request) mock.Fault {
				if n == 4 {
					return fault
				}
				return mock.None
			}
			d := newDesk(t, reads(serve(t, ws), subscription("entity: companies/scroll, paginate: true, side_effects: allow")))
			d.done("it")
			all := d.whole("out.ndjson")
			holds(t, all, ws.Records("companies"))
			sameIDSameData(t, all)
		})
	}
}

// A record without an id is an event all the same, and counted.
func TestRecordsWithoutID(t *testing.T) {
	t.Parallel()
	odd := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/me" {
			amsterdam(t).ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"type":"list","data":[{"name":"a"},{"id":null,"name":"b"},{"id":"","name":"c"},{"id":7,"name":"d"}]}`))
	})
	d := newDesk(t, reads(serve(t, odd), subscription("entity: tags")))
	rep := d.done("it")
	all := d.whole("out.ndjson")
	once(t, all)
	if len(all) != 4 || rep.NoID != 3 {
		t.Errorf("%d events, %d counted without an id; want 4 and 3", len(all), rep.NoID)
	}
}

// A list that announces the same next page again and again is not followed for
// ever.
func TestCursorThatGoesInCircles(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	circle := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/me" {
			amsterdam(t).ServeHTTP(w, r)
			return
		}
		asked.Add(1)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"type":"list","data":[{"id":"1"}],"pages":{"next":{"starting_after":"c2FtZQ=="}}}`))
	})
	d := newDesk(t, reads(serve(t, circle), subscription("entity: contacts, paginate: true")))
	r := d.call("run", "it")
	if r.status != 1 {
		t.Errorf("want exit status 1: %v", r)
	}
	if got := asked.Load(); got > 20 {
		t.Errorf("asked %d times", got)
	}
}
