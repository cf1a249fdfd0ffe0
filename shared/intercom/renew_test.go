package intercom_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"intercom-connector/shared/intercom"
)

// A keyring has tokens one after the other: v1, v2 and so on are their versions.
type keyring struct {
	mu      sync.Mutex
	tokens  []string // the last is current, none: there is none
	kept    int      // how many there were when it last looked
	renewed int      // times it has looked
	err     error
}

func (k *keyring) Token(ctx context.Context) (string, error) {
	token, _, err := k.Renew(ctx, "")
	return token, err
}

func (k *keyring) Renew(_ context.Context, stale string) (token, version string, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.kept == 0 || stale == fmt.Sprint("v", k.kept) {
		k.renewed++
		if k.err != nil {
			return "", "", k.err
		}
		k.kept = len(k.tokens)
	}
	if k.kept == 0 {
		return "", "", fmt.Errorf("secret my-stack/main/token: %w", intercom.ErrNoToken)
	}
	return k.tokens[k.kept-1], fmt.Sprint("v", k.kept), nil
}

// accepting takes one token only.
func accepting(seen *[]string, token string) server {
	return func(r *http.Request) (*http.Response, error) {
		got := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		*seen = append(*seen, got)
		if got != token {
			return reply(401, errorList("token_revoked", "Access Token Revoked")), nil
		}
		return reply(200, `{"data":[]}`), nil
	}
}

// A token that was replaced while it was remembered is read anew, once, and
// whatever the request was it is sent again: a 401 comes before anything is done.
func TestRenewedToken(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		later  []string // tokens that come after the first, which is remembered
		err    error    // of looking anew
		valid  string
		want   string // tokens that were sent
		failed string // the version that the error names
	}{
		{"still valid", nil, nil, "one", "one", ""},
		{"replaced", []string{"two"}, nil, "two", "one two", ""},
		{"replaced twice", []string{"two", "three"}, nil, "three", "one three", ""},
		{"the new one is not accepted either", []string{"two"}, nil, "three", "one two", "v2"},
		{"not replaced", nil, nil, "two", "one", "v1"},
		{"nobody can look", []string{"two"}, errors.New("throttled"), "two", "one", "v1"},
	} {
		for _, op := range []*intercom.Operation{tagsOp, createOp} {
			t.Run(tt.name+" "+op.Method, func(t *testing.T) {
				t.Parallel()
				keys := &keyring{tokens: []string{"one"}}
				if _, err := keys.Token(t.Context()); err != nil {
					t.Fatal(err)
				}
				keys.tokens, keys.err = append(keys.tokens, tt.later...), tt.err
				var seen []string
				c := newClient(t, intercom.Config{Token: keys, Transport: accepting(&seen, tt.valid)})
				req := &intercom.Request{Operation: op}
				if op.Method != http.MethodGet {
					req.Payload = []byte(`{"name":"x"}`)
				}
				_, err := c.Do(t.Context(), req)
				if got := strings.Join(seen, " "); got != tt.want {
					t.Errorf("sent %q, want %q", got, tt.want)
				}
				if tt.failed == "" {
					if err != nil {
						t.Error(err)
					}
					return
				}
				api, ok := errors.AsType[*intercom.APIError](err)
				if !ok || api.Status != 401 || api.TokenVersion != tt.failed {
					t.Errorf("got %v of version %q, want 401 of %q", err, api.TokenVersion, tt.failed)
				}
			})
		}
	}
}

func TestTokenVersion(t *testing.T) {
	t.Parallel()
	version := func(source intercom.TokenSource, stale string) (string, error) {
		return newClient(t, intercom.Config{Token: source, Transport: always(200, `{}`)}).TokenVersion(t.Context(), stale)
	}
	if got, err := version(intercom.StaticToken("one"), "v1"); got != "" || err != nil {
		t.Errorf("a token without versions: %q, %v", got, err)
	}
	if _, err := version(&keyring{}, ""); !errors.Is(err, intercom.ErrNoToken) {
		t.Errorf("no token: got %v", err)
	}
	keys := &keyring{tokens: []string{"one"}}
	if got, err := version(keys, ""); got != "v1" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	keys.tokens = append(keys.tokens, "two")
	if got, err := version(keys, ""); got != "v1" || err != nil {
		t.Errorf("what is remembered: got %q, %v", got, err)
	}
	if got, err := version(keys, "v1"); got != "v2" || err != nil {
		t.Errorf("read anew: got %q, %v", got, err)
	}
}
