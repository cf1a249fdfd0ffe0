package mock

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// A Quirk is a way in which the token URL answers.
type Quirk int

// The ways there are. Only the first three give a token.
const (
	Both        Quirk = iota // token and access_token, as Intercom does
	TokenOnly                // token alone, as Intercom has been seen to do
	AccessOnly               // access_token alone, with an expiry and a refresh token
	NoToken                  // 200, and none
	NullToken                // 200, and null
	NumberToken              // 200, and a number
	SplitToken               // a token that would add a header
	Page                     // 200 and HTML
	Nothing                  // 200 and no body
	Endless                  // a token after megabytes
	Half                     // a body that is cut off
	Away                     // 307 to Authority.Elsewhere, which would get the secret
	AwayQuietly              // 302 to the same
	Refusing                 // 401 "Unauthorized Code", whatever the code
	Failing                  // 500 with everything it was sent
	Stalled                  // no answer before the other side gives up
)

// An Authority is a workspace's consent page, the URL that exchanges codes, and
// /me: what "grant access" needs of Intercom.
//
//	GET  /oauth             sends the browser back at once, as if a person had agreed
//	POST /auth/eagle/token  exchanges the code
//	GET  /me                says whose token it is
type Authority struct {
	ClientID, Secret string // of the one app there is

	// Who grants, and for which workspace.
	Admin, Email                      string
	Workspace, Name, Region, Timezone string

	mu        sync.Mutex
	quirk     Quirk
	deny      bool   // the person says no
	meStatus  int    // of /me; 0 for 200
	elsewhere string // where Away leads
	codes     map[string]bool
	tokens    map[string]bool // false for revoked
	exchanges int
	asked     []string // the tokens that /me was asked with
	release   chan struct{}
}

// NewAuthority returns one with an app and a workspace in Europe.
func NewAuthority() *Authority {
	return &Authority{ //nolint:gosec // The secret is planted, to be searched for.
		ClientID: "c1d2e3f4-planted-client", Secret: "cGxhbnRlZC1jbGllbnQtc2VjcmV0",
		Admin: "Zoë Grantor", Email: "zoe.grantor@planted.example",
		Workspace: "ab12cd34", Name: "Ye Olde <Shoppe> & Sons", Region: "Europe", Timezone: "Europe/Amsterdam",
		codes: map[string]bool{}, tokens: map[string]bool{}, release: make(chan struct{}),
	}
}

// Set changes how it behaves, while nobody else looks.
func (a *Authority) Set(change func(s *Settings)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := Settings{Quirk: a.quirk, Deny: a.deny, MeStatus: a.meStatus, Elsewhere: a.elsewhere}
	change(&s)
	a.quirk, a.deny, a.meStatus, a.elsewhere = s.Quirk, s.Deny, s.MeStatus, s.Elsewhere
}

// Settings are what can be changed while an Authority is in use.
type Settings struct {
	Quirk     Quirk
	Deny      bool   // the person says no
	MeStatus  int    // of /me; 0 for 200
	Elsewhere string // where Away leads
}

// Release ends the answers that are Stalled.
func (a *Authority) Release() { close(a.release) }

// Code makes a code, as the consent page does. It ends in "=".
func (a *Authority) Code() string {
	random := make([]byte, 25) // 25 bytes end in ==
	_, _ = rand.Read(random)
	code := base64.StdEncoding.EncodeToString(random)
	a.Allow(code)
	return code
}

// Allow makes a code of one's own good once.
func (a *Authority) Allow(code string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.codes[code] = true
}

// Tokens are all that were given, revoked or not.
func (a *Authority) Tokens() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	tokens := make([]string, 0, len(a.tokens))
	for token := range a.tokens {
		tokens = append(tokens, token)
	}
	return tokens
}

// Codes are all that were made, used or not.
func (a *Authority) Codes() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	codes := make([]string, 0, len(a.codes))
	for code := range a.codes {
		codes = append(codes, code)
	}
	return codes
}

// Exchanges is how often the token URL was asked.
func (a *Authority) Exchanges() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.exchanges
}

// Asked is how often /me was asked.
func (a *Authority) Asked() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.asked)
}

// Revoke makes a token worthless, as removing the app does.
func (a *Authority) Revoke(token string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tokens[token] = false
}

// ServeHTTP implements http.Handler.
func (a *Authority) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method + " " + r.URL.Path {
	case "GET /oauth":
		a.consent(w, r)
	case "POST /auth/eagle/token":
		a.exchange(w, r)
	case "GET /me":
		a.me(w, r)
	default:
		refuse(w, http.StatusNotFound, "not_found", "no such page")
	}
}

