package mock

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// A Request is one that was received.
type Request struct {
	At     time.Time
	Method string
	Path   string
	Query  string
	Body   string
	Status int // of the answer, 0 while there is none
	Fault  Fault
}

// Requests are all that were received so far.
func (ws *Workspace) Requests() []Request {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	return slices.Clone(ws.requests)
}

// Forget forgets what was received.
func (ws *Workspace) Forget() {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	ws.requests = nil
}

// A handler makes the value that is encoded into an answer; ws.mu is held.
type handler func(*http.Request) (any, error)

// A failure is an answer that is an error list.
type failure struct {
	status        int
	code, message string
}

func (f *failure) Error() string { return f.code + ": " + f.message }

func bad(code, message string) error { return &failure{http.StatusBadRequest, code, message} }

func (ws *Workspace) routes() {
	ws.mux = http.NewServeMux()
	on := func(pattern string, h handler) { ws.mux.Handle(pattern, endpoint{ws, h}) }
	on("GET /me", ws.me)
	on("POST /contacts/search", ws.search("contacts", "data", 50))
	on("POST /conversations/search", ws.search("conversations", "conversations", 20))
	on("POST /tickets/search", ws.search("tickets", "tickets", 20))
	on("GET /contacts", ws.byCursor("contacts", "data", size{10, 150}, ""))
	on("GET /contacts/{id}", ws.one("contacts"))
	on("GET /contacts/{id}/tags", ws.whole("tags", "data"))
	on("GET /contacts/{id}/notes", ws.notes)
	on("GET /conversations", ws.byCursor("conversations", "conversations", size{20, 150}, ""))
	on("GET /conversations/{id}", ws.one("conversations"))
	on("GET /tickets/{id}", ws.one("tickets"))
	on("POST /companies/list", ws.companiesList)
	on("GET /companies/scroll", ws.companiesScroll)
	on("GET /articles", ws.byNumber("articles", "data", size{25, 150}, true))
	on("GET /help_center/collections", ws.byNumber("collections", "data", size{20, 150}, false))
	on("GET /macros", ws.byCursor("macros", "data", size{50, 150}, "updated_since"))
	on("GET /admins/activity_logs", ws.activityLogs)
	on("GET /data_connectors/{id}/execution_results", ws.executions)
	on("GET /tags", ws.whole("tags", "data"))
	on("GET /segments", ws.whole("segments", "segments"))
	on("GET /admins", ws.whole("admins", "admins"))
	on("GET /teams", ws.whole("teams", "teams"))
	ws.writeRoutes(on)
	on("/", func(*http.Request) (any, error) {
		return nil, &failure{http.StatusNotFound, "not_found", "The requested resource could not be found"}
	})
}

func (ws *Workspace) me(*http.Request) (any, error) {
	return map[string]any{
		"type": "admin", "id": "814860", "email": "owner@example.org",
		"app": map[string]any{
			"type": "app", "id_code": ws.ID, "region": ws.Region, "timezone": ws.Zone.String(),
			"created_at": time.Now().AddDate(-3, 0, 0).Unix(),
		},
	}, nil
}

// ServeHTTP implements http.Handler.
func (ws *Workspace) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ws.flying.Add(1)
	defer ws.flying.Add(-1)
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client has gone
	}
	r.Body = io.NopCloser(bytes.NewReader(body))

	ws.mu.Lock()
	n := len(ws.requests)
	fault := None
	if ws.Fault != nil {
		fault = ws.Fault(n+1, r)
	}
	ws.requests = append(ws.requests, Request{
		At: time.Now(), Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery, Body: string(body), Fault: fault,
	})
	answer := &response{status: http.StatusTooManyRequests, header: http.Header{}}
	if fault.kind() != Limited && !fault.early() {
		ws.fault = fault
		answer = ws.answer(r, body)
	}
	if n < len(ws.requests) {
		ws.requests[n].Status = answer.status
	}
	ws.mu.Unlock()

	wait(ws.Latency)
	if fault.kind() == Limited {
		answer.header.Set("X-RateLimit-Reset", fmt.Sprint(time.Now().Unix()+1))
	}
	if !fault.inject(w, answer) {
		answer.write(w)
	}
}

// answer makes the right answer; ws.mu is held.
func (ws *Workspace) answer(r *http.Request, body []byte) *response {
	answer := &response{status: http.StatusOK, header: http.Header{}}
	switch {
	case r.Header.Get("Authorization") != "Bearer "+ws.Token:
		answer.fail(&failure{http.StatusUnauthorized, "unauthorized", "Access Token Invalid"})
		return answer
	case ws.meter(answer.header, time.Now()):
		answer.fail(&failure{http.StatusTooManyRequests, "rate_limit_exceeded", fmt.Sprintf("Exceeded rate limit of %d in 10_seconds", ws.Limit)})
		return answer
	}
	switch {
	case r.Header.Get("Intercom-Version") != Version:
		answer.fail(bad("intercom_version_invalid", "Requested resource is not available in current API version."))
	case !strings.Contains(r.Header.Get("Accept"), "json"):
		answer.fail(&failure{http.StatusNotAcceptable, "bad_request", "Accept has to be application/json"})
	case r.Method == http.MethodGet && len(body) > 0:
		answer.fail(bad("bad_request", "a GET has no body"))
	case ws.Denied[r.Method+" "+r.URL.Path]:
		answer.fail(&failure{http.StatusForbidden, "forbidden", "Your app is not authorized to do this"})
	default:
		ws.mux.ServeHTTP(answer, r)
	}
	return answer
}

// An endpoint answers with what its handler makes.
type endpoint struct {
	ws     *Workspace
	handle handler
}

func (e endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer, ours := w.(*response)
	if !ours {
		return
	}
	value, err := e.handle(r)
	if err != nil {
		answer.fail(err)
		return
	}
	if _, is := value.(accepted); is {
		answer.status = http.StatusAccepted
		return
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(value); err != nil {
		answer.fail(err)
		return
	}
	answer.body = bytes.TrimSpace(b.Bytes())
}

// A response is an answer before it is sent, so that a fault can change it.
type response struct {
	status int
	header http.Header
	body   []byte
}

// Header implements http.ResponseWriter.
func (a *response) Header() http.Header { return a.header }

// WriteHeader implements http.ResponseWriter.
func (a *response) WriteHeader(status int) { a.status = status }

// Write implements http.ResponseWriter.
func (a *response) Write(b []byte) (int, error) {
	a.body = append(a.body, b...)
	return len(b), nil
}

// fail makes the answer an error list.
func (a *response) fail(err error) {
	f := &failure{http.StatusInternalServerError, "server_error", "bug in the mock"}
	_ = errors.As(err, &f)
	a.status = f.status
	list, err := json.Marshal(map[string]any{
		"type": "error.list", "request_id": "b68959tbvd0iasjtqjf0",
		"errors": []any{map[string]any{"code": f.code, "message": f.message}},
	})
	if err != nil {
		panic(err) // three texts
	}
	a.body = list
}

func (a *response) copyHeader(w http.ResponseWriter) {
	maps.Copy(w.Header(), a.header)
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Intercom-Version", Version)
}

func (a *response) write(w http.ResponseWriter) {
	a.copyHeader(w)
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body)
}

// writeHalf promises the whole body and sends half of it.
func (a *response) writeHalf(w http.ResponseWriter) {
	a.copyHeader(w)
	w.Header().Set("Content-Length", fmt.Sprint(len(a.body)+1))
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body[:len(a.body)/2])
	if f, ok := w.(http.Flusher); ok {
		f.Flush()
	}
	panic(http.ErrAbortHandler)
}
