package cli

import (
	"context"
	"fmt"

	"intercom-connector/internal/aws/stackaccess"
	"intercom-connector/internal/config"
	"intercom-connector/internal/names"
)

// askAtOnce is how many queues are asked at once.
const askAtOnce = 8

// depths counts the messages of queues.
func (d *deployment) depths(ctx context.Context, queues []stackaccess.Queue) ([]stackaccess.Depth, error) {
	depths := make([]stackaccess.Depth, len(queues))
	asking := newCrew(askAtOnce)
	for i := range queues {
		asking.do(func() (err error) {
			depths[i], err = d.Depth(ctx, queues[i])
			return err
		})
	}
	return depths, asking.wait()
}

// A missingQueueError means that what is configured is not what is deployed.
type missingQueueError struct {
	stack     names.Stack
	publisher string
	fifo      bool // as configured
	other     bool // the stack has the publisher with the other kind of queue
}

func (e *missingQueueError) Error() string {
	if e.other {
		kind := map[bool]string{true: "a FIFO", false: "a standard"}
		return fmt.Sprintf("publisher %s has %s queue in stack %s, and %s one in the configuration: deploy it first",
			e.publisher, kind[!e.fifo], e.stack, kind[e.fifo])
	}
	return fmt.Sprintf("publisher %s has no queue in stack %s: deploy it first", e.publisher, e.stack)
}

// find returns a publisher's queue of a kind, out of all of the stack's.
func (d *deployment) find(queues []stackaccess.Queue, want names.Queue) (stackaccess.Queue, error) {
	missing := &missingQueueError{stack: d.Stack, publisher: want.Owner, fifo: want.FIFO}
	for _, q := range queues {
		if q.Queue == want {
			return q, nil
		}
		other := want
		other.FIFO = !want.FIFO
		if q.Queue == other {
			missing.other = true
		}
	}
	return stackaccess.Queue{}, &usageError{missing}
}

// eventsOf is where a subscription's events are.
func (d *deployment) eventsOf(cfg *config.Config, sub *config.Subscription) string {
	if sub.To.ARN != "" {
		return sub.To.ARN
	}
	switch sub.To.Type {
	case "sqs":
		return "queue " + d.Events(sub.Client, sub.Name, sub.To.FIFO)
	case "s3":
		return "s3://" + d.outputs[names.OutputBucket] + "/" + names.EventsPrefix + sub.Name + "/"
	case "eventbridge":
		return "event bus " + d.EventBus()
	case "publisher":
		if pub := cfg.Publishers[sub.To.Name]; pub != nil {
			return "queue " + d.Messages(pub.Client, pub.Name, pub.FIFO)
		}
	}
	return ""
}
