package busout_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"

	"intercom-connector/internal/aws/busout"
	"intercom-connector/internal/event"
	"intercom-connector/internal/outbox"
	"intercom-connector/internal/publish"
	"intercom-connector/internal/subscribe"
)

// An entry is one of PutEvents, as its JSON protocol has it.
type entry struct {
	Detail, DetailType, EventBusName, Source, TraceHeader string
	Resources                                             []string
	Time                                                  float64
}

// A server is an EventBridge that keeps what it takes, and fails on order.
type server struct {
	URL string

	mu       sync.Mutex
	requests [][]entry
	taken    []entry
	regions  []string
	fail     func(e *entry, request int) (code string)
	answer   func(entries []entry, request int) (status int, code string)
	short    func(request int) bool // the answer has no entries
}

func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{}
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	s.URL = h.URL
	return s
}

func (s *server) aws() aws.Config {
	return aws.Config{
		Region: "eu-west-1", BaseEndpoint: &s.URL, HTTPClient: &http.Client{}, Retryer: func() aws.Retryer { return aws.NopRetryer{} },
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIAEXAMPLE", SecretAccessKey: "secret"}, nil
		}),
	}
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var req struct{ Entries []entry }
	if err := json.NewDecoder(r.Body).Decode(&req); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	s.requests = append(s.requests, req.Entries)
	s.regions = append(s.regions, strings.Split(r.Header.Get("Authorization"), "/")[2])
	n := len(s.requests)
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	if s.answer != nil {
		if status, code := s.answer(req.Entries, n); status != 0 {
			w.WriteHeader(status)
			_ = json.NewEncoder(w).Encode(map[string]string{"__type": code, "message": "as ordered"})
			return
		}
	}
	var out struct {
		FailedEntryCount int
		Entries          []map[string]string
	}
	for i := range req.Entries {
		code := ""
		if s.fail != nil {
			code = s.fail(&req.Entries[i], n)
		}
		if code != "" {
			out.FailedEntryCount++
			out.Entries = append(out.Entries, map[string]string{"ErrorCode": code, "ErrorMessage": "as ordered"})
			continue
		}
		out.Entries = append(out.Entries, map[string]string{"EventId": "e"})
		s.taken = append(s.taken, req.Entries[i])
	}
	if s.short != nil && s.short(n) {
		out.Entries = nil
	}
	_ = json.NewEncoder(w).Encode(out)
}

