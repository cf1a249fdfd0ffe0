package trigger_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"intercom-connector/internal/pause"
	"intercom-connector/shared/intercom"
	"intercom-connector/shared/intercom/intercomtest"
)

// A secret has a token of this version.
type secret string

func (secret) Token(context.Context) (string, error) { return planted, nil }

func (s secret) Renew(context.Context, string) (token, version string, err error) {
	return planted, string(s), nil
}

// What reading finds out about the token the publishers need not find out again.
func TestRefusedTokenPausesPublishers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, client, event string
		token               intercom.TokenSource
		resumed             string // with a token of this version, right before
		status              int
		want                string // in why the client is paused, "" for not
	}{
		{"refused", "other", `{"subscription": "elsewhere"}`, secret("v1"), "", 401, "connector token other --stack my-stack"},
		{"there is another by now", "other", `{"subscription": "elsewhere"}`, secret("v1"), "v2", 401, ""},
		{"not because of the token", "other", `{"subscription": "elsewhere"}`, secret("v1"), "", 403, ""},
		{"nobody knows its version", "other", `{"subscription": "elsewhere"}`, intercom.StaticToken(planted), "", 401, ""},
		{"nothing publishes", "main", `{"subscription": "contacts"}`, secret("v1"), "", 401, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newStack(t, intercomtest.New(intercomtest.Config{}))
				s.token = tt.token
				s.ws.Fault(intercomtest.Fault{Effect: intercomtest.Status(tt.status, "refused", "x")})
				if tt.resumed != "" {
					if err := pause.Resume(t.Context(), s.store, tt.client, tt.resumed); err != nil {
						t.Fatal(err)
					}
				}
				if _, err := s.on(t.Context(), s.environment(tt.client), tt.event); err == nil {
					t.Error("the run did not fail")
				}
				reason, err := pause.Reason(t.Context(), s.store, tt.client)
				if err != nil || !strings.Contains(reason, tt.want) || (reason == "") != (tt.want == "") {
					t.Errorf("paused because of %q, %v, want %q", reason, err, tt.want)
				}
				if n := len(s.lines("client paused")); (n == 1) != (tt.want != "") {
					t.Errorf("said %d times", n)
				}
				if strings.Contains(reason+s.log.String(), planted) {
					t.Error("the token is shown")
				}
			})
		})
	}
}
