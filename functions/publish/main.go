// Command publish is the Lambda function that writes to Intercom what comes
// through the queues of a client's publishers. What it does is in
// internal/aws/sqsin and internal/publish; this file only wires it up.
package main

import (
	"context"
	"io"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"intercom-connector/internal/aws/awsconfig"
	"intercom-connector/internal/aws/claim"
	"intercom-connector/internal/aws/dynamostate"
	"intercom-connector/internal/aws/funcenv"
	"intercom-connector/internal/aws/mappings"
	"intercom-connector/internal/aws/metrics"
	"intercom-connector/internal/aws/secrets"
	"intercom-connector/internal/aws/sqsin"
	"intercom-connector/internal/config"
	"intercom-connector/internal/names"
	"intercom-connector/internal/watch"
	"intercom-connector/shared/intercom"
)

func main() {
	ctx := context.Background()
	log := lambdacontext.NewLogger().With("function", "publish")
	h, err := newHandler(os.Getenv, log, os.Stdout)
	if err != nil {
		log.ErrorContext(ctx, "start", "err", err)
		os.Exit(1)
	}
	lambda.Start(h)
}

// newHandler builds every dependency once per execution environment. Metrics go
// to out.
func newHandler(getenv func(string) string, log *slog.Logger, out io.Writer) (*sqsin.Handler, error) {
	env, err := funcenv.Publish(getenv)
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
	api, err := intercom.New(intercom.Config{
		Name:    client.Name,
		BaseURL: client.BaseURL,
		Version: client.Version,
		Token:   secrets.New(cloud, env.Stack).Source(client.Name, client.Auth.Type == config.OAuth),
		Log:     log,
		LogMode: intercom.LogMode(client.LogRequests),
	})
	if err != nil {
		return nil, err
	}
	to := newOutlets(cloud, env)
	store, counts := dynamostate.New(cloud, env.StateTable), metrics.New(out, names.Namespace, string(env.Stack))
	return sqsin.New(sqsin.Config{
		Stack:      env.Stack,
		QueueURL:   env.QueueURL,
		Client:     client,
		Publishers: cfg.Publishers,
		API:        api,
		Store:      store,
		SQS:        to.queues(),
		Claims:     to.claims(client.Name),
		Hopeless:   []error{claim.ErrForeign, claim.ErrGone, claim.ErrTooLarge},
		Mappings:   mappings.New(cloud, env.Stack),
		Metrics:    counts,
		Watch:      &watch.Watch{Stack: env.Stack, Config: cfg, Store: store, Metrics: counts, Log: log},
		Outlet:     to.outlet,
		Log:        log,
	})
}
