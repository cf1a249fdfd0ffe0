package cli

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"path/filepath"
	"time"

	"intercom-connector/internal/config"
	"intercom-connector/internal/local/filelock"
	"intercom-connector/internal/local/fileout"
	"intercom-connector/internal/local/sqlitestate"
	"intercom-connector/internal/subscribe"
	"intercom-connector/internal/watch"
)

// runCommand reads subscriptions, one after the other: what bounds them is the
// rate limit, which they share.
type runCommand struct {
	stackFlags

	Names []string `arg:"" optional:"" name:"name" help:"Subscriptions of the configuration."`
	All   bool     `help:"All that are enabled."`

	To    string `placeholder:"file:PATH|-" help:"Where the events go: a file, or - for standard output."`
	Input input  `placeholder:"JSON" help:"What request_transform sees as .input."`

	Since instant `placeholder:"T" help:"Read again what changed since a time, a date, or so long ago (48h, 7d); the watermark stays."`
	Until instant `placeholder:"T" help:"The end of what is read again."`

	Reset            bool `xor:"start" help:"Forget what is remembered and start over."`
	Yes              bool `short:"y" help:"Do not ask before --reset."`
	KeepWatermark    bool `xor:"start" help:"Go on from the watermark although the subscription reads something else now."`
	ReplaceWorkspace bool `help:"Accept that the token belongs to another workspace than before."`

	LogRequests string `enum:",off,headers,bodies" default:"" placeholder:"MODE" help:"Log requests: off, headers, or bodies with their values masked."`
}

// A job is all that a runCommand has made sure of before anything is sent.
type job struct {
	*app

	command *runCommand
	cfg     *config.Config
	clients *clients
	store   *sqlitestate.Store // nil where a stack runs them
	stack   *deployment        // nil where this machine does
	orders  []order
	input   json.RawMessage

	piped      bool // events go to standard output
	readerGone bool // and nobody reads them any more
}

// An order is one subscription of a job.
type order struct {
	sub    *config.Subscription
	window window
	target target
}

// Run implements the command.
func (c *runCommand) Run(ctx context.Context, a *app) error {
	j, err := c.prepare(a)
	if err != nil {
		return err
	}
	defer j.clients.close()
	if c.deployed() {
		if j.stack, err = a.stack(ctx, c.stackFlags); err != nil {
			return err
		}
	}
	if c.Reset && !c.Yes {
		if err := j.confirmReset(); err != nil {
			return err
		}
	}
	if j.stack != nil {
		return j.do(ctx, j.runOnStack)
	}
	limitMemory(a.Getenv)
	if j.store, err = sqlitestate.Open(ctx, a.statePath()); err != nil {
		return err
	}
	defer j.store.Close()
	return j.do(ctx, j.run)
}

// do runs the subscriptions and tells what came of it.
func (j *job) do(ctx context.Context, run func(context.Context, order) (subscribe.Report, error)) error {
	status := statusDone
	var reports []subscribe.Report
	for _, o := range j.orders {
		report, err := run(ctx, o)
		reports = append(reports, report)
		status = max(status, j.tell(ctx, o, report, err))
		if status == statusInterrupted {
			break
		}
	}
	if err := j.writeReports(reports); err != nil {
		return err
	}
	if status != statusDone {
		return &statusError{status}
	}
	return nil
}

// prepare finds everything that is wrong with the request before it begins.
func (c *runCommand) prepare(a *app) (*job, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	cfg, _, err := a.load()
	if err != nil {
		return nil, err
	}
	subs, err := subscriptions(cfg, c.Names, c.All)
	if err != nil {
		return nil, err
	}
	if c.To != "" && c.To != stdout && len(subs) > 1 {
		return nil, usagef("--to %s is for one subscription: give one name, or --to - for all", c.To)
	}
	j := &job{app: a, command: c, cfg: cfg, clients: a.clients(cfg, c.LogRequests)}
	if j.input, err = c.Input.value(); err != nil {
		return nil, err
	}
	for _, sub := range subs {
		o := order{sub: sub}
		if o.window, err = parseWindow(c.Since, c.Until, zone(cfg, sub), sub); err != nil {
			return nil, err
		}
		if !c.deployed() {
			if err := j.prepareHere(&o); err != nil {
				return nil, err
			}
		}
		j.orders = append(j.orders, o)
	}
	return j, nil
}

// prepareHere finds what is wrong with running an order on this machine.
func (j *job) prepareHere(o *order) (err error) {
	if o.target, err = j.target(o.sub, j.command.To); err != nil {
		return err
	}
	if _, err := j.clients.get(o.sub.Client); err != nil {
		return err
	}
	j.piped = j.piped || o.target.piped()
	return j.checkRoute(*o)
}

// check refuses flags that do not go together.
func (c *runCommand) check() error {
	switch {
	case c.deployed() && c.To != "":
		return usagef("--to is for this machine: on a stack the events go where the configuration that was deployed says")
	case c.deployed() && c.LogRequests != "":
		return usagef("--log-requests is for this machine: of a stack log_requests in the configuration decides, and `connector logs` shows it")
	default:
		return c.stackFlags.check()
	}
}

