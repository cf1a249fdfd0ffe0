package doctor_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"intercom-connector/internal/config"
	"intercom-connector/internal/config/file"
	"intercom-connector/internal/doctor"
	"intercom-connector/shared/intercom"
	"intercom-connector/shared/intercom/intercomtest"
)

// planted must not be in any report.
const (
	planted        = "planted-8c1f0e7d"
	plantedAddress = "ann@planted.example"
)

// hosts is a network: a server for each name.
type hosts map[string]http.RoundTripper

// RoundTrip implements http.RoundTripper.
func (h hosts) RoundTrip(r *http.Request) (*http.Response, error) {
	if server := h[r.URL.Host]; server != nil {
		return server.RoundTrip(r)
	}
	return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: r.URL.Host, IsNotFound: true}}
}

// fails is a server that cannot be reached.
type fails struct{ err error }

// RoundTrip implements http.RoundTripper.
func (f fails) RoundTrip(*http.Request) (*http.Response, error) { return nil, f.err }

// late is a server whose clock is ahead.
type late struct {
	http.RoundTripper

	by time.Duration
}

// RoundTrip implements http.RoundTripper.
func (l late) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := l.RoundTripper.RoundTrip(r)
	if err == nil {
		resp.Header.Set("Date", time.Now().Add(l.by).UTC().Format(http.TimeFormat))
	}
	return resp, err
}

const (
	us = "api.intercom.io"
	eu = "api.eu.intercom.io"
	au = "api.au.intercom.io"
)

// settings reads a configuration.
func settings(t *testing.T, text string) *config.Config {
	t.Helper()
	cfg, _, err := file.Check("connector.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// clientOnly is a client with one subscription.
const clientOnly = `
clients:
  main: {region: us, auth: access_token, workspace: fake1234, timezone: Europe/Amsterdam}
subscriptions:
  tags: {client: main, entity: tags, to: {type: stdout}}
`

// tokens gives every client the planted token.
func tokens(_ context.Context, client *config.Client) doctor.Token {
	return doctor.Token{
		Source: intercom.StaticToken(planted), Place: "the environment variable " + config.TokenVariable(client.Name),
		Supply: "set the environment variable " + config.TokenVariable(client.Name) + " to a valid token",
	}
}

// connect returns a way into a network.
func connect(network http.RoundTripper) func(*config.Client, string, intercom.TokenSource) (*intercom.Client, error) {
	return func(client *config.Client, base string, token intercom.TokenSource) (*intercom.Client, error) {
		return intercom.New(intercom.Config{
			Name: client.Name, BaseURL: base, Version: client.Version, Token: token,
			Transport: network, Timeout: doctor.ProbeTimeout,
		})
	}
}

// examine runs the doctor in virtual time, and looks for what must not be seen.
func examine(t *testing.T, cfg doctor.Config, network http.RoundTripper) doctor.Report {
	t.Helper()
	if cfg.Token == nil {
		cfg.Token = tokens
	}
	cfg.Connect = connect(network)
	report, err := doctor.Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{planted, plantedAddress} {
		if strings.Contains(string(text), secret) {
			t.Errorf("%s is in the report: %s", secret, text)
		}
	}
	return report
}

// find returns a check by its title.
func find(t *testing.T, r doctor.Report, title string) doctor.Check {
	t.Helper()
	for _, c := range r.Checks {
		if c.Title() == title {
			return c
		}
	}
	var titles []string
	for _, c := range r.Checks {
		titles = append(titles, c.Title())
	}
	t.Fatalf("no check %q; there is %q", title, titles)
	return doctor.Check{}
}

// want compares a check with how it should be.
func want(t *testing.T, c doctor.Check, result doctor.Result, problem doctor.Problem, words ...string) {
	t.Helper()
	if c.Result != result || c.Problem != problem {
		t.Errorf("%s: %s %q, want %s %q: %s", c.Title(), c.Result, c.Problem, result, problem, c.Detail)
	}
	text := c.Detail + " / " + c.Remedy
	for _, word := range words {
		if !strings.Contains(text, word) {
			t.Errorf("%s: no %q in: %s", c.Title(), word, text)
		}
	}
}

func TestHealthy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ws := intercomtest.New(intercomtest.Config{Token: planted, Limit: 167})
		report := examine(t, doctor.Config{Settings: settings(t, clientOnly)}, hosts{us: ws})
		if !report.OK || report.Counts[doctor.OK] != len(report.Checks) {
			t.Errorf("not all is well: %+v", report)
		}
		if all := report.Remedies(); len(all) > 0 {
			t.Errorf("remedies: %+v", all)
		}
		want(t, find(t, report, "client main: token"), doctor.OK, "", "INTERCOM_TOKEN_MAIN")
		want(t, find(t, report, "client main: access"), doctor.OK, "", us, "accepts the token")
		want(t, find(t, report, "client main: region"), doctor.OK, "", "us")
		want(t, find(t, report, "client main: workspace"), doctor.OK, "", "fake1234", "as configured")
		want(t, find(t, report, "client main: API version"), doctor.OK, "", "2.16")
		want(t, find(t, report, "client main: /me"), doctor.OK, "", "permitted")
		want(t, find(t, report, "client main: rate limit"), doctor.OK, "", "167 requests in 10 s", "1000 a minute", " left")
		want(t, find(t, report, "client main: clock"), doctor.OK, "")
		want(t, find(t, report, "subscription tags"), doctor.OK, "", "GET /tags is permitted")
	})
}

