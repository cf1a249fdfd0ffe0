package intercomtest

import (
	"slices"
	"strconv"
	"strings"
)

// A fieldKind decides which operators and values a field takes.
type fieldKind uint8

const (
	stringField fieldKind = iota
	integerField
	booleanField
	dateField
	memberField // ids that a record has any number of: tags, segments, contacts
)

// A field is what a search can compare. One of the functions is set.
type field struct {
	kind    fieldKind
	text    func(seq uint32, r *row) string // "" where a record has none
	number  func(seq uint32, r *row) int64
	flag    func(seq uint32, r *row) bool
	time    func(seq uint32, r *row) uint32 // 0 where a record has none
	members func(seq uint32, r *row) []string
}

var (
	equality  = []string{"=", "!=", "IN", "NIN"}
	ordered   = append([]string{"<", ">", "<=", ">="}, equality...)
	textual   = append([]string{"~", "!~", "^", "$"}, equality...)
	dayDates  = []string{"=", "<", ">"}
	exactness = []string{"=", "!="}
)

// operators returns those that the field knows. Strict is how a search for
// contacts treats dates and tags.
func (f field) operators(strict bool) []string {
	switch {
	case f.kind == dateField && strict:
		return dayDates
	case f.kind == dateField, f.kind == integerField:
		return ordered
	case f.kind == memberField && strict:
		return exactness
	case f.kind == memberField, f.kind == booleanField:
		return equality
	}
	return textual
}

// compare returns the comparison of a field that is not a date.
func (f field) compare(name, operator string, values []scalar) (func(uint32, *row) bool, error) {
	switch f.kind {
	case booleanField:
		return f.compareFlag(name, operator, values)
	case integerField:
		return f.compareNumber(name, operator, values)
	case memberField:
		return f.compareMembers(operator, values), nil
	case stringField, dateField:
	}
	return f.compareText(operator, values), nil
}

func (f field) compareFlag(name, operator string, values []scalar) (func(uint32, *row) bool, error) {
	want := map[bool]bool{}
	for _, v := range values {
		if v.text != "true" && v.text != "false" {
			return nil, invalid("value %q for field %q is not a boolean", v.text, name)
		}
		want[v.text == "true"] = true
	}
	negate := operator == "!=" || operator == "NIN"
	return func(seq uint32, r *row) bool { return want[f.flag(seq, r)] != negate }, nil
}

func (f field) compareNumber(name, operator string, values []scalar) (func(uint32, *row) bool, error) {
	want := make([]int64, len(values))
	for i, v := range values {
		if v.null {
			continue
		}
		n, err := strconv.ParseInt(v.text, 10, 64)
		if err != nil {
			return nil, invalid("value %q for field %q is not a number", v.text, name)
		}
		want[i] = n
	}
	return func(seq uint32, r *row) bool {
		got := f.number(seq, r)
		switch operator {
		case "<":
			return got < want[0]
		case "<=":
			return got <= want[0]
		case ">":
			return got > want[0]
		case ">=":
			return got >= want[0]
		case "!=", "NIN":
			return !slices.Contains(want, got)
		}
		return slices.Contains(want, got)
	}, nil
}

func (f field) compareMembers(operator string, values []scalar) func(uint32, *row) bool {
	negate := operator == "!=" || operator == "NIN"
	return func(seq uint32, r *row) bool {
		got := f.members(seq, r)
		has := slices.ContainsFunc(values, func(v scalar) bool { return slices.Contains(got, v.text) })
		return has != negate
	}
}

// compareText ignores case, as an index of words does.
func (f field) compareText(operator string, values []scalar) func(uint32, *row) bool {
	want := make([]string, len(values))
	for i, v := range values {
		want[i] = strings.ToLower(v.text)
	}
	return func(seq uint32, r *row) bool {
		got := strings.ToLower(f.text(seq, r))
		switch operator {
		case "~":
			return strings.Contains(got, want[0])
		case "!~":
			return !strings.Contains(got, want[0])
		case "^":
			return strings.HasPrefix(got, want[0])
		case "$":
			return strings.HasSuffix(got, want[0])
		case "!=", "NIN":
			return !slices.Contains(want, got)
		}
		return slices.Contains(want, got)
	}
}
