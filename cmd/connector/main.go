// Command connector reads Intercom workspaces on a laptop, by the very packages
// that do it on AWS. What its commands do is in internal/cli; this file only
// joins them with the process.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // a machine without time zones must not read other days

	"intercom-connector/internal/cli"
)

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// The first signal stops a run in good order, the second one at once.
	context.AfterFunc(ctx, stop)
	// A reader of our output that goes away is an error of that write, not the
	// end of the process: what was delivered is remembered first.
	signal.Ignore(syscall.SIGPIPE)
	return cli.Program{
		Args:   os.Args[1:],
		Getenv: os.Getenv,
		Stdin:  os.Stdin,
		Stdout: os.Stdout,
		Stderr: os.Stderr,
	}.Run(ctx)
}
