package publish_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"intercom-connector/internal/pause"
	"intercom-connector/internal/publish"
	"intercom-connector/shared/intercom"
)

// A safe has one token after the other, and workers that remember what they
// have read.
type safe struct {
	mu     sync.Mutex
	tokens []string // the last is current
}

func (s *safe) store(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens = append(s.tokens, token)
}

func (s *safe) version() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return fmt.Sprint("v", len(s.tokens))
}

// A reader is what one worker knows of a safe.
type reader struct {
	safe *safe
	mu   sync.Mutex
	kept int
}

func (r *reader) Token(ctx context.Context) (string, error) {
	token, _, err := r.Renew(ctx, "")
	return token, err
}

func (r *reader) Renew(_ context.Context, stale string) (token, version string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.safe.mu.Lock()
	defer r.safe.mu.Unlock()
	if r.kept == 0 || stale == fmt.Sprint("v", r.kept) {
		r.kept = len(r.safe.tokens)
	}
	if r.kept == 0 {
		return "", "", fmt.Errorf("nobody has stored one: run `connector token main --stack test`: %w", intercom.ErrNoToken)
	}
	return r.safe.tokens[r.kept-1], fmt.Sprint("v", r.kept), nil
}

// A workspace whose tokens are refused until one is found good.
type gate struct {
	mu   sync.Mutex
	good string
}

func (g *gate) open(token string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.good = token
}

// gated are two workers of a client whose tokens change.
func gated(t *testing.T, s *safe, g *gate) (*bench, func() *publish.Publisher) {
	t.Helper()
	b := newBench(t, nil, "POST", "contacts/{contact_id}/notes")
	b.server = &server{answer: func(int, string, string) reply { return ok(`{}`) }}
	b.server.token = func(got string) bool {
		g.mu.Lock()
		defer g.mu.Unlock()
		return got == g.good
	}
	return b, func() *publish.Publisher {
		b.token = &reader{safe: s}
		return b.publisher(t)
	}
}

func outcomeOf(t *testing.T, p *publish.Publisher, id string) publish.Result {
	t.Helper()
	return p.Publish(t.Context(), msg(id, noteBody))
}

// From no token at all to a token, its end and the next one: nothing is lost,
// and nobody has to say that it goes on.
func TestTokenLife(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, g := &safe{}, &gate{}
		b, worker := gated(t, s, g)
		one, other := worker(), worker()
		if r := outcomeOf(t, one, "1"); r.Outcome != publish.Paused || !strings.Contains(r.Reason, "connector token main") {
			t.Fatalf("no token: %+v", r)
		}
		if got, _ := pause.Reason(t.Context(), b.store, "main"); !strings.Contains(got, "connector token main") {
			t.Errorf("paused because of %q", got)
		}
		s.store("one")
		g.open("one")
		for i, p := range []*publish.Publisher{one, other} {
			if r := outcomeOf(t, p, fmt.Sprint(1-i)); r.Outcome != publish.Done {
				t.Fatalf("a token: %+v", r)
			}
		}
		// The token is replaced while both remember the first.
		s.store("two")
		g.open("two")
		if r := outcomeOf(t, one, "2"); r.Outcome != publish.Done {
			t.Fatalf("another token: %+v", r)
		}
		if got, _ := pause.Reason(t.Context(), b.store, "main"); got != "" {
			t.Errorf("paused because of %q", got)
		}
		// The second one is revoked. The other worker still remembers the first,
		// and must not take the pause for one about a token before that.
		g.open("three")
		if r := outcomeOf(t, one, "3"); r.Outcome != publish.Paused {
			t.Fatalf("revoked: %+v", r)
		}
		before := len(b.server.requests())
		if r := outcomeOf(t, other, "4"); r.Outcome != publish.Paused || len(b.server.requests()) != before {
			t.Fatalf("revoked, with an old token in mind: %+v after %d requests", r, len(b.server.requests())-before)
		}
		s.store("three")
		if err := pause.Resume(t.Context(), b.store, "main", s.version()); err != nil {
			t.Fatal(err)
		}
		for i, p := range []*publish.Publisher{one, other} {
			if r := outcomeOf(t, p, fmt.Sprint(3+i)); r.Outcome != publish.Done {
				t.Errorf("granted anew: %+v", r)
			}
		}
		if b.letters.len() != 0 {
			t.Errorf("%d dead letters", b.letters.len())
		}
	})
}

// A refusal that comes after another token was stored pauses nobody, and what
// it was about is sent with the new token.
func TestSlowRefusal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, g := &safe{tokens: []string{"one"}}, &gate{good: "two"}
		b, worker := gated(t, s, g)
		answered := false
		b.server.refused = func() {
			if !answered { // while the first refusal is on its way
				answered = true
				s.store("two")
				if err := pause.Resume(t.Context(), b.store, "main", s.version()); err != nil {
					t.Error(err)
				}
			}
		}
		if r := outcomeOf(t, worker(), "1"); r.Outcome != publish.Done || r.Requests != 1 {
			t.Errorf("got %+v", r)
		}
		if got, _ := pause.Reason(t.Context(), b.store, "main"); got != "" {
			t.Errorf("paused because of %q", got)
		}
	})
}