// contact is the event of a contact.
func contact(id, data string) event.Event {
	return event.Event{
		ID: id, Source: "intercom:ab12cd34", Type: "intercom.contacts.upserted", Subject: "s" + id,
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
	address := "s3://stack/claims/" + id
	d.claims = map[string]string{address: contentType + " " + string(body)}
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

func TestEntries(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	box := busout.New(busout.Config{AWS: s.aws(), Bus: busout.Bus{Name: "stack_events"}, Trace: func(context.Context) string { return "Root=1-2-3" }})
	timeless := contact("e2", "{}")
	timeless.Time = time.Time{}
	absurd := contact("e3", "{}")
	absurd.Time = time.Unix(1e15, 0)
	alone := contact("e4", "{}")
	alone.Run = ""
	events := []event.Event{contact("e1", `{"id":"c1"}`), timeless, absurd, alone}
	deliver(t, box, events...)
	var want []entry
	for i, e := range events {
		w := entry{Detail: string(e.AppendJSON(nil)), DetailType: e.Type, EventBusName: "stack_events", Source: e.Source, Resources: []string{"run:gppqdk4c67"}, TraceHeader: "Root=1-2-3"}
		if i == 0 || i == 3 {
			w.Time = float64(e.Time.Unix())
		}
		if e.Run == "" {
			w.Resources = nil
		}
		want = append(want, w)
	}
	if diff := cmp.Diff(want, s.taken); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// A request has ten entries and 256 KiB at the most.
func TestBatches(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	var events []event.Event
	for i := range 95 {
		events = append(events, contact(fmt.Sprintf("e%03d", i), `"`+strings.Repeat("é", 100+i%5*20_000)+`"`))
	}
	deliver(t, busout.New(busout.Config{AWS: s.aws()}), events...)
	for _, r := range s.requests {
		size := 0
		for _, e := range r {
			size += 14 + len(e.Source) + len(e.DetailType) + len(e.Detail)
		}
		if len(r) > 10 || size > 256<<10 {
			t.Errorf("%d entries, %d bytes", len(r), size)
		}
	}
	if len(s.taken) != 95 || len(s.requests) > 50 {
		t.Errorf("%d entries in %d requests", len(s.taken), len(s.requests))
	}
}

func TestClaimCheck(t *testing.T) {
	t.Parallel()
	empty := contact("e1", `""`)
	fits := 256<<10 - 14 - len(empty.Source) - len(empty.Type) - len("run:gppqdk4c67") - len(empty.AppendJSON(nil))
	for _, tt := range []struct {
		name    string
		size    int
		claimed bool
	}{{"fits", fits, false}, {"does not", fits + 1, true}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, d := newServer(t), &desk{}
			data := `"` + strings.Repeat("x", tt.size) + `"`
			deliver(t, busout.New(busout.Config{AWS: s.aws(), Claims: d}), contact("e1", data))
			e, err := event.Parse([]byte(s.taken[0].Detail))
			if err != nil {
				t.Fatal(err)
			}
			left := d.claims[e.DataRef]
			if (e.DataRef != "") != tt.claimed || tt.claimed && (left != "application/json "+data || e.Data != nil || e.Subject != "se1") {
				t.Errorf("sent %.300s, left %.30s", s.taken[0].Detail, left)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	errBroken := errors.New("broken")
	large := contact("e2", `"`+strings.Repeat("x", 256<<10)+`"`)
	odd := contact("e2", "{}")
	odd.Type = strings.Repeat("x", 129)
	long := contact("e2", "{}")
	long.Subject = strings.Repeat("x", 256<<10)
	for _, tt := range []struct {
		name   string
		event  event.Event
		claims busout.Claims
		err    error
	}{
		{"no bucket", large, nil, nil},
		{"type too long", odd, &desk{}, nil},
		{"without its data, too", long, &desk{}, nil},
		{"the bucket is broken", large, &desk{err: errBroken}, errBroken},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			box := busout.New(busout.Config{AWS: newServer(t).aws(), Claims: tt.claims})
			err := box.Deliver(t.Context(), []event.Event{contact("e1", "{}"), tt.event})
			if refused, ok := errors.AsType[*subscribe.RefusedError](err); ok != (tt.err == nil) || ok && refused.Refused[1] == nil || !ok && !errors.Is(err, tt.err) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestTrouble(t *testing.T) {
	t.Parallel()
	one := func(code string, times int) func(*server) {
		return func(s *server) {
			s.fail = func(e *entry, n int) string {
				if n <= times && strings.Contains(e.Detail, `"e1"`) {
					return code
				}
				return ""
			}
		}
	}
	all := func(status int, code string, times int) func(*server) {
		return func(s *server) {
			s.answer = func(_ []entry, n int) (int, string) {
				if n <= times {
					return status, code
				}
				return 0, ""
			}
		}
	}
	const always = 1000
	for _, tt := range []struct {
		name    string
		set     func(*server)
		refused []string
		err     string
		taken   int
	}{
		{"one fails inside", one("InternalFailure", 2), nil, "", 5},
		{"one fails inside, otherwise", one("InternalException", 2), nil, "", 5},
		{"one is throttled", one("ThrottlingException", 3), nil, "", 5},
		{"one is malformed", one("MalformedDetail", always), []string{"se1"}, "", 4},
		{"one is refused for what nobody knows", one("RedactionFailure", always), []string{"se1"}, "", 4},
		{"may not", one("NotAuthorizedForSourceException", always), nil, "NotAuthorizedForSource", 4},
		{"may not at all", all(400, "AccessDeniedException", always), nil, "AccessDenied", 0},
		{"no such bus", all(400, "ResourceNotFoundException", always), nil, "NotFound", 0},
		{"throttled", all(400, "ThrottlingException", 3), nil, "", 5},
		{"500", all(500, "InternalException", 2), nil, "", 5},
		{"an answer without entries", func(s *server) { s.short = func(n int) bool { return n == 1 } }, nil, "", 5},
		{"refused because of one", func(s *server) {
			s.answer = func(entries []entry, _ int) (int, string) {
				for _, e := range entries {
					if strings.Contains(e.Detail, `"e2"`) {
						return 400, "ValidationException"
					}
				}
				return 0, ""
			}
		}, []string{"se2"}, "", 4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			tt.set(s)
			box := busout.New(busout.Config{AWS: s.aws(), Random: func() float64 { return 0 }})
			var events []event.Event
			for i := range 5 {
				events = append(events, contact("e"+strconv.Itoa(i), "{}"))
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
		})
	}
}

func TestBuses(t *testing.T) {
	t.Parallel()
	const other = "arn:aws:events:us-east-1:123456789012:event-bus/orders"
	for arn, want := range map[string]busout.Bus{
		other: {Name: other, Region: "us-east-1"},
		"arn:aws:events:us-east-1:123456789012:rule/orders": {},
		"orders": {},
	} {
		if got, err := busout.ByARN(arn); got != want || (err == nil) != (want.Name != "") {
			t.Errorf("%s: got %+v, %v", arn, got, err)
		}
	}
	s := newServer(t)
	bus, err := busout.ByARN(other)
	if err != nil {
		t.Fatal(err)
	}
	deliver(t, busout.New(busout.Config{AWS: s.aws(), Bus: bus}), contact("e1", "{}"))
	deliver(t, busout.New(busout.Config{AWS: s.aws(), Bus: busout.Bus{Name: "own"}}), contact("e1", "{}"))
	if diff := cmp.Diff([]string{"us-east-1", "eu-west-1"}, s.regions); diff != "" || s.taken[0].EventBusName != other {
		t.Errorf("bus %s, regions (-want +got)\n%s", s.taken[0].EventBusName, diff)
	}
}

func TestResponses(t *testing.T) {
	t.Parallel()
	large := json.RawMessage(`"` + strings.Repeat("x", 256<<10) + `"`)
	for _, tt := range []struct {
		name   string
		answer json.RawMessage
		want   string
	}{
		{"small", json.RawMessage(`{"id":"1"}`), `"id":"a","outcome":"done","answer":{"id":"1"}}`},
		{"large", large, `"id":"a","outcome":"done","answer_ref":"s3://stack/claims/a"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, d := newServer(t), &desk{}
			r := busout.NewResponses(busout.Config{AWS: s.aws(), Bus: busout.Bus{Name: "b"}, Claims: d}, "p")
			if err := r.Respond(t.Context(), publish.Result{ID: "a", Outcome: publish.Done, Answer: tt.answer}); err != nil {
				t.Fatal(err)
			}
			got := s.taken[0]
			if got.Source != "intercom-connector" || got.DetailType != "response" || got.EventBusName != "b" ||
				!strings.HasPrefix(got.Detail, `{"publisher":"p","time":"`) || !strings.HasSuffix(got.Detail, tt.want) {
				t.Errorf("%.300v", got)
			}
			if left := d.claims["s3://stack/claims/a"]; tt.name == "large" && left != "application/json "+string(large) {
				t.Errorf("left %.30s", left)
			}
		})
	}
}

func TestResponsesFail(t *testing.T) {
	t.Parallel()
	errBroken := errors.New("broken")
	large := json.RawMessage(`"` + strings.Repeat("x", 256<<10) + `"`)
	for _, tt := range []struct {
		name   string
		set    func(*server)
		answer json.RawMessage
		claims busout.Claims
		want   string
	}{
		{"entry", func(s *server) { s.fail = func(*entry, int) string { return "InternalFailure" } }, nil, nil, "InternalFailure"},
		{"request", func(s *server) { s.answer = func([]entry, int) (int, string) { return 400, "AccessDeniedException" } }, nil, nil, "AccessDenied"},
		{"silence", func(s *server) { s.short = func(int) bool { return true } }, nil, nil, "leaves the entry out"},
		{"too large", func(*server) {}, large, nil, "too large"},
		{"too large for a broken bucket", func(*server) {}, large, &desk{err: errBroken}, "broken"},
		{"no JSON", func(*server) {}, json.RawMessage("{"), nil, "encode"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			tt.set(s)
			r := busout.NewResponses(busout.Config{AWS: s.aws(), Claims: tt.claims}, "p")
			err := r.Respond(t.Context(), publish.Result{ID: "a", Outcome: publish.Done, Answer: tt.answer})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}
