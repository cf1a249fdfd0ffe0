package sqsin_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-lambda-go/events"

	"intercom-connector/internal/config"
	"intercom-connector/internal/pause"
	"intercom-connector/internal/watch"
	"intercom-connector/shared/intercom/intercomtest"
)

// What the function is invoked with is messages or the watch, and nothing else.
func TestInvoke(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "POST", "contacts/{contact_id}/notes", intercomtest.Config{})
		h := w.handler(nil)
		if _, err := h.Invoke(t.Context(), []byte(`{"watch":true}`)); err == nil {
			t.Error("it watches, and nobody told it to")
		}
		h.Watch = &watch.Watch{
			Stack: stack, Store: &w.store, Metrics: process{w, nil}, Log: slog.New(slog.NewJSONHandler(lockedLog{w}, nil)),
			Config: &config.Config{Clients: map[string]*config.Client{w.client.Name: w.client}},
		}
		invoke := func(event, want string) {
			t.Helper()
			answer, err := h.Invoke(t.Context(), []byte(event))
			if refused := want == ""; (err != nil) != refused || string(answer) != want {
				t.Errorf("%s: got %s, %v, want %q", event, answer, err, want)
			}
		}
		const nothing = `{"watch":true,"subscriptions":0,"failed":[],"overdue":[],"incomplete":[],"paused":[]}`
		invoke(`{"watch": true}`, nothing)
		for _, event := range []string{`{}`, `{"watch":false}`, `{"watch":true,"subscription":"contacts"}`, `{"watch":`, `[]`, `{"Records":[{"messageId":1}]}`} {
			invoke(event, "")
		}

		// Paused for as long as it takes: each look says so.
		if err := pause.Begin(t.Context(), &w.store, w.client.Name, "by hand", ""); err != nil {
			t.Fatal(err)
		}
		paused := strings.Replace(nothing, `"paused":[]`, fmt.Sprintf(`"paused":[{"client":%q,"reason":"by hand"}]`, w.client.Name), 1)
		for range 3 {
			w.metrics = map[string]float64{}
			invoke(`{"watch":true}`, paused)
			if w.metrics["Paused"] != 1 {
				t.Errorf("metrics: %v", w.metrics)
			}
		}
		if err := pause.Resume(t.Context(), &w.store, w.client.Name, ""); err != nil {
			t.Fatal(err)
		}

		w.send(w.note(0, 0), "")
		event, err := json.Marshal(events.SQSEvent{Records: w.receive(1)})
		if err != nil {
			t.Fatal(err)
		}
		invoke(string(event), `{"batchItemFailures":[]}`)
		if w.marks(0) != 1 {
			t.Errorf("the note is there %d times", w.marks(0))
		}
	})
}
