package grant_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"intercom-connector/internal/config"
	"intercom-connector/internal/grant"
	"intercom-connector/internal/pin"
	"intercom-connector/internal/state/memstate"
	"intercom-connector/internal/syncbuf"
	"intercom-connector/test/blackbox/mock"
)

const redirect = "https://connector.example/oauth/callback"

// A bench is a handler with an authority to ask, a vault, and all that was said.
type bench struct {
	t         *testing.T
	authority *mock.Authority
	store     *memstate.Store
	vault     *vault
	log       *syncbuf.Buffer
	clients   map[string]*config.Client
	handler   *grant.Handler
	answers   []answer
}

// An answer is what a browser got.
type answer struct {
	status int
	header http.Header
	body   string
}

func newBench(t *testing.T, change ...func(*grant.Config)) *bench {
	t.Helper()
	b := &bench{t: t, authority: mock.NewAuthority(), store: &memstate.Store{}, log: &syncbuf.Buffer{}}
	server := httptest.NewServer(b.authority)
	t.Cleanup(server.Close)
	t.Cleanup(b.authority.Release)
	b.vault = &vault{apps: map[string]grant.App{}, tokens: map[string][]grant.Token{}}
	b.clients = map[string]*config.Client{}
	for _, name := range []string{"main", "other"} {
		b.clients[name] = &config.Client{
			Name: name, BaseURL: server.URL, Region: "eu", Version: "2.16", LogRequests: config.LogBodies,
			Auth: config.Auth{Type: config.OAuth, AuthorizeURL: server.URL + "/oauth", TokenURL: server.URL + "/auth/eagle/token"},
		}
		b.vault.apps[name] = grant.App{ID: b.authority.ClientID, Secret: b.authority.Secret}
	}
	b.clients["private"] = &config.Client{Name: "private", BaseURL: server.URL, Version: "2.16", Auth: config.Auth{Type: config.AccessToken}}
	cfg := grant.Config{
		Stack: "acme", Clients: b.clients, Store: b.store, Vault: b.vault, Publishers: b.vault,
		Log: slog.New(slog.NewJSONHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, f := range change {
		f(&cfg)
	}
	handler, err := grant.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	b.handler = handler
	t.Cleanup(b.noSecrets)
	return b
}

func (b *bench) link(client string, change ...func(*grant.Order)) grant.Link {
	b.t.Helper()
	order := grant.Order{Client: b.clients[client], Stack: "acme", ClientID: b.authority.ClientID, RedirectURL: redirect}
	for _, f := range change {
		f(&order)
	}
	link, err := grant.Issue(b.t.Context(), b.store, order)
	if err != nil {
		b.t.Fatal(err)
	}
	return link
}

// ask sends a request to the handler.
func (b *bench) ask(method, target string, body io.Reader) answer {
	r := httptest.NewRequestWithContext(b.t.Context(), http.MethodGet, "/", body)
	r.Method = method
	path, raw, _ := strings.Cut(target, "?")
	r.URL = &url.URL{Path: path, RawQuery: raw}
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, r)
	a := answer{w.Code, w.Header(), w.Body.String()}
	b.vault.mu.Lock()
	defer b.vault.mu.Unlock()
	b.answers = append(b.answers, a)
	return a
}

func (b *bench) callback(values url.Values) answer {
	return b.ask(http.MethodGet, "/oauth/callback?"+values.Encode(), nil)
}

// grant goes the whole way of a person who agrees.
func (b *bench) grant(link grant.Link) answer {
	return b.callback(url.Values{"state": {link.State}, "code": {b.authority.Code()}})
}

func (b *bench) result(link grant.Link) grant.Result {
	b.t.Helper()
	result, err := grant.Await(b.t.Context(), b.store, link, time.Millisecond)
	if err != nil {
		b.t.Fatal(err)
	}
	return result
}

// noSecrets searches all that was said, shown and remembered.
func (b *bench) noSecrets() {
	var all strings.Builder
	all.WriteString(b.log.String())
	for _, a := range b.answers {
		all.WriteString(a.body)
		for key, values := range a.header {
			all.WriteString(key + strings.Join(values, " "))
		}
	}
	for record, err := range b.store.List(context.Background(), "") {
		if err != nil {
			b.t.Fatal(err)
		}
		all.WriteString(record.Key)
		all.Write(record.Value)
	}
	text := all.String()
	for _, secret := range slices.Concat(b.authority.Tokens(), b.authority.Codes(), []string{b.authority.Secret, b.authority.Email}) {
		for _, form := range []string{secret, url.QueryEscape(secret), strings.TrimRight(secret, "=")} {
			if len(form) > 8 && strings.Contains(text, form) {
				b.t.Errorf("%q is shown or remembered", form)
			}
		}
	}
}

// A vault keeps secrets, and is what depends on them, too.
type vault struct {
	mu      sync.Mutex
	apps    map[string]grant.App
	tokens  map[string][]grant.Token
	failPut error
	failApp error
	resumed []string
	revoked []string
	failure error // of Resume
	crash   bool
}

func (v *vault) App(_ context.Context, client string) (grant.App, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.crash {
		_ = make([]string, len(v.apps))[len(v.apps)]
	}
	app, ok := v.apps[client]
	if v.failApp != nil {
		return app, v.failApp
	}
	if !ok {
		return app, grant.ErrNoApp
	}
	return app, nil
}

func (v *vault) Token(_ context.Context, client string) (grant.Token, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.tokens[client]) == 0 {
		return grant.Token{}, grant.ErrNoToken
	}
	return v.tokens[client][len(v.tokens[client])-1], nil
}

