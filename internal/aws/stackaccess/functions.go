package stackaccess

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// ErrNoFunction means that the stack has no function of that name.
var ErrNoFunction = errors.New("there is no such function")

// A FunctionError is what a function said instead of answering, or what Lambda
// said about its end.
type FunctionError struct {
	Function string
	Type     string // of the error, as Lambda names it
	Message  string
}

func (e *FunctionError) Error() string {
	if e.Message == "" {
		return fmt.Sprintf("function %s failed: %s", e.Function, e.Type)
	}
	return fmt.Sprintf("function %s failed: %s", e.Function, e.Message)
}

// Invoke calls a function and waits for its answer, which may take as long as
// the function does. It is sent once: a connection that breaks leaves the
// function running, and who asks again would have it run twice.
func (s *Stack) Invoke(ctx context.Context, function string, payload []byte) ([]byte, error) {
	out, err := s.functions.Invoke(ctx, &lambda.InvokeInput{FunctionName: &function, Payload: payload}, func(o *lambda.Options) {
		o.Retryer = aws.NopRetryer{}
	})
	if _, gone := errors.AsType[*types.ResourceNotFoundException](err); gone {
		return nil, fmt.Errorf("invoke %s: %w", function, ErrNoFunction)
	}
	if err != nil {
		return nil, fmt.Errorf("invoke %s: %w", function, err)
	}
	if out.FunctionError == nil {
		return out.Payload, nil
	}
	var said struct {
		Type    string `json:"errorType"`
		Message string `json:"errorMessage"`
	}
	if json.Unmarshal(out.Payload, &said) != nil || said.Type == "" {
		said.Type = *out.FunctionError
	}
	return nil, &FunctionError{Function: function, Type: said.Type, Message: said.Message}
}
