package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"intercom-connector/internal/aws/stackaccess"
	"intercom-connector/internal/config"
	"intercom-connector/internal/names"
	"intercom-connector/internal/publish"
)

// A resend is what became of the dead letters of one publisher of a stack.
type resend struct {
	Publisher string `json:"publisher"`
	Given     int64  `json:"given"`
	Sent      int64  `json:"sent"` // to the publisher's queue
	Left      int64  `json:"left"` // dead letters as before
	Error     string `json:"error,omitempty"`

	err error
}

// resends is the result as JSON.
type resends struct {
	Stack      string   `json:"stack"`
	Publishers []resend `json:"publishers"`
	// Spared are those of unknown outcome that were not meant to be sent.
	Spared int64 `json:"spared"`
}

// A resending is one call of retryLettersCommand with --stack.
type resending struct {
	*app

	command *retryLettersCommand
	cfg     *config.Config
	stack   *deployment
	clients *clients
	queues  []stackaccess.Queue // all of the stack's
	forgets map[string]*publish.Publisher
}

// retryOnStack puts dead letters of a stack back into their publishers' queues.
//
// A letter is removed only once its message is in the queue: whoever is
// interrupted in between leaves it in both, and its id keeps it from being
// published twice.
func (c *retryLettersCommand) retryOnStack(ctx context.Context, a *app, cfg *config.Config) error {
	d, err := a.stack(ctx, c.stackFlags)
	if err != nil {
		return err
	}
	r := &resending{app: a, command: c, cfg: cfg, stack: d, clients: a.clients(cfg, ""), forgets: map[string]*publish.Publisher{}}
	defer r.clients.close()
	if r.queues, err = d.Queues(ctx); err != nil {
		return err
	}
	bag, err := d.collect(ctx, c.Publisher, nil)
	if err != nil {
		return err
	}
	a.missing(bag)
	chosen, spared, err := r.choose(ctx, bag)
	if err != nil {
		return err
	}
	result := resends{Stack: string(d.Stack), Publishers: []resend{}, Spared: spared}
	for _, name := range slices.Sorted(maps.Keys(chosen)) {
		result.Publishers = append(result.Publishers, r.resend(ctx, name, bag.queues, chosen[name]))
		if ctx.Err() != nil {
			break
		}
	}
	return r.tell(ctx, &result)
}

// choose returns the letters that are to be sent, by publisher, and how many
// are not because nobody knows whether they have been applied.
func (r *resending) choose(ctx context.Context, bag *mailbag) (byPublisher map[string][]listedLetter, spared int64, err error) {
	all, err := r.command.among(bag.letters)
	if err != nil {
		return nil, 0, err
	}
	byPublisher = map[string][]listedLetter{}
	for _, l := range all {
		if pub := r.cfg.Publishers[l.Publisher]; pub != nil && !pub.Enabled {
			return nil, 0, usagef("%s: publisher %s is not enabled", l.Key, l.Publisher)
		}
		if l.Outcome == publish.Unknown {
			switch {
			case r.command.Unknown:
				if err := r.prepareToForget(ctx, l.Publisher); err != nil {
					return nil, 0, err
				}
			case len(r.command.IDs) > 0:
				return nil, 0, usagef("%s: its outcome is unknown, Intercom may have applied it: look there first, --unknown sends it anyway", l.Key)
			default:
				spared++
				continue
			}
		}
		byPublisher[l.Publisher] = append(byPublisher[l.Publisher], l)
	}
	return byPublisher, spared, nil
}

// prepareToForget makes what forgets that the outcome of a message is unknown.
// What is remembered is the workspace's and the publisher's.
func (r *resending) prepareToForget(ctx context.Context, name string) error {
	if r.forgets[name] != nil {
		return nil
	}
	pub := r.cfg.Publishers[name]
	if pub == nil {
		return usagef("publisher %s is not configured any more, and what the stack remembers of its messages cannot be found without: configure it again, or drop them", name)
	}
	workspace, err := r.stack.workspace(ctx, r.cfg.Clients[pub.Client])
	if err != nil {
		return err
	}
	p, err := r.rehearsedOutlet(r.clients, r.stack.store, pub)
	if err != nil {
		return err
	}
	p.Workspace = workspace
	r.forgets[name] = p
	return nil
}

// resend sends the letters of one publisher.
func (r *resending) resend(ctx context.Context, name string, queues []stackaccess.Queue, chosen []listedLetter) resend {
	result := resend{Publisher: name, Given: int64(len(chosen))}
	sent := map[string]bool{} // by key
	display := r.display(func() string {
		return fmt.Sprintf("%s: sending %s to the queue again", name, count(result.Given, "dead letter"))
	})
	defer display.stop()
	result.err = r.stack.work(ctx, queues, chosen, func(q stackaccess.Queue, some []stackLetter) ([]stackLetter, error) {
		return r.send(ctx, q, some, sent)
	})
	result.Sent = int64(len(sent))
	result.Left = result.Given - result.Sent
	if result.err != nil && ctx.Err() == nil {
		result.Error = result.err.Error()
	}
	return result
}

