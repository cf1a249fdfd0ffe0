package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"intercom-connector/internal/config"
	"intercom-connector/internal/local/filequeue"
	"intercom-connector/internal/local/letters"
	"intercom-connector/internal/local/sqlitestate"
	"intercom-connector/internal/publish"
)

// retryLettersCommand sends dead letters again, under the ids that they have.
type retryLettersCommand struct {
	stackFlags
	choice

	Unknown bool `help:"Those of unknown outcome, too: Intercom may have applied them already, and then has them twice."`
}

// A retrial is what became of the dead letters of one publisher.
type retrial struct {
	Publisher string `json:"publisher"`
	Given     int64  `json:"given"`
	filequeue.Tally
	Paused int64  `json:"paused"`
	Left   int64  `json:"left"`
	Error  string `json:"error,omitempty"`

	err error
}

// retrials is the result as JSON.
type retrials struct {
	Publishers []retrial `json:"publishers"`
	// Spared are those of unknown outcome that were not meant to be sent.
	Spared int64 `json:"spared"`
}

// A retrying is one call of retryLettersCommand.
type retrying struct {
	*app

	command *retryLettersCommand
	cfg     *config.Config
	clients *clients
	store   *sqlitestate.Store
	box     *letters.Box
	told    int // problems shown one by one
}

// Run implements the command.
func (c *retryLettersCommand) Run(ctx context.Context, a *app) error {
	if err := cmp.Or(c.choice.check(), c.stackFlags.check()); err != nil {
		return err
	}
	cfg, _, err := a.load()
	if err != nil {
		return err
	}
	if c.deployed() {
		return c.retryOnStack(ctx, a, cfg)
	}
	r := &retrying{app: a, command: c, cfg: cfg, clients: a.clients(cfg, "")}
	defer r.clients.close()
	if r.store, err = sqlitestate.Open(ctx, a.statePath()); err != nil {
		return err
	}
	defer r.store.Close()
	r.box = letters.New(r.store)
	chosen, spared, err := r.choose(ctx)
	if err != nil {
		return err
	}
	result := retrials{Publishers: []retrial{}, Spared: spared}
	for _, name := range slices.Sorted(maps.Keys(chosen)) {
		t := r.retry(ctx, cfg.Publishers[name], chosen[name])
		result.Publishers = append(result.Publishers, t)
		if ctx.Err() != nil {
			break
		}
	}
	return r.tell(ctx, &result)
}

// choose returns the letters that are to be sent, by publisher, and how many
// are not because nobody knows whether they have been applied.
func (r *retrying) choose(ctx context.Context) (byPublisher map[string][]listedLetter, spared int64, err error) {
	all, err := r.command.letters(ctx, r.box)
	if err != nil {
		return nil, 0, err
	}
	byPublisher = map[string][]listedLetter{}
	for _, l := range all {
		pub := r.cfg.Publishers[l.Publisher]
		switch {
		case l.Outcome == publish.Unknown && !r.command.Unknown:
			if len(r.command.IDs) > 0 {
				return nil, 0, usagef("%s: its outcome is unknown, Intercom may have applied it: look there first, --unknown sends it anyway", l.Key)
			}
			spared++
			continue
		case pub == nil:
			return nil, 0, usagef("%s: publisher %s is not configured any more: drop it, or configure the publisher again", l.Key, l.Publisher)
		case !pub.Enabled:
			return nil, 0, usagef("%s: publisher %s is not enabled", l.Key, l.Publisher)
		}
		if _, err := r.clients.get(pub.Client); err != nil {
			return nil, 0, err
		}
		byPublisher[l.Publisher] = append(byPublisher[l.Publisher], l)
	}
	return byPublisher, spared, nil
}

// retry sends the letters of one publisher.
func (r *retrying) retry(ctx context.Context, pub *config.Publisher, chosen []listedLetter) retrial {
	t := retrial{Publisher: pub.Name, Given: int64(len(chosen))}
	user := ctx
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	err := r.send(ctx, pub, chosen, &t, stop)
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	open := t.Given - t.Finished()
	if _, paused := errors.AsType[*publish.PausedError](err); paused {
		t.Paused = open
	} else {
		t.Left = open
	}
	if err != nil && user.Err() == nil {
		t.err, t.Error = err, err.Error()
	}
	return t
}

