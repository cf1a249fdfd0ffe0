package cli

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"intercom-connector/internal/config"
	"intercom-connector/internal/grant"
	"intercom-connector/internal/local/filesecrets"
)

// appCommand stores what Intercom's Developer Hub gives an OAuth app.
type appCommand struct {
	stackFlags

	Client string `arg:"" help:"A client of the configuration that uses OAuth."`
}

// An appResult is what app says as JSON.
type appResult struct {
	Client       string `json:"client"`
	Stored       string `json:"stored"`        // where
	RedirectURL  string `json:"redirect_url"`  // for the Developer Hub
	UninstallURL string `json:"uninstall_url"` // the same, "" on a laptop
}

// Run implements the command.
func (c *appCommand) Run(ctx context.Context, a *app) error {
	if err := c.check(); err != nil {
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
	s, err := a.site(ctx, c.stackFlags, client, defaultPort)
	if err != nil {
		return err
	}
	answers, err := a.askSecrets(secretQuestion{name: "client id"}, secretQuestion{name: "client secret", hidden: true})
	if err != nil {
		return err
	}
	if err := s.vault.PutApp(ctx, client.Name, grant.App{ID: answers[0], Secret: answers[1]}); err != nil {
		return err
	}
	r := appResult{Client: client.Name, Stored: s.place, RedirectURL: s.redirect}
	if c.deployed() {
		r.UninstallURL = strings.TrimSuffix(s.redirect, grant.CallbackPath) + grant.UninstallPath
	}
	if a.global.JSON {
		return writeJSON(a.Stdout, r)
	}
	if a.global.Quiet {
		return nil
	}
	text := fmt.Sprintf("the app of client %s is in %s\nits redirect URL, for Intercom's Developer Hub: %s\n", r.Client, r.Stored, r.RedirectURL)
	if r.UninstallURL != "" {
		text += fmt.Sprintf("its uninstall URL: %s\n", r.UninstallURL)
	}
	_, err = fmt.Fprintf(a.Stdout, "%snext: %s\n", text, commandText(append(a.commandArgs("grant", r.Client), c.args()...)))
	return err
}

// oauthClient finds a client that gets its token by a grant.
func oauthClient(cfg *config.Config, name, path string) (*config.Client, error) {
	client := cfg.Clients[name]
	if client == nil {
		return nil, unknownName("client", name, slices.Sorted(maps.Keys(cfg.Clients)))
	}
	if client.Auth.Type != config.OAuth {
		return nil, usagef("client %s uses an access token: set auth: {type: oauth} in %s to grant access instead", name, path)
	}
	return client, nil
}

// secretsPath is where tokens and apps are kept on this machine.
func (a *app) secretsPath() string { return filepath.Join(a.stateFolder(), "secrets.json") }

func (a *app) secrets() *filesecrets.Store { return filesecrets.At(a.secretsPath()) }
