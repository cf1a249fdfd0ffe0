package sqsout

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/smithy-go"

	"intercom-connector/internal/aws/queues"
	"intercom-connector/internal/aws/wire"
	"intercom-connector/internal/outbox"
)

// A sender sends batches to one queue.
type sender struct {
	api   API
	queue Queue
	form  form
}

func (s *sender) send(ctx context.Context, batch []*outbox.Message) ([]error, error) {
	messages := make([]queues.Message, len(batch))
	for i, m := range batch {
		messages[i] = queues.Message{Body: m.Body, Attributes: s.form.attributes(m)}
		if s.queue.FIFO {
			messages[i].Group, messages[i].Deduplication = s.form.groupID(m), token(m.Event.ID)
		}
	}
	each, err := s.api.SendBatch(ctx, s.queue.address(), messages)
	if err != nil {
		if api, ok := errors.AsType[smithy.APIError](err); ok && refusesContent(api.ErrorCode()) {
			return nil, fmt.Errorf("%w: %w", outbox.ErrOneByOne, err)
		}
		return nil, fmt.Errorf("send to %s: %w", s.queue.URL, err)
	}
	for i, err := range each {
		each[i] = s.became(err)
	}
	return each, nil
}

// became is what became of one message.
func (s *sender) became(err error) error {
	if err == nil {
		return nil
	}
	if api, ok := errors.AsType[smithy.APIError](err); ok && !wire.Temporary(err) && !concernsQueue(api.ErrorCode()) {
		return &outbox.NeverError{Reason: err.Error()}
	}
	return fmt.Errorf("send to %s: %w", s.queue.URL, err)
}

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
