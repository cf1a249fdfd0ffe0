package sqsin_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"intercom-connector/internal/publish"
	"intercom-connector/shared/intercom/intercomtest"
)

// The time is over in the middle of a batch: what was begun is finished and
// told, the rest comes back.
func TestDeadline(t *testing.T) {
	t.Parallel()
	for _, fifo := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, "POST", "contacts/{contact_id}/notes", intercomtest.Config{Latency: 7 * time.Second})
			w.order.FIFO = fifo
			const n = 40
			for i := range n {
				w.send(w.note(0, i), "one")
			}
			h := w.handler(nil)
			batch := w.receive(n)
			began := time.Now()
			answer := w.invoke(h, nil, batch)
			if took := time.Since(began); took > timeout-5*time.Second {
				t.Errorf("it took %v of %v", took, timeout)
			}
			if failed := len(answer.BatchItemFailures); failed == 0 || failed == n {
				t.Errorf("%d of %d failed", failed, n)
			}
			for i := range n - len(answer.BatchItemFailures) {
				if w.marks(i) != 1 {
					t.Errorf("acknowledged, but there %d times: %d", w.marks(i), i)
				}
			}
			w.run(h, 3*time.Hour)
			var all []int
			for i := range n {
				all = append(all, i)
			}
			if fifo {
				w.inOrder(t, all...)
			}
			if w.left() != 0 || len(w.letters) != 0 {
				t.Errorf("%d left, %d letters", w.left(), len(w.letters))
			}
		})
	}
}

// What cannot be made safe is not acknowledged.
func TestNotSafe(t *testing.T) {
	t.Parallel()
	for _, what := range []string{"letters", "responses", "visibility"} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, "POST", "contacts/{contact_id}/notes", intercomtest.Config{})
				w.fail(what, errors.New("slow down"))
				w.send(w.note(0, 0), "")
				w.send("garbage", "")
				w.ws.Fault(intercomtest.Fault{Method: "POST", Times: 1, Effect: intercomtest.Status(429, "rate_limit_exceeded", "x")})
				h := w.handler(nil)
				w.run(h, time.Hour)
				if what != "visibility" && w.left() != 1 {
					t.Errorf("%d left, want 1", w.left())
				}
				w.fail(what, nil)
				w.run(h, 2*time.Hour)
				if w.left() != 0 || w.marks(0) != 1 || len(w.letters) != 1 || len(w.responses) < 1 {
					t.Errorf("%d left, %d notes, %d letters, %d responses", w.left(), w.marks(0), len(w.letters), len(w.responses))
				}
			})
		})
	}
}

// Whose token it is cannot be asked for: nobody waits for ever, and what has
// waited for something else is not given up at once. What was sent already, and
// perhaps applied, is unknown.
func TestWorkspaceNeverTold(t *testing.T) {
	t.Parallel()
	for _, lost := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, "POST", "articles", intercomtest.Config{})
			h := w.handler(nil)
			w.send(`{"payload":{"title":"before","author_id":1}}`, "")
			w.invoke(h, nil, w.receive(1)) // the client has its workspace
			w.send(`{"id":"order-1","payload":{"title":"marker:1","author_id":1}}`, "", "trace", "run-7")
			if lost { // it dies once the message is claimed
				claims := func() (n int) {
					for _, err := range w.store.List(t.Context(), "sent/") {
						if err != nil {
							t.Fatal(err)
						}
						n++
					}
					return n
				}
				for dies := 1; dies < 40 && claims() == 1; dies++ {
					l := &life{dies: dies, cancel: func() {}}
					w.invoke(w.handler(l), l, w.receive(1))
					time.Sleep(visibility)
				}
			}
			w.ws.Fault(intercomtest.Fault{Path: "/me", Effect: intercomtest.ServerError()})
			time.Sleep(48 * time.Hour)
			h = w.handler(nil)
			if w.invoke(h, nil, w.receive(1)); len(w.letters) != 0 && !lost { // which was tried often
				t.Errorf("given up at once: %+v", w.letters[0])
			}
			w.run(h, time.Hour)
			want := map[bool]publish.Outcome{false: publish.Dead, true: publish.Unknown}[lost]
			if len(w.letters) != 1 || w.left() != 0 {
				t.Fatalf("%d letters, %d left", len(w.letters), w.left())
			}
			if l := w.letters[0]; l.Outcome != want || l.ID != "order-1" || !strings.Contains(l.Reason, "given up 12h0m0s") || !strings.Contains(l.Reason, "/me") {
				t.Errorf("lost: %v, got %s %s: %s", lost, l.Outcome, l.ID, l.Reason)
			}
		})
	}
}

