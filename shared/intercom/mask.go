package intercom

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// masked stands for what must not be shown.
const masked = "***"

// Bounds of what an error shows of the server's words, in bytes.
const (
	maxMessage = 300
	maxWord    = 128
)

var (
	wordPattern    = lazily(`^[A-Za-z0-9_.:\-]+$`)
	mailPattern    = lazily(`[^\s"'<>()=,;:\[\]]*@[^\s"'<>()=,;\[\]]*`)
	queryPattern   = lazily(`(https?://[^\s?#]*)[?#]\S*`)
	bearerPattern  = lazily(`(?i)\b(bearer|basic)\s+\S+`)
	phonePattern   = lazily(`\+\d[\d\s().\-]{5,}\d`)
	opaquePattern  = lazily(`[A-Za-z0-9+/_=\-]{40,}`)
	namedPattern   = lazily(`(?i)\b(attributes?|parameters?|param|field)( named)?:?\s*$`)
	idValuePattern = lazily(`(?i)\bid=$`)
)

// safeWord keeps an identifier, and nothing that is not one.
func safeWord(s string) string {
	if len(s) > maxWord || !wordPattern().MatchString(s) {
		return ""
	}
	return s
}

// safeField keeps the name of a field, which may be an attribute that a person
// has named.
func safeField(s string) string {
	return cut(maskPatterns(oneLine(s)), maxWord)
}

// safeMessage keeps of an error's message what the reader needs to act, the
// words, an id=… and the name of an attribute, and masks what may be data:
// other quoted values, addresses, numbers of telephones, queries, long secrets.
func safeMessage(s string) string {
	// Quotes are matched before anything is cut, so that no half of a value
	// stays; what is far behind the bound need not be looked at.
	return cut(maskPatterns(maskQuoted(oneLine(cut(s, 16*maxMessage)))), maxMessage)
}

// hide replaces the secrets in a text.
func hide(s string, secrets []string) string {
	for _, secret := range secrets {
		if secret != "" {
			s = strings.ReplaceAll(s, secret, masked)
		}
	}
	return s
}

func maskPatterns(s string) string {
	s = queryPattern().ReplaceAllString(s, "$1?"+masked)
	s = bearerPattern().ReplaceAllString(s, "$1 "+masked)
	s = mailPattern().ReplaceAllString(s, masked)
	s = phonePattern().ReplaceAllString(s, masked)
	return opaquePattern().ReplaceAllString(s, masked)
}

// oneLine replaces whatever is not printable by a space, and runs of spaces by one.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

// cut shortens s to at most n bytes, at a rune's border.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

// quotes maps what opens a quotation to what closes it.
var quotes = map[rune]rune{'\'': '\'', '"': '"', '`': '`', '‘': '’', '“': '”', '«': '»'}

// maskQuoted masks what is between quotes, except the name of an attribute or
// parameter and the value of id=. A quotation that is not closed reaches to
// the end.
func maskQuoted(s string) string {
	var out strings.Builder
	runes := []rune(s)
	for i := 0; i < len(runes); i++ {
		closing, opens := quotes[runes[i]]
		if !opens || inWord(runes, i) {
			out.WriteRune(runes[i])
			continue
		}
		end := closingQuote(runes, i, closing)
		value := string(runes[i+1 : end])
		if !keepQuoted(out.String(), value) {
			value = masked
		}
		out.WriteRune(runes[i])
		out.WriteString(value)
		if end < len(runes) {
			out.WriteRune(closing)
		}
		i = end
	}
	return out.String()
}

func keepQuoted(before, value string) bool {
	if len(value) > 64 {
		return false
	}
	return namedPattern().MatchString(before) || idValuePattern().MatchString(before) && wordPattern().MatchString(value)
}

// inWord recognises the apostrophe of "doesn't".
func inWord(runes []rune, i int) bool {
	return runes[i] == '\'' && i > 0 && letter(runes[i-1]) && i+1 < len(runes) && letter(runes[i+1])
}

// closingQuote returns the index of the quote that closes the one at open, or
// the length of runes.
func closingQuote(runes []rune, open int, closing rune) int {
	for i := open + 1; i < len(runes); i++ {
		if runes[i] == closing && !inWord(runes, i) {
			return i
		}
	}
	return len(runes)
}

func letter(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
