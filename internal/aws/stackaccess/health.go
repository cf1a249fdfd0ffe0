package stackaccess

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// Status is CloudFormation's word for the state of the stack: UPDATE_COMPLETE.
func (s *Stack) Status(ctx context.Context) (string, error) {
	name := string(s.Stack)
	out, err := cloudformation.NewFromConfig(s.Config).DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &name})
	if err != nil {
		return "", fmt.Errorf("look for stack %s: %w", name, err)
	}
	if len(out.Stacks) == 0 {
		return "", &NoStackError{Name: name, Region: s.Region}
	}
	return string(out.Stacks[0].StackStatus), nil
}

// Function says what is wrong with a function, "" where it can be invoked. The
// error is [ErrNoFunction] for one that is not there.
func (s *Stack) Function(ctx context.Context, name string) (string, error) {
	out, err := s.functions.GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: &name})
	if _, gone := errors.AsType[*lambdatypes.ResourceNotFoundException](err); gone {
		return "", fmt.Errorf("look at %s: %w", name, ErrNoFunction)
	}
	if err != nil {
		return "", fmt.Errorf("look at %s: %w", name, err)
	}
	switch {
	case out.State == lambdatypes.StateFailed:
		return "it cannot be invoked: " + reason(string(out.StateReasonCode), out.StateReason), nil
	case out.LastUpdateStatus == lambdatypes.LastUpdateStatusFailed:
		return "its last update failed: " + reason(string(out.LastUpdateStatusReasonCode), out.LastUpdateStatusReason), nil
	default:
		return "", nil // Pending and Inactive become Active by themselves
	}
}

func reason(code string, text *string) string {
	if text := aws.ToString(text); text != "" {
		return text
	}
	return code
}

// Waiting counts the messages of any queue of the account, by its name. The
// error is [ErrNoQueue] for one that is not there.
func (s *Stack) Waiting(ctx context.Context, queue string) (int64, error) {
	found, err := s.queues.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &queue})
	if _, gone := errors.AsType[*sqstypes.QueueDoesNotExist](err); gone {
		return 0, fmt.Errorf("count the messages of %s: %w", queue, ErrNoQueue)
	}
	if err != nil {
		return 0, fmt.Errorf("count the messages of %s: %w", queue, err)
	}
	depth, err := s.Depth(ctx, Queue{Name: queue, URL: aws.ToString(found.QueueUrl)})
	return depth.Messages(), err
}
