package stackaccess

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"

	"intercom-connector/internal/names"
)

// A Stack is a deployed stack. It is safe for concurrent use.
type Stack struct {
	names.Stack

	ID      string // its ARN: another one after the stack has been destroyed and deployed again
	Region  string
	Outputs map[string]string // by the names of internal/names
	// Config is for the clients of other packages: it has the session's region,
	// credentials and endpoint.
	Config aws.Config

	queues    *sqs.Client
	functions *lambda.Client
	logs      *cloudwatchlogs.Client
}

// A NoStackError means that there is no such stack, or none that is ours.
type NoStackError struct {
	Name   string
	Region string
	Status string   // CloudFormation's, of one that is there and has no outputs
	Ours   []string // stacks of the region that are connectors
}

func (e *NoStackError) Error() string {
	if e.Status != "" {
		return fmt.Sprintf("stack %s in %s (%s) is not a connector, or not deployed to its end", e.Name, e.Region, e.Status)
	}
	return fmt.Sprintf("there is no stack %s in %s", e.Name, e.Region)
}

// Stack finds a deployed stack by its name.
func (s *Session) Stack(ctx context.Context, name string) (*Stack, error) {
	client := cloudformation.NewFromConfig(s.config)
	out, err := client.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &name})
	if api, ok := errors.AsType[smithy.APIError](err); ok && api.ErrorCode() == "ValidationError" && strings.Contains(api.ErrorMessage(), "does not exist") {
		return nil, &NoStackError{Name: name, Region: s.config.Region, Ours: ours(ctx, client)}
	}
	if err != nil {
		return nil, fmt.Errorf("look for stack %s: %w", name, err)
	}
	if len(out.Stacks) == 0 {
		return nil, &NoStackError{Name: name, Region: s.config.Region, Ours: ours(ctx, client)}
	}
	found := &out.Stacks[0]
	if !isOurs(found) {
		return nil, &NoStackError{Name: name, Region: s.config.Region, Status: string(found.StackStatus), Ours: ours(ctx, client)}
	}
	return &Stack{
		Stack:     names.Stack(name),
		ID:        aws.ToString(found.StackId),
		Region:    s.config.Region,
		Outputs:   outputs(found),
		Config:    s.config,
		queues:    sqs.NewFromConfig(s.config),
		functions: lambda.NewFromConfig(s.config),
		logs:      cloudwatchlogs.NewFromConfig(s.config),
	}, nil
}

// ours are the names of the region's stacks that are connectors, as far as they
// may be listed: they are only a help.
func ours(ctx context.Context, client *cloudformation.Client) []string {
	var all []string
	pages := cloudformation.NewDescribeStacksPaginator(client, &cloudformation.DescribeStacksInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			break
		}
		for i := range page.Stacks {
			if isOurs(&page.Stacks[i]) {
				all = append(all, aws.ToString(page.Stacks[i].StackName))
			}
		}
	}
	slices.Sort(all)
	return all
}

// isOurs knows a connector by the outputs that every one has.
func isOurs(stack *types.Stack) bool {
	has := outputs(stack)
	return has[names.OutputStateTable] != "" && has[names.OutputBucket] != ""
}

func outputs(stack *types.Stack) map[string]string {
	all := map[string]string{}
	for _, output := range stack.Outputs {
		all[aws.ToString(output.OutputKey)] = aws.ToString(output.OutputValue)
	}
	return all
}
