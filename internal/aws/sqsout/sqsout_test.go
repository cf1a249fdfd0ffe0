package sqsout_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"intercom-connector/internal/aws/sqsout"
	"intercom-connector/internal/event"
	"intercom-connector/internal/names"
	"intercom-connector/internal/outbox"
	"intercom-connector/internal/publish"
	"intercom-connector/internal/subscribe"
)

// contact is the event of a contact.
func contact(id, subject, data string) event.Event {
	return event.Event{
		ID: id, Source: "intercom:ab12cd34", Type: "intercom.contacts.upserted", Subject: subject,
		Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Data: []byte(data), Run: "gppqdk4c67",
	}
}

// desk keeps claims in memory.
type desk struct {
	claims map[string]string
	err    error
}

func (d *desk) Put(_ context.Context, id string, body []byte, contentType string) (string, error) {
	if d.err != nil {
		return "", d.err
	}
	if d.claims == nil {
		d.claims = map[string]string{}
	}
	address := "s3://stack/claims/" + id
	d.claims[address] = contentType + " " + string(body)
	return address, nil
}

func deliver(t *testing.T, box *outbox.Box, events ...event.Event) {
	t.Helper()
	if err := box.Deliver(t.Context(), events); err != nil {
		t.Fatal(err)
	}
	if err := box.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, queue  string
		group, dedup string
	}{
		{"standard", "q", "", ""},
		{"FIFO", "q.fifo", "c1", "e1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			box := sqsout.NewEvents(sqsout.Config{API: s.client(), Queue: sqsout.Own("https://sqs.test/1/", tt.queue)})
			e := contact("e1", "c1", `{"id":"c1"}`)
			deliver(t, box, e)
			got := s.taken[0]
			if want := string(e.AppendJSON(nil)); got.Body != want {
				t.Errorf("body\n%s\nwant\n%s", got.Body, want)
			}
			if got.Group != tt.group || got.Dedup != tt.dedup || got.attribute(names.AttributeTrace) != "gppqdk4c67" || len(got.Attributes) != 1 {
				t.Errorf("got %+v", got)
			}
			if got, want := s.requests[0].QueueURL, "https://sqs.test/1/"+tt.queue; got != want {
				t.Errorf("queue %s, want %s", got, want)
			}
		})
	}
}

