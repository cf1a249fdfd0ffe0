package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"

	"github.com/cli/browser"

	"intercom-connector/internal/config"
	"intercom-connector/internal/grant"
	"intercom-connector/internal/state"
)

// grantCommand lets somebody grant access to a workspace by a click.
type grantCommand struct {
	stackFlags

	Client           string `arg:"" help:"A client of the configuration that uses OAuth."`
	NoWait           bool   `help:"Print the link and end, for somebody else to open; only with --stack."`
	NoBrowser        bool   `help:"Print the link and open nothing."`
	ReplaceWorkspace bool   `help:"Accept another workspace than that of the first token."`
	Port             int    `default:"8765" help:"Where this machine takes the callback, without --stack, unless callback_url says."`
	LogRequests      string `enum:",off,headers,bodies" default:"" placeholder:"off|headers|bodies" help:"Log the requests to Intercom, without --stack; default: what the configuration says."`
}

// A linkResult is what grant --no-wait says as JSON.
type linkResult struct {
	Client      string    `json:"client"`
	URL         string    `json:"url"`
	RedirectURL string    `json:"redirect_url"`
	Expires     time.Time `json:"expires"`
}

// Run implements the command.
func (c *grantCommand) Run(ctx context.Context, a *app) error {
	if err := c.checkFlags(); err != nil {
		return err
	}
	cfg, _, err := a.load()
	if err != nil {
		return err
	}
	client, err := oauthClient(cfg, c.Client, a.global.Config)
	if err != nil {
		return err
	}
	s, err := a.site(ctx, c.stackFlags, client, c.Port)
	if err != nil {
		return err
	}
	order, err := c.order(ctx, a, s, client)
	if err != nil {
		return err
	}
	if s.stack != nil {
		return c.through(ctx, a, s.stack.store, order, 2*time.Second)
	}
	return c.here(ctx, a, cfg, order)
}

func (c *grantCommand) checkFlags() error {
	switch {
	case c.NoWait && !c.deployed():
		return usagef("--no-wait is for a stack: without one this command takes the callback itself, and has to wait for it")
	case c.LogRequests != "" && c.deployed():
		return usagef("--log-requests is for this machine: of a stack log_requests in the configuration decides, and `connector logs` shows it")
	case c.Port < 1 || c.Port > 65535:
		return usagef("--port is a number from 1 to 65535")
	default:
		return c.check()
	}
}

// order says what the link is for.
func (c *grantCommand) order(ctx context.Context, a *app, s *site, client *config.Client) (grant.Order, error) {
	app, err := s.vault.App(ctx, client.Name)
	if errors.Is(err, grant.ErrNoApp) {
		return grant.Order{}, usagef("client %s has no app yet: `%s` stores its client id and client secret", client.Name,
			commandText(append(a.commandArgs("app", client.Name), c.args()...)))
	}
	if err != nil {
		return grant.Order{}, err
	}
	return grant.Order{
		Client: client, Stack: c.Stack, ClientID: app.ID, RedirectURL: s.redirect, ReplaceWorkspace: c.ReplaceWorkspace,
	}, nil
}

// through issues the link and waits for what comes of it.
func (c *grantCommand) through(ctx context.Context, a *app, store state.Store, order grant.Order, every time.Duration) error {
	link, err := grant.Issue(ctx, store, order)
	if err != nil {
		return err
	}
	if c.NoWait {
		return c.handOut(a, order, link)
	}
	fmt.Fprintf(a.console, "whoever may install apps in the workspace opens this link within ten minutes:\n\n  %s\n\n", link.URL)
	if !c.NoBrowser {
		a.visit(link.URL)
	}
	a.console.show("waiting for the grant, Ctrl-C stops")
	result, err := grant.Await(ctx, store, link, every)
	a.console.show("")
	switch {
	case ctx.Err() != nil:
		a.note("stopped: nobody has granted access so far")
		return &statusError{statusInterrupted}
	case err != nil:
		return err
	}
	return c.report(a, result)
}

// handOut prints the link for somebody else.
func (c *grantCommand) handOut(a *app, order grant.Order, link grant.Link) error {
	if a.global.JSON {
		return writeJSON(a.Stdout, linkResult{Client: order.Client.Name, URL: link.URL, RedirectURL: order.RedirectURL, Expires: link.Expires})
	}
	a.note("the link is good once, until %s", link.Expires.Local().Format("15:04:05"))
	_, err := fmt.Fprintln(a.Stdout, link.URL)
	return err
}

// report says who has granted what.
func (c *grantCommand) report(a *app, r grant.Result) error {
	if a.global.JSON {
		if err := writeJSON(a.Stdout, r); err != nil {
			return err
		}
	}
	if !r.Granted {
		a.complain("access to client %s was not granted: %s", r.Client, r.Message)
		return &statusError{statusFailed}
	}
	if a.global.JSON || a.global.Quiet {
		return nil
	}
	var b strings.Builder
	fmt.Fprintf(&b, "access granted to client %s\n", r.Client)
	for _, row := range [][2]string{
		{"workspace", strings.TrimSpace(r.WorkspaceName + " (" + r.Workspace + ")")},
		{"region", r.Region},
		{"time zone", r.Timezone},
		{"granted by", r.Admin},
		{"note", r.Note},
	} {
		if row[1] != "" {
			fmt.Fprintf(&b, "  %-11s %s\n", row[0], oneLine(row[1]))
		}
	}
	_, err := io.WriteString(a.Stdout, b.String())
	return err
}

// visit opens a page in the browser, where there is one. It does not wait for
// it: some end only when their window is closed.
func (a *app) visit(url string) {
	open := a.browse
	if open == nil {
		open = openBrowser
	}
	go func() {
		if err := open(url); errors.Is(err, exec.ErrNotFound) {
			a.note("there is no browser here: open the link on any machine that has one")
		}
	}()
}

func openBrowser(url string) error {
	browser.Stdout, browser.Stderr = io.Discard, io.Discard
	return browser.OpenURL(url)
}
