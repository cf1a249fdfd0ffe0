package cli_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"intercom-connector/internal/aws/stackaccess"
	"intercom-connector/internal/cli"
	"intercom-connector/internal/state"
)

const contactsKey = "checkpoint/ws/contacts"

// checkpoint is what a subscription remembers, as JSON.
func checkpoint(parts ...string) string {
	return `{"subscription":"contacts","client":"main","workspace":"ws",` + strings.Join(parts, ",") + `}`
}

func report(run, outcome string, records int, at time.Time) string {
	return fmt.Sprintf(`{"subscription":"contacts","client":"main","entity":"contacts","run":%q,"outcome":%q,"records":%d,"events":%d,"finished":%q}`,
		run, outcome, records, records, at.UTC().Format(time.RFC3339Nano))
}

func saved(run string, records int) string {
	return fmt.Sprintf(`"run":{"id":%q,"started":1,"saved":%d,"requests":[{}],"slices":[{"root":true,"total":100}],"report":{"subscription":"contacts","records":%d}},"lease":{"owner":"x","until":%q}`,
		run, time.Now().Unix(), records, time.Now().Add(time.Minute).UTC().Format(time.RFC3339))
}

// A world is what happens to the stack's state while the function is at work.
type world struct {
	t   *testing.T
	s   *cli.FakeStack
	rev state.Revision
}

func (w *world) set(ctx context.Context, value string) {
	w.t.Helper()
	var err error
	if w.rev == "" {
		w.rev, err = w.s.State.Create(ctx, contactsKey, []byte(value), time.Time{})
	} else {
		w.rev, err = w.s.State.Save(ctx, contactsKey, []byte(value), w.rev, time.Time{})
	}
	if err != nil {
		w.t.Error(err)
	}
}

