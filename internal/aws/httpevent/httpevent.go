// Package httpevent lets an http.Handler answer the requests that API Gateway's
// HTTP APIs hand to a function (payload format 2.0,
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html).
//
// aws-lambda-go has the like for function URLs only, and it answers with a
// stream, which an HTTP API does not take.
package httpevent

import (
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"
)

// A Func is what lambda.Start takes.
type Func = func(context.Context, events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error)

// Wrap returns a function that lets h answer. It never returns an error: what h
// has no answer to is for h to say.
func Wrap(h http.Handler) Func {
	return func(ctx context.Context, event events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
		w := &writer{header: http.Header{}}
		r, ok := request(ctx, &event)
		if !ok {
			w.WriteHeader(http.StatusBadRequest)
			return w.response(), nil
		}
		h.ServeHTTP(w, r)
		return w.response(), nil
	}
}

// request makes a request of an event, or says that it is none.
func request(ctx context.Context, event *events.APIGatewayV2HTTPRequest) (*http.Request, bool) {
	body := []byte(event.Body)
	if event.IsBase64Encoded {
		var err error
		if body, err = base64.StdEncoding.DecodeString(event.Body); err != nil {
			return nil, false
		}
	}
	r, err := http.NewRequestWithContext(ctx, event.RequestContext.HTTP.Method, "/", nil)
	if err != nil {
		return nil, false
	}
	r.URL = &url.URL{Path: event.RawPath, RawQuery: event.RawQueryString}
	if path, err := url.PathUnescape(event.RawPath); err == nil && path != event.RawPath {
		r.URL.Path, r.URL.RawPath = path, event.RawPath
	}
	r.RequestURI = event.RawPath
	if event.RawQueryString != "" {
		r.RequestURI += "?" + event.RawQueryString
	}
	for key, value := range event.Headers {
		r.Header.Set(key, value)
	}
	if len(event.Cookies) > 0 { // they are in the header too, or in neither
		r.Header.Set("Cookie", strings.Join(event.Cookies, "; "))
	}
	r.Host = r.Header.Get("Host")
	r.Header.Del("Host")
	r.RemoteAddr = event.RequestContext.HTTP.SourceIP
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return r, true
}

// A writer keeps the answer until it is whole.
type writer struct {
	header http.Header
	status int
	sent   http.Header // the header as it was when the status was written
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (w *writer) Header() http.Header { return w.header }

// WriteHeader implements http.ResponseWriter.
func (w *writer) WriteHeader(status int) {
	if w.status == 0 {
		w.status, w.sent = status, w.header.Clone()
	}
}

// Write implements http.ResponseWriter.
func (w *writer) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(p)
}

// response is the answer as API Gateway takes it. No part of it is null.
func (w *writer) response() events.APIGatewayV2HTTPResponse {
	w.WriteHeader(http.StatusOK)
	out := events.APIGatewayV2HTTPResponse{
		StatusCode: w.status, Headers: map[string]string{}, MultiValueHeaders: map[string][]string{}, Cookies: []string{},
	}
	for key, values := range w.sent {
		if key == "Set-Cookie" {
			out.Cookies = values
			continue
		}
		out.Headers[key] = strings.Join(values, ", ")
	}
	if body := w.body.Bytes(); utf8.Valid(body) {
		out.Body = string(body)
	} else {
		out.Body, out.IsBase64Encoded = base64.StdEncoding.EncodeToString(body), true
	}
	return out
}
