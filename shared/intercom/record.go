package intercom

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"time"
	"unicode/utf8"
)

// A Record is one object of a list, exactly as Intercom served it. Nothing of
// it is decoded but what tells which object it is and when it changed.
type Record struct {
	// Raw is the record's JSON without the white space around it, or the whole
	// body where an answer is not JSON. It is part of the response's body, not a
	// copy: it keeps the body alive and must not be changed.
	Raw []byte
	// ID is the record's own id. A number keeps its digits, however many they
	// are; "" where there is none.
	ID string
	// Created and Updated are created_at and updated_at in unix seconds, 0 where
	// there is none. Most are served as seconds, some newer objects have ISO 8601
	// texts, and milliseconds are told by their size.
	Created, Updated int64
	// HasMore says that a list inside the record was cut: an object in it says
	// has_more, as a contact's tags do when there are more than ten.
	HasMore bool
}

// ScanRecord checks that raw is one JSON value and finds what a [Record] tells
// about it. Of an object only its own keys count, not those of objects inside
// it; of a key that occurs twice the last one counts.
//
// The error is a [*PageError].
func ScanRecord(raw []byte) (Record, error) {
	record, end := scanRecord(raw, space(raw, 0), 0)
	if end < 0 {
		return Record{}, invalid(raw, end)
	}
	if rest := space(raw, end); rest < len(raw) {
		return Record{}, invalid(raw, ^rest)
	}
	return record, nil
}

// scanRecord scans the record that begins at i, inside depth objects and arrays.
func scanRecord(b []byte, i, depth int) (r Record, end int) {
	start := i
	if i >= len(b) || b[i] != '{' {
		end, _ = skipValue(b, i, depth)
		if end >= 0 {
			r.Raw = b[start:end:end]
		}
		return r, end
	}
	if depth++; depth > maxDepth {
		return r, ^i
	}
	if i = space(b, i+1); i < len(b) && b[i] == '}' {
		r.Raw = b[start : i+1 : i+1]
		return r, i + 1
	}
	for {
		value, key := skipKey(b, i)
		if value < 0 {
			return r, value
		}
		var more bool
		if i, more = skipValue(b, value, depth); i < 0 {
			return r, i
		}
		r.HasMore = r.HasMore || more
		switch len(key) {
		case len("id"):
			if string(key) == "id" {
				r.ID = text(b[value:i])
			}
		case len("created_at"):
			switch string(key) {
			case "created_at":
				r.Created = unixSeconds(b[value:i])
			case "updated_at":
				r.Updated = unixSeconds(b[value:i])
			}
		}
		var done bool
		if i, done = skipComma(b, i, '}'); done {
			r.Raw = b[start:i:i]
			return r, i
		}
		if i < 0 {
			return r, i
		}
	}
}

// unquote returns what a valid JSON string stands for, as encoding/json has it.
func unquote(quoted []byte) []byte {
	inner := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(inner, '\\') < 0 && utf8.Valid(inner) {
		return inner
	}
	var s string
	if json.Unmarshal(quoted, &s) != nil {
		return nil
	}
	return []byte(s)
}

// text returns a valid JSON string's content or a number's digits, and "" for
// any other value.
func text(value []byte) string {
	switch c := value[0]; {
	case c == '"':
		return string(unquote(value))
	case c == '-' || c-'0' <= 9:
		return string(value)
	}
	return ""
}

// integer returns a valid JSON number that is a whole number, or a string of
// one, and whether value is that.
func integer(value []byte) (int64, bool) {
	s := text(value)
	if s == "" {
		return 0, false
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n, true
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return 0, false
	}
	return int64(f), true
}

// layouts are the forms of ISO 8601 that a time may have. One without a zone
// is in UTC. Fractions of a second are accepted by all that have seconds.
var layouts = [...]string{
	time.RFC3339,
	"2006-01-02T15:04:05",
	"2006-01-02T15:04:05Z0700",
	"2006-01-02 15:04:05Z07:00",
	"2006-01-02 15:04:05 UTC",
	"2006-01-02 15:04:05",
	"2006-01-02T15:04Z07:00",
	time.DateOnly,
}

// unixSeconds returns the time that a valid JSON value tells, 0 for none.
func unixSeconds(value []byte) int64 {
	if n, ok := digits(value); ok {
		return inSeconds(n)
	}
	s := text(value)
	if s == "" {
		return 0
	}
	if f, err := strconv.ParseFloat(s, 64); err == nil {
		if !(f > 0 && f < math.MaxInt64) {
			return 0
		}
		return inSeconds(int64(f))
	}
	for _, layout := range layouts {
		if t, err := time.Parse(layout, s); err == nil {
			return max(t.Unix(), 0)
		}
	}
	return 0
}

// digits returns the number that value is where it is one of at most 18 digits
// without sign, fraction or exponent: nearly every time there is.
func digits(value []byte) (int64, bool) {
	if len(value) > 18 {
		return 0, false
	}
	var n int64
	for _, c := range value {
		if c -= '0'; c > 9 {
			return 0, false
		}
		n = n*10 + int64(c)
	}
	return n, true
}

// inSeconds returns a time in seconds that was counted from 1970 in seconds or
// in some smaller unit. 1e11 seconds are the year 5138, 1e11 milliseconds are
// 1973, so the size tells the unit.
func inSeconds(n int64) int64 {
	for n >= 1e11 {
		n /= 1000
	}
	return n
}
