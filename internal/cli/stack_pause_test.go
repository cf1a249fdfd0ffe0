package cli_test

import (
	"errors"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"intercom-connector/internal/pause"
	"intercom-connector/shared/intercom/intercomtest"
)

func TestStackPause(t *testing.T) {
	t.Parallel()
	s, c, config := newStack(t)
	got := c.run(t.Context(), t, "pause", "update", "--reason", "cleaning", "--stack", "shop", "--config", config)
	want(t, got.stdout, "client main is paused (cleaning): note and update")
	got = c.run(t.Context(), t, "resume", "note", "--stack", "shop", "--json", "--config", config)
	want(t, got.stdout, `"paused": false`)
	// The flag comes before the queues both times: a batch in between looks at it.
	if diff := cmp.Diff([]string{`disable main, paused: "cleaning"`, `enable main, paused: ""`}, s.Calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func TestStackPauseWithoutMappings(t *testing.T) {
	t.Parallel()
	s, c, config := newStack(t)
	s.OnMappings = func() error { return errors.New("boom") }
	got := c.run(t.Context(), t, "pause", "update", "--stack", "shop", "--config", config)
	if got.status != 1 {
		t.Errorf("exit status %d, want 1", got.status)
	}
	want(t, got.stderr, "client main is paused, but its queues could not be stopped", "boom")
	if reason, err := pause.Reason(t.Context(), &s.State, "main"); reason == "" || err != nil {
		t.Errorf("got %q and %v, want a pause", reason, err)
	}
}

func TestStackToken(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name           string
		workspace      string // of the token
		pinned, client string // what is known of the client: remembered, configured
		stdin          string
		args           []string
		status         int
		stdout, stderr []string
		stored         bool
	}{
		{"good", "ws", "", "", token + "\n", nil, 0, []string{"the token of workspace ws", "is in the secret shop/main/token", "client main may send: note and update"}, nil, true},
		{"of the workspace that is wanted", "ws", "ws", ", workspace: ws", token, nil, 0, nil, nil, true},
		{"refused by Intercom", "ws", "", "", "another", nil, 2, nil, []string{"Intercom does not accept this token", "was not stored"}, false},
		{"nothing", "ws", "", "", "", nil, 2, nil, []string{"no access token of client main was given"}, false},
		{"of another workspace", "ws", "", ", workspace: other", token, nil, 2, nil, []string{"this token is of workspace ws, and client main is configured for other"}, false},
		{"of another workspace than before", "ws", "old", "", token, nil, 2, nil, []string{"was of old so far", "--replace-workspace accepts it"}, false},
		{"of another workspace than before, wanted", "ws", "old", "", token, []string{"--replace-workspace"}, 0, nil, nil, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, c, _ := newStack(t)
			ws := intercomtest.New(intercomtest.Config{Token: token, Workspace: tt.workspace})
			server := httptest.NewServer(ws)
			t.Cleanup(server.Close)
			settings := "base_uri: " + server.URL + tt.client
			config := write(t, strings.Replace(stackConfig, "region: eu", settings, 1))
			if tt.pinned != "" {
				remember(t, s, "client/main", `{"id":"`+tt.pinned+`"}`)
			}
			if err := pause.Begin(t.Context(), &s.State, "main", "token revoked", "v1"); err != nil {
				t.Fatal(err)
			}
			c.stdin = tt.stdin
			args := append([]string{"token", "main", "--stack", "shop", "--config", config}, tt.args...)
			got := c.run(t.Context(), t, args...)
			if got.status != tt.status {
				t.Errorf("exit status %d, want %d: %s", got.status, tt.status, got.stderr)
			}
			want(t, got.stdout, tt.stdout...)
			want(t, got.stderr, tt.stderr...)
			var calls []string
			if tt.stored {
				calls = []string{"store main of ws", `enable main, paused: ""`}
			}
			if diff := cmp.Diff(calls, s.Calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			if tt.stored != (s.Tokens["main"] == token) {
				t.Errorf("stored %v, want %v", s.Tokens["main"] != "", tt.stored)
			}
		})
	}
}
