package intercomtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The limits of a search's query:
// https://developers.intercom.com/docs/references/rest-api/api.intercom.io/contacts/searchcontacts
const (
	maxDepth = 2  // groups within groups
	maxTerms = 15 // filters or groups in a group
)

// A span is a range of unix seconds, both ends included.
type span struct{ from, to int64 }

var always = span{math.MinInt64, math.MaxInt64}

func (s span) and(other span) span { return span{max(s.from, other.from), min(s.to, other.to)} }
func (s span) has(t int64) bool    { return s.from <= t && t <= s.to }

// A query is a compiled query of a search.
type query struct {
	match func(seq uint32, r *row) bool
	// Every match is within these.
	created, updated span
	// exact says that everything within them matches.
	exact bool
}

// A problem is what is wrong with a request.
type problem struct{ code, message string }

func (p *problem) Error() string { return p.code + ": " + p.message }

func invalid(format string, args ...any) error {
	return &problem{"parameter_invalid", fmt.Sprintf(format, args...)}
}

// A compiler turns JSON into a query.
type compiler struct {
	fields map[string]field
	custom func(name string) (field, bool) // fields that no list can name
	days   bool                            // dates mean days
	strict bool                            // dates know no other operators than =, > and <
	zone   *time.Location
}

// compile compiles a filter or a group of filters, at a depth of so many groups.
func (c *compiler) compile(raw json.RawMessage, depth int) (query, error) {
	var term struct {
		Field    *string         `json:"field"`
		Operator string          `json:"operator"`
		Value    json.RawMessage `json:"value"`
	}
	if err := json.Unmarshal(raw, &term); err != nil {
		return query{}, invalid("query is not a filter")
	}
	if term.Field != nil {
		return c.filter(*term.Field, term.Operator, term.Value)
	}
	if term.Operator != "AND" && term.Operator != "OR" {
		return query{}, invalid("operator %q of a group is neither AND nor OR", term.Operator)
	}
	if depth == maxDepth {
		return query{}, invalid("query is nested more than %d levels deep", maxDepth)
	}
	var terms []json.RawMessage
	if json.Unmarshal(term.Value, &terms) != nil || len(terms) == 0 {
		return query{}, invalid("value of a group is not a list of filters")
	}
	if len(terms) > maxTerms {
		return query{}, invalid("a group has more than %d filters", maxTerms)
	}
	queries := make([]query, len(terms))
	for i, t := range terms {
		var err error
		if queries[i], err = c.compile(t, depth+1); err != nil {
			return query{}, err
		}
	}
	if term.Operator == "AND" {
		return all(queries), nil
	}
	return anyOf(queries), nil
}

func all(queries []query) query {
	q := query{created: always, updated: always, exact: true}
	for _, sub := range queries {
		q.created = q.created.and(sub.created)
		q.updated = q.updated.and(sub.updated)
		q.exact = q.exact && sub.exact
	}
	q.match = func(seq uint32, r *row) bool {
		for i := range queries {
			if !queries[i].match(seq, r) {
				return false
			}
		}
		return true
	}
	return q
}

func anyOf(queries []query) query {
	if len(queries) == 1 {
		return queries[0]
	}
	match := func(seq uint32, r *row) bool {
		for i := range queries {
			if queries[i].match(seq, r) {
				return true
			}
		}
		return false
	}
	return query{match: match, created: always, updated: always}
}

// filter compiles one comparison.
func (c *compiler) filter(name, operator string, raw json.RawMessage) (query, error) {
	f, ok := c.fields[name]
	if !ok && c.custom != nil {
		f, ok = c.custom(name)
	}
	if !ok {
		return query{}, invalid("field %q cannot be searched", name)
	}
	values, isList, err := scalars(raw)
	if err != nil {
		return query{}, err
	}
	if wantList := operator == "IN" || operator == "NIN"; wantList != isList {
		return query{}, invalid("value for the operator %q is a list where it should not be, or none where it should", operator)
	}
	if !slices.Contains(f.operators(c.strict), operator) {
		return query{}, invalid("operator %q is not supported for field %q", operator, name)
	}
	if f.kind == dateField {
		return c.date(name, f, operator, values)
	}
	match, err := f.compare(name, operator, values)
	return query{match: match, created: always, updated: always}, err
}

