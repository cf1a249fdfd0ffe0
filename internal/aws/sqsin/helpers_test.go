package sqsin_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"intercom-connector/internal/aws/queues"
	"intercom-connector/internal/aws/sqsin"
	"intercom-connector/internal/config"
	"intercom-connector/internal/publish"
	"intercom-connector/internal/state"
	"intercom-connector/internal/state/memstate"
	"intercom-connector/shared/intercom"
	"intercom-connector/shared/intercom/intercomtest"
)

const (
	stack    = "test-stack"
	queueURL = "https://sqs.eu-west-1.amazonaws.com/123456789012/"
	queueARN = "arn:aws:sqs:eu-west-1:123456789012:"
	token    = "dG9rOnBsYW50ZWQ=" // planted: it must appear in no output

	timeout    = time.Minute // of the function
	visibility = 6 * timeout
)

// A life is a process that may die: then nothing it does has any effect, and
// everything it waits for is over.
type life struct {
	mu     sync.Mutex
	steps  int
	dies   int // before that step, 0: never
	cancel context.CancelFunc
}

var errDead = errors.New("the process is dead")

// step reports whether the process lives on.
func (l *life) step() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.steps++
	if l.dies > 0 && l.steps >= l.dies {
		l.cancel()
		return false
	}
	return true
}

func (l *life) dead() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dies > 0 && l.steps >= l.dies
}

// during does something between two steps.
func during[T any](l *life, do func() (T, error)) (T, error) {
	var none T
	if !l.step() {
		return none, errDead
	}
	v, err := do()
	if !l.step() {
		return none, errDead
	}
	return v, err
}

// A world is all that is outside of the function's processes.
type world struct {
	t       testing.TB
	ws      *intercomtest.Workspace
	order   *config.Publisher
	client  *config.Client
	store   memstate.Store
	safe    safe
	claims  map[string][]byte
	missing map[string]bool // claims that can never be had

	mu        sync.Mutex
	messages  []*message
	sent      int
	letters   []publish.DeadLetter
	responses []publish.Result
	metrics   map[string]float64
	disabled  bool
	disables  int
	enables   int
	failing   map[string]error // by what fails
	onDisable func()           // before the mappings are disabled
	log       bytes.Buffer
}

// newWorld makes a world with one publisher and its queue.
func newWorld(tb testing.TB, method, entity string, ws intercomtest.Config) *world {
	tb.Helper()
	op, err := intercom.Find(method, entity, -1)
	if err != nil {
		tb.Fatal(err)
	}
	w := &world{
		t: tb, ws: intercomtest.New(ws), client: &config.Client{Name: "main"},
		order: &config.Publisher{
			Name: "write", Client: "main", Method: op.Method, Entity: op.Entity(), Route: op.Entity(), Operation: op,
			GiveUpAfter: 12 * time.Hour, Enabled: true,
		},
		claims: map[string][]byte{}, missing: map[string]bool{}, metrics: map[string]float64{}, failing: map[string]error{},
	}
	w.safe.put(token)
	return w
}

func (w *world) queue() string {
	name := stack + "_main_write_messages"
	if w.order.FIFO {
		name += ".fifo"
	}
	return name
}

// A message is one in the queue, as SQS keeps it.
type message struct {
	id, body, group string
	attributes      map[string]events.SQSMessageAttribute
	sent, visible   time.Time
	received        int
	receipt         string
	gone            bool
}

// text is an attribute.
func text(s string) events.SQSMessageAttribute {
	return events.SQSMessageAttribute{StringValue: &s, DataType: "String"}
}

// send puts a message into the queue. attributes are name and value in turn.
func (w *world) send(body, group string, attributes ...string) *message {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent++
	m := &message{id: fmt.Sprintf("m%d", w.sent), body: body, group: group, sent: time.Now()}
	for i := 0; i < len(attributes); i += 2 {
		if m.attributes == nil {
			m.attributes = map[string]events.SQSMessageAttribute{}
		}
		m.attributes[attributes[i]] = text(attributes[i+1])
	}
	w.messages = append(w.messages, m)
	return m
}

// receive hands out what is visible: of a FIFO queue the oldest of each group,
// and none of a group of which somebody has some.
func (w *world) receive(most int) []events.SQSMessage {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.disabled {
		return nil
	}
	now := time.Now()
	busy := map[string]bool{}
	if w.order.FIFO {
		for _, m := range w.messages {
			busy[m.group] = busy[m.group] || !m.gone && m.visible.After(now)
		}
	}
	var batch []events.SQSMessage
	for _, m := range w.messages {
		if len(batch) == most {
			break
		}
		if m.gone || m.visible.After(now) || busy[m.group] && w.order.FIFO {
			continue
		}
		m.received++
		m.visible = now.Add(visibility)
		m.receipt = fmt.Sprint(m.id, "/", m.received)
		batch = append(batch, w.wire(m))
	}
	return batch
}

