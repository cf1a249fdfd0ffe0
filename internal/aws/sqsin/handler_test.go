package sqsin_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"intercom-connector/internal/aws/sqsin"
	"intercom-connector/internal/config"
	"intercom-connector/internal/publish"
	"intercom-connector/shared/intercom/intercomtest"
)

// Messages that go well, that have to be tried again, that are dead and that
// are garbage, in one queue: each comes to its own end.
func TestBatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "POST", "contacts/{contact_id}/notes", intercomtest.Config{})
		w.ws.Fault(intercomtest.Fault{Method: "POST", First: 2, Times: 1, Effect: intercomtest.Status(503, "service_unavailable", "x")})
		h := w.handler(nil)
		for i := range 4 {
			w.send(w.note(i, i), "", "trace", "run-7")
		}
		w.send(`{"path":{"contact_id":"none"},"payload":{"body":"marker:4"}}`, "", "trace", "run-7")
		w.send(`<html>`, "")
		batch := w.receive(10)
		answer := w.invoke(h, nil, batch)
		if len(answer.BatchItemFailures) > 1 {
			t.Errorf("%d failures: %v", len(answer.BatchItemFailures), answer)
		}
		w.run(h, time.Hour)
		for i := range 4 {
			if w.marks(i) != 1 {
				t.Errorf("note %d is there %d times", i, w.marks(i))
			}
		}
		if w.left() != 0 || len(w.letters) != 2 || len(w.responses) != 4 {
			t.Errorf("%d left, %d letters, %d responses", w.left(), len(w.letters), len(w.responses))
		}
		for _, l := range w.letters {
			if l.Reason == "" || l.Delivery.MessageID == "" || l.Outcome != publish.Dead || l.ID != l.Delivery.MessageID {
				t.Errorf("got %+v", l)
			}
		}
		if w.metrics["Published"] != 4 || w.metrics["Dead"] != 2 || w.metrics["Unknown"] != 0 || w.metrics["Paused"] != 0 {
			t.Errorf("metrics: %v", w.metrics)
		}
		log := w.logged()
		for _, want := range []string{`"msg":"batch"`, `"done":`, `"level":"WARN"`, `"delivery":"m5"`, `"trace":"run-7"`, `"request_id":"`, `"status":404`} {
			if !strings.Contains(log, want) {
				t.Errorf("the log does not have %s:\n%s", want, log)
			}
		}
		for _, secret := range []string{"marker:", token} {
			if strings.Contains(log, secret) {
				t.Errorf("the log has %s:\n%s", secret, log)
			}
		}
	})
}

// Each line about a message tells which one it is and which run has sent it:
// those of its requests, and the one that tells that it is done.
func TestLinesOfAMessage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "PUT", "contacts/{contact_id}", intercomtest.Config{})
		w.client.LogRequests = config.LogHeaders
		w.ws.Fault(intercomtest.Fault{Method: "PUT", Times: 1, Effect: intercomtest.Status(503, "service_unavailable", "x")})
		w.send(fmt.Sprintf(`{"path":{"contact_id":%q},"payload":{"name":"marker:0"}}`, w.ws.ID(intercomtest.Contacts, 0)), "", "trace", "run-7", "id", "order-1")
		w.invoke(w.handler(nil), nil, w.receive(1))
		got := map[string]int{}
		for line := range strings.Lines(w.logged()) {
			var l struct {
				Msg, Level, Method, Outcome, Trace string

				MessageID string `json:"message_id"`
				RequestID string `json:"request_id"`
				Status    int
			}
			if err := json.Unmarshal([]byte(line), &l); err != nil {
				t.Fatal(err)
			}
			if l.Msg == "batch" || l.Msg == "request" && l.Method == http.MethodGet {
				continue // of no message
			}
			if l.Trace != "run-7" || l.MessageID != "order-1" || l.RequestID == "" || strings.Count(line, `"message_id"`) != 1 {
				t.Errorf("not known whose it is: %s", line)
			}
			got[fmt.Sprintln(l.Level, l.Msg, l.Outcome, l.Status)]++
		}
		want := map[string]int{"INFO request  503\n": 1, "INFO request  200\n": 1, "INFO message done 200\n": 1}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("lines (-want +got):\n%s", diff)
		}
	})
}

