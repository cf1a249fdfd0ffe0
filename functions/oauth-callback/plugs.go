package main

import (
	"context"
	"errors"

	"intercom-connector/internal/aws/mappings"
	"intercom-connector/internal/aws/metrics"
	"intercom-connector/internal/aws/secrets"
	"intercom-connector/internal/grant"
	"intercom-connector/internal/names"
	"intercom-connector/internal/pause"
	"intercom-connector/internal/state"
	"intercom-connector/shared/intercom"
)

// A vault is the stack's secrets as internal/grant sees them.
type vault struct{ store *secrets.Store }

// App implements grant.Vault.
func (v vault) App(ctx context.Context, client string) (grant.App, error) {
	app, err := v.store.App(ctx, client)
	if errors.Is(err, secrets.ErrNoApp) {
		return grant.App{}, grant.ErrNoApp
	}
	return grant.App(app), err
}

// Token implements grant.Vault.
func (v vault) Token(ctx context.Context, client string) (grant.Token, error) {
	token, err := v.store.Token(ctx, client)
	if errors.Is(err, intercom.ErrNoToken) {
		return grant.Token{}, grant.ErrNoToken
	}
	return grant.Token(token), err
}

// PutToken implements grant.Vault.
func (v vault) PutToken(ctx context.Context, client string, token grant.Token) (string, error) {
	return v.store.PutToken(ctx, client, secrets.Token(token))
}

// publishers are the stack's as internal/grant sees them.
type publishers struct {
	store    state.Store
	vault    vault
	mappings *mappings.Mappings
	metrics  *metrics.Writer
}

// Resume implements grant.Publishers.
func (p publishers) Resume(ctx context.Context, client, version string) error {
	return pause.Start(ctx, p.store, client, version, p.mappings)
}

// Revoked implements grant.Publishers.
func (p publishers) Revoked(ctx context.Context, client, version, reason string) error {
	stopped, err := pause.Revoke(ctx, p.store, client, reason, version, func(ctx context.Context) (string, error) {
		token, err := p.vault.Token(ctx, client)
		if errors.Is(err, grant.ErrNoToken) {
			return pause.NoToken, nil
		}
		return token.Version, err
	})
	if err != nil || !stopped {
		return err
	}
	err = p.metrics.Put(metrics.Metric{Name: names.MetricPaused, Unit: metrics.Count, Value: 1})
	_, haltErr := pause.Halt(ctx, p.store, client, p.mappings)
	return errors.Join(err, haltErr)
}
