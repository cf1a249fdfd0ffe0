package cli_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"intercom-connector/internal/cli"
)

// logSome has functions log what they do.
func logSome(s *cli.FakeStack) {
	now := time.Now().UTC().Truncate(time.Minute)
	at := func(ago time.Duration) time.Time { return now.Add(-ago) }
	const sub, pub = "main_subscribe", "main_publish"
	s.AddLog(sub, at(time.Hour), `{"level":"INFO","message":"old"}`)
	s.AddLog(sub, at(5*time.Minute), `START RequestId: r1 Version: $LATEST`)
	s.AddLog(sub, at(5*time.Minute), `{"timestamp":"x","level":"INFO","message":"run ended","requestId":"r1","client":"main","outcome":"done","report":{"requests":3,"records":7,"events":7,"run":"a"},"subscription":"contacts"}`)
	s.AddLog(sub, at(4*time.Minute), `REPORT RequestId: r1	Duration: 12 ms	Status: timeout`)
	s.AddLog(pub, at(270*time.Second), `{"_aws":{"Timestamp":1},"Published":3}`)
	s.AddLog(pub, at(3*time.Minute), `{"level":"ERROR","message":"client paused","requestId":"r2","reason":"token \"x\" revoked","queue":"https://sqs/shop_main_note_messages"}`)
	s.AddLog(pub, at(2*time.Minute), `{"time":"x","type":"platform.report","record":{"requestId":"r2","status":"error"}}`)
	s.AddLog(pub, at(2*time.Minute), `{"time":"x","type":"platform.start","record":{"requestId":"r3"}}`)
	s.AddLog(pub, at(time.Minute), `{"level":"WARN","message":"attribute dropped","requestId":"r3","publisher":"update"}`)
	s.AddLog("callback", at(time.Minute), `{"level":"INFO","message":"access granted","client":"main"}`)
}

func TestStackLogs(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		args []string
		want []string // without the time
	}{
		{"all", nil, []string{
			"main_subscribe INFO run ended requestId=r1 client=main outcome=done requests=3 records=7 events=7 subscription=contacts",
			"main_subscribe REPORT RequestId: r1 Duration: 12 ms Status: timeout",
			`main_publish ERROR client paused requestId=r2 reason="token \"x\" revoked" queue=https://sqs/shop_main_note_messages`,
			"main_publish ERROR the invocation ended with status error requestId=r2",
			"callback INFO access granted client=main",
			"main_publish WARN attribute dropped requestId=r3 publisher=update",
		}},
		{"of a subscription", []string{"contacts"}, []string{
			"main_subscribe INFO run ended requestId=r1 client=main outcome=done requests=3 records=7 events=7 subscription=contacts",
			"main_subscribe REPORT RequestId: r1 Duration: 12 ms Status: timeout",
		}},
		{"of a publisher, by its queue", []string{"note"}, []string{
			`main_publish ERROR client paused requestId=r2 reason="token \"x\" revoked" queue=https://sqs/shop_main_note_messages`,
			"main_publish ERROR the invocation ended with status error requestId=r2",
		}},
		{"of a publisher, by name", []string{"update"}, []string{"main_publish WARN attribute dropped requestId=r3 publisher=update"}},
		{"errors", []string{"--errors"}, []string{
			"main_subscribe REPORT RequestId: r1 Duration: 12 ms Status: timeout",
			`main_publish ERROR client paused requestId=r2 reason="token \"x\" revoked" queue=https://sqs/shop_main_note_messages`,
			"main_publish ERROR the invocation ended with status error requestId=r2",
		}},
		{"of the last two minutes", []string{"--since", "100s"}, []string{
			"callback INFO access granted client=main",
			"main_publish WARN attribute dropped requestId=r3 publisher=update",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, _, config := newStack(t)
			synctest.Test(t, func(t *testing.T) {
				s := cli.NewFakeStack("shop", stackQueues...)
				logSome(s)
				got := call{stack: s}.run(t.Context(), t, append([]string{"logs", "--stack", "shop", "--config", config}, tt.args...)...)
				var lines []string
				for line := range strings.Lines(got.stdout) {
					_, text, _ := strings.Cut(strings.TrimSpace(line), "Z ")
					lines = append(lines, text)
				}
				if diff := cmp.Diff(tt.want, lines); diff != "" || got.status != 0 {
					t.Errorf("status %d, %s (-want +got):\n%s", got.status, got.stderr, diff)
				}
			})
		})
	}
}

func TestStackLogsJSON(t *testing.T) {
	t.Parallel()
	s, c, config := newStack(t)
	logSome(s)
	got := c.run(t.Context(), t, "logs", "contacts", "--stack", "shop", "--json", "--config", config)
	var lines []any
	for text := range strings.Lines(got.stdout) {
		var line struct {
			Function string
			Line     any
		}
		if err := json.Unmarshal([]byte(text), &line); err != nil || line.Function != "shop_main_subscribe" {
			t.Fatalf("%v: %s", err, text)
		}
		lines = append(lines, line.Line)
	}
	if len(lines) != 2 || lines[0].(map[string]any)["requestId"] != "r1" || !strings.HasPrefix(lines[1].(string), "REPORT") {
		t.Errorf("got %v", lines)
	}
}

// A line is shown once, however often it is read, and in time.
func TestStackLogsFollow(t *testing.T) {
	t.Parallel()
	_, _, config := newStack(t)
	synctest.Test(t, func(t *testing.T) {
		s := cli.NewFakeStack("shop", stackQueues...)
		ctx, cancel := context.WithCancel(t.Context())
		s.AddLog("main_publish", time.Now(), "one")
		go func() {
			time.Sleep(100 * time.Second)
			s.AddLog("main_publish", time.Now(), "two")
			s.AddLog("main_subscribe", time.Now().Add(-20*time.Second), "late")
			time.Sleep(100 * time.Second)
			cancel()
		}()
		got := call{stack: s}.run(ctx, t, "logs", "--follow", "--stack", "shop", "--config", config)
		if got.status != 130 {
			t.Errorf("exit status %d, want 130", got.status)
		}
		for _, text := range []string{"one", "two", "late"} {
			if n := strings.Count(got.stdout, text); n != 1 {
				t.Errorf("%s was shown %d times", text, n)
			}
		}
	})
}

func TestStackLogsOfNobody(t *testing.T) {
	t.Parallel()
	_, c, config := newStack(t)
	got := c.run(t.Context(), t, "logs", "contact", "--stack", "shop", "--config", config)
	if got.status != 2 {
		t.Errorf("exit status %d, want 2", got.status)
	}
	want(t, got.stderr, "did you mean contacts")
	got = c.run(t.Context(), t, "logs", "--stack", "shop", "--config", config)
	want(t, got.stderr, "nothing has been logged since")
	if got := c.run(t.Context(), t, "logs", "--config", config); got.status != 2 {
		t.Errorf("exit status %d without a stack, want 2", got.status)
	}
}
