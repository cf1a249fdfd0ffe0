package intercom

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// A Wire is a request as it goes over the network, with the token hidden.
type Wire struct {
	Method string
	URL    string
	Header http.Header // Authorization is "Bearer ***"
	Body   []byte      // nil for none
}

// A ParamError is a path parameter without a usable value. Its text does not
// show the value.
type ParamError struct {
	Method, Path string // Path as documented
	Name         string // of the parameter
	Reason       string // missing, empty, not a name of anything, unknown
}

// Error names the request, the parameter and the reason.
func (e *ParamError) Error() string {
	return fmt.Sprintf("intercom: %s %s: path parameter %s is %s", e.Method, e.Path, e.Name, e.Reason)
}

// A PayloadError is a payload that the operation cannot take.
type PayloadError struct {
	Method, Path string // Path as documented
	Reason       string
}

// Error names the request and the reason.
func (e *PayloadError) Error() string {
	return fmt.Sprintf("intercom: %s %s: the payload %s", e.Method, e.Path, e.Reason)
}

var errNoOperation = errors.New("intercom: the request names no operation")

// Wire returns what Send would send: the same builder makes both. The error is
// a [*ParamError] or a [*PayloadError].
func (c *Client) Wire(req *Request) (Wire, error) {
	if req == nil || req.Operation == nil {
		return Wire{}, errNoOperation
	}
	op := req.Operation
	path, err := fillPath(op, req.Path)
	if err != nil {
		return Wire{}, err
	}
	if err := checkPayload(op, req.Payload); err != nil {
		return Wire{}, err
	}
	w := Wire{Method: op.Method, URL: c.base + path, Header: c.header(op), Body: req.Payload}
	if len(req.Query) > 0 {
		w.URL += "?" + req.Query.Encode()
	}
	if len(w.Body) == 0 {
		w.Body = nil
	} else {
		w.Header.Set("Content-Type", "application/json")
	}
	return w, nil
}

// header is what every request of op carries. Without a version, the one that
// the app is set to would decide what the answer looks like.
func (c *Client) header(op *Operation) http.Header {
	accept := "application/json"
	switch op.Answer {
	case Binary:
		accept = "application/octet-stream"
	case Text:
		accept = "text/plain"
	case JSON, Empty:
	}
	return http.Header{
		"Authorization":    {"Bearer " + masked},
		"Intercom-Version": {c.cfg.Version},
		"Accept":           {accept},
		"User-Agent":       {c.cfg.UserAgent},
	}
}

// fillPath puts the escaped values into the operation's path. A value is always
// exactly one segment: what is empty or would climb is refused.
func fillPath(op *Operation, values map[string]string) (string, error) {
	fail := func(name, reason string) error {
		return &ParamError{Method: op.Method, Path: op.Path, Name: name, Reason: reason}
	}
	var out strings.Builder
	filled := make([]string, 0, 4)
	rest := op.Path
	for {
		before, after, found := strings.Cut(rest, "{")
		out.WriteString(before)
		if !found {
			break
		}
		name, tail, closed := strings.Cut(after, "}")
		if !closed {
			return "", fail(after, "not closed in the catalog")
		}
		value, given := values[name]
		switch {
		case !given:
			return "", fail(name, "missing")
		case strings.TrimSpace(value) == "":
			return "", fail(name, "empty")
		case value == "." || value == "..":
			return "", fail(name, "not a name of anything")
		}
		out.WriteString(url.PathEscape(value))
		filled = append(filled, name)
		rest = tail
	}
	unknown := ""
	for name := range values {
		if !slices.Contains(filled, name) && (unknown == "" || name < unknown) {
			unknown = name
		}
	}
	if len(values) > len(filled) || unknown != "" {
		return "", fail(unknown, "unknown")
	}
	return out.String(), nil
}

func checkPayload(op *Operation, payload json.RawMessage) error {
	fail := func(reason string) error {
		return &PayloadError{Method: op.Method, Path: op.Path, Reason: reason}
	}
	body := bytes.TrimLeft(payload, " \t\r\n")
	switch {
	case len(body) == 0 && op.Body == RequiredBody:
		return fail("is missing")
	case len(body) == 0 && len(payload) > 0:
		return fail("is blank")
	case len(body) == 0:
		return nil
	case op.Body == NoBody:
		return fail("must be left out: the operation takes none")
	case body[0] != '{' || !json.Valid(body):
		return fail("is not a JSON object")
	}
	return nil
}