func (v *vault) PutToken(_ context.Context, client string, token grant.Token) (string, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.failPut != nil {
		return "", v.failPut
	}
	token.Version = client + "-" + string(rune('1'+len(v.tokens[client])))
	v.tokens[client] = append(v.tokens[client], token)
	return token.Version, nil
}

func (v *vault) Resume(_ context.Context, client, version string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.resumed = append(v.resumed, client+" "+version)
	return v.failure
}

func (v *vault) Revoked(_ context.Context, client, version, reason string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.revoked = append(v.revoked, client+" "+version)
	if reason == "" {
		return errors.New("no reason")
	}
	return nil
}

func (v *vault) count(client string) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.tokens[client])
}

func TestGrant(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		quirk mock.Quirk
	}{
		{"token and access_token", mock.Both},
		{"token alone", mock.TokenOnly},
		{"access_token alone, with an expiry", mock.AccessOnly},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.authority.Set(func(s *mock.Settings) { s.Quirk = tt.quirk })
			link := b.link("main")
			got := b.grant(link)
			if got.status != http.StatusOK {
				t.Fatalf("got %d: %s\n%s", got.status, got.body, b.log)
			}
			for _, want := range []string{"Access granted", "Ye Olde &lt;Shoppe&gt; &amp; Sons", "ab12cd34", "EU", "Europe/Amsterdam", "main"} {
				if !strings.Contains(got.body, want) {
					t.Errorf("the page has no %q:\n%s", want, got.body)
				}
			}
			if strings.Contains(got.body, b.authority.Admin) {
				t.Error("the page names the admin")
			}
			want := grant.Result{
				Granted: true, Client: "main", Workspace: "ab12cd34", WorkspaceName: "Ye Olde <Shoppe> & Sons",
				Region: "eu", Timezone: "Europe/Amsterdam", Admin: "Zoë Grantor",
			}
			if diff := cmp.Diff(want, b.result(link), cmpopts.IgnoreFields(grant.Result{}, "Time")); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
			tokens := b.vault.tokens["main"]
			if len(tokens) != 1 || tokens[0].Value != b.authority.Tokens()[0] || tokens[0].Workspace != "ab12cd34" ||
				tokens[0].Region != "eu" || tokens[0].Timezone != "Europe/Amsterdam" || time.Since(tokens[0].GrantedAt) > time.Minute {
				t.Error("what was stored is not what was given")
			}
			if diff := cmp.Diff([]string{"main main-1"}, b.vault.resumed); diff != "" {
				t.Errorf("resumed (-want +got):\n%s", diff)
			}
			if pinned, err := pin.Get(t.Context(), b.store, "main"); err != nil || pinned.ID != "ab12cd34" || pinned.Zone != "Europe/Amsterdam" {
				t.Errorf("pinned %+v, %v", pinned, err)
			}
			for _, line := range []string{`"msg":"access granted"`, `"path":"/auth/eagle/token"`, `"path":"/me"`} {
				if !strings.Contains(b.log.String(), line) {
					t.Errorf("no %s in the log:\n%s", line, b.log)
				}
			}
		})
	}
}

