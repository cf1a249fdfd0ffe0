package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"intercom-connector/internal/aws/stackaccess"
	"intercom-connector/internal/config"
	"intercom-connector/internal/pin"
	"intercom-connector/internal/state"
	"intercom-connector/internal/subscribe"
)

const (
	// followEvery is how often a run is looked at; it saves every second.
	followEvery = 2 * time.Second
	// patience is how long a run that was handed over may show no sign of life:
	// longer than its lease and a start of the function.
	patience = 3 * time.Minute
)

// errNotFollowed means that nobody waits for the run any more.
var errNotFollowed = errors.New("not followed any more, the run goes on in the stack")

// A silentError means that a run was handed over and nobody has gone on.
type silentError struct{ run string }

func (e *silentError) Error() string {
	return fmt.Sprintf("nobody has gone on with run %s for %s", e.run, lasting(patience))
}

// An unseenError means that another run has ended since the one that was
// followed, so that nothing tells how that one did.
type unseenError struct{ run string }

func (e *unseenError) Error() string {
	return fmt.Sprintf("run %s is over, and another one has ended since", e.run)
}

// A trigger is what the function is invoked with.
type trigger struct {
	Subscription     string          `json:"subscription"`
	Input            json.RawMessage `json:"input,omitempty"`
	Reset            bool            `json:"reset,omitempty"`
	KeepWatermark    bool            `json:"keep_watermark,omitempty"`
	ReplaceWorkspace bool            `json:"replace_workspace,omitempty"`
	Since            time.Time       `json:"since,omitzero"`
	Until            time.Time       `json:"until,omitzero"`
	Force            bool            `json:"force,omitempty"` // also where it is not enabled
}

// A remoteReport is what the function answers.
type remoteReport struct {
	subscribe.Report

	Continues bool `json:"continues"` // it has invoked itself
}

// A follower follows one run of a stack: by the answer of the function that it
// has invoked, by the checkpoint when that one has handed the run over.
type follower struct {
	*job

	order    order
	progress *progress
	last     time.Time // when the last run ended that the checkpoint knew before this one
	at       string    // the run's id, once known
	alive    time.Time // when the run last showed a sign of life, by our clock
	saved    string    // that sign
}

// runOnStack has the stack run one subscription, and follows it to its end.
//
// The function is invoked synchronously although it may take a quarter of an
// hour: only so it can say that another run is under way, or why it could not
// even begin. If the connection breaks meanwhile, the run is followed by what it
// remembers.
func (j *job) runOnStack(ctx context.Context, o order) (subscribe.Report, error) {
	f := &follower{job: j, order: o, alive: time.Now()}
	report := subscribe.Report{
		Subscription: o.sub.Name, Client: o.sub.Client, Entity: o.sub.Entity,
		Outcome: subscribe.Failed, Started: time.Now().UTC(),
	}
	cp, err := f.look(ctx)
	if err == nil {
		if cp.Last != nil {
			f.last = cp.Last.Finished
		}
		f.progress = j.watch(o.sub.Name)
		defer f.progress.stop()
		var got *subscribe.Report
		if got, err = f.follow(ctx); got != nil {
			return *got, err
		}
	}
	if ctx.Err() != nil {
		err = errNotFollowed
		report.Outcome = subscribe.Interrupted
	}
	report.Error, report.Finished = err.Error(), time.Now().UTC()
	return report, err
}

// An answer of the function.
type answered struct {
	payload []byte
	err     error
}

// follow invokes the function and returns the report of the run, nil where there
// is none.
func (f *follower) follow(ctx context.Context) (*subscribe.Report, error) {
	payload, err := json.Marshal(f.trigger())
	if err != nil {
		return nil, err
	}
	answer := make(chan answered, 1)
	go func() {
		out, err := f.stack.Invoke(ctx, f.stack.SubscribeFunction(f.order.sub.Client), payload)
		answer <- answered{out, err}
	}()
	ticker := time.NewTicker(followEvery)
	defer ticker.Stop()
	for invoked := true; ; {
		select {
		case <-ctx.Done():
			return nil, errNotFollowed
		case a := <-answer:
			report, handedOver, err := f.take(ctx, a)
			if !handedOver {
				return report, err
			}
			invoked = false
		case <-ticker.C:
			report, err := f.poll(ctx, !invoked)
			if report != nil || err != nil {
				return report, err
			}
		}
	}
}

func (f *follower) trigger() trigger {
	c := f.command
	return trigger{
		Subscription: f.order.sub.Name, Input: f.input,
		Reset: c.Reset, KeepWatermark: c.KeepWatermark, ReplaceWorkspace: c.ReplaceWorkspace,
		Since: f.order.window.since, Until: f.order.window.until,
		Force: !c.All,
	}
}

// take takes the function's answer. It reports handedOver where the run goes on
// in another invocation.
func (f *follower) take(ctx context.Context, a answered) (report *subscribe.Report, handedOver bool, err error) {
	if a.err != nil {
		return f.failed(ctx, a.err)
	}
	var r remoteReport
	if err := json.Unmarshal(a.payload, &r); err != nil || r.Subscription == "" {
		return nil, false, fmt.Errorf("the function's answer is no report: is %s a connector of this version?", f.stack.Stack)
	}
	if r.Continues {
		f.at, f.last, f.alive = r.Run, r.Finished, time.Now()
		return nil, true, nil
	}
	return &r.Report, false, ended(&r.Report)
}

