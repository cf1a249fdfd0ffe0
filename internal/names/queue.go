package names

import "strings"

// A QueueKind is what a queue of a stack is for, the last part of its name.
type QueueKind string

// The kinds of queues that belong to a publisher or a subscription.
const (
	MessagesQueue    QueueKind = "messages"
	DeadLettersQueue QueueKind = "dead"
	ResponsesQueue   QueueKind = "responses"
	EventsQueue      QueueKind = "events"
)

// A Queue is what the name of a queue says.
type Queue struct {
	Client string
	Owner  string // the publisher, or of events the subscription
	Kind   QueueKind
	FIFO   bool
}

// QueuePrefix is what the names of the stack's queues begin with, and those of
// no other stack.
func (s Stack) QueuePrefix() string { return string(s) + "_" }

// ParseQueue reads the name of a queue back. It reports false for one that is
// not a publisher's or a subscription's of this stack.
func (s Stack) ParseQueue(name string) (Queue, bool) {
	rest, ours := strings.CutPrefix(name, s.QueuePrefix())
	rest, isFIFO := strings.CutSuffix(rest, ".fifo")
	parts := strings.Split(rest, "_")
	if !ours || len(parts) != 3 {
		return Queue{}, false
	}
	q := Queue{Client: parts[0], Owner: parts[1], Kind: QueueKind(parts[2]), FIFO: isFIFO}
	switch q.Kind {
	case MessagesQueue, DeadLettersQueue, ResponsesQueue, EventsQueue:
		return q, q.Client != "" && q.Owner != ""
	default:
		return Queue{}, false
	}
}
