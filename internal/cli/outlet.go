package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"intercom-connector/internal/config"
	"intercom-connector/internal/local/filelock"
	"intercom-connector/internal/local/letters"
	"intercom-connector/internal/pause"
	"intercom-connector/internal/publish"
	"intercom-connector/internal/state"
	"intercom-connector/internal/subscribe"
	"intercom-connector/shared/intercom"
)

// An outlet is a publisher that is ready to send. No other process has it
// meanwhile.
type outlet struct {
	*publish.Publisher

	letters   publish.DeadLetters // stop the run where one cannot be kept
	responses *responses          // nil: nobody waits for answers
	lock      *filelock.Held
}

// openOutlet makes a publisher ready: it takes its lock, asks whose token it is,
// and opens the place for its responses. stop is called with the reason when
// what became of a message cannot be kept on this machine.
func (a *app) openOutlet(ctx context.Context, c *clients, store state.Store, pub *config.Publisher, replaceWorkspace bool, stop context.CancelCauseFunc) (_ *outlet, err error) {
	api, err := c.get(pub.Client)
	if err != nil {
		return nil, err
	}
	out := &outlet{letters: watchedLetters{letters.New(store), stop}}
	out.lock, err = filelock.Lock(a.outletLock(pub.Name))
	if errors.Is(err, filelock.ErrHeld) {
		return nil, newBusyError("publishing with "+pub.Name, err)
	}
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			out.close()
		}
	}()
	workspace, err := subscribe.Identify(ctx, api, c.cfg.Clients[pub.Client], store, replaceWorkspace)
	if err != nil {
		return nil, pauseIfRefused(ctx, api, store, pub.Client, err)
	}
	cfg := publish.Config{
		Publisher:   pub,
		Client:      c.cfg.Clients[pub.Client],
		API:         api,
		Workspace:   workspace,
		Store:       store,
		DeadLetters: out.letters,
		// The lock lets one process at a time be this worker, so what it finds
		// claimed was claimed by one that is no more.
		Owner: "laptop",
		Log:   a.log(),
	}
	if pub.Responses != nil {
		if out.responses, err = a.openResponses(pub, stop); err != nil {
			return nil, err
		}
		cfg.Responses = out.responses
	}
	out.Publisher, err = publish.New(cfg)
	return out, err
}

// pauseIfRefused pauses a client whose token is refused before there was a
// message to meet that, and returns the error with which publishing ends.
func pauseIfRefused(ctx context.Context, api *intercom.Client, store state.Store, client string, err error) error {
	answer, ok := errors.AsType[*intercom.APIError](err)
	if !ok || !errors.Is(err, intercom.ErrUnauthorized) && !errors.Is(err, intercom.ErrLocked) {
		return err
	}
	reason := strings.TrimPrefix(answer.Error(), "intercom: ")
	paused, pauseErr := pause.Revoke(ctx, store, client, reason, answer.TokenVersion, func(ctx context.Context) (string, error) {
		return pause.CurrentToken(ctx, api)
	})
	switch {
	case pauseErr != nil:
		return errors.Join(err, pauseErr)
	case !paused:
		return err // there is another token by now
	default:
		return &publish.PausedError{Client: client, Reason: reason, Err: err}
	}
}

// outletLock is held by who publishes with a publisher. No subscription can have
// this name: names have no dots.
func (a *app) outletLock(publisher string) string {
	return filepath.Join(a.stateFolder(), "locks", publisher+".publisher.lock")
}

// close frees the publisher.
func (o *outlet) close() {
	if o.responses != nil {
		_ = o.responses.close() // what was appended is safe without it
	}
	_ = o.lock.Unlock() // the end of the process would, too
}

// watchedLetters stop the run when one cannot be kept: without that nothing
// could go on but trying the same again.
type watchedLetters struct {
	*letters.Box

	stop context.CancelCauseFunc
}

// Put implements publish.DeadLetters.
func (w watchedLetters) Put(ctx context.Context, letter publish.DeadLetter) error {
	err := w.Box.Put(ctx, letter)
	if err != nil {
		w.stop(err)
	}
	return err
}

// rehearsedOutlet is a publisher that shows what it would send: it needs no
// token, no lock and no state.
func (a *app) rehearsedOutlet(c *clients, store state.Store, pub *config.Publisher) (*publish.Publisher, error) {
	c.offline = true
	api, err := c.get(pub.Client)
	if err != nil {
		return nil, err
	}
	p, err := publish.New(publish.Config{
		Publisher: pub, Client: c.cfg.Clients[pub.Client], API: api, Store: store,
		DeadLetters: letters.New(store), Log: a.log(),
	})
	if err != nil {
		return nil, fmt.Errorf("publisher %s: %w", pub.Name, err)
	}
	return p, nil
}
