package stack_test

import (
	"fmt"
	"strings"
	"testing"

	"intercom-connector/infra/stack"
	"intercom-connector/internal/config"
	"intercom-connector/internal/config/file"
	"intercom-connector/internal/names"
)

// large is a configuration of one client with so many subscriptions that go to
// there, and so many publishers with responses of that kind, "" for none.
func large(t *testing.T, subscriptions int, to string, publishers int, responses string) *config.Config {
	t.Helper()
	var b strings.Builder
	b.WriteString("clients:\n  main: {}\nsubscriptions:\n")
	for i := range subscriptions {
		fmt.Fprintf(&b, "  subscription-%d: {client: main, entity: contacts, sync: incremental, schedule: rate(5 minutes), to: {type: %s}}\n", i, to)
	}
	b.WriteString("publishers:\n")
	for i := range publishers {
		fmt.Fprintf(&b, "  publisher-%d: {client: main, method: PUT, entity: \"contacts/{contact_id}\"", i)
		if responses != "" {
			fmt.Fprintf(&b, ", responses: {type: %s}", responses)
		}
		b.WriteString("}\n")
	}
	cfg, err := file.Parse("large.yaml", []byte(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func TestSize(t *testing.T) {
	for _, tt := range []struct {
		name          string
		subscriptions int
		to            string
		publishers    int
		responses     string
		together      bool // some alarms look at several metrics
		apart         bool // schedules are in a stack of their own
	}{
		{name: "the smallest", subscriptions: 1, to: "s3"},
		{name: "200 subscriptions to the bucket, 50 publishers", subscriptions: 200, to: "s3", publishers: 50},
		{name: "the same with responses", subscriptions: 200, to: "s3", publishers: 50, responses: "sqs", together: true},
		{name: "200 queues, 50 publishers with responses", subscriptions: 200, to: "sqs", publishers: 50, responses: "sqs", together: true, apart: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			template, err := stack.Draw(t.TempDir(), settings(large(t, tt.subscriptions, tt.to, tt.publishers, tt.responses), "large", false))
			if err != nil {
				t.Fatal(err)
			}
			d := drawn{Template: template}
			t.Logf("%d resources", len(d.Resources))
			// More than ten at a role is more than IAM takes.
			if n := len(d.ofType("AWS::IAM::ManagedPolicy")); n > 9 {
				t.Errorf("%d policies beside the roles", n)
			}
			together := false
			for _, r := range d.ofType("AWS::CloudWatch::Alarm") {
				if r.Properties["Metrics"] != nil {
					together = true
				}
			}
			if together != tt.together {
				t.Errorf("alarms together: got %v, want %v", together, tt.together)
			}
			if apart := len(d.Nested) > 0; apart != tt.apart {
				t.Errorf("schedules apart: got %v, want %v", apart, tt.apart)
			}
			schedules := len(d.ofType("AWS::Scheduler::Schedule"))
			for _, nested := range d.Nested {
				schedules += len(drawn{Template: nested}.ofType("AWS::Scheduler::Schedule"))
			}
			if want := tt.subscriptions + 1; schedules != want { // and the watch
				t.Errorf("got %d schedules, want %d", schedules, want)
			}
		})
	}
}

func TestTooLarge(t *testing.T) {
	_, err := stack.Draw(t.TempDir(), settings(large(t, 350, "sqs", 60, ""), "large", false))
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"the stack large would have 6", "takes 500", "SQS::Queue", "-c config=second.yaml -c stack=large-2", "docs/operations.md"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nhas no %q", err, want)
		}
	}
}

func TestCheck(t *testing.T) {
	long := strings.Repeat("x", 47)
	replace := strings.NewReplacer("LONG", long)
	for _, tt := range []struct{ name, yaml, stack, want string }{
		{
			"a function's name", "clients: {LONG: {}}\nsubscriptions: {s: {client: LONG, entity: tags, to: {type: s3}}}", "a-stack",
			"client LONG: its function would be called a-stack_LONG_subscribe, which has 65 characters, and AWS takes 64: shorten the client's name or the stack's (a-stack, -c stack=…) by 1",
		},
		{
			"a publisher's queue", "clients: {m: {}}\npublishers: {LONG: {client: m, method: POST, entity: tags, fifo: true}}", "a-longer-name-of-a-stack",
			"publisher LONG: its queue would be called a-longer-name-of-a-stack_m_LONG_messages.fifo, which has 88 characters, and AWS takes 80: " +
				"shorten the publisher's name, the client's or the stack's (a-longer-name-of-a-stack, -c stack=…) by 8",
		},
		{
			"a queue of events", "clients: {m: {}}\nsubscriptions: {LONG: {client: m, entity: tags, to: {type: sqs}}}", "a-longer-name-of-a-stack",
			"subscription LONG: its queue would be called a-longer-name-of-a-stack_m_LONG_events, which has 81 characters",
		},
		{
			"a stack's name", "clients: {m: {}}\nsubscriptions: {s: {client: m, entity: tags, to: {type: s3}}}", "under_score",
			`a stack cannot be called "under_score"`,
		},
		{
			"nothing for AWS", "clients: {m: {}}\nsubscriptions: {s: {client: m, entity: tags, to: {type: stdout}}}", "a",
			"there is nothing to deploy",
		},
		{
			"a file by schedule", "clients: {m: {}}\nsubscriptions: {s: {client: m, entity: tags, schedule: rate(1 day), to: {type: file, path: x}}}", "a",
			"subscription s: it has a schedule and goes to a file, and there is none on AWS",
		},
		{
			"responses to a file", "clients: {m: {}}\npublishers: {p: {client: m, method: POST, entity: tags, responses: {type: file, path: x}}}", "a",
			"publisher p: its responses go to a file",
		},
		{
			"tried for longer than a queue counts", "clients: {m: {}}\npublishers: {p: {client: m, method: POST, entity: tags, give_up_after: 7d}}", "a",
			"publisher p: give_up_after: a queue hands a message out 1000 times at most, which is enough for 150h0m0s",
		},
		{
			"two mistakes", "clients: {LONG: {}}\nsubscriptions: {s: {client: LONG, entity: tags, to: {type: s3}}, LONG: {client: LONG, entity: tags, to: {type: sqs}}}", "a-stack",
			"\nsubscription LONG: its queue",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg, err := file.Parse("a.yaml", []byte(replace.Replace(tt.yaml)))
			if err != nil {
				t.Fatal(err)
			}
			err = stack.Check(cfg, names.Stack(tt.stack))
			if want := replace.Replace(tt.want); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		})
	}
}
