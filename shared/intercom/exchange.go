package intercom

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// An Exchange is a request to Intercom that is none of the API's operations:
// the one that turns the code of a grant into a token
// (https://developers.intercom.com/docs/build-an-integration/learn-more/authentication/setting-up-oauth).
// It is here so that what it logs, and what its errors show, follows the rules
// of every other request.
type Exchange struct {
	Client string // the name of the client, for the log
	Method string
	URL    *url.URL
	Form   url.Values // the payload
	Status int        // 0 where no answer came
	Header http.Header
	Answer []byte // the body, or what was read of it
	Took   time.Duration
	// Secrets are hidden wherever they appear, beside what the rules hide anyway.
	Secrets []string
	Err     error // what came of it, nil for a success
}

// Fail reads an answer outside 2xx.
func (e *Exchange) Fail() *APIError {
	op := Operation{Method: e.Method, Path: e.URL.Path}
	return newAPIError(&op, e.Status, e.Header, e.Answer, e.hidden()...)
}

// hidden are the secrets in the forms in which a server may repeat them,
// longest first.
func (e *Exchange) hidden() []string {
	var forms []string
	for _, secret := range e.Secrets {
		forms = append(forms, url.QueryEscape(secret), url.PathEscape(secret), secret)
		if short := strings.TrimRight(secret, "="); len(short) >= 8 {
			forms = append(forms, url.QueryEscape(short), short)
		}
	}
	return slices.SortedFunc(slices.Values(forms), func(a, b string) int { return len(b) - len(a) })
}

// Log writes the line of the request log that mode asks for. Of the form and of
// the answer it has the keys, and of the values what is safe.
func (e *Exchange) Log(ctx context.Context, log *slog.Logger, mode LogMode) {
	if log == nil || mode == LogOff || mode == "" || !log.Enabled(ctx, slog.LevelInfo) {
		return
	}
	secrets := e.hidden()
	hide := func(s string) string { return hide(s, secrets) }
	attrs := []slog.Attr{
		slog.String("client", e.Client),
		slog.String("method", e.Method),
		slog.String("path", e.URL.Path),
		slog.String("host", e.URL.Host),
		slog.Int("status", e.Status),
		slog.Int("bytes", len(e.Answer)),
		slog.Duration("took", e.Took),
		slog.String("request_id", requestID(e.Header, secrets...)),
		slog.Any("answer_headers", answerHeader(e.Header, hide)),
	}
	if mode == LogBodies {
		attrs = append(attrs, slog.String("payload", hide(maskForm(e.Form))), slog.String("answer", hide(maskBody(e.Answer))))
	}
	if e.Err != nil {
		attrs = append(attrs, slog.String("err", hide(e.Err.Error())))
	}
	log.LogAttrs(ctx, slog.LevelInfo, "request", attrs...)
}

// maskForm keeps the keys of a form. Its values are a code, a secret, and an
// id that people may take for one.
func maskForm(form url.Values) string {
	shown := make(url.Values, len(form))
	for key, values := range form {
		for range values {
			shown.Add(maskPatterns(key), masked)
		}
	}
	return unescapeMasks(shown.Encode())
}