// failed takes an error instead of an answer: the run's own, one that kept it
// from beginning, or one of the connection.
func (f *follower) failed(ctx context.Context, err error) (*subscribe.Report, bool, error) {
	if _, itsOwn := errors.AsType[*stackaccess.FunctionError](err); itsOwn {
		// How far it came is remembered, if it came anywhere.
		if cp, lookErr := f.look(ctx); lookErr == nil && cp.Last != nil && cp.Last.Finished.After(f.last) {
			return cp.Last, false, err
		}
		return nil, false, err
	}
	problem, _ := stackaccess.Diagnose(err)
	if problem.Kind != stackaccess.Unreachable || f.at == "" || ctx.Err() != nil {
		return nil, false, err
	}
	f.note("%s: the connection to the function broke; following what the run remembers", f.order.sub.Name)
	f.alive = time.Now()
	return nil, true, nil
}

// poll looks how far the run is. Once the function does not answer any more,
// what is remembered tells the end, too.
func (f *follower) poll(ctx context.Context, handedOver bool) (*subscribe.Report, error) {
	cp, err := f.look(ctx)
	switch {
	case ctx.Err() != nil:
		return nil, errNotFollowed
	case err != nil && time.Since(f.alive) < patience:
		return nil, nil // the next look may be luckier
	case err != nil:
		return nil, err
	}
	if handedOver && cp.Last != nil && cp.Last.Finished.After(f.last) {
		switch {
		case cp.Last.Run != f.at:
			return nil, &unseenError{run: f.at}
		case cp.Last.Outcome != subscribe.Interrupted:
			return cp.Last, ended(cp.Last)
		}
		f.last = cp.Last.Finished // handed over once more
	}
	sign := cp.Lease.Until.String()
	if cp.Run != nil {
		f.progress.update(cp.Run.Progress())
		if !handedOver {
			f.at = cp.Run.ID
		}
		sign += fmt.Sprint(cp.Run.ID, cp.Run.Saved)
	}
	if sign != f.saved {
		f.saved, f.alive = sign, time.Now()
	}
	if handedOver && time.Since(f.alive) > patience {
		return nil, &silentError{run: f.at}
	}
	return nil, nil
}

// look loads what the subscription remembers.
func (f *follower) look(ctx context.Context) (subscribe.Checkpoint, error) {
	workspace, err := f.stack.workspace(ctx, f.cfg.Clients[f.order.sub.Client])
	if err != nil {
		return subscribe.Checkpoint{}, err
	}
	return subscribe.Load(ctx, f.stack.store, workspace, f.order.sub.Name, f.order.window.since, f.order.window.until)
}

// workspace is the one that the stack knows a client to belong to.
func (d *deployment) workspace(ctx context.Context, client *config.Client) (string, error) {
	pinned, err := pin.Get(ctx, d.store, client.Name)
	switch {
	case errors.Is(err, state.ErrNotFound) && client.Workspace != "":
		return client.Workspace, nil
	case errors.Is(err, state.ErrNotFound):
		return pin.Unknown, nil
	default:
		return pinned.ID, err
	}
}

// A remoteError is why a run of the stack did not end well, in its own words.
type remoteError struct{ *subscribe.Report }

func (e *remoteError) Error() string {
	if e.Report.Error == "" {
		return string(e.Outcome)
	}
	return e.Report.Error
}

// ended is the error that a report stands for, as a run here would have had it.
func ended(r *subscribe.Report) error {
	switch r.Outcome {
	case subscribe.Done, subscribe.Incomplete:
		return nil
	default:
		return &remoteError{r}
	}
}

// explainRemote says what to do about a run of the stack that did not end well.
func (j *job) explainRemote(o order, err error) string {
	logs := commandText(append(j.commandArgs("logs", o.sub.Name), j.command.args()...))
	remote, isRemote := errors.AsType[*remoteError](err)
	_, silent := errors.AsType[*silentError](err)
	_, unseen := errors.AsType[*unseenError](err)
	function, isFunction := errors.AsType[*stackaccess.FunctionError](err)
	switch {
	case isFunction && (function.Type == "RunError" || function.Type == "RefusedError"):
		return strings.TrimPrefix(function.Message, o.sub.Name+": ") // it says what to do
	case errors.Is(err, stackaccess.ErrNoFunction):
		return fmt.Sprintf("stack %s has no function that reads with client %s: deploy it first", j.stack.Stack, o.sub.Client)
	case isRemote && remote.Outcome == subscribe.Busy:
		return "another run is under way in the stack: nothing was done"
	case isRemote && strings.Contains(remote.Report.Error, ": 401"):
		return err.Error() + ": store a token that Intercom accepts with: " +
			commandText(append(j.commandArgs("token", o.sub.Client), j.command.args()...))
	case isRemote && remote.Outcome == subscribe.Interrupted:
		return "stopped before its end; the next run goes on. Go on with: " + j.again(o)
	case isRemote, silent, unseen, isFunction:
		return err.Error() + "; its log: " + logs
	default:
		return j.explain(err)
	}
}
