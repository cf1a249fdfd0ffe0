package trigger

import (
	"context"
	"errors"
	"time"

	"intercom-connector/internal/pause"
	"intercom-connector/shared/intercom"
)

// pauseWithin is for reading the secret anew and for writing the flag.
const pauseWithin = 5 * time.Second

// pausePublishers pauses the client's publishers where Intercom has refused the
// token that they share with it, before a message meets the same. Their own
// function finds the flag with its next batch, and stops its queues.
func (h *Handler) pausePublishers(ctx context.Context, failure *RunError) {
	refused, ok := errors.AsType[*intercom.APIError](failure)
	if !ok || !errors.Is(refused, intercom.ErrUnauthorized) || refused.TokenVersion == "" || !h.publishes() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), pauseWithin)
	defer cancel()
	paused, err := pause.Revoke(ctx, h.cfg.Store, h.client.Name, failure.Error(), refused.TokenVersion, h.currentToken)
	switch {
	case err != nil:
		h.log.WarnContext(ctx, "publishers not paused", "err", err) // they meet the refusal themselves
	case paused:
		h.log.ErrorContext(ctx, "client paused", "reason", failure.Error())
	}
}

func (h *Handler) currentToken(ctx context.Context) (string, error) {
	api, err := h.api()
	if err != nil {
		return "", err
	}
	return pause.CurrentToken(ctx, api)
}

// publishes reports whether the client has a publisher at work.
func (h *Handler) publishes() bool {
	for _, pub := range h.cfg.Config.Publishers {
		if pub.Client == h.client.Name && pub.Enabled {
			return true
		}
	}
	return false
}