// An answer without failures has an empty list, never null.
func TestAnswerIsNeverNull(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "POST", "contacts/{contact_id}/notes", intercomtest.Config{})
		w.send(w.note(0, 0), "")
		answer := w.invoke(w.handler(nil), nil, w.receive(10))
		if text, err := json.Marshal(answer); err != nil || string(text) != `{"batchItemFailures":[]}` {
			t.Errorf("got %s, %v", text, err)
		}
	})
}

// What is no event of a queue is refused as a whole, and costs nothing.
func TestForeignEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "POST", "contacts/{contact_id}/notes", intercomtest.Config{})
	h := w.handler(nil)
	for _, text := range []string{
		`{}`, `{"Records":[]}`, `{"Records":null}`, `{"subscription":"contacts"}`,
		`{"Records":[{"eventSource":"aws:s3","s3":{}}]}`,
		`{"Records":[{"messageId":"m1","eventSource":"aws:sqs"}]}`,
		`{"Records":[{"eventSourceARN":"arn:aws:sqs:eu-west-1:123456789012:x","body":"{}"}]}`,
	} {
		var event events.SQSEvent
		if err := json.Unmarshal([]byte(text), &event); err != nil {
			t.Fatal(err)
		}
		answer, err := h.Handle(t.Context(), event)
		if err == nil || !strings.Contains(err.Error(), "no event of a queue") {
			t.Errorf("%s: got %v", text, err)
		}
		if got, _ := json.Marshal(answer); string(got) != `{"batchItemFailures":[]}` {
			t.Errorf("%s: answered %s", text, got)
		}
	}
	if n := w.ws.Stats().Requests; n != 0 {
		t.Errorf("%d requests", n)
	}
}

// A message of a queue that no publisher of the client has goes back, and so do
// those of a publisher that is not enabled; others in the same event do not.
func TestQueuesOfOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "POST", "contacts/{contact_id}/notes", intercomtest.Config{})
		h := w.handler(nil)
		ours, theirs, odd := w.send(w.note(0, 0), ""), w.send(w.note(1, 1), ""), w.send(w.note(2, 2), "")
		batch := w.receive(10)
		batch[1].EventSourceARN = queueARN + "another-stack_main_write_messages"
		batch[2].EventSourceARN = "garbage"
		answer := w.invoke(h, nil, batch)
		if got := fmt.Sprint(answer.BatchItemFailures); got != fmt.Sprintf("[{%s} {%s}]", theirs.id, odd.id) || !ours.gone {
			t.Errorf("got %v", got)
		}
		if log := w.logged(); !strings.Contains(log, "queue refused") || !strings.Contains(log, "another-stack_main_write_messages") {
			t.Errorf("the log does not say so:\n%s", log)
		}
		w.order.Enabled = false
		w.send(w.note(3, 3), "")
		w.receive(10)
		time.Sleep(visibility)
		before := w.ws.Stats().Requests
		w.invoke(h, nil, w.receive(10))
		if w.left() != 3 || w.ws.Stats().Requests != before || len(w.letters) != 0 {
			t.Errorf("not enabled: %d left, %d requests, %d letters", w.left(), w.ws.Stats().Requests-before, len(w.letters))
		}
	})
}

