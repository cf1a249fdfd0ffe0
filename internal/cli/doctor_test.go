package cli_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"intercom-connector/internal/aws/stackaccess"
	"intercom-connector/internal/cli"
	"intercom-connector/internal/doctor"
	"intercom-connector/internal/pause"
	"intercom-connector/shared/intercom/intercomtest"
)

// clinic serves a workspace and returns a configuration for it.
func clinic(t *testing.T) (ws *intercomtest.Workspace, config string) {
	t.Helper()
	ws = intercomtest.New(intercomtest.Config{Token: token, Limit: 500})
	server := httptest.NewServer(ws)
	t.Cleanup(server.Close)
	return ws, write(t, fmt.Sprintf(`
clients:
  main: {base_uri: %[1]q, auth: access_token, workspace: fake1234}
  granted: {base_uri: %[1]q, auth: {type: oauth, authorize_url: "https://app.intercom.com/oauth", token_url: "https://api.intercom.io/auth/eagle/token"}}
subscriptions:
  contacts: {client: main, entity: contacts, sync: incremental, to: {type: s3}}
  tags: {client: main, entity: tags, to: {type: sqs}}
publishers:
  note: {client: main, method: POST, entity: "companies/{company_id}/notes"}
  update: {client: main, method: PUT, entity: "contacts/{contact_id}", fifo: true}
`, server.URL))
}

func TestDoctor(t *testing.T) {
	t.Parallel()
	ws, config := clinic(t)
	c := call{env: map[string]string{"INTERCOM_TOKEN_MAIN": token}}
	got := c.run(t.Context(), t, "doctor", "main", "--config", config)
	if got.status != 0 {
		t.Errorf("exit status %d: %s%s", got.status, got.stdout, got.stderr)
	}
	want(t, got.stdout,
		"CHECK ", "RESULT", "DETAIL",
		"client main: token", "INTERCOM_TOKEN_MAIN",
		"client main: workspace", "fake1234",
		"subscription contacts", "POST /contacts/search is permitted",
		"publisher update", "not tested, because that would write",
		"machine: state", "nothing is remembered yet",
		" checks: ", " ok\n")
	if strings.Contains(got.stdout, "what to do") || strings.Contains(got.stdout, "granted") {
		t.Errorf("too much is said: %s", got.stdout)
	}
	entries, err := os.ReadDir(filepath.Dir(config))
	if err != nil || len(entries) != 1 {
		t.Errorf("it left %v, %v", entries, err)
	}

	ws.Fault(intercomtest.Fault{Path: "/tags", Effect: intercomtest.Forbidden()})
	got = c.run(t.Context(), t, "doctor", "--config", config)
	if got.status != 1 {
		t.Errorf("exit status %d, want 1", got.status)
	}
	want(t, got.stdout, "subscription tags", "what to do\n", `the permission "Read tags"`, "there is no token in ", "connector grant granted --config ", " fail")

	quiet := c.run(t.Context(), t, "doctor", "main", "--quiet", "--config", config)
	if quiet.status != 1 || strings.Contains(quiet.stdout, " ok ") || !strings.Contains(quiet.stdout, "Read tags") {
		t.Errorf("quiet, exit status %d: %s", quiet.status, quiet.stdout)
	}

	raw := c.run(t.Context(), t, "doctor", "main", "--json", "--config", config)
	var report doctor.Report
	if err := json.Unmarshal([]byte(raw.stdout), &report); err != nil || raw.status != 1 || report.OK || report.Counts[doctor.Fail] != 1 {
		t.Errorf("JSON, exit status %d, %v: %s", raw.status, err, raw.stdout)
	}
	for _, args := range [][]string{{"doctor", "mian"}, {"doctor", "main", "--profile", "x"}, {"doctor", "main", "--stack", "no_name"}} {
		if got := c.run(t.Context(), t, append(args, "--config", config)...); got.status != 2 {
			t.Errorf("%v: exit status %d, want 2: %s", args, got.status, got.stderr)
		}
	}
	want(t, c.run(t.Context(), t, "doctor", "mian", "--config", config).stderr, "did you mean main?")
	if n := len(ws.Writes()); n > 0 {
		t.Errorf("%d writes", n)
	}
}

