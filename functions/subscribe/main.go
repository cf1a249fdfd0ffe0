// Command subscribe is the Lambda function that reads from Intercom on a schedule.
// What it does is in internal/aws/trigger and internal/subscribe; this file only
// wires it up.
package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	_ "time/tzdata" // the workspace's time zone decides where a day begins

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"intercom-connector/internal/aws/awsconfig"
	"intercom-connector/internal/aws/dynamostate"
	"intercom-connector/internal/aws/funcenv"
	"intercom-connector/internal/aws/metrics"
	"intercom-connector/internal/aws/secrets"
	"intercom-connector/internal/aws/trigger"
	"intercom-connector/internal/config"
	"intercom-connector/internal/names"
)

func main() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	log := lambdacontext.NewLogger().With("function", "subscribe")
	h, err := newHandler(os.Getenv, log, os.Stdout)
	if err != nil {
		log.ErrorContext(ctx, "start", "err", err)
		os.Exit(1)
	}
	lambda.StartWithOptions(h, lambda.WithContext(ctx), lambda.WithEnableSIGTERM(func() {
		stop() // a run under way makes safe what it can
		if h.Idle() {
			os.Exit(0)
		}
	}))
}

// newHandler builds every dependency once per execution environment. Metrics go
// to out.
func newHandler(getenv func(string) string, log *slog.Logger, out io.Writer) (*trigger.Handler, error) {
	env, err := funcenv.Subscribe(getenv)
	if err != nil {
		return nil, err
	}
	cfg, client, err := funcenv.LoadClient(env.Root, env.Client)
	if err != nil {
		return nil, err
	}
	cloud, err := awsconfig.New(getenv)
	if err != nil {
		return nil, err
	}
	return trigger.New(trigger.Config{
		Stack:     env.Stack,
		Client:    env.Client,
		Config:    cfg,
		Store:     dynamostate.New(cloud, env.StateTable),
		Token:     secrets.New(cloud, env.Stack).Source(env.Client, client.Auth.Type == config.OAuth),
		Outputs:   newOutputs(cloud, env, cfg.Publishers),
		Invoker:   newInvoker(cloud, env.Stack.SubscribeFunction(env.Client)),
		Metrics:   metrics.New(out, names.Namespace, string(env.Stack)),
		Log:       log,
		RequestID: requestID,
	})
}

// requestID is Lambda's, of the invocation that a context is of.
func requestID(ctx context.Context) string {
	invocation, ok := lambdacontext.FromContext(ctx)
	if !ok {
		return ""
	}
	return invocation.AwsRequestID
}
