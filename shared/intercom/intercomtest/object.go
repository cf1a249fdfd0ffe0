package intercomtest

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
)

// An object is a JSON object whose members keep their order and their bytes:
// numbers of any length and text in any spelling come out as they came in.
type object []member

type member struct {
	key   string
	value json.RawMessage
}

// parseObject reads a JSON object. Of a key that comes twice the last counts.
// The values are parts of b, not copies.
func parseObject(b []byte) (object, bool) {
	if !json.Valid(b) {
		return nil, false
	}
	return splitObject(b)
}

// splitObject is parseObject for what is known to be JSON.
func splitObject(b []byte) (object, bool) {
	i := skipSpace(b, 0)
	if i == len(b) || b[i] != '{' {
		return nil, false
	}
	o := make(object, 0, 8)
	for i = skipSpace(b, i+1); b[i] != '}'; i = skipSpace(b, i) {
		if b[i] == ',' {
			i = skipSpace(b, i+1)
		}
		end := skipValue(b, i)
		key := keyOf(b[i:end])
		start := skipSpace(b, skipSpace(b, end)+1) // after the colon
		i = skipValue(b, start)
		value := json.RawMessage(b[start:i:i])
		if at := o.index(key); at >= 0 {
			o[at].value = value
			continue
		}
		o = append(o, member{key, value})
	}
	return o, true
}

// keyOf returns the text of a JSON string.
func keyOf(b []byte) string {
	if bytes.IndexByte(b, '\\') < 0 {
		return string(b[1 : len(b)-1])
	}
	var s string
	_ = json.Unmarshal(b, &s) // a string is what it is
	return s
}

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\r' || b[i] == '\n') {
		i++
	}
	return i
}

// skipValue returns where the value ends that begins at i.
func skipValue(b []byte, i int) int {
	depth := 0
	for ; i < len(b); i++ {
		switch b[i] {
		case '"':
			for i++; b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
			if depth == 0 {
				return i + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',', ':', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return i
			}
		}
	}
	return i
}

func (o object) index(key string) int {
	return slices.IndexFunc(o, func(m member) bool { return m.key == key })
}

// get returns a value, nil where there is none.
func (o object) get(key string) json.RawMessage {
	if i := o.index(key); i >= 0 {
		return o[i].value
	}
	return nil
}

// has reports whether there is a value other than null.
func (o object) has(key string) bool {
	v := o.get(key)
	return v != nil && string(v) != "null"
}

// with returns a copy with one value more or another one.
func (o object) with(key string, value json.RawMessage) object {
	next := slices.Clone(o)
	if i := next.index(key); i >= 0 {
		next[i].value = value
		return next
	}
	return append(next, member{key, value})
}

// over returns a copy with the members of top laid over it.
func (o object) over(top object) object {
	next := slices.Clone(o)
	for _, m := range top {
		if i := next.index(m.key); i >= 0 {
			next[i].value = m.value
			continue
		}
		next = append(next, m)
	}
	return next
}

// text returns a string, or a number as it is written; "" for anything else.
func (o object) text(key string) string { return textOf(o.get(key)) }

func textOf(v json.RawMessage) string {
	if len(v) == 0 {
		return ""
	}
	if v[0] == '"' && bytes.IndexByte(v, '\\') < 0 {
		return string(v[1 : len(v)-1])
	}
	var s string
	if json.Unmarshal(v, &s) == nil {
		return s
	}
	var n json.Number
	if json.Unmarshal(v, &n) == nil {
		return n.String()
	}
	return ""
}

// number returns a whole number, which may be written as a string.
func (o object) number(key string) (int64, bool) {
	n, err := strconv.ParseInt(o.text(key), 10, 64)
	return n, err == nil
}

// flag returns a boolean.
func (o object) flag(key string) (value, ok bool) {
	switch string(o.get(key)) {
	case "true":
		return true, true
	case "false":
		return false, true
	}
	return false, false
}

// object returns an object within, nil for anything else.
func (o object) object(key string) object {
	inner, _ := parseObject(o.get(key))
	return inner
}

// objects returns a list of objects; anything else in it is an empty object.
func (o object) objects(key string) []object {
	var list []json.RawMessage
	if json.Unmarshal(o.get(key), &list) != nil {
		return nil
	}
	all := make([]object, len(list))
	for i, v := range list {
		all[i], _ = parseObject(v)
	}
	return all
}

// json returns the object's text.
func (o object) json() json.RawMessage {
	var w writer
	w.members(o)
	return w.b
}

// members appends an object.
func (w *writer) members(o object) {
	w.open('{')
	for _, m := range o {
		w.value(m.key)
		w.b = append(w.b, ':')
		w.b = append(w.b, m.value...)
	}
	w.end()
}

// quoted returns a string as JSON.
func quoted(s string) json.RawMessage {
	w := writer{make([]byte, 0, len(s)+2)}
	w.value(s)
	return w.b
}

// digits returns a number as JSON.
func digits[N int | int64 | uint32](n N) json.RawMessage {
	return strconv.AppendInt(nil, int64(n), 10)
}
