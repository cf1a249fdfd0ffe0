package intercom

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// What callers branch on, by errors.Is.
var (
	ErrUnauthorized = errors.New("intercom: the token is not accepted")                 // 401
	ErrLocked       = errors.New("intercom: the workspace is locked or unpaid")         // 402, 423
	ErrForbidden    = errors.New("intercom: not permitted")                             // 403
	ErrPlan         = errors.New("intercom: not part of the workspace's plan")          // 403 api_plan_restricted
	ErrFirewall     = errors.New("intercom: refused on the way, not by Intercom's API") // 403 with a page of HTML
	ErrAllowlist    = errors.New("intercom: not from this address")                     // 403 of the workspace's IP allowlist
	ErrNotFound     = errors.New("intercom: no such object")                            // 404
	ErrConflict     = errors.New("intercom: conflicts with what is there")              // 409
	ErrGone         = errors.New("intercom: gone for good")                             // 410
	ErrRateLimited  = errors.New("intercom: too many requests")                         // 429

	// ErrEmptyBody is a 200 without content where a read should have some. It
	// has been seen live, and is gone when asked again.
	ErrEmptyBody = errors.New("the answer is empty")
	// ErrNotJSON is a success that is a page for a browser: something between
	// here and Intercom has answered.
	ErrNotJSON = errors.New("the answer is not JSON")
	// ErrTimeout is an answer that was not complete in time. The context's own
	// deadline is context.DeadlineExceeded instead.
	ErrTimeout = errors.New("no complete answer in time")
)

// An APIError is an answer outside 2xx. It carries what a support ticket needs
// and nothing of the request's or the answer's own data
// (https://developers.intercom.com/docs/references/rest-api/errors/error-codes).
type APIError struct {
	Method, Path string // Path as documented, without the values of its parameters
	Status       int
	Code         string        // of the first error: parameter_invalid; "" where none was told
	Message      string        // of the first error, with everything that may be data as ***
	Field        string        // that the first error is about, mostly ""
	RequestID    string        // Intercom's, for a support ticket
	RetryAfter   time.Duration // how long to stay away, 0 where none was told
	Reset        time.Time     // end of the window of the rate limit by the server's clock, zero where none was told
	Permission   string        // that the operation needs, as the Developer Hub calls it: only for a 403, "" where unknown
	Firewall     bool          // a 403 that does not come from Intercom's API
	Allowlist    bool          // a 403 because the workspace's IP allowlist does not have our address
	TokenVersion string        // of the token that the request was sent with, "" where the source knows none

	canonical string // where a merged contact went
}

// Error is one line: method, path, status, code, message and request id.
func (e *APIError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "intercom: %s %s: %d", e.Method, e.Path, e.Status)
	if text := http.StatusText(e.Status); text != "" {
		b.WriteString(" " + text)
	}
	for _, part := range []string{e.Code, e.Message} {
		if part != "" {
			b.WriteString(": " + part)
		}
	}
	if e.Field != "" {
		b.WriteString(" (field " + e.Field + ")")
	}
	switch {
	case e.Firewall:
		b.WriteString(": refused by a firewall or a proxy on the way, not by Intercom's API")
	case e.Permission != "" && e.Code != codePlan:
		b.WriteString(": needs the permission " + strconv.Quote(e.Permission))
	}
	if e.RequestID != "" {
		b.WriteString(" [request " + e.RequestID + "]")
	}
	return b.String()
}

const codePlan = "api_plan_restricted"

// Is maps status and code to the sentinel errors.
func (e *APIError) Is(target error) bool {
	switch target {
	case ErrUnauthorized:
		return e.Status == http.StatusUnauthorized
	case ErrLocked:
		return e.Status == http.StatusPaymentRequired || e.Status == http.StatusLocked
	case ErrForbidden:
		return e.Status == http.StatusForbidden && !e.Firewall && !e.Allowlist
	case ErrPlan:
		return e.Code == codePlan
	case ErrFirewall:
		return e.Firewall
	case ErrAllowlist:
		return e.Allowlist
	case ErrNotFound:
		return e.Status == http.StatusNotFound
	case ErrConflict:
		return e.Status == http.StatusConflict
	case ErrGone:
		return e.Status == http.StatusGone
	case ErrRateLimited:
		return e.Status == http.StatusTooManyRequests
	default:
		return false
	}
}

