// Package busout sends to an EventBridge event bus: the events of a subscription
// ([New]), and what Intercom answered to whoever waits for it ([Responses]).
//
// An entry's Source and DetailType are the event's source and type, its Detail is
// the event, a CloudEvents JSON object, so that a rule finds an event by its
// envelope or by what is in the record. Rules of EventBridge know no order, and
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
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/smithy-go"

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
)

// An API is what this package needs of an *eventbridge.Client.
type API interface {
	PutEvents(ctx context.Context, in *eventbridge.PutEventsInput, opts ...func(*eventbridge.Options)) (*eventbridge.PutEventsOutput, error)
}

// Claims leaves what is too large for a bus somewhere else; see
// internal/aws/claim.
type Claims interface {
	Put(ctx context.Context, id string, body []byte, contentType string) (address string, err error)
}

// A Bus is where to send.
type Bus struct {
	Name   string // or its ARN, where it is in another account
	Region string // "" for the client's own
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

// options are those of a call to the bus.
func (b Bus) options() []func(*eventbridge.Options) {
	if b.Region == "" {
		return nil
	}
	return []func(*eventbridge.Options){func(o *eventbridge.Options) { o.Region = b.Region }}
}

// A Config is what a destination is made of.
type Config struct {
	API    API
	Bus    Bus
	Claims Claims // nil: what is too large is refused
	// Trace is the X-Ray header of what is under way, "" for none; default: none.
	Trace  func(ctx context.Context) string
	Random func() float64 // in [0,1), for jitter; default: math/rand
}

func (cfg Config) withDefaults() Config {
	if cfg.Trace == nil {
		cfg.Trace = func(context.Context) string { return "" }
	}
	return cfg
}

// A sender sends to one bus.
type sender struct {
	Config

	scratch []byte
}

// New returns the destination of events that is a bus. It belongs to one run.
func New(cfg Config) *outbox.Box {
	s := &sender{Config: cfg.withDefaults()}
	return outbox.New(outbox.Config{
		Make: s.message, Send: s.send, Temporary: temporary,
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
	if s.Claims == nil {
		return m, &outbox.NeverError{Reason: fmt.Sprintf("%d bytes are too many for the bus, %d are the most", m.Size, maxBytes)}
	}
	ref, err := s.Claims.Put(ctx, e.ID, e.Data, cmp.Or(e.ContentType, typeJSON))
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
	return timeSize + len(e.Source) + len(e.Type) + len(detail)
}

func (s *sender) send(ctx context.Context, batch []*outbox.Message) ([]error, error) {
	in := &eventbridge.PutEventsInput{Entries: make([]types.PutEventsRequestEntry, len(batch))}
	trace := s.Trace(ctx)
	for i, m := range batch {
		entry := &in.Entries[i]
		entry.EventBusName, entry.Source, entry.DetailType, entry.Detail = &s.Bus.Name, &m.Event.Source, &m.Event.Type, &m.Body
		if year := m.Event.Time.Year(); year >= 1970 && year <= 9999 { // else it is none, or a mistake in the record
			entry.Time = &m.Event.Time
		}
		if trace != "" {
			entry.TraceHeader = &trace
		}
	}
	out, err := s.API.PutEvents(ctx, in, s.Bus.options()...)
	if err != nil {
		if api, ok := errors.AsType[smithy.APIError](err); ok && refusesContent(api.ErrorCode()) {
			return nil, fmt.Errorf("%w: %w", outbox.ErrOneByOne, err)
		}
		return nil, fmt.Errorf("send to bus %s: %w", s.Bus.Name, err)
	}
	each := make([]error, len(batch))
	for i := range each {
		if i >= len(out.Entries) {
			each[i] = errSilent
			continue
		}
		each[i] = s.became(&out.Entries[i])
	}
	return each, nil
}

// errSilent is an entry that the answer says nothing about.
var errSilent = &smithy.GenericAPIError{Code: "NoAnswer", Message: "the answer leaves the entry out", Fault: smithy.FaultServer}

// became is what became of one entry.
func (s *sender) became(entry *types.PutEventsResultEntry) error {
	code := aws.ToString(entry.ErrorCode)
	if code == "" {
		return nil
	}
	err := &smithy.GenericAPIError{Code: code, Message: aws.ToString(entry.ErrorMessage), Fault: smithy.FaultClient}
	if !temporary(err) && !concernsBus(code) {
		return &outbox.NeverError{Reason: err.Error()}
	}
	return fmt.Errorf("send to bus %s: %w", s.Bus.Name, err)
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

// temporary reports whether an error may go away by itself.
func temporary(err error) bool {
	if retryables.IsErrorRetryable(err) == aws.TrueTernary {
		return true
	}
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return false
	}
	code := api.ErrorCode()
	return api.ErrorFault() == smithy.FaultServer || strings.HasPrefix(code, "Internal") ||
		strings.Contains(code, "Throttl") || strings.Contains(code, "Unavailable")
}

var retryables = retry.IsErrorRetryables(retry.DefaultRetryables)
