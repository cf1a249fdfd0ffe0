// Package selfinvoke lets a function invoke itself, asynchronously: to go on in
// another invocation where the time of this one is over.
//
// Lambda drops what looks like a function that calls itself in circles, so the
// function has to be allowed to (RecursiveLoop: Allow). What ends the circle
// here is the run: see internal/subscribe.
package selfinvoke

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/aws"

	"intercom-connector/internal/aws/wire"
)

// An Invoker invokes one function.
type Invoker struct {
	client   *wire.Client
	function string
}

// New returns the Invoker of a function of this account and region, by its name.
func New(cfg aws.Config, function string) *Invoker {
	return &Invoker{client: wire.New(cfg, wire.Service{ID: "Lambda", Name: "lambda"}), function: function}
}

// Invoke hands an event to Lambda, which has it when this returns nil
// (https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html). A connection
// that breaks is tried again, so it may come twice: whoever gets it must not mind.
func (i *Invoker) Invoke(ctx context.Context, payload []byte) error {
	err := i.client.Do(ctx, wire.Request{
		Operation: "Invoke", Method: http.MethodPost, Path: "/2015-03-31/functions/" + url.PathEscape(i.function) + "/invocations",
		Header: http.Header{"Content-Type": {"application/json"}, "X-Amz-Invocation-Type": {"Event"}}, Body: payload,
	}, nil)
	if err != nil {
		return fmt.Errorf("invoke %s: %w", i.function, err)
	}
	return nil
}
