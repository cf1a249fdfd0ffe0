package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"intercom-connector/internal/subscribe"
	"intercom-connector/shared/intercom/intercomtest"
)

// demoCommand shows what matters on a made-up workspace: a run that is killed
// in the middle is gone on with and loses nothing, and messages are applied once
// each. The runs are processes of this very program, and the kill is a real one.
type demoCommand struct {
	Keep string `placeholder:"DIR" help:"Keep configuration, state and events in a new folder."`
	Seed uint64 `help:"Another number, other records."`
}

// What the demo's workspace is like.
const (
	demoContacts = 8_000
	demoToken    = "demo-token"
	demoLimit    = 30 // requests in each window
	demoWindow   = 2 * time.Second
	demoLatency  = 80 * time.Millisecond
	demoTouched  = 300
	demoCreated  = 40
	// demoKill is the answer after which the first run is killed: a little more
	// than the middle, and late enough for it to have saved its position.
	demoKill = 44
)

const demoConfig = `clients:
  demo:
    base_uri: %s
    auth: access_token
subscriptions:
  contacts:
    client: demo
    entity: contacts
    sync: incremental
    to: {type: file, path: contacts.ndjson}
publishers:
  upsert-contact:
    client: demo
    method: POST
    entity: contacts
    on_conflict: update
  note:
    client: demo
    method: POST
    entity: contacts/{contact_id}/notes
  attribute:
    client: demo
    method: POST
    entity: data_attributes
`

// A demo is one showing.
type demo struct {
	*app

	folder string
	ws     *intercomtest.Workspace
	truth  truth // every version of every contact that has to arrive
	runs   []subscribe.Report
	sent   map[string]bool // markers of the messages that have to be applied
	began  time.Time
}

// Run implements the command.
func (c *demoCommand) Run(ctx context.Context, a *app) error {
	d := &demo{app: a, truth: truth{}, sent: map[string]bool{}, began: time.Now()}
	var err error
	if d.folder, err = c.folder(); err != nil {
		return err
	}
	if c.Keep == "" {
		defer os.RemoveAll(d.folder)
	}
	d.ws = intercomtest.New(intercomtest.Config{
		Token: demoToken, Seed: c.Seed, Contacts: demoContacts, Limit: demoLimit, Latency: demoLatency,
		Window: demoWindow, RecordSize: 700, Span: 120 * 24 * time.Hour,
	})
	server, err := serve(ctx, d.ws, 0)
	if err != nil {
		return err
	}
	defer server.close(ctx)
	if err := os.WriteFile(d.path("connector.yaml"), fmt.Appendf(nil, demoConfig, server.url), 0o600); err != nil {
		return err
	}
	err = d.show(ctx)
	switch {
	case ctx.Err() != nil:
		return &statusError{statusInterrupted}
	case err != nil:
		return err
	}
	result, err := d.check()
	if err != nil {
		return err
	}
	if err := d.conclude(result); err != nil {
		return err
	}
	if c.Keep != "" {
		d.say("kept in %s", d.folder)
	}
	if !result.perfect() {
		return &statusError{statusFailed}
	}
	return nil
}

// folder is a new one: the demo neither trusts nor removes what it has not made.
func (c *demoCommand) folder() (string, error) {
	if c.Keep == "" {
		return os.MkdirTemp("", "connector-demo-")
	}
	if err := os.MkdirAll(c.Keep, 0o700); err != nil {
		return "", err
	}
	entries, err := os.ReadDir(c.Keep)
	if err != nil {
		return "", err
	}
	if len(entries) > 0 {
		return "", usagef("--keep %s: the folder is not empty", c.Keep)
	}
	return filepath.Abs(c.Keep)
}

