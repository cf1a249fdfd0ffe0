// Package busout sends to an EventBridge event bus: the events of a subscription
// ([New]), and what Intercom answered to whoever waits for it ([Responses]).
//
// An entry's Source and DetailType are the event's source and type, its Detail is
// the event, a CloudEvents JSON object, so that a rule finds an event by its
// envelope or by what is in the record. Its one resource is the run that sent it,
// run:<id>, as log lines have it. Rules of EventBridge know no order, and
// here is none either.
//
// # Sizes
//
// A request has at most ten entries, and of all together at most 256 KiB here.
// EventBridge takes 1 MiB by now, but not in every partition, and not all that
// a rule may feed does: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html#eb-putevent-size.
// A larger event leaves its data in the bucket and travels with a dataref.
package busout

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/smithy-go"

	"intercom-connector/internal/aws/wire"
	"intercom-connector/internal/event"
	"intercom-connector/internal/outbox"
)

const (
	maxBytes = 256 << 10 // of a request
	maxCount = 10        // entries of a request
	parallel = 8         // requests under way
	maxType  = 128       // characters of a DetailType
	timeSize = 14        // what a time counts for
	typeJSON = "application/json"

	runPrefix = "run:"
)

// Claims leaves what is too large for a bus somewhere else; see
// internal/aws/claim.
type Claims interface {
	Put(ctx context.Context, id string, body []byte, contentType string) (address string, err error)
}

// A Bus is where to send.
type Bus struct {
	Name   string // or its ARN, where it is in another account
	Region string // "" for the configuration's own
}

// ByARN is a bus that may be in another account, or in another region.
func ByARN(address string) (Bus, error) {
	a, err := arn.Parse(address)
	if err == nil && (a.Service != "events" || a.Region == "" || !strings.HasPrefix(a.Resource, "event-bus/")) {
		err = errors.New("not that of an event bus")
	}
	if err != nil {
		return Bus{}, fmt.Errorf("ARN %q: %w", address, err)
	}
	return Bus{Name: address, Region: a.Region}, nil
}

// A Config is what a destination is made of.
type Config struct {
	AWS    aws.Config
	Bus    Bus
	Claims Claims // nil: what is too large is refused
	// Trace is the X-Ray header of what is under way, "" for none; default: none.
	Trace  func(ctx context.Context) string
	Random func() float64 // in [0,1), for jitter; default: math/rand
}

// A sender sends to one bus.
type sender struct {
	bus

	claims  Claims
	scratch []byte
}

// New returns the destination of events that is a bus. It belongs to one run.
func New(cfg Config) *outbox.Box {
	s := &sender{bus: newBus(cfg), claims: cfg.Claims}
	return outbox.New(outbox.Config{
		Make: s.message, Send: s.send, Temporary: wire.Temporary,
		MaxCount: maxCount, MaxBytes: maxBytes, Parallel: parallel,
		Random: cfg.Random,
	})
}

// message makes the message of an event.
func (s *sender) message(ctx context.Context, e *event.Event) (outbox.Message, error) {
	m := outbox.Message{Event: *e}
	m.Event.Data = nil
	if utf8.RuneCountInString(e.Type) > maxType {
		return m, &outbox.NeverError{Reason: fmt.Sprintf("its type has more than %d characters", maxType)}
	}
	s.scratch = e.AppendJSON(s.scratch[:0])
	m.Body = string(s.scratch)
	m.Size = sizeOf(e, m.Body)
	if m.Size <= maxBytes {
		return m, nil
	}
	if s.claims == nil {
		return m, &outbox.NeverError{Reason: fmt.Sprintf("%d bytes are too many for the bus, %d are the most", m.Size, maxBytes)}
	}
	ref, err := s.claims.Put(ctx, e.ID, e.Data, cmp.Or(e.ContentType, typeJSON))
	if err != nil {
		return m, err
	}
	m.Event.DataRef = ref
	m.Body = string(m.Event.AppendJSON(nil))
	m.Size = sizeOf(e, m.Body)
	return m, nil
}

// sizeOf is the size of an entry as EventBridge counts it.
func sizeOf(e *event.Event, detail string) int {
	size := timeSize + len(e.Source) + len(e.Type) + len(detail)
	if e.Run != "" {
		size += len(runPrefix) + len(e.Run)
	}
	return size
}

// resources is what an entry says beside its event.
func resources(e *event.Event) []string {
	if e.Run == "" {
		return nil
	}
	return []string{runPrefix + e.Run}
}

func (s *sender) send(ctx context.Context, batch []*outbox.Message) ([]error, error) {
	entries := make([]entry, len(batch))
	for i, m := range batch {
		entries[i] = entry{
			Source: m.Event.Source, DetailType: m.Event.Type, Detail: m.Body, Resources: resources(&m.Event), Time: seconds(m.Event.Time),
		}
	}
	results, err := s.put(ctx, entries)
	if err != nil {
		if api, ok := errors.AsType[smithy.APIError](err); ok && refusesContent(api.ErrorCode()) {
			return nil, fmt.Errorf("%w: %w", outbox.ErrOneByOne, err)
		}
		return nil, fmt.Errorf("send to bus %s: %w", s.Name, err)
	}
	each := make([]error, len(batch))
	for i := range each {
		if i >= len(results) {
			each[i] = errSilent
			continue
		}
		each[i] = s.became(results[i])
	}
	return each, nil
}

// errSilent is an entry that the answer says nothing about.
var errSilent = &smithy.GenericAPIError{Code: "NoAnswer", Message: "the answer leaves the entry out", Fault: smithy.FaultServer}

// became is what became of one entry.
func (s *sender) became(r result) error {
	if r.ErrorCode == "" {
		return nil
	}
	err := &smithy.GenericAPIError{Code: r.ErrorCode, Message: r.ErrorMessage, Fault: smithy.FaultClient}
	if !wire.Temporary(err) && !concernsBus(r.ErrorCode) {
		return &outbox.NeverError{Reason: err.Error()}
	}
	return fmt.Errorf("send to bus %s: %w", s.Name, err)
}

// refusesContent reports whether an error of a whole request is about what is in
// it.
func refusesContent(code string) bool {
	switch code {
	case "MalformedDetail", "InvalidArgument", "ValidationException", "ValidationError", "RequestEntityTooLarge", "RequestEntityTooLargeException":
		return true
	default:
		return false
	}
}

// concernsBus reports whether an error of an entry is not about the entry: no
// other would be taken either, until somebody mends the bus or what this function
// may do.
func concernsBus(code string) bool {
	for _, part := range []string{"AccessDenied", "NotAuthorized", "InvalidAccountId", "NotFound", "Token", "Kms", "KMS"} {
		if strings.Contains(code, part) {
			return true
		}
	}
	return false
}
