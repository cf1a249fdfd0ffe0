package blackbox_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"intercom-connector/internal/syncbuf"
	"intercom-connector/test/blackbox/mock"
)

// A granter is a desk whose client gets its token by a grant.
type granter struct {
	*desk

	authority *mock.Authority
	port      string
	browser   *http.Client // goes nowhere by itself

	mu   sync.Mutex
	said strings.Builder // all that any call printed or any page showed
}

func newGranter(t *testing.T) *granter {
	t.Helper()
	authority := mock.NewAuthority()
	base := serve(t, authority)
	t.Cleanup(authority.Release)
	d := newDesk(t, fmt.Sprintf("clients:\n  main:\n    base_uri: %[1]s\n    log_requests: bodies\n"+
		"    auth: {type: oauth, authorize_url: \"%[1]s/oauth\", token_url: \"%[1]s/auth/eagle/token\"}\n", base))
	g := &granter{desk: d, authority: authority, port: freePort(t), browser: &http.Client{
		Transport: &http.Transport{
			TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, // the certificate is the program's own
			DisableKeepAlives: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       time.Minute,
	}}
	cmd := d.command(t.Context(), "app", "main", "--log-level", "debug")
	cmd.Stdin = strings.NewReader(authority.ClientID + "\n" + authority.Secret + "\n")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("app: %v\n%s", err, out)
	}
	g.note(out)
	t.Cleanup(g.searchAll)
	return g
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

func (g *granter) note(text []byte) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.said.Write(text)
}

// A pending grant waits for a person.
type pending struct {
	*granter

	cmd            *exec.Cmd
	stdout, stderr syncbuf.Buffer
	link           string
}

var linkLine = regexp.MustCompile(`(?m)^  (http\S+)$`)

// begin starts `connector grant` and waits for its link.
func (g *granter) begin() *pending {
	g.t.Helper()
	p := &pending{granter: g}
	p.cmd = g.command(g.t.Context(), "grant", "main", "--no-browser", "--port", g.port, "--log-level", "debug")
	p.cmd.Env = []string{"HOME=" + g.dir}
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	if err := p.cmd.Start(); err != nil {
		g.t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if found := linkLine.FindStringSubmatch(p.stderr.String()); found != nil {
			p.link = found[1]
			return p
		}
	}
	g.t.Fatalf("no link: %s", p.stderr.String())
	return nil
}

// agree goes to the consent page and returns where it leads.
func (p *pending) agree() string {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, p.link, http.NoBody)
	if err != nil {
		p.t.Fatal(err)
	}
	resp, err := p.browser.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusFound {
		p.t.Fatalf("the consent page answers %d", resp.StatusCode)
	}
	return resp.Header.Get("Location")
}

// get asks the program for something and returns the status and the page.
func (g *granter) get(ctx context.Context, method, address string, body io.Reader) (int, string) {
	g.t.Helper()
	req, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		g.t.Fatal(err)
	}
	resp, err := g.browser.Do(req)
	if err != nil {
		return 0, "" // a program that has ended
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err != nil {
		g.t.Errorf("%s: %v", method, err)
	}
	g.note(page)
	if strings.Contains(string(page), "goroutine ") || strings.Contains(string(page), ".go:") {
		g.t.Errorf("%s: a stack trace: %.500s", method, page)
	}
	return resp.StatusCode, string(page)
}

// end waits for the program.
func (p *pending) end() result {
	p.t.Helper()
	_ = p.cmd.Wait() // the status tells
	r := result{status: p.cmd.ProcessState.ExitCode(), stdout: p.stdout.String(), stderr: p.stderr.String()}
	// The link is for the person at the screen, and has the state and the id of
	// the app; nothing else may have either.
	text := r.stdout + strings.ReplaceAll(r.stderr, p.link, "")
	p.note([]byte(text))
	if u, err := url.Parse(p.link); err == nil && strings.Contains(text, u.Query().Get("state")) {
		p.t.Errorf("the state is printed apart from the link: %s", text)
	}
	if strings.Contains(r.stderr, "goroutine ") || strings.Contains(r.stderr, "panic:") {
		p.t.Errorf("crashed: %v", r)
	}
	return r
}

