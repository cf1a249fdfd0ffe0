package sqsout

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"intercom-connector/internal/outbox"
)

// A sender sends batches to one queue.
type sender struct {
	api   API
	queue Queue
	form  form
}

func (s *sender) send(ctx context.Context, batch []*outbox.Message) ([]error, error) {
	in := &sqs.SendMessageBatchInput{QueueUrl: &s.queue.URL, Entries: make([]types.SendMessageBatchRequestEntry, len(batch))}
	for i, m := range batch {
		entry := &in.Entries[i]
		entry.Id = aws.String(strconv.Itoa(i))
		entry.MessageBody = &m.Body
		entry.MessageAttributes = s.form.attributes(m)
		if s.queue.FIFO {
			entry.MessageGroupId = aws.String(s.form.groupID(m))
			entry.MessageDeduplicationId = aws.String(token(m.Event.ID))
		}
	}
	out, err := s.api.SendMessageBatch(ctx, in, s.queue.options()...)
	if err != nil {
		if api, ok := errors.AsType[smithy.APIError](err); ok && refusesContent(api.ErrorCode()) {
			return nil, fmt.Errorf("%w: %w", outbox.ErrOneByOne, err)
		}
		return nil, fmt.Errorf("send to %s: %w", s.queue.URL, err)
	}
	each := make([]error, len(batch))
	for i := range each {
		each[i] = errSilent
	}
	for _, entry := range out.Successful {
		if i, err := strconv.Atoi(aws.ToString(entry.Id)); err == nil && i < len(each) {
			each[i] = nil
		}
	}
	for _, entry := range out.Failed {
		if i, err := strconv.Atoi(aws.ToString(entry.Id)); err == nil && i < len(each) {
			each[i] = s.failed(entry)
		}
	}
	return each, nil
}

// failed is what became of one message that was not taken.
func (s *sender) failed(entry types.BatchResultErrorEntry) error {
	err := &smithy.GenericAPIError{Code: aws.ToString(entry.Code), Message: aws.ToString(entry.Message), Fault: smithy.FaultServer}
	if entry.SenderFault {
		err.Fault = smithy.FaultClient
	}
	if entry.SenderFault && !temporary(err) && !concernsQueue(err.Code) {
		return &outbox.NeverError{Reason: err.Error()}
	}
	return fmt.Errorf("send to %s: %w", s.queue.URL, err)
}

// errSilent is a message that an answer to its batch says nothing about.
var errSilent = &smithy.GenericAPIError{Code: "NoAnswer", Message: "the answer leaves the message out", Fault: smithy.FaultServer}

// refusesContent reports whether an error is about what is in a batch.
func refusesContent(code string) bool {
	switch code[strings.LastIndexByte(code, '.')+1:] { // AWS.SimpleQueueService.BatchRequestTooLong, to older clients
	case "BatchRequestTooLong", "InvalidMessageContents", "InvalidAttributeValue", "InvalidParameterValue":
		return true
	default:
		return false
	}
}

// concernsQueue reports whether a fault of a sender is not about the message: no
// other would be taken either, until somebody mends the queue, its key or what
// this function may do.
func concernsQueue(code string) bool {
	for _, part := range []string{"Kms", "KMS", "AccessDenied", "QueueDoesNotExist", "NonExistentQueue", "Security", "Token"} {
		if strings.Contains(code, part) {
			return true
		}
	}
	return false
}

// temporary reports whether an error may go away by itself.
func temporary(err error) bool {
	if retryables.IsErrorRetryable(err) == aws.TrueTernary {
		return true
	}
	api, ok := errors.AsType[smithy.APIError](err)
	return ok && (api.ErrorFault() == smithy.FaultServer || strings.Contains(api.ErrorCode(), "Throttl"))
}

var retryables = retry.IsErrorRetryables(retry.DefaultRetryables)
