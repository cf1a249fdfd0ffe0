package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"intercom-connector/internal/config"
	"intercom-connector/internal/local/fileout"
	"intercom-connector/internal/local/filequeue"
	"intercom-connector/internal/local/letters"
	"intercom-connector/internal/local/sqlitestate"
	"intercom-connector/internal/publish"
)

// publishCommand sends the messages of files, one after the other.
type publishCommand struct {
	stackFlags

	Name  string   `arg:"" help:"A publisher of the configuration."`
	Files []string `arg:"" optional:"" name:"file" help:"Messages, one JSON object a line; - or nothing: standard input."`

	DryRun bool `help:"Print the exact requests and send none."`
	Again  bool `help:"Send what has been published anew: messages without an id of their own count as new ones."`

	ReplaceWorkspace bool   `help:"Accept that the token belongs to another workspace than before."`
	LogRequests      string `enum:",off,headers,bodies" default:"" placeholder:"MODE" help:"Log requests: off, headers, or bodies with their values masked."`
}

// A publication is one call of publishCommand.
type publication struct {
	*app

	command *publishCommand
	cfg     *config.Config
	pub     *config.Publisher
	clients *clients
	files   []*filequeue.File
	tracker *tracker
}

// Run implements the command.
func (c *publishCommand) Run(ctx context.Context, a *app) error {
	p, err := c.prepare(a)
	if err != nil {
		return err
	}
	defer p.close()
	if err := p.open(ctx); err != nil {
		if ctx.Err() != nil {
			p.complain("%s: interrupted; nothing was sent", c.Name)
			return &statusError{statusInterrupted}
		}
		return err
	}
	if c.DryRun {
		return p.rehearse(ctx)
	}
	if c.deployed() {
		return p.ship(ctx)
	}
	p.tracker = newTracker(p.pub, p.files)
	err = p.publish(ctx)
	return p.tell(ctx, err)
}

// prepare finds everything that is wrong with the request before it begins.
func (c *publishCommand) prepare(a *app) (*publication, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	cfg, _, err := a.load()
	if err != nil {
		return nil, err
	}
	pub, err := publisher(cfg, c.Name)
	if err != nil {
		return nil, err
	}
	p := &publication{app: a, command: c, cfg: cfg, pub: pub, clients: a.clients(cfg, c.LogRequests)}
	if len(c.Files) == 0 {
		if a.Terminal(a.Stdin) {
			return nil, usagef("name a file of messages, or - for standard input")
		}
		c.Files = []string{stdin}
	}
	for i, path := range c.Files {
		if path == stdin {
			if slices.Contains(c.Files[:i], stdin) {
				return nil, usagef("standard input can be read once only")
			}
			continue
		}
		if info, err := os.Stat(path); err != nil {
			return nil, &usageError{err}
		} else if info.IsDir() {
			return nil, usagef("%s is a folder, not a file of messages", path)
		}
	}
	if c.DryRun {
		return p, nil
	}
	if !pub.Enabled {
		return nil, usagef("publisher %s is not enabled: set enabled: true in %s, or look with --dry-run", pub.Name, a.global.Config)
	}
	if c.deployed() {
		return p, nil // the stack has the token
	}
	_, err = p.clients.get(pub.Client)
	return p, err
}

// check refuses flags that do not go together.
func (c *publishCommand) check() error {
	switch {
	case c.deployed() && c.ReplaceWorkspace:
		return usagef("--replace-workspace is for this machine: a stack gets another workspace with `connector token CLIENT --replace-workspace`")
	case c.deployed() && c.LogRequests != "":
		return usagef("--log-requests is for this machine: of a stack log_requests in the configuration decides, and `connector logs` shows it")
	default:
		return c.stackFlags.check()
	}
}

// stdin is the name of standard input as a file.
const stdin = "-"

// open reads all files once: a message is named for its whole file, and how
// many there are is known from the beginning.
func (p *publication) open(ctx context.Context) error {
	spool := filepath.Join(p.stateFolder(), "spool")
	for _, path := range p.command.Files {
		var f *filequeue.File
		var err error
		if path == stdin {
			f, err = filequeue.Spool(ctx, "standard input", p.Stdin, spool)
		} else {
			f, err = filequeue.Open(ctx, path, spool)
		}
		if err != nil {
			return err
		}
		p.files = append(p.files, f)
	}
	return nil
}

func (p *publication) close() {
	for _, f := range p.files {
		_ = f.Close() // it was read only
	}
	p.clients.close()
}

// publish publishes file after file. The error is what kept it from finishing.
func (p *publication) publish(ctx context.Context) error {
	store, err := sqlitestate.Open(ctx, p.statePath())
	if err != nil {
		return err
	}
	defer store.Close()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	out, err := p.openOutlet(ctx, p.clients, store, p.pub, p.command.ReplaceWorkspace, stop)
	if err != nil {
		return err
	}
	defer out.close()
	if out.responses != nil {
		p.tracker.report.Responses = out.responses.path
	}
	display := p.display(func() string { return p.tracker.line(out.API.Governor().Limits()) })
	defer display.stop()
	for i, f := range p.files {
		if err := p.publishFile(ctx, out, store, f, i); err != nil {
			if cause := context.Cause(ctx); cause != nil {
				return cause
			}
			return err
		}
	}
	return nil
}