func (a *Authority) consent(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	back, err := url.Parse(q.Get("redirect_uri"))
	if err != nil || back.Scheme != "https" || q.Get("client_id") != a.ClientID || q.Get("state") == "" {
		http.Error(w, "Intercom shows an error page here", http.StatusBadRequest)
		return
	}
	a.mu.Lock()
	denied := a.deny
	a.mu.Unlock()
	answer := url.Values{"state": {q.Get("state")}}
	if denied {
		answer.Set("error", "access_denied")
	} else {
		answer.Set("code", a.Code())
	}
	back.RawQuery = answer.Encode()
	http.Redirect(w, r, back.String(), http.StatusFound) //nolint:gosec // Going where it is asked to is what a consent page does.
}

func (a *Authority) exchange(w http.ResponseWriter, r *http.Request) {
	if r.ParseForm() != nil {
		refuse(w, http.StatusBadRequest, "bad_request", "not a form")
		return
	}
	a.mu.Lock()
	a.exchanges++
	quirk, elsewhere, code := a.quirk, a.elsewhere, r.PostForm.Get("code")
	good := a.codes[code] && r.PostForm.Get("client_id") == a.ClientID && r.PostForm.Get("client_secret") == a.Secret
	if a.codes[code] {
		a.codes[code] = false
	}
	var token string
	if good && quirk != Refusing {
		token = fmt.Sprintf("dG9rOnBsYW50ZWQ%d%s", len(a.tokens), base64.RawURLEncoding.EncodeToString([]byte(rand.Text()))) + "="
		a.tokens[token] = true
	}
	a.mu.Unlock()
	switch quirk {
	case Away, AwayQuietly:
		w.Header().Set("Location", elsewhere)
		w.WriteHeader(map[Quirk]int{Away: http.StatusTemporaryRedirect, AwayQuietly: http.StatusFound}[quirk])
		return
	case Stalled:
		<-a.release
	case Failing:
		refuse(w, http.StatusInternalServerError, "server_error", "could not take "+r.PostForm.Encode()+" "+code)
		return
	default:
	}
	if token == "" {
		refuse(w, http.StatusUnauthorized, "unauthorized", "Unauthorized Code "+code)
		return
	}
	give(w, quirk, token)
}

// give answers with a token, or with what a quirk makes of it.
func give(w http.ResponseWriter, quirk Quirk, token string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	quoted, _ := json.Marshal(token)
	body := map[Quirk]string{ //nolint:gosec // There is no token in these but what is put in.
		Both:        `{"token_type":"Bearer","token":` + string(quoted) + `,"access_token":` + string(quoted) + `}`,
		TokenOnly:   `{"token_type":"Bearer","token":` + string(quoted) + `}`,
		AccessOnly:  `{"access_token":` + string(quoted) + `,"expires_in":"1","refresh_token":` + string(quoted) + `}`,
		NoToken:     `{"token_type":"Bearer"}`,
		NullToken:   `{"token":null,"access_token":null}`,
		NumberToken: `{"token":12345678901234567890}`,
		SplitToken:  `{"token":"a\r\nX-Injected: 1"}`,
		Endless:     `{"filler":"` + strings.Repeat("x", 2<<20) + `","token":` + string(quoted) + `}`,
	}
	switch quirk {
	case Page:
		w.Header().Set("Content-Type", "text/html")
		_, _ = fmt.Fprintf(w, "<html><body>Signed in with %s</body></html>", token)
	case Half:
		w.Header().Set("Content-Length", "4096")
		_, _ = fmt.Fprintf(w, `{"token":%s`, quoted)
	case Stalled:
		_, _ = fmt.Fprint(w, body[Both])
	default:
		_, _ = fmt.Fprint(w, body[quirk])
	}
}

func (a *Authority) me(w http.ResponseWriter, r *http.Request) {
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	a.mu.Lock()
	status, live := a.meStatus, a.tokens[token]
	a.asked = append(a.asked, token)
	a.mu.Unlock()
	switch {
	case !live:
		refuse(w, http.StatusUnauthorized, "token_revoked", "Token "+token+" of "+a.Email+" was revoked")
		return
	case status != 0:
		refuse(w, status, "planted_fault", "not for '"+a.Email+"' with "+token)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(map[string]any{
		"type": "admin", "id": "991267459", "email": a.Email, "name": a.Admin, "email_verified": true,
		"app": map[string]any{
			"type": "app", "id_code": a.Workspace, "name": a.Name, "region": a.Region, "timezone": a.Timezone,
			"created_at": time.Date(2020, 1, 2, 0, 0, 0, 0, time.UTC).Unix(), "identity_verification": false,
		},
	})
}

// refuse answers with an error list, which repeats more than it should.
func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("X-Request-Id", "req-planted-1")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{
		"type": "error.list", "request_id": "req-planted-1",
		"errors": []any{map[string]any{"code": code, "message": message}},
	})
}
