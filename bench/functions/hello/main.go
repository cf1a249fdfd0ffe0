// Command hello is the least that aws-lambda-go can be: the yardstick for the
// start of the connector's functions.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	lambda.Start(func(context.Context) (string, error) { return "hello", nil })
}
