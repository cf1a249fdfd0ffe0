package cli

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"intercom-connector/internal/aws/secrets"
	"intercom-connector/internal/aws/stackaccess"
	"intercom-connector/internal/names"
	"intercom-connector/internal/pause"
	"intercom-connector/internal/state/memstate"
)

// A FakeStack is a deployed stack in memory.
type FakeStack struct {
	Name    string
	State   memstate.Store
	Missing error                                                               // instead of the stack
	Answer  func(ctx context.Context, function, trigger string) (string, error) // of functions
	// OnSend may fail a batch, or say which of its messages are refused.
	OnSend func(queue string, messages []stackaccess.Outgoing) ([]stackaccess.Failure, error)
	// OnDelete may fail a deletion.
	OnDelete func(queue string) error
	// OnMappings may fail a change of a client's event source mappings.
	OnMappings func() error
	Logged     map[string][]stackaccess.LogLine // by function, without the stack's name
	Calls      []string                         // what was done to secrets and mappings, in order
	Tokens     map[string]string                // by client

	mu     sync.Mutex
	queues map[string]*fakeQueue
	Sent   map[string][]stackaccess.Outgoing // by queue, in their order
}

// A fakeQueue keeps messages as SQS does: hidden for a while once received, and
// of a FIFO one no more of a group while one of it is hidden.
type fakeQueue struct {
	stackaccess.Queue

	messages []*fakeMessage
	seen     map[string]bool // deduplication ids
}

type fakeMessage struct {
	stackaccess.Incoming

	hidden time.Time // until when
}

// NewFakeStack returns a stack with some queues and nothing in them.
func NewFakeStack(name string, queues ...string) *FakeStack {
	s := &FakeStack{Name: name, queues: map[string]*fakeQueue{}, Sent: map[string][]stackaccess.Outgoing{}}
	for _, queue := range queues {
		parsed, ok := names.Stack(name).ParseQueue(queue)
		if !ok {
			panic("not a queue of " + name + ": " + queue)
		}
		s.queues[queue] = &fakeQueue{Queue: stackaccess.Queue{Queue: parsed, Name: queue, URL: "https://sqs/" + queue}, seen: map[string]bool{}}
	}
	return s
}

// On returns the program with the stack in the place of AWS.
func (p Program) On(s *FakeStack) Program {
	p.connect = func(_ context.Context, flags stackFlags, _ func(string) string) (*deployment, error) {
		if s.Missing != nil {
			return nil, s.Missing
		}
		return &deployment{
			Stack: names.Stack(flags.Stack), stackQueues: s, stackFunctions: s, stackHealth: s, token: s.Token,
			flags: flags, id: "arn:" + s.Name, region: "eu-west-1", store: &s.State, tokens: s, mappings: s,
			outputs: map[string]string{names.OutputBucket: "bucket", names.OutputStateTable: "table"},
		}, nil
	}
	return p
}

// Put puts a message into a queue and returns SQS's id of it.
func (s *FakeStack) Put(queue, group, body string, attributes map[string]string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.put(s.queues[queue], group, body, attributes)
}

func (s *FakeStack) put(q *fakeQueue, group, body string, attributes map[string]string) string {
	id := fmt.Sprintf("%s-%d", q.Name, len(q.messages)+1)
	q.messages = append(q.messages, &fakeMessage{Incoming: stackaccess.Incoming{
		ID: id, Body: body, Attributes: maps.Clone(attributes), Group: group, Sent: time.Now().UTC().Truncate(time.Second),
	}})
	return id
}

// Hide makes a message as if somebody else had received it.
func (s *FakeStack) Hide(queue, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.queues[queue].messages {
		if m.ID == id {
			m.hidden = time.Now().Add(time.Hour)
		}
	}
}

// Bodies are those of the messages that a queue has and nobody has received.
func (s *FakeStack) Bodies(queue string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var bodies []string
	for _, m := range s.queues[queue].messages {
		if time.Now().After(m.hidden) {
			bodies = append(bodies, m.Body)
		}
	}
	return bodies
}

func (s *FakeStack) Queues(context.Context) ([]stackaccess.Queue, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []stackaccess.Queue
	for _, name := range slices.Sorted(maps.Keys(s.queues)) {
		all = append(all, s.queues[name].Queue)
	}
	return all, nil
}

func (s *FakeStack) Depth(_ context.Context, q stackaccess.Queue) (stackaccess.Depth, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var d stackaccess.Depth
	for _, m := range s.queues[q.Name].messages {
		if time.Now().After(m.hidden) {
			d.Visible++
		} else {
			d.InFlight++
		}
	}
	return d, nil
}

