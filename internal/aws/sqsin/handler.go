// Package sqsin takes what SQS hands to the publish function to the publishers
// of a client, and tells SQS what became of it.
//
// # What is acknowledged
//
// A message is acknowledged once its result is safe: what Intercom answered is
// remembered and delivered, or it is in the publisher's dead-letter queue.
// Everything else is a failure of its item, never of the batch, and comes back
// after the time that its result asks for: its visibility is changed to that.
// Where changing it fails, it comes back when the queue thinks so, which costs
// nothing but time. A queue hides a message for six times as long as the
// function may run, so nothing is handed out twice while it is worked on, and
// nobody has to extend that.
//
// # Where it starts and ends
//
// The publisher is found by the queue. What a queue gives that is none of ours
// is refused, and goes back. Before anything else the client's pause is looked
// at (pause.Begin): then all of a batch goes back for a quarter of an hour,
// and the client's event source mappings are disabled, so that nothing comes
// until somebody resumes it. Whose token it is gets asked once for each token.
//
// The batch ends some seconds before the function does, so that what has been
// done can still be remembered and told.
package sqsin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"intercom-connector/internal/aws/queues"
	"intercom-connector/internal/config"
	"intercom-connector/internal/names"
	"intercom-connector/internal/pause"
	"intercom-connector/internal/publish"
	"intercom-connector/internal/state"
	"intercom-connector/internal/watch"
	"intercom-connector/shared/intercom"
)

// Visibility is what is used of a *queues.Client.
type Visibility interface {
	Hide(ctx context.Context, in queues.Address, hidings []queues.Hiding) ([]error, error)
}

// Claims has the bodies that were too large for a queue: see internal/aws/claim.
type Claims interface {
	Get(ctx context.Context, address string) ([]byte, error)
}

// Metrics takes what happened in a batch, by the names of internal/names.
type Metrics interface {
	Emit(ctx context.Context, values map[string]float64)
}

// An Outlet is where what becomes of a publisher's messages goes.
type Outlet struct {
	DeadLetters publish.DeadLetters
	Responses   publish.Responder // nil: nobody waits for answers
}

// A Config is what a Handler is made of.
type Config struct {
	Stack      names.Stack
	QueueURL   string // what the URLs of the stack's queues begin with
	Client     *config.Client
	Publishers map[string]*config.Publisher // those of other clients are left out
	API        *intercom.Client
	Store      state.Store
	SQS        Visibility
	Claims     Claims
	Hopeless   []error // of Claims: those that no second try mends
	Mappings   pause.Mappings
	Metrics    Metrics
	Watch      *watch.Watch // nil: another function watches
	// Outlet makes the outlet of a publisher, when its first message comes.
	Outlet func(*config.Publisher) (Outlet, error)
	// Owner names this execution environment in claims; no two may share it.
	// Default: a random name.
	Owner string
	// Margin is the time before the function's deadline that is kept for
	// remembering and telling; default: 20 s, a quarter of what is left at most.
	Margin time.Duration
	Log    *slog.Logger   // default: none
	Random func() float64 // in [0,1), for backoff; default: math/rand
}

// A Handler takes batches of messages. It may be used by several goroutines.
type Handler struct {
	Config

	queues map[string]*config.Publisher // by the queue's name

	mu         sync.Mutex
	identity   identity
	publishers map[publisherKey]*publish.Publisher
}

// New returns a Handler, or an error that names every problem of cfg.
func New(cfg Config) (*Handler, error) {
	var problems []error
	for what, missing := range map[string]bool{
		"no configuration of a client": cfg.Client == nil,
		"no client of the API":         cfg.API == nil,
		"no store":                     cfg.Store == nil,
		"no client of SQS":             cfg.SQS == nil,
		"nothing to resolve claims":    cfg.Claims == nil,
		"no event source mappings":     cfg.Mappings == nil,
		"no metrics":                   cfg.Metrics == nil,
		"no outlets":                   cfg.Outlet == nil,
	} {
		if missing {
			problems = append(problems, errors.New(what))
		}
	}
	if err := names.CheckStack(string(cfg.Stack)); err != nil {
		problems = append(problems, err)
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("sqsin: %w", err)
	}
	if cfg.Margin <= 0 {
		cfg.Margin = defaultMargin
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Random == nil {
		cfg.Random = rand.Float64
	}
	h := &Handler{Config: cfg, queues: map[string]*config.Publisher{}, publishers: map[publisherKey]*publish.Publisher{}}
	for _, pub := range cfg.Publishers {
		if pub.Client == cfg.Client.Name {
			h.queues[cfg.Stack.Messages(pub.Client, pub.Name, pub.FIFO)] = pub
		}
	}
	return h, nil
}

// defaultMargin is more than it takes to finish what has begun and to tell SQS.
const defaultMargin = 20 * time.Second

// errForeign means that an event is not one that SQS makes.
var errForeign = errors.New("this is no event of a queue: send messages to the publisher's queue instead")

// Handle takes the messages of an event. The only error is an event that is
// none of ours; everything else is told by item.
func (h *Handler) Handle(ctx context.Context, event events.SQSEvent) (events.SQSEventResponse, error) {
	answer := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}} // never null
	if err := check(event); err != nil {
		h.Log.ErrorContext(ctx, "event refused", "client", h.Client.Name, "err", err)
		return answer, err
	}
	// One mapping has one queue; whoever invokes the function by hand may mix.
	for _, b := range h.batches(event.Records) {
		b.work(ctx)
		answer.BatchItemFailures = append(answer.BatchItemFailures, b.settle(ctx)...)
	}
	return answer, nil
}

// check refuses what SQS has not made.
func check(event events.SQSEvent) error {
	if len(event.Records) == 0 {
		return errForeign
	}
	for i := range event.Records {
		if m := &event.Records[i]; m.MessageId == "" || m.EventSourceARN == "" {
			return errForeign
		}
	}
	return nil
}
