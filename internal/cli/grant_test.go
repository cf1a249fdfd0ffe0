package cli_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"intercom-connector/internal/cli"
	"intercom-connector/internal/config"
	"intercom-connector/internal/grant"
	"intercom-connector/internal/syncbuf"
	"intercom-connector/shared/intercom/intercomtest"
	"intercom-connector/test/blackbox/mock"
)

// A granting is a workspace that can be granted access to, and a person with a
// browser.
type granting struct {
	t         *testing.T
	authority *mock.Authority
	config    string
	port      string
	vault     *cli.FakeVault
	stack     *cli.FakeStack // nil: this machine
	callback  string         // of the stack
	browse    func(link string) error

	visits sync.WaitGroup
	mu     sync.Mutex
	page   string // that the browser ends on
}

func newGranting(t *testing.T) *granting {
	t.Helper()
	g := &granting{t: t, authority: mock.NewAuthority(), port: freePort(t), vault: &cli.FakeVault{}, callback: "https://x.example/oauth/callback"}
	workspace := intercomtest.New(intercomtest.Config{Contacts: 5})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/oauth", "/auth/eagle/token", "/me":
			g.authority.ServeHTTP(w, r)
		default:
			if !slices.Contains(g.authority.Tokens(), strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")) {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			workspace.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	t.Cleanup(g.authority.Release)
	g.config = write(t, fmt.Sprintf(`clients:
  main:
    base_uri: %[1]s
    auth: {type: oauth, authorize_url: "%[1]s/oauth", token_url: "%[1]s/auth/eagle/token"}
  private: {base_uri: "%[1]s"}
subscriptions:
  tags: {client: main, entity: tags, to: {type: stdout}}
publishers:
  tag: {client: main, method: POST, entity: tags}
`, server.URL))
	g.browse = g.visit
	return g
}

// visit is a browser that believes every certificate.
func (g *granting) visit(link string) error {
	g.visits.Add(1)
	defer g.visits.Done()
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, // a person clicks the warning away
		DisableKeepAlives: true,
	}}
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, link, http.NoBody)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.page = string(page)
	return err
}

// call runs the program as a person does, without a token in the environment.
func (g *granting) call(ctx context.Context, stdin string, args ...string) answer {
	g.t.Helper()
	var stdout, stderr syncbuf.Buffer
	program := cli.Program{
		Args: append(args, "--config", g.config), Getenv: func(string) string { return "" },
		Stdin: strings.NewReader(stdin), Stdout: &stdout, Stderr: &stderr,
		Terminal: func(any) bool { return false },
	}.Browsing(func(link string) error { return g.browse(link) })
	if g.stack != nil {
		program = program.OnGrants(g.stack, g.vault, g.callback)
	}
	status := program.Run(ctx)
	g.visits.Wait()
	a := answer{status, stdout.String(), stderr.String()}
	for _, secret := range slices.Concat(g.authority.Tokens(), g.authority.Codes(), []string{g.authority.Secret, g.authority.Email}) {
		if strings.Contains(a.stdout+a.stderr, secret) {
			g.t.Errorf("%v printed %q", args, secret)
		}
	}
	return a
}

func (g *granting) app(args ...string) {
	g.t.Helper()
	a := g.call(g.t.Context(), g.authority.ClientID+"\n"+g.authority.Secret+"\n", append([]string{"app", "main"}, args...)...)
	if a.status != 0 {
		g.t.Fatalf("app: status %d: %s", a.status, a.stderr)
	}
}

func (g *granting) grant(args ...string) answer {
	g.t.Helper()
	return g.call(g.t.Context(), "", append([]string{"grant", "main", "--port", g.port, "--log-level", "debug", "--log-requests", "bodies"}, args...)...)
}

