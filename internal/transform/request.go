package transform

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
)

// A RequestInput is what a subscription's request_transform sees, as
//
//	{path, query, payload, input, run: {now, last, subscription}}
//
// with now and last in unix seconds.
type RequestInput struct {
	// Path has every parameter of the operation's path; a nil value is one that
	// the program has to fill.
	Path    map[string]*string
	Query   map[string]any  // strings, numbers, booleans, or lists of them
	Payload json.RawMessage // an object, nil for none
	Input   json.RawMessage // what came with the trigger, nil for none

	Now          time.Time // the run's own time, the same when it is resumed
	Last         time.Time // the watermark; the zero time, null to the program, on the first run
	Subscription string
}

// RequestParts are the parameters of one request.
type RequestParts struct {
	Path    map[string]string // unescaped
	Query   url.Values        // nil for none
	Payload json.RawMessage   // an object, nil for none
	// Problem is nil for a request that can be sent, and otherwise a
	// [*PathError]: the request is to be quarantined, the others are not
	// concerned.
	Problem error
}

// A PathError says which path parameters of a request have no value that could
// be sent.
type PathError struct {
	Output     int      // which of the program's outputs it is, from 0
	Parameters []string // sorted: absent, empty, "." or "..", or neither string nor number
	Unknown    []string // sorted: names that the operation's path does not have
}

func (e *PathError) Error() string {
	var problems []string
	if len(e.Parameters) > 0 {
		problems = append(problems, "no usable value for path parameter "+strings.Join(e.Parameters, ", "))
	}
	if len(e.Unknown) > 0 {
		problems = append(problems, "no such path parameter: "+strings.Join(e.Unknown, ", "))
	}
	return fmt.Sprintf("request %d: %s", e.Output+1, strings.Join(problems, "; "))
}

// A ShapeError says why an output of a request_transform is not a request at
// all: the program is wrong, not the data.
type ShapeError struct {
	Output  int // which of the program's outputs it is, from 0
	Message string
}

func (e *ShapeError) Error() string {
	return fmt.Sprintf("request %d: %s", e.Output+1, e.Message)
}

// Requests returns the requests that a subscription's request_transform makes
// of in, one for each output of the program. Without a program (nil) it is the
// one request that in describes.
//
// An output is {path, query, payload}, all of them optional, and replaces the
// configured request as a whole: what it leaves out is not sent. It usually is
// the input, modified, so its keys input and run are ignored; any other is an
// error. Path values are strings or numbers. Query values are strings, numbers,
// booleans or lists of them, and null ones are left out. The payload is an
// object or null.
//
// The error is a [*ShapeError] or one of [Program.Run]'s.
func Requests(ctx context.Context, p *Program, in RequestInput) ([]RequestParts, error) {
	input, err := in.encode()
	if err != nil {
		return nil, fmt.Errorf("encode the input of the request transformer: %w", err)
	}
	outputs := []json.RawMessage{input}
	if p != nil {
		if outputs, err = p.Run(ctx, input); err != nil {
			return nil, err
		}
	}
	requests := make([]RequestParts, len(outputs))
	for i, output := range outputs {
		requests[i], err = parseRequest(i, output, in.Path)
		if err != nil {
			return nil, err
		}
	}
	return requests, nil
}

