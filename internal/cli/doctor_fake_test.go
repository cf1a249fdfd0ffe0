package cli

import (
	"context"

	"intercom-connector/internal/aws/stackaccess"
	"intercom-connector/internal/names"
	"intercom-connector/shared/intercom"
)

// Status is that of a stack that is well.
func (s *FakeStack) Status(context.Context) (string, error) { return "UPDATE_COMPLETE", nil }

// Function has all functions, and nothing is wrong with them.
func (s *FakeStack) Function(context.Context, string) (string, error) { return "", nil }

// Waiting counts the messages of the queues that the stack was made with, and
// of the one that every stack has.
func (s *FakeStack) Waiting(ctx context.Context, queue string) (int64, error) {
	if queue == names.Stack(s.Name).Undelivered() {
		return 0, nil
	}
	q, ok := s.queues[queue]
	if !ok {
		return 0, stackaccess.ErrNoQueue
	}
	depth, err := s.Depth(ctx, q.Queue)
	return depth.Messages(), err
}

// A noToken is a secret without a value.
type noToken struct{}

// Token implements intercom.TokenSource.
func (noToken) Token(context.Context) (string, error) { return "", intercom.ErrNoToken }

// Token is the source of a client's token.
func (s *FakeStack) Token(client string, _ bool) intercom.TokenSource {
	if token := s.Tokens[client]; token != "" {
		return intercom.StaticToken(token)
	}
	return noToken{}
}
