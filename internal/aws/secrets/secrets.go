// Package secrets keeps the secrets of a stack's clients in Secrets Manager: the
// token of each, and where a client uses OAuth, its app.
//
// # What a secret holds
//
// The secret of a token (names.Stack.Token) holds a JSON object, of which only
// token is needed:
//
//	{"token": "…", "workspace": "ab12cd34", "workspace_name": "Acme", "region": "eu",
//	 "timezone": "Europe/Amsterdam", "granted_at": "2026-01-31T12:00:00Z"}
//
// Anything that is no JSON object is the bare token, so that one may be pasted
// in AWS's console. That resumes nobody: where the client was paused its queues
// stay stopped until somebody says `connector resume NAME --stack …`, which
// `connector token` and a grant do by themselves. The secret of an app (names.Stack.App) holds
//
//	{"client_id": "…", "client_secret": "…"}
//
// The stack makes the secrets without a value; a value that is empty is none
// either. The secret's version before the current one stays as AWSPREVIOUS.
//
// # What nobody is shown
//
// Printing a token, an app or a [Source], in any way, shows nothing of them,
// and neither does an error of this package.
package secrets

import (
	"context"
	cryptorand "crypto/rand"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go/rand"

	"intercom-connector/internal/aws/wire"
	"intercom-connector/internal/names"
	"intercom-connector/shared/intercom"
)

// A Store reads and writes the secrets of a stack.
type Store struct {
	client *wire.Client
	stack  names.Stack
}

// New returns the store of a stack's secrets.
func New(cfg aws.Config, stack names.Stack) *Store {
	return &Store{
		client: wire.New(cfg, wire.Service{ID: "Secrets Manager", Name: "secretsmanager", Target: "secretsmanager", Version: "1.1"}),
		stack:  stack,
	}
}

// A MissingError says that a secret has no value yet, and the one command that
// gives it one. Of a token it is an [intercom.ErrNoToken], of an app an [ErrNoApp].
type MissingError struct {
	Client  string
	Command string // connector token main --stack my-stack
	app     bool
}

func (e *MissingError) Error() string {
	what := "token"
	if e.app {
		what = "OAuth app"
	}
	return fmt.Sprintf("client %s has no %s yet: run %s", e.Client, what, e.Command)
}

// Is says which of the other two errors this one is.
func (e *MissingError) Is(target error) bool {
	if e.app {
		return target == ErrNoApp
	}
	return target == intercom.ErrNoToken
}

// ErrNoApp means that a client's app is not stored.
var ErrNoApp = errors.New("no client id and client secret are stored")

// command is what a person types to give a client what it lacks.
func (s *Store) command(verb, client string) string {
	return fmt.Sprintf("connector %s %s --stack %s", verb, client, s.stack)
}

// Token returns a client's token as it is now, or a [MissingError].
func (s *Store) Token(ctx context.Context, client string) (Token, error) {
	value, version, err := s.read(ctx, s.stack.Token(client))
	if err != nil {
		return Token{}, fmt.Errorf("read the token of client %s: %w", client, err)
	}
	token, err := decodeToken(value)
	if err != nil {
		return Token{}, fmt.Errorf("read the token of client %s: the secret %s: %w", client, s.stack.Token(client), err)
	}
	if token.Value == "" {
		return Token{}, &MissingError{Client: client, Command: s.command("token", client)}
	}
	token.Version = version
	return token, nil
}

// PutToken stores a client's token in place of the one before, and returns its
// version. The token's own Version is not looked at.
func (s *Store) PutToken(ctx context.Context, client string, token Token) (version string, err error) {
	if strings.TrimSpace(token.Value) == "" {
		return "", fmt.Errorf("store the token of client %s: it is empty", client)
	}
	version, err = s.write(ctx, s.stack.Token(client), token.encode(), token.Value)
	if err != nil {
		return "", fmt.Errorf("store the token of client %s: %w", client, err)
	}
	return version, nil
}

// App returns a client's app, or a [MissingError].
func (s *Store) App(ctx context.Context, client string) (App, error) {
	value, _, err := s.read(ctx, s.stack.App(client))
	if err != nil {
		return App{}, fmt.Errorf("read the app of client %s: %w", client, err)
	}
	app, err := decodeApp(value)
	if err != nil {
		return App{}, fmt.Errorf("read the app of client %s: the secret %s: %w", client, s.stack.App(client), err)
	}
	if app.ID == "" || app.Secret == "" {
		return App{}, &MissingError{Client: client, Command: s.command("app", client), app: true}
	}
	return app, nil
}

// PutApp stores a client's app in place of the one before.
func (s *Store) PutApp(ctx context.Context, client string, app App) error {
	if app.ID == "" || app.Secret == "" {
		return fmt.Errorf("store the app of client %s: it takes a client id and a client secret", client)
	}
	if _, err := s.write(ctx, s.stack.App(client), app.encode(), app.Secret); err != nil {
		return fmt.Errorf("store the app of client %s: %w", client, err)
	}
	return nil
}

// read returns the value of a secret and its version, "" and no error where it
// has none: a secret that has never had a value cannot be told from one that is
// not there (https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html).
func (s *Store) read(ctx context.Context, name string) (value, version string, err error) {
	var out struct {
		SecretString *string
		SecretBinary []byte
		VersionID    string `json:"VersionId"`
	}
	err = s.client.Call(ctx, "GetSecretValue", map[string]string{"SecretId": name}, &out)
	switch {
	case wire.IsCode(err, "ResourceNotFoundException"):
		return "", "", nil
	case err != nil:
		return "", "", err
	case out.SecretString != nil:
		return *out.SecretString, out.VersionID, nil
	default:
		return string(out.SecretBinary), out.VersionID, nil
	}
}

// write gives a secret a value. secret is the part of it that no error may show
// (https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html).
func (s *Store) write(ctx context.Context, name, value, secret string) (version string, err error) {
	// It makes the same of a request that is repeated, and becomes the version.
	token, err := rand.NewUUID(cryptorand.Reader).GetUUID()
	if err != nil {
		return "", err
	}
	var out struct {
		VersionID string `json:"VersionId"`
	}
	err = s.client.Call(ctx, "PutSecretValue", map[string]string{
		"SecretId": name, "SecretString": value, "ClientRequestToken": token,
	}, &out)
	if wire.IsCode(err, "ResourceNotFoundException") {
		return "", fmt.Errorf("there is no secret %s: deploy the stack first", name)
	}
	if err != nil {
		return "", &maskedError{err: err, secrets: []string{value, secret}}
	}
	return out.VersionID, nil
}

// A maskedError is an error whose text does not show what it might have quoted.
type maskedError struct {
	err     error
	secrets []string
}

func (e *maskedError) Error() string {
	text := e.err.Error()
	for _, secret := range e.secrets {
		text = strings.ReplaceAll(text, secret, masked)
	}
	return text
}

func (e *maskedError) Unwrap() error { return e.err }