func TestDoctorLooksAtTheMachine(t *testing.T) {
	t.Parallel()
	_, config := clinic(t)
	c := call{env: map[string]string{"INTERCOM_TOKEN_MAIN": token}}
	args := []string{"doctor", "main", "--config", config}
	if got := c.run(t.Context(), t, "pause", "note", "--reason", "spring cleaning", "--config", config); got.status != 0 {
		t.Fatal(got.stderr)
	}
	got := c.run(t.Context(), t, args...)
	if got.status != 0 {
		t.Errorf("exit status %d for a warning", got.status)
	}
	want(t, got.stdout, "machine: pause of client main", "spring cleaning", "connector resume note --config", "1 warn")

	state := filepath.Join(filepath.Dir(config), ".connector", "state.db")
	if err := os.WriteFile(state, []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	got = c.run(t.Context(), t, args...)
	if got.status != 1 {
		t.Errorf("exit status %d, want 1", got.status)
	}
	want(t, got.stdout, "machine: state", "fail", "is no database")
}

func TestDoctorStops(t *testing.T) {
	t.Parallel()
	ws, config := clinic(t)
	ctx, cancel := context.WithCancel(t.Context())
	ws.Fault(intercomtest.Fault{Effect: func(a *intercomtest.Answer) { cancel(); a.Delay = time.Hour }})
	got := call{env: map[string]string{"INTERCOM_TOKEN_MAIN": token}}.run(ctx, t, "doctor", "main", "--config", config)
	if got.status != 130 || got.stdout != "" {
		t.Errorf("exit status %d, want 130: %s", got.status, got.stdout)
	}
}

func TestDoctorOnAStack(t *testing.T) {
	t.Parallel()
	_, config := clinic(t)
	s := cli.NewFakeStack("shop", stackQueues...)
	s.Tokens = map[string]string{"main": token}
	// Tokens of this machine are of no account.
	c := call{stack: s, env: map[string]string{"INTERCOM_TOKEN_MAIN": "wrong"}}
	args := []string{"doctor", "main", "--stack", "shop", "--config", config}
	got := c.run(t.Context(), t, args...)
	if got.status != 0 {
		t.Errorf("exit status %d: %s%s", got.status, got.stdout, got.stderr)
	}
	want(t, got.stdout, "the secret shop/main/token", "stack: deployment", "UPDATE_COMPLETE", "stack: function shop_main_subscribe",
		"stack: queue of update", "stack: runs of contacts", "subscription tags")
	if strings.Contains(got.stdout, "machine:") {
		t.Errorf("it looked at this machine: %s", got.stdout)
	}

	s.Put("shop_main_update_dead.fifo", "g", "{}", nil)
	if err := pause.Begin(t.Context(), &s.State, "main", "token revoked", ""); err != nil {
		t.Fatal(err)
	}
	s.Tokens = nil
	got = c.run(t.Context(), t, args...)
	if got.status != 1 {
		t.Errorf("exit status %d, want 1", got.status)
	}
	want(t, got.stdout, "there is no token in the secret shop/main/token", "connector token main --config "+config+" --stack shop",
		"1 of its messages could not be published", "connector dead-letters list --config "+config+" --stack shop", "token revoked")
	all := c.run(t.Context(), t, "doctor", "--stack", "shop", "--config", config)
	want(t, all.stdout, "connector grant granted --config "+config+" --stack shop", "stack: undelivered")

	// A stack that came to nothing is something to be told, one that is not there
	// a mistake.
	s.Missing = &stackaccess.NoStackError{Name: "shop", Region: "eu-west-1", Status: "ROLLBACK_COMPLETE"}
	got = c.run(t.Context(), t, args...)
	if got.status != 1 {
		t.Errorf("exit status %d, want 1", got.status)
	}
	want(t, got.stdout, "CloudFormation says ROLLBACK_COMPLETE")
	s.Missing = &stackaccess.NoStackError{Name: "shop", Region: "eu-west-1"}
	if got = c.run(t.Context(), t, args...); got.status != 2 {
		t.Errorf("exit status %d, want 2: %s", got.status, got.stdout)
	}
}