func (r *retrying) send(ctx context.Context, pub *config.Publisher, chosen []listedLetter, t *retrial, stop context.CancelCauseFunc) error {
	out, err := r.openOutlet(ctx, r.clients, r.store, pub, false, stop)
	if err != nil {
		return err
	}
	defer out.close()
	began := time.Now()
	display := r.display(func() string {
		return fmt.Sprintf("%s: sending %s again, %s", pub.Name, count(t.Given, "dead letter"), lasting(time.Since(began)))
	})
	defer display.stop()
	return out.Stream(ctx, r.deliveries(ctx, out, chosen), func(result publish.Result, d publish.Delivery) error {
		t.Add(result)
		if !filequeue.Final(result.Outcome) {
			return nil
		}
		return r.settle(context.WithoutCancel(ctx), result, d, pub)
	})
}

// deliveries reads the letters again, one after the other: they may be large.
func (r *retrying) deliveries(ctx context.Context, out *outlet, chosen []listedLetter) iter.Seq2[publish.Delivery, error] {
	return func(yield func(publish.Delivery, error) bool) {
		for _, one := range chosen {
			l, err := r.box.Get(ctx, one.Key)
			if errors.Is(err, letters.ErrNone) {
				continue // somebody has dropped it
			}
			if err == nil && l.Outcome == publish.Unknown {
				_, err = out.Forget(ctx, l.ID)
			}
			if !yield(publish.Delivery{Body: l.Body, ID: l.ID, Group: l.Group, Sent: time.Now(), Line: l.Line}, err) || err != nil {
				return
			}
		}
	}
}

// settle takes a letter away that is done. One that is dead again has been put
// into the box under its id, which may be another now.
func (r *retrying) settle(ctx context.Context, result publish.Result, d publish.Delivery, pub *config.Publisher) error {
	key := letters.Key(pub.Name, d.ID, d.Body)
	if result.Outcome != publish.Done {
		if r.told++; r.told <= showProblems {
			r.complain("%s: %s: %s again: %s", pub.Name, key, result.Outcome, result.Reason)
		}
		if letters.Key(pub.Name, result.ID, d.Body) == key {
			return nil
		}
	}
	l, err := r.box.Get(ctx, key)
	if errors.Is(err, letters.ErrNone) {
		return nil
	}
	if err == nil {
		_, err = r.box.Drop(ctx, l)
	}
	return err
}

// tell reports what came of it.
func (r *retrying) tell(ctx context.Context, result *retrials) error {
	status := statusDone
	if r.global.JSON {
		if err := writeJSON(r.Stdout, result); err != nil {
			return err
		}
	}
	if result.Spared > 0 {
		r.note("%s of unknown outcome left alone: Intercom may have applied them; --unknown sends them again", number(result.Spared))
	}
	for i := range result.Publishers {
		t := &result.Publishers[i]
		if !r.global.JSON && !r.global.Quiet {
			if _, err := fmt.Fprintln(r.Stdout, t.text()); err != nil {
				return err
			}
		}
		if t.err != nil {
			r.complain("%s: %s", t.Publisher, r.explainFor(r.cfg, r.cfg.Publishers[t.Publisher].Client, t.err))
		}
		if t.Done < t.Given {
			status = statusFailed
		}
	}
	switch {
	case ctx.Err() != nil:
		r.complain("interrupted; what is done is remembered, the rest are dead letters as before")
		return &statusError{statusInterrupted}
	case status != statusDone:
		return &statusError{status}
	case len(result.Publishers) == 0 && !r.global.JSON:
		r.note("there is nothing to send again")
	}
	return nil
}

// text is the result of one publisher for people.
func (t *retrial) text() string {
	parts := []string{fmt.Sprintf("%s: %s = %s + %s paused", t.Publisher, count(t.Given, "dead letter"), tallyText(t.Tally, " + "), number(t.Paused))}
	if t.Left > 0 {
		parts = append(parts, number(t.Left)+" left")
	}
	return strings.Join(parts, " + ")
}
