package stackaccess

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"intercom-connector/internal/names"
)

// A Queue is a queue of a publisher or a subscription.
type Queue struct {
	names.Queue

	Name string
	URL  string
}

// Queues lists the queues of the stack's publishers and subscriptions, sorted by
// their names, whatever the configuration says today.
func (s *Stack) Queues(ctx context.Context) ([]Queue, error) {
	var all []Queue
	pages := sqs.NewListQueuesPaginator(s.queues, &sqs.ListQueuesInput{
		QueueNamePrefix: aws.String(s.QueuePrefix()),
		MaxResults:      aws.Int32(1000),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the queues of %s: %w", s.Stack, err)
		}
		for _, url := range page.QueueUrls {
			name := path.Base(url)
			if q, ok := s.ParseQueue(name); ok {
				all = append(all, Queue{Queue: q, Name: name, URL: url})
			}
		}
	}
	slices.SortFunc(all, func(a, b Queue) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// A Depth is how many messages a queue has. SQS counts approximately: what has
// happened within the last minute may be missing.
type Depth struct {
	Visible  int64 `json:"visible"`   // waiting
	InFlight int64 `json:"in_flight"` // received by somebody who is still at it, or backing off
	Delayed  int64 `json:"delayed"`   // not to be received yet
}

// Messages is how many there are altogether.
func (d Depth) Messages() int64 { return d.Visible + d.InFlight + d.Delayed }

// ErrNoQueue means that a queue is not there, or not any more.
var ErrNoQueue = errors.New("there is no such queue")

// Depth counts the messages of a queue.
func (s *Stack) Depth(ctx context.Context, q Queue) (Depth, error) {
	out, err := s.queues.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: &q.URL,
		AttributeNames: []types.QueueAttributeName{
			types.QueueAttributeNameApproximateNumberOfMessages,
			types.QueueAttributeNameApproximateNumberOfMessagesNotVisible,
			types.QueueAttributeNameApproximateNumberOfMessagesDelayed,
		},
	})
	if err != nil {
		return Depth{}, queueError("count the messages of", q, err)
	}
	number := func(name types.QueueAttributeName) int64 {
		n, _ := strconv.ParseInt(out.Attributes[string(name)], 10, 64) // what is not there is none
		return n
	}
	return Depth{
		Visible:  number(types.QueueAttributeNameApproximateNumberOfMessages),
		InFlight: number(types.QueueAttributeNameApproximateNumberOfMessagesNotVisible),
		Delayed:  number(types.QueueAttributeNameApproximateNumberOfMessagesDelayed),
	}, nil
}

// queueError says what was being done to a queue, and whether it is gone.
func queueError(doing string, q Queue, err error) error {
	if _, gone := errors.AsType[*types.QueueDoesNotExist](err); gone {
		return fmt.Errorf("%s %s: %w", doing, q.Name, ErrNoQueue)
	}
	return fmt.Errorf("%s %s: %w", doing, q.Name, err)
}
