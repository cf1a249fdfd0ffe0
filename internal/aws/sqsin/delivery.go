package sqsin

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"intercom-connector/internal/names"
	"intercom-connector/internal/publish"
)

// The attributes that SQS itself gives a message:
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html.
const (
	attributeGroup    = "MessageGroupId"
	attributeSent     = "SentTimestamp" // in milliseconds
	attributeReceived = "ApproximateReceiveCount"
)

// maxName is the longest id and group in bytes, as in a message's body.
const maxName = 1024

// delivery makes a delivery of a message, whoever has sent it. What a sender
// has plainly meant and is no good is the delivery's Problem; attributes that
// mean nothing here are nobody's business.
func (b *batch) delivery(m *events.SQSMessage) publish.Delivery {
	d := publish.Delivery{
		Body:      []byte(m.Body),
		ID:        m.MessageId,
		Group:     m.Attributes[attributeGroup],
		Sent:      sent(m),
		Tries:     tries(m),
		MessageID: m.MessageId,
	}
	problem := func(name, text string) {
		if d.Problem == "" {
			d.Problem = fmt.Sprintf("the attribute %s %s", name, text)
		}
	}
	name := func(name string) string {
		text, isText := attribute(m, name)
		switch {
		case !isText:
			problem(name, "is not a text")
			return ""
		case len(text) > maxName:
			problem(name, fmt.Sprintf("has %d bytes, %d are the most", len(text), maxName))
			return ""
		}
		return text
	}
	if id := name(names.AttributeID); id != "" {
		d.ID = id
	}
	// The order of a FIFO queue is the queue's own: a group that it knows nothing
	// of would promise what nobody keeps.
	if !b.pub.FIFO {
		if group := name(names.AttributeGroup); group != "" {
			d.Group = group
		}
	}
	claim, isText := attribute(m, names.AttributeClaim)
	switch {
	case !isText:
		problem(names.AttributeClaim, "is not a text")
	case claim != "" && !strings.HasPrefix(claim, "s3://"):
		problem(names.AttributeClaim, "is not the s3:// address of a body")
	default:
		d.Claim = claim
	}
	d.Trace, _ = attribute(m, names.AttributeTrace)
	if d.Problem != "" && d.Claim != "" {
		d.Body = nil // it is elsewhere, and nobody has looked
	}
	return d
}

// attribute is the text of an attribute, "" for none. It reports false for one
// that is there and has none.
func attribute(m *events.SQSMessage, name string) (text string, isText bool) {
	a, there := m.MessageAttributes[name]
	switch {
	case !there:
		return "", true
	case a.StringValue == nil:
		return "", false
	default:
		return *a.StringValue, true
	}
}

// sent is when a message was sent, the zero time where that is not told.
func sent(m *events.SQSMessage) time.Time {
	millis, err := strconv.ParseInt(m.Attributes[attributeSent], 10, 64)
	if err != nil || millis <= 0 {
		return time.Time{}
	}
	return time.UnixMilli(millis)
}

// tries is how often a message was handed out before.
func tries(m *events.SQSMessage) int {
	n, err := strconv.Atoi(m.Attributes[attributeReceived])
	if err != nil {
		return 0
	}
	return max(n-1, 0)
}
