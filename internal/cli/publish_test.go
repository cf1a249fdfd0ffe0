package cli_test

import (
	"bytes"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"intercom-connector/internal/cli"
	"intercom-connector/shared/intercom/intercomtest"
)

// notes serves a workspace and returns a configuration whose publisher writes
// notes, and a file of messages, one for each contact.
func notes(t *testing.T, cfg intercomtest.Config, publisher string) (ws *intercomtest.Workspace, config, messages string) {
	t.Helper()
	cfg.Token = token
	ws = intercomtest.New(cfg)
	server := httptest.NewServer(ws)
	t.Cleanup(server.Close)
	config = write(t, fmt.Sprintf(`
clients:
  main: {base_uri: %q, auth: access_token}
publishers:
  note: {client: main, method: POST, entity: "contacts/{contact_id}/notes"%s}
`, server.URL, publisher))
	var text strings.Builder
	for i := range cfg.Contacts {
		fmt.Fprintf(&text, `{"path": {"contact_id": %q}, "payload": {"body": "note %d"}}`+"\n", ws.ID(intercomtest.Contacts, i), i)
	}
	messages = filepath.Join(filepath.Dir(config), "m.ndjson")
	if err := os.WriteFile(messages, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return ws, config, messages
}

// appliedOnce fails the test unless so many writes were applied, each once.
func appliedOnce(t *testing.T, ws *intercomtest.Workspace, writes int) {
	t.Helper()
	applied := ws.Applied()
	for key, times := range applied {
		if times != 1 {
			t.Errorf("%s %s was applied %d times", key.Operation, key.Path, times)
		}
	}
	if len(applied) != writes {
		t.Errorf("%d writes were applied, want %d", len(applied), writes)
	}
}

func TestPublishShowsProgressOnATerminal(t *testing.T) {
	t.Parallel()
	ws, config, messages := notes(t, intercomtest.Config{Contacts: 40, Latency: 20 * time.Millisecond, Limit: 20, Window: time.Second}, "")
	got := call{terminal: true}.run(t.Context(), t, "publish", "note", messages, "--config", config)
	if got.status != 0 {
		t.Fatalf("exit status %d: %s", got.status, got.stderr)
	}
	want(t, got.stderr, "note: ", " of 40 messages", " of 20 left", "\r\x1b[K")
	want(t, got.stdout, "note: \x1b[32mdone\x1b[0m, 40 of 40 messages")
	appliedOnce(t, ws, 40)

	none := call{terminal: true}.run(t.Context(), t, "publish", "note", "--config", config)
	if none.status != 2 {
		t.Errorf("exit status %d, want 2", none.status)
	}
	want(t, none.stderr, "name a file of messages, or - for standard input")
}

// An answer that cannot be kept stops the run; the next one delivers it, and
// sends nothing twice.
func TestResponsesThatCannotBeKept(t *testing.T) {
	t.Parallel()
	ws, config, messages := notes(t, intercomtest.Config{Contacts: 30}, ", responses: {type: stdout}")
	for _, tt := range []struct {
		err    error
		status int
		stderr string
	}{
		{syscall.ENOSPC, 1, "make room and run it again, nothing is lost"},
		{syscall.EPIPE, 130, ""},
	} {
		var stderr bytes.Buffer
		status := cli.Program{
			Args:     []string{"publish", "note", messages, "--config", config, "--quiet"},
			Getenv:   func(string) string { return token },
			Stdin:    strings.NewReader(""),
			Stdout:   &fullDisk{room: 1000, err: fmt.Errorf("write: %w", tt.err)},
			Stderr:   &stderr,
			Terminal: func(any) bool { return false },
		}.Run(t.Context())
		if status != tt.status {
			t.Errorf("%v: exit status %d, want %d", tt.err, status, tt.status)
		}
		if tt.stderr == "" && stderr.Len() > 0 {
			t.Errorf("%v: %q", tt.err, stderr.String())
		}
		want(t, stderr.String(), tt.stderr)
	}
	got := call{}.run(t.Context(), t, "publish", "note", messages, "--config", config)
	if got.status != 0 {
		t.Errorf("exit status %d: %s", got.status, got.stderr)
	}
	want(t, got.stderr, "given        30 = 30 done + 0 dead + 0 unknown + 0 paused")
	if lines := strings.Count(got.stdout, "\n"); lines == 0 || lines != strings.Count(got.stdout, `{"publisher":"note",`) {
		t.Errorf("standard output has something else than responses:\n%s", got.stdout)
	}
	appliedOnce(t, ws, 30)
}

// A file that is done is no success as long as somebody has to look at what
// became of it.
func TestDoneWithDeadLetters(t *testing.T) {
	t.Parallel()
	_, config, _ := notes(t, intercomtest.Config{Contacts: 1}, "")
	bad := filepath.Join(filepath.Dir(config), "bad.ndjson")
	if err := os.WriteFile(bad, []byte("nonsense\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args   []string
		status int
		want   string
	}{
		{[]string{"publish", "note", bad}, 1, "note: failed, 0 of 1 message"},
		{[]string{"publish", "note", bad}, 1, "note: failed, 0 of 1 message"},
		{[]string{"dead-letters", "drop", "--all", "--yes"}, 0, "dropped 1 dead letter"},
		{[]string{"publish", "note", bad}, 0, "note: done, 0 of 1 message"},
	} {
		got := call{}.run(t.Context(), t, append(tt.args, "--config", config)...)
		if got.status != tt.status {
			t.Errorf("%v: exit status %d, want %d: %s", tt.args, got.status, tt.status, got.stderr)
		}
		want(t, got.stdout, tt.want)
	}
}

// A token that is refused before there was a message pauses as one that is
// refused later.
func TestRefusedFromTheBeginning(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		effect intercomtest.Effect
		advice string
	}{
		{"revoked", intercomtest.Revoked(), "set the environment variable INTERCOM_TOKEN to a valid one"},
		{"unpaid", intercomtest.Status(402, "", ""), "resume note"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ws, config, messages := notes(t, intercomtest.Config{Contacts: 3}, "")
			ws.Fault(intercomtest.Fault{Effect: tt.effect})
			got := call{}.run(t.Context(), t, "publish", "note", messages, "--config", config)
			if got.status != 1 {
				t.Errorf("exit status %d, want 1", got.status)
			}
			want(t, got.stdout, "note: paused", "3 = 0 done + 0 dead + 0 unknown + 3 paused")
			want(t, got.stderr, tt.advice)
			want(t, call{}.run(t.Context(), t, "status", "--config", config).stdout, "paused: GET /me: 40")
			ws.Heal()
			call{}.run(t.Context(), t, "resume", "note", "--config", config)
			if got := (call{}).run(t.Context(), t, "publish", "note", messages, "--config", config); got.status != 0 {
				t.Errorf("resumed: exit status %d: %s", got.status, got.stderr)
			}
			appliedOnce(t, ws, 3)
		})
	}
}

func TestDropAsksOnATerminal(t *testing.T) {
	t.Parallel()
	_, config, _ := notes(t, intercomtest.Config{Contacts: 1}, "")
	bad := filepath.Join(filepath.Dir(config), "bad.ndjson")
	if err := os.WriteFile(bad, []byte("nonsense\nrubbish\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := (call{}).run(t.Context(), t, "publish", "note", bad, "--config", config); got.status != 1 {
		t.Fatalf("exit status %d, want 1: %s", got.status, got.stderr)
	}
	for _, tt := range []struct {
		name, answer string
		status       int
		stdout       string
	}{
		{"no", "n\n", 2, ""},
		{"yes", "y\n", 0, "dropped 2 dead letters"},
	} {
		got := call{terminal: true, stdin: tt.answer}.run(t.Context(), t, "dead-letters", "drop", "--all", "--config", config)
		if got.status != tt.status {
			t.Errorf("%s: exit status %d, want %d", tt.name, got.status, tt.status)
		}
		want(t, got.stderr, "Forget 2 dead letters for good?")
		want(t, got.stdout, tt.stdout)
	}
}
