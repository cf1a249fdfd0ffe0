package event_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"intercom-connector/internal/event"
)

// Whatever a record is, as long as it is JSON, it goes out as one line that is
// a CloudEvent and means the same.
func FuzzRecord(f *testing.F) {
	f.Add([]byte(`{"id":"1","n":1e400,"s":"\u2028\ud800"}`))
	f.Add([]byte("\r\n[ 1 ,\n 2 ]\n"))
	f.Add([]byte("\"a\xffb\""))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if !json.Valid(data) {
			t.Skip("no JSON")
		}
		e := record(string(data), "")
		line := e.AppendLine(nil)
		checkCloudEvent(t, line)
		if !utf8.Valid(line) {
			t.Errorf("%q is no UTF-8", line)
		}
		got, err := event.Parse(line)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(decode(t, data), decode(t, got.Data)); diff != "" {
			t.Errorf("data (-want +got):\n%s", diff)
		}
		if !bytes.Equal(e.Data, data) {
			t.Error("the record itself was changed")
		}
	})
}

// Text and whatever is no JSON comes back byte for byte.
func FuzzContent(f *testing.F) {
	f.Add([]byte("hello\r\n\"\\\x00\x7f\u2028é"), "text/plain")
	f.Add([]byte("caf\xe9"), "text/plain; charset=iso-8859-1")
	f.Add([]byte{0x1f, 0x8b}, "application/octet-stream")
	f.Fuzz(func(t *testing.T, data []byte, contentType string) {
		if contentType != "text/plain" {
			contentType = "application/octet-stream"
		}
		e := record(string(data), contentType)
		line := e.AppendLine(nil)
		checkCloudEvent(t, line)
		got, err := event.Parse(line)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Data, data) {
			t.Errorf("got %q, want %q", got.Data, data)
		}
	})
}

// An attribute is what encoding/json makes of the same string.
func FuzzSubject(f *testing.F) {
	f.Add("a\"b\\c\n\x00\xff\xe2\x82\u2028")
	f.Fuzz(func(t *testing.T, subject string) {
		if subject == "" {
			t.Skip("left out")
		}
		e := record(`{}`, "")
		e.Subject = subject
		line := e.AppendLine(nil)
		checkCloudEvent(t, line)
		got, err := event.Parse(line)
		if err != nil {
			t.Fatal(err)
		}
		encoded, err := json.Marshal(subject)
		if err != nil {
			t.Fatal(err)
		}
		var want string
		if err := json.Unmarshal(encoded, &want); err != nil {
			t.Fatal(err)
		}
		if got.Subject != want {
			t.Errorf("got %q, want %q", got.Subject, want)
		}
	})
}

// decode keeps numbers as they are written.
func decode(t *testing.T, data []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}
