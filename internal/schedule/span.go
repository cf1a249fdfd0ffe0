package schedule

import (
	"fmt"
	"strings"
)

// A span is a part of an expression that knows where it is, for errors.
type span struct {
	source string
	offset int // of text in source
	text   string
}

const space = " \t\r\n"

func (s span) trim() span {
	left := strings.TrimLeft(s.text, space)
	return span{s.source, s.offset + len(s.text) - len(left), strings.TrimRight(left, space)}
}

// from returns the part that starts i bytes into s.
func (s span) from(i int) span { return span{s.source, s.offset + i, s.text[i:]} }

// to returns the first i bytes of s.
func (s span) to(i int) span { return span{s.source, s.offset, s.text[:i]} }

// end returns the empty span behind s.
func (s span) end() span { return s.from(len(s.text)) }

// cut splits s around the first sep.
func (s span) cut(sep string) (before, after span, found bool) {
	i := strings.Index(s.text, sep)
	if i < 0 {
		return s, s.end(), false
	}
	return s.to(i), s.from(i + len(sep)), true
}

// split cuts s at every sep.
func (s span) split(sep string) []span {
	var parts []span
	for {
		part, rest, found := s.cut(sep)
		parts = append(parts, part)
		if !found {
			return parts
		}
		s = rest
	}
}

// fields cuts s at white space.
func (s span) fields() []span {
	var parts []span
	for s = s.trim(); s.text != ""; s = s.trim() {
		i := strings.IndexAny(s.text, space)
		if i < 0 {
			i = len(s.text)
		}
		parts = append(parts, s.to(i))
		s = s.from(i)
	}
	return parts
}

func (s span) errorf(format string, args ...any) error {
	return &Error{Expression: s.source, Offset: s.offset, Problem: fmt.Sprintf(format, args...)}
}
