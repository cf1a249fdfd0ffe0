package subscribe_test

import (
	"testing"
	"time"

	"intercom-connector/internal/state/memstate"
	"intercom-connector/internal/subscribe"
	"intercom-connector/shared/intercom"
)

func TestLoadNothing(t *testing.T) {
	t.Parallel()
	cp, err := subscribe.Load(t.Context(), &memstate.Store{}, "ws", "contacts", time.Time{}, time.Time{})
	if err != nil || cp.Subscription != "" || cp.Run != nil {
		t.Errorf("got %+v and %v, want nothing", cp, err)
	}
}

func TestLoadWindow(t *testing.T) {
	t.Parallel()
	store := &memstate.Store{}
	since := time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)
	for key, value := range map[string]string{
		"checkpoint/ws/contacts":                          `{"subscription":"contacts","watermark":7}`,
		"checkpoint/ws/contacts/2026-01-31T00:00:00Z-now": `{"subscription":"contacts","watermark":9}`,
	} {
		if _, err := store.Create(t.Context(), key, []byte(value), time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name   string
		since  time.Time
		mark   int64
		window string
	}{
		{"the subscription", time.Time{}, 7, ""},
		{"a window", since, 9, "2026-01-31T00:00:00Z-now"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cp, err := subscribe.Load(t.Context(), store, "ws", "contacts", tt.since, time.Time{})
			if err != nil || cp.Watermark != tt.mark || cp.Window != tt.window {
				t.Errorf("got %+v and %v", cp, err)
			}
		})
	}
}

func TestProgressOfSavedRun(t *testing.T) {
	t.Parallel()
	run := subscribe.Run{
		Requests: []intercom.Request{{}},
		Slices:   []subscribe.Slice{{Root: true, Total: 100}, {Total: 60}},
		Report:   subscribe.Report{Subscription: "contacts", Records: 30, Requests: 4, Slices: 3},
	}
	got := run.Progress()
	if got.Expected != 100 || got.Records != 30 || got.Open != 2 || got.Slices != 3 || got.Phase != "reading" || got.Remaining != -1 {
		t.Errorf("got %+v", got)
	}
	run.Requests = append(run.Requests, intercom.Request{}) // whose total nobody knows yet
	if got := run.Progress().Expected; got != -1 {
		t.Errorf("expected: got %d, want unknown", got)
	}
}
