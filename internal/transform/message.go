package transform

import (
	"context"
	"encoding/json"
	"fmt"
)

// A CountError says that a message_transform has no output, or several: a
// message is one request, so it must have exactly one.
type CountError struct{ Outputs int }

func (e *CountError) Error() string {
	return fmt.Sprintf("jq: a message must become one message, not %d", e.Outputs)
}

// Message returns what a publisher's message_transform makes of a message,
// any JSON value on one line. Without a program (nil) it is the message itself,
// byte for byte.
//
// The errors are those of [Program.Run] and [*CountError]. Other than ctx's own
// they mean that the message cannot be published.
func Message(ctx context.Context, p *Program, message []byte) (json.RawMessage, error) {
	if p == nil {
		return message, nil
	}
	outputs, err := p.Run(ctx, message)
	if err != nil {
		return nil, err
	}
	if len(outputs) != 1 {
		return nil, &CountError{Outputs: len(outputs)}
	}
	return outputs[0], nil
}
