package intercom_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"intercom-connector/shared/intercom"
)

func TestExchangeLog(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name            string
		mode            intercom.LogMode
		answer          string
		payload, logged any
	}{
		{"off", intercom.LogOff, `{"token":"tok-1"}`, nil, nil},
		{"headers", intercom.LogHeaders, `{"token":"tok-1"}`, nil, nil},
		{
			"bodies", intercom.LogBodies, `{"token_type":"Bearer","token":"tok-1","access_token":"tok-1","email":"joe@example.com"}`,
			"client_id=***&client_secret=***&code=***&grant_type=***",
			`{"token_type":"Bearer","token":"***","access_token":"***","email":"***"}`,
		},
		{"a token that is a number", intercom.LogBodies, `{"token":424242,"code":17}`, "client_id=***&client_secret=***&code=***&grant_type=***", `{"token":"***","code":"***"}`},
		{"the code comes back", intercom.LogBodies, `{"type":"tok-1","id":"c0de"}`, "client_id=***&client_secret=***&code=***&grant_type=***", `{"type":"***","id":"***"}`},
		{
			"a secret escaped", intercom.LogBodies, `{"id":"cGxhbnRlZA%3D%3D","state":"cGxhbnRlZA","type":"cGxhbnRlZA"}`,
			"client_id=***&client_secret=***&code=***&grant_type=***", `{"id":"***","state":"***","type":"***"}`,
		},
		{"HTML", intercom.LogBodies, "<p>tok-1</p>", "client_id=***&client_secret=***&code=***&grant_type=***", "***"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			e := exchange(t, tt.answer)
			e.Err = errors.New("no tok-1 for c0de")
			e.Log(t.Context(), slog.New(slog.NewJSONHandler(&out, nil)), tt.mode)
			if tt.mode == intercom.LogOff {
				if out.Len() > 0 {
					t.Errorf("logged %s", out.String())
				}
				return
			}
			var line map[string]any
			if err := json.Unmarshal(out.Bytes(), &line); err != nil {
				t.Fatal(err)
			}
			want := map[string]any{
				"path": "/auth/eagle/token", "host": "api.intercom.io", "status": 200.0, "client": "main",
				"request_id": "r1", "err": "no *** for ***", "payload": tt.payload, "answer": tt.logged,
			}
			for key, value := range want {
				if diff := cmp.Diff(value, line[key]); diff != "" {
					t.Errorf("%s (-want +got):\n%s", key, diff)
				}
			}
			for _, secret := range []string{"tok-1", "c0de", "s3cret", "app-id", "joe@", "424242"} {
				if strings.Contains(out.String(), secret) {
					t.Errorf("%q is logged: %s", secret, out.String())
				}
			}
		})
	}
}

func TestExchangeFail(t *testing.T) {
	t.Parallel()
	e := exchange(t, `{"type":"error.list","request_id":"r2","errors":[{"code":"unauthorized","message":"Unauthorized Code c0de"}]}`)
	e.Status = http.StatusUnauthorized
	err := e.Fail()
	if !errors.Is(err, intercom.ErrUnauthorized) {
		t.Errorf("%v is not ErrUnauthorized", err)
	}
	if got, want := err.Error(), "intercom: POST /auth/eagle/token: 401 Unauthorized: unauthorized: Unauthorized Code *** [request r2]"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func exchange(t *testing.T, answer string) *intercom.Exchange {
	t.Helper()
	u, err := url.Parse("https://api.intercom.io/auth/eagle/token")
	if err != nil {
		t.Fatal(err)
	}
	return &intercom.Exchange{
		Client: "main", Method: http.MethodPost, URL: u, Status: http.StatusOK,
		Header:  http.Header{"X-Request-Id": {"r1"}},
		Form:    url.Values{"client_id": {"app-id"}, "client_secret": {"s3cret"}, "code": {"c0de"}, "grant_type": {"authorization_code"}},
		Answer:  []byte(answer),
		Secrets: []string{"tok-1", "c0de", "s3cret", "", "cGxhbnRlZA=="},
	}
}