func TestMessages(t *testing.T) {
	t.Parallel()
	events := []event.Event{
		contact("e1", "c1", `{"id":"c1"}`),
		contact("e2", "", `"x"`),
		{ID: "e3", Data: []byte("a \"text\""), ContentType: "text/plain"},
		{ID: "e4"},
	}
	for _, queue := range []string{"q", "q.fifo"} {
		t.Run(queue, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			deliver(t, sqsout.NewMessages(sqsout.Config{API: s.client(), Queue: sqsout.Own("https://sqs.test/1/", queue)}), events...)
			slices.SortFunc(s.taken, func(a, b entry) int { return strings.Compare(a.ID, b.ID) })
			var got []string
			for _, e := range s.taken {
				got = append(got, fmt.Sprintf("%s id=%s group=%s trace=%s %d fifo=%s/%s", e.Body, e.attribute(names.AttributeID),
					e.attribute(names.AttributeGroup), e.attribute(names.AttributeTrace), len(e.Attributes), e.Group, e.Dedup))
			}
			want := []string{
				`{"id":"c1"} id=e1 group=c1 trace=gppqdk4c67 3 fifo=c1/e1`,
				`"x" id=e2 group= trace=gppqdk4c67 2 fifo=e2/e2`,
				`"a \"text\"" id=e3 group= trace= 1 fifo=e3/e3`,
				`null id=e4 group= trace= 1 fifo=e4/e4`,
			}
			if queue == "q" {
				for i := range want {
					want[i] = want[i][:strings.Index(want[i], "fifo=")] + "fifo=/"
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// A batch has ten messages and 1 MiB at the most, attributes included.
func TestBatches(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	box := sqsout.NewMessages(sqsout.Config{API: s.client(), Queue: sqsout.Queue{URL: "u"}})
	var events []event.Event
	for i := range 105 {
		events = append(events, contact(fmt.Sprintf("e%03d", i), fmt.Sprintf("c%03d", i), `"`+strings.Repeat("x", 100+i%7*60_000)+`"`))
	}
	deliver(t, box, events...)
	for _, r := range s.requests {
		if size := sizeOf(r.Entries); len(r.Entries) > 10 || size > 1<<20 {
			t.Errorf("%d messages, %d bytes", len(r.Entries), size)
		}
	}
	if len(s.taken) != 105 || len(s.requests) > 40 {
		t.Errorf("%d messages in %d batches", len(s.taken), len(s.requests))
	}
}

// sizeOf is the size of messages as SQS counts it.
func sizeOf(entries []entry) int {
	size := 0
	for _, e := range entries {
		size += len(e.Body)
		for name, a := range e.Attributes {
			size += len(name) + len(a.DataType) + len(a.StringValue)
		}
	}
	return size
}

// What is a byte too large is left in the bucket, and what is not is not.
func TestClaimCheck(t *testing.T) {
	t.Parallel()
	const most = 1 << 20
	sized := func(n int) event.Event { return contact("e1", "c1", `"`+strings.Repeat("x", n-2)+`"`) }
	empty := sized(2)
	trace := len(names.AttributeTrace+"String") + len(empty.Run)
	fits := most - len(empty.AppendJSON(nil)) + 2 - trace
	fitsMessage := most - trace - len(names.AttributeID+"String"+"e1"+names.AttributeGroup+"String"+"c1")
	for _, tt := range []struct {
		name     string
		make     func(sqsout.Config) *outbox.Box
		event    event.Event
		body     string // "" for the whole event, or its data
		claim    string // the attribute
		left     string // the beginning of what was left
		leftSize int
	}{
		{"event that fits", sqsout.NewEvents, sized(fits), "", "", "", 0},
		{
			"event that does not", sqsout.NewEvents, sized(fits + 1),
			`{"specversion":"1.0","id":"e1","source":"intercom:ab12cd34","type":"intercom.contacts.upserted","subject":"c1","time":"2026-01-02T03:04:05Z","datacontenttype":"application/json","dataref":"s3://stack/claims/e1"}`,
			"", `application/json "xxx`, fits + 1,
		},
		{"message that fits", sqsout.NewMessages, sized(fitsMessage), "", "", "", 0},
		{"message that does not", sqsout.NewMessages, sized(fitsMessage + 1), "{}", "s3://stack/claims/e1", `application/json "xxx`, fitsMessage + 1},
		{
			"text event", sqsout.NewEvents,
			event.Event{ID: "e1", Data: []byte(strings.Repeat("x\n", most)), ContentType: "text/plain"},
			`{"specversion":"1.0","id":"e1","source":"","type":"","datacontenttype":"text/plain","dataref":"s3://stack/claims/e1"}`,
			"", "text/plain x\n", 2 * most,
		},
		{
			"text message", sqsout.NewMessages,
			event.Event{ID: "e1", Data: []byte(strings.Repeat("x\n", most)), ContentType: "text/plain"},
			"{}", "s3://stack/claims/e1", `application/json "x\nx`, 3*most + 2,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, d := newServer(t), &desk{}
			deliver(t, tt.make(sqsout.Config{API: s.client(), Queue: sqsout.Queue{URL: "u"}, Claims: d}), tt.event)
			got := s.taken[0]
			if sizeOf(s.taken) > most {
				t.Errorf("%d bytes", sizeOf(s.taken))
			}
			if tt.body != "" && got.Body != tt.body || got.attribute(names.AttributeClaim) != tt.claim {
				t.Errorf("sent %.300s with claim %q", got.Body, got.attribute(names.AttributeClaim))
			}
			left := d.claims["s3://stack/claims/e1"]
			contentType, body, _ := strings.Cut(left, " ")
			if !strings.HasPrefix(left, tt.left) || tt.leftSize != len(body) || tt.left == "" && left != "" {
				t.Errorf("left %q, %d bytes: %.20s", contentType, len(body), body)
			}
		})
	}
}

func TestTooLarge(t *testing.T) {
	t.Parallel()
	errBroken := errors.New("broken")
	large := contact("e2", "c2", `"`+strings.Repeat("x", 1<<20)+`"`)
	for _, tt := range []struct {
		name    string
		claims  sqsout.Claims
		event   event.Event
		refused bool
		err     error
	}{
		{"no bucket", nil, large, true, nil},
		{"without its data, too", &desk{}, contact("e2", strings.Repeat("s", 1<<20), `{}`), true, nil},
		{"the bucket is broken", &desk{err: errBroken}, large, false, errBroken},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			box := sqsout.NewEvents(sqsout.Config{API: s.client(), Queue: sqsout.Queue{URL: "u"}, Claims: tt.claims})
			err := box.Deliver(t.Context(), []event.Event{contact("e1", "c1", "{}"), tt.event})
			refused, is := errors.AsType[*subscribe.RefusedError](err)
			if is != tt.refused || tt.err != nil && !errors.Is(err, tt.err) {
				t.Fatalf("got %v", err)
			}
			if tt.refused && (len(refused.Refused) != 1 || refused.Refused[1] == nil) {
				t.Errorf("refused %v", refused.Refused)
			}
			if err := box.Flush(t.Context()); err != nil || len(s.taken) != 1 {
				t.Errorf("%v, %d taken", err, len(s.taken))
			}
		})
	}
}

// SQS takes letters, digits and punctuation for a group, 128 of them, and two
// characters of JSON not at all.
func TestWhatSQSDoesNotTake(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	box := sqsout.NewEvents(sqsout.Config{API: s.client(), Queue: sqsout.Own("u/", "q.fifo")})
	subjects := []string{"plain-1", "a b", "é", strings.Repeat("x", 128), strings.Repeat("x", 129), "", "line\nbreak", "nul\x00"}
	for i, subject := range subjects {
		deliver(t, box, contact("e"+strconv.Itoa(i), subject, "[\"\uFFFE\",\"\uFFFF\uFFFD\",\"\U0001F600\"]"))
	}
	seen := map[string]string{}
	for i, e := range s.taken {
		subject := subjects[i]
		if e.Group == "" || len(e.Group) > 128 || strings.ContainsFunc(e.Group, func(r rune) bool { return r <= ' ' || r > '~' }) {
			t.Errorf("subject %q: group %q", subject, e.Group)
		}
		if other, ok := seen[e.Group]; ok {
			t.Errorf("%q and %q share a group", subject, other)
		}
		seen[e.Group] = subject
		if strings.ContainsAny(e.Body, "\uFFFE\uFFFF") || !strings.Contains(e.Body, `"\ufffe","\uffff`+"\uFFFD\",\"\U0001F600\"") {
			t.Errorf("body %q", e.Body)
		}
		got, err := event.Parse([]byte(e.Body))
		if err != nil || got.Subject != subject {
			t.Errorf("%q: %v", got.Subject, err)
		}
	}
	if s.taken[0].Group != "plain-1" || s.taken[5].Group != "no-subject" {
		t.Errorf("groups %q and %q", s.taken[0].Group, s.taken[5].Group)
	}
}

func TestTrouble(t *testing.T) {
	t.Parallel()
	first := func(status int, code string, times int) func(*request, int) (int, string) {
		return func(_ *request, n int) (int, string) {
			if n <= times {
				return status, code
			}
			return 0, ""
		}
	}
	for _, tt := range []struct {
		name    string
		set     func(*server)
		refused []string // ids
		err     string   // a part of it
		taken   int      // at least
	}{
		{"taken in part", func(s *server) {
			s.fail = func(e *entry, n int) *failure {
				if n == 1 && strings.Contains(e.Body, `"e1"`) {
					return &failure{"InternalError", false}
				}
				return nil
			}
		}, nil, "", 5},
		{"one is left out of the answer", func(s *server) {
			s.fail = func(e *entry, n int) *failure {
				if n == 1 && strings.Contains(e.Body, `"e1"`) {
					return &failure{}
				}
				return nil
			}
		}, nil, "", 5},
		{"one is refused", func(s *server) {
			s.fail = func(e *entry, _ int) *failure {
				if strings.Contains(e.Body, `"e1"`) {
					return &failure{"InvalidMessageContents", true}
				}
				return nil
			}
		}, []string{"c1"}, "", 4},
		{"the batch is refused because of one", func(s *server) {
			s.answer = func(r *request, _ int) (int, string) {
				for _, e := range r.Entries {
					if strings.Contains(e.Body, `"e3"`) {
						return 400, "InvalidMessageContents"
					}
				}
				return 0, ""
			}
		}, []string{"c3"}, "", 4},
		{"the batch is too long after all", func(s *server) {
			s.answer = func(r *request, _ int) (int, string) {
				if len(r.Entries) > 1 {
					return 400, "BatchRequestTooLong"
				}
				return 0, ""
			}
		}, nil, "", 5},
		{"throttled", func(s *server) { s.answer = first(400, "RequestThrottled", 3) }, nil, "", 5},
		{"one is throttled by the key", func(s *server) {
			s.fail = func(_ *entry, n int) *failure {
				if n == 1 {
					return &failure{"KmsThrottled", true}
				}
				return nil
			}
		}, nil, "", 5},
		{"503", func(s *server) { s.answer = first(503, "ServiceUnavailable", 3) }, nil, "", 5},
		{"lost answer", func(s *server) { s.lose = func(n int) bool { return n == 1 } }, nil, "", 5},
		{"may not", func(s *server) { s.answer = first(403, "AccessDeniedException", 1000) }, nil, "AccessDenied", 0},
		{"no such queue", func(s *server) { s.answer = first(400, "QueueDoesNotExist", 1000) }, nil, "QueueDoesNotExist", 0},
		{"may not use the key", func(s *server) {
			s.fail = func(*entry, int) *failure { return &failure{"KmsAccessDenied", true} }
		}, nil, "KmsAccessDenied", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			tt.set(s)
			box := sqsout.NewEvents(sqsout.Config{API: s.client(), Queue: sqsout.Own("u/", "q"), Random: func() float64 { return 0 }})
			var events []event.Event
			for i := range 5 {
				events = append(events, contact("e"+strconv.Itoa(i), "c"+strconv.Itoa(i), "{}"))
			}
			if err := box.Deliver(t.Context(), events); err != nil {
				t.Fatal(err)
			}
			err := box.Flush(t.Context())
			var refused []string
			if r, ok := errors.AsType[*subscribe.RefusedError](err); ok {
				for _, refusal := range r.Earlier {
					refused = append(refused, refusal.ID)
				}
				err = nil
			}
			if diff := cmp.Diff(tt.refused, refused); diff != "" {
				t.Errorf("refused (-want +got)\n%s", diff)
			}
			if (tt.err == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("got %v", err)
			}
			if len(s.taken) < tt.taken {
				t.Errorf("%d taken", len(s.taken))
			}
			if tt.err != "" && len(s.requests) > 2 {
				t.Errorf("%d requests for what nobody mends by asking", len(s.requests))
			}
		})
	}
}

// A FIFO queue gets the changes of a record in their order, whatever fails.
func TestFIFOKeepsOrder(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.fail = func(e *entry, n int) *failure {
		if n%3 == 1 && strings.Contains(e.Body, `"seq":"`+strconv.Itoa(n%2)) {
			return &failure{"InternalError", false}
		}
		return nil
	}
	s.answer = func(_ *request, n int) (int, string) {
		if n%7 == 0 {
			return 503, "ServiceUnavailable"
		}
		return 0, ""
	}
	box := sqsout.NewEvents(sqsout.Config{API: s.client(), Queue: sqsout.Own("u/", "q.fifo"), Random: func() float64 { return 0 }})
	var events []event.Event
	for i := range 200 {
		events = append(events, contact(fmt.Sprint(i), "c"+strconv.Itoa(i%7), fmt.Sprintf(`{"seq":"%d%03d"}`, i%2, i)))
	}
	for page := range slices.Chunk(events, 30) {
		if err := box.Deliver(t.Context(), page); err != nil {
			t.Fatal(err)
		}
	}
	if err := box.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	last := map[string]int{}
	for _, e := range s.taken {
		n, err := strconv.Atoi(e.Dedup)
		if err != nil || n <= last[e.Group] && n >= 7 {
			t.Errorf("%d after %d in %s", n, last[e.Group], e.Group)
		}
		last[e.Group] = n
	}
	if len(s.taken) != 200 {
		t.Errorf("%d taken", len(s.taken))
	}
}

func TestQueues(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		arn  string
		want sqsout.Queue
	}{
		{"arn:aws:sqs:us-east-1:123456789012:orders", sqsout.Queue{URL: "https://sqs.us-east-1.amazonaws.com/123456789012/orders", Region: "us-east-1"}},
		{"arn:aws:sqs:eu-west-1:123456789012:orders.fifo", sqsout.Queue{URL: "https://sqs.eu-west-1.amazonaws.com/123456789012/orders.fifo", Region: "eu-west-1", FIFO: true}},
		{"arn:aws-cn:sqs:cn-north-1:123456789012:q", sqsout.Queue{URL: "https://sqs.cn-north-1.amazonaws.com.cn/123456789012/q", Region: "cn-north-1"}},
		{"arn:aws:sns:us-east-1:123456789012:topic", sqsout.Queue{}},
		{"arn:aws:sqs:us-east-1::q", sqsout.Queue{}},
		{"https://sqs.eu-west-1.amazonaws.com/1/q", sqsout.Queue{}},
	} {
		got, err := sqsout.ByARN(tt.arn)
		if got != tt.want || (err == nil) != (tt.want.URL != "") {
			t.Errorf("%s: got %+v, %v", tt.arn, got, err)
		}
	}
	s := newServer(t)
	queue, err := sqsout.ByARN("arn:aws:sqs:ap-southeast-2:123456789012:q")
	if err != nil {
		t.Fatal(err)
	}
	deliver(t, sqsout.NewEvents(sqsout.Config{API: s.client(), Queue: queue}), contact("e", "c", "{}"))
	deliver(t, sqsout.NewEvents(sqsout.Config{API: s.client(), Queue: sqsout.Own("u/", "q")}), contact("e", "c", "{}"))
	if diff := cmp.Diff([]string{"ap-southeast-2", "eu-west-1"}, s.regions); diff != "" {
		t.Errorf("regions (-want +got)\n%s", diff)
	}
}