// Every way in which a client may not be let in.
func TestAccess(t *testing.T) {
	t.Parallel()
	all := func(effect intercomtest.Effect) func(*intercomtest.Workspace) {
		return func(ws *intercomtest.Workspace) { ws.Fault(intercomtest.Fault{Effect: effect}) }
	}
	code := func(code string) func(*intercomtest.Workspace) {
		return all(intercomtest.Status(401, code, "for "+plantedAddress))
	}
	supply := "set the environment variable INTERCOM_TOKEN_MAIN"
	for _, tt := range []struct {
		name    string
		break_  func(*intercomtest.Workspace)
		problem doctor.Problem
		words   []string
	}{
		{"revoked", (*intercomtest.Workspace).Revoke, doctor.TokenRevoked, []string{"uninstalled", "401 token_revoked", supply}},
		{"blocked", code("token_blocked"), doctor.TokenBlocked, []string{"blocked", supply}},
		{"expired", code("token_expired"), doctor.TokenExpired, []string{"expired", supply}},
		{"not found", code("token_not_found"), doctor.TokenUnknown, []string{"knows no such token", supply}},
		{"unauthorized", code("unauthorized"), doctor.TokenRefused, []string{"does not accept", supply}},
		{"token unauthorized", code("token_unauthorized"), doctor.TokenRefused, []string{"not authorized", supply}},
		{"a new code", code("token_cursed"), doctor.TokenRefused, []string{"token_cursed", supply}},
		{"no code", all(intercomtest.HTML(401)), doctor.TokenRefused, []string{"401", supply}},
		{"lost on the way", code("missing_authorization"), doctor.TokenLost, []string{"without a token", "proxy", "Authorization"}},
		{"unpaid", (*intercomtest.Workspace).Unpay, doctor.WorkspaceUnpaid, []string{"402", "bill"}},
		{"locked", (*intercomtest.Workspace).Lock, doctor.WorkspaceLocked, []string{"423", "support"}},
		{"IP allowlist", all(intercomtest.OffAllowlist()), doctor.OffAllowlist, []string{"allowlist", "IPv4"}},
		{"firewall", all(intercomtest.HTML(403)), doctor.Firewall, []string{"HTML", us, "through"}},
		{"not Intercom", all(intercomtest.HTML(404)), doctor.NotIntercom, []string{"404", "proxy"}},
		{"a page instead of an answer", all(intercomtest.HTML(200)), doctor.NotIntercom, []string{"something else", "sign-in page"}},
		{"nothing instead of an answer", all(intercomtest.Empty()), doctor.NotIntercom, []string{"empty"}},
		{"too slow", all(intercomtest.NoAnswer()), doctor.TimedOut, []string{"10 s", "firewall"}},
		{"connection refused", all(intercomtest.Refused()), doctor.Refused, []string{"refuses connections"}},
		{"connection broken", all(intercomtest.Reset()), doctor.Unreachable, []string{"no connection", "network"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ws := intercomtest.New(intercomtest.Config{Token: planted})
				tt.break_(ws)
				began := time.Now()
				report := examine(t, doctor.Config{Settings: settings(t, clientOnly)}, hosts{us: ws, eu: fails{syscall.ENETUNREACH}, au: fails{syscall.ENETUNREACH}})
				if took := time.Since(began); took > 15*time.Second {
					t.Errorf("it took %v", took)
				}
				if report.OK {
					t.Error("the report says that nothing is wrong")
				}
				want(t, find(t, report, "client main: access"), doctor.Fail, tt.problem, tt.words...)
				want(t, find(t, report, "client main: subscriptions and publishers"), doctor.Skipped, "")
				if all := report.Remedies(); len(all) != 1 || !all[0].Fail {
					t.Errorf("remedies: %+v", all)
				}
			})
		})
	}
}