// wire is a message as Lambda shows it.
func (w *world) wire(m *message) events.SQSMessage {
	e := events.SQSMessage{
		MessageId: m.id, ReceiptHandle: m.receipt, Body: m.body, EventSource: "aws:sqs", EventSourceARN: queueARN + w.queue(),
		AWSRegion: "eu-west-1", MessageAttributes: m.attributes,
		Attributes: map[string]string{
			"ApproximateReceiveCount": strconv.Itoa(m.received), "SentTimestamp": strconv.FormatInt(m.sent.UnixMilli(), 10),
		},
	}
	if m.group != "" {
		e.Attributes["MessageGroupId"] = m.group
	}
	return e
}

// acknowledge deletes all of a batch but what has failed.
func (w *world) acknowledge(batch []events.SQSMessage, failures []events.SQSBatchItemFailure) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range batch {
		if slices.ContainsFunc(failures, func(f events.SQSBatchItemFailure) bool { return f.ItemIdentifier == m.MessageId }) {
			continue
		}
		for _, there := range w.messages {
			if there.id == m.MessageId {
				there.gone = true
			}
		}
	}
}

// left are the messages that are still in the queue.
func (w *world) left() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, m := range w.messages {
		if !m.gone {
			n++
		}
	}
	return n
}

// fail makes something fail, nil: no more.
func (w *world) fail(what string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failing[what] = err
}

func (w *world) failed(what string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.failing[what]
}

// A process is one execution environment of the function.
type process struct {
	w *world
	l *life
}

func (p process) RoundTrip(r *http.Request) (*http.Response, error) {
	return during(p.l, func() (*http.Response, error) {
		if p.w.safe.refuses(r) {
			body := `{"type":"error.list","request_id":"r1","errors":[{"code":"token_revoked","message":"Access Token Revoked"}]}`
			return &http.Response{
				StatusCode: http.StatusUnauthorized, Header: http.Header{"Content-Type": {"application/json"}, "X-Request-Id": {"r1"}},
				Body: io.NopCloser(strings.NewReader(body)), Request: r,
			}, nil
		}
		return p.w.ws.RoundTrip(r)
	})
}

