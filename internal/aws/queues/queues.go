// Package queues has the operations on queues of SQS that functions need: send a
// message, send several, put off what was received. What is in the messages is
// for the packages that send them.
package queues

import (
	"context"
	"encoding/json"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"

	"intercom-connector/internal/aws/wire"
)

// AtOnce is how many messages one request is about at the most.
const AtOnce = 10

// An Address is where a queue is.
type Address struct {
	URL    string
	Region string // "" for the client's own
}

// A Message is one to send
// (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html).
type Message struct {
	Body       string     `json:"MessageBody"`
	Attributes Attributes `json:"MessageAttributes,omitempty"`
	// Group and Deduplication are for FIFO queues, which need both.
	Group         string `json:"MessageGroupId,omitempty"`
	Deduplication string `json:"MessageDeduplicationId,omitempty"`
}

// Size is how many bytes the message has to SQS.
func (m *Message) Size() int { return len(m.Body) + m.Attributes.Size() }

// Attributes are texts by their names. SQS takes no empty ones.
type Attributes map[string]string

// kind is the type of every attribute.
const kind = "String"

// Size is what attributes add to the size of a message: names, types and values.
func (a Attributes) Size() int {
	size := 0
	for name, value := range a {
		size += len(name) + len(kind) + len(value)
	}
	return size
}

// MarshalJSON writes them as SQS has them.
func (a Attributes) MarshalJSON() ([]byte, error) {
	type attribute struct {
		DataType    string `json:"DataType"`
		StringValue string `json:"StringValue"`
	}
	all := make(map[string]attribute, len(a))
	for name, value := range a {
		all[name] = attribute{kind, value}
	}
	return json.Marshal(all)
}

// A Hiding puts off a message that was received.
type Hiding struct {
	Receipt string `json:"ReceiptHandle"`
	Seconds int    `json:"VisibilityTimeout"` // from now
}

// A Client sends. It may be used by many goroutines.
type Client struct{ wire *wire.Client }

// New returns a client.
func New(cfg aws.Config) *Client {
	return &Client{wire.New(cfg, wire.Service{ID: "SQS", Name: "sqs", Target: "AmazonSQS", Version: "1.0"})}
}

// Send sends one message.
func (c *Client) Send(ctx context.Context, to Address, m Message) error {
	in := struct {
		QueueURL string `json:"QueueUrl"`
		Message
	}{to.URL, m}
	return c.wire.In(to.Region).Call(ctx, "SendMessage", in, nil)
}

// SendBatch sends up to [AtOnce] messages, and returns what became of each: nil
// where it was taken, or a [smithy.APIError].
func (c *Client) SendBatch(ctx context.Context, to Address, messages []Message) ([]error, error) {
	type entry struct {
		ID string `json:"Id"`
		Message
	}
	entries := make([]entry, len(messages))
	for i := range entries {
		entries[i] = entry{strconv.Itoa(i), messages[i]}
	}
	return c.batch(ctx, "SendMessageBatch", to, entries, len(entries))
}

// Hide puts off up to [AtOnce] messages, and returns what became of each, like
// [Client.SendBatch].
func (c *Client) Hide(ctx context.Context, in Address, hidings []Hiding) ([]error, error) {
	type entry struct {
		ID string `json:"Id"`
		Hiding
	}
	entries := make([]entry, len(hidings))
	for i := range entries {
		entries[i] = entry{strconv.Itoa(i), hidings[i]}
	}
	return c.batch(ctx, "ChangeMessageVisibilityBatch", in, entries, len(entries))
}

// batch sends n entries whose ids are their numbers.
func (c *Client) batch(ctx context.Context, operation string, to Address, entries any, n int) ([]error, error) {
	in := struct {
		QueueURL string `json:"QueueUrl"`
		Entries  any
	}{to.URL, entries}
	var out struct {
		Successful []struct{ ID string }
		Failed     []struct {
			ID          string
			Code        string
			Message     string
			SenderFault bool
		}
	}
	if err := c.wire.In(to.Region).Call(ctx, operation, in, &out); err != nil {
		return nil, err
	}
	each := make([]error, n)
	for i := range each {
		each[i] = errSilent
	}
	set := func(id string, err error) {
		if i, notOurs := strconv.Atoi(id); notOurs == nil && i >= 0 && i < n {
			each[i] = err
		}
	}
	for _, one := range out.Successful {
		set(one.ID, nil)
	}
	for _, one := range out.Failed {
		failure := &smithy.GenericAPIError{Code: one.Code, Message: one.Message, Fault: smithy.FaultServer}
		if one.SenderFault {
			failure.Fault = smithy.FaultClient
		}
		set(one.ID, failure)
	}
	return each, nil
}

// errSilent is a message that an answer to its batch says nothing about.
var errSilent = &smithy.GenericAPIError{Code: "NoAnswer", Message: "the answer leaves the message out", Fault: smithy.FaultServer}