// What keeps requests from arriving at all.
func TestNetwork(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		server  http.RoundTripper
		problem doctor.Problem
		words   []string
	}{
		{"no such name", nil, doctor.Unresolved, []string{"cannot be resolved", us}},
		{"unreachable", fails{&net.OpError{Op: "dial", Err: syscall.EHOSTUNREACH}}, doctor.Unreachable, []string{"no route to host"}},
		{"a certificate of somebody else", fails{fmt.Errorf("tls: %w", &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}})}, doctor.Untrusted, []string{"not trusted", "SSL_CERT_FILE"}},
		{"no TLS", fails{tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}}, doctor.Untrusted, []string{"does not speak TLS"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				network := hosts{}
				if tt.server != nil {
					network[us] = tt.server
				}
				report := examine(t, doctor.Config{Settings: settings(t, clientOnly)}, network)
				want(t, find(t, report, "client main: access"), doctor.Fail, tt.problem, tt.words...)
			})
		})
	}
}

// A server that fails at /me may still answer the rest.
func TestMomentsOfWeakness(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ws := intercomtest.New(intercomtest.Config{Token: planted})
		ws.Fault(intercomtest.Fault{Path: "/me", Effect: intercomtest.HTML(503)})
		ws.Fault(intercomtest.Fault{Path: "/tags", Times: 1, Effect: intercomtest.ServerError()})
		report := examine(t, doctor.Config{Settings: settings(t, clientOnly)}, hosts{us: ws})
		want(t, find(t, report, "client main: access"), doctor.Fail, doctor.ServerError, "503", "intercomstatus")
		want(t, find(t, report, "subscription tags"), doctor.OK, "")
	})
}

func TestRegion(t *testing.T) {
	t.Parallel()
	text := strings.ReplaceAll(clientOnly, "region: us", "region: eu")
	empty := intercomtest.New(intercomtest.Config{Token: "another"})
	home := func(region string) *intercomtest.Workspace {
		return intercomtest.New(intercomtest.Config{Token: planted, Region: region})
	}
	forbidden := home("AU")
	forbidden.Fault(intercomtest.Fault{Path: "/me", Effect: intercomtest.Forbidden()})
	for _, tt := range []struct {
		name    string
		network hosts
		result  doctor.Result
		words   []string
	}{
		{"as configured", hosts{eu: home("EU")}, doctor.OK, []string{"eu"}},
		{"led there by the wrong host", hosts{eu: home("US")}, doctor.Fail, []string{"in us", "set region: us for client main in connector.yaml"}},
		{"known elsewhere", hosts{eu: empty, us: home("US"), au: empty}, doctor.Fail, []string{"set region: us"}},
		{"known elsewhere, led there", hosts{eu: empty, us: home("AU")}, doctor.Fail, []string{"set region: au"}},
		{"known elsewhere, may not ask", hosts{eu: empty, us: empty, au: forbidden}, doctor.Fail, []string{"set region: au"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				report := examine(t, doctor.Config{Settings: settings(t, text)}, tt.network)
				problem := doctor.WrongRegion
				if tt.result == doctor.OK {
					problem = ""
				}
				want(t, find(t, report, "client main: region"), tt.result, problem, tt.words...)
			})
		})
	}
}