// A process dies between any two steps: nothing that must not be repeated is
// there twice, and nothing is lost.
func TestKilled(t *testing.T) {
	t.Parallel()
	for _, fifo := range []bool{false, true} {
		ended := false // a process that would die later has come to its end
		for dies := 1; !ended; dies++ {
			if dies == 1000 {
				t.Fatal("it never comes to its end")
			}
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, "POST", "contacts/{contact_id}/notes", intercomtest.Config{Latency: 10 * time.Millisecond})
				w.order.FIFO = fifo
				w.ws.Fault(intercomtest.Fault{Method: "POST", First: 2, Times: 1, Effect: intercomtest.Status(503, "service_unavailable", "x")})
				w.ws.Fault(intercomtest.Fault{Method: "POST", First: 3, Times: 1, After: true, Effect: intercomtest.Reset()})
				w.claims["s3://b/1"] = []byte(w.note(2, 2))
				w.send(w.note(0, 0), "a")
				w.send(w.note(0, 1), "a")
				w.send("{}", "b", "claim", "s3://b/1")
				w.send(`{"path":{"contact_id":"none"},"payload":{"body":"marker:9"}}`, "b")
				l := &life{dies: dies, cancel: func() {}}
				h := w.handler(l)
				for end := time.Now().Add(time.Hour); w.left() > 0 && !l.dead() && time.Now().Before(end); {
					if batch := w.receive(10); len(batch) > 0 {
						w.invoke(h, l, batch)
						continue
					}
					time.Sleep(time.Second)
				}
				ended = !l.dead()
				w.run(w.handler(nil), 3*time.Hour)
				for i := range 3 {
					if w.marks(i) != 1 {
						t.Errorf("fifo: %v, killed at step %d: note %d is there %d times", fifo, dies, i, w.marks(i))
					}
				}
				if w.left() != 0 || len(w.letters) == 0 {
					t.Errorf("fifo: %v, killed at step %d: %d left, %d letters", fifo, dies, w.left(), len(w.letters))
				}
				for _, letter := range w.letters {
					if !strings.Contains(string(letter.Body), "marker:9") {
						t.Errorf("fifo: %v, killed at step %d: %+v", fifo, dies, letter)
					}
				}
				if fifo {
					w.inOrder(t, 0, 1)
				}
			})
		}
	}
}

// An article cannot be looked up: killed after it was sent, it is unknown and
// never sent again.
func TestKilledUnknown(t *testing.T) {
	t.Parallel()
	unknown := 0
	for dies := 1; dies < 40; dies++ {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, "POST", "articles", intercomtest.Config{})
			w.send(`{"payload":{"title":"marker:1","author_id":1}}`, "")
			l := &life{dies: dies, cancel: func() {}}
			w.invoke(w.handler(l), l, w.receive(10))
			w.run(w.handler(nil), 3*time.Hour)
			if n := w.marks(1); n > 1 || n == 0 && len(w.letters) == 0 || w.left() != 0 {
				t.Errorf("killed at step %d: %d articles, %d letters, %d left", dies, n, len(w.letters), w.left())
			}
			for _, letter := range w.letters {
				if letter.Outcome != publish.Unknown {
					t.Errorf("killed at step %d: %+v", dies, letter)
				}
				unknown++
			}
		})
	}
	if unknown == 0 {
		t.Error("no step left it unknown")
	}
}

// Whatever comes from a queue, no message is lost, and the answer is one that
// Lambda understands.
func FuzzHandle(f *testing.F) {
	f.Add(`{"Records":[{"messageId":"m1","receiptHandle":"r","body":"{}","eventSourceARN":"arn:aws:sqs:eu-west-1:1:test-stack_main_write_messages","attributes":{"SentTimestamp":"1","ApproximateReceiveCount":"1"}}]}`)
	f.Add(`{"Records":[{"messageId":"m1","body":"","eventSourceARN":"x","attributes":{"SentTimestamp":"-9e9","ApproximateReceiveCount":"999999999999"},"messageAttributes":{"id":{"dataType":"Binary","binaryValue":"/w=="},"claim":{"stringValue":"s3://"}}},{"messageId":"m1","eventSourceARN":"x"}]}`)
	f.Add(`{"Records":[{"messageId":"m1","body":"{\"path\":{\"contact_id\":\"1\"},\"payload\":{\"body\":\"x\"}}","eventSourceARN":":test-stack_main_write_messages","messageAttributes":{"group":{"stringValue":"g"},"id":{"stringValue":"i"},"trace":{"stringValue":"\u0000"}}}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		var event events.SQSEvent
		if json.Unmarshal([]byte(text), &event) != nil {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, "POST", "contacts/{contact_id}/notes", intercomtest.Config{})
			ctx, cancel := context.WithTimeout(context.Background(), timeout)
			defer cancel()
			answer, err := w.handler(nil).Handle(ctx, event)
			if got, _ := json.Marshal(answer); strings.Contains(string(got), "null") {
				t.Errorf("answered %s", got)
			}
			if err != nil {
				return
			}
			if n := len(answer.BatchItemFailures) + len(w.letters) + len(w.responses); n != len(event.Records) {
				t.Errorf("%d messages, %d failed, %d letters, %d responses", len(event.Records), len(answer.BatchItemFailures), len(w.letters), len(w.responses))
			}
		})
	})
}

// A batch as large as they come takes no longer than its slowest.
func TestLargeBatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "POST", "contacts/{contact_id}/notes", intercomtest.Config{Latency: 100 * time.Millisecond})
		const n = 1000
		for i := range n {
			w.send(w.note(i%100, i), "")
		}
		w.invoke(w.handler(nil), nil, w.receive(n))
		if w.left() != 0 {
			t.Errorf("%d left", w.left())
		}
		if log := w.logged(); strings.Count(log, "\n") != n+1 || !strings.Contains(log, fmt.Sprintf(`"done":%d`, n)) {
			t.Errorf("the log:\n%.2000s", log)
		}
	})
}
