package intercomtest

import (
	"strconv"
	"unicode/utf8"
)

// A writer appends JSON by hand: pages of a million records are made with it.
type writer struct{ b []byte }

// sep puts a comma where one belongs: everywhere but after an opening bracket,
// a key or another comma.
func (w *writer) sep() {
	if n := len(w.b); n > 0 {
		switch w.b[n-1] {
		case '{', '[', ':', ',':
		default:
			w.b = append(w.b, ',')
		}
	}
}

func (w *writer) key(k string) {
	w.sep()
	w.b = append(w.b, '"')
	w.b = append(w.b, k...)
	w.b = append(w.b, '"', ':')
}

func (w *writer) open(c byte) { w.sep(); w.b = append(w.b, c) }
func (w *writer) end()        { w.b = append(w.b, '}') }
func (w *writer) endList()    { w.b = append(w.b, ']') }

func (w *writer) obj(k string)  { w.key(k); w.b = append(w.b, '{') }
func (w *writer) list(k string) { w.key(k); w.b = append(w.b, '[') }

func (w *writer) str(k, v string) { w.key(k); w.value(v) }

// strOrNull appends a string, null for "".
func (w *writer) strOrNull(k, v string) {
	if v == "" {
		w.null(k)
		return
	}
	w.str(k, v)
}

// plain appends a string that is known to need no escapes.
func (w *writer) plain(k, v string) {
	w.key(k)
	w.b = append(w.b, '"')
	w.b = append(w.b, v...)
	w.b = append(w.b, '"')
}

// value appends a string: as it is where it can be, escaped where it must be.
func (w *writer) value(v string) {
	w.sep()
	for i := range len(v) {
		if c := v[i]; c < 0x20 || c == '"' || c == '\\' || c >= 0x80 && !utf8.ValidString(v) {
			w.b = append(w.b, marshal(v)...)
			return
		}
	}
	w.b = append(w.b, '"')
	w.b = append(w.b, v...)
	w.b = append(w.b, '"')
}

func (w *writer) int(k string, v int64) { w.key(k); w.b = strconv.AppendInt(w.b, v, 10) }
func (w *writer) bool(k string, v bool) { w.key(k); w.b = strconv.AppendBool(w.b, v) }
func (w *writer) null(k string)         { w.key(k); w.b = append(w.b, "null"...) }

// raw appends a value that is JSON already.
func (w *writer) raw(k, v string) { w.key(k); w.b = append(w.b, v...) }

// item appends a value of a list that is JSON already.
func (w *writer) item(v []byte) { w.sep(); w.b = append(w.b, v...) }

// time appends unix seconds, null for 0.
func (w *writer) time(k string, t uint32) {
	if t == 0 {
		w.null(k)
		return
	}
	w.int(k, int64(t))
}

// iso appends a time as newer objects have it.
func (w *writer) iso(k string, t uint32) { w.str(k, isoTime(t)) }

func isoTime(t uint32) string { return fromUnix(t).Format("2006-01-02T15:04:05.000Z") }

// idOf appends the id of a record.
func (w *writer) idOf(k string, e Entity, seq uint32) { w.text(k, "", e, seq, "") }

// text appends a string that has a record's id in it.
func (w *writer) text(k, before string, e Entity, seq uint32, after string) {
	w.key(k)
	w.b = append(w.b, '"')
	w.b = append(w.b, before...)
	w.b = e.appendID(w.b, seq)
	w.b = append(w.b, after...)
	w.b = append(w.b, '"')
}

// numbered appends a string that ends in a number.
func (w *writer) numbered(k, before string, n uint64) {
	w.key(k)
	w.b = append(w.b, '"')
	w.b = append(w.b, before...)
	w.b = strconv.AppendUint(w.b, n, 10)
	w.b = append(w.b, '"')
}