// A token of no region is shown to Intercom's hosts only, and not at all where
// the client has a base URI of its own.
func TestTokenGoesNowhereElse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		asked := map[string]int{}
		count := func(ws *intercomtest.Workspace) http.RoundTripper {
			return roundTrip(func(r *http.Request) (*http.Response, error) {
				asked[r.URL.Host]++
				return ws.RoundTrip(r)
			})
		}
		empty := intercomtest.New(intercomtest.Config{Token: "another"})
		network := hosts{us: count(empty), eu: count(empty), au: count(empty), "proxy.example": count(empty)}
		report := examine(t, doctor.Config{Settings: settings(t, strings.ReplaceAll(clientOnly, "region: us", "base_uri: https://proxy.example"))}, network)
		want(t, find(t, report, "client main: access"), doctor.Fail, doctor.TokenUnknown)
		if len(asked) != 1 || asked["proxy.example"] != 1 {
			t.Errorf("asked %v", asked)
		}
		clear(asked)
		report = examine(t, doctor.Config{Settings: settings(t, clientOnly)}, network)
		want(t, find(t, report, "client main: access"), doctor.Fail, doctor.TokenUnknown)
		if len(asked) != 3 {
			t.Errorf("asked %v", asked)
		}
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestWhoseToken(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, from, to string // in the configuration
		me             intercomtest.Effect
		check          string
		result         doctor.Result
		problem        doctor.Problem
		words          []string
	}{
		{"another workspace", "workspace: fake1234", "workspace: zz99", nil, "workspace", doctor.Fail, doctor.WrongWorkspace, []string{"fake1234", "zz99"}},
		{"any workspace", "workspace: fake1234, ", "", nil, "workspace", doctor.OK, "", []string{"takes any"}},
		{"an unknown version", "region: us", `region: us, version: "9.9"`, nil, "API version", doctor.Fail, doctor.VersionRefused, []string{"9.9", `set version: "2.16"`}},
		{"may not ask, all configured", "", "", intercomtest.Forbidden(), "/me", doctor.OK, "", []string{"genuine", "Read one admin", "workspace: fake1234 and timezone: Europe/Amsterdam of the configuration stand in"}},
		{"may not ask, nothing configured", ", workspace: fake1234, timezone: Europe/Amsterdam", "", intercomtest.Forbidden(), "/me", doctor.Warn, doctor.PermissionMissing, []string{"set workspace and timezone", `"Read one admin"`, "nothing stands in"}},
		{"may not ask, workspace unknown", "", "", intercomtest.Forbidden(), "workspace", doctor.Skipped, "", []string{"without /me"}},
		{"no time zone", ", timezone: Europe/Amsterdam", "", answer(`{"id":"1","email":"` + plantedAddress + `","name":"` + plantedAddress + `","app":{"id_code":"fake1234","name":"` + plantedAddress + `","region":"US"}}`), "/me", doctor.Warn, "", []string{"set timezone"}},
		{"nothing told", "", "", answer(`{"id":"1"}`), "workspace", doctor.Skipped, "", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ws := intercomtest.New(intercomtest.Config{Token: planted})
				if tt.me != nil {
					ws.Fault(intercomtest.Fault{Path: "/me", Effect: tt.me})
				}
				cfg := settings(t, strings.Replace(clientOnly, tt.from, tt.to, 1))
				report := examine(t, doctor.Config{Settings: cfg}, hosts{us: ws})
				want(t, find(t, report, "client main: "+tt.check), tt.result, tt.problem, tt.words...)
				if tt.problem != doctor.VersionRefused {
					want(t, find(t, report, "subscription tags"), doctor.OK, "")
				}
			})
		})
	}
}

// answer is a success with another body.
func answer(body string) intercomtest.Effect {
	return func(a *intercomtest.Answer) { a.Status, a.Body = http.StatusOK, []byte(body) }
}

