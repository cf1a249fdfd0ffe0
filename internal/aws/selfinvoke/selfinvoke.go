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

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// An Invoker invokes one function.
type Invoker struct {
	client   *lambda.Client
	function string
}

// New returns the Invoker of a function, by its name.
func New(cfg aws.Config, function string) *Invoker {
	return &Invoker{client: lambda.NewFromConfig(cfg), function: function}
}

// Invoke hands an event to Lambda, which has it when this returns nil. A
// connection that breaks is tried again, so it may come twice: whoever gets it
// must not mind.
func (i *Invoker) Invoke(ctx context.Context, payload []byte) error {
	_, err := i.client.Invoke(ctx, &lambda.InvokeInput{
		FunctionName: &i.function, InvocationType: types.InvocationTypeEvent, Payload: payload,
	})
	if err != nil {
		return fmt.Errorf("invoke %s: %w", i.function, err)
	}
	return nil
}
