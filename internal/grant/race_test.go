package grant_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"intercom-connector/internal/config"
	"intercom-connector/internal/grant"
	"intercom-connector/internal/state"
	"intercom-connector/internal/state/memstate"
	"intercom-connector/internal/syncbuf"
	"intercom-connector/test/blackbox/mock"
)

// A meeting is a store where all wait after having read, so that all have read
// before the first of them writes.
type meeting struct {
	*memstate.Store

	all sync.WaitGroup
}

func (m *meeting) Get(ctx context.Context, key string) (state.Record, error) {
	record, err := m.Store.Get(ctx, key)
	if strings.HasPrefix(key, "oauth/") {
		m.all.Done()
		m.all.Wait()
	}
	return record, err
}

// The same address many times at once: one token, one success.
func TestReplaysAtOnce(t *testing.T) {
	t.Parallel()
	const readers = 40
	b := newBench(t, func(cfg *grant.Config) {
		store := &meeting{Store: cfg.Store.(*memstate.Store)}
		store.all.Add(readers)
		cfg.Store = store
	})
	link := b.link("main")
	codes := []string{b.authority.Code(), b.authority.Code()}
	var (
		group   sync.WaitGroup
		mu      sync.Mutex
		granted int
	)
	for i := range readers {
		group.Go(func() {
			got := b.callback(url.Values{"state": {link.State}, "code": {codes[i%2]}})
			mu.Lock()
			defer mu.Unlock()
			switch got.status {
			case http.StatusOK:
				granted++
			case http.StatusConflict:
			default:
				t.Errorf("got %d: %s", got.status, got.body)
			}
		})
	}
	group.Wait()
	if granted != 1 || b.vault.count("main") != 1 || b.authority.Exchanges() != 1 {
		t.Errorf("granted %d times, stored %d tokens after %d exchanges: want one of each", granted, b.vault.count("main"), b.authority.Exchanges())
	}
}

// The same address twice, one after the other: the second is told, and changes
// nothing.
func TestTwice(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	link, code := b.link("main"), b.authority.Code()
	for i, want := range []int{http.StatusOK, http.StatusConflict} {
		if got := b.callback(url.Values{"state": {link.State}, "code": {code}}); got.status != want {
			t.Errorf("time %d: got %d, want %d", i+1, got.status, want)
		}
	}
	if !b.result(link).Granted || b.vault.count("main") != 1 {
		t.Error("the second time has changed what came of the first")
	}
}

// Two clients at once never get each other's token.
func TestTwoClientsAtOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	second := mock.NewAuthority()
	second.Workspace, second.Name = "ef56", "The Other"
	other := newBench(t)
	other.authority.Workspace = "ef56"
	b.clients["other"].BaseURL = other.clients["other"].BaseURL
	b.clients["other"].Auth = other.clients["other"].Auth
	links := map[string]grant.Link{"main": b.link("main"), "other": b.link("other")}
	authorities := map[string]*mock.Authority{"main": b.authority, "other": other.authority}
	var group sync.WaitGroup
	for name, link := range links {
		group.Go(func() {
			got := b.callback(url.Values{"state": {link.State}, "code": {authorities[name].Code()}})
			if got.status != http.StatusOK {
				t.Errorf("%s: got %d: %s", name, got.status, got.body)
			}
		})
	}
	group.Wait()
	for name, authority := range authorities {
		tokens := b.vault.tokens[name]
		if len(tokens) != 1 || tokens[0].Value != authority.Tokens()[0] || tokens[0].Workspace != authority.Workspace {
			t.Errorf("client %s has not got the token of its own workspace", name)
		}
	}
}

// A second grant replaces the token; one for another workspace needs to be
// asked for.
func TestAnotherWorkspaceOnPurpose(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.grant(b.link("main"))
	b.authority.Workspace = "ef56"
	if got := b.grant(b.link("main")); got.status != http.StatusForbidden {
		t.Errorf("another workspace: got %d", got.status)
	}
	replacing := b.link("main", func(o *grant.Order) { o.ReplaceWorkspace = true })
	if got := b.grant(replacing); got.status != http.StatusOK {
		t.Errorf("on purpose: got %d: %s", got.status, got.body)
	}
	if n := b.vault.count("main"); n != 2 {
		t.Errorf("%d tokens stored, want 2", n)
	}
}