func (p process) Hide(_ context.Context, in queues.Address, hidings []queues.Hiding) ([]error, error) {
	return during(p.l, func() ([]error, error) {
		w := p.w
		if err := w.failed("visibility"); err != nil {
			return nil, err
		}
		if len(hidings) == 0 || len(hidings) > 10 || !strings.HasPrefix(in.URL, queueURL) {
			w.t.Errorf("%d messages of %s", len(hidings), in.URL)
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, h := range hidings {
			if h.Seconds < 0 || h.Seconds > 900 {
				w.t.Errorf("hidden for %d s", h.Seconds)
			}
			for _, m := range w.messages {
				if m.receipt == h.Receipt && !m.gone {
					m.visible = time.Now().Add(time.Duration(h.Seconds) * time.Second)
				}
			}
		}
		return make([]error, len(hidings)), nil
	})
}

func (p process) Put(_ context.Context, letter publish.DeadLetter) error {
	_, err := during(p.l, func() (struct{}, error) {
		if err := p.w.failed("letters"); err != nil {
			return struct{}{}, err
		}
		p.w.mu.Lock()
		defer p.w.mu.Unlock()
		p.w.letters = append(p.w.letters, letter)
		return struct{}{}, nil
	})
	return err
}

func (p process) Respond(_ context.Context, r publish.Result) error {
	_, err := during(p.l, func() (struct{}, error) {
		if err := p.w.failed("responses"); err != nil {
			return struct{}{}, err
		}
		p.w.mu.Lock()
		defer p.w.mu.Unlock()
		p.w.responses = append(p.w.responses, r)
		return struct{}{}, nil
	})
	return err
}

func (p process) Disable(_ context.Context, client string) error {
	_, err := during(p.l, func() (struct{}, error) {
		if p.w.onDisable != nil {
			p.w.onDisable()
		}
		p.w.mu.Lock()
		defer p.w.mu.Unlock()
		if client != "main" {
			p.w.t.Errorf("disabled %s", client)
		}
		p.w.disables++
		p.w.disabled = true
		return struct{}{}, nil
	})
	return err
}

func (p process) Enable(context.Context, string) error {
	_, err := during(p.l, func() (struct{}, error) {
		p.w.mu.Lock()
		defer p.w.mu.Unlock()
		p.w.enables++
		p.w.disabled = false
		return struct{}{}, nil
	})
	return err
}

func (p process) Emit(_ context.Context, values map[string]float64) {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	for name, value := range values {
		p.w.metrics[name] += value
	}
}

var errNothing = errors.New("there is nothing at this address")

// A bucket has the bodies of messages.
type bucket struct{ process }

func (b bucket) Get(_ context.Context, address string) ([]byte, error) {
	return during(b.l, func() ([]byte, error) {
		if err := b.w.failed("claims"); err != nil {
			return nil, err
		}
		if b.w.missing[address] {
			return nil, fmt.Errorf("%s: %w", address, errNothing)
		}
		return b.w.claims[address], nil
	})
}

// A ledger is the store of one process.
type ledger struct{ process }

func (g ledger) Get(ctx context.Context, key string) (state.Record, error) {
	return during(g.l, func() (state.Record, error) {
		if err := g.w.failed("store"); err != nil {
			return state.Record{}, err
		}
		return g.w.store.Get(ctx, key)
	})
}

func (g ledger) Create(ctx context.Context, key string, value []byte, expires time.Time) (state.Revision, error) {
	return during(g.l, func() (state.Revision, error) { return g.w.store.Create(ctx, key, value, expires) })
}

func (g ledger) Save(ctx context.Context, key string, value []byte, rev state.Revision, expires time.Time) (state.Revision, error) {
	return during(g.l, func() (state.Revision, error) { return g.w.store.Save(ctx, key, value, rev, expires) })
}

func (g ledger) Delete(ctx context.Context, key string, rev state.Revision) error {
	_, err := during(g.l, func() (struct{}, error) { return struct{}{}, g.w.store.Delete(ctx, key, rev) })
	return err
}

func (g ledger) List(ctx context.Context, prefix string) iter.Seq2[state.Record, error] {
	return g.w.store.List(ctx, prefix)
}

// A safe has the client's token, and who reads it.
type safe struct {
	mu     sync.Mutex
	tokens []string
	bad    map[string]bool
}

func (s *safe) put(token string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens = append(s.tokens, token)
	return fmt.Sprint("v", len(s.tokens))
}

func (s *safe) revoke(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bad == nil {
		s.bad = map[string]bool{}
	}
	s.bad[token] = true
}

func (s *safe) refuses(r *http.Request) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bad[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
}

// A reader is what a process knows of a safe.
type reader struct {
	process

	mu   sync.Mutex
	kept int
}

func (r *reader) Token(ctx context.Context) (string, error) {
	token, _, err := r.Renew(ctx, "")
	return token, err
}

func (r *reader) Renew(_ context.Context, stale string) (token, version string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &r.w.safe
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.kept == 0 || stale == fmt.Sprint("v", r.kept) {
		r.kept = len(s.tokens)
	}
	if r.kept == 0 {
		return "", "", fmt.Errorf("run `connector token main --stack test-stack`: %w", intercom.ErrNoToken)
	}
	return s.tokens[r.kept-1], fmt.Sprint("v", r.kept), nil
}

// handler starts a process.
func (w *world) handler(l *life) *sqsin.Handler {
	w.t.Helper()
	if l == nil {
		l = &life{}
	}
	p, log := process{w, l}, slog.New(slog.NewJSONHandler(lockedLog{w}, nil))
	api, err := intercom.New(intercom.Config{
		Token: &reader{process: p}, Transport: p, Log: log, LogMode: intercom.LogMode(w.client.LogRequests),
		Governor: intercom.NewGovernor(intercom.GovernorConfig{Jitter: func() float64 { return 0.5 }}),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	h, err := sqsin.New(sqsin.Config{
		Stack: stack, QueueURL: queueURL, Client: w.client, Publishers: map[string]*config.Publisher{"write": w.order},
		API: api, Store: ledger{p}, SQS: p, Claims: bucket{p}, Hopeless: []error{errNothing}, Mappings: p, Metrics: p,
		Outlet: func(*config.Publisher) (sqsin.Outlet, error) { return sqsin.Outlet{DeadLetters: p, Responses: p}, nil },
		Log:    log,
		Random: func() float64 { return 0.5 },
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return h
}

type lockedLog struct{ w *world }

func (l lockedLog) Write(b []byte) (int, error) {
	l.w.mu.Lock()
	defer l.w.mu.Unlock()
	return l.w.log.Write(b)
}

// invoke hands a batch to a process and does what SQS does with the answer.
func (w *world) invoke(h *sqsin.Handler, l *life, batch []events.SQSMessage) events.SQSEventResponse {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	if l != nil {
		l.cancel = cancel
	}
	answer, err := h.Handle(ctx, events.SQSEvent{Records: batch})
	if l != nil && l.dead() {
		return answer
	}
	if err != nil {
		w.t.Errorf("handle: %v", err)
	}
	if ctx.Err() != nil {
		w.t.Error("the function ran into its timeout")
		return answer
	}
	text, err := json.Marshal(answer)
	if err != nil || bytes.Contains(text, []byte("null")) {
		w.t.Errorf("the answer is %s, %v", text, err)
	}
	w.acknowledge(batch, answer.BatchItemFailures)
	return answer
}

// run goes on until the queue is empty, or some time is over.
func (w *world) run(h *sqsin.Handler, most time.Duration) {
	w.t.Helper()
	for end := time.Now().Add(most); w.left() > 0 && time.Now().Before(end); {
		if batch := w.receive(10); len(batch) > 0 {
			w.invoke(h, nil, batch)
			continue
		}
		time.Sleep(time.Second)
	}
}

// note is a message that adds a note to a contact.
func (w *world) note(contact, n int) string {
	return fmt.Sprintf(`{"path":{"contact_id":%q},"payload":{"body":"marker:%d","admin_id":"1"}}`, w.ws.ID(intercomtest.Contacts, contact), n)
}

// marks counts how often a marker was applied.
func (w *world) marks(n int) int { return len(w.ws.Marked(fmt.Sprintf("marker:%d", n))) }

func (w *world) logged() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.String()
}
