package cli_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"intercom-connector/internal/aws/stackaccess"
	"intercom-connector/internal/cli"
)

const noteDead, updateDead = "shop_main_note_dead", "shop_main_update_dead.fifo"

// die puts a dead letter into a queue, as the function does.
func die(s *cli.FakeStack, queue, id, outcome, reason string) string {
	group := ""
	attributes := map[string]string{
		"id": id, "outcome": outcome, "reason": reason, "status": "400", "code": "parameter_invalid",
		"request_id": "req-7", "message_id": "sqs-" + id, "time": "2026-01-31T12:00:00Z",
	}
	if strings.HasSuffix(queue, ".fifo") {
		group = "letter-" + id
		attributes["group"] = "contact-1"
	}
	return s.Put(queue, group, fmt.Sprintf(`{"payload": {"body": %q}}`, id), attributes)
}

func keyOf(t *testing.T, c call, config, id string) string {
	t.Helper()
	got := c.run(t.Context(), t, "dead-letters", "show", id, "--stack", "shop", "--json", "--config", config)
	var l struct{ Key string }
	if err := json.Unmarshal([]byte(got.stdout), &l); err != nil || l.Key == "" {
		t.Fatalf("show %s: %v %s%s", id, err, got.stdout, got.stderr)
	}
	return l.Key
}

func TestStackDeadLetters(t *testing.T) {
	t.Parallel()
	s, c, config := newStack(t)
	for i := range 25 { // more than SQS hands out at once
		die(s, noteDead, fmt.Sprintf("n%02d", i), "dead", "unknown custom attribute")
	}
	die(s, updateDead, "u1", "unknown", "no answer came")
	crashed := s.Put(noteDead, "", "it crashed", nil)
	s.Hide(noteDead, die(s, noteDead, "elsewhere", "dead", "x"))

	got := c.run(t.Context(), t, "dead-letters", "list", "--stack", "shop", "--config", config)
	if got.status != 0 || strings.Count(got.stdout, "\n") != 28 {
		t.Errorf("exit status %d, %s", got.status, got.stdout)
	}
	want(t, got.stdout, "n00 ", "n24 ", "unknown  no answer came", "the function did not survive it")
	want(t, got.stderr, "about 1 more cannot be looked at now")
	if n := len(s.Bodies(noteDead)); n != 26 {
		t.Errorf("%d letters can be received after list, want all 26", n)
	}

	got = c.run(t.Context(), t, "dead-letters", "show", "u1", "--stack", "shop", "--config", config)
	want(t, got.stdout, "message    u1", "group      contact-1", "outcome    unknown", "status     400 parameter_invalid",
		"request    req-7", "in SQS     sqs-u1", `"body": "u1"`)
	got = c.run(t.Context(), t, "dead-letters", "show", crashed, "--stack", "shop", "--config", config)
	want(t, got.stdout, "it crashed")
	key := keyOf(t, c, config, "n07")
	got = c.run(t.Context(), t, "dead-letters", "show", key[:8], "--stack", "shop", "--config", config)
	want(t, got.stdout, "message    n07")

	got = c.run(t.Context(), t, "dead-letters", "list", "update", "--stack", "shop", "--json", "--config", config)
	var all []struct{ ID, Outcome, Publisher, MessageID string }
	if err := json.Unmarshal([]byte(got.stdout), &all); err != nil || len(all) != 1 || all[0].ID != "u1" || all[0].Outcome != "unknown" {
		t.Errorf("got %v, %+v", err, all)
	}
	for args, text := range map[string]string{
		"show nothing": "no such dead letter",
		"list updat":   "did you mean update",
	} {
		got := c.run(t.Context(), t, append(append([]string{"dead-letters"}, strings.Fields(args)...), "--stack", "shop", "--config", config)...)
		if got.status != 2 {
			t.Errorf("%s: exit status %d, want 2", args, got.status)
		}
		want(t, got.stderr, text)
	}
}

func TestStackRetry(t *testing.T) {
	t.Parallel()
	s, c, config := newStack(t)
	die(s, noteDead, "a", "dead", "Custom attribute")
	die(s, noteDead, "b", "dead", "too large")
	die(s, noteDead, "c", "unknown", "no answer came")
	first := die(s, updateDead, "d", "dead", "custom attribute")

	got := c.run(t.Context(), t, "dead-letters", "retry", "--reason", "custom ATTRIBUTE", "--stack", "shop", "--config", config)
	if got.status != 0 {
		t.Errorf("exit status %d: %s", got.status, got.stderr)
	}
	want(t, got.stdout, "note: 1 of 1 dead letter sent to the queue again", "update: 1 of 1 dead letter sent")
	sent := s.Sent[noteQueue]
	if len(sent) != 1 || sent[0].Body != `{"payload": {"body": "a"}}` {
		t.Fatalf("sent %+v", sent)
	}
	if diff := cmp.Diff(map[string]string{"id": "a"}, sent[0].Attributes); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
	sent = s.Sent[updateQueue]
	if len(sent) != 1 || sent[0].Group != "contact-1" || sent[0].Deduplication != "retry-"+first || sent[0].Attributes["id"] != "d" {
		t.Errorf("sent %+v", sent)
	}
	if n := len(s.Bodies(updateDead)); n != 0 {
		t.Errorf("%d letters are left, want none", n)
	}

	got = c.run(t.Context(), t, "dead-letters", "retry", "--all", "--stack", "shop", "--json", "--config", config)
	var result struct {
		Publishers []struct {
			Publisher         string
			Given, Sent, Left int64
		}
		Spared int64
	}
	if err := json.Unmarshal([]byte(got.stdout), &result); err != nil || result.Spared != 1 || len(result.Publishers) != 1 || result.Publishers[0].Sent != 1 {
		t.Errorf("got %v, %+v", err, result)
	}
	got = c.run(t.Context(), t, "dead-letters", "retry", "c", "--stack", "shop", "--config", config)
	if got.status != 2 {
		t.Errorf("exit status %d, want 2", got.status)
	}
	want(t, got.stderr, "its outcome is unknown", "--unknown sends it anyway")
	if diff := cmp.Diff([]string{`{"payload": {"body": "c"}}`}, s.Bodies(noteDead)); diff != "" {
		t.Errorf("left (-want +got):\n%s", diff)
	}
}

