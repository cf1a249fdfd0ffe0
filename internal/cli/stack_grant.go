package cli

import (
	"context"
	"errors"

	"intercom-connector/internal/aws/secrets"
	"intercom-connector/internal/config"
	"intercom-connector/internal/grant"
	"intercom-connector/internal/names"
)

// stackApps are the apps that a stack's secrets have.
type stackApps struct{ store *secrets.Store }

// App implements appVault.
func (s stackApps) App(ctx context.Context, client string) (grant.App, error) {
	app, err := s.store.App(ctx, client)
	if errors.Is(err, secrets.ErrNoApp) {
		return grant.App{}, grant.ErrNoApp
	}
	return grant.App(app), err
}

// PutApp implements appVault.
func (s stackApps) PutApp(ctx context.Context, client string, app grant.App) error {
	return s.store.PutApp(ctx, client, secrets.App(app))
}

// site is the stack as the place where a client's access is granted.
func (d *deployment) site(client *config.Client) (*site, error) {
	s := &site{vault: d.apps, place: "the secret " + d.App(client.Name), redirect: d.outputs[names.OutputCallback], stack: d}
	if configured := client.Auth.CallbackURL; configured != "" && !isLocal(configured) {
		s.redirect = configured
	}
	if s.redirect == "" {
		return nil, usagef("stack %s has no callback: deploy it again, with auth: {type: oauth} for client %s", d.Stack, client.Name)
	}
	return s, nil
}
