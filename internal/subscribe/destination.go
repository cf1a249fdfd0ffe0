package subscribe

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"
	"unicode/utf8"

	"intercom-connector/internal/event"
)

// A Destination takes events. They are safe once a Flush that began after
// their Deliver has returned nil; until then a crash may lose them, and the run
// reads them again. A run whose Flush has failed does not ask for another: what
// that would say of the events before is not to be relied on.
type Destination interface {
	// Deliver takes events in their order. It must not keep them: their data
	// belongs to the caller again when it returns. A [*RefusedError] names
	// those that it will never take; it has taken the others.
	Deliver(ctx context.Context, events []event.Event) error
	// Flush makes safe what was delivered. After a [*RefusedError] all but what
	// that names is.
	Flush(ctx context.Context) error
}

// A Holder is a [Destination] that makes something whole of what lies between
// two Flushes, an object in a bucket say, and would rather have it large. Where
// what is safe already says more than what is not, a checkpoint waits for it: a
// crash then repeats what came meanwhile.
type Holder interface {
	// HoldFor is how much longer the next Flush is better put off, 0 or less
	// where it should come at once.
	HoldFor() time.Duration
}

// A RefusedError says which events a destination can never take.
type RefusedError struct {
	Refused map[int]error // by index of what was delivered: why
	// Earlier are events of Delivers that had taken them: what sends in batches
	// may learn of a refusal later.
	Earlier []Refusal
}

// A Refusal is an event that a destination can never take after all.
type Refusal struct {
	Reason error
	ID     string // of the record, "" where it has none
	Event  []byte // as it was sent: the record itself is gone by then
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("the destination refused %d events", len(e.Refused)+len(e.Earlier))
}

// A Quarantine keeps what cannot go on, raw and with the reason. What Put has
// returned nil for is safe.
type Quarantine interface {
	Put(ctx context.Context, q Quarantined) error
}

// Quarantined is a record, or a planned request, that was put aside.
type Quarantined struct {
	Time         time.Time
	Subscription string
	Run          string
	Stage        string // "request", "transform" or "deliver"
	Reason       string
	ID           string // of the record, "" where there is none
	Record       []byte // raw; for a request its path, query and payload as JSON
}

// Encode returns the item as one JSON object without a line break in it. What
// was put aside is JSON where it is that, so that people can read it, and
// otherwise byte for byte in base64.
func (q *Quarantined) Encode() ([]byte, error) {
	object := struct {
		Time         time.Time       `json:"time"`
		Subscription string          `json:"subscription"`
		Run          string          `json:"run,omitempty"`
		Stage        string          `json:"stage,omitempty"`
		Reason       string          `json:"reason"`
		ID           string          `json:"id,omitempty"`
		Request      json.RawMessage `json:"request,omitempty"`
		Record       json.RawMessage `json:"record,omitempty"`
		Base64       []byte          `json:"record_base64,omitempty"`
	}{Time: q.Time.UTC(), Subscription: q.Subscription, Run: q.Run, Stage: q.Stage, Reason: q.Reason, ID: q.ID}
	switch readable := json.Valid(q.Record) && utf8.Valid(q.Record); {
	case readable && q.Stage == "request":
		object.Request = q.Record
	case readable:
		object.Record = q.Record
	default:
		object.Base64 = q.Record
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(object); err != nil {
		return nil, fmt.Errorf("encode what was quarantined: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
