// Package deadout puts dead letters into a publisher's own dead-letter queue in
// SQS: the message as it was delivered, and what is known of its end as the
// message's attributes.
//
// SQS allows ten attributes a message, and there are exactly ten things to say:
// the idempotency key and the group, with which it can be sent again, the
// reason, the outcome, Intercom's status, code and request id, SQS's id of the
// message that died, when, and whose it was. What there is nothing to say about
// is left out. A body that does not fit beside them lies in the bucket, and the
// letter says where instead of whose it was.
//
// In a FIFO queue each letter has a group of its own, because SQS hands out no
// more of a group while one of it is in somebody's hands: nobody could look
// through them. The group that the message had is the attribute.
package deadout

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"

	"intercom-connector/internal/aws/queues"
	"intercom-connector/internal/names"
	"intercom-connector/internal/publish"
)

// MaxSize is the largest message of SQS in bytes, its attributes included:
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html.
const MaxSize = 1 << 20

// A Sender is what is used of a *queues.Client.
type Sender interface {
	Send(ctx context.Context, to queues.Address, m queues.Message) error
}

// Claims keep bodies that are too large for a queue: see internal/aws/claim.
type Claims interface {
	Put(ctx context.Context, id string, body []byte, contentType string) (address string, err error)
}

// A Config is what a Queue is made of.
type Config struct {
	SQS      Sender
	QueueURL string
	FIFO     bool
	Claims   Claims
}

// A Queue is a publisher's dead-letter queue. It is safe for concurrent use.
type Queue struct{ Config }

var _ publish.DeadLetters = (*Queue)(nil)

// New returns the queue, or an error that names every problem of cfg.
func New(cfg Config) (*Queue, error) {
	var problems []error
	if cfg.SQS == nil {
		problems = append(problems, errors.New("no client of SQS"))
	}
	if cfg.QueueURL == "" {
		problems = append(problems, errors.New("no URL of the queue"))
	}
	if cfg.Claims == nil {
		problems = append(problems, errors.New("nowhere to keep bodies that are too large"))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("dead letters: %w", err)
	}
	return &Queue{cfg}, nil
}

// Put implements [publish.DeadLetters].
func (q *Queue) Put(ctx context.Context, letter publish.DeadLetter) error {
	m := queues.Message{Body: string(letter.Body), Attributes: attributesOf(&letter)}
	if !isText(m.Body) || m.Size() > MaxSize {
		address := letter.Delivery.Claim
		if address == "" {
			var err error
			if address, err = q.Claims.Put(ctx, letter.ID, letter.Body, "application/octet-stream"); err != nil {
				return fmt.Errorf("dead letter: keep its body: %w", err)
			}
		}
		m.Body = claimed
		delete(m.Attributes, names.AttributePublisher)
		m.Attributes[names.AttributeClaim] = address
	}
	if q.FIFO {
		m.Group, m.Deduplication = own(&letter), death(&letter)
	}
	if err := q.SQS.Send(ctx, queues.Address{URL: q.QueueURL}, m); err != nil {
		return fmt.Errorf("dead letter: %w", err)
	}
	return nil
}

// claimed is the body of a message whose body lies elsewhere.
const claimed = "{}"

// attributesOf is what a letter says about its message.
func attributesOf(l *publish.DeadLetter) queues.Attributes {
	all := make(queues.Attributes, 10)
	// What has to be the same to the byte when it is sent again is left out
	// where SQS cannot carry it: then it comes from the body again, as before.
	for key, value := range map[string]string{names.AttributeID: l.ID, names.AttributeGroup: groupOf(l)} {
		if isText(value) {
			all[key] = value
		}
	}
	status := ""
	if l.Status != 0 {
		status = strconv.Itoa(l.Status)
	}
	for key, value := range map[string]string{
		names.AttributeReason:    l.Reason,
		names.AttributeOutcome:   string(l.Outcome),
		names.AttributeStatus:    status,
		names.AttributeCode:      l.Code,
		names.AttributeRequestID: l.RequestID,
		names.AttributeMessageID: l.Delivery.MessageID,
		names.AttributeTime:      l.Time.UTC().Format(time.RFC3339),
		names.AttributePublisher: l.Publisher,
	} {
		if text := clean(value); text != "" {
			all[key] = text
		}
	}
	return all
}

// groupOf is the group that the message came in, else the one it has told.
func groupOf(l *publish.DeadLetter) string {
	if l.Delivery.Group != "" {
		return l.Delivery.Group
	}
	return l.Group
}

// own is a group that no other letter has.
func own(l *publish.DeadLetter) string {
	if id := l.Delivery.MessageID; id != "" && len(id) <= maxName && isName(id) {
		return id
	}
	return digest(l.ID, l.Time.String())
}

// death names this death of this message: a letter that is put twice, because
// its message could not be acknowledged, is one; a message that was sent again
// is another for SQS, and dies another death.
func death(l *publish.DeadLetter) string {
	if l.Delivery.MessageID == "" {
		return digest(l.ID, l.Time.String())
	}
	return digest(l.Delivery.MessageID, l.Reason)
}

func digest(parts ...string) string {
	sum := sha256.New()
	for _, part := range parts {
		fmt.Fprintf(sum, "%d:%s", len(part), part)
	}
	return hex.EncodeToString(sum.Sum(nil))
}
