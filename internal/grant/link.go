package grant

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/oauth2"

	"intercom-connector/internal/config"
	"intercom-connector/internal/state"
)

const (
	// lifetime is how long a link can be used.
	lifetime = 10 * time.Minute
	// remembered is how much longer the record of a link, and what came of it,
	// is kept to be told.
	remembered = time.Hour
	// stateBytes are the random ones of a state.
	stateBytes = 32
)

// An Order asks for a link.
type Order struct {
	Client      *config.Client
	Stack       string // "" on a laptop
	ClientID    string // of the OAuth app
	RedirectURL string // where the handler is
	// ReplaceWorkspace accepts another workspace than that of the first token.
	ReplaceWorkspace bool
	Random           io.Reader // default: crypto/rand
}

// A Link is one chance to grant access.
type Link struct {
	URL     string // Intercom's authorize page
	State   string // whoever has it can finish the grant
	Expires time.Time
}

// A record is what the store has of a link. Only the hash of the state is there.
type record struct {
	Client   string    `json:"client"`
	Stack    string    `json:"stack,omitempty"`
	Redirect string    `json:"redirect"`
	Replace  bool      `json:"replace,omitempty"`
	Expires  time.Time `json:"expires"` // of the link; the record itself stays longer
	Spent    time.Time `json:"spent,omitzero"`
	Result   *Result   `json:"result,omitempty"`
}

// Issue makes a link and remembers it.
func Issue(ctx context.Context, store state.Store, o Order) (Link, error) {
	if o.Random == nil {
		o.Random = rand.Reader
	}
	secret := make([]byte, stateBytes)
	if _, err := io.ReadFull(o.Random, secret); err != nil {
		return Link{}, fmt.Errorf("issue a state: %w", err)
	}
	link := Link{State: base64.RawURLEncoding.EncodeToString(secret), Expires: time.Now().Add(lifetime).UTC()}
	value, err := json.Marshal(record{
		Client: o.Client.Name, Stack: o.Stack, Redirect: o.RedirectURL, Replace: o.ReplaceWorkspace, Expires: link.Expires,
	})
	if err != nil {
		return Link{}, fmt.Errorf("issue a state: %w", err)
	}
	if _, err := store.Create(ctx, stateKey(link.State), value, link.Expires.Add(remembered)); err != nil {
		return Link{}, fmt.Errorf("issue a state: %w", err)
	}
	settings := oauth2.Config{
		ClientID:    o.ClientID,
		RedirectURL: o.RedirectURL,
		Endpoint:    oauth2.Endpoint{AuthURL: o.Client.Auth.AuthorizeURL},
	}
	link.URL = settings.AuthCodeURL(link.State)
	return link, nil
}

// stateKey is where the record of a state is kept.
func stateKey(text string) string {
	hash := sha256.Sum256([]byte(text))
	return "oauth/" + hex.EncodeToString(hash[:])
}

// isState recognises what Issue may have made, and in one spelling only.
func isState(text string) bool {
	secret, err := base64.RawURLEncoding.Strict().DecodeString(text)
	return err == nil && len(secret) == stateBytes && base64.RawURLEncoding.EncodeToString(secret) == text
}

// A ticket is a link whose state has been spent by this request.
type ticket struct {
	record

	key string
	rev state.Revision
}

// spend takes the one chance of a state. The problem is not nil where there is
// none, or none any more.
func (h *Handler) spend(ctx context.Context, text string) (*ticket, *problem) {
	if !isState(text) {
		return nil, unknownState.with(errors.New("the state is none of ours"))
	}
	key := stateKey(text)
	found, err := h.cfg.Store.Get(ctx, key)
	if errors.Is(err, state.ErrNotFound) {
		return nil, unknownState.with(errors.New("no such state"))
	}
	if err != nil {
		return nil, broken.with(err)
	}
	t := &ticket{key: key}
	if err := json.Unmarshal(found.Value, &t.record); err != nil {
		return nil, broken.with(fmt.Errorf("read state: %w", err))
	}
	// The key is a hash, so how long a look-up takes says nothing about a state.
	// A store that finds more than it is asked for must not decide, though.
	if subtle.ConstantTimeCompare([]byte(found.Key), []byte(key)) != 1 {
		return nil, unknownState.with(errors.New("the store found another state"))
	}
	switch {
	case t.Stack != h.cfg.Stack || h.oauth(t.Client) == nil:
		return nil, foreignState.of(t.Client, fmt.Errorf("the state belongs to stack %q", t.Stack))
	case !t.Spent.IsZero():
		return nil, usedState.of(t.Client, errors.New("the state was spent before"))
	case !time.Now().Before(t.Expires):
		return nil, lateState.of(t.Client, fmt.Errorf("the state expired at %s", t.Expires.Format(time.RFC3339)))
	}
	t.Spent = time.Now().UTC()
	switch err := t.save(ctx, h.cfg.Store, found.Revision); {
	case errors.Is(err, state.ErrConflict):
		return nil, usedState.of(t.Client, errors.New("another request spends the state at this moment"))
	case err != nil:
		return nil, broken.of(t.Client, err)
	}
	return t, nil
}

// save writes the record over the revision rev.
func (t *ticket) save(ctx context.Context, store state.Store, rev state.Revision) error {
	value, err := json.Marshal(t.record)
	if err != nil {
		return fmt.Errorf("save state: %w", err)
	}
	t.rev, err = store.Save(ctx, t.key, value, rev, time.Now().Add(remembered))
	if err != nil {
		return fmt.Errorf("save state: %w", err)
	}
	return nil
}
