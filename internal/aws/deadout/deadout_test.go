package deadout_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"intercom-connector/internal/aws/deadout"
	"intercom-connector/internal/aws/queues"
	"intercom-connector/internal/publish"
)

const url = "https://sqs.test/1/dead"

// A queue takes what SQS takes, and refuses the rest.
type queue struct {
	fifo bool
	all  []queues.Message
	seen map[string]bool // deduplication ids
	err  error
}

func (q *queue) Send(_ context.Context, to queues.Address, m queues.Message) error {
	if q.err != nil {
		return q.err
	}
	if to.URL != url {
		return fmt.Errorf("sent to %s", to.URL)
	}
	if err := q.check(&m); err != nil {
		return err
	}
	if q.fifo {
		if q.seen[m.Deduplication] {
			return nil
		}
		if q.seen == nil {
			q.seen = map[string]bool{}
		}
		q.seen[m.Deduplication] = true
	}
	q.all = append(q.all, m)
	return nil
}

func (q *queue) check(m *queues.Message) error {
	total := len(m.Body)
	texts := []string{m.Body}
	if len(m.Attributes) > 10 {
		return fmt.Errorf("%d attributes", len(m.Attributes))
	}
	for name, value := range m.Attributes {
		total += len(name) + len("String") + len(value)
		texts = append(texts, value)
	}
	if total > 1_048_576 {
		return fmt.Errorf("%d bytes", total)
	}
	for _, text := range texts {
		if text == "" || !utf8.ValidString(text) {
			return fmt.Errorf("%.20q is empty or not UTF-8", text)
		}
		for _, r := range text {
			ok := r == 0x9 || r == 0xA || r == 0xD || r >= 0x20 && r <= 0xD7FF || r >= 0xE000 && r <= 0xFFFD || r >= 0x10000
			if !ok {
				return fmt.Errorf("%q is not allowed", r)
			}
		}
	}
	if q.fifo != (m.Group != "" && m.Deduplication != "") {
		return errors.New("a group and a deduplication id are for FIFO queues, and they must have them")
	}
	for _, name := range []string{m.Group, m.Deduplication} {
		if len(name) > 128 || strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~") != "" {
			return fmt.Errorf("%q is no group", name)
		}
	}
	return nil
}

// attributes are those of the last message.
func (q *queue) attributes() map[string]string { return q.all[len(q.all)-1].Attributes }

// A shelf keeps large bodies.
type shelf struct {
	bodies [][]byte
	err    error
}

func (s *shelf) Put(_ context.Context, _ string, body []byte, _ string) (string, error) {
	if s.err != nil {
		return "", s.err
	}
	s.bodies = append(s.bodies, body)
	return fmt.Sprintf("s3://bucket/claims/%d", len(s.bodies)), nil
}

func newQueue(tb testing.TB, fifo bool) (*deadout.Queue, *queue, *shelf) {
	tb.Helper()
	q, s := &queue{fifo: fifo}, &shelf{}
	d, err := deadout.New(deadout.Config{SQS: q, QueueURL: url, FIFO: fifo, Claims: s})
	if err != nil {
		tb.Fatal(err)
	}
	return d, q, s
}

func letter() publish.DeadLetter {
	body := []byte(`{"path":{"contact_id":"1"},"payload":{"body":"Hello"}}`)
	return publish.DeadLetter{
		Publisher: "archive-note", ID: "order-1", Group: "told", Body: body, Reason: "422: the body is too short",
		Outcome: publish.Dead, Status: 422, Code: "parameter_invalid", RequestID: "req-1",
		Time:     time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
		Delivery: publish.Delivery{Body: body, MessageID: "11111111-2222-3333-4444-555555555555"},
	}
}