// freePort finds a port below those that the system gives away by itself, so
// that no other test gets it in between.
func freePort(t *testing.T) string {
	t.Helper()
	for range 100 {
		port := strconv.Itoa(20_000 + rand.IntN(10_000))
		listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:"+port)
		if err == nil {
			listener.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return ""
}

// From nothing to a run, on one machine: the app, the grant, and a token that
// is used because the environment has none.
func TestGrantHere(t *testing.T) {
	t.Parallel()
	g := newGranting(t)
	if a := g.call(t.Context(), "", "run", "tags"); a.status != 2 || !strings.Contains(a.stderr, "connector grant main") {
		t.Errorf("run before: status %d: %s", a.status, a.stderr)
	}
	if a := g.grant(); a.status != 2 || !strings.Contains(a.stderr, "connector app main") {
		t.Errorf("grant before: status %d: %s", a.status, a.stderr)
	}
	g.app()
	if a := g.call(t.Context(), "", "pause", "tag"); a.status != 0 {
		t.Fatalf("pause: %s", a.stderr)
	}
	a := g.grant()
	if a.status != 0 {
		t.Fatalf("grant: status %d\n%s\n%s", a.status, a.stdout, a.stderr)
	}
	want(t, a.stdout, "access granted to client main", "Ye Olde <Shoppe> & Sons (ab12cd34)", "Europe/Amsterdam", "Zoë Grantor")
	want(t, a.stderr, "https://localhost:"+g.port+"/oauth/callback", "/oauth?client_id=", "path=/auth/eagle/token", "path=/me", "access granted")
	want(t, g.page, "Access granted", "ab12cd34")
	if a := g.call(t.Context(), "", "run", "tags"); a.status != 0 {
		t.Errorf("run: status %d: %s", a.status, a.stderr)
	}
	if a := g.call(t.Context(), "", "validate"); !strings.Contains(a.stdout, "access was granted on this machine") {
		t.Errorf("validate: %s%s", a.stdout, a.stderr)
	}
	if a := g.call(t.Context(), "", "status"); strings.Contains(a.stdout, "paused") {
		t.Errorf("the publishers are still paused: %s", a.stdout)
	}
	g.authority.Revoke(g.authority.Tokens()[0])
	if a := g.call(t.Context(), "", "run", "tags"); a.status != 1 || !strings.Contains(a.stderr, "`connector grant main") {
		t.Errorf("run when revoked: status %d: %s", a.status, a.stderr)
	}
	if a := g.grant("--json"); a.status != 0 || !json.Valid([]byte(a.stdout)) || !strings.Contains(a.stdout, `"granted": true`) {
		t.Errorf("grant again: status %d: %s%s", a.status, a.stdout, a.stderr)
	}
}

func TestGrantRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		before func(s *mock.Settings)
		want   string
	}{
		{"by the person", func(s *mock.Settings) { s.Deny = true }, "access was refused"},
		{"by the token URL", func(s *mock.Settings) { s.Quirk = mock.Refusing }, "refused to give a token"},
		{"with HTML", func(s *mock.Settings) { s.Quirk = mock.Page }, "did not answer as it should"},
		{"by /me", func(s *mock.Settings) { s.MeStatus = http.StatusForbidden }, "may not be used to ask"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := newGranting(t)
			g.app()
			g.authority.Set(tt.before)
			a := g.grant()
			if a.status != 1 || !strings.Contains(a.stderr, "was not granted: ") || !strings.Contains(a.stderr, tt.want) {
				t.Errorf("status %d: %s%s", a.status, a.stdout, a.stderr)
			}
			if a := g.call(t.Context(), "", "run", "tags"); a.status != 2 {
				t.Errorf("a token was stored: run has status %d", a.status)
			}
		})
	}
}

func TestGrantMistakes(t *testing.T) {
	t.Parallel()
	g := newGranting(t)
	g.app()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	_, taken, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{"another client", []string{"grant", "mian"}, "did you mean main?"},
		{"a client with an access token", []string{"grant", "private"}, "uses an access token"},
		{"app of one", []string{"app", "private"}, "uses an access token"},
		{"nobody to wait", []string{"grant", "main", "--no-wait"}, "--no-wait is for a stack"},
		{"no such port", []string{"grant", "main", "--port", "0"}, "--port"},
		{"a port that is taken", []string{"grant", "main", "--port", taken}, "port " + taken + " is taken"},
		{"half a stack", []string{"grant", "main", "--profile", "x"}, "name one with --stack"},
		{"app without a secret", []string{"app", "main"}, "no client id was given"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if a := g.call(t.Context(), "", tt.args...); a.status != 2 || !strings.Contains(a.stderr, tt.want) {
				t.Errorf("status %d: %s", a.status, a.stderr)
			}
		})
	}
	for name, stdin := range map[string]string{
		"one line": "id-7\n", "three lines": "id-7\nplanted-7\nmore\n", "with a space": "id-7\nplanted 7\n", "binary": "id-7\n\x00planted-7\n",
		"endless": "id-7\n" + strings.Repeat("planted-7", 10_000),
	} {
		a := g.call(t.Context(), stdin, "app", "main")
		if a.status != 2 || strings.Contains(a.stderr, "planted") || strings.Contains(a.stderr, "id-7") {
			t.Errorf("app, %s: status %d: %.300s", name, a.status, a.stderr)
		}
	}
}

func TestGrantIsStopped(t *testing.T) {
	t.Parallel()
	g := newGranting(t)
	g.app()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	g.browse = func(string) error { stop(); return nil }
	a := g.call(ctx, "", "grant", "main", "--port", g.port)
	if a.status != 130 || !strings.Contains(a.stderr, "stopped") {
		t.Errorf("status %d: %s", a.status, a.stderr)
	}
	// The port is free again.
	g.browse = g.visit
	if a := g.grant(); a.status != 0 {
		t.Errorf("afterwards: status %d: %s", a.status, a.stderr)
	}
}

