package e2e_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"html"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"intercom-connector/shared/intercom/intercomtest"
	"intercom-connector/test/blackbox/mock"
)

// A company has a workspace at Intercom: a consent page with a button, where
// codes become tokens, and an API for those who have one.
type company struct {
	*mock.Authority

	records *intercomtest.Workspace
	url     string

	mu    sync.Mutex
	gates []*gate
	shown map[string]bool // the tokens that somebody has come with
	late  int             // requests that were refused after they had waited at a gate
}

// A gate holds one request on its way.
type gate struct {
	method, path  string
	arrived, open chan struct{}
	release       func()
}

func newCompany(t *testing.T, workspace, name string, seed uint64) *company {
	t.Helper()
	c := &company{Authority: mock.NewAuthority(), records: intercomtest.New(intercomtest.Config{Seed: seed, Workspace: workspace}), shown: map[string]bool{}}
	c.Workspace, c.Name = workspace, name
	c.ClientID, c.Secret = workspace+"-client", workspace+"-cGxhbnRlZC1zZWNyZXQ="
	c.Admin, c.Email = name+"'s Admin", workspace+".admin@planted.example"
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	c.url = server.URL
	return c
}

// ServeHTTP implements http.Handler.
func (c *company) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/oauth":
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, `<!DOCTYPE html><title>%[1]s</title><p>Let the connector use %[1]s?</p><a id="agree" href="/oauth/agree?%[2]s">Authorize access</a>`,
			html.EscapeString(c.Name), html.EscapeString(r.URL.RawQuery))
		return
	case "/oauth/agree":
		r = r.Clone(r.Context())
		r.URL.Path = "/oauth"
		c.Authority.ServeHTTP(w, r)
		return
	case "/auth/eagle/token":
		c.Authority.ServeHTTP(w, r)
		return
	}
	held := c.pass(r)
	// The authority knows which tokens are good, and says more than it should of
	// those that are not.
	ask := r.Clone(r.Context())
	ask.Method, ask.URL.Path, ask.Body = http.MethodGet, "/me", http.NoBody
	answer := httptest.NewRecorder()
	c.Authority.ServeHTTP(answer, ask)
	if answer.Code == http.StatusOK && r.URL.Path != "/me" {
		c.records.ServeHTTP(w, r)
		return
	}
	if held {
		c.mu.Lock()
		c.late++
		c.mu.Unlock()
	}
	maps.Copy(w.Header(), answer.Header())
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

// pass lets a request wait at its gate, and reports whether it has one.
func (c *company) pass(r *http.Request) bool {
	c.mu.Lock()
	c.shown[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")] = true
	var at *gate
	if i := slices.IndexFunc(c.gates, func(g *gate) bool { return g.method == r.Method && g.path == r.URL.Path }); i >= 0 {
		at = c.gates[i]
		c.gates = slices.Delete(c.gates, i, i+1)
	}
	c.mu.Unlock()
	if at == nil {
		return false
	}
	close(at.arrived)
	select {
	case <-at.open:
	case <-r.Context().Done():
	}
	return true
}

// refusedLate is how many requests were let through a gate and refused then.
func (c *company) refusedLate() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.late
}

// hold lets the next request of a kind wait, and whether its token is good is
// seen when it is let go.
func (c *company) hold(t *testing.T, method, path string) *gate {
	t.Helper()
	g := &gate{method: method, path: path, arrived: make(chan struct{}), open: make(chan struct{})}
	g.release = sync.OnceFunc(func() { close(g.open) })
	t.Cleanup(g.release)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gates = append(c.gates, g)
	return g
}

// wait waits until the request is there.
func (g *gate) wait(t *testing.T) {
	t.Helper()
	select {
	case <-g.arrived:
	case <-time.After(30 * time.Second):
		t.Fatalf("no %s %s has come", g.method, g.path)
	}
}

// remove removes the app from the workspace.
func (c *company) remove() {
	for _, token := range c.Tokens() {
		c.Revoke(token)
	}
}

// newest is the token that is good.
func (c *company) newest(t *testing.T) string {
	t.Helper()
	var good []string
	for _, token := range c.Tokens() {
		answer, ask := httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/me", http.NoBody)
		ask.Header.Set("Authorization", "Bearer "+token)
		if c.Authority.ServeHTTP(answer, ask); answer.Code == http.StatusOK {
			good = append(good, token)
		}
	}
	if len(good) != 1 {
		t.Fatalf("%s has %d tokens that are good, want 1", c.Name, len(good))
	}
	return good[0]
}