func TestStackRun(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		answer func(ctx context.Context, w *world) (string, error)
		status int
		took   time.Duration // at least
		stdout []string
		stderr []string
	}{
		{
			"in one invocation",
			func(ctx context.Context, w *world) (string, error) {
				w.set(ctx, checkpoint(saved("r1", 40)))
				time.Sleep(20 * time.Second)
				return report("r1", "done", 100, time.Now()), nil
			},
			0, 20 * time.Second,
			[]string{"contacts: done, 100 events", "in s3://bucket/events/contacts/", "connector run contacts", "--stack shop"},
			[]string{"contacts: reading · 40 of 100 records"},
		},
		{
			"over three invocations",
			func(ctx context.Context, w *world) (string, error) {
				w.set(ctx, checkpoint(saved("r1", 10)))
				time.Sleep(10 * time.Second)
				first := time.Now()
				w.set(ctx, checkpoint(saved("r1", 30), `"last":`+report("r1", "interrupted", 30, first)))
				go func() {
					time.Sleep(50 * time.Second)
					w.set(ctx, checkpoint(saved("r1", 60), `"last":`+report("r1", "interrupted", 60, time.Now())))
					time.Sleep(50 * time.Second)
					w.set(ctx, checkpoint(`"last":`+report("r1", "done", 100, time.Now())))
				}()
				return strings.TrimSuffix(report("r1", "interrupted", 30, first), "}") + `,"continues":true}`, nil
			},
			0, 110 * time.Second,
			[]string{"contacts: done, 100 events"},
			[]string{"30 of 100 records", "60 of 100 records"},
		},
		{
			"handed over, and nobody goes on",
			func(ctx context.Context, w *world) (string, error) {
				at := time.Now()
				w.set(ctx, checkpoint(saved("r1", 30), `"last":`+report("r1", "interrupted", 30, at)))
				return strings.TrimSuffix(report("r1", "interrupted", 30, at), "}") + `,"continues":true}`, nil
			},
			1, 3 * time.Minute, nil,
			[]string{"nobody has gone on with run r1", "connector logs contacts", "--stack shop"},
		},
		{
			"handed over, and failed in the next invocation",
			func(ctx context.Context, w *world) (string, error) {
				at := time.Now()
				w.set(ctx, checkpoint(saved("r1", 30), `"last":`+report("r1", "interrupted", 30, at)))
				go func() {
					time.Sleep(30 * time.Second)
					failed := strings.TrimSuffix(report("r1", "failed", 40, time.Now()), "}") + `,"error":"deliver: no such bucket"}`
					w.set(ctx, checkpoint(saved("r1", 40), `"last":`+failed))
				}()
				return strings.TrimSuffix(report("r1", "interrupted", 30, at), "}") + `,"continues":true}`, nil
			},
			1, 30 * time.Second,
			[]string{"contacts: failed, 40 events"},
			[]string{"contacts: deliver: no such bucket; its log: connector logs contacts"},
		},
		{
			"handed over, and overtaken by another run",
			func(ctx context.Context, w *world) (string, error) {
				at := time.Now()
				w.set(ctx, checkpoint(saved("r1", 30), `"last":`+report("r1", "interrupted", 30, at)))
				go func() {
					time.Sleep(30 * time.Second)
					w.set(ctx, checkpoint(`"last":`+report("r2", "done", 2, time.Now())))
				}()
				return strings.TrimSuffix(report("r1", "interrupted", 30, at), "}") + `,"continues":true}`, nil
			},
			1, 30 * time.Second,
			nil,
			[]string{"run r1 is over, and another one has ended since; its log: connector logs contacts"},
		},
		{
			"the connection breaks",
			func(ctx context.Context, w *world) (string, error) {
				w.set(ctx, checkpoint(saved("r1", 30)))
				time.Sleep(10 * time.Second)
				go func() {
					time.Sleep(30 * time.Second)
					w.set(ctx, checkpoint(`"last":`+report("r1", "done", 50, time.Now())))
				}()
				return "", cli.Unreachable()
			},
			0, 40 * time.Second,
			[]string{"contacts: done, 50 events"},
			[]string{"the connection to the function broke; following what the run remembers"},
		},
		{
			"another one is under way",
			func(context.Context, *world) (string, error) { return report("", "busy", 0, time.Now()), nil },
			1, 0, nil,
			[]string{"another run is under way in the stack: nothing was done"},
		},
		{
			"failed, and remembers how",
			func(ctx context.Context, w *world) (string, error) {
				failed := strings.TrimSuffix(report("r1", "failed", 7, time.Now()), "}") + `,"error":"client main: intercom: GET /me: 401 unauthorized"}`
				w.set(ctx, checkpoint(`"last":`+failed))
				return "", &stackaccess.FunctionError{Function: "f", Type: "RunError", Message: "contacts: client main: 401: `connector token main` stores one"}
			},
			1, 0,
			[]string{"contacts: failed"},
			[]string{"connector: contacts: client main: 401: `connector token main` stores one"},
		},
		{
			"could not begin",
			func(context.Context, *world) (string, error) {
				return "", &stackaccess.FunctionError{Function: "shop_main_subscribe", Message: "there is no token"}
			},
			1, 0, nil,
			[]string{"function shop_main_subscribe failed: there is no token; its log:"},
		},
		{
			"the function is not there",
			func(context.Context, *world) (string, error) {
				return "", fmt.Errorf("invoke: %w", stackaccess.ErrNoFunction)
			},
			1, 0, nil,
			[]string{"stack shop has no function that reads with client main: deploy it first"},
		},
		{
			"incomplete",
			func(context.Context, *world) (string, error) {
				return strings.TrimSuffix(report("r1", "incomplete", 9, time.Now()), "}") + `,"audit":{"expected":10,"read":9}}`, nil
			},
			1, 0,
			[]string{"contacts: incomplete"},
			[]string{"Intercom says there are 10 records and gave 9 of them"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, _, config := newStack(t)
			synctest.Test(t, func(t *testing.T) {
				s := cli.NewFakeStack("shop", stackQueues...)
				remember(t, s, "client/main", `{"id":"ws"}`)
				s.Answer = func(ctx context.Context, function, _ string) (string, error) {
					if function != "main_subscribe" {
						t.Errorf("function %s was invoked", function)
					}
					return tt.answer(ctx, &world{t: t, s: s})
				}
				began := time.Now()
				got := call{stack: s}.run(t.Context(), t, "run", "contacts", "--stack", "shop", "--config", config)
				if got.status != tt.status || time.Since(began) < tt.took {
					t.Errorf("exit status %d after %v, want %d after %v", got.status, time.Since(began), tt.status, tt.took)
				}
				want(t, got.stdout, tt.stdout...)
				want(t, got.stderr, tt.stderr...)
			})
		})
	}
}

func TestStackRunTrigger(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{"plain", nil, `{"subscription":"contacts","force":true}`},
		{"input", []string{"--input", `{"a": 1}`}, `{"subscription":"contacts","input":{"a":1},"force":true}`},
		{"reset", []string{"--reset", "--yes"}, `{"subscription":"contacts","reset":true,"force":true}`},
		{"keep", []string{"--keep-watermark", "--replace-workspace"}, `{"subscription":"contacts","keep_watermark":true,"replace_workspace":true,"force":true}`},
		{
			"window",
			[]string{"--since", "2026-01-01T00:00:00Z", "--until", "2026-01-02T00:00:00Z"},
			`{"subscription":"contacts","since":"2026-01-01T00:00:00Z","until":"2026-01-02T00:00:00Z","force":true}`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, c, config := newStack(t)
			var got string
			s.Answer = func(_ context.Context, _, trigger string) (string, error) {
				got = trigger
				return report("r1", "done", 1, time.Now()), nil
			}
			args := append([]string{"run", "contacts", "--stack", "shop", "--json", "--config", config}, tt.args...)
			out := c.run(t.Context(), t, args...)
			if got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			var r struct{ Run, Outcome string }
			if err := json.Unmarshal([]byte(out.stdout), &r); err != nil || r.Run != "r1" || r.Outcome != "done" || out.status != 0 {
				t.Errorf("got %d %s %v %s", out.status, out.stdout, err, out.stderr)
			}
		})
	}
}

