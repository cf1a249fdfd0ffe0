package doctor_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"intercom-connector/internal/doctor"
	"intercom-connector/internal/pause"
	"intercom-connector/internal/state/memstate"
	"intercom-connector/internal/subscribe"
	"intercom-connector/internal/watch"
	"intercom-connector/shared/intercom/intercomtest"
)

// A stack has what it is told to have. What it is not told is there and well.
type stack struct {
	status    string
	functions map[string]string // what is wrong; "absent"
	queues    map[string]int64  // -1: absent
	err       error             // of everything
}

func (s stack) Status(context.Context) (string, error) {
	if s.status == "absent" {
		return "", doctor.ErrAbsent
	}
	return s.status, s.err
}

func (s stack) Function(_ context.Context, name string) (string, error) {
	if s.functions[name] == "absent" {
		return "", doctor.ErrAbsent
	}
	return s.functions[name], s.err
}

func (s stack) Waiting(_ context.Context, queue string) (int64, error) {
	if s.queues[queue] < 0 {
		return 0, doctor.ErrAbsent
	}
	return s.queues[queue], s.err
}

const stackConfig = `
clients:
  main: {region: us, auth: {type: oauth}, workspace: fake1234, timezone: UTC}
  other: {region: us, auth: access_token, workspace: fake1234, timezone: UTC}
subscriptions:
  tags: {client: main, entity: tags, schedule: rate(1 hour), to: {type: sqs}}
publishers:
  note: {client: main, method: POST, entity: "contacts/{contact_id}/notes", fifo: true}
`

