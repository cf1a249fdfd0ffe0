package trigger_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"intercom-connector/internal/aws/trigger"
	"intercom-connector/shared/intercom/intercomtest"
)

func TestRefusedEvents(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, event, want string }{
		{"empty", ``, "it is empty or cut"},
		{"cut", `{"subscription": "contacts"`, "it is empty or cut"},
		{"not JSON", `hello`, "the event is no trigger: invalid character"},
		{"null", `null`, `it has neither "subscription" nor "watch"`},
		{"nothing", `{}`, `it has neither "subscription" nor "watch"`},
		{"a list", `[]`, "it is a JSON array, not an object"},
		{"two", `{"subscription": "contacts"}{}`, "something follows"},
		{"another's", `{"Records": [{"eventSource": "aws:sqs"}]}`, `unknown field "Records"`},
		{"a number for a name", `{"subscription": 5}`, "subscription cannot be a JSON number"},
		{"a date for a time", `{"subscription": "contacts", "since": "yesterday"}`, "since and until are times such as"},
		{"watch and more", `{"watch": true, "subscription": "contacts"}`, "watch goes with nothing else"},
		{"unknown", `{"subscription": "contact"}`, `there is no subscription "contact": client main has answered, contacts, hand, laptop, off`},
		{"another client's", `{"subscription": "elsewhere"}`, "whose function is my-stack_other_subscribe"},
		{"not enabled", `{"subscription": "off"}`, "off is not enabled"},
		{"until alone", `{"subscription": "contacts", "until": "2026-01-01T00:00:00Z"}`, "until goes with since"},
		{"until before since", `{"subscription": "contacts", "since": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"}`, "until is not after since"},
		{"both", `{"subscription": "contacts", "reset": true, "keep_watermark": true}`, "exclude each other"},
		{"reset of a window", `{"subscription": "contacts", "reset": true, "since": "2026-01-02T00:00:00Z"}`, "one or the other"},
		{"half a hand-over", `{"subscription": "contacts", "continue": {"run": "x"}}`, "continue needs run and revision"},
		{"a hand-over with an input", `{"subscription": "contacts", "input": 1, "continue": {"run": "x", "revision": "y"}}`, "come too late"},
		{"a hand-over of something else", `{"subscription": "contacts", "continue": {"run": "x", "revision": "y", "more": 1}}`, `unknown field "more"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newStack(t, intercomtest.New(intercomtest.Config{}))
			_, err := s.invoke(tt.event)
			if !errors.As(err, new(*trigger.RefusedError)) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want that it is refused: %q", err, tt.want)
			}
			refused := s.lines("event refused")
			if len(refused) != 1 || refused[0]["level"] != "ERROR" {
				t.Errorf("log: %v", refused)
			}
			if got := s.ws.Stats().Requests; got != 0 || len(s.metrics) > 0 {
				t.Errorf("%d requests and metrics %v for an event that is refused", got, s.metrics)
			}
		})
	}
}

func TestForce(t *testing.T) {
	t.Parallel()
	s := newStack(t, intercomtest.New(intercomtest.Config{}))
	if got, err := s.invoke(`{"subscription": "off", "force": true}`); err != nil || got.Outcome != "done" {
		t.Errorf("got %v %+v", err, got)
	}
}

// Whatever comes is a trigger or refused, and what is a trigger is still one
// when it is written again.
func FuzzDecode(f *testing.F) {
	for _, event := range []string{
		`{"subscription": "contacts"}`, `{"watch": true}`, `{"subscription": "a", "input": {"b": [1, null]}, "reset": true}`,
		`{"subscription": "a", "input": null, "since": "2026-01-02T03:04:05.678+01:00", "until": "2026-02-02T03:04:05Z"}`,
		`{"subscription": "a", "force": true, "continue": {"run": "r", "revision": "7"}}`, `null`, `[]`, `{"Subscription": "a"}`, `{}{}`, `"`,
	} {
		f.Add([]byte(event))
	}
	f.Fuzz(func(t *testing.T, event []byte) {
		got, err := trigger.Decode(event)
		if err != nil {
			if !errors.As(err, new(*trigger.RefusedError)) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v, want one line that refuses it", err)
			}
			return
		}
		if got.Watch == (got.Subscription != "") {
			t.Errorf("%s is taken for %+v", event, got)
		}
		text, err := json.Marshal(got)
		if err != nil {
			t.Skip("a time that cannot be written") // beyond the year 9999
		}
		again, err := trigger.Decode(text)
		if err != nil {
			t.Fatalf("%s, written again as %s: %v", event, text, err)
		}
		other, err := json.Marshal(again)
		if err != nil || string(other) != string(text) {
			t.Errorf("%s becomes %s (%v)", text, other, err)
		}
	})
}