func TestToken(t *testing.T) {
	t.Parallel()
	supply := "set the variable X"
	for _, tt := range []struct {
		name    string
		token   doctor.Token
		check   string
		problem doctor.Problem
		words   []string
	}{
		{"none", doctor.Token{Place: "the variable X", Supply: supply}, "token", doctor.TokenMissing, []string{"there is no token in the variable X", supply}},
		{"none yet", doctor.Token{Source: source{err: intercom.ErrNoToken}, Place: "the secret X", Supply: supply}, "token", doctor.TokenMissing, []string{"the secret X", supply}},
		{"not to be read", doctor.Token{Source: source{err: errors.New("access denied")}, Place: "the secret X", Supply: supply}, "token", doctor.TokenUnreadable, []string{"the secret X cannot be read: access denied"}},
		{"nobody knows", doctor.Token{Err: errors.New("access denied"), Place: "the secret X"}, "token", doctor.TokenUnreadable, []string{"access denied"}},
		{"with Bearer", doctor.Token{Source: source{token: "Bearer " + planted}, Place: "the variable X", Supply: supply}, "access", doctor.TokenMalformed, []string{"without Bearer", supply}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ws := intercomtest.New(intercomtest.Config{Token: planted})
				report := examine(t, doctor.Config{
					Settings: settings(t, clientOnly),
					Token:    func(context.Context, *config.Client) doctor.Token { return tt.token },
				}, hosts{us: ws})
				want(t, find(t, report, "client main: "+tt.check), doctor.Fail, tt.problem, tt.words...)
				if n := ws.Stats().Requests; n > 0 {
					t.Errorf("%d requests were sent", n)
				}
			})
		})
	}
}

// A source of tokens that may have none.
type source struct {
	token string
	err   error
}

// Token implements intercom.TokenSource.
func (s source) Token(context.Context) (string, error) { return s.token, s.err }

func TestClock(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		ahead  time.Duration
		result doctor.Result
		words  string
	}{
		{0, doctor.OK, "agrees"},
		{25 * time.Second, doctor.OK, "agrees"},
		{-25 * time.Second, doctor.OK, "agrees"},
		{40 * time.Second, doctor.Warn, "s behind Intercom's"},
		{-time.Hour, doctor.Warn, "s ahead of Intercom's"},
	} {
		t.Run(tt.ahead.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ws := intercomtest.New(intercomtest.Config{Token: planted})
				report := examine(t, doctor.Config{Settings: settings(t, clientOnly)}, hosts{us: late{ws, tt.ahead}})
				problem := doctor.Problem("")
				if tt.result == doctor.Warn {
					problem = doctor.ClockOff
				}
				want(t, find(t, report, "client main: clock"), tt.result, problem, tt.words)
				if !report.OK {
					t.Error("a warning failed the report")
				}
			})
		})
	}
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		spend  func(*intercomtest.Workspace)
		check  string
		result doctor.Result
		words  string
	}{
		{"nearly used up", func(ws *intercomtest.Workspace) { ws.Spend(95) }, "rate limit", doctor.Warn, "left of these 10 s"},
		{"used up for a moment", func(ws *intercomtest.Workspace) { ws.LimitNext(5 * time.Second) }, "access", doctor.OK, "accepts"},
		{"used up for long", func(ws *intercomtest.Workspace) { ws.LimitNext(time.Minute) }, "access", doctor.Warn, "429"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ws := intercomtest.New(intercomtest.Config{Token: planted, Limit: 100})
				tt.spend(ws)
				report := examine(t, doctor.Config{Settings: settings(t, clientOnly)}, hosts{us: ws})
				problem := doctor.Problem("")
				if tt.result == doctor.Warn {
					problem = doctor.RateLimited
				}
				want(t, find(t, report, "client main: "+tt.check), tt.result, problem, tt.words)
				if early := ws.Stats().Violations; early > 0 {
					t.Errorf("%d requests before the reset", early)
				}
			})
		})
	}
}

func TestStopped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ws := intercomtest.New(intercomtest.Config{Token: planted, Latency: time.Second})
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		began := time.Now()
		_, err := doctor.Run(ctx, doctor.Config{Settings: settings(t, clientOnly), Token: tokens, Connect: connect(hosts{us: ws})})
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 2*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}
