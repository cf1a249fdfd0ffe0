package publish_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"intercom-connector/internal/publish"
)

func TestResponse(t *testing.T) {
	t.Parallel()
	result := publish.Result{
		ID: "a", Outcome: publish.Done, Status: 200, RequestID: "r1",
		Answer: json.RawMessage("{\"html\":\"<b>\",\n\"n\":12345678901234567890}"),
	}
	response := publish.Response{Publisher: "p", Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Result: result}
	for _, tt := range []struct {
		name, ref, want string
	}{
		{"whole", "", `"answer":{"html":"<b>","n":12345678901234567890}`},
		{"by claim check", "s3://bucket/claims/a", `"answer_ref":"s3://bucket/claims/a"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := response
			if r.AnswerRef = tt.ref; tt.ref != "" {
				r.Answer = nil
			}
			got, err := r.Encode()
			if err != nil {
				t.Fatal(err)
			}
			want := `{"publisher":"p","time":"2026-01-02T03:04:05Z","id":"a","outcome":"done","status":200,"request_id":"r1",` + tt.want + `}`
			if string(got) != want {
				t.Errorf("got\n%s, want\n%s", got, want)
			}
		})
	}
	if now := result.Respond("p"); now.Publisher != "p" || now.ID != "a" || time.Since(now.Time) > time.Minute {
		t.Errorf("%+v", now)
	}
	broken := publish.Result{Answer: json.RawMessage("{")}.Respond("p")
	if _, err := broken.Encode(); err == nil || !strings.Contains(err.Error(), "encode response") {
		t.Errorf("got %v", err)
	}
}
