package trigger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"intercom-connector/internal/config"
	"intercom-connector/internal/names"
	"intercom-connector/internal/state"
	"intercom-connector/internal/subscribe"
	"intercom-connector/internal/watch"
	"intercom-connector/shared/intercom"
)

// An Invoker invokes this function once more, asynchronously.
type Invoker interface {
	Invoke(ctx context.Context, payload []byte) error
}

// Metrics takes numbers by the names of internal/names. What cannot be written
// is not worth an error.
type Metrics interface {
	Emit(ctx context.Context, values map[string]float64)
}

// Outputs make what a run needs for its events, once a run.
type Outputs interface {
	// Destination is where a subscription's events go.
	Destination(sub *config.Subscription) (subscribe.Destination, error)
	// Quarantine is where goes what cannot go on.
	Quarantine(sub *config.Subscription) subscribe.Quarantine
}

// A Config is what a [Handler] is made of. All is required but what has a
// default.
type Config struct {
	Stack   names.Stack
	Client  string // of Config.Clients: the only one that the function works with
	Config  *config.Config
	Store   state.Store
	Token   intercom.TokenSource
	Outputs Outputs
	Invoker Invoker
	Metrics Metrics
	Log     *slog.Logger

	// RequestID is the id of the invocation that a context is of; default: "".
	RequestID func(ctx context.Context) string
	// Transport carries what is sent to Intercom; default: the client's own.
	Transport http.RoundTripper
}

// A Handler handles the triggers of the function that reads with one client. It
// keeps nothing from one invocation to the next but connections and what the
// rate limit was.
type Handler struct {
	cfg    Config
	client *config.Client
	log    *slog.Logger
	api    func() (*intercom.Client, error) // made when it is first needed
	busy   atomic.Int32                     // invocations under way
}

// A Result is what the function answers.
type Result struct {
	subscribe.Report

	Continues bool `json:"continues,omitempty"` // it has invoked itself
}

// New returns a Handler, or says what is wrong with cfg.
func New(cfg Config) (*Handler, error) {
	h := &Handler{cfg: cfg, client: cfg.Config.Clients[cfg.Client]}
	if h.client == nil {
		return nil, fmt.Errorf("trigger: the configuration has no client %q", cfg.Client)
	}
	if h.cfg.RequestID == nil {
		h.cfg.RequestID = func(context.Context) string { return "" }
	}
	correlated := slog.New(correlated{cfg.Log.Handler()})
	h.log = correlated.With("client", cfg.Client)
	h.api = sync.OnceValues(func() (*intercom.Client, error) {
		return intercom.New(intercom.Config{
			Name:      h.client.Name,
			BaseURL:   h.client.BaseURL,
			Version:   h.client.Version,
			Token:     cfg.Token,
			Transport: cfg.Transport,
			Governor:  intercom.NewGovernor(intercom.GovernorConfig{Reserve: cfg.Config.Reserve(h.client.Name)}),
			Log:       correlated, // it names the client itself
			LogMode:   intercom.LogMode(h.client.LogRequests),
		})
	})
	return h, nil
}

// Invoke handles one event and returns the report of the run, or what the watch
// has found, as JSON. It is a handler of aws-lambda-go.
func (h *Handler) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	h.busy.Add(1)
	defer h.busy.Add(-1)
	answer, err := h.handle(ctx, event)
	if refused, ok := errors.AsType[*RefusedError](err); ok {
		h.log.ErrorContext(ctx, "event refused", "reason", refused.Reason)
	}
	if err != nil {
		return nil, err
	}
	return json.Marshal(answer)
}

// Idle reports whether no invocation is under way: then nothing is lost with the
// process.
func (h *Handler) Idle() bool { return h.busy.Load() == 0 }

func (h *Handler) handle(ctx context.Context, event []byte) (any, error) {
	t, err := Decode(event)
	if err != nil {
		return nil, err
	}
	if t.Watch {
		w := watch.Watch{Stack: h.cfg.Stack, Config: h.cfg.Config, Store: h.cfg.Store, Metrics: h.cfg.Metrics, Log: h.log}
		return w.Report(ctx)
	}
	sub, err := h.find(&t)
	if err != nil {
		return nil, err
	}
	return h.run(context.WithValue(ctx, subscriptionKey{}, sub.Name), sub, &t)
}

// find returns the subscription that a trigger means, if it is this function's
// to read.
func (h *Handler) find(t *Trigger) (*config.Subscription, error) {
	sub := h.cfg.Config.Subscriptions[t.Subscription]
	switch {
	case sub == nil:
		return nil, refusef("there is no subscription %q: client %s has %s", t.Subscription, h.client.Name, h.subscriptions())
	case sub.Client != h.client.Name:
		return nil, refusef("%s is read with client %s, whose function is %s", sub.Name, sub.Client, h.cfg.Stack.SubscribeFunction(sub.Client))
	case !sub.Enabled && !t.Force:
		return nil, refusef(`%s is not enabled: enable it in connector.yaml and deploy, or say "force": true to run it once`, sub.Name)
	}
	return sub, nil
}