// Who stops following does not stop the run.
func TestStackRunNotFollowed(t *testing.T) {
	t.Parallel()
	s, c, config := newStack(t)
	ctx, cancel := context.WithCancel(t.Context())
	s.Answer = func(ctx context.Context, _, _ string) (string, error) {
		cancel()
		<-ctx.Done()
		return "", ctx.Err()
	}
	got := c.run(ctx, t, "run", "contacts", "--stack", "shop", "--config", config)
	if got.status != 130 {
		t.Errorf("exit status %d, want 130", got.status)
	}
	want(t, got.stderr, "contacts: not followed any more, the run goes on in the stack", "connector status", "--stack shop")
}

func TestStackRunUsage(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{"to", []string{"--to", "-"}, "--to is for this machine"},
		{"log", []string{"--log-requests", "bodies"}, "--log-requests is for this machine"},
		{"reset, nobody to ask", []string{"--reset"}, "add --yes if that is meant"},
		{"no name of a stack", []string{"--stack", "my_shop"}, `a stack cannot be called "my_shop"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, c, config := newStack(t)
			got := c.run(t.Context(), t, append([]string{"run", "contacts", "--stack", "shop", "--config", config}, tt.args...)...)
			if got.status != 2 {
				t.Errorf("exit status %d, want 2", got.status)
			}
			want(t, got.stderr, tt.want)
		})
	}
}

func TestNoStack(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		err    error
		status int
		want   string
	}{
		{"none", &stackaccess.NoStackError{Name: "shop", Region: "eu-west-1"}, 2, "there is no stack shop in eu-west-1; there is no connector in that region: is the stack deployed"},
		{"others", &stackaccess.NoStackError{Name: "shop", Region: "eu-west-1", Ours: []string{"a", "b"}}, 2, "there is no stack shop in eu-west-1; the connectors of that region are a and b"},
		{"not ours", &stackaccess.NoStackError{Name: "shop", Region: "eu-west-1", Status: "ROLLBACK_COMPLETE"}, 2, "stack shop in eu-west-1 (ROLLBACK_COMPLETE) is not a connector, or not deployed to its end"},
		{"no region", stackaccess.ErrNoRegion, 2, "no AWS region is set: --aws-region, AWS_REGION or a profile"},
		{"something else", errors.New("look for stack: boom"), 1, "look for stack: boom"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, c, config := newStack(t)
			s.Missing = tt.err
			got := c.run(t.Context(), t, "status", "--stack", "shop", "--config", config)
			if got.status != tt.status {
				t.Errorf("exit status %d, want %d", got.status, tt.status)
			}
			want(t, got.stderr, tt.want)
		})
	}
}

// What AWS says no to is explained in a line that says what to do.
func TestAWSTrouble(t *testing.T) {
	t.Parallel()
	api := func(code, message string) error { return &smithy.GenericAPIError{Code: code, Message: message} }
	for _, tt := range []struct {
		name string
		err  error // of a request of DescribeStacks
		want string
	}{
		{
			"denied", api("AccessDenied", "User: u is not authorized to perform: sqs:ListQueues on resource: arn:aws:sqs:x because"),
			"these AWS credentials may not sqs:ListQueues on arn:aws:sqs:x: have it allowed in IAM",
		},
		{"denied, silently", api("AccessDenied", "no"), "these AWS credentials may not cloudformation:DescribeStacks: have it allowed in IAM"},
		{"expired", api("ExpiredToken", "x"), "the AWS credentials have expired: get new ones"},
		{"unknown", api("InvalidClientTokenId", "x"), "AWS does not accept the credentials: `aws sts get-caller-identity`"},
		{"signed out", errors.New("get identity: failed to refresh cached credentials, cached SSO token is expired"), "`aws sso login`"},
		{"no credentials", errors.New("get identity: failed to refresh cached credentials, no EC2 IMDS role found"), "there are no AWS credentials here: choose a profile with --profile"},
		{"too fast", api("Throttling", "Rate exceeded"), "AWS asks to go slower, run it again in a minute"},
		{"no answer", &smithyhttp.RequestSendError{Err: errors.New("no such host")}, "is there a network, and is the AWS region spelt right?"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, c, config := newStack(t)
			s.Missing = fmt.Errorf("look for stack shop: %w", &smithy.OperationError{ServiceID: "CloudFormation", OperationName: "DescribeStacks", Err: tt.err})
			got := c.run(t.Context(), t, "status", "--stack", "shop", "--config", config)
			if got.status != 1 || strings.Count(got.stderr, "\n") != 1 {
				t.Errorf("exit status %d, want 1 and one line", got.status)
			}
			want(t, got.stderr, tt.want)
		})
	}
}
