package cli_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
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

// serve serves a workspace and returns a configuration that reads its contacts.
func serve(t *testing.T, cfg intercomtest.Config) (ws *intercomtest.Workspace, config string) {
	t.Helper()
	cfg.Token = token
	ws = intercomtest.New(cfg)
	server := httptest.NewServer(ws)
	t.Cleanup(server.Close)
	return ws, write(t, fmt.Sprintf(`
clients:
  main: {base_uri: %q, auth: access_token}
subscriptions:
  contacts: {client: main, entity: contacts, sync: incremental, to: {type: file, path: out.ndjson}}
`, server.URL))
}

func TestRunShowsProgressOnATerminal(t *testing.T) {
	t.Parallel()
	_, config := serve(t, intercomtest.Config{Contacts: 1500, Latency: 30 * time.Millisecond, Limit: 8, Window: time.Second})
	got := call{terminal: true}.run(t.Context(), t, "run", "contacts", "--config", config)
	if got.status != 0 {
		t.Fatalf("exit status %d: %s", got.status, got.stderr)
	}
	// The end of the line may be cut off.
	want(t, got.stderr, "\rcontacts: loading · "[1:], " of 1,500 records", " of 8 left", " s to", "\r\x1b[K")
	want(t, got.stdout, "\x1b[32mdone\x1b[0m, 1,500 events")
	if !strings.HasSuffix(got.stderr, "\r\x1b[K") {
		t.Errorf("the progress is still there: %q", got.stderr)
	}

	plain := call{terminal: true}.run(t.Context(), t, "run", "contacts", "--config", config, "--no-color")
	if strings.Contains(plain.stdout, "\x1b[") {
		t.Errorf("--no-color has colours: %q", plain.stdout)
	}
}

func TestResetAsks(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, answer string
		status       int
	}{
		{"yes", "y\n", 0},
		{"no", "n\n", 2},
		{"nothing", "\n", 2},
		{"end of input", "", 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ws, config := serve(t, intercomtest.Config{Contacts: 5})
			got := call{terminal: true, stdin: tt.answer}.run(t.Context(), t, "run", "contacts", "--reset", "--config", config)
			if got.status != tt.status {
				t.Errorf("exit status %d, want %d: %s", got.status, tt.status, got.stderr)
			}
			want(t, got.stderr, "Forget what contacts remembers")
			if sent := ws.Stats().Requests > 0; sent != (tt.status == 0) {
				t.Errorf("sent requests: %v", sent)
			}
		})
	}
}

// A fullDisk takes so many bytes.
type fullDisk struct {
	bytes.Buffer

	room int
	err  error
}

func (d *fullDisk) Write(p []byte) (int, error) {
	if d.Len()+len(p) > d.room {
		return 0, d.err
	}
	return d.Buffer.Write(p)
}

// A full disk fails the run with advice, and the next run has everything.
func TestOutputThatFailsLosesNothing(t *testing.T) {
	t.Parallel()
	_, config := serve(t, intercomtest.Config{Contacts: 600})
	var stderr bytes.Buffer
	disk := &fullDisk{room: 100 << 10, err: fmt.Errorf("write: %w", syscall.ENOSPC)}
	status := cli.Program{
		Args:     []string{"run", "contacts", "--to", "-", "--config", config},
		Getenv:   func(string) string { return token },
		Stdin:    strings.NewReader(""),
		Stdout:   disk,
		Stderr:   &stderr,
		Terminal: func(any) bool { return false },
	}.Run(t.Context())
	if status != 1 {
		t.Errorf("exit status %d, want 1", status)
	}
	want(t, stderr.String(), "make room and run it again, nothing is lost", "contacts: failed, 0 events")
	if strings.Contains(stderr.String(), "audit") {
		t.Errorf("what is not safe was audited: %s", stderr.String())
	}

	got := call{}.run(t.Context(), t, "run", "contacts", "--config", config)
	want(t, got.stdout, "audit        600 of 600")
	out, err := os.ReadFile(filepath.Join(filepath.Dir(config), "out.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	if lines := bytes.Count(out, []byte("\n")); lines != 600 {
		t.Errorf("%d events in the file, want 600", lines)
	}
}

// A reader that goes away ends the run without a word.
func TestReaderThatGoesAwayIsNoError(t *testing.T) {
	t.Parallel()
	_, config := serve(t, intercomtest.Config{Contacts: 600})
	var stderr bytes.Buffer
	status := cli.Program{
		Args:     []string{"run", "contacts", "--to", "-", "--config", config},
		Getenv:   func(string) string { return token },
		Stdin:    strings.NewReader(""),
		Stdout:   &fullDisk{room: 100 << 10, err: syscall.EPIPE},
		Stderr:   &stderr,
		Terminal: func(any) bool { return false },
	}.Run(t.Context())
	if status != 130 || stderr.Len() > 0 {
		t.Errorf("exit status %d and %q, want 130 and nothing", status, stderr.String())
	}
	got := call{}.run(t.Context(), t, "status", "--config", config)
	want(t, got.stdout, "contacts      interrupted")
}

// What two workspaces answer is told apart, and what cannot be asked is said.
func TestRunExplains(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		effect intercomtest.Effect
		want   []string
	}{
		{"plan", intercomtest.PlanRestricted(), []string{"the workspace's plan does not include it"}},
		{"revoked", intercomtest.Revoked(), []string{"Intercom does not accept the token of client main (401", "set the environment variable INTERCOM_TOKEN to a valid one"}},
		{"forbidden", intercomtest.Forbidden(), []string{"give the app the permission", "Developer Hub"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ws, config := serve(t, intercomtest.Config{Contacts: 5})
			ws.Fault(intercomtest.Fault{Path: "/contacts/search", Effect: tt.effect})
			got := call{}.run(t.Context(), t, "run", "contacts", "--config", config)
			if got.status != 1 {
				t.Errorf("exit status %d, want 1", got.status)
			}
			want(t, got.stderr, append(tt.want, "connector: contacts: ")...)
			if lines := strings.Count(got.stderr, "\n"); lines != 1 {
				t.Errorf("%d lines of error, want 1: %s", lines, got.stderr)
			}
			want(t, call{}.run(t.Context(), t, "status", "--config", config).stdout, append(tt.want, "\ncontacts: failed: ")...)
		})
	}
}

