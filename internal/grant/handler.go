package grant

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// Bounds of a request, and of the time it takes.
const (
	maxQuery  = 8 << 10 // bytes; what Intercom sends has some hundred
	maxCode   = 4 << 10
	maxHint   = 4 << 10 // of the body of an uninstall
	budget    = 26 * time.Second
	storeTime = 5 * time.Second
)

// ServeHTTP implements http.Handler. What goes wrong is logged here, once.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// A browser that goes away must not take a spent state, or a token that has
	// just been given, with it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), budget)
	defer cancel()
	defer func() {
		if cause := recover(); cause != nil {
			h.fail(ctx, w, r, broken.with(crash(cause)))
		}
	}()
	switch {
	case len(r.URL.RawQuery) > maxQuery:
		h.fail(ctx, w, r, tooLong.with(fmt.Errorf("a query of %d bytes", len(r.URL.RawQuery))))
	case at(r, CallbackPath):
		h.callback(ctx, w, r)
	case at(r, UninstallPath):
		h.uninstall(ctx, w, r)
	default:
		h.pages.problem(w, r, &noPage)
	}
}

// at says whether a request is for a path, below whatever a custom domain has
// put before it.
func at(r *http.Request, path string) bool { return strings.HasSuffix(r.URL.Path, path) }

func (h *Handler) callback(ctx context.Context, w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet:
	case http.MethodHead: // somebody looks whether the address exists; nothing is spent
		h.pages.head(w)
		return
	default:
		w.Header().Set("Allow", "GET, HEAD")
		h.pages.problem(w, r, &wrongMethod)
		return
	}
	q, p := readQuery(r.URL.RawQuery)
	if p != nil {
		h.fail(ctx, w, r, p)
		return
	}
	t, p := h.spend(ctx, q.state)
	if p != nil {
		h.fail(ctx, w, r, p)
		return
	}
	result, p := h.grantOrProblem(ctx, t, q)
	if p != nil {
		p.client = t.Client
		h.tell(ctx, t, Result{Client: t.Client, Problem: p.kind, Message: p.text + " " + p.remedy})
		h.fail(ctx, w, r, p)
		return
	}
	h.cfg.Log.InfoContext(ctx, "access granted", "client", t.Client, "workspace", result.Workspace, "region", result.Region)
	h.tell(ctx, t, result)
	h.pages.success(w, r, result)
}

// grantOrProblem is grant that does not panic: whoever waits for the result
// gets one.
func (h *Handler) grantOrProblem(ctx context.Context, t *ticket, q query) (result Result, p *problem) {
	defer func() {
		if cause := recover(); cause != nil {
			result, p = Result{}, broken.with(crash(cause))
		}
	}()
	return h.grant(ctx, t, q)
}

// tell leaves the result for whoever waits for it.
func (h *Handler) tell(ctx context.Context, t *ticket, result Result) {
	result.Time = time.Now().UTC()
	t.Result = &result
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTime)
	defer cancel()
	if err := t.save(ctx, h.cfg.Store, t.rev); err != nil {
		h.cfg.Log.ErrorContext(ctx, "result not kept", "client", t.Client, "err", err)
	}
}

// fail logs a problem and shows its page.
func (h *Handler) fail(ctx context.Context, w http.ResponseWriter, r *http.Request, p *problem) {
	attrs := []slog.Attr{slog.String("problem", p.kind), slog.Int("status", p.status)}
	if p.client != "" {
		attrs = append(attrs, slog.String("client", p.client))
	}
	if p.err != nil {
		attrs = append(attrs, slog.String("err", p.err.Error()))
	}
	h.cfg.Log.LogAttrs(ctx, p.level(), "access not granted", attrs...)
	h.pages.problem(w, r, p)
}

// A query is what Intercom sends back.
type query struct {
	state string
	code  string // "" where access was refused
	why   string // the error of a refusal, one of those that are known
}

// readQuery takes each parameter once, and no more of the query than it needs.
// Its errors show nothing of it.
func readQuery(raw string) (query, *problem) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return query{}, badQuery.with(errors.New("the query cannot be parsed"))
	}
	for _, key := range []string{"state", "code", "error"} {
		if len(values[key]) > 1 {
			return query{}, badQuery.with(errors.New("more than one " + key))
		}
	}
	q := query{state: values.Get("state"), code: values.Get("code")}
	switch {
	case q.state == "":
		return q, noState.with(errors.New("no state"))
	case values.Has("error"):
		q.code, q.why = "", refusal(values.Get("error"))
	case q.code == "":
		return q, badQuery.with(errors.New("no code"))
	case len(q.code) > maxCode:
		return q, badQuery.with(fmt.Errorf("a code of %d bytes", len(q.code)))
	}
	return q, nil
}

// refusal returns an error of RFC 6749, 4.1.2.1, and of others only that it is
// one.
func refusal(text string) string {
	switch text {
	case "access_denied", "invalid_request", "unauthorized_client", "unsupported_response_type", "invalid_scope",
		"server_error", "temporarily_unavailable":
		return text
	default:
		return "an error of another name"
	}
}

// crash describes what a handler has panicked with: the place, and no data.
func crash(cause any) error {
	what := fmt.Sprintf("%T", cause)
	if err, ok := cause.(runtime.Error); ok {
		what = err.Error()
	}
	return errors.New("panic: " + what + crashSite())
}

// crashSite is the innermost place of a panic that is in this module.
func crashSite() string {
	callers := make([]uintptr, 32)
	frames := runtime.CallersFrames(callers[:runtime.Callers(3, callers)])
	panicked := false
	for {
		frame, more := frames.Next()
		if panicked && !strings.HasPrefix(frame.Function, "runtime.") {
			file := frame.File[strings.LastIndexByte(frame.File, '/')+1:]
			return " at " + file + ":" + strconv.Itoa(frame.Line)
		}
		panicked = panicked || frame.Function == "runtime.gopanic"
		if !more {
			return ""
		}
	}
}
