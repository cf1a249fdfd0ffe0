package event

import (
	"bytes"
	"encoding/base64"
	"strings"
	"time"
	"unicode/utf8"
)

// AppendLine appends e to dst as one line of NDJSON: the object that
// [Event.AppendJSON] writes, and a newline, which is the only one in it.
func (e *Event) AppendLine(dst []byte) []byte {
	return append(e.AppendJSON(dst), '\n')
}

// AppendJSON appends e to dst as one JSON object without a line break in it,
// and returns the extended buffer. It allocates only where dst is too small.
//
// JSON data must be valid: nobody looks again. It is copied byte for byte,
// except that line breaks between its tokens become spaces and that bytes which
// are no UTF-8, which JSON does not know, become U+FFFD. Text that is no UTF-8
// cannot be a JSON string without loss and goes out as data_base64.
func (e *Event) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"specversion":"1.0","id":`...)
	dst = appendString(dst, e.ID)
	dst = append(dst, `,"source":`...)
	dst = appendString(dst, e.Source)
	dst = append(dst, `,"type":`...)
	dst = appendString(dst, e.Type)
	if e.Subject != "" {
		dst = append(dst, `,"subject":`...)
		dst = appendString(dst, e.Subject)
	}
	dst = appendTime(dst, e.Time)
	dst = append(dst, `,"datacontenttype":`...)
	if e.ContentType == "" {
		dst = append(dst, `"application/json"`...)
	} else {
		dst = appendString(dst, e.ContentType)
	}
	return append(e.appendData(dst), '}')
}

// appendTime appends the time attribute, or nothing for a time that is unknown
// or that RFC 3339 has no way to write: such a time is a mistake in the record,
// and the record still has to go out.
func appendTime(dst []byte, t time.Time) []byte {
	if t.IsZero() {
		return dst
	}
	t = t.UTC()
	if year := t.Year(); year < 0 || year > 9999 {
		return dst
	}
	dst = append(dst, `,"time":"`...)
	dst = t.AppendFormat(dst, time.RFC3339Nano)
	return append(dst, '"')
}

func (e *Event) appendData(dst []byte) []byte {
	if e.DataRef != "" {
		return appendString(append(dst, `,"dataref":`...), e.DataRef)
	}
	switch kind := kindOf(e.ContentType); {
	case kind == kindJSON && len(e.Data) == 0:
		return dst // an empty answer: no data is allowed, an empty value is not
	case kind == kindJSON:
		return appendRecord(append(dst, `,"data":`...), e.Data)
	case kind == kindText && utf8.Valid(e.Data):
		return appendString(append(dst, `,"data":`...), e.Data)
	default:
		dst = append(dst, `,"data_base64":"`...)
		dst = base64.StdEncoding.AppendEncode(dst, e.Data)
		return append(dst, '"')
	}
}

// AppendValue appends e's data to dst as one JSON value on one line, and returns
// the extended buffer: JSON as [Event.AppendJSON] writes it, text as a string, and
// anything else as a string of its bytes in base64. Where there is no data there
// is no value.
func (e *Event) AppendValue(dst []byte) []byte {
	switch kind := kindOf(e.ContentType); {
	case kind == kindJSON:
		return appendRecord(dst, e.Data)
	case kind == kindText && utf8.Valid(e.Data):
		return appendString(dst, e.Data)
	default:
		dst = base64.StdEncoding.AppendEncode(append(dst, '"'), e.Data)
		return append(dst, '"')
	}
}

// A kind is how data of a content type travels inside JSON.
type kind uint8

const (
	kindJSON kind = iota
	kindText
	kindBinary
)

func kindOf(contentType string) kind {
	if contentType == "" || contentType == "application/json" {
		return kindJSON
	}
	media, _, _ := strings.Cut(contentType, ";")
	media = strings.TrimSpace(media)
	slash := strings.IndexByte(media, '/')
	if slash < 0 {
		return kindBinary
	}
	class, format := media[:slash], media[slash+1:]
	if plus := strings.LastIndexByte(format, '+'); plus >= 0 {
		format = format[plus+1:] // application/problem+json is JSON
	}
	switch {
	case strings.EqualFold(format, "json"):
		return kindJSON
	case strings.EqualFold(class, "text"):
		return kindText
	default:
		return kindBinary
	}
}

// appendRecord appends valid JSON such that it stays on its line. Inside a
// JSON string a line break is always escaped, so one that is not stands
// between tokens, where a space means the same.
func appendRecord(dst, record []byte) []byte {
	start := len(dst)
	if utf8.Valid(record) {
		dst = append(dst, record...)
	} else {
		dst = appendRepaired(dst, record)
	}
	replace(dst[start:], '\n', ' ')
	replace(dst[start:], '\r', ' ')
	return dst
}

// replace is a bytes.ReplaceAll in place, for single bytes.
func replace(b []byte, from, to byte) {
	for {
		i := bytes.IndexByte(b, from)
		if i < 0 {
			return
		}
		b[i] = to
		b = b[i+1:]
	}
}

// appendRepaired appends b with U+FFFD for each byte that is no UTF-8, as
// decoders do that let such bytes pass at all.
func appendRepaired(dst, b []byte) []byte {
	for len(b) > 0 {
		r, size := utf8.DecodeRune(b)
		dst = utf8.AppendRune(dst, r)
		b = b[size:]
	}
	return dst
}
