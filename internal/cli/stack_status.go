package cli

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"intercom-connector/internal/aws/stackaccess"
	"intercom-connector/internal/config"
	"intercom-connector/internal/names"
	"intercom-connector/internal/pause"
)

// stackStatus is the status of a deployed stack.
func (a *app) stackStatus(ctx context.Context, cfg *config.Config, flags stackFlags) error {
	d, err := a.stack(ctx, flags)
	if err != nil {
		return err
	}
	// A function that dies keeps its lease for a minute, and nothing else shows.
	leased := func(string) bool { return true }
	all, err := recall(ctx, cfg, d.store, leased)
	if err != nil {
		return err
	}
	publishers, err := d.publisherStandings(ctx, cfg)
	if err != nil {
		return err
	}
	return a.writeStatus(all, publishers)
}

// publisherStandings joins what is configured with what is deployed: queues
// outlive their publisher in production, and a configuration may be ahead of
// the stack.
func (d *deployment) publisherStandings(ctx context.Context, cfg *config.Config) ([]publisherStanding, error) {
	queues, err := d.Queues(ctx)
	if err != nil {
		return nil, err
	}
	type pair struct{ messages, dead *stackaccess.Depth }
	found := map[publisherQueues]pair{}
	depths, err := d.depths(ctx, queues)
	if err != nil {
		return nil, err
	}
	for i, q := range queues {
		of := publisherQueues{q.Client, q.Owner, q.FIFO}
		both := found[of]
		switch q.Kind {
		case names.MessagesQueue:
			both.messages = &depths[i]
		case names.DeadLettersQueue:
			both.dead = &depths[i]
		case names.ResponsesQueue, names.EventsQueue:
			continue
		}
		found[of] = both
	}
	for name, pub := range cfg.Publishers {
		of := publisherQueues{pub.Client, name, pub.FIFO}
		if _, is := found[of]; !is {
			found[of] = pair{} // it is not deployed
		}
	}
	var all []publisherStanding
	for of, both := range found {
		s := publisherStanding{Publisher: of.publisher, Client: of.client, deployed: true, Queue: both.messages}
		if pub := cfg.Publishers[of.publisher]; pub != nil && pub.Client == of.client && pub.FIFO == of.fifo {
			s.Configured, s.Enabled = true, pub.Enabled
		}
		if both.dead != nil {
			s.DeadLetters.Letters = both.dead.Messages()
		}
		s.Running = s.Queue != nil && s.Queue.InFlight > 0
		if s.Paused, err = pause.Explain(ctx, d.store, of.client); err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b publisherStanding) int {
		return cmp.Or(strings.Compare(a.Publisher, b.Publisher), strings.Compare(a.Client, b.Client))
	})
	return all, nil
}

// publisherQueues name the queues of a publisher: whatever of this changes makes
// other queues.
type publisherQueues struct {
	client, publisher string
	fifo              bool
}

// depthText says how many messages a queue has.
func depthText(d *stackaccess.Depth) string {
	if d == nil {
		return "-"
	}
	parts := []string{number(d.Visible) + " waiting"}
	if d.InFlight > 0 {
		parts = append(parts, number(d.InFlight)+" in flight")
	}
	if d.Delayed > 0 {
		parts = append(parts, number(d.Delayed)+" delayed")
	}
	return strings.Join(parts, ", ")
}