// customDomain is what one of the clients has in front of the callback.
const customDomain = "grants.example.com"

// A front is what is between a browser and the stack's API: the names of hosts,
// and a custom domain's mapping. The emulator has the API at a path of its own.
type front struct {
	server  *httptest.Server
	browser *http.Client // goes nowhere by itself

	mu   sync.Mutex
	host string          // of the API
	said strings.Builder // every answer
}

func newFront(t *testing.T, endpoint, caFile string) *front {
	t.Helper()
	target, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	f := &front{}
	ca, err := os.ReadFile(caFile)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			f.mu.Lock()
			defer f.mu.Unlock()
			if r.In.Host != customDomain && r.In.Host != f.host {
				t.Errorf("a request goes to %s", r.In.Host)
			}
			id, _, _ := strings.Cut(f.host, ".")
			r.Out.Host, r.Out.URL.Scheme, r.Out.URL.Host = "", target.Scheme, target.Host
			r.Out.URL.Path, r.Out.URL.RawPath = "/_aws/execute-api/"+id+"/$default"+r.In.URL.Path, ""
		},
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true},
	}
	f.server = httptest.NewUnstartedServer(proxy)
	f.server.Config.ErrorLog = log.New(io.Discard, "", 0) // a browser does not trust it at first
	f.server.StartTLS()
	t.Cleanup(f.server.Close)
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	transport := &http.Transport{
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true},
		DisableKeepAlives: true,
	}
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if host, err := netip.ParseAddrPort(address); err != nil || !host.IsValid() {
			address = f.server.Listener.Addr().String()
		}
		return dialer.DialContext(ctx, network, address)
	}
	f.browser = &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       time.Minute,
	}
	return f
}

// lead says where the API is, by the address that the stack gives its callback.
func (f *front) lead(t *testing.T, callback string) {
	t.Helper()
	u, err := url.Parse(callback)
	if err != nil || u.Scheme != "https" || !strings.Contains(u.Host, ".execute-api.") || u.Path != "/oauth/callback" {
		t.Fatalf("the stack says that its callback is %s", callback)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.host = u.Host
}

// flags let a real browser go the same way.
func (f *front) flags() []string {
	return []string{"--host-resolver-rules=MAP " + customDomain + " " + f.server.Listener.Addr().String()}
}

// A shown answer is what a browser gets; its status is 0 where it gets none.
type shown struct {
	status int
	header http.Header
	page   string
}

// send sends a request.
func (f *front) send(t *testing.T, method, address, body string) shown {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := f.browser.Do(req)
	if err != nil {
		t.Errorf("%s %s: %v", method, req.URL.Host, err)
		return shown{}
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Errorf("%s %s: %v", method, req.URL.Host, err)
	}
	return shown{resp.StatusCode, resp.Header, string(page)}
}

var button = regexp.MustCompile(`id="agree" href="([^"]+)"`)

// agree presses the consent page's button and returns where that leads.
func (f *front) agree(t *testing.T, link string) (back string) {
	t.Helper()
	consent := f.send(t, http.MethodGet, link, "")
	found := button.FindStringSubmatch(consent.page)
	if found == nil {
		t.Fatalf("there is no button: %s", consent.page)
	}
	u, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	u, err = u.Parse(html.UnescapeString(found[1]))
	if err != nil {
		t.Fatal(err)
	}
	agreed := f.send(t, http.MethodGet, u.String(), "")
	if agreed.status != http.StatusFound {
		t.Fatalf("the consent page answers %d: %s", agreed.status, agreed.page)
	}
	return agreed.header.Get("Location")
}

// visit asks the callback for something, and looks at what every answer of it
// has to be.
func (f *front) visit(t *testing.T, method, address, body string) (status int, page string) {
	t.Helper()
	got := f.send(t, method, address, body)
	if got.status == 0 {
		return 0, ""
	}
	f.mu.Lock()
	fmt.Fprintln(&f.said, got.header, got.page)
	f.mu.Unlock()
	for key, want := range map[string]string{"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY"} {
		if value := got.header.Get(key); value != want {
			t.Errorf("%s is %q, want %q", key, value, want)
		}
	}
	if policy := got.header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") {
		t.Errorf("Content-Security-Policy is %q", policy)
	}
	return got.status, got.page
}

// answers is all that was shown to anybody.
func (f *front) answers() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.said.String()
}
