package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"intercom-connector/internal/aws/secrets"
	"intercom-connector/internal/config"
	"intercom-connector/internal/pause"
	"intercom-connector/internal/subscribe"
	"intercom-connector/shared/intercom"
)

// tokenCommand gives a client of a stack its token.
type tokenCommand struct {
	onlyStackFlags

	Client           string `arg:"" help:"A client of the configuration. The token itself is asked for, or read from standard input."`
	ReplaceWorkspace bool   `help:"Accept that the token belongs to another workspace than before."`
}

// A tokenResult is what token says as JSON.
type tokenResult struct {
	Client        string   `json:"client"`
	Secret        string   `json:"secret"` // the name of where it is
	Workspace     string   `json:"workspace"`
	WorkspaceName string   `json:"workspace_name,omitempty"`
	Region        string   `json:"region,omitempty"`
	Timezone      string   `json:"timezone,omitempty"`
	Publishers    []string `json:"publishers"` // that may send now
}

// Run implements the command. The order matters: once the token is stored, the
// flag is cleared with its version, so that a late refusal of the one before
// pauses nobody, and then the queues are started.
func (c *tokenCommand) Run(ctx context.Context, a *app) error {
	cfg, _, err := a.load()
	if err != nil {
		return err
	}
	client := cfg.Clients[c.Client]
	if client == nil {
		return unknownName("client", c.Client, slices.Sorted(maps.Keys(cfg.Clients)))
	}
	d, err := a.stack(ctx, c.flags())
	if err != nil {
		return err
	}
	if client.Auth.Type == config.OAuth {
		a.note("client %s uses OAuth: `%s` is how it usually gets its token", client.Name,
			commandText(append(a.commandArgs("grant", client.Name), d.flags.args()...)))
	}
	answers, err := a.askSecrets(secretQuestion{name: "access token of client " + client.Name, hidden: true})
	if err != nil {
		return err
	}
	token, err := c.check(ctx, a, client, d, answers[0])
	if err != nil {
		return a.explainToken(cfg, client, d, err)
	}
	version, err := d.tokens.PutToken(ctx, client.Name, token)
	if err != nil {
		return err
	}
	r := tokenResult{
		Client: client.Name, Secret: d.Token(client.Name), Workspace: token.Workspace, WorkspaceName: token.WorkspaceName,
		Region: token.Region, Timezone: token.Timezone, Publishers: publishersOf(cfg, client.Name),
	}
	if err := d.resume(ctx, client.Name, version); err != nil {
		return fmt.Errorf("the token is stored, but its publishers may still be stopped: %w", err)
	}
	return a.tellToken(&r)
}

// check asks Intercom whose token it is, and refuses one that is not this
// client's.
func (c *tokenCommand) check(ctx context.Context, a *app, client *config.Client, d *deployment, value string) (secrets.Token, error) {
	token := secrets.Token{Value: value, GrantedAt: time.Now().UTC()}
	api, err := intercom.New(intercom.Config{
		Name: client.Name, BaseURL: client.BaseURL, Version: client.Version, Token: intercom.StaticToken(value),
		UserAgent: "intercom-connector/" + version(), Log: a.logger(slog.LevelInfo),
	})
	if err != nil {
		return token, err
	}
	defer api.Close()
	me, err := api.Me(ctx)
	switch {
	case errors.Is(err, intercom.ErrForbidden):
		a.note("the token may not ask /me, so nobody can tell whose it is: give the app that permission, or set workspace and timezone in %s", a.global.Config)
	case err != nil:
		return token, err
	}
	token.WorkspaceName, token.Region, token.Timezone = me.WorkspaceName, me.Region, me.Timezone
	token.Workspace, err = subscribe.Identify(ctx, api, client, d.store, c.ReplaceWorkspace)
	return token, err
}

// explainToken says what is wrong with a token, without a word of it.
func (a *app) explainToken(cfg *config.Config, client *config.Client, d *deployment, err error) error {
	other, isOther := errors.AsType[*subscribe.WorkspaceError](err)
	switch {
	case errors.Is(err, intercom.ErrUnauthorized):
		return usagef("Intercom does not accept this token (%s), so it was not stored: copy it again from the Developer Hub (Configure > Authentication)", codeOf(err))
	case isOther && other.Configured:
		return usagef("this token is of workspace %s, and client %s is configured for %s: it was not stored", other.Got, client.Name, other.Want)
	case isOther && other.Got == subscribe.UnknownWorkspace:
		return usagef("%w: it was not stored", err)
	case isOther:
		return usagef("this token is of workspace %s, and client %s of stack %s was of %s so far: it was not stored; --replace-workspace accepts it",
			other.Got, client.Name, d.Stack, other.Want)
	}
	if _, isRegion := errors.AsType[*intercom.RegionError](err); isRegion {
		return usagef("%s, then deploy: the token was not stored", a.explainFor(cfg, client.Name, err))
	}
	return err
}

func (a *app) tellToken(r *tokenResult) error {
	if a.global.JSON {
		return writeJSON(a.Stdout, r)
	}
	if a.global.Quiet {
		return nil
	}
	workspace := r.Workspace
	if r.WorkspaceName != "" {
		workspace += " (" + r.WorkspaceName + ")"
	}
	text := fmt.Sprintf("client %s: the token of workspace %s is in the secret %s\n", r.Client, oneLine(workspace), r.Secret)
	if len(r.Publishers) > 0 {
		text += fmt.Sprintf("client %s may send: %s\n", r.Client, list(r.Publishers, "and"))
	}
	_, err := fmt.Fprint(a.Stdout, text)
	return err
}

// pause keeps a client of the stack from sending: the flag first, which every
// batch looks at, then the queues.
func (d *deployment) pause(ctx context.Context, client, reason string) error {
	if err := pause.Begin(ctx, d.store, client, reason, ""); err != nil {
		return err
	}
	if err := d.mappings.Disable(ctx, client); err != nil {
		return fmt.Errorf("client %s is paused, but its queues could not be stopped, so messages go to and fro: %w", client, err)
	}
	return nil
}

// resume lets a client of the stack send again. version names the token that it
// has now, "" for the same as before.
func (d *deployment) resume(ctx context.Context, client, version string) error {
	return pause.Start(ctx, d.store, client, version, d.mappings)
}
