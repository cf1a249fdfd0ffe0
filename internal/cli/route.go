package cli

import (
	"context"
	"fmt"

	"intercom-connector/internal/local/filequeue"
	"intercom-connector/internal/local/route"
	"intercom-connector/internal/publish"
)

// checkRoute finds what is wrong with a subscription that feeds a publisher
// before its run begins.
func (j *job) checkRoute(o order) error {
	if o.target.publisher == "" {
		return nil
	}
	pub := j.cfg.Publishers[o.target.publisher]
	if !pub.Enabled {
		return usagef("%s feeds publisher %s, which is not enabled: enable it in %s, or read it to a file with --to", o.sub.Name, pub.Name, j.global.Config)
	}
	_, err := j.clients.get(pub.Client)
	return err
}

// openSink opens what the events of an order go to. stop is called with the
// reason when that cannot go on.
func (j *job) openSink(ctx context.Context, o order, stop context.CancelCauseFunc) (sink, error) {
	if o.target.publisher == "" {
		return j.open(o.target, func() { j.readerGone = true; stop(context.Canceled) })
	}
	pub := j.cfg.Publishers[o.target.publisher]
	out, err := j.openOutlet(ctx, j.clients, j.store, pub, j.command.ReplaceWorkspace, stop)
	if err != nil {
		return nil, err
	}
	r := &routed{app: j.app, outlet: out}
	r.Route = route.New(out, r.count)
	return r, nil
}

// A routed destination is a publisher, and counts what becomes of the messages.
type routed struct {
	*route.Route

	app    *app
	outlet *outlet
	tally  filequeue.Tally
	told   int // problems shown one by one
}

func (r *routed) count(result publish.Result) {
	r.tally.Add(result)
	if result.Outcome != publish.Dead && result.Outcome != publish.Unknown {
		return
	}
	if r.told++; r.told <= showProblems {
		r.app.complain("%s: record %s: %s: %s", r.outlet.Config.Publisher.Name, result.Group, result.Outcome, result.Reason)
	}
}

// Close frees the publisher and says what became of the messages.
func (r *routed) Close() error {
	name := r.outlet.Config.Publisher.Name
	text := fmt.Sprintf("%s: %s", name, tallyText(r.tally, ", "))
	if r.tally.Dead+r.tally.Unknown > 0 {
		text += "; see " + commandText(r.app.commandArgs("dead-letters", "list", name))
	}
	r.app.note("%s", text)
	r.outlet.close()
	return nil
}