// Codes are passed on as they are, whatever is in them.
func TestOddCodes(t *testing.T) {
	t.Parallel()
	for _, code := range []string{
		"ends==", "a b", "a+b", "a%2Bb", "a&b=c", "ü✓", "\x00\x01", "'\"<script>", "\r\nX: 1", "../..", `{"a":1}`, "\xff\xfe", strings.Repeat("=", 200),
	} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.authority.Allow(code)
			got := b.callback(url.Values{"state": {b.link("main").State}, "code": {code}})
			if got.status != http.StatusOK {
				t.Errorf("got %d: %s\n%s", got.status, got.body, b.log)
			}
			if len(code) > 4 && strings.Contains(b.log.String(), code) {
				t.Error("the code is logged")
			}
		})
	}
}

func TestPublishersNotResumed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.vault.failure = http.ErrServerClosed
	link := b.link("main")
	got := b.grant(link)
	if got.status != http.StatusOK || !strings.Contains(got.body, "connector resume") {
		t.Errorf("got %d: %s", got.status, got.body)
	}
	if result := b.result(link); !result.Granted || result.Note == "" {
		t.Errorf("result %+v", result)
	}
	if !strings.Contains(b.log.String(), "publishers not resumed") {
		t.Errorf("nothing in the log:\n%s", b.log)
	}
}

// A redirect of the token URL is not followed: the secret would go with it.
func TestSecretStaysHome(t *testing.T) {
	t.Parallel()
	for _, quirk := range []mock.Quirk{mock.Away, mock.AwayQuietly} {
		b := newBench(t)
		away := newBench(t)
		b.authority.Set(func(s *mock.Settings) {
			s.Quirk, s.Elsewhere = quirk, away.clients["main"].Auth.TokenURL
		})
		if got := b.grant(b.link("main")); got.status != http.StatusBadGateway || !strings.Contains(got.body, "gave no token") {
			t.Errorf("got %d: %s", got.status, got.body)
		}
		if away.authority.Exchanges() > 0 {
			t.Error("another host was asked")
		}
	}
}

// silent never answers.
type silent struct{}

func (silent) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestLate(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		after time.Duration
		want  int
		title string
	}{
		{"just in time", 10*time.Minute - time.Second, http.StatusBadGateway, "Intercom gave no token"}, // it stays silent
		{"too late", 10 * time.Minute, http.StatusGone, "This link is too old"},
		{"much too late", 2 * time.Hour, http.StatusBadRequest, "This link is not known here"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := &bench{t: t, authority: mock.NewAuthority(), store: &memstate.Store{}, log: &syncbuf.Buffer{}}
				b.vault = &vault{apps: map[string]grant.App{"main": {ID: "i", Secret: "planted-secret"}}, tokens: map[string][]grant.Token{}}
				b.clients = map[string]*config.Client{"main": {
					Name: "main", BaseURL: "https://api.intercom.io", Version: "2.16",
					Auth: config.Auth{Type: config.OAuth, TokenURL: "https://api.intercom.io/auth/eagle/token"},
				}}
				var err error
				b.handler, err = grant.New(grant.Config{
					Stack: "acme", Clients: b.clients, Store: b.store, Vault: b.vault, Publishers: b.vault, Transport: silent{},
				})
				if err != nil {
					t.Fatal(err)
				}
				link := b.link("main")
				time.Sleep(tt.after)
				begun := time.Now()
				got := b.grant(link)
				if got.status != tt.want || !strings.Contains(got.body, tt.title) {
					t.Errorf("got %d, want %d: %s", got.status, tt.want, got.body)
				}
				if took := time.Since(begun); took > 15*time.Second {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}
