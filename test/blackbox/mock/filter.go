package mock

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A filter decides whether a search finds a record.
type filter func(*record) bool

// A clause is a filter as it is asked for: one comparison, or several joined by
// AND or OR.
type clause struct {
	Field    string          `json:"field"`
	Operator string          `json:"operator"`
	Value    json.RawMessage `json:"value"`
}

const (
	maxDepth   = 2  // levels of AND and OR
	maxClauses = 15 // in a group
)

// compile turns a search's query into a filter. depth counts the groups around.
func (ws *Workspace) compile(kind string, query json.RawMessage, depth int) (filter, error) {
	var c clause
	if err := json.Unmarshal(query, &c); err != nil {
		return nil, bad("bad_request", "query is not a filter")
	}
	if c.Operator == "AND" || c.Operator == "OR" {
		return ws.group(kind, c, depth)
	}
	if c.Field == "" || len(c.Value) == 0 {
		return nil, bad("parameter_invalid", "a filter needs field, operator and value")
	}
	if slices.Contains([]string{"created_at", "updated_at"}, c.Field) {
		return ws.dates(kind, c)
	}
	return compare(c)
}

func (ws *Workspace) group(kind string, c clause, depth int) (filter, error) {
	var parts []json.RawMessage
	if err := json.Unmarshal(c.Value, &parts); err != nil || len(parts) == 0 {
		return nil, bad("parameter_invalid", c.Operator+" needs a list of filters")
	}
	if depth >= maxDepth {
		return nil, bad("parameter_invalid", "filters nest too deep")
	}
	if len(parts) > maxClauses {
		return nil, bad("parameter_invalid", "too many filters in a group")
	}
	var filters []filter
	for _, part := range parts {
		f, err := ws.compile(kind, part, depth+1)
		if err != nil {
			return nil, err
		}
		filters = append(filters, f)
	}
	all := c.Operator == "AND"
	return func(r *record) bool {
		for _, f := range filters {
			if f(r) != all {
				return !all
			}
		}
		return all
	}, nil
}

// dates compares times: by the second, or by the day of the workspace's zone,
// where > is from the start of the next day and < before the start of that day.
func (ws *Workspace) dates(kind string, c clause) (filter, error) {
	var value int64
	text := strings.Trim(string(c.Value), `"`)
	if _, err := fmt.Sscan(text, &value); err != nil {
		return nil, bad("parameter_invalid", c.Field+" is compared with unix seconds")
	}
	day := func(seconds int64) string {
		return time.Unix(seconds, 0).In(ws.Zone).Format(time.DateOnly)
	}
	byDay := ws.Days[kind]
	var ok func(t int64) bool
	switch {
	case c.Operator == ">" && byDay:
		ok = func(t int64) bool { return day(t) > day(value) }
	case c.Operator == "<" && byDay:
		ok = func(t int64) bool { return day(t) < day(value) }
	case c.Operator == "=" && byDay:
		ok = func(t int64) bool { return day(t) == day(value) }
	case c.Operator == ">":
		ok = func(t int64) bool { return t > value }
	case c.Operator == "<":
		ok = func(t int64) bool { return t < value }
	case c.Operator == "=":
		ok = func(t int64) bool { return t == value }
	default:
		return nil, bad("parameter_invalid", "dates are compared by =, > and < only")
	}
	created := c.Field == "created_at"
	return func(r *record) bool {
		if created {
			return ok(r.created)
		}
		return ok(r.updated)
	}, nil
}

// compare is a comparison with anything but a date.
func compare(c clause) (filter, error) {
	text := func(v any) string {
		if v == nil {
			return "null"
		}
		return strings.ToLower(fmt.Sprint(v))
	}
	var value any
	if err := json.Unmarshal(c.Value, &value); err != nil {
		return nil, bad("parameter_invalid", "value is not JSON")
	}
	in := func(v any) bool {
		list, isList := value.([]any)
		if !isList {
			list = []any{value}
		}
		return slices.ContainsFunc(list, func(item any) bool { return text(item) == text(v) })
	}
	tests := map[string]func(v any) bool{
		"=":   in,
		"IN":  in,
		"!=":  func(v any) bool { return !in(v) },
		"NIN": func(v any) bool { return !in(v) },
		"~":   func(v any) bool { return strings.Contains(text(v), text(value)) },
		"!~":  func(v any) bool { return !strings.Contains(text(v), text(value)) },
		"^":   func(v any) bool { return strings.HasPrefix(text(v), text(value)) },
		"$":   func(v any) bool { return strings.HasSuffix(text(v), text(value)) },
	}
	test := tests[c.Operator]
	if test == nil {
		return nil, bad("parameter_invalid", "no operator "+c.Operator)
	}
	return func(r *record) bool { return test(r.field(c.Field)) }, nil
}
