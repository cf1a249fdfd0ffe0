package intercom

import (
	"encoding/binary"
	"math/bits"
)

// This file checks JSON and finds where values end, without decoding any: it
// decides how many records a second a core can read. It accepts exactly what
// [encoding/json.Valid] accepts.
//
// Every scanning function takes the index at which to start and returns the
// index after what it scanned. A negative result is an error: the complement
// of the offset at which the text stopped being JSON.

// maxDepth is how deep values may nest, the same as in encoding/json.
const maxDepth = 10_000

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080

	// hasMore is the key has_more as eight bytes read at once.
	hasMore = 'h' | 'a'<<8 | 's'<<16 | '_'<<24 | 'm'<<32 | 'o'<<40 | 'r'<<48 | 'e'<<56
)

// space returns the index of the first byte at or after i that is no white space.
func space(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// skipString scans the rest of a string; i is the index after its opening
// quote. It tells whether the string has escapes.
func skipString(b []byte, i int) (end int, escaped bool) {
	for {
		// Eight bytes at a time: a byte that ends the run is a quote or a control
		// character (what is below 0x21 once 0x02 is flipped, which maps the quote
		// to 0x20 and 0x20 to 0x22), or a backslash. Bytes above 0x7f never are.
		// A subtraction borrows from a byte above only where it has already found
		// one below, so the lowest byte that is marked is right.
		for i+8 <= len(b) {
			x := binary.LittleEndian.Uint64(b[i:])
			m := (((x ^ 0x02*ones) - 0x21*ones) | ((x ^ '\\'*ones) - ones)) &^ x & highs
			if m != 0 {
				i += bits.TrailingZeros64(m) >> 3
				goto special
			}
			i += 8
		}
		for i < len(b) && b[i] >= ' ' && b[i] != '"' && b[i] != '\\' {
			i++
		}
		if i >= len(b) {
			return ^len(b), escaped
		}
	special:
		switch b[i] {
		case '"':
			return i + 1, escaped
		case '\\':
			escaped = true
			if i = skipEscape(b, i+1); i < 0 {
				return i, escaped
			}
		default:
			return ^i, escaped // a control character
		}
	}
}

// skipEscape scans an escape sequence; i is the index after its backslash.
func skipEscape(b []byte, i int) int {
	if i >= len(b) {
		return ^len(b)
	}
	switch b[i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 1
	case 'u':
		for n := 1; n <= 4; n++ {
			if i+n >= len(b) {
				return ^len(b)
			}
			if !isHex(b[i+n]) {
				return ^(i + n)
			}
		}
		return i + 5
	}
	return ^i
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// skipDigits returns the index of the first byte at or after i that is no digit.
func skipDigits(b []byte, i int) int {
	for i < len(b) && b[i]-'0' <= 9 {
		i++
	}
	return i
}

// skipNumber scans a number that begins at i.
func skipNumber(b []byte, i int) int {
	if b[i] == '-' {
		i++
	}
	start := i
	if i = skipDigits(b, i); i == start {
		return ^i
	}
	if b[start] == '0' && i > start+1 {
		return ^(start + 1) // nothing follows a leading zero
	}
	if i < len(b) && b[i] == '.' {
		start = i + 1
		if i = skipDigits(b, start); i == start {
			return ^i
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		start = i
		if i = skipDigits(b, start); i == start {
			return ^i
		}
	}
	return i
}

// skipWord scans true, false or null, which begins at i.
func skipWord(b []byte, i int, word string) int {
	for n := range len(word) {
		if i+n >= len(b) {
			return ^len(b)
		}
		if b[i+n] != word[n] {
			return ^(i + n)
		}
	}
	return i + len(word)
}

// skipScalar scans a value that is neither an object nor an array.
func skipScalar(b []byte, i int) int {
	switch c := b[i]; {
	case c == '"':
		i, _ = skipString(b, i+1)
		return i
	case c == '-' || c-'0' <= 9:
		return skipNumber(b, i)
	case c == 'n':
		return skipWord(b, i, "null")
	case c == 't':
		return skipWord(b, i, "true")
	case c == 'f':
		return skipWord(b, i, "false")
	}
	return ^i
}

// skipValue scans the value that begins at i, inside depth objects and arrays.
// It tells whether an object in it has a key has_more that is true.
func skipValue(b []byte, i, depth int) (end int, more bool) {
	if i >= len(b) {
		return ^len(b), false
	}
	if b[i] != '{' && b[i] != '[' {
		return skipScalar(b, i), false
	}

	// What encloses the place where we are: the lowest bit of kinds is set where
	// that is an object, the next ones are for what encloses it, and so on. 64
	// levels fit; deeper ones push the full word to older.
	var (
		kinds  uint64
		older  []uint64
		base   = depth
		object bool
	)

value:
	if i >= len(b) {
		return ^len(b), more
	}
	switch c := b[i]; c {
	case '"':
		if i, _ = skipString(b, i+1); i < 0 {
			return i, more
		}
	case '{', '[':
		if depth++; depth > maxDepth {
			return ^i, more
		}
		if n := depth - base - 1; n > 0 && n%64 == 0 {
			older = append(older, kinds)
		}
		object = c == '{'
		kinds <<= 1
		if object {
			kinds |= 1
		}
		i = space(b, i+1)
		if i < len(b) && b[i] == c+2 { // "}" follows "{" by two, as "]" follows "["
			goto closing
		}
		if object {
			goto key
		}
		goto value
	default:
		if i = skipScalar(b, i); i < 0 {
			return i, more
		}
	}

after:
	if i >= len(b) {
		return ^len(b), more
	}
	if b[i] <= ' ' {
		if i = space(b, i); i >= len(b) {
			return ^len(b), more
		}
	}
	switch c := b[i]; {
	case c == ',':
		if i++; i < len(b) && b[i] <= ' ' {
			i = space(b, i)
		}
		if object {
			goto key
		}
		goto value
	case object && c == '}' || !object && c == ']':
		goto closing
	}
	return ^i, more

key:
	{
		if i >= len(b) {
			return ^len(b), more
		}
		if b[i] != '"' {
			return ^i, more
		}
		start := i + 1
		end, escaped := skipString(b, start)
		if end < 0 {
			return end, more
		}
		if i = end; i < len(b) && b[i] <= ' ' {
			i = space(b, i)
		}
		if i >= len(b) {
			return ^len(b), more
		}
		if b[i] != ':' {
			return ^i, more
		}
		if i++; i < len(b) && b[i] <= ' ' {
			i = space(b, i)
		}
		if isHasMore(b, start, end, escaped) && i < len(b) && b[i] == 't' {
			more = true
		}
		goto value
	}

closing:
	i++
	if depth--; depth == base {
		return i, more
	}
	if n := depth - base; n%64 == 0 {
		kinds, older = older[len(older)-1], older[:len(older)-1]
	} else {
		kinds >>= 1
	}
	object = kinds&1 == 1
	goto after
}

// isHasMore tells whether the key that starts at start, and whose closing
// quote is before end, is has_more.
func isHasMore(b []byte, start, end int, escaped bool) bool {
	if escaped {
		return string(unquote(b[start-1:end])) == "has_more"
	}
	return end-start == 9 && binary.LittleEndian.Uint64(b[start:]) == hasMore
}

// skipKey scans an object's key, which begins at i, and the colon after it. It
// returns the index of the value and the key, unescaped; a key with escapes is
// the only one that costs an allocation.
func skipKey(b []byte, i int) (value int, key []byte) {
	if i >= len(b) {
		return ^len(b), nil
	}
	if b[i] != '"' {
		return ^i, nil
	}
	end, escaped := skipString(b, i+1)
	if end < 0 {
		return end, nil
	}
	key = b[i+1 : end-1]
	if escaped {
		key = unquote(b[i:end])
	}
	i = space(b, end)
	if i >= len(b) {
		return ^len(b), nil
	}
	if b[i] != ':' {
		return ^i, nil
	}
	return space(b, i+1), key
}

// skipComma scans what separates the members of an object or the elements of
// an array. It returns the index of the next one, or, with done, the index
// after closer.
func skipComma(b []byte, i int, closer byte) (next int, done bool) {
	i = space(b, i)
	if i >= len(b) {
		return ^len(b), false
	}
	switch b[i] {
	case ',':
		return space(b, i+1), false
	case closer:
		return i + 1, true
	}
	return ^i, false
}