// send sends letters to the queue that they came from, and then removes them.
func (r *resending) send(ctx context.Context, dead stackaccess.Queue, some []stackLetter, sent map[string]bool) (gone []stackLetter, err error) {
	want := dead.Queue
	want.Kind = names.MessagesQueue
	to, err := r.stack.find(r.queues, want)
	if err != nil {
		return nil, err
	}
	bundle := &bundler{send: func(batch []parcel) error {
		done, err := r.sendBatch(ctx, to, dead, some, batch)
		for _, l := range done {
			sent[l.Key] = true
		}
		gone = append(gone, done...)
		return err
	}}
	var copies []stackLetter // of those that are sent anyway
	first := map[string]bool{}
	for i := range some {
		l := &some[i]
		if sent[l.Key] || first[l.Key] {
			copies = append(copies, *l)
			continue
		}
		first[l.Key] = true
		if forget := r.forgets[l.Publisher]; forget != nil && l.Outcome == publish.Unknown {
			if _, err := forget.Forget(ctx, l.ID); err != nil {
				return gone, err
			}
		}
		if err := bundle.add(parcel{resent(to, l), i}); err != nil {
			return gone, err
		}
	}
	if err := bundle.flush(); err != nil {
		return gone, err
	}
	copies = slices.DeleteFunc(copies, func(l stackLetter) bool { return !sent[l.Key] })
	if len(copies) == 0 {
		return gone, nil
	}
	return append(gone, copies...), r.stack.Delete(ctx, dead, handles(copies))
}

// sendBatch returns the letters that have been sent and removed.
func (r *resending) sendBatch(ctx context.Context, to, dead stackaccess.Queue, some []stackLetter, batch []parcel) ([]stackLetter, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	// What has been sent is removed, also where somebody wants it to end.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendWithin)
	defer cancel()
	failures, err := r.stack.Send(ctx, to, outgoing(batch))
	if err != nil {
		return nil, err
	}
	refused := map[int]bool{}
	for _, f := range failures {
		refused[f.Index] = true
		r.complain("%s: %s: SQS refuses it: %s: %s", to.Owner, some[batch[f.Index].mark].Key, f.Code, f.Reason)
	}
	var done []stackLetter
	for i := range batch {
		if !refused[i] {
			done = append(done, some[batch[i].mark])
		}
	}
	return done, r.stack.Delete(ctx, dead, handles(done))
}

// resent is the message of a letter as it is sent again: under its id, so that
// it is known to be the same. To SQS it is a new one, which may be sent although
// the first was a moment ago; the same letter twice is not.
func resent(to stackaccess.Queue, l *stackLetter) stackaccess.Outgoing {
	out := stackaccess.Outgoing{Body: l.incoming.Body, Attributes: map[string]string{names.AttributeID: l.ID}}
	for _, name := range []string{names.AttributeGroup, names.AttributeClaim, names.AttributeTrace} {
		if value := l.incoming.Attributes[name]; value != "" {
			out.Attributes[name] = value
		}
	}
	if to.FIFO {
		out.Group, out.Deduplication = groupID(l.Group), "retry-"+l.incoming.ID
	}
	return out
}

// tell reports what came of it.
func (r *resending) tell(ctx context.Context, result *resends) error {
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
		p := &result.Publishers[i]
		if !r.global.JSON && !r.global.Quiet {
			text := fmt.Sprintf("%s: %s of %s sent to the queue again", p.Publisher, number(p.Sent), count(p.Given, "dead letter"))
			if p.Left > 0 {
				text += ", " + number(p.Left) + " left"
			}
			if _, err := fmt.Fprintln(r.Stdout, text); err != nil {
				return err
			}
		}
		if p.Error != "" {
			r.complain("%s: %s", p.Publisher, r.explain(p.err))
		} else if p.Left > 0 && ctx.Err() == nil {
			r.complain("%s: those left are in flight elsewhere, or refused: run it again in a while", p.Publisher)
		}
		if p.Left > 0 || p.Error != "" {
			status = statusFailed
		}
	}
	switch {
	case ctx.Err() != nil:
		r.complain("interrupted; what has been sent again is gone from the dead letters, the rest is as before")
		return &statusError{statusInterrupted}
	case status != statusDone:
		return &statusError{status}
	case len(result.Publishers) == 0 && !r.global.JSON:
		r.note("there is nothing to send again")
	}
	return nil
}
