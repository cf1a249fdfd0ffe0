package sqsin_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"intercom-connector/internal/config"
	"intercom-connector/internal/pause"
	"intercom-connector/shared/intercom/intercomtest"
)

func (w *world) pausedReason() string {
	w.t.Helper()
	reason, err := pause.Reason(context.Background(), &w.store, "main")
	if err != nil {
		w.t.Fatal(err)
	}
	return reason
}

// grant stores a token as a grant does: the token, the flag, the mappings.
func (w *world) grant(token string) {
	version := w.safe.put(token)
	if err := pause.Resume(context.Background(), &w.store, "main", version); err != nil {
		w.t.Fatal(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.disabled = false
}

// From a token that is revoked in the middle of everything to the next one:
// what was not settled goes back for a quarter of an hour, nothing more comes,
// somebody hears of it, nothing is lost, and nothing is there twice.
func TestRevoked(t *testing.T) {
	t.Parallel()
	for _, fifo := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, "POST", "contacts/{contact_id}/notes", intercomtest.Config{Latency: 100 * time.Millisecond})
			w.order.FIFO = fifo
			h := w.handler(nil)
			const n = 60
			for i := range n {
				w.send(w.note(i%7, i), string("abcdefg"[i%7]))
			}
			w.run(h, time.Second)
			w.safe.revoke(token)
			w.run(h, time.Hour)
			done := n - w.left()
			if done == 0 || done == n {
				t.Fatalf("%d of %d were done before", done, n)
			}
			if !w.disabled || w.disables != 1 || w.metrics["Paused"] != 1 {
				t.Errorf("disabled %d times, metrics %v", w.disables, w.metrics)
			}
			if log := w.logged(); !strings.Contains(log, `"level":"ERROR","msg":"client paused"`) || !strings.Contains(log, "connector token main --stack test-stack") ||
				strings.Contains(log, token) {
				t.Errorf("the log:\n%s", log)
			}
			if got := w.pausedReason(); !strings.Contains(got, "token_revoked") {
				t.Errorf("paused because of %q", got)
			}
			w.grant("another")
			w.run(h, time.Hour)
			for i := range n {
				if w.marks(i) != 1 {
					t.Errorf("note %d is there %d times", i, w.marks(i))
				}
			}
			if w.left() != 0 || len(w.letters) != 0 || w.disabled {
				t.Errorf("%d left, %d letters, disabled: %v", w.left(), len(w.letters), w.disabled)
			}
		})
	}
}

// While a client is paused nothing is sent, not even to ask whose token it is,
// and everything stays away for a quarter of an hour.
func TestPausedByHand(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "POST", "contacts/{contact_id}/notes", intercomtest.Config{})
		if err := pause.Begin(t.Context(), &w.store, "main", "maintenance", ""); err != nil {
			t.Fatal(err)
		}
		for i := range 25 {
			w.send(w.note(i, i), "")
		}
		h := w.handler(nil)
		batch := w.receive(25)
		answer := w.invoke(h, nil, batch)
		if len(answer.BatchItemFailures) != 25 || w.ws.Stats().Requests != 0 || !w.disabled {
			t.Errorf("%d failures, %d requests, disabled: %v", len(answer.BatchItemFailures), w.ws.Stats().Requests, w.disabled)
		}
		for _, m := range w.messages {
			if d := time.Until(m.visible); d != 15*time.Minute {
				t.Fatalf("hidden for %v", d)
			}
		}
		// A token does not end what a person has begun, nor does looking.
		w.safe.put("another")
		w.disabled = false
		time.Sleep(15 * time.Minute)
		w.invoke(h, nil, w.receive(10))
		if w.pausedReason() != "maintenance" || w.ws.Stats().Requests != 0 {
			t.Errorf("paused because of %q, %d requests", w.pausedReason(), w.ws.Stats().Requests)
		}
		if err := pause.Resume(t.Context(), &w.store, "main", ""); err != nil {
			t.Fatal(err)
		}
		w.disabled = false
		w.run(h, time.Hour)
		if w.left() != 0 || len(w.responses) != 25 {
			t.Errorf("%d left, %d responses", w.left(), len(w.responses))
		}
	})
}

// Nobody has stored a token yet.
func TestNoToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "POST", "contacts/{contact_id}/notes", intercomtest.Config{})
		w.safe.tokens = nil
		w.send(w.note(0, 0), "")
		h := w.handler(nil)
		w.run(h, time.Hour)
		if got := w.pausedReason(); !strings.Contains(got, "connector token main --stack test-stack") || !w.disabled || w.ws.Stats().Requests != 0 {
			t.Errorf("paused because of %q, disabled: %v", got, w.disabled)
		}
		w.grant("first")
		w.run(h, time.Hour)
		if w.marks(0) != 1 || w.left() != 0 {
			t.Errorf("%d notes, %d left", w.marks(0), w.left())
		}
	})
}

