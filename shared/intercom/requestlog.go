package intercom

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
)

// Bounds of the request log, in bytes.
const (
	maxLogged = 16 << 10 // of a masked body
	maxParsed = 1 << 20  // of a body that is masked at all
)

// loggedHeaders are the headers of an answer that are logged: those that say
// something about the API and nothing about its data.
var loggedHeaders = [...]string{
	"Content-Length", "Content-Type", "Date", "Intercom-Version", "Retry-After", "X-Request-Id",
	"X-Ratelimit-Limit", "X-Ratelimit-Remaining", "X-Ratelimit-Reset",
}

// logHop writes the request log. The path is the documented one and of the
// query only what is safe is shown.
func (c *Client) logHop(ctx context.Context, h *hop, a *answer, err error) {
	if c.cfg.LogMode == LogOff || !c.cfg.Log.Enabled(ctx, slog.LevelInfo) {
		return
	}
	hide := func(s string) string { return hide(s, []string{h.token}) }
	attrs := []slog.Attr{
		slog.String("client", c.cfg.Name),
		slog.String("method", h.method),
		slog.String("path", h.op.Path),
		slog.String("host", h.url.Host),
		slog.String("query", hide(maskQuery(h.url.RawQuery))),
		slog.Int("status", a.status),
		slog.Int("bytes", len(a.body)),
		slog.Duration("took", a.took),
		slog.String("request_id", hide(a.requestID)),
		slog.Any("headers", h.loggedHeader()),
		slog.Any("answer_headers", answerHeader(a.header, hide)),
	}
	if c.cfg.LogMode == LogBodies {
		attrs = append(attrs, slog.String("payload", hide(maskBody(h.body))), slog.String("answer", hide(maskBody(a.body))))
	}
	if err != nil && !errors.Is(err, errMoved) {
		attrs = append(attrs, slog.String("err", hide(err.Error())))
	}
	c.cfg.Log.LogAttrs(ctx, slog.LevelInfo, "request", append(attrs, LogAttrs(ctx)...)...)
}

// loggedHeader is the header of the request, which holds "***" for the token.
func (h *hop) loggedHeader() slog.Value {
	attrs := make([]slog.Attr, 0, 4)
	for _, name := range [...]string{"Authorization", "Intercom-Version", "Accept", "Content-Type"} {
		if v := h.header.Get(name); v != "" {
			attrs = append(attrs, slog.String(logKey(name), v))
		}
	}
	return slog.GroupValue(attrs...)
}

func answerHeader(h http.Header, hide func(string) string) slog.Value {
	attrs := make([]slog.Attr, 0, len(loggedHeaders))
	for _, name := range loggedHeaders {
		if v := h.Get(name); v != "" {
			attrs = append(attrs, slog.String(logKey(name), hide(cut(oneLine(v), maxWord))))
		}
	}
	return slog.GroupValue(attrs...)
}

func logKey(header string) string {
	return strings.ReplaceAll(strings.ToLower(header), "-", "_")
}

// maskQuery keeps the keys of a query, and the values that maskValue keeps.
func maskQuery(raw string) string {
	query, err := url.ParseQuery(raw)
	if err != nil {
		return masked
	}
	for key, values := range query {
		for i, v := range values {
			if !isNumberKey(key) || !numberPattern().MatchString(v) {
				values[i] = maskValue(key, v)
			}
		}
	}
	return unescapeMasks(query.Encode())
}

func unescapeMasks(encoded string) string { return strings.ReplaceAll(encoded, "%2A%2A%2A", masked) }

func isNumberKey(key string) bool {
	switch key {
	case "page", "per_page", "limit":
		return true
	default:
		return false
	}
}

var (
	valuePattern  = lazily(`^[A-Za-z0-9_.:+\-]{1,48}$`)
	numberPattern = lazily(`^[0-9]{1,10}$`)
)

// maskValue keeps ids, types, states and times, told by their key, as long as
// they look like one: an id that a company gives its users may be an address.
func maskValue(key, value string) string {
	if value == "" || keepsValue(key) && valuePattern().MatchString(value) {
		return value
	}
	return masked
}

// isSecretKey recognises what is a secret even where it is a number.
func isSecretKey(key string) bool {
	switch key {
	case "token", "access_token", "refresh_token", "code", "client_secret", "secret", "password":
		return true
	default:
		return false
	}
}

func keepsValue(key string) bool {
	switch key {
	case "id", "ids", "type", "state", "status":
		return true
	}
	for _, suffix := range [...]string{"_id", "_ids", "_type", "_state", "_status", "_at"} {
		if strings.HasSuffix(key, suffix) {
			return true
		}
	}
	return false
}

// maskBody returns a JSON body with its keys, numbers, truth values and what
// maskValue keeps. Anything else than JSON is only measured.
func maskBody(body []byte) string {
	body = bytes.TrimSpace(body)
	if len(body) == 0 {
		return ""
	}
	if len(body) > maxParsed || !json.Valid(body) {
		return masked
	}
	m := masker{dec: json.NewDecoder(bytes.NewReader(body))}
	m.dec.UseNumber()
	m.value("")
	return cut(m.out.String(), maxLogged)
}

// A masker copies JSON, token by token, from a decoder that has been found to
// be valid.
type masker struct {
	dec *json.Decoder
	out strings.Builder
}

// value copies one value that belongs to key. It stops early once there is
// more than will be shown.
func (m *masker) value(key string) {
	token, err := m.dec.Token()
	if err != nil {
		return
	}
	switch v := token.(type) {
	case json.Delim:
		m.container(key, v)
	case string:
		m.text(maskValue(key, v))
	case json.Number:
		if isSecretKey(key) {
			m.text(masked)
			return
		}
		m.out.WriteString(v.String())
	case bool:
		m.out.WriteString(map[bool]string{true: "true", false: "false"}[v])
	case nil:
		m.out.WriteString("null")
	}
}

// container copies an array, whose elements belong to the array's key, or an
// object.
func (m *masker) container(key string, open json.Delim) {
	m.out.WriteString(open.String())
	for first := true; m.dec.More() && m.out.Len() <= maxLogged; first = false {
		if !first {
			m.out.WriteByte(',')
		}
		if open == '{' {
			token, err := m.dec.Token()
			if err != nil {
				return
			}
			key, _ = token.(string)
			m.text(maskPatterns(key))
			m.out.WriteByte(':')
		}
		m.value(key)
	}
	if end, err := m.dec.Token(); err == nil {
		if end, ok := end.(json.Delim); ok {
			m.out.WriteString(end.String())
		}
	}
}

func (m *masker) text(s string) {
	quoted, err := json.Marshal(s)
	if err != nil {
		quoted = []byte(`"` + masked + `"`)
	}
	m.out.Write(quoted)
}