// confirmReset asks, because what is forgotten is read and delivered again.
func (j *job) confirmReset() error {
	var names []string
	for _, o := range j.orders {
		names = append(names, o.sub.Name)
	}
	if !j.interactive() {
		return usagef("--reset forgets what %s remembers, so that everything is delivered again: add --yes if that is meant", list(names, "and"))
	}
	if !j.dialogue().confirm("Forget what " + list(names, "and") + " remembers, and deliver everything again?") {
		return &statusError{statusUsage}
	}
	return nil
}

// run runs one subscription under its lock.
func (j *job) run(ctx context.Context, o order) (subscribe.Report, error) {
	report := subscribe.Report{
		Subscription: o.sub.Name, Client: o.sub.Client, Entity: o.sub.Entity,
		Outcome: subscribe.Failed, Started: time.Now().UTC(),
	}
	fail := func(err error) (subscribe.Report, error) {
		report.Error, report.Finished = err.Error(), time.Now().UTC()
		return report, err
	}
	lock, err := filelock.Lock(filepath.Join(j.stateFolder(), "locks", o.sub.Name+".lock"))
	if errors.Is(err, filelock.ErrHeld) {
		report.Outcome = subscribe.Busy
		return fail(newBusyError("another run of "+o.sub.Name, err))
	}
	if err != nil {
		return fail(err)
	}
	defer lock.Unlock() //nolint:errcheck // The end of the process frees it too.

	user := ctx
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	out, err := j.openSink(ctx, o, stop)
	if err != nil {
		return fail(err)
	}
	defer out.Close()
	put := fileout.NewQuarantine(j.quarantinePath(o.sub.Name))
	defer put.Close()
	if o.target.own {
		j.note("%s: its destination is on AWS (%s); here its events go to %s", o.sub.Name, o.sub.To.Type, o.target.path)
	}

	api, err := j.clients.get(o.sub.Client)
	if err != nil {
		return fail(err)
	}
	progress := j.watch(o.sub.Name)
	defer progress.stop()
	engine, err := subscribe.New(subscribe.Config{
		Subscription: o.sub,
		Client:       j.cfg.Clients[o.sub.Client],
		API:          api,
		Store:        j.store,
		Destination:  out,
		Quarantine:   put,
		Log:          j.log(),
		Owner:        owner(),
		Alone:        true,
		Progress:     progress.update,
	})
	if err != nil {
		return fail(err)
	}
	report, err = engine.Run(ctx, subscribe.Options{
		Input:            j.input,
		Since:            o.window.since,
		Until:            o.window.until,
		Reset:            j.command.Reset,
		KeepWatermark:    j.command.KeepWatermark,
		ReplaceWorkspace: j.command.ReplaceWorkspace,
	})
	if cause := context.Cause(ctx); err != nil && user.Err() == nil && cause != nil && !j.readerGone {
		// It did not stop because somebody wanted it to.
		report.Outcome, report.Error = subscribe.Failed, cause.Error()
		return report, cause
	}
	return report, err
}

// tell reports one run and returns what it makes of the exit status.
func (j *job) tell(ctx context.Context, o order, report subscribe.Report, err error) int {
	if j.readerGone {
		return statusInterrupted // the reader has seen enough, and wants no comment
	}
	if err == nil || report.Run != "" {
		j.printReport(o, report)
	}
	switch {
	case errors.Is(err, errNotFollowed):
		j.complain("%s: %v; see how far it is with: %s", o.sub.Name, err, commandText(append(j.commandArgs("status"), j.command.args()...)))
		return statusInterrupted
	case j.stack != nil && err != nil:
		j.complain("%s: %s", o.sub.Name, j.explainRemote(o, err))
		return statusFailed
	case errors.Is(err, subscribe.ErrInterrupted), errors.Is(err, context.Canceled):
		j.complain("%s: interrupted; what was delivered is safe. Go on with: %s", o.sub.Name, j.again(o))
		return statusInterrupted
	case err != nil:
		why := j.explainFor(j.cfg, o.sub.Client, err)
		j.complain("%s: %s", o.sub.Name, why)
		j.remember(ctx, o, report, why)
		return statusFailed
	case report.Outcome == subscribe.Incomplete:
		j.complain("%s: incomplete: Intercom says there are %s and gave %s of them. The watermark stays, the next run reads again",
			o.sub.Name, count(report.Audit.Expected, "record"), number(report.Audit.Read))
		return statusFailed
	default:
		return statusDone
	}
}

// remember keeps why a run failed for `connector status`: its checkpoint may know
// nothing of it.
func (j *job) remember(ctx context.Context, o order, report subscribe.Report, why string) {
	if report.Outcome != subscribe.Failed || !o.window.since.IsZero() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rememberWithin) // the run's own may be over
	defer cancel()
	if err := watch.Note(ctx, j.store, o.sub.Name, report.Run, errors.New(why)); err != nil {
		j.log().WarnContext(ctx, "failure not remembered", "err", err)
	}
}

const rememberWithin = 3 * time.Second

// writeReports prints the reports as JSON where that was asked for: one as it
// is, several as an array.
func (j *job) writeReports(reports []subscribe.Report) error {
	if !j.global.JSON {
		return nil
	}
	if len(j.orders) == 1 {
		return writeJSON(j.results(), reports[0])
	}
	return writeJSON(j.results(), reports)
}

// results is where reports go: standard output, unless the events do.
func (j *job) results() io.Writer {
	if j.piped {
		return j.console
	}
	return j.Stdout
}
