package intercomtest

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"intercom-connector/shared/intercom"
)

// ForeignHost is a host that is not the workspace's: where recordings are, and
// where a lying server wants the token to go.
const ForeignHost = "elsewhere.intercomtest.invalid"

// maxBody is the largest request body in bytes that the workspace reads.
const maxBody = 4 << 20

// versions are the API versions that there are.
var versions = []string{
	"1.0", "1.1", "1.2", "1.3", "1.4",
	"2.0", "2.1", "2.2", "2.3", "2.4", "2.5", "2.6", "2.7", "2.8", "2.9",
	"2.10", "2.11", "2.12", "2.13", "2.14", "2.15", "2.16", "2.17", "Preview", "Unstable",
}

// A call is one request on its way to its answer.
type call struct {
	op      *intercom.Operation
	method  string
	path    string
	params  []string // of the path, unescaped, in its order
	query   url.Values
	body    []byte
	version string
	answer  Answer

	// Of a write:
	made   string // id of what it made or changed
	again  bool   // it had been so already
	number int    // in the audit, from 1; 0 for a write that was not applied
}

func (c *call) fail(status int, code, message string) { c.answer.Fail(status, code, message) }

func (c *call) json(body []byte) {
	c.answer.content("application/json; charset=utf-8", body)
}

func (c *call) notFound(what string) { c.fail(http.StatusNotFound, "not_found", what+" Not Found") }

// RoundTrip answers r without a network. It implements [http.RoundTripper].
func (ws *Workspace) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		body, err = io.ReadAll(io.LimitReader(r.Body, maxBody))
		closeErr := r.Body.Close()
		if err := errors.Join(err, closeErr); err != nil {
			return nil, fmt.Errorf("read the request's body: %w", err)
		}
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	a := ws.serve(r.Context(), r, body)
	defer ws.landed()
	if a.Err != nil {
		return nil, a.Err
	}
	a.Header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	a.Header.Set("Content-Length", strconv.Itoa(len(a.Body)))
	var content io.Reader = bytes.NewReader(a.Body)
	if a.Cut {
		content = io.MultiReader(bytes.NewReader(a.Body[:len(a.Body)/2]), broken{})
	}
	return &http.Response{
		Status:        strconv.Itoa(a.Status) + " " + http.StatusText(a.Status),
		StatusCode:    a.Status,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        a.Header,
		Body:          io.NopCloser(content),
		ContentLength: int64(len(a.Body)),
		Request:       r,
	}, nil
}

// broken is the rest of a body whose connection is gone.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// ServeHTTP answers r. It implements [http.Handler].
func (ws *Workspace) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		return // the client is gone
	}
	a := ws.serve(r.Context(), r, body)
	defer ws.landed()
	if a.Err != nil {
		panic(http.ErrAbortHandler)
	}
	maps.Copy(w.Header(), a.Header)
	w.Header().Set("Content-Length", strconv.Itoa(len(a.Body)))
	w.WriteHeader(a.Status)
	if a.Cut {
		// What comes after a client has gone is of no interest to it.
		_, _ = w.Write(a.Body[:len(a.Body)/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	_, _ = w.Write(a.Body)
}

// serve brings a request to its answer, latency included. The caller calls
// landed when it has passed it on.
func (ws *Workspace) serve(ctx context.Context, r *http.Request, body []byte) *Answer {
	n := ws.arrive()
	if hook := ws.hooked(); hook != nil {
		ws.hookMu.Lock()
		hook(n)
		ws.hookMu.Unlock()
	}
	c := &call{
		method:  r.Method,
		path:    r.URL.Path,
		query:   r.URL.Query(),
		body:    body,
		version: r.Header.Get("Intercom-Version"),
		answer:  Answer{Status: http.StatusOK, Header: http.Header{}},
	}
	def(&c.version, ws.cfg.Version)
	c.answer.Header.Set("X-Request-Id", requestID(ws.cfg.Seed, n))
	if r.URL.Hostname() == ForeignHost || strings.HasPrefix(r.URL.Path, "/recordings/") {
		ws.elsewhere(c, r)
		return &c.answer
	}
	ws.respond(c, r)
	a := &c.answer
	if ws.cfg.Gzip && len(a.Body) > 0 && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		a.Body = zip(a.Body)
		a.Header.Set("Content-Encoding", "gzip")
	}
	if err := wait(ctx, ws.cfg.Latency+a.Delay); err != nil {
		a.Err = err
	}
	ws.answered(c)
	ws.depart(a)
	return a
}

// respond fills in the answer: what the service checks first comes first.
func (ws *Workspace) respond(c *call, r *http.Request) {
	a := &c.answer
	token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	switch {
	case !bearer || token == "":
		a.Fail(http.StatusUnauthorized, "unauthorized", "Access Token Invalid")
		return
	case ws.cfg.Token != "" && token != ws.cfg.Token:
		a.Fail(http.StatusUnauthorized, "token_not_found", "Access Token Not Found")
		return
	}
	if ws.refused(a) {
		return
	}
	if over := ws.meter(a); over {
		return
	}
	if !slices.Contains(versions, c.version) {
		a.Fail(http.StatusBadRequest, "intercom_version_invalid", "Requested resource is not available in current API version.")
		return
	}
	a.Header.Set("Intercom-Version", c.version)

	rt, params := ws.routes.find(r.Method, r.URL.EscapedPath())
	ws.note(rt)
	before, after := ws.befall(c, rt)
	switch {
	case rt != nil && rt.op.Kind != intercom.Read && a.stoppedBy(before):
		// It never came as far as to change anything.
	case rt == nil:
		c.notFound("Resource")
	case len(c.body) > 0 && !validObject(c.body):
		a.Fail(http.StatusBadRequest, "bad_request", "The request body is not a JSON object")
	default:
		c.op, c.params = rt.op, params
		rt.handle(ws, c)
	}
	for _, change := range slices.Concat(before, after) {
		change(a)
	}
}

// elsewhere answers for a host that has nothing to do with the workspace, and
// notes a token that should not have come here.
func (ws *Workspace) elsewhere(c *call, r *http.Request) {
	if r.Header.Get("Authorization") != "" {
		ws.mu.Lock()
		ws.stats.Leaks++
		ws.mu.Unlock()
	}
	if !strings.HasPrefix(r.URL.Path, "/recordings/") {
		c.answer.Status = http.StatusNotFound
		c.answer.content("text/html", []byte("<html><body>There is nothing here.</body></html>"))
		return
	}
	c.answer.content("audio/mpeg", []byte("ID3\x04\x00recording of "+strings.TrimPrefix(r.URL.Path, "/recordings/")))
}

// wait waits for d or for the end of ctx.
func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func zip(b []byte) []byte {
	var out bytes.Buffer
	z, _ := gzip.NewWriterLevel(&out, gzip.BestSpeed) // the level is a valid one
	_, _ = z.Write(b)                                 // a buffer takes everything
	_ = z.Close()
	return out.Bytes()
}

// requestID returns what the nth request is called in a support ticket.
func requestID(seed uint64, n int) string {
	a, b := hash(seed, uint64(n), 'r'), hash(seed, uint64(n), 'q')
	return fmt.Sprintf("%08x-%04x-4%03x-a%03x-%012x", a>>32, a>>16&0xffff, a&0xfff, b>>52, b&0xffffffffffff)
}