func (s *FakeStack) Send(ctx context.Context, q stackaccess.Queue, messages []stackaccess.Outgoing) ([]stackaccess.Failure, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(messages) == 0 || len(messages) > stackaccess.MaxBatch {
		return nil, fmt.Errorf("a batch of %d", len(messages))
	}
	size := 0
	for i := range messages {
		size += messages[i].Size()
		if (messages[i].Group != "") != q.FIFO || (messages[i].Deduplication != "") != q.FIFO {
			return nil, errors.New("a group and a deduplication id are for FIFO queues")
		}
	}
	if size > stackaccess.MaxBatchBytes {
		return nil, fmt.Errorf("a batch of %d bytes", size)
	}
	var failures []stackaccess.Failure
	if s.OnSend != nil {
		var err error
		if failures, err = s.OnSend(q.Name, messages); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	to := s.queues[q.Name]
	for i, m := range messages {
		if slices.ContainsFunc(failures, func(f stackaccess.Failure) bool { return f.Index == i }) {
			continue
		}
		s.Sent[q.Name] = append(s.Sent[q.Name], m)
		if q.FIFO && to.seen[m.Deduplication] {
			continue
		}
		to.seen[m.Deduplication] = true
		s.put(to, m.Group, m.Body, m.Attributes)
	}
	return failures, nil
}

func (s *FakeStack) Receive(_ context.Context, q stackaccess.Queue, hidden time.Duration) ([]stackaccess.Incoming, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	blocked := map[string]bool{}
	var got []stackaccess.Incoming
	for _, m := range s.queues[q.Name].messages {
		if !now.After(m.hidden) {
			blocked[m.Group] = q.FIFO
		}
	}
	for _, m := range s.queues[q.Name].messages {
		if !now.After(m.hidden) || blocked[m.Group] || len(got) == stackaccess.MaxBatch {
			continue
		}
		m.hidden = now.Add(hidden)
		m.Receives++
		m.Handle = fmt.Sprintf("%s/%d", m.ID, m.Receives)
		got = append(got, m.Incoming)
	}
	return got, nil
}

func (s *FakeStack) Delete(_ context.Context, q stackaccess.Queue, handles []string) error {
	if s.OnDelete != nil {
		if err := s.OnDelete(q.Name); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	of := s.queues[q.Name]
	of.messages = slices.DeleteFunc(of.messages, func(m *fakeMessage) bool { return slices.Contains(handles, m.Handle) })
	return nil
}

func (s *FakeStack) Release(_ context.Context, q stackaccess.Queue, handles []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.queues[q.Name].messages {
		if slices.Contains(handles, m.Handle) {
			m.hidden = time.Time{}
		}
	}
	return nil
}

func (s *FakeStack) Invoke(ctx context.Context, function string, payload []byte) ([]byte, error) {
	answer, err := s.Answer(ctx, strings.TrimPrefix(function, s.Name+"_"), string(payload))
	return []byte(answer), err
}

func (s *FakeStack) Log(_ context.Context, function string, since time.Time) iter.Seq2[stackaccess.LogLine, error] {
	return func(yield func(stackaccess.LogLine, error) bool) {
		s.mu.Lock()
		lines := s.Logged[strings.TrimPrefix(function, s.Name+"_")]
		s.mu.Unlock()
		for _, line := range lines {
			line.Function = function
			if !line.Time.Before(since) && !yield(line, nil) {
				return
			}
		}
	}
}

// AddLog logs a line of a function.
func (s *FakeStack) AddLog(function string, at time.Time, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Logged == nil {
		s.Logged = map[string][]stackaccess.LogLine{}
	}
	id := fmt.Sprint(function, len(s.Logged[function]))
	s.Logged[function] = append(s.Logged[function], stackaccess.LogLine{ID: id, Time: at, Text: text})
}

func (s *FakeStack) PutToken(_ context.Context, client string, token secrets.Token) (string, error) {
	if s.Tokens == nil {
		s.Tokens = map[string]string{}
	}
	s.Tokens[client] = token.Value
	s.Calls = append(s.Calls, "store "+client+" of "+token.Workspace)
	return "v2", nil
}

func (s *FakeStack) Disable(ctx context.Context, client string) error {
	return s.change(ctx, "disable", client)
}

func (s *FakeStack) Enable(ctx context.Context, client string) error {
	return s.change(ctx, "enable", client)
}

func (s *FakeStack) change(ctx context.Context, what, client string) error {
	reason, _ := pause.Reason(ctx, &s.State, client)
	s.Calls = append(s.Calls, fmt.Sprintf("%s %s, paused: %q", what, client, reason))
	if s.OnMappings != nil {
		return s.OnMappings()
	}
	return nil
}

// Unreachable is the error of a request that got no answer.
func Unreachable() error {
	return &smithy.OperationError{ServiceID: "Lambda", OperationName: "Invoke", Err: &smithyhttp.RequestSendError{Err: errors.New("EOF")}}
}