// publishFile publishes what is left of a file.
func (p *publication) publishFile(ctx context.Context, out *outlet, store *sqlitestate.Store, f *filequeue.File, i int) (err error) {
	progress, err := filequeue.Load(ctx, store, out.Workspace, p.pub.Name, f)
	if err != nil {
		return err
	}
	at, complete := progress.Complete()
	switch {
	case complete && !p.command.Again:
		left, err := p.deadLeft(ctx, store, progress.Tally())
		if err != nil {
			return err
		}
		p.tracker.already(i, at, progress.Tally(), left)
		p.note("%s: already published, %s on %s: %s; --again sends it anew",
			f.Name, count(f.Messages, "message"), moment(at), tallyText(progress.Tally(), ", "))
		return nil
	case complete:
		progress.Again()
	case p.command.Again:
		p.note("%s: going on with it; --again is for a file that has been published to its end", f.Name)
	}
	p.tracker.begin(i, progress)

	// What has been settled is noted, whoever wants it to end.
	lasting := context.WithoutCancel(ctx)
	var one sync.Mutex // the reader of the file and the stream both have results
	settle := func(r publish.Result) error {
		one.Lock()
		defer one.Unlock()
		if err := progress.Finish(lasting, r); err != nil {
			return err
		}
		p.tracker.settle(i, r, progress.Tally(), func(problem string) { p.complain("%s", problem) })
		return nil
	}
	bad := func(b filequeue.Bad) error {
		err := out.letters.Put(lasting, publish.DeadLetter{
			Publisher: p.pub.Name, ID: b.ID, Body: b.Body, Reason: b.Reason,
			Outcome: publish.Dead, Line: b.Line, Time: time.Now().UTC(),
		})
		if err != nil {
			return err
		}
		return settle(publish.Result{ID: b.ID, Line: b.Line, Outcome: publish.Dead, Reason: b.Reason})
	}
	err = out.Stream(ctx, f.Deliveries(ctx, progress, bad), func(r publish.Result, _ publish.Delivery) error {
		return settle(r)
	})
	return errors.Join(err, progress.Save(lasting))
}

// deadLeft reports whether messages of a file that is done are dead, and there
// still are dead letters of the publisher: nobody has retried or dropped them.
func (p *publication) deadLeft(ctx context.Context, store *sqlitestate.Store, tally filequeue.Tally) (bool, error) {
	if tally.Dead+tally.Unknown == 0 {
		return false, nil
	}
	for _, err := range letters.New(store).List(ctx, p.pub.Name) {
		return err == nil, err
	}
	return false, nil
}

// tell reports what came of it, and returns the exit status as an error.
func (p *publication) tell(ctx context.Context, err error) error {
	paused, isPaused := errors.AsType[*publish.PausedError](err)
	r := p.tracker.finish(isPaused)
	switch {
	case isPaused:
		r.Outcome, r.Error = publicationPaused, paused.Error()
	case err != nil && ctx.Err() != nil:
		r.Outcome = publicationInterrupted
	case err != nil:
		r.Outcome, r.Error = publicationFailed, err.Error()
	case r.failed > 0:
		r.Outcome = publicationFailed
	}
	if err := p.print(r); err != nil {
		return err
	}
	switch {
	case errors.Is(err, fileout.ErrReaderGone):
		return &statusError{statusInterrupted} // it has seen enough, and wants no comment
	case r.Outcome == publicationInterrupted:
		p.complain("%s: interrupted; what is done is remembered. Go on with: %s", p.pub.Name, p.again())
		return &statusError{statusInterrupted}
	case err != nil:
		p.complain("%s: %s", p.pub.Name, p.explainFor(p.cfg, p.pub.Client, err))
		return &statusError{statusFailed}
	case r.Outcome != publicationDone:
		return &statusError{statusFailed}
	default:
		return nil
	}
}

// again is the command that goes on with what is left.
func (p *publication) again() string {
	args := append(p.commandArgs("publish", p.pub.Name), p.command.Files...)
	text := commandText(append(args, p.command.args()...))
	if slices.Contains(p.command.Files, stdin) {
		text += ", with the same input"
	}
	return text
}

// results is where the report goes: standard output, unless the responses do.
func (p *publication) results() io.Writer {
	if p.pub.Responses != nil && p.pub.Responses.Type == "stdout" {
		return p.console
	}
	return p.Stdout
}

// print prints the report.
func (p *publication) print(r *publicationReport) error {
	switch {
	case p.global.JSON:
		return writeJSON(p.results(), r)
	case p.global.Quiet:
		return nil
	}
	_, err := fmt.Fprint(p.results(), r.text(p))
	return err
}
