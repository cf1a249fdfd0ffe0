package intercom

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
)

// A TokenSource supplies the access token. It is asked for every request, from
// several goroutines, so it should keep what it has fetched for a while.
type TokenSource interface {
	Token(ctx context.Context) (string, error)
}

// StaticToken is a TokenSource that always has the same token. Printing it, in
// any way, does not show the token.
func StaticToken(token string) TokenSource {
	return staticToken{func() string { return token }}
}

// A staticToken holds its token in a closure, where not even printing a struct
// that contains it, verbatim, can find it.
type staticToken struct{ reveal func() string }

// Token returns the token.
func (t staticToken) Token(context.Context) (string, error) { return t.reveal(), nil }

// String does not show the token.
func (staticToken) String() string { return masked }

// GoString does not show the token.
func (staticToken) GoString() string { return masked }

// Format does not show the token, whatever the verb.
func (staticToken) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte(masked)) }

// LogValue does not show the token.
func (staticToken) LogValue() slog.Value { return slog.StringValue(masked) }

// MarshalText does not show the token.
func (staticToken) MarshalText() ([]byte, error) { return []byte(masked), nil }

var (
	errNoToken  = errors.New("there is none")
	errBadToken = errors.New("it has characters that no token has")
)

// token asks the source and refuses what cannot be a token.
func (c *Client) token(ctx context.Context) (string, error) {
	token, err := c.cfg.Token.Token(ctx)
	if err == nil {
		token = strings.TrimSpace(token)
		err = checkToken(token)
	}
	if err != nil {
		return "", fmt.Errorf("intercom: client %s: token: %w", c.cfg.Name, err)
	}
	return token, nil
}

func checkToken(token string) error {
	if token == "" {
		return errNoToken
	}
	for _, r := range token {
		if r <= ' ' || r > '~' {
			return errBadToken
		}
	}
	return nil
}