// searchAll looks for what is planted in all that was said, and in every file
// but the one that is for secrets.
func (g *granter) searchAll() {
	places := map[string][]byte{"what was said": []byte(g.said.String())}
	kept := filepath.Join(g.dir, ".connector", "secrets.json")
	err := filepath.WalkDir(g.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || path == kept {
			return err
		}
		places[path], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		g.t.Error(err)
	}
	planted := append(append(g.authority.Tokens(), g.authority.Codes()...), g.authority.Secret, g.authority.Email)
	for where, text := range places {
		for _, secret := range planted {
			for _, form := range []string{secret, url.QueryEscape(secret), strings.TrimRight(secret, "=")} {
				if len(form) > 6 && bytes.Contains(text, []byte(form)) {
					g.t.Errorf("%s: has %q", where, form)
				}
			}
		}
	}
	if info, err := os.Stat(kept); err != nil || os.PathSeparator == '/' && info.Mode().Perm() != 0o600 {
		g.t.Errorf("the file of secrets: %v, %v", info, err)
	}
}

func TestGrantedAccess(t *testing.T) {
	t.Parallel()
	g := newGranter(t)
	p := g.begin()
	back := p.agree()
	if !strings.HasSuffix(urlQuery(t, back).Get("code"), "==") {
		t.Fatal("the code does not end in =")
	}
	if status, page := g.get(t.Context(), http.MethodGet, back, nil); status != http.StatusOK || !strings.Contains(page, "Access granted") {
		t.Fatalf("the page: %d\n%s", status, page)
	}
	r := p.end()
	if r.status != 0 || !strings.Contains(r.stdout, "ab12cd34") {
		t.Errorf("grant: %v", r)
	}
	for _, line := range []string{"path=/auth/eagle/token", "path=/me"} {
		if !strings.Contains(r.stderr, line) {
			t.Errorf("nothing to search: no %s in %s", line, r.stderr)
		}
	}
	kept, err := os.ReadFile(filepath.Join(g.dir, ".connector", "secrets.json"))
	if err != nil || !bytes.Contains(kept, []byte(g.authority.Tokens()[0])) {
		t.Errorf("the token is not kept: %v", err)
	}
}

func urlQuery(t *testing.T, address string) url.Values {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

// Whatever the token URL answers but a token: the person is told, the program
// ends with status 1, and nothing is kept.
func TestGrantWithoutToken(t *testing.T) {
	t.Parallel()
	elsewhere := &elsewhere{}
	away := elsewhere.on(t, false)
	for name, quirk := range map[string]mock.Quirk{
		"no token": mock.NoToken, "null": mock.NullToken, "a number": mock.NumberToken, "a line break": mock.SplitToken,
		"a page": mock.Page, "nothing": mock.Nothing, "without end": mock.Endless, "half": mock.Half, "elsewhere": mock.Away,
		"quietly elsewhere": mock.AwayQuietly, "refused": mock.Refusing, "an error that repeats it all": mock.Failing, "nothing for long": mock.Stalled,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGranter(t)
			g.authority.Set(func(s *mock.Settings) { s.Quirk, s.Elsewhere = quirk, away })
			p := g.begin()
			status, page := g.get(t.Context(), http.MethodGet, p.agree(), nil)
			if status < 400 || !strings.Contains(page, "Nothing was stored") {
				t.Errorf("the page: %d\n%s", status, page)
			}
			if r := p.end(); r.status != 1 || !strings.Contains(r.stderr, "was not granted") || !strings.Contains(r.stderr, "level=") {
				t.Errorf("grant: %v", r)
			}
			if elsewhere.hits > 0 {
				t.Error("another host was asked")
			}
			if kept, err := os.ReadFile(filepath.Join(g.dir, ".connector", "secrets.json")); err != nil || bytes.Contains(kept, []byte(`"token"`)) {
				t.Errorf("a token is kept: %v", err)
			}
		})
	}
}

