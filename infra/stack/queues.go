package stack

import (
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

const (
	retention = 14 * 24 * 60 * 60 // seconds: the longest that SQS knows
	// largest is the size of a message in bytes up to which no claim is left. It is
	// the most there is, and not what every queue is made with.
	largest = 1 << 20
	// crashes is how often a message is received, at the least, before SQS gives it
	// up. What Intercom answers never counts: the function backs off, and gives up
	// by itself.
	crashes = 100
	// maxReceives is the most that SQS counts, between is how soon a message comes
	// again that was tried many times (in 7.5 to 15 minutes, by chance), and maxGiveUp
	// how long that can go on.
	maxReceives = 1000
	between     = 10 * time.Minute
	maxGiveUp   = (maxReceives - crashes) * between
)

// receives is how often a message may be received that is tried for that long.
func receives(giveUpAfter time.Duration) int {
	return max(crashes, min(int(giveUpAfter/between)+crashes/4, maxReceives))
}

// queues are all queues of the stack.
type queues struct {
	undelivered awssqs.CfnQueue
	prefix      *string             // what the URLs of all queues begin with
	publishers  map[string]pipeline // by publisher
	// messages and dead are the names of the queues with something to lose, and
	// of those that should be empty.
	messages, dead []string
}

// A pipeline is a publisher's queues.
type pipeline struct {
	messages, dead awssqs.CfnQueue
	responses      awssqs.CfnQueue // nil where there are none, or elsewhere
}

func newQueues(d *drawing) queues {
	q := queues{publishers: map[string]pipeline{}}
	var all []*string // their URLs
	add := func(scope constructs.Construct, id, name string, fifo bool, props awssqs.CfnQueueProps) awssqs.CfnQueue {
		queue := newQueue(d, scope, id, name, fifo, props)
		all = append(all, queue.Ref())
		return queue
	}

	undelivered := d.Name.Undelivered()
	q.undelivered = newQueue(d, d.stack, "Undelivered", undelivered, false, awssqs.CfnQueueProps{})
	// Its policy is its own: it lets somebody in.
	newQueuePolicy(d, "UndeliveredPolicy", []*string{q.undelivered.Ref()}, map[string]any{
		"Sid":       "AlarmMails",
		"Effect":    "Allow",
		"Principal": map[string]any{"Service": "sns.amazonaws.com"},
		"Action":    "sqs:SendMessage",
		"Resource":  q.undelivered.AttrArn(),
		"Condition": map[string]any{"ArnEquals": map[string]any{"aws:SourceArn": d.topicARN()}},
	})
	suppress(q.undelivered, noDeadLetters, "It is a dead-letter queue: of the schedules and of the functions' own invocations.")
	// The emulator's queues have other addresses than AWS's, so what they have in
	// common is taken from one of them.
	q.prefix = awscdk.Fn_Select(jsii.Number(0), awscdk.Fn_Split(&undelivered, q.undelivered.Ref(), nil))

	for _, name := range slices.Sorted(maps.Keys(d.Config.Publishers)) {
		p := d.Config.Publishers[name]
		scope := d.group("Publishers", name)
		messages, dead := d.Name.Messages(p.Client, name, p.FIFO), d.Name.DeadLetters(p.Client, name, p.FIFO)
		var line pipeline
		line.dead = add(scope, "DeadLetters", dead, p.FIFO, awssqs.CfnQueueProps{
			RedriveAllowPolicy: map[string]any{
				"redrivePermission": "byQueue",
				"sourceQueueArns":   []*string{d.queueARN(messages)},
			},
		})
		line.messages = add(scope, "Messages", messages, p.FIFO, awssqs.CfnQueueProps{
			VisibilityTimeout: jsii.Number(6 * publishTimeout),
			RedrivePolicy:     map[string]any{"deadLetterTargetArn": line.dead.AttrArn(), "maxReceiveCount": receives(p.GiveUpAfter)},
		})
		q.messages, q.dead = append(q.messages, messages), append(q.dead, dead)
		if made(p.Responses, "sqs") {
			responses := d.Name.Responses(p.Client, name, p.Responses.FIFO)
			line.responses = add(scope, "Responses", responses, p.Responses.FIFO, awssqs.CfnQueueProps{})
			suppress(line.responses, noDeadLetters, consumers)
			q.messages = append(q.messages, responses)
		}
		q.publishers[name] = line
	}
	for _, name := range slices.Sorted(maps.Keys(d.Config.Subscriptions)) {
		s := d.Config.Subscriptions[name]
		if !made(&s.To, "sqs") {
			continue
		}
		events := d.Name.Events(s.Client, name, s.To.FIFO)
		queue := add(d.group("Subscriptions", name), "Events", events, s.To.FIFO, awssqs.CfnQueueProps{})
		suppress(queue, noDeadLetters, consumers)
		q.messages = append(q.messages, events)
	}
	if len(all) > 0 {
		newQueuePolicy(d, "QueuePolicy", all)
	}
	return q
}

const (
	noDeadLetters = "AwsSolutions-SQS3"
	consumers     = "How often a message may fail is for whoever reads the queue to say; nothing of this stack does."
)

// newQueue adds a queue that keeps its messages as long as SQS can.
func newQueue(d *drawing, scope constructs.Construct, id, name string, fifo bool, props awssqs.CfnQueueProps) awssqs.CfnQueue {
	props.QueueName = &name
	props.MessageRetentionPeriod = jsii.Number(retention)
	props.MaximumMessageSize = jsii.Number(largest)
	props.SqsManagedSseEnabled = true
	if fifo {
		props.FifoQueue = true
		// Two equal messages may both be meant: only the sender knows.
		props.ContentBasedDeduplication = false
		// Groups do not wait for each other.
		props.DeduplicationScope = jsii.String("messageGroup")
		props.FifoThroughputLimit = jsii.String("perMessageGroupId")
	}
	queue := awssqs.NewCfnQueue(scope, &id, &props)
	queue.ApplyRemovalPolicy(d.keep(), nil)
	return queue
}

// newQueuePolicy denies what is not encrypted on its way, and says what else holds.
// One policy serves all queues of which nothing else is said: each would cost one
// of the stack's 500 resources.
func newQueuePolicy(d *drawing, id string, urls []*string, statements ...any) {
	encrypted := map[string]any{
		"Sid":       "EncryptedOnly",
		"Effect":    "Deny",
		"Principal": "*",
		"Action":    "sqs:*",
		"Resource":  "*",
		"Condition": map[string]any{"Bool": map[string]any{"aws:SecureTransport": "false"}},
	}
	awssqs.NewCfnQueuePolicy(d.stack, &id, &awssqs.CfnQueuePolicyProps{
		Queues:         &urls,
		PolicyDocument: map[string]any{"Version": "2012-10-17", "Statement": append([]any{encrypted}, statements...)},
	})
}

// queueARN is the ARN of a queue, or of those whose names match a pattern.
func (d *drawing) queueARN(name string) *string {
	return d.stack.FormatArn(&awscdk.ArnComponents{Service: jsii.String("sqs"), Resource: &name})
}