// No browser is no reason to fail: the link works anywhere.
func TestGrantWithoutBrowser(t *testing.T) {
	t.Parallel()
	g := newGranting(t)
	g.app()
	g.browse = func(link string) error {
		go func() { _ = g.visit(link) }()
		return fmt.Errorf("open: %w", exec.ErrNotFound)
	}
	a := g.grant()
	if a.status != 0 || !strings.Contains(a.stderr, "there is no browser here") {
		t.Errorf("status %d: %s", a.status, a.stderr)
	}
}

// A callback of another port, which the configuration names.
func TestGrantOnConfiguredPort(t *testing.T) {
	t.Parallel()
	g := newGranting(t)
	text, err := os.ReadFile(g.config)
	if err != nil {
		t.Fatal(err)
	}
	port := freePort(t)
	text = []byte(strings.Replace(string(text), "type: oauth,", "type: oauth, callback_url: \"https://127.0.0.1:"+port+"/in/oauth/callback\",", 1))
	if err := os.WriteFile(g.config, text, 0o600); err != nil {
		t.Fatal(err)
	}
	g.app()
	if a := g.grant(); a.status != 0 || !strings.Contains(a.stderr, "https://127.0.0.1:"+port+"/in/oauth/callback") {
		t.Errorf("status %d: %s", a.status, a.stderr)
	}
}

func TestGrantFilesAreTheOwnersAlone(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such bits")
	}
	g := newGranting(t)
	g.app()
	g.grant()
	err := filepath.WalkDir(filepath.Join(filepath.Dir(g.config), ".connector"), func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s can be read by others: %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// A grantedVault is what the callback of a stack has.
type grantedVault struct {
	*cli.FakeVault

	put chan grant.Token
}

func (v grantedVault) Token(context.Context, string) (grant.Token, error) {
	return grant.Token{}, grant.ErrNoToken
}

func (v grantedVault) PutToken(_ context.Context, _ string, token grant.Token) (string, error) {
	v.put <- token
	return "1", nil
}

func (v grantedVault) Resume(context.Context, string, string) error          { return nil }
func (v grantedVault) Revoked(context.Context, string, string, string) error { return nil }

// On a stack the callback is a function, and the program waits for what it
// leaves in the table.
func TestGrantOnStack(t *testing.T) {
	t.Parallel()
	g := newGranting(t)
	g.stack = cli.NewFakeStack("acme")
	vault := grantedVault{g.vault, make(chan grant.Token, 1)}
	client := &config.Client{Name: "main", Version: "2.16", Auth: config.Auth{Type: config.OAuth}}
	handler, err := grant.New(grant.Config{
		Stack: "acme", Clients: map[string]*config.Client{"main": client}, Store: &g.stack.State, Vault: vault, Publishers: vault,
	})
	if err != nil {
		t.Fatal(err)
	}
	function := httptest.NewTLSServer(handler)
	defer function.Close()
	g.callback = function.URL + "/oauth/callback"
	g.browse = func(link string) error {
		u, err := url.Parse(link)
		if err != nil {
			return err
		}
		// What the configuration of the function has, the test's has too.
		client.BaseURL, client.Auth.TokenURL = "http://"+u.Host, "http://"+u.Host+"/auth/eagle/token"
		return g.visit(link)
	}
	g.app("--stack", "acme")
	a := g.call(t.Context(), "", "grant", "main", "--stack", "acme")
	if a.status != 0 {
		t.Fatalf("status %d\n%s\n%s\n%s", a.status, a.stdout, a.stderr, g.page)
	}
	want(t, a.stdout, "access granted to client main", "ab12cd34", "Zoë Grantor")
	if token := <-vault.put; !slices.Contains(g.authority.Tokens(), token.Value) {
		t.Error("another token was stored")
	}

	a = g.call(t.Context(), "", "grant", "main", "--stack", "acme", "--no-wait")
	if a.status != 0 || !strings.HasPrefix(a.stdout, "http://") || strings.Count(a.stdout, "\n") != 1 {
		t.Errorf("--no-wait: status %d: %s%s", a.status, a.stdout, a.stderr)
	}
	a = g.call(t.Context(), "", "grant", "main", "--stack", "acme", "--no-wait", "--json")
	var link struct {
		URL     string    `json:"url"`
		Expires time.Time `json:"expires"`
	}
	if err := json.Unmarshal([]byte(a.stdout), &link); err != nil || link.URL == "" || time.Until(link.Expires) > 10*time.Minute {
		t.Errorf("--no-wait --json: %v: %s", err, a.stdout)
	}
	g.callback = ""
	if a := g.call(t.Context(), "", "grant", "main", "--stack", "acme"); a.status != 2 || !strings.Contains(a.stderr, "has no callback") {
		t.Errorf("no callback: status %d: %s", a.status, a.stderr)
	}
	g.stack.Missing = errors.New("no such stack")
	if a := g.call(t.Context(), "", "grant", "main", "--stack", "acme"); a.status != 1 {
		t.Errorf("no stack: status %d: %s", a.status, a.stderr)
	}
}
