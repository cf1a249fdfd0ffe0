// Package names is where the infrastructure, the functions and the command line
// agree on what things are called, so that none of them can rename one alone.
//
// What a stack has is named for the stack, the client and what the user called
// it in connector.yaml: my-stack_main_update-contact_messages. Neither stacks
// nor names in connector.yaml have an underscore, so no two of these names can
// meet, and a pattern such as my-stack_main_* means one client of one stack.
package names

import (
	"fmt"
	"strings"
)

// ConfigFile is the compiled configuration beside a function's bootstrap.
const ConfigFile = "connector.json"

// The environment of the functions. infra sets all of these for each function,
// but for what has a comment.
const (
	EnvStack      = "STACK"       // the stack's name
	EnvClient     = "CLIENT"      // whose token the function has; not the callback's
	EnvStateTable = "STATE_TABLE" // the DynamoDB table of internal/aws/dynamostate
	EnvBucket     = "BUCKET"      // the stack's bucket: events, quarantine, claim checks
	EnvEventBus   = "EVENT_BUS"   // the stack's event bus, where a subscription has no other; may be missing
	// EnvQueueURL is what the URLs of the stack's queues begin with, up to the
	// queue's name: https://sqs.eu-west-1.amazonaws.com/123456789012/
	EnvQueueURL = "QUEUE_URL"
)

// The key of an SQS message's attributes: what a message needs to say and its
// body does not. Senders may set the first two.
const (
	AttributeID    = "id"    // the idempotency key, where the body has none
	AttributeGroup = "group" // the order key, where the body has none and the queue is not FIFO
	// AttributeClaim is the s3:// address of a body that is too large for a
	// queue; what is sent instead is an empty JSON object.
	AttributeClaim = "claim"
	// AttributeTrace is the run that sent the message, for the logs.
	AttributeTrace = "trace"
)

// The attributes of a dead letter beside its message's own.
const (
	AttributeReason    = "reason"
	AttributeOutcome   = "outcome" // dead or unknown
	AttributeStatus    = "status"
	AttributeCode      = "code"
	AttributeRequestID = "request_id"
	AttributeMessageID = "message_id" // SQS's, of the message that died
	AttributeTime      = "time"       // RFC 3339
	AttributePublisher = "publisher"
)

// The keys of the state table, both strings, and its time-to-live attribute.
const (
	TablePartitionKey = "pk"
	TableSortKey      = "sk"
	TableTTL          = "ttl"
)

// The stack's outputs, which the command line reads.
const (
	OutputStateTable = "StateTable"
	OutputBucket     = "Bucket"
	OutputCallback   = "CallbackUrl" // only where a client uses OAuth
	OutputTopic      = "AlarmTopic"
	OutputDashboard  = "Dashboard"
)

// The prefixes of the keys in the stack's bucket.
const (
	EventsPrefix     = "events/"
	QuarantinePrefix = "quarantine/"
	ClaimsPrefix     = "claims/"
	ResponsesPrefix  = "responses/" // of publishers whose responses go to a bucket
)

// Namespace is the one of the stack's metrics in CloudWatch.
const Namespace = "IntercomConnector"

// DimensionStack is the only dimension of the stack's metrics: each further one
// would have its price.
const DimensionStack = "Stack"

// The stack's metrics. Those of a run are of one invocation; the watch's and the
// rest are there only where they are not zero.
const (
	MetricRecords       = "Records"       // read by a run
	MetricRequests      = "Requests"      // sent by a run
	MetricRateLimitLeft = "RateLimitLeft" // percent of the window, as the last answer to a run told
	MetricLag           = "LagSeconds"    // between the watermark and now, at the end of a run
	MetricQuarantined   = "Quarantined"   // put aside by a run
	MetricDuplicates    = "Duplicates"    // read again by a run, and dropped

	MetricFailed     = "Failed"     // subscriptions whose last run failed
	MetricOverdue    = "Overdue"    // subscriptions without a success for three firings
	MetricIncomplete = "Incomplete" // subscriptions whose last run missed records
	MetricPaused     = "Paused"     // clients that send nothing

	MetricPublished = "Published" // messages that are done
	MetricRetried   = "Retried"   // messages that come again
	MetricDead      = "Dead"      // messages that cannot be published
	MetricUnknown   = "Unknown"   // messages of which nobody knows what became
)

// A Stack is a deployed stack, by its name.
type Stack string

// CheckStack says what is wrong with the name of a stack.
func CheckStack(name string) error {
	if name == "" || len(name) > 40 || strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789-") != "" ||
		!strings.ContainsAny(name[:1], "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") {
		return fmt.Errorf("a stack cannot be called %q: a name is a letter, then up to 39 letters, digits and dashes", name)
	}
	return nil
}

// join puts a name together.
func (s Stack) join(parts ...string) string { return string(s) + "_" + strings.Join(parts, "_") }

// fifo is the name of a queue that may be FIFO.
func fifo(name string, is bool) string {
	if is {
		return name + ".fifo"
	}
	return name
}

// SubscribeFunction is the function that reads with a client.
func (s Stack) SubscribeFunction(client string) string { return s.join(client, "subscribe") }

// PublishFunction is the function that writes with a client.
func (s Stack) PublishFunction(client string) string { return s.join(client, "publish") }

// CallbackFunction is the function that takes the OAuth callback.
func (s Stack) CallbackFunction() string { return s.join("callback") }

// Messages is the queue of a publisher.
func (s Stack) Messages(client, publisher string, isFIFO bool) string {
	return fifo(s.join(client, publisher, "messages"), isFIFO)
}

// DeadLetters is the queue of what a publisher could not publish.
func (s Stack) DeadLetters(client, publisher string, isFIFO bool) string {
	return fifo(s.join(client, publisher, "dead"), isFIFO)
}

// Responses is the queue of what Intercom answered to a publisher.
func (s Stack) Responses(client, publisher string, isFIFO bool) string {
	return fifo(s.join(client, publisher, "responses"), isFIFO)
}

// Events is the queue of a subscription's events.
func (s Stack) Events(client, subscription string, isFIFO bool) string {
	return fifo(s.join(client, subscription, "events"), isFIFO)
}

// Undelivered is the queue of what a schedule could not start and of
// invocations that failed.
func (s Stack) Undelivered() string { return s.join("undelivered") }

// EventBus is the bus of the subscriptions that have no other.
func (s Stack) EventBus() string { return s.join("events") }

// Schedules is the group of the stack's schedules.
func (s Stack) Schedules() string { return string(s) }

// Token is the secret that has a client's token.
func (s Stack) Token(client string) string { return string(s) + "/" + client + "/token" }

// App is the secret that has the id and the secret of a client's OAuth app.
func (s Stack) App(client string) string { return string(s) + "/" + client + "/app" }

// Mappings is the SSM parameter that names the event source mappings of a
// client's publishers: name=uuid, separated by commas.
func (s Stack) Mappings(client string) string { return "/" + string(s) + "/" + client + "/mappings" }

// LogGroup is where a function logs.
func LogGroup(function string) string { return "/aws/lambda/" + function }