// A RateLimitError is a 429. Do returns it when there is no time to wait.
type RateLimitError struct {
	*APIError

	// RetryAfter is how long the Governor sends nothing, jitter included. It is
	// 0 for a limit on jobs, which only the end of a job lifts.
	RetryAfter time.Duration
}

// Error adds the wait to the APIError.
func (e *RateLimitError) Error() string {
	if e.RetryAfter <= 0 {
		return e.APIError.Error()
	}
	return fmt.Sprintf("%s: open again in %v", e.APIError.Error(), e.RetryAfter.Round(100*time.Millisecond))
}

// Unwrap returns the APIError.
func (e *RateLimitError) Unwrap() error { return e.APIError }

// A TransportError is a request without a complete answer.
type TransportError struct {
	Method, Path string // Path as documented
	Sent         bool   // the request may have reached the server
	Err          error

	text string // of Err, without what must not be shown
}

// Error names the request and the cause, without URL, query or token.
func (e *TransportError) Error() string {
	text := e.text
	if text == "" {
		text = e.Err.Error()
	}
	return fmt.Sprintf("intercom: %s %s: %s", e.Method, e.Path, text)
}

// Unwrap returns the cause.
func (e *TransportError) Unwrap() error { return e.Err }

// Timeout reports whether the server was too slow.
func (e *TransportError) Timeout() bool { return errors.Is(e.Err, ErrTimeout) }

// An AnswerError is a success that cannot be one: [ErrEmptyBody] or [ErrNotJSON].
type AnswerError struct {
	Method, Path string // Path as documented
	Status       int
	RequestID    string
	Err          error
}

// Error names the request and what is wrong with its answer.
func (e *AnswerError) Error() string {
	s := fmt.Sprintf("intercom: %s %s: %d: %v", e.Method, e.Path, e.Status, e.Err)
	if e.RequestID != "" {
		s += " [request " + e.RequestID + "]"
	}
	return s
}

// Unwrap returns the sentinel.
func (e *AnswerError) Unwrap() error { return e.Err }

// A BodyTooLargeError is an answer of more than Config.MaxBody bytes. A smaller
// page may fit.
type BodyTooLargeError struct {
	Method, Path string // Path as documented
	Max          int64
}

// Error names the request and the bound.
func (e *BodyTooLargeError) Error() string {
	return fmt.Sprintf("intercom: %s %s: the answer is larger than %d bytes", e.Method, e.Path, e.Max)
}

// Temporary reports whether the same request may succeed later: after a 408,
// 429 or 5xx, a lost connection, a timeout, an empty or garbled answer. It is
// false for the end of the caller's own context, and for a server whose
// certificate cannot be verified. Whether a request may be repeated at all is
// another question: see TransportError.Sent.
func Temporary(err error) bool {
	if err == nil || callerStopped(err) {
		return false
	}
	if api, ok := errors.AsType[*APIError](err); ok {
		return api.Status == http.StatusRequestTimeout || api.Status == http.StatusTooManyRequests ||
			api.Status >= 500 && api.Status != http.StatusNotImplemented
	}
	if lost, ok := errors.AsType[*TransportError](err); ok {
		return !untrusted(lost.Err)
	}
	if errors.Is(err, ErrEmptyBody) || errors.Is(err, ErrNotJSON) {
		return true
	}
	other, ok := errors.AsType[interface {
		error
		Temporary() bool
	}](err)
	return ok && other.Temporary()
}

// Shrink reports whether a smaller page may succeed where this one failed:
// after a 408 or 5xx, a timeout, or an answer that was too large. Intercom's
// search is slow enough for big pages to fail and small ones to pass.
func Shrink(err error) bool {
	if err == nil || callerStopped(err) {
		return false
	}
	if api, ok := errors.AsType[*APIError](err); ok {
		return api.Status == http.StatusRequestTimeout || api.Status >= 500 && api.Status != http.StatusNotImplemented
	}
	_, large := errors.AsType[*BodyTooLargeError](err)
	return large || isTimeout(err)
}
