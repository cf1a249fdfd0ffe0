package busout

import (
	"context"
	"time"

	"intercom-connector/internal/aws/wire"
)

// A bus takes entries.
type bus struct {
	Bus

	client *wire.Client
	trace  func(ctx context.Context) string
}

func newBus(cfg Config) bus {
	client := wire.New(cfg.AWS, wire.Service{ID: "EventBridge", Name: "events", Target: "AWSEvents", Version: "1.1"})
	return bus{Bus: cfg.Bus, client: client.In(cfg.Bus.Region), trace: cfg.Trace}
}

// An entry is one of a request
// (https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsRequestEntry.html).
type entry struct {
	EventBusName string
	Source       string
	DetailType   string
	Detail       string
	Resources    []string `json:",omitempty"`
	Time         float64  `json:",omitempty"` // Unix seconds; 0: when it is taken
	TraceHeader  string   `json:",omitempty"`
}

// A result is what became of one entry.
type result struct {
	ErrorCode    string // "": it was taken
	ErrorMessage string
}

// put sends entries in one request. The results are in their order.
func (b bus) put(ctx context.Context, entries []entry) ([]result, error) {
	trace := ""
	if b.trace != nil {
		trace = b.trace(ctx)
	}
	for i := range entries {
		entries[i].EventBusName, entries[i].TraceHeader = b.Name, trace
	}
	var out struct{ Entries []result }
	err := b.client.Call(ctx, "PutEvents", map[string][]entry{"Entries": entries}, &out)
	return out.Entries, err
}

// seconds is a time as entries have it, 0 for one that is none, or a mistake in
// the record.
func seconds(t time.Time) float64 {
	if year := t.Year(); year < 1970 || year > 9999 {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}