// What keeps a run from beginning is seen in the status, until one ends well.
func TestStatusOfARunThatNeverBegan(t *testing.T) {
	t.Parallel()
	ws, config := serve(t, intercomtest.Config{Contacts: 5})
	status := func() string { return call{}.run(t.Context(), t, "status", "--config", config).stdout }
	for range 2 {
		ws.Fault(intercomtest.Fault{Path: "/me", Effect: intercomtest.Revoked()})
		call{}.run(t.Context(), t, "run", "contacts", "--config", config)
		want(t, status(), "contacts      failed", "\ncontacts: failed: Intercom does not accept the token of client main (401")
		ws.Heal()
		call{}.run(t.Context(), t, "run", "contacts", "--config", config)
		if got := status(); !strings.Contains(got, "contacts      done") || strings.Contains(got, "401") {
			t.Errorf("after a good run:\n%s", got)
		}
	}
}

func TestInterruptedRunSaysHowToGoOn(t *testing.T) {
	t.Parallel()
	ws, config := serve(t, intercomtest.Config{Contacts: 1500, Latency: 30 * time.Millisecond, Limit: 5, Window: time.Second})
	ctx, cancel := context.WithCancelCause(t.Context())
	ws.OnRequest(func(n int) {
		if n == 5 {
			cancel(errors.New("Ctrl-C"))
		}
	})
	got := call{}.run(ctx, t, "run", "contacts", "--since", "90d", "--config", config)
	if got.status != 130 {
		t.Errorf("exit status %d, want 130: %s", got.status, got.stderr)
	}
	want(t, got.stderr, "interrupted; what was delivered is safe. Go on with: connector run contacts --config ", "Z")
	if strings.Contains(got.stderr, "90d") {
		t.Errorf("the way to go on is another window's: %s", got.stderr)
	}
}

// A server that nobody vouches for is not asked again and again.
func TestRunExplainsTLS(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(intercomtest.New(intercomtest.Config{}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // it hears of the client's refusal
	server.StartTLS()
	t.Cleanup(server.Close)
	plain := httptest.NewServer(intercomtest.New(intercomtest.Config{}))
	t.Cleanup(plain.Close)
	for _, tt := range []struct{ name, url, want string }{
		{"unknown certificate", server.URL, "the certificate is not trusted here"},
		{"no TLS", strings.Replace(plain.URL, "http:", "https:", 1), "is base_uri right?"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			config := write(t, fmt.Sprintf(`
clients:
  main: {base_uri: %q, auth: access_token}
subscriptions:
  contacts: {client: main, entity: contacts, sync: incremental, to: {type: s3}}
`, tt.url))
			got := call{}.run(t.Context(), t, "run", "contacts", "-q", "--config", config)
			if got.status != 1 {
				t.Errorf("exit status %d, want 1", got.status)
			}
			want(t, got.stderr, "connector: contacts: client main: ", tt.want)
		})
	}
}