// date compiles a comparison of dates.
func (c *compiler) date(name string, f field, operator string, values []scalar) (query, error) {
	spans := make([]span, len(values))
	for i, v := range values {
		if v.null {
			spans[i] = span{0, 0} // as times that are not there are kept
			continue
		}
		n, err := strconv.ParseInt(v.text, 10, 64)
		if err != nil || n < -1<<40 || n > 1<<40 {
			return query{}, invalid("value %q for field %q is not a unix timestamp", v.text, name)
		}
		spans[i] = c.span(n)
	}
	first := spans[0]
	within := first
	negate := false
	switch operator {
	case "<":
		within = span{1, first.from - 1}
	case "<=":
		within = span{1, first.to}
	case ">":
		within = span{first.to + 1, math.MaxInt64}
	case ">=":
		within = span{first.from, math.MaxInt64}
	case "!=", "NIN":
		negate = true
		fallthrough
	case "IN":
		match := func(seq uint32, r *row) bool {
			t := int64(f.time(seq, r))
			return negate != slices.ContainsFunc(spans, func(s span) bool { return s.has(t) })
		}
		return query{match: match, created: always, updated: always}, nil
	}
	q := query{
		match:   func(seq uint32, r *row) bool { return within.has(int64(f.time(seq, r))) },
		created: always,
		updated: always,
	}
	switch name {
	case "created_at":
		q.created, q.exact = within, true
	case "updated_at":
		q.updated, q.exact = within, true
	}
	return q, nil
}

// span returns what a date stands for: a second, or the day it falls in. A day
// is the workspace's, and may have 23 or 25 hours.
func (c *compiler) span(sec int64) span {
	if !c.days {
		return span{sec, sec}
	}
	y, m, d := time.Unix(sec, 0).In(c.zone).Date()
	return span{
		time.Date(y, m, d, 0, 0, 0, 0, c.zone).Unix(),
		time.Date(y, m, d+1, 0, 0, 0, 0, c.zone).Unix() - 1,
	}
}

// A scalar is a value of a filter, as text.
type scalar struct {
	text string
	null bool
	num  bool // a JSON number, not a string
	flag bool // a JSON boolean
}

// scalars returns the values of a filter and whether they came as a list.
func scalars(raw json.RawMessage) ([]scalar, bool, error) {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 {
		return nil, false, invalid("a filter has no value")
	}
	list := []json.RawMessage{raw}
	isList := raw[0] == '['
	if isList {
		if json.Unmarshal(raw, &list) != nil || len(list) == 0 {
			return nil, true, invalid("a filter's list of values is empty")
		}
	}
	out := make([]scalar, len(list))
	for i, item := range list {
		s := string(bytes.TrimSpace(item))
		switch {
		case s == "null":
			out[i].null = true
		case s == "true" || s == "false":
			out[i] = scalar{text: s, flag: true}
		case strings.HasPrefix(s, `"`):
			if json.Unmarshal(item, &out[i].text) != nil {
				return nil, isList, invalid("a filter's value is not a string")
			}
		case strings.HasPrefix(s, "{") || strings.HasPrefix(s, "["):
			return nil, isList, invalid("a filter's value is an object or a list in a list")
		default:
			out[i] = scalar{text: s, num: true}
		}
	}
	return out, isList, nil
}

// validObject reports whether b is a JSON object.
func validObject(b []byte) bool {
	b = bytes.TrimSpace(b)
	return len(b) > 0 && b[0] == '{' && json.Valid(b)
}
