package intercomtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// An Effect is what a [Fault] does to an answer. Effects compose: a slow answer
// can also be cut.
type Effect func(*Answer)

// ErrReset is how a connection ends that [Reset] breaks, seen by RoundTrip.
var ErrReset = errors.New("intercomtest: connection reset by peer")

// Status answers with an error list: any status, code and message.
func Status(status int, code, message string) Effect {
	return func(a *Answer) { a.Fail(status, code, message) }
}

// ServerError answers with a 500 and an error list.
func ServerError() Effect { return Status(500, "server_error", "Server Error") }

// NotFound answers with a 404, as for a record deleted since it was listed.
func NotFound() Effect { return Status(404, "not_found", "Resource Not Found") }

// Forbidden answers with a 403, as where the app lacks a permission.
func Forbidden() Effect {
	return Status(403, "forbidden", "You do not have permission to perform this action")
}

// PlanRestricted answers with a 403, as where the workspace has not paid for it.
func PlanRestricted() Effect {
	return Status(403, "api_plan_restricted", "Active subscription needed")
}

// OffAllowlist answers with a 403, as where the workspace takes requests from
// other addresses only.
func OffAllowlist() Effect {
	return Status(403, "forbidden", "Your IP address is not on the allowlist for API access")
}

// Revoked answers with a 401, as where the app was uninstalled.
func Revoked() Effect { return Status(401, "token_revoked", "Access Token Revoked") }

// HTML answers with a page of a gateway, which knows nothing of error lists and
// adds none of the API's headers.
func HTML(status int) Effect {
	return func(a *Answer) {
		a.Status = status
		a.Header = http.Header{}
		text := strconv.Itoa(status) + " " + http.StatusText(status)
		a.content("text/html", []byte("<html>\r\n<head><title>"+text+"</title></head>\r\n<body><h1>"+text+"</h1></body>\r\n</html>\r\n"))
	}
}

// Empty answers 200 with an empty body.
func Empty() Effect {
	return func(a *Answer) { a.Status, a.Body = http.StatusOK, nil }
}

// Slow delays the answer by d, in addition to the workspace's latency.
func Slow(d time.Duration) Effect {
	return func(a *Answer) { a.Delay += d }
}

// Cut ends the connection in the middle of the body.
func Cut() Effect {
	return func(a *Answer) { a.Cut = true }
}

// NoAnswer leaves a request without an answer until the client gives up. A write
// has happened.
func NoAnswer() Effect { return Slow(365 * 24 * time.Hour) }

// Reset ends the connection before the answer.
func Reset() Effect {
	return func(a *Answer) { a.Err = ErrReset }
}

// Refused lets no connection come about, so that the client knows that its
// request was not sent. A server can only break the connection, as [Reset] does.
func Refused() Effect {
	return func(a *Answer) { a.Err = &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED} }
}

// Locked answers with a 423, as where the workspace is locked.
func Locked() Effect { return Status(423, "forbidden", "The workspace is locked") }

// Unpaid answers with a 402, as where the workspace has not been paid for.
func Unpaid() Effect { return Status(402, "api_plan_restricted", "Active subscription needed") }

// WrongTotal adds by to the number of records that a page claims there are.
func WrongTotal(by int) Effect {
	return rewrite(func(page map[string]json.RawMessage) {
		var total int
		if json.Unmarshal(page["total_count"], &total) == nil {
			page["total_count"] = marshal(total + by)
		}
	})
}

// RepeatCursor makes every page name the next one that the first page named, so
// that a client which believes it reads the second page for ever.
func RepeatCursor() Effect {
	var mu sync.Mutex
	var first json.RawMessage
	return rewriteNext(func(next json.RawMessage) any {
		mu.Lock()
		defer mu.Unlock()
		if first == nil {
			first = next
		}
		return first
	})
}

// ForeignNext turns the URL of a next page to [ForeignHost]. Pages that do not
// announce the next one by a URL get one.
func ForeignNext() Effect {
	return rewriteNext(func(old json.RawMessage) any {
		var url string
		if json.Unmarshal(old, &url) != nil {
			return "https://" + ForeignHost + "/?page=2"
		}
		if _, rest, ok := strings.Cut(url, "://"); ok {
			if i := strings.IndexByte(rest, '/'); i >= 0 {
				return "https://" + ForeignHost + rest[i:]
			}
		}
		return url
	})
}

// rewriteNext changes what a page that has a next one says about it.
func rewriteNext(change func(json.RawMessage) any) Effect {
	return rewrite(func(page map[string]json.RawMessage) {
		var pages map[string]json.RawMessage
		if json.Unmarshal(page["pages"], &pages) != nil {
			return
		}
		next := pages["next"]
		if len(next) == 0 || string(next) == "null" {
			return
		}
		pages["next"] = marshal(change(next))
		page["pages"] = marshal(pages)
	})
}

// rewrite changes the top level of a successful JSON answer. The records stay
// byte for byte what they were.
func rewrite(change func(map[string]json.RawMessage)) Effect {
	return func(a *Answer) {
		var page map[string]json.RawMessage
		if a.Status != http.StatusOK || json.Unmarshal(a.Body, &page) != nil {
			return
		}
		change(page)
		a.Body = marshal(page)
	}
}

// marshal is json.Marshal for what always has a JSON form, with < as it is.
func marshal(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