func TestLink(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	link := b.link("main")
	u, err := url.Parse(link.URL)
	if err != nil {
		t.Fatal(err)
	}
	want := url.Values{"client_id": {b.authority.ClientID}, "redirect_uri": {redirect}, "response_type": {"code"}, "state": {link.State}}
	if diff := cmp.Diff(want, u.Query()); diff != "" {
		t.Errorf("query (-want +got):\n%s", diff)
	}
	if len(link.State) != 43 || link.State == b.link("main").State {
		t.Error("the state is not 32 random bytes")
	}
	for record, err := range b.store.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(record.Key+string(record.Value), link.State) {
			t.Error("the store has the state")
		}
	}
	_, err = grant.Issue(t.Context(), b.store, grant.Order{Client: b.clients["main"], Random: strings.NewReader("short")})
	if err == nil {
		t.Error("a state was made of too little")
	}
}

// Every way in which a grant can fail has its own page and line in the log,
// and stores nothing.
func TestNoGrant(t *testing.T) {
	t.Parallel()
	agree := func(b *bench, link grant.Link) answer { return b.grant(link) }
	quirk := func(quirk mock.Quirk) func(*bench, grant.Link) answer {
		return func(b *bench, link grant.Link) answer {
			b.authority.Set(func(s *mock.Settings) { s.Quirk = quirk })
			return b.grant(link)
		}
	}
	me := func(status int) func(*bench, grant.Link) answer {
		return func(b *bench, link grant.Link) answer {
			b.authority.Set(func(s *mock.Settings) { s.MeStatus = status })
			return b.grant(link)
		}
	}
	for _, tt := range []struct {
		name   string
		do     func(b *bench, link grant.Link) answer
		status int
		kind   string
		title  string
		spent  bool // a result is left for whoever waits
	}{
		{"refused", func(b *bench, link grant.Link) answer {
			return b.callback(url.Values{"state": {link.State}, "error": {"access_denied"}, "error_description": {"<b>no</b>"}})
		}, 403, "refused", "Access was not granted", true},
		{"refused and a code", func(b *bench, link grant.Link) answer {
			return b.callback(url.Values{"state": {link.State}, "error": {""}, "code": {b.authority.Code()}})
		}, 403, "refused", "Access was not granted", true},
		{"no state", func(b *bench, _ grant.Link) answer {
			return b.callback(url.Values{"code": {b.authority.Code()}})
		}, 400, "no_state", "This did not begin here", false},
		{"a state of nobody", func(b *bench, _ grant.Link) answer {
			return b.callback(url.Values{"code": {b.authority.Code()}, "state": {strings.Repeat("A", 43)}})
		}, 400, "unknown_state", "This link is not known here", false},
		{"garbage for a state", func(b *bench, _ grant.Link) answer {
			return b.callback(url.Values{"code": {b.authority.Code()}, "state": {"../../../etc\x00\xff"}})
		}, 400, "unknown_state", "This link is not known here", false},
		{"a state in another spelling", func(b *bench, link grant.Link) answer {
			return b.callback(url.Values{"code": {b.authority.Code()}, "state": {link.State + "="}})
		}, 400, "unknown_state", "This link is not known here", false},
		{"of another stack", func(b *bench, _ grant.Link) answer {
			return b.grant(b.link("main", func(o *grant.Order) { o.Stack = "evil" }))
		}, 403, "foreign_state", "This link belongs elsewhere", false},
		{"of a client that is not there any more", func(b *bench, link grant.Link) answer {
			delete(b.clients, "main")
			return b.grant(link)
		}, 403, "foreign_state", "This link belongs elsewhere", false},
		{"of a client without OAuth", func(b *bench, _ grant.Link) answer {
			return b.grant(b.link("private"))
		}, 403, "foreign_state", "This link belongs elsewhere", false},
		{"twice", func(b *bench, link grant.Link) answer {
			b.authority.Set(func(s *mock.Settings) { s.Quirk = mock.NoToken })
			b.grant(link)
			b.authority.Set(func(s *mock.Settings) { s.Quirk = mock.Both })
			return b.grant(link)
		}, 409, "used_state", "This link has been used", true},
		{"two states", func(b *bench, link grant.Link) answer {
			return b.callback(url.Values{"code": {b.authority.Code()}, "state": {link.State, link.State}})
		}, 400, "bad_query", "Something is wrong with this address", false},
		{"two codes", func(b *bench, link grant.Link) answer {
			return b.callback(url.Values{"code": {b.authority.Code(), b.authority.Code()}, "state": {link.State}})
		}, 400, "bad_query", "Something is wrong with this address", false},
		{"no code", func(b *bench, link grant.Link) answer {
			return b.callback(url.Values{"state": {link.State}})
		}, 400, "bad_query", "Something is wrong with this address", false},
		{"a code too long", func(b *bench, link grant.Link) answer {
			return b.callback(url.Values{"state": {link.State}, "code": {strings.Repeat("c", 5000)}})
		}, 400, "bad_query", "Something is wrong with this address", false},
		{"not a query", func(b *bench, link grant.Link) answer {
			return b.ask(http.MethodGet, "/oauth/callback?state="+link.State+"&code=%zz", nil)
		}, 400, "bad_query", "Something is wrong with this address", false},
		{"a semicolon", func(b *bench, link grant.Link) answer {
			return b.ask(http.MethodGet, "/oauth/callback?state="+link.State+";code=1", nil)
		}, 400, "bad_query", "Something is wrong with this address", false},
		{"a megabyte", func(b *bench, link grant.Link) answer {
			return b.ask(http.MethodGet, "/oauth/callback?state="+link.State+"&code="+strings.Repeat("c", 1<<20), nil)
		}, 414, "too_long", "That is too long", false},
		{"no app", func(b *bench, link grant.Link) answer {
			delete(b.vault.apps, "main")
			return b.grant(link)
		}, 500, "no_app", "The app is not set up", true},
		{"the vault does not open", func(b *bench, link grant.Link) answer {
			b.vault.failApp = errors.New("denied")
			return b.grant(link)
		}, 500, "broken", "Something went wrong here", true},
		{"another client secret", func(b *bench, link grant.Link) answer {
			b.vault.apps["main"] = grant.App{ID: b.authority.ClientID, Secret: "another"}
			return b.grant(link)
		}, 502, "code_refused", "Intercom did not accept the grant", true},
		{"a code that lost its =", func(b *bench, link grant.Link) answer {
			return b.callback(url.Values{"state": {link.State}, "code": {strings.TrimRight(b.authority.Code(), "=")}})
		}, 502, "code_refused", "Intercom did not accept the grant", true},
		{"code refused", quirk(mock.Refusing), 502, "code_refused", "Intercom did not accept the grant", true},
		{"no token", quirk(mock.NoToken), 502, "exchange_failed", "Intercom gave no token", true},
		{"token null", quirk(mock.NullToken), 502, "exchange_failed", "Intercom gave no token", true},
		{"token a number", quirk(mock.NumberToken), 502, "exchange_failed", "Intercom gave no token", true},
		{"token with a line break", quirk(mock.SplitToken), 502, "exchange_failed", "Intercom gave no token", true},
		{"HTML", quirk(mock.Page), 502, "exchange_failed", "Intercom gave no token", true},
		{"an empty answer", quirk(mock.Nothing), 502, "exchange_failed", "Intercom gave no token", true},
		{"an answer of megabytes", quirk(mock.Endless), 502, "exchange_failed", "Intercom gave no token", true},
		{"half an answer", quirk(mock.Half), 502, "exchange_failed", "Intercom gave no token", true},
		{"500 that repeats it all", quirk(mock.Failing), 502, "exchange_failed", "Intercom gave no token", true},
		{"/me 500", me(500), 502, "me_failed", "Intercom does not say whose token it is", true},
		{"/me 401", me(401), 502, "me_failed", "Intercom does not say whose token it is", true},
		{"/me 403", me(403), 502, "me_forbidden", "The app may not ask whose token it is", true},
		{"/me without a workspace", func(b *bench, link grant.Link) answer {
			b.authority.Workspace = ""
			return b.grant(link)
		}, 502, "me_failed", "Intercom does not say whose token it is", true},
		{"another region", func(b *bench, link grant.Link) answer {
			b.clients["main"].Region = "us"
			return b.grant(link)
		}, 409, "wrong_region", "This workspace lives in another region", true},
		{"not the configured workspace", func(b *bench, link grant.Link) answer {
			b.clients["main"].Workspace = "zz99"
			return b.grant(link)
		}, 403, "wrong_workspace", "This is another workspace", true},
		{"not the workspace of the first token", func(b *bench, link grant.Link) answer {
			if err := pin.Set(b.t.Context(), b.store, "main", pin.Workspace{ID: "zz99"}, false); err != nil {
				b.t.Fatal(err)
			}
			return b.grant(link)
		}, 403, "wrong_workspace", "This is another workspace", true},
		{"the vault fails", func(b *bench, link grant.Link) answer {
			b.vault.failPut = errors.New("disk full")
			return b.grant(link)
		}, 500, "not_stored", "The token could not be stored", true},
		{"a crash", func(b *bench, link grant.Link) answer {
			b.vault.crash = true
			return b.grant(link)
		}, 500, "broken", "Something went wrong here", true},
		{"POST", func(b *bench, link grant.Link) answer {
			return b.ask(http.MethodPost, "/oauth/callback", strings.NewReader("state="+link.State+"&code="+b.authority.Code()))
		}, 405, "", "Not like this", false},
		{"another page", func(b *bench, link grant.Link) answer {
			return b.ask(http.MethodGet, "/oauth/callback/x?state="+link.State, nil)
		}, 404, "", "No such page", false},
		{"a path to be cleaned", func(b *bench, link grant.Link) answer {
			return b.ask(http.MethodGet, "/oauth//callback?state="+link.State, nil)
		}, 404, "", "No such page", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			link := b.link("main")
			got := tt.do(b, link)
			if got.status != tt.status || !strings.Contains(got.body, "<h1>"+tt.title+"</h1>") {
				t.Errorf("got %d, want %d and %q:\n%s\n%s", got.status, tt.status, tt.title, got.body, b.log)
			}
			if b.vault.count("main") > 0 || len(b.vault.resumed) > 0 {
				t.Error("a token was stored, or publishers resumed")
			}
			if line := `"problem":"` + tt.kind + `"`; tt.kind != "" && !strings.Contains(b.log.String(), line) {
				t.Errorf("no %s in the log:\n%s", line, b.log)
			}
			if strings.Contains(b.log.String(), "goroutine") || strings.Contains(got.body, ".go:") {
				t.Error("a stack trace")
			}
			if strings.Contains(got.body, link.State) || strings.Contains(b.log.String(), link.State) {
				t.Error("the state is shown")
			}
			if tt.spent {
				if result := b.result(link); result.Granted || result.Problem == "" || result.Message == "" {
					t.Errorf("result %+v", result)
				}
				return
			}
			// The link is as good as before.
			if _, there := b.clients["main"]; there {
				if got := agree(b, link); got.status != http.StatusOK {
					t.Errorf("afterwards: %d, %s", got.status, got.body)
				}
			}
		})
	}
}
