package deadout

import (
	"strings"
	"unicode/utf8"
)

// What SQS takes is in
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html.

// isText reports whether SQS takes a body or a value as it is.
func isText(s string) bool {
	return s != "" && utf8.ValidString(s) && strings.IndexFunc(s, isForbidden) < 0
}

// isForbidden reports whether a character must not be in a message.
func isForbidden(r rune) bool {
	switch r {
	case '\t', '\n', '\r':
		return false
	default:
		return r < ' ' || r == 0xFFFE || r == 0xFFFF
	}
}

// maxText is the longest value in bytes that is kept as a whole. Reasons are a
// line each.
const maxText = 2000

// clean makes a value of anything: one line of characters that SQS takes.
func clean(s string) string {
	if len(s) > maxText {
		s = s[:maxText-len("…")] + "…"
	}
	s = strings.ToValidUTF8(s, "�")
	s = strings.Map(func(r rune) rune {
		if r < ' ' || isForbidden(r) {
			return ' '
		}
		return r
	}, s)
	return strings.TrimSpace(s)
}

// maxName is the longest group or deduplication id.
const maxName = 128

// isName reports whether a text may be a group: letters, digits and punctuation
// of ASCII.
func isName(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) < 0
}