func TestStack(t *testing.T) {
	t.Parallel()
	ago := func(d time.Duration) time.Time { return time.Now().Add(-d).UTC().Truncate(time.Second) }
	checkpoint := func(t *testing.T, store *memstate.Store, last subscribe.Report) {
		t.Helper()
		last.Subscription, last.Client = "tags", "main"
		cp := subscribe.Checkpoint{Subscription: "tags", Client: "main", Workspace: "fake1234", Last: &last}
		if last.Outcome == subscribe.Done {
			cp.Done = last.Finished.Unix()
		}
		create(t, store, "checkpoint/fake1234/tags", cp)
	}
	for _, tt := range []struct {
		name    string
		stack   stack
		state   func(*testing.T, *memstate.Store)
		check   string
		result  doctor.Result
		problem doctor.Problem
		words   []string
	}{
		{"healthy", stack{status: "UPDATE_COMPLETE"}, nil, "deployment", doctor.OK, "", []string{"UPDATE_COMPLETE"}},
		{"not there", stack{status: "absent"}, nil, "deployment", doctor.Fail, doctor.StackMissing, []string{"there is no stack it", "cdk deploy"}},
		{"came to nothing", stack{status: "ROLLBACK_COMPLETE"}, nil, "deployment", doctor.Fail, doctor.StackUnhealthy, []string{"ROLLBACK_COMPLETE", "events"}},
		{"failed", stack{status: "UPDATE_ROLLBACK_FAILED"}, nil, "deployment", doctor.Fail, doctor.StackUnhealthy, nil},
		{"undone", stack{status: "UPDATE_ROLLBACK_COMPLETE"}, nil, "deployment", doctor.Warn, doctor.StackUnhealthy, []string{"undone"}},
		{"under way", stack{status: "UPDATE_IN_PROGRESS"}, nil, "deployment", doctor.Warn, doctor.StackUnhealthy, []string{"wait"}},
		{"AWS refuses", stack{err: errors.New("access denied")}, nil, "deployment", doctor.Fail, doctor.AWSRefused, []string{"AWS said: access denied", "ask for it"}},

		{"a function", stack{}, nil, "function it_main_subscribe", doctor.OK, "", []string{"deployed"}},
		{"the callback", stack{}, nil, "function it_callback", doctor.OK, "", nil},
		{"no function", stack{functions: map[string]string{"it_main_publish": "absent"}}, nil, "function it_main_publish", doctor.Fail, doctor.FunctionMissing, []string{"cdk deploy"}},
		{"a broken function", stack{functions: map[string]string{"it_main_publish": "its last update failed"}}, nil, "function it_main_publish", doctor.Fail, doctor.FunctionUnhealthy, []string{"last update"}},

		{"messages", stack{queues: map[string]int64{"it_main_note_messages.fifo": 7}}, nil, "queue of note", doctor.OK, "", []string{"7 messages wait"}},
		{"no queue", stack{queues: map[string]int64{"it_main_note_messages.fifo": -1}}, nil, "queue of note", doctor.Fail, doctor.QueueMissing, []string{"it_main_note_messages.fifo"}},
		{"no dead letters", stack{}, nil, "dead letters of note", doctor.OK, "", []string{"none"}},
		{"dead letters", stack{queues: map[string]int64{"it_main_note_dead.fifo": 2}}, nil, "dead letters of note", doctor.Warn, doctor.DeadLetters, []string{"2 of its messages", "connector dead-letters list"}},
		{"undelivered", stack{queues: map[string]int64{"it_undelivered": 1}}, nil, "undelivered", doctor.Warn, doctor.Undelivered, []string{"it_undelivered"}},

		{"the state cannot be read", stack{}, func(t *testing.T, store *memstate.Store) {
			t.Helper()
			create(t, store, "checkpoint/fake1234/tags", "no checkpoint")
		}, "state", doctor.Fail, doctor.AWSRefused, nil},
		{"never run", stack{}, nil, "runs of tags", doctor.OK, "", []string{"not been run yet"}},
		{"done", stack{}, func(t *testing.T, store *memstate.Store) {
			t.Helper()
			checkpoint(t, store, subscribe.Report{Outcome: subscribe.Done, Finished: ago(time.Hour)})
		}, "runs of tags", doctor.OK, "", []string{"ended done"}},
		{"failed", stack{}, func(t *testing.T, store *memstate.Store) {
			t.Helper()
			checkpoint(t, store, subscribe.Report{Outcome: subscribe.Failed, Error: "401 token_revoked", Finished: ago(time.Hour)})
		}, "runs of tags", doctor.Fail, doctor.RunFailed, []string{"401 token_revoked", "connector logs tags"}},
		{"failed before it began", stack{}, func(t *testing.T, store *memstate.Store) {
			t.Helper()
			if err := watch.Note(t.Context(), store, "tags", "", errors.New("there is no token")); err != nil {
				t.Fatal(err)
			}
		}, "runs of tags", doctor.Fail, doctor.RunFailed, []string{"there is no token"}},
		{"incomplete", stack{}, func(t *testing.T, store *memstate.Store) {
			t.Helper()
			checkpoint(t, store, subscribe.Report{Outcome: subscribe.Incomplete, Finished: ago(time.Minute)})
		}, "runs of tags", doctor.Fail, doctor.RunFailed, []string{"missed records"}},
		{"overdue", stack{}, func(t *testing.T, store *memstate.Store) {
			t.Helper()
			checkpoint(t, store, subscribe.Report{Outcome: subscribe.Done, Finished: ago(5 * time.Hour)})
			create(t, store, "watch/schedules", map[string]any{"tags": map[string]any{"schedule": "rate(1 hour) UTC", "since": ago(9 * time.Hour)}})
		}, "runs of tags", doctor.Fail, doctor.RunOverdue, []string{"overdue"}},
		{"paused", stack{}, func(t *testing.T, store *memstate.Store) {
			t.Helper()
			if err := pause.Begin(t.Context(), store, "main", "spring cleaning", ""); err != nil {
				t.Fatal(err)
			}
		}, "pause of client main", doctor.Warn, doctor.Paused, []string{"spring cleaning", "connector resume note"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			store := &memstate.Store{}
			if tt.state != nil {
				tt.state(t, store)
			}
			before := contents(t, store)
			ws := intercomtest.New(intercomtest.Config{Token: planted})
			report := examine(t, doctor.Config{Settings: settings(t, stackConfig), Stack: &doctor.Stack{
				Stack: "it", StackChecker: tt.stack, Store: store,
				Explain: func(err error) (string, string) { return "AWS said: " + err.Error(), "ask for it" },
			}}, hosts{us: ws})
			want(t, find(t, report, "stack: "+tt.check), tt.result, tt.problem, tt.words...)
			if after := contents(t, store); after != before {
				t.Errorf("looking has changed what is remembered from %s to %s", before, after)
			}
		})
	}
}

// contents is all that a store has.
func contents(t *testing.T, store *memstate.Store) string {
	t.Helper()
	var b strings.Builder
	for record, err := range store.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString(record.Key + "=" + string(record.Value) + "\n")
	}
	return b.String()
}

// One client of several is examined alone.
func TestOneClient(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{Token: planted})
	report := examine(t, doctor.Config{Settings: settings(t, stackConfig), Client: "other", Stack: &doctor.Stack{
		Stack: "it", StackChecker: stack{status: "CREATE_COMPLETE"}, Store: &memstate.Store{},
	}}, hosts{us: ws})
	for _, c := range report.Checks {
		if strings.Contains(c.Title(), "main") || strings.Contains(c.Title(), "tags") || strings.Contains(c.Title(), "note") {
			t.Errorf("examined %s", c.Title())
		}
	}
	find(t, report, "client other: token")
	find(t, report, "stack: deployment")
}
