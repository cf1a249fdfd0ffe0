// Command oauth-callback is the Lambda function that browsers come back to when
// somebody has granted access, and that Intercom tells of apps removed.
// What it does is in internal/grant; this file only wires it up.
package main

import (
	"context"
	"io"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"intercom-connector/internal/aws/awsconfig"
	"intercom-connector/internal/aws/dynamostate"
	"intercom-connector/internal/aws/funcenv"
	"intercom-connector/internal/aws/httpevent"
	"intercom-connector/internal/aws/mappings"
	"intercom-connector/internal/aws/metrics"
	"intercom-connector/internal/aws/secrets"
	"intercom-connector/internal/grant"
	"intercom-connector/internal/names"
)

func main() {
	ctx := context.Background()
	log := lambdacontext.NewLogger().With("function", "oauth-callback")
	h, err := newHandler(os.Getenv, log, os.Stdout)
	if err != nil {
		log.ErrorContext(ctx, "start", "err", err)
		os.Exit(1)
	}
	lambda.StartHandlerFunc(h)
}

// newHandler builds every dependency once per execution environment. Metrics go
// to out.
func newHandler(getenv func(string) string, log *slog.Logger, out io.Writer) (httpevent.Func, error) {
	env, err := funcenv.OAuthCallback(getenv)
	if err != nil {
		return nil, err
	}
	cfg, err := funcenv.LoadConfig(env.Root)
	if err != nil {
		return nil, err
	}
	cloud, err := awsconfig.New(getenv)
	if err != nil {
		return nil, err
	}
	store := dynamostate.New(cloud, env.StateTable)
	kept := vault{secrets.New(cloud, env.Stack)}
	handler, err := grant.New(grant.Config{
		Stack:   string(env.Stack),
		Clients: cfg.Clients,
		Store:   store,
		Vault:   kept,
		Publishers: publishers{
			store: store, vault: kept, mappings: mappings.New(cloud, env.Stack),
			metrics: metrics.New(out, names.Namespace, string(env.Stack)),
		},
		Log: log,
	})
	if err != nil {
		return nil, err
	}
	return httpevent.Wrap(handler), nil
}
