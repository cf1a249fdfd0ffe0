package cli

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"intercom-connector/internal/aws/stackaccess"
	"intercom-connector/internal/config"
	"intercom-connector/internal/names"
	"intercom-connector/internal/subscribe"
)

// A stackValidation is what deploying the configuration would do to a stack.
type stackValidation struct {
	Name     string      `json:"name"`
	Refused  []queueLoss `json:"refused"`  // what would lose messages
	Warnings []string    `json:"warnings"` // what is worth knowing
}

// A queueLoss is a publisher whose queues would go, with what they hold.
type queueLoss struct {
	Publisher string      `json:"publisher"`
	Client    string      `json:"client"`
	Change    string      `json:"change"` // what the configuration does to it
	Queues    []lostQueue `json:"queues"` // that hold messages
	Remedy    string      `json:"remedy"`
}

type lostQueue struct {
	Queue string `json:"queue"`
	stackaccess.Depth
}

func (l *queueLoss) String() string {
	var queues []string
	for _, q := range l.Queues {
		queues = append(queues, q.Queue+" has "+depthText(&q.Depth))
	}
	return fmt.Sprintf("publisher %s %s, but %s: %s", l.Publisher, l.Change, list(queues, "and"), l.Remedy)
}

// compare finds out what deploying the configuration would do to what the stack
// holds. CloudFormation deletes a queue that is not drawn any more, with all that
// is in it.
func (a *app) compare(ctx context.Context, cfg *config.Config, d *deployment) (*stackValidation, error) {
	v := &stackValidation{Name: string(d.Stack), Refused: []queueLoss{}, Warnings: []string{}}
	queues, err := d.Queues(ctx)
	if err != nil {
		return nil, err
	}
	drawn := queuesOf(cfg)
	deployed := map[names.Queue]bool{}
	var going []stackaccess.Queue
	for _, q := range queues {
		deployed[q.Queue] = true
		if !drawn[q.Queue] {
			going = append(going, q)
		}
	}
	depths, err := d.depths(ctx, going)
	if err != nil {
		return nil, err
	}
	losses := map[publisherQueues]*queueLoss{}
	for i, q := range going {
		if q.Kind == names.EventsQueue {
			if depths[i].Messages() > 0 {
				v.Warnings = append(v.Warnings, fmt.Sprintf("subscription %s does not deliver to the queue %s any more, which has %s: take its events before the deployment does",
					q.Owner, q.Name, depthText(&depths[i])))
			}
			continue
		}
		of := publisherQueues{q.Client, q.Owner, q.FIFO}
		loss := losses[of]
		if loss == nil {
			loss = &queueLoss{Publisher: q.Owner, Client: q.Client, Change: changeOf(cfg, q, deployed)}
			losses[of] = loss
		}
		if depths[i].Messages() > 0 {
			loss.Queues = append(loss.Queues, lostQueue{q.Name, depths[i]})
		}
	}
	for _, of := range slices.SortedFunc(maps.Keys(losses), func(a, b publisherQueues) int {
		return cmp.Or(strings.Compare(a.publisher, b.publisher), strings.Compare(a.client, b.client))
	}) {
		loss := losses[of]
		if len(loss.Queues) == 0 {
			v.Warnings = append(v.Warnings, fmt.Sprintf("publisher %s %s: its queues are empty", loss.Publisher, loss.Change))
			continue
		}
		loss.Remedy = a.remedy(loss, d)
		v.Refused = append(v.Refused, *loss)
	}
	checkpoints, err := subscribe.Checkpoints(ctx, d.store)
	if err != nil {
		return nil, err
	}
	v.Warnings = append(v.Warnings, forgotten(cfg, checkpoints)...)
	return v, nil
}

// queuesOf are the queues that a deployment of the configuration has, as infra
// draws them: those of publishers that are not enabled, too.
func queuesOf(cfg *config.Config) map[names.Queue]bool {
	made := func(to *config.Destination) bool { return to != nil && to.Type == "sqs" && to.ARN == "" }
	all := map[names.Queue]bool{}
	for name, pub := range cfg.Publishers {
		all[names.Queue{Client: pub.Client, Owner: name, Kind: names.MessagesQueue, FIFO: pub.FIFO}] = true
		all[names.Queue{Client: pub.Client, Owner: name, Kind: names.DeadLettersQueue, FIFO: pub.FIFO}] = true
		if made(pub.Responses) {
			all[names.Queue{Client: pub.Client, Owner: name, Kind: names.ResponsesQueue, FIFO: pub.Responses.FIFO}] = true
		}
	}
	for name, sub := range cfg.Subscriptions {
		if made(&sub.To) {
			all[names.Queue{Client: sub.Client, Owner: name, Kind: names.EventsQueue, FIFO: sub.To.FIFO}] = true
		}
	}
	return all
}

// changeOf says what the configuration does to the publisher of a queue that
// goes.
func changeOf(cfg *config.Config, q stackaccess.Queue, deployed map[names.Queue]bool) string {
	pub := cfg.Publishers[q.Owner]
	switch {
	case pub == nil:
		// One that has no queue yet may be the same under another name.
		var fresh []string
		for name, other := range cfg.Publishers {
			if other.Client == q.Client && !deployed[names.Queue{Client: other.Client, Owner: name, Kind: names.MessagesQueue, FIFO: other.FIFO}] {
				fresh = append(fresh, name)
			}
		}
		if slices.Sort(fresh); len(fresh) > 0 {
			return "is dropped, or renamed to " + list(fresh, "or")
		}
		return "is dropped"
	case pub.Client != q.Client:
		return "moves from client " + q.Client + " to " + pub.Client
	case q.Kind == names.ResponsesQueue:
		return "sends its responses elsewhere"
	case pub.FIFO:
		return "switches to FIFO"
	default:
		return "switches from FIFO to standard"
	}
}

// remedy is what to do before a publisher's queues can go.
func (a *app) remedy(loss *queueLoss, d *deployment) string {
	var steps []string
	for _, q := range loss.Queues {
		parsed, _ := d.ParseQueue(q.Queue)
		command := func(args ...string) string { return commandText(append(a.commandArgs(args...), d.flags.args()...)) }
		switch parsed.Kind {
		case names.MessagesQueue:
			steps = append(steps, "leave it as it is until its messages are published (`"+command("status")+"` shows how many wait)")
		case names.DeadLettersQueue:
			steps = append(steps, "retry its dead letters or drop them (`"+command("dead-letters", "list", loss.Publisher)+"`)")
		case names.ResponsesQueue:
			steps = append(steps, "take its responses")
		case names.EventsQueue:
		}
	}
	return list(steps, "and")
}

// forgotten tells of subscriptions that are remembered and not configured.
func forgotten(cfg *config.Config, checkpoints []subscribe.Checkpoint) []string {
	var all []string
	for _, cp := range checkpoints {
		if cfg.Subscriptions[cp.Subscription] != nil || cp.Window != "" {
			continue
		}
		text := fmt.Sprintf("subscription %s is dropped: its position is kept", cp.Subscription)
		if cp.Watermark > 0 {
			text += " (it has read what changed up to " + moment(time.Unix(cp.Watermark, 0)) + ")"
		}
		all = append(all, text+", and one of this name goes on from there; one that was renamed begins anew")
	}
	slices.Sort(all)
	return all
}
