package main

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/rogpeppe/go-internal/testscript"

	"intercom-connector/internal/aws/awsconfig"
	"intercom-connector/internal/aws/awstest"
)

// TestStackScripts runs commands against a stack on an emulator that has what
// the commands look at, and no functions: they are the end-to-end tests' part.
func TestStackScripts(t *testing.T) {
	t.Parallel()
	emulator := awstest.Start(t)
	cfg, err := awsconfig.New(emulator.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	s := stacks{ctx: t.Context(), cfg: cfg}
	params := scripts(t, "testdata/stack")
	setup := params.Setup
	params.Setup = func(env *testscript.Env) error {
		for _, name := range []string{"AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL", "AWS_CA_BUNDLE", "AWS_EC2_METADATA_DISABLED"} {
			env.Setenv(name, emulator.Getenv(name))
		}
		env.Setenv("STACK", emulator.Name(t))
		return setup(env)
	}
	params.Cmds["stack"], params.Cmds["die"], params.Cmds["secret"] = s.stack, s.die, s.secret
	testscript.Run(t, params)
}

// stacks are the commands of scripts that do something to a stack.
type stacks struct {
	ctx context.Context
	cfg aws.Config
}

// stack makes the stack of a template, in which STACK is its name: stack FILE.
func (s stacks) stack(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: stack TEMPLATE")
	}
	name := ts.Getenv("STACK")
	text, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	client := cloudformation.NewFromConfig(s.cfg)
	_, err = client.CreateStack(s.ctx, &cloudformation.CreateStackInput{
		StackName: &name, TemplateBody: aws.String(strings.ReplaceAll(string(text), "STACK", name)),
	})
	ts.Check(err)
	ts.Check(cloudformation.NewStackCreateCompleteWaiter(client, func(o *cloudformation.StackCreateCompleteWaiterOptions) {
		o.MinDelay = 50 * time.Millisecond
	}).Wait(s.ctx, &cloudformation.DescribeStacksInput{StackName: &name}, time.Minute))
}

// die puts a dead letter into a queue of the stack: die QUEUE BODY [ATTRIBUTE=VALUE…].
func (s stacks) die(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: die QUEUE BODY [ATTRIBUTE=VALUE…]")
	}
	client := sqs.NewFromConfig(s.cfg)
	queue, err := client.GetQueueUrl(s.ctx, &sqs.GetQueueUrlInput{QueueName: aws.String(ts.Getenv("STACK") + "_" + args[0])})
	ts.Check(err)
	in := &sqs.SendMessageInput{QueueUrl: queue.QueueUrl, MessageBody: &args[1], MessageAttributes: map[string]types.MessageAttributeValue{}}
	for _, arg := range args[2:] {
		name, value, _ := strings.Cut(arg, "=")
		in.MessageAttributes[name] = types.MessageAttributeValue{DataType: aws.String("String"), StringValue: &value}
	}
	if strings.HasSuffix(args[0], ".fifo") {
		in.MessageGroupId, in.MessageDeduplicationId = &args[1], &args[1]
	}
	_, err = client.SendMessage(s.ctx, in)
	ts.Check(err)
}

// secret checks that a secret of the stack has a text, or with ! that it has
// none: secret CLIENT TEXT.
func (s stacks) secret(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: secret CLIENT TEXT")
	}
	out, err := secretsmanager.NewFromConfig(s.cfg).GetSecretValue(s.ctx, &secretsmanager.GetSecretValueInput{
		SecretId: aws.String(ts.Getenv("STACK") + "/" + args[0] + "/token"),
	})
	has := err == nil && strings.Contains(aws.ToString(out.SecretString), args[1])
	if has == neg {
		ts.Fatalf("the secret of client %s has it: %v", args[0], has)
	}
}
