package e2e_test

import (
	"context"
	"strconv"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"intercom-connector/internal/aws/awsconfig"
	"intercom-connector/internal/aws/awstest"
)

// A cloud is the emulator by Go's SDK, which starts faster than Python for what
// is asked often.
type cloud struct {
	queues    *sqs.Client
	functions *lambda.Client
	vault     *secretsmanager.Client
}

func newCloud(t *testing.T, emulator *awstest.Emulator) *cloud {
	t.Helper()
	cfg, err := awsconfig.New(emulator.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	return &cloud{queues: sqs.NewFromConfig(cfg), functions: lambda.NewFromConfig(cfg), vault: secretsmanager.NewFromConfig(cfg)}
}

// answer asks AWS something and expects an answer.
func answer[In, Out, Option any](t *testing.T, call func(context.Context, *In, ...Option) (*Out, error), in *In) *Out {
	t.Helper()
	out, err := call(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (c *cloud) queueURL(t *testing.T, queue string) *string {
	t.Helper()
	return answer(t, c.queues.GetQueueUrl, &sqs.GetQueueUrlInput{QueueName: &queue}).QueueUrl
}

func (c *cloud) enqueue(t *testing.T, queue, body string) {
	t.Helper()
	answer(t, c.queues.SendMessage, &sqs.SendMessageInput{QueueUrl: c.queueURL(t, queue), MessageBody: &body})
}

// holds is how many messages a queue holds, those being worked on included.
func (c *cloud) holds(t *testing.T, queue string) (n int) {
	t.Helper()
	out := answer(t, c.queues.GetQueueAttributes, &sqs.GetQueueAttributesInput{
		QueueUrl: c.queueURL(t, queue), AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameAll},
	})
	for _, name := range []sqstypes.QueueAttributeName{
		sqstypes.QueueAttributeNameApproximateNumberOfMessages, sqstypes.QueueAttributeNameApproximateNumberOfMessagesNotVisible,
	} {
		some, err := strconv.Atoi(out.Attributes[string(name)])
		if err != nil {
			t.Fatalf("%s of %s: %v", name, queue, err)
		}
		n += some
	}
	return n
}

// take takes so many messages out of a queue.
func (c *cloud) take(t *testing.T, queue string, wanted int) (bodies []string) {
	t.Helper()
	address := c.queueURL(t, queue)
	for range 60 {
		if len(bodies) >= wanted {
			return bodies
		}
		out := answer(t, c.queues.ReceiveMessage, &sqs.ReceiveMessageInput{QueueUrl: address, MaxNumberOfMessages: 10, WaitTimeSeconds: 1})
		for i := range out.Messages {
			bodies = append(bodies, aws.ToString(out.Messages[i].Body))
			answer(t, c.queues.DeleteMessage, &sqs.DeleteMessageInput{QueueUrl: address, ReceiptHandle: out.Messages[i].ReceiptHandle})
		}
	}
	t.Fatalf("%s: got %d messages, want %d", queue, len(bodies), wanted)
	return nil
}

// mappings are the states that the queues of a function are in.
func (c *cloud) mappings(t *testing.T, function string) (states []string) {
	t.Helper()
	out := answer(t, c.functions.ListEventSourceMappings, &lambda.ListEventSourceMappingsInput{FunctionName: &function})
	for i := range out.EventSourceMappings {
		states = append(states, aws.ToString(out.EventSourceMappings[i].State))
	}
	return states
}

// call invokes a function and returns what it fails with, "" for nothing.
func (c *cloud) call(t *testing.T, function, event string) (failure string) {
	t.Helper()
	out := answer(t, c.functions.Invoke, &lambda.InvokeInput{FunctionName: &function, Payload: []byte(event)})
	if out.FunctionError == nil {
		return ""
	}
	return string(out.Payload)
}

// kept is a version of a secret: AWSCURRENT or AWSPREVIOUS.
func (c *cloud) kept(t *testing.T, secret, stage string) string {
	t.Helper()
	return aws.ToString(answer(t, c.vault.GetSecretValue, &secretsmanager.GetSecretValueInput{SecretId: &secret, VersionStage: &stage}).SecretString)
}
