package stackaccess

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// What SQS takes at once.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
const (
	MaxBatch      = 10
	MaxBatchBytes = 1 << 20 // of a batch, and so of a message, attributes included
)

// An Outgoing message is one to be sent.
type Outgoing struct {
	Body       string
	Attributes map[string]string // of type String; no value may be empty
	// Group and Deduplication are for a FIFO queue, which needs both.
	Group         string
	Deduplication string
}

// attributeType is what all our attributes are.
const attributeType = "String"

// Size is what counts against MaxBatchBytes.
func (o *Outgoing) Size() int {
	size := len(o.Body)
	for name, value := range o.Attributes {
		size += len(name) + len(attributeType) + len(value)
	}
	return size
}

// A Failure is a message of a batch that SQS refuses and will go on refusing.
type Failure struct {
	Index  int // in the batch
	Code   string
	Reason string
}

// How often what failed for the moment is sent again, beyond what the SDK does
// about whole requests.
const (
	sendTries    = 6
	firstBackoff = 200 * time.Millisecond
)

// Send sends at most MaxBatch messages of at most MaxBatchBytes to a queue.
// Those that failed for the moment are sent again here. When the error is nil
// all are safe in the queue but for the failures, which no repetition mends.
func (s *Stack) Send(ctx context.Context, q Queue, messages []Outgoing) ([]Failure, error) {
	open := make([]int, len(messages))
	for i := range messages {
		open[i] = i
	}
	var failures []Failure
	var last error
	for try := range sendTries {
		if try > 0 && !wait(ctx, firstBackoff<<(try-1)) {
			return failures, queueError("send to", q, ctx.Err())
		}
		again, refused, err := s.sendOnce(ctx, q, messages, open)
		failures = append(failures, refused...)
		if err != nil && len(again) == 0 {
			return failures, queueError("send to", q, err)
		}
		if len(again) == 0 {
			return failures, nil
		}
		open, last = again, err
	}
	return failures, queueError("send to", q, last)
}

// sendOnce sends the open messages and returns those that are worth another
// try, with the reason of one of them, and those that are not.
func (s *Stack) sendOnce(ctx context.Context, q Queue, messages []Outgoing, open []int) (again []int, refused []Failure, err error) {
	entries := make([]types.SendMessageBatchRequestEntry, len(open))
	for i, index := range open {
		entries[i] = entry(strconv.Itoa(index), &messages[index])
	}
	out, err := s.queues.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: &q.URL, Entries: entries})
	if err != nil {
		return nil, nil, err
	}
	for _, failed := range out.Failed {
		index, idErr := strconv.Atoi(aws.ToString(failed.Id))
		if idErr != nil || index < 0 || index >= len(messages) {
			return nil, nil, fmt.Errorf("an answer about message %q, which was not sent", aws.ToString(failed.Id))
		}
		if failed.SenderFault {
			refused = append(refused, Failure{Index: index, Code: aws.ToString(failed.Code), Reason: aws.ToString(failed.Message)})
			continue
		}
		again = append(again, index)
		err = fmt.Errorf("it does not take a message: %s: %s", aws.ToString(failed.Code), aws.ToString(failed.Message))
	}
	return again, refused, err
}

func entry(id string, o *Outgoing) types.SendMessageBatchRequestEntry {
	e := types.SendMessageBatchRequestEntry{Id: &id, MessageBody: &o.Body}
	if len(o.Attributes) > 0 {
		e.MessageAttributes = make(map[string]types.MessageAttributeValue, len(o.Attributes))
		for name, value := range o.Attributes {
			e.MessageAttributes[name] = types.MessageAttributeValue{DataType: aws.String(attributeType), StringValue: &value}
		}
	}
	if o.Group != "" {
		e.MessageGroupId, e.MessageDeduplicationId = &o.Group, &o.Deduplication
	}
	return e
}

// An Incoming message is one that was received.
type Incoming struct {
	ID         string // SQS's, the same however often the message is received
	Handle     string // of this receipt, for Delete and Release
	Body       string
	Attributes map[string]string
	Group      string    // of a FIFO queue
	Sent       time.Time // to this queue
	Receives   int       // this one included
}

// Receive returns up to MaxBatch messages of a queue that nobody else has in
// flight, and keeps everybody from receiving them again for a while. It asks
// all of SQS's servers, which takes a second where there is nothing: none means
// that there is none.
func (s *Stack) Receive(ctx context.Context, q Queue, hidden time.Duration) ([]Incoming, error) {
	out, err := s.queues.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl:                    &q.URL,
		MaxNumberOfMessages:         MaxBatch,
		VisibilityTimeout:           int32(hidden / time.Second),
		WaitTimeSeconds:             1,
		MessageAttributeNames:       []string{"All"},
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
	})
	if err != nil {
		return nil, queueError("receive from", q, err)
	}
	messages := make([]Incoming, len(out.Messages))
	for i := range out.Messages {
		messages[i] = incoming(&out.Messages[i])
	}
	return messages, nil
}

func incoming(m *types.Message) Incoming {
	in := Incoming{
		ID:         aws.ToString(m.MessageId),
		Handle:     aws.ToString(m.ReceiptHandle),
		Body:       aws.ToString(m.Body),
		Attributes: make(map[string]string, len(m.MessageAttributes)),
		Group:      m.Attributes[string(types.MessageSystemAttributeNameMessageGroupId)],
	}
	for name, value := range m.MessageAttributes {
		in.Attributes[name] = aws.ToString(value.StringValue)
	}
	in.Receives, _ = strconv.Atoi(m.Attributes[string(types.MessageSystemAttributeNameApproximateReceiveCount)])
	if ms, err := strconv.ParseInt(m.Attributes[string(types.MessageSystemAttributeNameSentTimestamp)], 10, 64); err == nil {
		in.Sent = time.UnixMilli(ms).UTC()
	}
	return in
}

// Delete removes messages for good, by the handles of their last receipt. Their
// number is any.
func (s *Stack) Delete(ctx context.Context, q Queue, handles []string) error {
	for batch := range slices.Chunk(handles, MaxBatch) {
		entries := make([]types.DeleteMessageBatchRequestEntry, len(batch))
		for i := range batch {
			entries[i] = types.DeleteMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: &batch[i]}
		}
		out, err := s.queues.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: &q.URL, Entries: entries})
		if err == nil && len(out.Failed) > 0 {
			err = failed(out.Failed)
		}
		if err != nil {
			return queueError("delete from", q, err)
		}
	}
	return nil
}

// Release lets messages be received again at once. Their number is any; one that
// is not in flight any more needs no release.
func (s *Stack) Release(ctx context.Context, q Queue, handles []string) error {
	for batch := range slices.Chunk(handles, MaxBatch) {
		entries := make([]types.ChangeMessageVisibilityBatchRequestEntry, len(batch))
		for i := range batch {
			entries[i] = types.ChangeMessageVisibilityBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: &batch[i]}
		}
		_, err := s.queues.ChangeMessageVisibilityBatch(ctx, &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: &q.URL, Entries: entries})
		if err != nil {
			return queueError("release messages of", q, err)
		}
	}
	return nil
}

func failed(entries []types.BatchResultErrorEntry) error {
	return fmt.Errorf("%d of them failed: %s: %s", len(entries), aws.ToString(entries[0].Code), aws.ToString(entries[0].Message))
}

// wait reports whether the time went by before ctx ended.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
