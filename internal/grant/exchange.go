package grant

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"intercom-connector/internal/config"
	"intercom-connector/shared/intercom"
)

const (
	exchangeTime = 10 * time.Second
	maxAnswer    = 64 << 10 // of an exchange; Intercom's has some hundred bytes
	maxToken     = 4 << 10
)

// newTransport is for the few requests of a grant.
func newTransport() *http.Transport {
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           dialer.DialContext,
		ForceAttemptHTTP2:     true,
		TLSHandshakeTimeout:   5 * time.Second,
		ResponseHeaderTimeout: exchangeTime,
		DisableKeepAlives:     true, // a function sleeps between two grants, and its connections die
	}
}

// exchange turns the code of a grant into a token. The error shows neither, nor
// the client secret, nor anything that the answer has of them.
func (h *Handler) exchange(ctx context.Context, client *config.Client, app App, redirect, code string) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, exchangeTime, fmt.Errorf("no answer within %v", exchangeTime))
	defer cancel()
	even := &evener{handler: h, client: client, secrets: []string{code, app.Secret}}
	settings := oauth2.Config{
		ClientID:     app.ID,
		ClientSecret: app.Secret,
		RedirectURL:  redirect,
		Endpoint:     oauth2.Endpoint{TokenURL: client.Auth.TokenURL, AuthStyle: oauth2.AuthStyleInParams},
	}
	token, err := settings.Exchange(context.WithValue(ctx, oauth2.HTTPClient, &http.Client{
		Transport: even,
		// The secret goes where the configuration says and nowhere else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}), code)
	switch {
	case even.err != nil:
		return "", even.err // in words that are safe; x/oauth2's quote the answer
	case err != nil:
		return "", errors.New("the exchange ended in a way that is not known")
	default:
		return token.AccessToken, nil
	}
}

// An evener is a transport in front of the token URL that makes of Intercom's
// answer what x/oauth2 wants to see. Intercom sends the token as token and as
// access_token, and has been seen to send only one of them; it never expires,
// whatever else the answer says.
type evener struct {
	handler *Handler
	client  *config.Client
	secrets []string
	err     error // why there is no token
}

var (
	errNoToken  = errors.New("the answer has no token")
	errBadToken = errors.New("the answer's token is not one")
	errNotJSON  = errors.New("the answer is not JSON")
	errTooLarge = errors.New("the answer is too large")
)

// RoundTrip implements http.RoundTripper.
func (e *evener) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	x := &intercom.Exchange{Client: e.client.Name, Method: req.Method, URL: req.URL, Secrets: e.secrets}
	form, err := readForm(req)
	if err != nil {
		e.err = err
		return nil, err
	}
	x.Form = form
	req = req.Clone(ctx)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", e.handler.cfg.UserAgent)

	begun := time.Now()
	token, err := e.ask(req, x)
	x.Took, x.Err = time.Since(begun), err
	x.Secrets = append(x.Secrets, token)
	x.Log(ctx, e.handler.cfg.RequestLog, intercom.LogMode(e.client.LogRequests))
	if err != nil {
		e.err = err
		return nil, err
	}
	answer, err := json.Marshal(map[string]string{"access_token": token, "token_type": "Bearer"})
	if err != nil {
		e.err = err
		return nil, err
	}
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        http.Header{"Content-Type": {"application/json"}},
		Body:          io.NopCloser(strings.NewReader(string(answer))),
		ContentLength: int64(len(answer)),
		Request:       req,
	}, nil
}

// readForm reads a copy of the request's body, to log it.
func readForm(req *http.Request) (url.Values, error) {
	body, err := req.GetBody()
	if err != nil {
		return nil, errors.New("the request cannot be read")
	}
	defer body.Close()
	text, err := io.ReadAll(body)
	if err != nil {
		return nil, errors.New("the request cannot be read")
	}
	form, err := url.ParseQuery(string(text))
	if err != nil {
		return nil, errors.New("the request cannot be read")
	}
	return form, nil
}

// ask sends the request and finds the token in the answer.
func (e *evener) ask(req *http.Request, x *intercom.Exchange) (string, error) {
	resp, err := e.handler.exchanger.RoundTrip(req)
	if err != nil {
		return "", e.lost(req.Context(), err)
	}
	defer resp.Body.Close()
	x.Status, x.Header = resp.StatusCode, resp.Header
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	x.Answer = body
	switch {
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
		return "", fmt.Errorf("%d %s, and redirects are not followed with a secret", resp.StatusCode, http.StatusText(resp.StatusCode))
	case resp.StatusCode/100 != 2:
		return "", x.Fail()
	case err != nil:
		return "", e.lost(req.Context(), err)
	case len(body) > maxAnswer:
		return "", errTooLarge
	default:
		return findToken(body)
	}
}

// lost is the error of a request without a complete answer. What the transport
// says of it may have a URL, and so is shown by its kind only.
func (e *evener) lost(ctx context.Context, err error) error {
	host := hostOf(e.client.Auth.TokenURL)
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", host, context.Cause(ctx))
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return fmt.Errorf("%s: no address of it is known", host)
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return fmt.Errorf("%s: its certificate cannot be verified", host)
	}
	if wire, ok := errors.AsType[net.Error](err); ok && wire.Timeout() {
		return fmt.Errorf("%s: no answer in time", host)
	}
	return fmt.Errorf("%s: no complete answer", host)
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "the token URL"
	}
	return u.Host
}

// findToken finds the token in an answer, whatever its content type says.
func findToken(body []byte) (string, error) {
	var answer struct {
		AccessToken json.RawMessage `json:"access_token"`
		Token       json.RawMessage `json:"token"`
	}
	if json.Unmarshal(body, &answer) != nil {
		return "", errNotJSON
	}
	for _, raw := range []json.RawMessage{answer.AccessToken, answer.Token} {
		if len(raw) == 0 || string(raw) == "null" {
			continue
		}
		var token string
		if json.Unmarshal(raw, &token) != nil || !isToken(token) {
			return "", errBadToken
		}
		return token, nil
	}
	return "", errNoToken
}

// isToken recognises what can stand in a header.
func isToken(text string) bool {
	return text != "" && len(text) <= maxToken && strings.IndexFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) < 0
}
