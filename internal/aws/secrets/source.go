package secrets

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"intercom-connector/shared/intercom"
)

const (
	// remembered is how long a token is used before the secret is read again.
	remembered = 5 * time.Minute
	// kept is how long one is used while the secret cannot be read.
	kept = time.Hour
	// readAgain is how long after a failure the next attempt is made to read a
	// secret whose token is kept.
	readAgain = 30 * time.Second
)

// A Source supplies a client's token to its [intercom.Client]. It remembers it
// for some minutes, and reads the secret anew as soon as Intercom refuses it.
type Source struct {
	store  *Store
	client string
	verb   string // of the command that gives the client a token

	reads atomic.Int64  // how many were begun
	turn  chan struct{} // holds one: whoever takes it may read and change the rest

	token  func() string // where not even printing the Source verbatim can find it
	known  string        // its version, "" for no token
	read   time.Time     // when the read began that the token is from
	number int64         // of that read
	due    time.Time     // when to read again
}

var _ intercom.RenewingSource = (*Source)(nil)

// Source returns the source of a client's token. granted says that the token
// comes by OAuth, which is what an error about a missing one advises.
func (s *Store) Source(client string, granted bool) *Source {
	source := &Source{store: s, client: client, verb: "token", turn: make(chan struct{}, 1)}
	if granted {
		source.verb = "grant"
	}
	source.turn <- struct{}{}
	return source
}

// Token implements [intercom.TokenSource].
func (s *Source) Token(ctx context.Context) (string, error) {
	token, _, err := s.Renew(ctx, "")
	return token, err
}

// Renew implements [intercom.RenewingSource]. With the version of a token that
// was refused it reads the secret after it was called, not before; those who
// wait for the same share what one of them reads.
func (s *Source) Renew(ctx context.Context, stale string) (token, version string, err error) {
	begun := s.reads.Load()
	select {
	case <-s.turn:
		defer func() { s.turn <- struct{}{} }()
	case <-ctx.Done():
		return "", "", ctx.Err()
	}
	now := time.Now()
	switch {
	case s.known == "":
	case stale == s.known && s.number <= begun:
	case !now.Before(s.due):
	default:
		return s.token(), s.known, nil
	}
	err = s.fetch(ctx, now)
	if err == nil {
		return s.token(), s.known, nil
	}
	missing, ok := errors.AsType[*MissingError](err)
	switch {
	case ok:
		missing.Command = s.store.command(s.verb, s.client)
		s.known, s.token = "", nil
	case ctx.Err() == nil && s.known != "" && s.known != stale && now.Sub(s.read) < kept:
		s.due = now.Add(readAgain)
		return s.token(), s.known, nil
	}
	return "", "", err
}

// fetch reads the secret.
func (s *Source) fetch(ctx context.Context, now time.Time) error {
	number := s.reads.Add(1)
	token, err := s.store.Token(ctx, s.client)
	if err != nil {
		return err
	}
	value := token.Value
	s.token = func() string { return value }
	s.known, s.read, s.number, s.due = token.Version, now, number, now.Add(remembered)
	return nil
}

// Format shows nothing, whatever the verb.
func (*Source) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, masked) }

// LogValue shows nothing.
func (*Source) LogValue() slog.Value { return slog.StringValue(masked) }
