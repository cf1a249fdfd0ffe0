package event_test

import (
	"fmt"
	"strings"
	"testing"

	"intercom-connector/internal/event"
)

// contact is about what Intercom sends for one: 2 KB.
var contact = func() string {
	var b strings.Builder
	b.WriteString(`{"type":"contact","id":"6762f0f51bb69f9f2193bb7f","email":"someone@example.com","custom_attributes":{`)
	for i := 0; b.Len() < 1990; i++ {
		fmt.Fprintf(&b, `"attribute_%d":"value %d",`, i, i)
	}
	b.WriteString(`"last":null}}`)
	return b.String()
}()

func BenchmarkAppendLine(b *testing.B) {
	e := record(contact, "")
	buf := e.AppendLine(nil)
	b.SetBytes(int64(len(buf)))
	b.ReportAllocs()
	for b.Loop() {
		buf = e.AppendLine(buf[:0])
	}
}

func BenchmarkAppendLineText(b *testing.B) {
	e := record(contact, "text/plain")
	buf := e.AppendLine(nil)
	b.SetBytes(int64(len(buf)))
	b.ReportAllocs()
	for b.Loop() {
		buf = e.AppendLine(buf[:0])
	}
}

func BenchmarkDigestOf(b *testing.B) {
	data := []byte(contact)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		event.DigestOf(data)
	}
}

func BenchmarkID(b *testing.B) {
	i := identity()
	b.ReportAllocs()
	for b.Loop() {
		event.ID(i)
	}
}