// What strangers can send while a grant is open changes nothing about it.
func TestStrangersAtTheCallback(t *testing.T) {
	t.Parallel()
	g := newGranter(t)
	p := g.begin()
	back := p.agree()
	base, raw, _ := strings.Cut(back, "?")
	state := urlQuery(t, back).Get("state")
	for _, tt := range []struct {
		name, method, address string
		body                  io.Reader
		least, most           int
	}{
		{"no query", "GET", base, nil, 400, 400},
		{"HEAD", "HEAD", back, nil, 200, 200},
		{"POST", "POST", back, strings.NewReader(raw), 405, 405},
		{"DELETE", "DELETE", back, nil, 405, 405},
		{"twice the state", "GET", back + "&state=" + state, nil, 400, 400},
		{"twice the code", "GET", back + "&code=x", nil, 400, 400},
		{"a state in capitals", "GET", base + "?code=x&state=" + strings.ToUpper(state), nil, 400, 400},
		{"half a state", "GET", base + "?code=x&state=" + state[:20], nil, 400, 400},
		{"NUL", "GET", base + "?code=x&state=%00" + state, nil, 400, 400},
		{"not UTF-8", "GET", base + "?code=%ff%fe&state=%c3%28", nil, 400, 400},
		{"broken escapes", "GET", base + "?code=%&state=%zz", nil, 400, 400},
		{"script", "GET", base + "?error=%3Cscript%3E&state=%3Cscript%3E", nil, 400, 400},
		{"a long query", "GET", base + "?state=" + strings.Repeat("A", 20_000), nil, 414, 414},
		{"a megabyte", "GET", base + "?state=" + strings.Repeat("A", 1<<20), nil, 400, 499},
		{"a path to be cleaned", "GET", strings.Replace(back, "/oauth/", "/oauth//", 1), nil, 404, 404},
		{"another path", "GET", strings.Replace(back, "/callback", "/callback/..%2f", 1), nil, 404, 404},
		{"uninstall, a lie", "POST", strings.TrimSuffix(base, "callback") + "uninstall", strings.NewReader(`{"app_id":"ab12cd34"}`), 200, 200},
		{"uninstall, garbage", "POST", strings.TrimSuffix(base, "callback") + "uninstall", strings.NewReader("\x00"), 200, 200},
	} {
		status, page := g.get(t.Context(), tt.method, tt.address, tt.body)
		if status < tt.least || status > tt.most {
			t.Errorf("%s: %d\n%.600s", tt.name, status, page)
		}
		if strings.Contains(page, "<script") || strings.Contains(page, state) {
			t.Errorf("%s: the query comes back: %s", tt.name, page)
		}
	}
	if n := g.authority.Exchanges(); n != 0 {
		t.Errorf("%d exchanges before anybody came back", n)
	}
	// Then the person does, many times at once.
	var (
		group   sync.WaitGroup
		mu      sync.Mutex
		granted int
	)
	for range 12 {
		group.Go(func() {
			status, _ := g.get(t.Context(), http.MethodGet, back, nil)
			mu.Lock()
			defer mu.Unlock()
			if status == http.StatusOK {
				granted++
			} else if status != http.StatusConflict && status != 0 {
				t.Errorf("at once: %d", status)
			}
		})
	}
	group.Wait()
	if r := p.end(); r.status != 0 || granted != 1 || len(g.authority.Tokens()) != 1 {
		t.Errorf("granted %d times with %d tokens: %v", granted, len(g.authority.Tokens()), r)
	}
}

// A token of another workspace does not come in by a second grant.
func TestGrantOfAnotherWorkspace(t *testing.T) {
	t.Parallel()
	g := newGranter(t)
	p := g.begin()
	g.get(t.Context(), http.MethodGet, p.agree(), nil)
	if r := p.end(); r.status != 0 {
		t.Fatalf("grant: %v", r)
	}
	g.authority.Workspace = "zz99"
	p = g.begin()
	status, page := g.get(t.Context(), http.MethodGet, p.agree(), nil)
	if status != http.StatusForbidden || !strings.Contains(page, "This is another workspace") {
		t.Errorf("the page: %d\n%s", status, page)
	}
	if r := p.end(); r.status != 1 {
		t.Errorf("grant: %v", r)
	}
	kept, err := os.ReadFile(filepath.Join(g.dir, ".connector", "secrets.json"))
	if err != nil || !bytes.Contains(kept, []byte("ab12cd34")) || bytes.Contains(kept, []byte("zz99")) {
		t.Errorf("the other token is kept, or the first is gone: %v", err)
	}
}

// A server that is not asked for is not there: the callback listens on this
// machine only, and only while it waits.
func TestCallbackIsOnlyThereWhileItWaits(t *testing.T) {
	t.Parallel()
	g := newGranter(t)
	p := g.begin()
	back := p.agree()
	g.get(t.Context(), http.MethodGet, back, nil)
	p.end()
	if status, _ := g.get(t.Context(), http.MethodGet, back, nil); status != 0 {
		t.Errorf("afterwards: %d", status)
	}
}