// Whatever senders put into a message's attributes.
func TestAttributes(t *testing.T) {
	t.Parallel()
	binary := events.SQSMessageAttribute{DataType: "Binary", BinaryValue: []byte{0xff, 0}}
	for _, tt := range []struct {
		name       string
		attributes map[string]events.SQSMessageAttribute
		body       string // "" for a good one
		fifo       bool
		id, group  string // of the response or letter
		dead       string // in the reason
	}{
		{name: "none", id: "m1"},
		{name: "an id", attributes: map[string]events.SQSMessageAttribute{"id": text("order-1")}, id: "order-1"},
		{
			name: "the body's id goes first", attributes: map[string]events.SQSMessageAttribute{"id": text("order-1")},
			body: `{"id":"told","path":{"contact_id":"%s"},"payload":{"body":"x"}}`, id: "told",
		},
		{name: "a group", attributes: map[string]events.SQSMessageAttribute{"group": text("g")}, id: "m1", group: "g"},
		{name: "the queue's own group goes first", fifo: true, attributes: map[string]events.SQSMessageAttribute{"group": text("g")}, id: "m1", group: "of the queue"},
		{name: "an id that is a number", attributes: map[string]events.SQSMessageAttribute{"id": {DataType: "Number.int", StringValue: text("7").StringValue}}, id: "7"},
		{name: "an empty id", attributes: map[string]events.SQSMessageAttribute{"id": text("")}, id: "m1"},
		{name: "a binary id", attributes: map[string]events.SQSMessageAttribute{"id": binary}, id: "m1", dead: "the attribute id is not a text"},
		{name: "an id that is too long", attributes: map[string]events.SQSMessageAttribute{"id": text(strings.Repeat("x", 1025))}, id: "m1", dead: "the attribute id has 1025 bytes"},
		{name: "a binary group", attributes: map[string]events.SQSMessageAttribute{"group": binary}, id: "m1", dead: "the attribute group is not a text"},
		{name: "attributes of others", attributes: map[string]events.SQSMessageAttribute{"trace": binary, "AWSTraceHeader": text("x"), "blob": binary}, id: "m1"},
		{name: "a claim that is no address", attributes: map[string]events.SQSMessageAttribute{"claim": text("https://evil.test/")}, id: "m1", dead: "the attribute claim is not the s3:// address"},
		{name: "a binary claim", attributes: map[string]events.SQSMessageAttribute{"claim": binary}, id: "m1", dead: "the attribute claim is not a text"},
		{name: "an empty body", body: " ", id: "m1", dead: "empty"},
		{name: "binary in the body", body: "\xff\x00", id: "m1", dead: "UTF-8"},
		{name: "a body that is a list", body: "[1]", id: "m1", dead: "not a JSON object"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, "POST", "contacts/{contact_id}/notes", intercomtest.Config{})
				w.order.FIFO = tt.fifo
				body := w.note(0, 0)
				if tt.body != "" {
					body = strings.ReplaceAll(tt.body, "%s", w.ws.ID(intercomtest.Contacts, 0))
				}
				group := ""
				if tt.fifo {
					group = "of the queue"
				}
				w.send(body, group).attributes = tt.attributes
				w.invoke(w.handler(nil), nil, w.receive(10))
				if tt.dead == "" {
					if len(w.responses) != 1 || w.responses[0].ID != tt.id || w.responses[0].Group != tt.group {
						t.Errorf("got %+v, letters %+v", w.responses, w.letters)
					}
					return
				}
				if len(w.letters) != 1 || w.letters[0].ID != tt.id || !strings.Contains(w.letters[0].Reason, tt.dead) || w.left() != 0 {
					t.Errorf("got %+v, responses %+v", w.letters, w.responses)
				}
				if len(w.letters) == 1 && string(w.letters[0].Body) != body {
					t.Errorf("the letter's body is %q, want %q", w.letters[0].Body, body)
				}
			})
		})
	}
}

// A body that lies elsewhere is fetched, waited for, or its absence a reason.
func TestClaims(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "POST", "contacts/{contact_id}/notes", intercomtest.Config{})
		w.claims["s3://b/claims/1"] = []byte(w.note(0, 0))
		w.missing["s3://b/claims/2"] = true
		w.claims["s3://b/claims/3"] = []byte("garbage")
		for i := range 3 {
			w.send("{}", "", "claim", fmt.Sprint("s3://b/claims/", i+1))
		}
		h := w.handler(nil)
		w.fail("claims", errors.New("slow down"))
		if answer := w.invoke(h, nil, w.receive(10)); len(answer.BatchItemFailures) != 3 {
			t.Errorf("while they cannot be had: %v", answer)
		}
		w.fail("claims", nil)
		w.run(h, time.Hour)
		if w.marks(0) != 1 || len(w.letters) != 2 || w.left() != 0 {
			t.Fatalf("%d notes, %d letters, %d left", w.marks(0), len(w.letters), w.left())
		}
		for _, l := range w.letters {
			switch l.Delivery.Claim {
			case "s3://b/claims/2":
				if l.Body != nil || !strings.Contains(l.Reason, "there is nothing at this address") {
					t.Errorf("got %+v", l)
				}
			case "s3://b/claims/3":
				if string(l.Body) != "garbage" {
					t.Errorf("got %+v", l)
				}
			}
		}
		// Nobody waits for ever.
		w.fail("claims", errors.New("slow down"))
		w.send("{}", "", "claim", "s3://b/claims/1")
		w.run(h, 13*time.Hour)
		if w.left() != 0 || len(w.letters) != 3 || !strings.Contains(w.letters[2].Reason, "given up 12h0m0s") {
			t.Errorf("%d left, %d letters", w.left(), len(w.letters))
		}
	})
}

