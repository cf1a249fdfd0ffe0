package trigger_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"intercom-connector/internal/aws/trigger"
	"intercom-connector/internal/config"
	"intercom-connector/internal/config/file"
	"intercom-connector/internal/event"
	"intercom-connector/internal/state"
	"intercom-connector/internal/state/memstate"
	"intercom-connector/internal/subscribe"
	"intercom-connector/shared/intercom"
	"intercom-connector/shared/intercom/intercomtest"
)

// planted is the token, which nothing may show.
const planted = "dG9rOnBsYW50ZWQtdG9rZW4="

const configuration = `
clients: {main: {auth: access_token}, other: {auth: access_token}, granted: {auth: {type: oauth}}}
subscriptions:
  contacts: {client: main, entity: contacts, sync: incremental, schedule: rate(5 minutes), to: {type: sqs}}
  hand: {client: main, entity: contacts, sync: incremental, to: {type: sqs}}
  off: {client: main, entity: tags, to: {type: sqs}, enabled: false}
  laptop: {client: main, entity: tags, to: {type: stdout}}
  elsewhere: {client: other, entity: tags, to: {type: sqs}}
  answered: {client: main, entity: contacts/search, to: {type: sqs},
    request_transform: '.payload = {query: {field: "role", operator: "=", value: .input.role}}'}
  connected: {client: granted, entity: tags, to: {type: sqs}}
publishers:
  writes: {client: other, method: POST, entity: tags}
  off-too: {client: main, method: POST, entity: tags, enabled: false}
`

// A stack is all that the function has around it.
type stack struct {
	t     *testing.T
	ws    *intercomtest.Workspace
	net   http.RoundTripper
	store state.Store
	token intercom.TokenSource
	cfg   *config.Config

	mu       sync.Mutex
	safe     map[string]int // events by subject
	pending  map[*sink][]string
	aside    int
	queue    [][]byte // what the function has invoked itself with
	refuse   error    // what the function gets if it invokes itself
	metrics  []map[string]float64
	log      bytes.Buffer
	requests int // invocations so far
	timeout  time.Duration
}

func newStack(t *testing.T, ws *intercomtest.Workspace) *stack {
	t.Helper()
	cfg, err := file.Parse("connector.yaml", []byte(configuration))
	if err != nil {
		t.Fatal(err)
	}
	return &stack{
		t: t, ws: ws, net: ws, store: new(memstate.Store), token: intercom.StaticToken(planted), cfg: cfg,
		safe: map[string]int{}, pending: map[*sink][]string{}, timeout: 15 * time.Minute,
	}
}

// slowly is a workspace that takes about a minute to read.
func slowly() *intercomtest.Workspace {
	return intercomtest.New(intercomtest.Config{Seed: 3, Contacts: 6000, Latency: 400 * time.Millisecond, Limit: 6})
}

type requestKey struct{}

// environment is an execution environment of the function of a client.
func (s *stack) environment(client string) *trigger.Handler {
	s.t.Helper()
	h, err := trigger.New(trigger.Config{
		Stack: "my-stack", Client: client, Config: s.cfg, Store: s.store, Token: s.token, Transport: s.net,
		Outputs: s, Invoker: s, Metrics: s, Log: slog.New(slog.NewJSONHandler(lockedLog{s}, nil)),
		RequestID: func(ctx context.Context) string { id, _ := ctx.Value(requestKey{}).(string); return id },
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return h
}

// invoke invokes a new execution environment of the function that has client main.
func (s *stack) invoke(event string) (trigger.Result, error) {
	return s.invokeUntil(s.t.Context(), event)
}

func (s *stack) invokeUntil(ctx context.Context, event string) (trigger.Result, error) {
	s.t.Helper()
	return s.on(ctx, s.environment("main"), event)
}

// on invokes an execution environment.
func (s *stack) on(ctx context.Context, h *trigger.Handler, event string) (trigger.Result, error) {
	s.t.Helper()
	s.mu.Lock()
	s.requests++
	ctx = context.WithValue(ctx, requestKey{}, "request-"+strconv.Itoa(s.requests))
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	answer, err := h.Invoke(ctx, []byte(event))
	var result trigger.Result
	if err != nil {
		if answer != nil {
			s.t.Errorf("an error and an answer: %s", answer)
		}
		return result, err
	}
	if err := json.Unmarshal(answer, &result); err != nil {
		s.t.Fatalf("%v: %s", err, answer)
	}
	return result, nil
}

// Invoke implements trigger.Invoker.
func (s *stack) Invoke(ctx context.Context, payload []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if s.refuse != nil {
		return s.refuse
	}
	s.queue = append(s.queue, bytes.Clone(payload))
	return nil
}

// next takes what the function has invoked itself with.
func (s *stack) next() string {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) == 0 {
		s.t.Fatal("the function has not invoked itself")
	}
	first := s.queue[0]
	s.queue = s.queue[1:]
	return string(first)
}

// Emit implements trigger.Metrics.
func (s *stack) Emit(_ context.Context, values map[string]float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.metrics = append(s.metrics, values)
}

// Destination implements trigger.Outputs.
func (s *stack) Destination(sub *config.Subscription) (subscribe.Destination, error) {
	if sub.To.Type == "stdout" {
		return nil, errors.New("there is no standard output on AWS")
	}
	return &sink{s}, nil
}

// Quarantine implements trigger.Outputs.
func (s *stack) Quarantine(*config.Subscription) subscribe.Quarantine { return quarantine{s} }

type quarantine struct{ s *stack }

func (q quarantine) Put(context.Context, subscribe.Quarantined) error {
	q.s.mu.Lock()
	defer q.s.mu.Unlock()
	q.s.aside++
	return nil
}

// A sink is the destination of one invocation: what is not flushed dies with it.
type sink struct{ s *stack }

func (k *sink) Deliver(_ context.Context, events []event.Event) error {
	k.s.mu.Lock()
	defer k.s.mu.Unlock()
	for _, e := range events {
		k.s.pending[k] = append(k.s.pending[k], e.Subject)
	}
	return nil
}

func (k *sink) Flush(ctx context.Context) error {
	k.s.mu.Lock()
	defer k.s.mu.Unlock()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	for _, subject := range k.s.pending[k] {
		k.s.safe[subject]++
	}
	k.s.pending[k] = nil
	return nil
}

// wantAll checks that every contact arrived, at most so many times.
func (s *stack) wantAll(most int) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for r := range s.ws.Records(intercomtest.Contacts) {
		if n := s.safe[r.ID]; n < 1 || n > most {
			s.t.Fatalf("contact %s arrived %d times", r.ID, n)
		}
	}
}

type lockedLog struct{ s *stack }

func (l lockedLog) Write(p []byte) (int, error) {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	return l.s.log.Write(p)
}

// lines are the lines of the log with a message.
func (s *stack) lines(message string) []map[string]any {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []map[string]any
	for line := range strings.Lines(s.log.String()) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			s.t.Fatalf("%v: %s", err, line)
		}
		if fields["msg"] == message {
			found = append(found, fields)
		}
	}
	return found
}