func TestPut(t *testing.T) {
	t.Parallel()
	everything := map[string]string{
		"id": "order-1", "group": "told", "reason": "422: the body is too short", "outcome": "dead", "status": "422",
		"code": "parameter_invalid", "request_id": "req-1", "message_id": "11111111-2222-3333-4444-555555555555",
		"time": "2026-03-01T12:00:00Z", "publisher": "archive-note",
	}
	for _, tt := range []struct {
		name    string
		change  func(l *publish.DeadLetter)
		want    map[string]string // what is different; "" for what is left out
		body    string            // "" for the letter's
		claimed int
	}{
		{"everything is known", func(*publish.DeadLetter) {}, nil, "", 0},
		{"never sent", func(l *publish.DeadLetter) {
			l.Status, l.Code, l.RequestID, l.Group = 0, "", "", ""
		}, map[string]string{"status": "", "code": "", "request_id": "", "group": ""}, "", 0},
		{"unknown", func(l *publish.DeadLetter) { l.Outcome = publish.Unknown }, map[string]string{"outcome": "unknown"}, "", 0},
		{"the queue's group goes first", func(l *publish.DeadLetter) { l.Delivery.Group = "of the queue" }, map[string]string{"group": "of the queue"}, "", 0},
		{"garbage", func(l *publish.DeadLetter) { l.Body = []byte("<html>") }, nil, "<html>", 0},
		{"a reason of several lines", func(l *publish.DeadLetter) { l.Reason = "one\ntwo\x00\ufffe\xff " }, map[string]string{"reason": "one two  \ufffd"}, "", 0},
		{"an id that SQS does not take", func(l *publish.DeadLetter) { l.ID = "a\x00b" }, map[string]string{"id": ""}, "", 0},
		{"a group that SQS does not take", func(l *publish.DeadLetter) { l.Group = "a\uffffb" }, map[string]string{"group": ""}, "", 0},
		{"as large as it can be", func(l *publish.DeadLetter) { l.Body = bytes.Repeat([]byte("x"), 1<<20-330) }, nil, "", 0},
		{
			"too large", func(l *publish.DeadLetter) { l.Body = bytes.Repeat([]byte("x"), 1<<20) },
			map[string]string{"publisher": "", "claim": "s3://bucket/claims/1"},
			"{}", 1,
		},
		{
			"no text", func(l *publish.DeadLetter) { l.Body = []byte("a\x00b") },
			map[string]string{"publisher": "", "claim": "s3://bucket/claims/1"},
			"{}", 1,
		},
		{"too large, and came by claim check", func(l *publish.DeadLetter) {
			l.Body, l.Delivery.Claim = bytes.Repeat([]byte("x"), 1<<20), "s3://bucket/claims/first"
		}, map[string]string{"publisher": "", "claim": "s3://bucket/claims/first"}, "{}", 0},
		{"came by claim check, and fits", func(l *publish.DeadLetter) { l.Delivery.Claim = "s3://bucket/claims/first" }, nil, "", 0},
		{"came by claim check, and cannot be had", func(l *publish.DeadLetter) {
			l.Body, l.Delivery.Claim = nil, "s3://bucket/claims/first"
		}, map[string]string{"publisher": "", "claim": "s3://bucket/claims/first"}, "{}", 0},
	} {
		for _, fifo := range []bool{false, true} {
			t.Run(fmt.Sprint(tt.name, ", fifo: ", fifo), func(t *testing.T) {
				t.Parallel()
				d, q, s := newQueue(t, fifo)
				l := letter()
				tt.change(&l)
				if err := d.Put(t.Context(), l); err != nil {
					t.Fatal(err)
				}
				want := map[string]string{}
				for name, value := range everything {
					if value, changed := tt.want[name]; changed && value == "" {
						continue
					}
					want[name] = value
				}
				for name, value := range tt.want {
					if value != "" {
						want[name] = value
					}
				}
				if diff := cmp.Diff(want, q.attributes()); diff != "" {
					t.Errorf("attributes (-want +got):\n%s", diff)
				}
				body := tt.body
				if body == "" {
					body = string(l.Body)
				}
				if got := q.all[0].Body; got != body {
					t.Errorf("body of %d bytes, want %d: %.40q", len(got), len(body), got)
				}
				if len(s.bodies) != tt.claimed || tt.claimed > 0 && !bytes.Equal(s.bodies[0], l.Body) {
					t.Errorf("%d bodies are kept elsewhere, want %d", len(s.bodies), tt.claimed)
				}
			})
		}
	}
}

// A letter that is put twice for one delivery is one; each that dies again is
// another, and none holds up those beside it.
func TestPutFIFO(t *testing.T) {
	t.Parallel()
	d, q, _ := newQueue(t, true)
	put := func(messageID, reason string) {
		l := letter()
		l.Delivery.MessageID, l.Delivery.Group, l.Reason, l.Time = messageID, "g", reason, time.Now()
		if err := d.Put(t.Context(), l); err != nil {
			t.Fatal(err)
		}
	}
	put("m1", "422")
	put("m1", "422") // it could not be acknowledged
	put("m2", "422") // sent again by hand
	put("m1", "given up")
	if len(q.all) != 3 {
		t.Fatalf("%d letters, want 3", len(q.all))
	}
	if q.attributes()["group"] != "g" {
		t.Errorf("the group is %q", q.attributes()["group"])
	}
	if a, b := q.all[0].Group, q.all[1].Group; a == b {
		t.Errorf("two letters are in one group, %q", a)
	}
}

func TestPutFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	d, q, s := newQueue(t, false)
	q.err = broken
	if err := d.Put(t.Context(), letter()); !errors.Is(err, broken) {
		t.Errorf("the queue: got %v", err)
	}
	q.err, s.err = nil, broken
	l := letter()
	l.Body = bytes.Repeat([]byte("x"), 1<<20)
	if err := d.Put(t.Context(), l); !errors.Is(err, broken) || len(q.all) != 0 {
		t.Errorf("the bucket: got %v, %d letters", err, len(q.all))
	}
}

func TestNew(t *testing.T) {
	t.Parallel()
	_, err := deadout.New(deadout.Config{})
	for _, want := range []string{"SQS", "URL", "too large"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
}

// Whatever a message and its end look like, SQS takes the letter, and an id
// that it carries is the one to the byte.
func FuzzPut(f *testing.F) {
	f.Add([]byte(`{}`), "id", "group", "reason", "code", "m1", true)
	f.Add([]byte("\x00"), "\x00", "\xff", strings.Repeat("é", 2000), "\ufffe", "", false)
	f.Add([]byte(""), "", "", "", "", strings.Repeat("x", 200), true)
	f.Fuzz(func(t *testing.T, body []byte, id, group, reason, code, messageID string, fifo bool) {
		if len(id) > 1024 || len(group) > 1024 {
			return
		}
		d, q, _ := newQueue(t, fifo)
		l := letter()
		l.Body, l.ID, l.Group, l.Reason, l.Code, l.Delivery.MessageID = body, id, group, reason, code, messageID
		if err := d.Put(t.Context(), l); err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]string{"id": id, "group": group} {
			if got, there := q.attributes()[name]; there && got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
	})
}