// In a FIFO queue a message that cannot be had for now holds up its group, and
// no other.
func TestClaimsFIFO(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "POST", "contacts/{contact_id}/notes", intercomtest.Config{})
		w.order.FIFO = true
		w.claims["s3://b/claims/1"] = []byte(w.note(0, 1))
		w.send(w.note(0, 0), "a")
		w.send("{}", "a", "claim", "s3://b/claims/1")
		w.send(w.note(0, 2), "a")
		w.send(w.note(1, 3), "b")
		h := w.handler(nil)
		w.fail("claims", errors.New("slow down"))
		answer := w.invoke(h, nil, w.receive(10))
		if got := fmt.Sprint(answer.BatchItemFailures); got != "[{m2} {m3}]" {
			t.Errorf("got %s", got)
		}
		w.fail("claims", nil)
		w.run(h, time.Hour)
		w.inOrder(t, 0, 1, 2)
		if w.left() != 0 || w.marks(3) != 1 {
			t.Errorf("%d left", w.left())
		}
	})
}

// inOrder checks that notes were applied once each, in this order.
func (w *world) inOrder(t *testing.T, marks ...int) {
	t.Helper()
	at := -1
	for _, n := range marks {
		all := w.ws.Marked(fmt.Sprintf("marker:%d", n))
		if len(all) != 1 {
			t.Errorf("marker %d is there %d times", n, len(all))
			continue
		}
		if all[0].Number < at {
			t.Errorf("marker %d came too early", n)
		}
		at = all[0].Number
	}
}

// In a FIFO queue a failure takes the rest of its group back, in order, and
// leaves the other groups alone; a dead message holds up nobody.
func TestFIFO(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "PUT", "contacts/{contact_id}", intercomtest.Config{})
		w.order.FIFO = true
		update := func(contact, n int) string {
			return fmt.Sprintf(`{"path":{"contact_id":%q},"payload":{"name":"marker:%d"}}`, w.ws.ID(intercomtest.Contacts, contact), n)
		}
		var a, b []int
		for i := range 6 {
			a, b = append(a, 2*i), append(b, 2*i+1)
			w.send(update(0, 2*i), "a")
			w.send(update(1, 2*i+1), "b")
		}
		w.send(`{"path":{"contact_id":"none"},"payload":{"name":"x"}}`, "a")
		w.send(update(0, 100), "a")
		w.ws.Fault(intercomtest.Fault{Method: "PUT", Path: "/contacts/{contact_id}", First: 3, Times: 12, Effect: intercomtest.ServerError()})
		h := w.handler(nil)
		w.run(h, 6*time.Hour)
		w.inOrder(t, append(a, 100)...)
		w.inOrder(t, b...)
		if w.left() != 0 || len(w.letters) != 1 {
			t.Errorf("%d left, %d letters", w.left(), len(w.letters))
		}
	})
}

func TestNew(t *testing.T) {
	t.Parallel()
	_, err := sqsin.New(sqsin.Config{})
	for _, want := range []string{"client", "API", "store", "SQS", "claims", "mappings", "metrics", "outlets", "stack"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
}

// Whose token it is gets asked once, and once more for another token.
func TestAskedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "POST", "contacts/{contact_id}/notes", intercomtest.Config{})
		h := w.handler(nil)
		for i := range 6 {
			if i == 3 {
				w.safe.revoke(token)
				w.safe.put("another")
			}
			w.send(w.note(0, i), "")
			w.invoke(h, nil, w.receive(1))
		}
		if n := w.ws.Stats().ByOperation["GET /me"]; n != 2 || w.left() != 0 {
			t.Errorf("asked %d times, want 2; %d left", n, w.left())
		}
	})
}

// The more often a message was handed out, the longer it stays away.
func TestBackoff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "POST", "contacts/{contact_id}/notes", intercomtest.Config{})
		w.fail("store", errors.New("throttled"))
		m := w.send(w.note(0, 0), "")
		h := w.handler(nil)
		var got []float64
		for range 12 {
			w.invoke(h, nil, w.receive(1))
			got = append(got, time.Until(m.visible).Seconds())
			time.Sleep(time.Until(m.visible))
		}
		if want := []float64{1, 2, 3, 6, 12, 24, 48, 96, 192, 384, 675, 675}; !slices.Equal(got, want) {
			t.Errorf("hidden for %v s, want %v", got, want)
		}
	})
}
