package cli_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"intercom-connector/internal/aws/stackaccess"
	"intercom-connector/internal/cli"
)

const noteQueue, updateQueue = "shop_main_note_messages", "shop_main_update_messages.fifo"

// messages writes a file of messages beside a configuration.
func messages(t *testing.T, config string, lines ...string) string {
	t.Helper()
	path := filepath.Join(filepath.Dir(config), "m.ndjson")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func ids(sent []stackaccess.Outgoing) []string {
	var all []string
	for _, m := range sent {
		all = append(all, m.Attributes["id"])
	}
	return all
}

func TestStackPublish(t *testing.T) {
	t.Parallel()
	s, c, config := newStack(t)
	var lines []string
	for i := range 25 {
		lines = append(lines, fmt.Sprintf(`{"payload": {"body": "note %d"}}`, i))
	}
	file := messages(t, config, lines...)
	got := c.run(t.Context(), t, "publish", "note", file, "--stack", "shop", "--config", config)
	if got.status != 0 {
		t.Fatalf("exit status %d: %s", got.status, got.stderr)
	}
	want(t, got.stdout, "note: sent to the queue, 25 of 25 messages", "given        25 = 25 sent to the queue + 0 refused",
		"queue        "+noteQueue, "the stack publishes them", "connector status")
	sent := s.Sent[noteQueue]
	if len(sent) != 25 || len(s.Bodies(noteQueue)) != 25 {
		t.Fatalf("%d messages were sent, want 25", len(sent))
	}
	bodies := s.Bodies(noteQueue)
	slices.Sort(bodies)
	slices.Sort(lines)
	if diff := cmp.Diff(lines, bodies); diff != "" {
		t.Errorf("bodies (-want +got):\n%s", diff)
	}
	for _, m := range sent {
		if id := m.Attributes["id"]; len(id) < 34 || id[32] != '#' || m.Attributes["trace"] == "" || m.Group != "" {
			t.Errorf("got attributes %v, group %q", m.Attributes, m.Group)
		}
	}

	// What was sent is not sent again, unless that is wanted: then under other ids.
	got = c.run(t.Context(), t, "publish", "note", file, "--stack", "shop", "--json", "--config", config)
	var report struct {
		Outcome                    string
		Given, Sent, Refused, Left int64
	}
	if err := json.Unmarshal([]byte(got.stdout), &report); err != nil || report.Sent != 25 || report.Outcome != "sent" || got.status != 0 {
		t.Errorf("got %+v, %v, status %d", report, err, got.status)
	}
	want(t, got.stderr, "already sent to the queue of shop, 25 messages", "--again")
	if n := len(s.Sent[noteQueue]); n != 25 {
		t.Errorf("%d messages were sent, want 25", n)
	}
	c.run(t.Context(), t, "publish", "note", file, "--stack", "shop", "--again", "--config", config)
	again := s.Sent[noteQueue]
	if len(again) != 50 {
		t.Fatalf("%d messages were sent, want 50", len(again))
	}
	for _, id := range ids(again[25:]) {
		if slices.Contains(ids(again[:25]), id) {
			t.Errorf("id %s was sent twice", id)
		}
	}
}

// The ids are those that publishing on this machine gives the same lines.
func TestStackPublishIDs(t *testing.T) {
	t.Parallel()
	s, c, config := newStack(t)
	file := messages(t, config, `{"payload": {"body": "a"}}`, ``, `{"payload": {"body": "b"}}`)
	c.run(t.Context(), t, "publish", "note", file, "--stack", "shop", "--config", config)
	c.run(t.Context(), t, "publish", "note", file, "--stack", "shop", "--state", filepath.Join(t.TempDir(), "other"), "--config", config)
	got := ids(s.Sent[noteQueue])
	if len(got) != 4 || got[0] != got[2] || got[1] != got[3] || !strings.HasSuffix(got[0], "#1") || !strings.HasSuffix(got[1], "#3") {
		t.Errorf("got %v", got)
	}
}

func TestStackPublishFIFO(t *testing.T) {
	t.Parallel()
	s, c, config := newStack(t)
	var batches [][]string
	s.OnSend = func(_ string, messages []stackaccess.Outgoing) ([]stackaccess.Failure, error) {
		var groups []string
		for _, m := range messages {
			groups = append(groups, m.Group)
		}
		batches = append(batches, groups)
		return nil, nil
	}
	file := messages(t, config,
		`{"group": "a", "payload": {"name": "1"}}`, `{"group": "b", "payload": {"name": "2"}}`, `{"group": "a", "payload": {"name": "3"}}`,
		`{"payload": {"name": "4"}}`, `{"group": "two words", "payload": {"name": "5"}}`)
	got := c.run(t.Context(), t, "publish", "update", file, "--stack", "shop", "--config", config)
	if got.status != 1 {
		t.Errorf("exit status %d, want 1", got.status)
	}
	want(t, got.stderr, "line 4: not sent: the publisher is FIFO, so the message needs a group")
	want(t, got.stdout, "given        5 = 4 sent to the queue + 1 refused")
	if len(batches) != 2 || !slices.Equal(batches[0], []string{"a", "b"}) || len(batches[1]) != 2 || batches[1][0] != "a" {
		t.Errorf("batches of groups: %v", batches)
	}
	if group := batches[1][1]; strings.Contains(group, " ") || !strings.HasPrefix(group, "sha256-") {
		t.Errorf("group %q is none of SQS's", group)
	}
	sent := s.Sent[updateQueue]
	if sent[0].Deduplication == "" || sent[0].Deduplication == sent[2].Deduplication {
		t.Errorf("deduplication ids %q and %q", sent[0].Deduplication, sent[2].Deduplication)
	}
}

// The group may come out of the transform, as it does where it is published.
func TestStackPublishTransformedGroup(t *testing.T) {
	t.Parallel()
	s, c, _ := newStack(t)
	config := write(t, strings.ReplaceAll(stackConfig, `fifo: true}`, `fifo: true, message_transform: "{group: .who, path: {contact_id: .who}, payload: {name: .name}}"}`))
	got := c.run(t.Context(), t, "publish", "update", messages(t, config, `{"who": "c1", "name": "x"}`), "--stack", "shop", "--config", config)
	if sent := s.Sent[updateQueue]; got.status != 0 || len(sent) != 1 || sent[0].Group != "c1" || sent[0].Body != `{"who": "c1", "name": "x"}` {
		t.Errorf("status %d, sent %+v, %s", got.status, sent, got.stderr)
	}
}

func TestStackPublishRefuses(t *testing.T) {
	t.Parallel()
	s, c, config := newStack(t)
	s.OnSend = func(_ string, messages []stackaccess.Outgoing) ([]stackaccess.Failure, error) {
		for i, m := range messages {
			if strings.Contains(m.Body, "sqs says no") {
				return []stackaccess.Failure{{Index: i, Code: "InvalidMessageContents", Reason: "no"}}, nil
			}
		}
		return nil, nil
	}
	big := `{"payload": {"body": "` + strings.Repeat("x", 1<<20-30) + `"}}`
	file := messages(t, config,
		`{"payload": {"body": "good"}}`, "\xff\xfe", "{\x00}", big, `{"payload": {"body": "sqs says no"}}`,
		"{\"payload\": {\"body\": \"non-character \uffff\"}}", "garbage")
	got := c.run(t.Context(), t, "publish", "note", file, "--stack", "shop", "--config", config)
	if got.status != 1 {
		t.Errorf("exit status %d, want 1", got.status)
	}
	want(t, got.stderr, "line 2: not sent: it is not UTF-8", "line 3: not sent: it is not JSON and has the character U+0000",
		"line 4: not sent: with its id it has", "line 5: not sent: SQS refuses it: InvalidMessageContents: no")
	bodies := s.Bodies(noteQueue)
	slices.Sort(bodies)
	if diff := cmp.Diff([]string{"garbage", `{"payload": {"body": "good"}}`, `{"payload": {"body": "non-character \uffff"}}`}, bodies); diff != "" {
		t.Errorf("sent (-want +got):\n%s", diff)
	}
}

// One that is stopped in the middle goes on behind what was sent.
func TestStackPublishGoesOn(t *testing.T) {
	t.Parallel()
	s, c, config := newStack(t)
	var lines []string
	for i := range 200 {
		lines = append(lines, fmt.Sprintf(`{"group": "g%d", "payload": {"name": "%d"}}`, i, i))
	}
	file := messages(t, config, lines...)
	n := 0
	s.OnSend = func(string, []stackaccess.Outgoing) ([]stackaccess.Failure, error) {
		if n++; n == 5 {
			return nil, errors.New("boom")
		}
		return nil, nil
	}
	got := c.run(t.Context(), t, "publish", "update", file, "--stack", "shop", "--config", config)
	if got.status != 1 || len(s.Sent[updateQueue]) != 40 {
		t.Fatalf("exit status %d, %d sent, want 1 and 40: %s", got.status, len(s.Sent[updateQueue]), got.stderr)
	}
	want(t, got.stderr, "update: boom")
	want(t, got.stdout, "40 sent to the queue + 0 refused + 160 left", "next         connector publish update", "--stack shop")
	got = c.run(t.Context(), t, "publish", "update", file, "--stack", "shop", "--config", config)
	if got.status != 0 {
		t.Errorf("exit status %d: %s", got.status, got.stderr)
	}
	if diff := cmp.Diff(lines, s.Bodies(updateQueue)); diff != "" {
		t.Errorf("not once each and in their order (-want +got):\n%s", diff)
	}
}

func TestStackPublishUsage(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		queues []string
		args   []string
		want   string
	}{
		{"not deployed", nil, nil, "publisher update has no queue in stack shop: deploy it first"},
		{"deployed otherwise", []string{"shop_main_update_messages"}, nil, "publisher update has a standard queue in stack shop, and a FIFO one in the configuration"},
		{"workspace", nil, []string{"--replace-workspace"}, "connector token CLIENT --replace-workspace"},
		{"stack without a name", nil, []string{"--stack=", "--profile", "x"}, "--stack has no name"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, _, config := newStack(t)
			c := call{stack: cli.NewFakeStack("shop", tt.queues...)}
			args := append([]string{"publish", "update", messages(t, config, "{}"), "--stack", "shop", "--config", config}, tt.args...)
			got := c.run(t.Context(), t, args...)
			if got.status != 2 {
				t.Errorf("exit status %d, want 2", got.status)
			}
			want(t, got.stderr, tt.want)
		})
	}
}