func (in *RequestInput) encode() ([]byte, error) {
	type run struct {
		Now          int64  `json:"now"`
		Last         *int64 `json:"last"`
		Subscription string `json:"subscription"`
	}
	r := run{Now: in.Now.Unix(), Subscription: in.Subscription}
	if !in.Last.IsZero() {
		last := in.Last.Unix()
		r.Last = &last
	}
	path, query := in.Path, in.Query
	if path == nil {
		path = map[string]*string{}
	}
	if query == nil {
		query = map[string]any{}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(struct {
		Path    map[string]*string `json:"path"`
		Query   map[string]any     `json:"query"`
		Payload json.RawMessage    `json:"payload"`
		Input   json.RawMessage    `json:"input"`
		Run     run                `json:"run"`
	}{path, query, in.Payload, in.Input, r})
	return b.Bytes(), err
}

// parseRequest reads output number i.
func parseRequest(i int, output []byte, params map[string]*string) (RequestParts, error) {
	wrong := func(format string, args ...any) (RequestParts, error) {
		return RequestParts{}, &ShapeError{Output: i, Message: fmt.Sprintf(format, args...)}
	}
	var parts map[string]json.RawMessage
	if err := json.Unmarshal(output, &parts); err != nil || parts == nil {
		return wrong("not an object with path, query and payload, but %s", kindOf(output))
	}
	for _, key := range slices.Sorted(maps.Keys(parts)) {
		switch key {
		case "path", "query", "payload", "input", "run":
		default:
			return wrong("unknown key %q: a request has path, query and payload", key)
		}
	}
	var request RequestParts
	path, err := decodeObject(parts["path"])
	if err != nil {
		return wrong("path is not an object, but %s", kindOf(parts["path"]))
	}
	request.Path, request.Problem = pathValues(i, path, params)

	query, err := decodeObject(parts["query"])
	if err != nil {
		return wrong("query is not an object, but %s", kindOf(parts["query"]))
	}
	for _, key := range slices.Sorted(maps.Keys(query)) {
		values, ok := queryValues(query[key])
		if !ok {
			return wrong("query parameter %q is neither a string, number or boolean nor a list of them", key)
		}
		if len(values) > 0 {
			if request.Query == nil {
				request.Query = url.Values{}
			}
			request.Query[key] = values
		}
	}
	payload, err := decodeObject(parts["payload"])
	if err != nil {
		return wrong("payload is not an object, but %s", kindOf(parts["payload"]))
	}
	if payload != nil {
		request.Payload = parts["payload"]
	}
	return request, nil
}

// pathValues takes a value for each parameter.
func pathValues(i int, path map[string]any, params map[string]*string) (map[string]string, error) {
	problem := &PathError{Output: i}
	values := make(map[string]string, len(params))
	for _, name := range slices.Sorted(maps.Keys(params)) {
		value, ok := text(path[name])
		if _, flag := path[name].(bool); !ok || flag || !usable(value) {
			problem.Parameters = append(problem.Parameters, name)
			continue
		}
		values[name] = value
	}
	for _, name := range slices.Sorted(maps.Keys(path)) {
		if _, ok := params[name]; !ok {
			problem.Unknown = append(problem.Unknown, name)
		}
	}
	if len(problem.Parameters) > 0 || len(problem.Unknown) > 0 {
		return values, problem
	}
	return values, nil
}

// usable tells whether a value names something when it stands in a path: the
// others would make the path that of another operation.
func usable(value string) bool {
	value = strings.TrimSpace(value)
	return value != "" && value != "." && value != ".."
}

func queryValues(v any) ([]string, bool) {
	list, ok := v.([]any)
	if !ok {
		if v == nil {
			return nil, true
		}
		list = []any{v}
	}
	values := make([]string, 0, len(list))
	for _, element := range list {
		value, ok := text(element)
		if !ok {
			return nil, false
		}
		values = append(values, value)
	}
	return values, true
}

// text is how a scalar is written in a URL.
func text(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		if v {
			return "true", true
		}
		return "false", true
	default:
		return "", false
	}
}

// decodeObject reads an object, nil where it is absent or null.
func decodeObject(raw json.RawMessage) (map[string]any, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var object map[string]any
	err := d.Decode(&object)
	return object, err
}

// kindOf names what a JSON value is, which its first character tells.
func kindOf(raw []byte) string {
	raw = bytes.TrimLeft(raw, " \t\r\n")
	if len(raw) == 0 {
		return "nothing"
	}
	switch raw[0] {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	default:
		return "a number"
	}
}
