package publish

import (
	"encoding/json"
	"html"
	"strings"
	"unicode"
)

var tags = lazily(`<[^<>]*>`)

// textOf is what remains of a text, plain or HTML, when everything that
// Intercom may have changed is taken away: "Hello" comes back as "<p>Hello</p>",
// links get tags, spaces and signs become others. It is "" for what is no text.
func textOf(v any) string {
	s, ok := v.(string)
	if !ok {
		return scalar(v)
	}
	// Text may be stored escaped, even twice: what was sent as "a < b" is no tag.
	for range 8 {
		unescaped := html.UnescapeString(s)
		if unescaped == s {
			break
		}
		s = unescaped
	}
	plain := tags().ReplaceAllString(s, " ")
	words := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, plain)
	if words != "" {
		return words
	}
	return strings.Join(strings.Fields(plain), "")
}

// sameText compares two texts by what remains of them.
func sameText(a, b any) bool { return textOf(a) == textOf(b) }

// scalar is a string, number or truth value as text, "" for anything else: the
// same id is a string in one place and a number in another.
func scalar(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		if v {
			return "true"
		}
		return "false"
	default:
		return ""
	}
}

// sameScalar compares two values as Intercom keeps them: e-mail addresses lose
// their capitals, numbers may become strings.
func sameScalar(a, b any) bool {
	if b == nil {
		return a == nil || a == ""
	}
	return strings.EqualFold(strings.TrimSpace(scalar(a)), strings.TrimSpace(scalar(b)))
}
