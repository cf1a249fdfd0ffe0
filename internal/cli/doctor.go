package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"intercom-connector/internal/config"
	"intercom-connector/internal/doctor"
	"intercom-connector/shared/intercom"
)

// doctorCommand finds out what is wrong with access, here or on a stack.
type doctorCommand struct {
	Client string `arg:"" optional:"" help:"A client of the configuration; default: all."`

	stackFlags

	LogRequests string `enum:",off,headers,bodies" default:"" placeholder:"MODE" help:"As of run."`
}

// Run implements the command.
func (c *doctorCommand) Run(ctx context.Context, a *app) error {
	if err := c.check(); err != nil {
		return err
	}
	cfg, _, err := a.load()
	if err != nil {
		return err
	}
	if c.Client != "" && cfg.Clients[c.Client] == nil {
		return unknownName("client", c.Client, slices.Sorted(maps.Keys(cfg.Clients)))
	}
	examined := doctor.Config{
		Settings: cfg, File: a.global.Config, Client: c.Client,
		Command: c.commandText(a),
		Token:   a.tokenHere(cfg),
		Connect: a.probing(intercom.LogMode(c.LogRequests)),
	}
	a.console.show("looking …")
	defer a.console.show("")
	if c.deployed() {
		if err := a.examineStack(ctx, &examined, c.stackFlags); err != nil {
			return err
		}
	} else {
		machine, closeStore := a.machine(ctx)
		defer closeStore()
		examined.Machine = machine
	}
	report, err := doctor.Run(ctx, examined)
	a.console.show("")
	if err != nil {
		return &statusError{statusInterrupted}
	}
	if err := a.writeDiagnosis(&report); err != nil {
		return err
	}
	if !report.OK {
		return &statusError{statusFailed}
	}
	return nil
}

// commandText writes commands that are about the same as this one.
func (c *doctorCommand) commandText(a *app) func(args ...string) string {
	return func(args ...string) string {
		text := a.commandArgs(args...)
		if args[0] != "plan" { // it asks nobody, so no stack either
			text = append(text, c.args()...)
		}
		return commandText(text)
	}
}

// fromHub is where the token of an app without OAuth is.
const fromHub = "the token that Intercom's Developer Hub shows (Configure > Authentication)"

// tokenHere finds the tokens of this machine.
func (a *app) tokenHere(cfg *config.Config) func(context.Context, *config.Client) doctor.Token {
	return func(_ context.Context, client *config.Client) doctor.Token {
		variable, set := a.tokenVariable(cfg, client.Name)
		found := doctor.Token{
			Place:  "the environment variable " + variable,
			Supply: "set the environment variable " + variable + " to " + fromHub,
		}
		switch grant := a.grantAdvice(cfg, client.Name); {
		case grant != "" && set:
			found.Supply = "set the environment variable " + variable + " to a valid token, or unset it and have access granted: `" + grant + "`"
		case grant != "":
			found.Place = a.secretsPath()
			found.Supply = "have access granted: `" + grant + "`"
		case !set:
			found.Place += " or " + a.secretsPath()
		}
		source, err := a.token(cfg, client.Name)
		if _, missing := errors.AsType[*missingTokenError](err); !missing {
			found.Source, found.Err = source, err
		}
		return found
	}
}

// probing returns clients that give up sooner than those of a run.
func (a *app) probing(log intercom.LogMode) func(*config.Client, string, intercom.TokenSource) (*intercom.Client, error) {
	return func(client *config.Client, base string, token intercom.TokenSource) (*intercom.Client, error) {
		mode := log
		if mode == "" {
			mode = intercom.LogMode(client.LogRequests)
		}
		return intercom.New(intercom.Config{
			Name:      client.Name,
			BaseURL:   base,
			Version:   client.Version,
			Token:     token,
			Timeout:   doctor.ProbeTimeout,
			UserAgent: "intercom-connector/" + version(),
			Log:       a.logger(slog.LevelInfo),
			LogMode:   mode,
		})
	}
}

// writeDiagnosis shows what was found, and what to do about it.
func (a *app) writeDiagnosis(r *doctor.Report) error {
	if a.global.JSON {
		return writeJSON(a.Stdout, r)
	}
	var b strings.Builder
	rows := [][]string{{"CHECK", "RESULT", "DETAIL"}}
	for i := range r.Checks {
		c := &r.Checks[i]
		if a.global.Quiet && c.Result != doctor.Fail {
			continue
		}
		rows = append(rows, []string{c.Title(), string(c.Result), oneLine(c.Detail)})
	}
	if len(rows) > 1 {
		_ = table(&b, rows) // a Builder takes everything
	}
	for i, remedy := range r.Remedies() {
		if a.global.Quiet && !remedy.Fail {
			continue
		}
		if i == 0 {
			b.WriteString("\nwhat to do\n")
		}
		fmt.Fprintf(&b, "  %s → %s\n", list(remedy.Checks, "and"), oneLine(remedy.Text))
	}
	if !a.global.Quiet {
		fmt.Fprintf(&b, "\n%s: %s\n", count(int64(len(r.Checks)), "check"), counted(r.Counts))
	}
	_, err := io.WriteString(a.Stdout, b.String())
	return err
}

// counted says how many checks ended how.
func counted(counts map[doctor.Result]int) string {
	var parts []string
	for _, result := range []doctor.Result{doctor.OK, doctor.Warn, doctor.Fail, doctor.Skipped} {
		if n := counts[result]; n > 0 {
			parts = append(parts, number(int64(n))+" "+string(result))
		}
	}
	return strings.Join(parts, ", ")
}
