package subscribe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"intercom-connector/internal/config"
	"intercom-connector/internal/event"
	"intercom-connector/internal/state"
	"intercom-connector/internal/transform"
	"intercom-connector/shared/intercom"
)

// A Config is what an engine is made of.
type Config struct {
	Subscription *config.Subscription
	Client       *config.Client
	API          *intercom.Client
	Store        state.Store
	Destination  Destination
	Quarantine   Quarantine
	Log          *slog.Logger   // default: none
	Owner        string         // names this invocation in the lease: no two may have the same, or each takes the other's save for its own
	Alone        bool           // the caller holds a lock that no other run can hold: a lease of somebody else is a dead one's
	Random       func() float64 // in [0,1), for ids and jitter; default: math/rand
	Progress     func(Progress) // told after every page; default: nobody
}

// An Engine runs one subscription.
type Engine struct {
	Config

	how       intercom.Incremental // its Strategy is 0 for a full read
	operation *intercom.Operation
	resource  string
	eventType string
	requests  *transform.Program // nil: none
	records   *transform.Program // nil: none
}

// New returns the engine of a subscription. The configuration has been checked:
// an error here is a fault of the program.
func New(cfg Config) (*Engine, error) {
	e := &Engine{Config: cfg, operation: cfg.Subscription.Operation}
	if e.Log == nil {
		e.Log = slog.New(slog.DiscardHandler)
	}
	if e.Random == nil {
		e.Random = rand.Float64
	}
	if e.Progress == nil {
		e.Progress = func(Progress) {}
	}
	sub := cfg.Subscription
	e.resource = event.Resource(sub.Entity)
	e.eventType = event.Type(e.resource, false)
	if sub.Sync == config.Incremental {
		how, err := intercom.FindIncremental(sub.Entity, len(sub.Path))
		if err != nil {
			return nil, fmt.Errorf("subscription %s: %w", sub.Name, err)
		}
		e.how, e.operation = how, how.Operation
	}
	var err error
	if e.requests, err = compile(sub.RequestTransform); err != nil {
		return nil, fmt.Errorf("subscription %s: request_transform: %w", sub.Name, err)
	}
	if e.records, err = compile(sub.RecordTransform); err != nil {
		return nil, fmt.Errorf("subscription %s: record_transform: %w", sub.Name, err)
	}
	return e, nil
}

func compile(source string) (*transform.Program, error) {
	if source == "" {
		return nil, nil //nolint:nilnil // no program is a valid choice
	}
	return transform.Compile(source)
}

// Options are what one run is asked to do.
type Options struct {
	Input json.RawMessage // the transformer's .input
	// Since and Until read a window again, without touching the watermark.
	Since, Until time.Time
	// Reset forgets what the subscription remembers and starts over.
	Reset bool
	// KeepWatermark goes on from the watermark although the subscription reads
	// something else now.
	KeepWatermark bool
	// ReplaceWorkspace accepts that the token belongs to another workspace.
	ReplaceWorkspace bool
	// Aside is shown the planned requests that a run would quarantine, by Plan
	// and Peek, which put nothing aside for good; nil: nobody.
	Aside Quarantine
	// StopAt is when to send nothing more, save and end with ErrInterrupted; the
	// zero time: never. Answers under way are given up, but for those of a scroll,
	// which would be lost with its position: leave a request's time after it.
	StopAt time.Time
	// Continue goes on with a run that was stopped at its StopAt, or ends at once
	// with an [*OvertakenError] where somebody else has: then nothing was touched.
	// Since and Until must be those of the run; Input, Reset, KeepWatermark and
	// ReplaceWorkspace were of account when it began. Default: go on with whatever
	// run is open, or begin one.
	Continue *Handover
}

// window names the window that is read again, "" for none.
func (o Options) window() string {
	if o.Since.IsZero() {
		return ""
	}
	until := "now"
	if !o.Until.IsZero() {
		until = o.Until.UTC().Format(time.RFC3339)
	}
	return o.Since.UTC().Format(time.RFC3339) + "-" + until
}

// ErrNoWindow means that only what can be read by date has a window to read again.
var ErrNoWindow = errors.New("--since reads an incremental subscription again; a full one is read whole every time")

// Run reads the subscription until it is up to date, goes on with a run that was
// stopped, or finds out why neither is possible. The report tells what was
// done in any case; an error comes with every outcome but Done and Incomplete.
//
// A run that StopAt ends in time is [Interrupted] and its report has a
// Handover, for the invocation that goes on. It has none where the run fails
// instead, with a [*StuckError] or a [*TooLongError], or could not be saved.
func (e *Engine) Run(ctx context.Context, opts Options) (Report, error) {
	if opts.Continue != nil {
		opts.Reset, opts.KeepWatermark, opts.ReplaceWorkspace = false, false, false
	}
	r, err := e.open(ctx, opts)
	if r.work != nil {
		ctx = WithRun(ctx, r.work.ID)
	}
	if err == nil {
		err = r.loop(ctx)
	}
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		err = ErrInterrupted
	}
	if r.leased {
		err = r.close(ctx, err)
	}
	if r.final != nil {
		return *r.final, err
	}
	return r.report(err), err
}
