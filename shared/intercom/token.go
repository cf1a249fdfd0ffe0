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

// A RenewingSource is a TokenSource whose token is replaced while it is in use.
// Each token has a version: a name that tells nothing of it, and that another
// token never has.
type RenewingSource interface {
	TokenSource
	// Renew returns the token and its version. stale is the version of a token
	// that was refused, "" for none: what is remembered of that one is forgotten,
	// and the token read anew. It may turn out to be the same, then there is no
	// other. Where there is no token at all the error is [ErrNoToken].
	Renew(ctx context.Context, stale string) (token, version string, err error)
}

// ErrNoToken means that there is no token: nobody has stored one yet.
var ErrNoToken = errors.New("there is none")

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

var errBadToken = errors.New("it has characters that no token has")

// TokenVersion returns the version of the token that requests are sent with, ""
// where the source knows no versions. A token of version stale is not taken
// from memory: see [RenewingSource].
func (c *Client) TokenVersion(ctx context.Context, stale string) (string, error) {
	if _, ok := c.cfg.Token.(RenewingSource); !ok {
		return "", nil
	}
	_, version, err := c.token(ctx, stale)
	return version, err
}

// token asks the source and refuses what cannot be a token.
func (c *Client) token(ctx context.Context, stale string) (token, version string, err error) {
	if source, ok := c.cfg.Token.(RenewingSource); ok {
		token, version, err = source.Renew(ctx, stale)
	} else {
		token, err = c.cfg.Token.Token(ctx)
	}
	if err == nil {
		token = strings.TrimSpace(token)
		err = checkToken(token)
	}
	if err != nil {
		return "", "", fmt.Errorf("intercom: client %s: token: %w", c.cfg.Name, err)
	}
	return token, version, nil
}

// renewed is a hop that was refused for its token, with another one: nil where
// there is no other. A 401 comes before anything is done, so any request may be
// sent again.
func (c *Client) renewed(ctx context.Context, h *hop, err error) *hop {
	if h.version == "" || h.renewed || !errors.Is(err, ErrUnauthorized) {
		return nil
	}
	token, version, err := c.token(ctx, h.version)
	if err != nil || version == h.version {
		return nil
	}
	next := *h
	next.token, next.version, next.renewed = token, version, true
	return &next
}

func checkToken(token string) error {
	if token == "" {
		return ErrNoToken
	}
	for _, r := range token {
		if r <= ' ' || r > '~' {
			return errBadToken
		}
	}
	return nil
}