// show is the story.
func (d *demo) show(ctx context.Context) error {
	d.say("A made-up workspace with %s contacts, a limit of %d requests in %s, and faults:",
		number(demoContacts), demoLimit, lasting(demoWindow))
	d.say("429s, 500s, pages of HTML, an empty answer, connections cut in the middle.")
	d.truth.note(d.ws)
	d.breakThings()

	d.step("1", "the first run reads everything")
	if err := d.killed(ctx); err != nil {
		return err
	}
	d.say("  kill -9 after %s: no goodbye, %s in the file", count(int64(d.ws.Stats().Requests), "request"), size(d.fileSize()))

	d.step("2", "the second run goes on where the first one was")
	if err := d.finished(ctx); err != nil {
		return err
	}

	d.step("3", "%d contacts change, %d are new; the third run reads those", demoTouched, demoCreated)
	for i := range demoTouched {
		d.ws.Touch(intercomtest.Contacts, d.ws.ID(intercomtest.Contacts, i*demoContacts/demoTouched))
	}
	for range demoCreated {
		d.ws.Create(intercomtest.Contacts)
	}
	d.truth.note(d.ws)
	if err := d.finished(ctx); err != nil {
		return err
	}
	return d.publish(ctx)
}

// breakThings orders the faults. /me is left alone, so that every one of them
// befalls the reading.
func (d *demo) breakThings() {
	for _, f := range []intercomtest.Fault{
		{First: 9, Times: 1, Effect: limited},
		{First: 17, Times: 2, Effect: intercomtest.ServerError()},
		{First: 26, Times: 1, Effect: intercomtest.Cut()},
		{First: 33, Times: 1, Effect: intercomtest.HTML(502)},
		{First: 52, Times: 1, Effect: intercomtest.Empty()},
		{First: 57, Times: 1, Effect: limited},
		{First: 63, Times: 1, Effect: intercomtest.Cut()},
	} {
		f.Path = "/contacts/search"
		d.ws.Fault(f)
	}
}

// killed runs the connector and kills it.
func (d *demo) killed(ctx context.Context) error {
	ctx, kill := context.WithCancel(ctx)
	defer kill()
	cmd, _, err := d.command(ctx, "run", "contacts")
	if err != nil {
		return err
	}
	d.ws.OnRequest(func(n int) {
		if n == demoKill {
			kill()
		}
	})
	defer d.ws.OnRequest(func(int) {})
	err = cmd.Run()
	if cmd.ProcessState == nil {
		return fmt.Errorf("start the run: %w", err)
	}
	if cmd.ProcessState.Success() {
		return errors.New("the first run ended before it could be killed")
	}
	if ctx.Err() == nil {
		return fmt.Errorf("the first run failed: %w", err)
	}
	return nil
}

// finished runs the connector to its end.
func (d *demo) finished(ctx context.Context) error {
	cmd, out, err := d.command(ctx, "run", "contacts")
	if err != nil {
		return err
	}
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("run the connector: %w", err)
	}
	var r subscribe.Report
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		return fmt.Errorf("read the run's report: %w", err)
	}
	d.runs = append(d.runs, r)
	text := fmt.Sprintf("%s, %s, %s", r.Outcome, count(r.Events, "event"), count(r.Requests, "request"))
	if r.Resumed {
		text += ", the first run's included"
	}
	d.say("  %s", text)
	return nil
}

// command is a call of this program's, as a user would make it.
func (d *demo) command(ctx context.Context, args ...string) (*exec.Cmd, *bytes.Buffer, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, nil, fmt.Errorf("find this program: %w", err)
	}
	args = append(args, "--json", "--config", d.path("connector.yaml"))
	cmd := exec.CommandContext(ctx, self, args...) //nolint:gosec // this very program
	if d.global.Quiet {
		cmd.Args = append(cmd.Args, "--quiet")
	}
	cmd.Args[0] = name
	cmd.Env = append(cmd.Environ(), "INTERCOM_TOKEN_DEMO="+demoToken)
	out := &bytes.Buffer{}
	cmd.Stdout, cmd.Stderr = out, d.Stderr
	return cmd, out, nil
}

func (d *demo) path(name string) string { return filepath.Join(d.folder, name) }

func (d *demo) fileSize() int64 {
	info, err := os.Stat(d.path("contacts.ndjson"))
	if err != nil {
		return 0
	}
	return info.Size()
}

// step begins a part of the story.
func (d *demo) step(number, format string, args ...any) {
	d.console.show("")
	d.say("%s %s (%s)", d.console.paint(bold, number), fmt.Sprintf(format, args...), lasting(time.Since(d.began)))
}

func (d *demo) say(format string, args ...any) {
	if !d.global.JSON && !d.global.Quiet {
		fmt.Fprintf(d.Stdout, format+"\n", args...)
	}
}
