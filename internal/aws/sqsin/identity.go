package sqsin

import (
	"context"
	"errors"
	"fmt"

	"intercom-connector/internal/config"
	"intercom-connector/internal/pause"
	"intercom-connector/internal/pin"
	"intercom-connector/internal/publish"
	"intercom-connector/internal/subscribe"
	"intercom-connector/shared/intercom"
)

// An identity is whose token the client has.
type identity struct {
	known     bool
	version   string // of the token
	workspace string
}

// publisherKey tells publishers apart: what is remembered of a message belongs
// to a workspace.
type publisherKey struct{ workspace, publisher string }

func (h *Handler) currentToken(ctx context.Context) (string, error) {
	return pause.CurrentToken(ctx, h.API)
}

// identify asks whose token it is, once for each token.
func (h *Handler) identify(ctx context.Context) (workspace string, err error) {
	version, err := h.API.TokenVersion(ctx, "")
	if err != nil {
		return "", err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.identity.known && h.identity.version == version {
		return h.identity.workspace, nil
	}
	ctx, cancel := bounded(ctx, h.Margin)
	defer cancel()
	workspace, err = subscribe.Identify(ctx, h.API, h.Client, h.Store, false)
	if err != nil {
		return "", err
	}
	h.identity = identity{known: true, version: version, workspace: workspace}
	return workspace, nil
}

// pinned is the workspace that the client had the last time, "" where it has had
// none, and so nothing is remembered of its messages.
func (h *Handler) pinned(ctx context.Context) string {
	w, err := pin.Get(ctx, h.Store, h.Client.Name)
	if err != nil {
		return ""
	}
	return w.ID
}

// publisher makes each publisher once: what it knows of messages that it could
// not remember elsewhere must not be lost.
func (h *Handler) publisher(pub *config.Publisher, workspace string) (*publish.Publisher, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	key := publisherKey{workspace, pub.Name}
	if p := h.publishers[key]; p != nil {
		return p, nil
	}
	outlet, err := h.Outlet(pub)
	if err != nil {
		return nil, fmt.Errorf("publisher %s: %w", pub.Name, err)
	}
	p, err := publish.New(publish.Config{
		Publisher:   pub,
		Client:      h.Client,
		API:         h.API,
		Workspace:   workspace,
		Store:       h.Store,
		Responses:   outlet.Responses,
		DeadLetters: outlet.DeadLetters,
		Owner:       h.Owner,
		Log:         h.Log,
		Random:      h.Random,
	})
	if err != nil {
		return nil, fmt.Errorf("publisher %s: %w", pub.Name, err)
	}
	h.publishers[key] = p
	return p, nil
}

// refuse is what becomes of a batch whose workspace could not be asked for.
// Where the token is to blame the client is paused, as if a message had met it.
func (b *batch) refuse(ctx context.Context, err error) {
	version, blamed := b.blame(ctx, err)
	if !blamed {
		b.later(ctx, err)
		return
	}
	paused, pauseErr := pause.Revoke(ctx, b.Store, b.Client.Name, err.Error(), version, b.currentToken)
	switch {
	case pauseErr != nil:
		b.later(ctx, fmt.Errorf("%w, after: %w", pauseErr, err))
	case !paused:
		b.later(ctx, fmt.Errorf("there is another token by now than the one that was refused: %w", err))
	default:
		b.all(publish.Paused, err.Error())
	}
}

// blame tells whether nothing can be sent because of an error until somebody
// has done something about the token or the configuration, and which token it
// is about.
func (b *batch) blame(ctx context.Context, err error) (version string, blamed bool) {
	if errors.Is(err, intercom.ErrNoToken) {
		return pause.NoToken, true
	}
	if api, ok := errors.AsType[*intercom.APIError](err); ok {
		return api.TokenVersion, errors.Is(err, intercom.ErrUnauthorized) || errors.Is(err, intercom.ErrLocked)
	}
	_, workspace := errors.AsType[*subscribe.WorkspaceError](err)
	_, region := errors.AsType[*intercom.RegionError](err)
	if !workspace && !region {
		return "", false
	}
	version, err = b.API.TokenVersion(ctx, "")
	return version, err == nil
}