func TestResponses(t *testing.T) {
	t.Parallel()
	large := json.RawMessage(`"` + strings.Repeat("x", 1<<20) + `"`)
	for _, tt := range []struct {
		name, queue string
		result      publish.Result
		want        string // of the body, after the time
		group       string
	}{
		{
			"standard", "q",
			publish.Result{ID: "a 1", Outcome: publish.Done, Answer: json.RawMessage(`{"id":"1"}`)},
			`"id":"a 1","outcome":"done","answer":{"id":"1"}}`, "",
		},
		{
			"FIFO", "q.fifo",
			publish.Result{ID: "a", Group: "c1", Outcome: publish.Done},
			`"id":"a","group":"c1","outcome":"done"}`, "c1",
		},
		{"FIFO, no group", "q.fifo", publish.Result{ID: "a", Outcome: publish.Done}, `"id":"a","outcome":"done"}`, "a"},
		{
			"large", "q",
			publish.Result{ID: "a", Outcome: publish.Done, Answer: large},
			`"id":"a","outcome":"done","answer_ref":"s3://stack/claims/a"}`, "",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, d := newServer(t), &desk{}
			r := sqsout.NewResponses(sqsout.ResponsesConfig{API: s.client(), Queue: sqsout.Own("u/", tt.queue), Publisher: "p", Claims: d})
			if err := r.Respond(t.Context(), tt.result); err != nil {
				t.Fatal(err)
			}
			got := s.taken[0]
			if !strings.HasPrefix(got.Body, `{"publisher":"p","time":"`) || !strings.HasSuffix(got.Body, tt.want) || got.Group != tt.group {
				t.Errorf("%.300s in group %q", got.Body, got.Group)
			}
			if (tt.group != "") != (got.Dedup != "") || got.attribute(names.AttributeID) == "" {
				t.Errorf("%+v", got)
			}
			if left := d.claims["s3://stack/claims/a"]; tt.name == "large" && left != "application/json "+string(large) {
				t.Errorf("left %.30s", left)
			}
		})
	}
}

func TestResponsesFail(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.answer = func(*request, int) (int, string) { return http.StatusForbidden, "AccessDenied" }
	r := sqsout.NewResponses(sqsout.ResponsesConfig{API: s.client(), Queue: sqsout.Own("u/", "q"), Publisher: "p"})
	if err := r.Respond(t.Context(), publish.Result{ID: "a", Outcome: publish.Done}); err == nil || !strings.Contains(err.Error(), "AccessDenied") {
		t.Errorf("got %v", err)
	}
	if err := r.Respond(t.Context(), publish.Result{Answer: make([]byte, 2<<20)}); err == nil {
		t.Error("an answer that is no JSON is no response")
	}
}
