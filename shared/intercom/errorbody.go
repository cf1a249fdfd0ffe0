package intercom

import (
	"bytes"
	"encoding/json"
	"net/http"
	"time"
)

// maxErrorBody is how much of an error's body is read. Intercom's take a few
// hundred bytes.
const maxErrorBody = 64 << 10

// newAPIError reads an answer outside 2xx. The secrets, such as the token, are
// removed from whatever the server sends back.
func newAPIError(op *Operation, status int, h http.Header, body []byte, secrets ...string) *APIError {
	e := &APIError{Method: op.Method, Path: op.Path, Status: status, RequestID: requestID(h, secrets...)}
	told := parseRateHeaders(h)
	e.RetryAfter = max(told.retryAfter, 0)
	if told.reset != 0 {
		e.Reset = time.Unix(told.reset, 0).UTC()
	}
	page := isPage(mediaType(h), body)
	if !page {
		// Gateways answer with HTML: a body that is not an error list adds nothing.
		e.readList(body, secrets)
	}
	if status == http.StatusForbidden {
		e.Firewall = page && !fromIntercom(h)
		e.Allowlist = allowlistPattern().MatchString(e.Message)
		if !e.Allowlist {
			e.Permission = op.Permission
		}
	}
	if status == http.StatusGone && e.Code == "contact_merged" {
		e.canonical = canonicalLink(h)
	}
	return e
}

// allowlistPattern recognises "Your IP address is not on the allowlist for API
// access", which Intercom says about any request once the token is found to be
// valid; a code of its own is not documented
// (https://www.intercom.com/help/en/articles/13941009-restrict-rest-api-access-by-ip-allowlist).
var allowlistPattern = lazily(`(?i)\bIP\b.*\b(allow|white)[ -]?list`)

// readList takes what is safe to show from the first error of an error list.
// Every part is optional, and a part of another type than documented is
// skipped: an error must never hide behind the next one.
func (e *APIError) readList(body []byte, secrets []string) {
	var list struct {
		RequestID json.RawMessage `json:"request_id"`
		Errors    []struct {
			Code    json.RawMessage `json:"code"`
			Message json.RawMessage `json:"message"`
			Field   json.RawMessage `json:"field"`
		} `json:"errors"`
	}
	if json.Unmarshal(body, &list) != nil {
		return
	}
	text := func(raw json.RawMessage) string {
		var s string
		if json.Unmarshal(raw, &s) != nil {
			return ""
		}
		return hide(s, secrets)
	}
	if id := safeWord(text(list.RequestID)); id != "" {
		e.RequestID = id
	}
	if len(list.Errors) > 0 {
		first := list.Errors[0]
		e.Code = safeWord(text(first.Code))
		e.Message = safeMessage(text(first.Message))
		e.Field = safeField(text(first.Field))
	}
}

// requestID is Intercom's name of a request.
func requestID(h http.Header, secrets ...string) string {
	id := h.Get("X-Request-Id")
	if hide(id, secrets) != id {
		return ""
	}
	return safeWord(id)
}

// fromIntercom recognises an answer that Intercom's API has made: its own
// headers are missing from what load balancers and firewalls answer.
func fromIntercom(h http.Header) bool {
	for _, name := range [...]string{"Intercom-Version", "X-Request-Id", "X-Ratelimit-Limit", "X-Intercom-Version"} {
		if h.Get(name) != "" {
			return true
		}
	}
	return false
}

// isPage recognises HTML by its type, or by its first byte where no type is
// told.
func isPage(mediaType string, body []byte) bool {
	switch mediaType {
	case "text/html", "application/xhtml+xml":
		return true
	case "":
		return bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("<"))
	default:
		return false
	}
}
