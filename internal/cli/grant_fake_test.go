package cli

import (
	"context"
	"sync"

	"intercom-connector/internal/grant"
	"intercom-connector/internal/names"
)

// A FakeVault keeps the apps of a stack's clients.
type FakeVault struct {
	mu   sync.Mutex
	apps map[string]grant.App
}

// App implements appVault.
func (v *FakeVault) App(_ context.Context, client string) (grant.App, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	app, ok := v.apps[client]
	if !ok {
		return app, grant.ErrNoApp
	}
	return app, nil
}

// PutApp implements appVault.
func (v *FakeVault) PutApp(_ context.Context, client string, app grant.App) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.apps == nil {
		v.apps = map[string]grant.App{}
	}
	v.apps[client] = app
	return nil
}

// OnGrants returns the program with a stack that has a callback, "" for none.
func (p Program) OnGrants(s *FakeStack, vault *FakeVault, callback string) Program {
	connect := p.On(s).connect
	p.connect = func(ctx context.Context, flags stackFlags, getenv func(string) string) (*deployment, error) {
		d, err := connect(ctx, flags, getenv)
		if err != nil {
			return nil, err
		}
		d.apps = vault
		d.outputs[names.OutputCallback] = callback
		return d, nil
	}
	return p
}

// Browsing returns the program with a browser of the test's.
func (p Program) Browsing(browse func(url string) error) Program {
	p.browse = browse
	return p
}
