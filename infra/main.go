// Command infra is the app of the CDK: `cdk deploy` runs it, and deploys what it
// draws. It reads connector.yaml, builds the functions into dist/ and writes the
// template. What is drawn is in the package stack.
//
// The context says what to deploy: -c config=FILE, -c stage=prod, and what else
// stack.Context has.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/aws/jsii-runtime-go"

	"intercom-connector/infra/stack"
)

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	defer jsii.Close()
	return stack.Program{Source: ".", Environ: os.Environ(), Stderr: os.Stderr}.Run(ctx)
}