// subscriptions names those of the client.
func (h *Handler) subscriptions() string {
	var own []string
	for _, name := range slices.Sorted(maps.Keys(h.cfg.Config.Subscriptions)) {
		if h.cfg.Config.Subscriptions[name].Client == h.client.Name {
			own = append(own, name)
		}
	}
	if len(own) == 0 {
		return "none"
	}
	return strings.Join(own, ", ")
}

// run runs a subscription as far as the invocation's time goes.
func (h *Handler) run(ctx context.Context, sub *config.Subscription, t *Trigger) (*Result, error) {
	stop, cancelAt := limits(ctx)
	engine, err := h.engine(ctx, sub)
	if err != nil {
		return nil, h.fail(ctx, sub, t, &subscribe.Report{Subscription: sub.Name, Client: sub.Client, Entity: sub.Entity, Outcome: subscribe.Failed}, err)
	}
	within, cancel := ctx, context.CancelFunc(func() {})
	if !cancelAt.IsZero() {
		within, cancel = context.WithDeadline(ctx, cancelAt)
	}
	report, err := engine.Run(within, t.options(stop))
	cancel()
	if report.Run != "" {
		ctx = subscribe.WithRun(ctx, report.Run)
	}
	h.measure(ctx, engine, &report)
	result := &Result{Report: report}
	switch report.Outcome {
	case subscribe.Failed:
		return nil, h.fail(ctx, sub, t, &report, err)
	case subscribe.Interrupted:
		return result, h.handOver(ctx, sub, t, result)
	case subscribe.Incomplete, subscribe.Overtaken:
		h.log.WarnContext(ctx, "run ended", "outcome", report.Outcome, "report", report)
	default:
		h.log.InfoContext(ctx, "run ended", "outcome", report.Outcome, "report", report)
	}
	return result, nil
}

// engine makes the engine of a run.
func (h *Handler) engine(ctx context.Context, sub *config.Subscription) (*subscribe.Engine, error) {
	api, err := h.api()
	if err != nil {
		return nil, err
	}
	to, err := h.cfg.Outputs.Destination(sub)
	if err != nil {
		return nil, err
	}
	return subscribe.New(subscribe.Config{
		Subscription: sub,
		Client:       h.client,
		API:          api,
		Store:        h.cfg.Store,
		Destination:  to,
		Quarantine:   h.cfg.Outputs.Quarantine(sub),
		Log:          h.log,
		Owner:        h.owner(ctx),
	})
}

// owner names the invocation in the lease. An event that is delivered twice may
// come with the same request id, so that alone does not tell them apart.
func (h *Handler) owner(ctx context.Context) string {
	return h.cfg.RequestID(ctx) + "/" + strconv.FormatUint(rand.Uint64(), 36) //nolint:gosec // It only has to be unlike others.
}

// fail logs why a run failed, pauses whom that concerns, notes it for the watch,
// and returns it.
func (h *Handler) fail(ctx context.Context, sub *config.Subscription, t *Trigger, report *subscribe.Report, err error) error {
	failure := h.explain(sub, err)
	h.log.ErrorContext(ctx, "run ended", "outcome", report.Outcome, "err", failure.Text, "report", report)
	h.pausePublishers(ctx, failure)
	if !t.Since.IsZero() {
		return failure // who reads a window again looks how it ends
	}
	// The run's own time may be over.
	saving, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteWithin)
	defer cancel()
	if err := watch.Note(saving, h.cfg.Store, sub.Name, report.Run, failure); err != nil {
		h.log.WarnContext(ctx, "failure not noted for the watch", "err", err)
	}
	return failure
}

const noteWithin = 3 * time.Second

// handOver invokes the function again for a run that was stopped in time. Without
// that the next firing goes on: only what has none is an error.
func (h *Handler) handOver(ctx context.Context, sub *config.Subscription, t *Trigger, result *Result) error {
	fires := fires(sub) && t.Since.IsZero()
	if inTime := result.Handover != nil && ctx.Err() == nil; !inTime {
		h.log.WarnContext(ctx, "run ended", "outcome", result.Outcome, "continues", false, "report", result.Report)
		if fires {
			return nil
		}
		return &RunError{
			Subscription: sub.Name, Err: subscribe.ErrInterrupted,
			Text: "was stopped before it could go on by itself: what was delivered is safe, the same trigger goes on",
		}
	}
	payload, err := json.Marshal(t.next(result.Handover))
	if err == nil {
		err = h.cfg.Invoker.Invoke(ctx, payload)
	}
	if err == nil {
		result.Continues = true
		h.log.InfoContext(ctx, "run ended", "outcome", result.Outcome, "continues", true, "report", result.Report)
		return nil
	}
	h.log.ErrorContext(ctx, "run ended", "outcome", result.Outcome, "continues", false, "err", err, "report", result.Report)
	if fires {
		return nil
	}
	return &RunError{
		Subscription: sub.Name, Err: err,
		Text: fmt.Sprintf("stopped in time, but could not go on by itself (%v): what was delivered is safe, the same trigger goes on", err),
	}
}

// fires reports whether a schedule is going to start a subscription again.
func fires(sub *config.Subscription) bool {
	if sub.Schedule == nil || !sub.Enabled {
		return false
	}
	_, again := sub.Schedule.Next(time.Now())
	return again
}
