package publish_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"intercom-connector/internal/config"
	"intercom-connector/internal/publish"
	"intercom-connector/internal/state"
	"intercom-connector/internal/state/memstate"
	"intercom-connector/internal/syncbuf"
	"intercom-connector/shared/intercom"
)

// token is planted: it must appear in no output.
const token = "dG9rOnBsYW50ZWQ="

// A reply is how the fake Intercom answers one request.
type reply struct {
	status int
	body   string
	header http.Header
	err    error         // instead of an answer
	delay  time.Duration // before it
}

var (
	errCut     = reply{err: errors.New("connection reset by peer")}
	errRefused = reply{err: &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}}
)

func ok(body string) reply { return reply{status: 200, body: body} }

// refusal is an error list.
func refusal(status int, code, message string) reply {
	text, err := json.Marshal(map[string]any{
		"type": "error.list", "request_id": "req-1",
		"errors": []any{map[string]string{"code": code, "message": message}},
	})
	if err != nil {
		panic(err)
	}
	return reply{status: status, body: string(text)}
}

func (r reply) with(name, value string) reply {
	r.header = r.header.Clone()
	if r.header == nil {
		r.header = http.Header{}
	}
	r.header.Set(name, value)
	return r
}

// A server is a fake Intercom that a function answers for, and that remembers
// every request.
type server struct {
	answer func(n int, request string, body string) reply // n counts from 1
	// token reports whether a token is accepted, nil: any. refused is called
	// before the refusal is sent.
	token   func(string) bool
	refused func()

	mu   sync.Mutex
	seen []string // "POST /contacts {…}"
}

func (s *server) RoundTrip(r *http.Request) (*http.Response, error) {
	body := ""
	if r.Body != nil {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		body = string(b)
	}
	request := r.Method + " " + r.URL.RequestURI()
	s.mu.Lock()
	s.seen = append(s.seen, strings.TrimSpace(request+" "+body))
	n := len(s.seen)
	s.mu.Unlock()
	var a reply
	if s.token != nil && !s.token(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")) {
		if s.refused != nil {
			s.refused()
		}
		a = refusal(http.StatusUnauthorized, "token_revoked", "Access Token Revoked")
	} else {
		a = s.answer(n, request, body)
	}
	if a.delay > 0 {
		select {
		case <-time.After(a.delay):
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	if a.err != nil {
		return nil, a.err
	}
	header := http.Header{"Date": {time.Now().UTC().Format(http.TimeFormat)}, "X-Request-Id": {"req-1"}}
	if a.body != "" {
		header.Set("Content-Type", "application/json")
	}
	maps.Copy(header, a.header)
	return &http.Response{StatusCode: a.status, Header: header, Body: io.NopCloser(strings.NewReader(a.body)), Request: r}, nil
}

func (s *server) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.seen...)
}

func (s *server) count(prefix string) int {
	n := 0
	for _, r := range s.requests() {
		if strings.HasPrefix(r, prefix) {
			n++
		}
	}
	return n
}

// script answers with the replies in turn.
func script(replies ...reply) *server {
	return &server{answer: func(n int, request, _ string) reply {
		if n > len(replies) {
			return refusal(599, "unexpected", fmt.Sprintf("request %d was not expected: %s", n, request))
		}
		return replies[n-1]
	}}
}

// letters keep dead letters in memory.
type letters struct {
	mu  sync.Mutex
	all []publish.DeadLetter
	err error
}

func (l *letters) Put(_ context.Context, letter publish.DeadLetter) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return l.err
	}
	l.all = append(l.all, letter)
	return nil
}

func (l *letters) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.all)
}

// answers are what was responded.
type answers struct {
	mu  sync.Mutex
	all []publish.Result
	err error
}

func (a *answers) Respond(_ context.Context, r publish.Result) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.err != nil {
		return a.err
	}
	a.all = append(a.all, r)
	return nil
}

// A bench is a publisher with all that it needs.
type bench struct {
	server  *server
	store   state.Store
	letters *letters
	answers *answers
	log     syncbuf.Buffer
	order   *config.Publisher
	owner   string
	quiet   bool                 // no log, for tests of many messages
	token   intercom.TokenSource // nil: one that never changes
}

// order is a standing order for an operation.
func order(tb testing.TB, method, entity string) *config.Publisher {
	tb.Helper()
	op, err := intercom.Find(method, entity, -1)
	if err != nil {
		tb.Fatal(err)
	}
	return &config.Publisher{
		Name: "test", Client: "main", Method: op.Method, Entity: op.Entity(), Route: op.Entity(), Operation: op,
		GiveUpAfter: 12 * time.Hour, Enabled: true,
	}
}

func newBench(tb testing.TB, s *server, method, entity string) *bench {
	tb.Helper()
	return &bench{server: s, store: &memstate.Store{}, letters: &letters{}, answers: &answers{}, order: order(tb, method, entity)}
}

// publisher makes another worker of the same bench.
func (b *bench) publisher(tb testing.TB) *publish.Publisher {
	tb.Helper()
	log := slog.New(slog.NewJSONHandler(&b.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if b.quiet {
		log = nil
	}
	source := b.token
	if source == nil {
		source = intercom.StaticToken(token)
	}
	api, err := intercom.New(intercom.Config{
		Token: source, Transport: b.server,
		Governor: intercom.NewGovernor(intercom.GovernorConfig{Jitter: func() float64 { return 0.5 }}),
	})
	if err != nil {
		tb.Fatal(err)
	}
	p, err := publish.New(publish.Config{
		Publisher: b.order, Client: &config.Client{Name: "main"}, API: api, Workspace: "ab12cd34",
		Store: b.store, Responses: b.answers, DeadLetters: b.letters, Owner: b.owner,
		Log: log, Random: func() float64 { return 0.5 },
	})
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// msg is a delivery now.
func msg(id, body string) publish.Delivery {
	return publish.Delivery{ID: id, Body: []byte(body), Sent: time.Now()}
}
