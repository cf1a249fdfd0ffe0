package grant_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"intercom-connector/test/blackbox/mock"
)

func TestUninstall(t *testing.T) {
	t.Parallel()
	revoke := func(b *bench) { b.authority.Revoke(b.vault.tokens["main"][0].Value) }
	for _, tt := range []struct {
		name    string
		before  func(b *bench)
		body    string
		revoked []string
		tried   int
	}{
		{"revoked", revoke, `{"app_id":"ab12cd34"}`, []string{"main main-1"}, 1},
		{"a lie", func(*bench) {}, `{"app_id":"ab12cd34"}`, nil, 1},
		{"not permitted to ask", func(b *bench) { b.authority.Set(func(s *mock.Settings) { s.MeStatus = 403 }) }, `{"app_id":"ab12cd34"}`, nil, 1},
		{"another workspace", revoke, `{"app_id":"ef56"}`, nil, 0},
		{"no workspace", revoke, `{"app_id":""}`, nil, 0},
		{"a number", revoke, `{"app_id":7}`, nil, 0},
		{"garbage", revoke, "\x00{", nil, 0},
		{"nothing", revoke, "", nil, 0},
		{"too long", revoke, `{"app_id":"ab12cd34","x":"` + strings.Repeat("x", 5000) + `"}`, nil, 0},
		{"a path", revoke, `{"app_id":"../ab12cd34"}`, nil, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			if got := b.grant(b.link("main")); got.status != http.StatusOK {
				t.Fatalf("grant: %d", got.status)
			}
			tt.before(b)
			asked := b.authority.Asked()
			got := b.ask(http.MethodPost, "/oauth/uninstall", strings.NewReader(tt.body))
			if got.status != http.StatusOK || got.body != "Thank you.\n" {
				t.Errorf("got %d, %q", got.status, got.body)
			}
			if diff := cmp.Diff(tt.revoked, b.vault.revoked); diff != "" {
				t.Errorf("revoked (-want +got):\n%s", diff)
			}
			if tried := b.authority.Asked() - asked; tried != tt.tried {
				t.Errorf("tried %d times, want %d", tried, tt.tried)
			}
			if n := b.vault.count("main"); n != 1 {
				t.Errorf("%d tokens in the vault", n)
			}
		})
	}
}

// Whoever repeats the hint makes us ask once a minute and no more.
func TestUninstallFlood(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.grant(b.link("main"))
	asked := b.authority.Asked()
	for range 20 {
		b.ask(http.MethodPost, "/oauth/uninstall", strings.NewReader(`{"app_id":"ab12cd34"}`))
	}
	if tried := b.authority.Asked() - asked; tried != 1 {
		t.Errorf("tried %d times, want once", tried)
	}
}

func TestUninstallOddly(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	if got := b.ask(http.MethodGet, "/oauth/uninstall", nil); got.status != http.StatusMethodNotAllowed || got.header.Get("Allow") != "POST, HEAD" {
		t.Errorf("GET: %d, %v", got.status, got.header)
	}
	if got := b.ask(http.MethodHead, "/oauth/uninstall", nil); got.status != http.StatusOK || got.body != "" {
		t.Errorf("HEAD: %d, %q", got.status, got.body)
	}
	if got := b.ask(http.MethodPost, "/oauth/uninstall", iotest.ErrReader(errors.New("gone"))); got.status != http.StatusOK {
		t.Errorf("a body that breaks off: %d", got.status)
	}
}
