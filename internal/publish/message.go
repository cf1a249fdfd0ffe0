package publish

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"intercom-connector/internal/transform"
	"intercom-connector/shared/intercom"
)

// MaxMessage is the largest message in bytes, before and after its transform.
const MaxMessage = 1 << 20

// maxID is the longest id and group in bytes.
const maxID = 1024

// A message is a delivery that has been read.
type message struct {
	id, group string
	path      map[string]string
	query     url.Values
	payload   json.RawMessage // nil for none
	digest    string          // of the request, whatever way it was written
	problem   string          // why it can never be sent, "" for one that can
}

// An invalid message is dead: the text says why, without any of its values.
type invalid string

func (e invalid) Error() string { return string(e) }

func invalidf(format string, args ...any) error { return invalid(fmt.Sprintf(format, args...)) }

// read makes a message of a delivery: transform, check, defaults. The only
// error is ctx's; a message that is no good has a problem.
func (p *Publisher) read(ctx context.Context, d Delivery) (*message, error) {
	m := &message{id: d.ID, group: d.Group, problem: d.Problem}
	if m.problem != "" {
		return m, nil
	}
	err := p.parse(ctx, d, m)
	if err == nil {
		return m, nil
	}
	if problem, ok := errors.AsType[invalid](err); ok {
		m.problem = "the message is not valid: " + string(problem)
		return m, nil
	}
	return m, err
}

func (p *Publisher) parse(ctx context.Context, d Delivery, m *message) error {
	if err := checkText(d.Body, "the message"); err != nil {
		return err
	}
	if p.program != nil {
		m.take(nameOf(d.Body)) // the transform's output comes first, if it has them
	}
	body, err := transform.Message(ctx, p.program, d.Body)
	if ctx.Err() != nil {
		return fmt.Errorf("transform the message: %w", ctx.Err())
	}
	if err != nil {
		return invalidf("message_transform: %v", err)
	}
	what := "the message"
	if p.program != nil {
		what = "what message_transform makes of it"
	}
	if err := checkText(body, what); err != nil {
		return err
	}
	var e envelope
	if err := e.decode(body, what); err != nil {
		return err
	}
	m.take(e.ID, e.Group)
	if m.id == "" {
		return invalid("it has no id, and neither has what delivered it")
	}
	return p.fill(m, &e)
}

// checkText refuses what is no JSON text that could be sent.
func checkText(body []byte, what string) error {
	switch {
	case len(body) > MaxMessage:
		return invalidf("%s has %d bytes, %d are the most", what, len(body), MaxMessage)
	case !utf8.Valid(body):
		return invalidf("%s is not UTF-8", what)
	case len(bytes.TrimSpace(body)) == 0:
		return invalidf("%s is empty", what)
	case !json.Valid(body):
		return invalidf("%s is not JSON (%s)", what, whereNot(body))
	}
	return nil
}

// whereNot says where the JSON breaks, without quoting it.
func whereNot(body []byte) string {
	var v any
	err := json.Unmarshal(body, &v)
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return "byte " + strconv.FormatInt(syntax.Offset, 10)
	}
	return "somewhere"
}

// An envelope is what a message says, before the defaults.
type envelope struct {
	ID, Group            *string // nil for none
	path, query, payload map[string]any
}

// decode reads the envelope's keys and refuses all others, so that a misspelt
// one is not quietly left out of the request.
func (e *envelope) decode(body []byte, what string) error {
	var parts map[string]json.RawMessage
	if json.Unmarshal(body, &parts) != nil || parts == nil {
		return invalidf("%s is not a JSON object", what)
	}
	keys := make([]string, 0, len(parts))
	for key := range parts {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		var err error
		switch key {
		case "id":
			e.ID, err = nameText(parts[key], key)
		case "group":
			e.Group, err = nameText(parts[key], key)
		case "path":
			e.path, err = object(parts[key], key)
		case "query":
			e.query, err = object(parts[key], key)
		case "payload":
			e.payload, err = object(parts[key], key)
		default:
			return invalidf("%s has the unknown key %s: id, group, path, query and payload are all there is", what, quoted(key))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// nameOf finds id and group in a message that is still to be transformed. It
// may be anything, so what is no id is not an error.
func nameOf(body []byte) (id, group *string) {
	var parts struct {
		ID    json.RawMessage `json:"id"`
		Group json.RawMessage `json:"group"`
	}
	if json.Unmarshal(body, &parts) != nil {
		return nil, nil
	}
	id, _ = nameText(parts.ID, "id")
	group, _ = nameText(parts.Group, "group")
	return id, group
}

// nameText reads a string or a number as text, nil for none.
func nameText(raw json.RawMessage, key string) (*string, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		var n json.Number
		if raw[0] == '"' || json.Unmarshal(raw, &n) != nil {
			return nil, invalidf("%s is neither a string nor a number", key)
		}
		s = n.String()
	}
	if len(s) > maxID {
		return nil, invalidf("%s has %d bytes, %d are the most", key, len(s), maxID)
	}
	if s == "" {
		return nil, nil
	}
	return &s, nil
}

// take replaces the names that there are.
func (m *message) take(id, group *string) {
	if id != nil {
		m.id = *id
	}
	if group != nil {
		m.group = *group
	}
}

// object reads an object with its numbers as they are written; null is none.
func object(raw json.RawMessage, key string) (map[string]any, error) {
	if string(raw) == "null" {
		return nil, nil
	}
	v, err := decode(raw)
	if err != nil {
		return nil, invalidf("%s cannot be read", key)
	}
	o, ok := v.(map[string]any)
	if !ok {
		return nil, invalidf("%s is not an object", key)
	}
	return o, nil
}

func decode(raw []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	err := d.Decode(&v)
	return v, err
}

// encode writes v with sorted keys and without HTML's escapes, so that equal
// values are equal bytes.
func encode(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// fill puts the message over the configured defaults and checks the request.
func (p *Publisher) fill(m *message, e *envelope) error {
	var err error
	if m.path, err = p.pathOf(e.path); err != nil {
		return err
	}
	if m.query, err = p.queryOf(e.query); err != nil {
		return err
	}
	if m.payload, err = p.payloadOf(e); err != nil {
		return err
	}
	if _, err := p.API.Wire(p.request(m)); err != nil {
		return invalid(strings.TrimPrefix(err.Error(), "intercom: "))
	}
	m.digest, err = digest(p.request(m))
	return err
}

// request is what a message asks for.
func (p *Publisher) request(m *message) *intercom.Request {
	return &intercom.Request{Operation: p.Publisher.Operation, Path: m.path, Query: m.query, Payload: m.payload}
}

// digest tells requests apart, however they are written.
func digest(r *intercom.Request) (string, error) {
	text, err := encode(struct {
		Method  string            `json:"method"`
		Route   string            `json:"route"`
		Path    map[string]string `json:"path"`
		Query   url.Values        `json:"query"`
		Payload json.RawMessage   `json:"payload"`
	}{r.Operation.Method, r.Operation.Path, r.Path, r.Query, r.Payload})
	if err != nil {
		return "", fmt.Errorf("digest the request: %w", err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

// quoted shows a key that a sender has made up, within bounds.
func quoted(key string) string {
	const most = 64
	if len(key) > most {
		key = strings.ToValidUTF8(key[:most], "") + "…"
	}
	return strconv.Quote(key)
}