// What keeps a client from being asked who it is: some of it pauses, some of it
// passes, and nothing of it becomes a dead letter.
func TestIdentity(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		set    func(w *world)
		paused string // what the reason has in it, "" for not paused
		mend   func(w *world)
	}{
		{"revoked", func(w *world) { w.safe.revoke(token) }, "token_revoked", func(w *world) { w.grant("new") }},
		{"locked", func(w *world) { w.ws.Lock() }, "423", func(w *world) { w.ws.Restore(); w.resume() }},
		{
			"another workspace than configured", func(w *world) { w.client.Workspace = "ab12cd34" }, "ab12cd34",
			func(w *world) { w.client.Workspace = ""; w.resume() },
		},
		{"another workspace than before", func(w *world) {
			if _, err := w.store.Create(context.Background(), "client/main", []byte(`{"id":"other"}`), time.Time{}); err != nil {
				w.t.Error(err)
			}
		}, "other", func(w *world) {
			r, err := w.store.Get(context.Background(), "client/main")
			if err == nil {
				err = w.store.Delete(context.Background(), r.Key, r.Revision)
			}
			if err != nil {
				w.t.Error(err)
			}
			w.resume()
		}},
		{"the wrong region", func(w *world) { w.client.Region = "eu" }, "region", func(w *world) { w.client.Region = "us"; w.resume() }},
		{"out of order", func(w *world) {
			w.ws.Fault(intercomtest.Fault{Path: "/me", Times: 30, Effect: intercomtest.ServerError()})
		}, "", func(*world) {}},
		{"not permitted to ask", func(w *world) { w.ws.Fault(intercomtest.Fault{Path: "/me", Effect: intercomtest.Forbidden()}) }, "", func(*world) {}},
		{"the store does not answer", func(w *world) { w.fail("store", errors.New("throttled")) }, "", func(w *world) { w.fail("store", nil) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, "POST", "contacts/{contact_id}/notes", intercomtest.Config{})
				tt.set(w)
				w.send(w.note(0, 0), "")
				h := w.handler(nil)
				w.run(h, 10*time.Minute)
				if got := w.pausedReason(); (got != "") != (tt.paused != "") || !strings.Contains(got, tt.paused) || w.disabled != (tt.paused != "") {
					t.Errorf("paused because of %q, disabled: %v", got, w.disabled)
				}
				tt.mend(w)
				w.run(h, 2*time.Hour)
				if w.marks(0) != 1 || w.left() != 0 || len(w.letters) != 0 {
					t.Errorf("%d notes, %d left, %d letters", w.marks(0), w.left(), len(w.letters))
				}
			})
		})
	}
}

func (w *world) resume() {
	if err := pause.Resume(context.Background(), &w.store, "main", ""); err != nil {
		w.t.Error(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.disabled = false
}

// Somebody grants access while a batch that has met the old token is about to
// disable the mappings: what comes late is undone.
func TestGrantWhileDisabling(t *testing.T) {
	t.Parallel()
	for _, before := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, "POST", "contacts/{contact_id}/notes", intercomtest.Config{})
			w.safe.revoke(token)
			w.send(w.note(0, 0), "")
			w.onDisable = func() {
				w.onDisable = nil
				if before {
					w.grant("new")
				} else {
					time.AfterFunc(0, func() { w.grant("new") })
				}
			}
			h := w.handler(nil)
			w.run(h, time.Hour)
			if w.disabled || w.pausedReason() != "" || w.marks(0) != 1 || w.disables != 1 {
				t.Errorf("disabled: %v, paused because of %q, %d notes", w.disabled, w.pausedReason(), w.marks(0))
			}
		})
	}
}

// A refusal that was long on its way, of a token that has been replaced, pauses
// nobody: the message is sent with the new one.
func TestSlowRefusal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "POST", "contacts/{contact_id}/notes", intercomtest.Config{Latency: 5 * time.Second})
		h := w.handler(nil)
		w.send(w.note(0, 0), "")
		w.invoke(h, nil, w.receive(1)) // the token is remembered
		w.send(w.note(0, 1), "")
		time.AfterFunc(time.Second, func() {
			w.safe.revoke(token)
			w.grant("new")
		})
		w.ws.Fault(intercomtest.Fault{Method: "POST", First: 2, Times: 1, Effect: intercomtest.Status(401, "token_revoked", "x")})
		if answer := w.invoke(h, nil, w.receive(1)); len(answer.BatchItemFailures) != 0 {
			t.Errorf("got %v", answer)
		}
		if w.pausedReason() != "" || w.disables != 0 || w.marks(1) != 1 {
			t.Errorf("paused because of %q, disabled %d times, %d notes", w.pausedReason(), w.disables, w.marks(1))
		}
	})
}

// Where a client uses OAuth, its remedy is a grant.
func TestRemedy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "POST", "contacts/{contact_id}/notes", intercomtest.Config{})
		w.client.Auth.Type = config.OAuth
		w.safe.revoke(token)
		w.send(w.note(0, 0), "")
		w.run(w.handler(nil), time.Minute)
		if log := w.logged(); !strings.Contains(log, "connector grant main --stack test-stack") || !strings.Contains(log, "connector resume write --stack test-stack") {
			t.Errorf("the log:\n%s", log)
		}
	})
}
