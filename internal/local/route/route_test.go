package route_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"intercom-connector/internal/event"
	"intercom-connector/internal/local/route"
	"intercom-connector/internal/publish"
)

// A recorder publishes nothing and notes everything. After limit messages it
// is paused; 0 is no limit.
type recorder struct {
	streams  [][]string
	outcomes map[string]publish.Outcome // by id; default: done
	limit    int
}

func (r *recorder) Stream(_ context.Context, deliveries iter.Seq2[publish.Delivery, error], done func(publish.Result, publish.Delivery) error) error {
	var stream []string
	defer func() { r.streams = append(r.streams, stream) }()
	for d, err := range deliveries {
		if err != nil {
			return err
		}
		if r.limit > 0 && len(stream) == r.limit {
			return errPaused
		}
		if d.Sent.IsZero() {
			return errors.New("nobody knows when it was sent")
		}
		stream = append(stream, fmt.Sprintf("%s/%s:%s", d.Group, d.ID, d.Body))
		outcome := publish.Done
		if o, ok := r.outcomes[d.ID]; ok {
			outcome = o
		}
		if err := done(publish.Result{ID: d.ID, Outcome: outcome}, d); err != nil {
			return err
		}
	}
	return nil
}

var errPaused = &publish.PausedError{Client: "main", Reason: "revoked"}

func TestEventsBecomeMessages(t *testing.T) {
	t.Parallel()
	p := &recorder{outcomes: map[string]publish.Outcome{"e2": publish.Dead, "e3": publish.Unknown}}
	told := map[publish.Outcome]int{}
	r := route.New(p, func(result publish.Result) { told[result.Outcome]++ })
	data := []byte(`{"a": 1}`)
	events := []event.Event{
		{ID: "e1", Subject: "c1", Data: data},
		{ID: "e2", Subject: "c2", Data: []byte(`"x"`), ContentType: "application/json; charset=utf-8"},
		{ID: "e3", Data: []byte("a \"text\""), ContentType: "text/plain"},
		{ID: "e4", Data: []byte{0xff, 0x00}, ContentType: "application/zip"},
	}
	if err := r.Deliver(t.Context(), events); err != nil {
		t.Fatal(err)
	}
	if p.streams != nil {
		t.Errorf("published before there was need to: %q", p.streams)
	}
	copy(data, `overwrit`) // it is the engine's again
	for range 2 {
		if err := r.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	want := [][]string{{`c1/e1:{"a": 1}`, `c2/e2:"x"`, `/e3:"a \"text\""`, `/e4:"/wA="`}}
	if diff := cmp.Diff(want, p.streams); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if diff := cmp.Diff(map[publish.Outcome]int{publish.Done: 2, publish.Dead: 1, publish.Unknown: 1}, told); diff != "" {
		t.Errorf("told: (-want +got)\n%s", diff)
	}
}

// Memory is bounded: much is published before anybody asks for it.
func TestDeliverPublishesWhatIsMuch(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name           string
		events, length int
		streams        int
	}{
		{"many", 1100, 2, 2},
		{"large", 9, 1 << 20, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := &recorder{}
			r := route.New(p, func(publish.Result) {})
			data := []byte(`"` + strings.Repeat("x", tt.length) + `"`)
			for i := range tt.events {
				if err := r.Deliver(t.Context(), []event.Event{{ID: fmt.Sprint(i), Data: data}}); err != nil {
					t.Fatal(err)
				}
			}
			if len(p.streams) != tt.streams {
				t.Errorf("published %d times, want %d", len(p.streams), tt.streams)
			}
		})
	}
}

// What a pause has left over is published by the next Flush, and nothing else.
func TestFlushGoesOn(t *testing.T) {
	t.Parallel()
	p := &recorder{limit: 2}
	r := route.New(p, func(publish.Result) {})
	for i := range 3 {
		if err := r.Deliver(t.Context(), []event.Event{{ID: fmt.Sprint(i), Data: []byte("{}")}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Flush(t.Context()); !errors.Is(err, error(errPaused)) {
		t.Errorf("error %v, want %v", err, errPaused)
	}
	if err := r.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][]string{{"/0:{}", "/1:{}"}, {"/2:{}"}}, p.streams); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestFlushDoesNotBelieveSilence(t *testing.T) {
	t.Parallel()
	p := &recorder{outcomes: map[string]publish.Outcome{"a": publish.Retry}}
	r := route.New(p, func(publish.Result) {})
	if err := r.Deliver(t.Context(), []event.Event{{ID: "a", Data: []byte("{}")}}); err != nil {
		t.Fatal(err)
	}
	if err := r.Flush(t.Context()); err == nil {
		t.Error("a message that nothing became of is not safe")
	}
}