// What is remembered of a message of unknown outcome would keep it from being
// sent: it is forgotten first, in the workspace that the stack knows.
func TestStackRetryUnknown(t *testing.T) {
	t.Parallel()
	s, c, config := newStack(t)
	die(s, noteDead, "c", "unknown", "no answer came")
	remember(t, s, "client/main", `{"id":"ws"}`)
	const sum = "2e7d2c03a9507ae265ecf5b5356885a53393a2029d241394997265a1a25aefc6" // of c
	remember(t, s, "sent/ws/note/"+sum, `{"state":"unknown"}`)
	got := c.run(t.Context(), t, "dead-letters", "retry", "c", "--unknown", "--stack", "shop", "--config", config)
	if got.status != 0 || len(s.Sent[noteQueue]) != 1 {
		t.Errorf("exit status %d, sent %v: %s", got.status, s.Sent[noteQueue], got.stderr)
	}
	for r, err := range s.State.List(t.Context(), "sent/") {
		t.Errorf("%s is remembered, %v", r.Key, err)
	}
}

// Whatever fails in between, a letter is in one of the queues or in both.
func TestStackRetryFails(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name       string
		send       func([]stackaccess.Outgoing) ([]stackaccess.Failure, error)
		del        error
		sent, left int
		stderr     string
	}{
		{"send", func([]stackaccess.Outgoing) ([]stackaccess.Failure, error) { return nil, errors.New("boom") }, nil, 0, 3, "note: boom"},
		{"one refused", func([]stackaccess.Outgoing) ([]stackaccess.Failure, error) {
			return []stackaccess.Failure{{Index: 1, Code: "No", Reason: "because"}}, nil
		}, nil, 2, 1, "SQS refuses it: No: because"},
		{"delete", nil, errors.New("boom"), 3, 0, "note: boom"}, // hidden, and will be seen again
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, c, config := newStack(t)
			for _, id := range []string{"a", "b", "c"} {
				die(s, noteDead, id, "dead", "x")
			}
			if tt.send != nil {
				s.OnSend = func(_ string, all []stackaccess.Outgoing) ([]stackaccess.Failure, error) { return tt.send(all) }
			}
			s.OnDelete = func(string) error { return tt.del }
			got := c.run(t.Context(), t, "dead-letters", "retry", "--all", "--stack", "shop", "--config", config)
			if got.status != 1 || len(s.Sent[noteQueue]) != tt.sent || len(s.Bodies(noteDead)) != tt.left {
				t.Errorf("exit status %d, %d sent, %d left", got.status, len(s.Sent[noteQueue]), len(s.Bodies(noteDead)))
			}
			want(t, got.stderr, tt.stderr)
		})
	}
}

// A letter that lies there twice is one.
func TestStackCopies(t *testing.T) {
	t.Parallel()
	s, c, config := newStack(t)
	die(s, noteDead, "a", "dead", "first")
	die(s, noteDead, "a", "dead", "second")
	got := c.run(t.Context(), t, "dead-letters", "list", "--stack", "shop", "--json", "--config", config)
	want(t, got.stdout, `"copies": 2`, `"reason": "second"`)
	got = c.run(t.Context(), t, "dead-letters", "retry", "a", "--stack", "shop", "--config", config)
	if got.status != 0 || len(s.Sent[noteQueue]) != 1 || len(s.Bodies(noteDead)) != 0 {
		t.Errorf("exit status %d, sent %v, left %v", got.status, s.Sent[noteQueue], s.Bodies(noteDead))
	}
}

// In order within their group, although each has a group of its own as a letter.
func TestStackRetryFIFOOrder(t *testing.T) {
	t.Parallel()
	s, c, config := newStack(t)
	var want []string
	for i := range 15 {
		id := fmt.Sprintf("u%02d", i)
		die(s, updateDead, id, "dead", "x")
		want = append(want, id)
	}
	c.run(t.Context(), t, "dead-letters", "retry", "--all", "--publisher", "update", "--stack", "shop", "--config", config)
	if got := ids(s.Sent[updateQueue]); !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}

func TestStackDrop(t *testing.T) {
	t.Parallel()
	s, c, config := newStack(t)
	die(s, noteDead, "a", "dead", "x")
	die(s, noteDead, "b", "dead", "y")
	die(s, updateDead, "c", "dead", "x")
	c.terminal, c.stdin = true, "n\n"
	got := c.run(t.Context(), t, "dead-letters", "drop", "--all", "--stack", "shop", "--config", config)
	if got.status != 2 || len(s.Bodies(noteDead)) != 2 {
		t.Errorf("exit status %d, left %v", got.status, s.Bodies(noteDead))
	}
	want(t, got.stderr, "Forget 3 dead letters for good?")
	got = c.run(t.Context(), t, "dead-letters", "drop", "--reason", "x", "--publisher", "note", "--yes", "--stack", "shop", "--config", config)
	want(t, got.stdout, "dropped 1 dead letter")
	if len(s.Bodies(noteDead)) != 1 || len(s.Bodies(updateDead)) != 1 || len(s.Sent) != 0 {
		t.Errorf("left %v and %v, sent %v", s.Bodies(noteDead), s.Bodies(updateDead), s.Sent)
	}
}
