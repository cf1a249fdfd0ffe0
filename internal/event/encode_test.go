package event_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"mime"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"intercom-connector/internal/event"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var changed = time.Date(2026, 8, 21, 9, 30, 5, 0, time.UTC)

// record returns an event around data, as a subscription to contacts makes it.
func record(data, contentType string) event.Event {
	return event.Event{
		ID:          "0123456789abcdef0123456789abcdef",
		Source:      event.Source("ab12cd34"),
		Type:        event.Type("contacts", false),
		Subject:     "6762f0f51bb69f9f2193bb7f",
		Time:        changed,
		Data:        []byte(data),
		ContentType: contentType,
	}
}

// samples are events of every shape that leaves the connector.
func samples() map[string]event.Event {
	with := func(e event.Event, change func(*event.Event)) event.Event {
		change(&e)
		return e
	}
	return map[string]event.Event{
		"record":             record(`{"type":"contact","id":"6762f0f51bb69f9f2193bb7f","name":"Zoë \"Z\"","big":12345678901234567890.10}`, ""),
		"record, spelt out":  record("{\r\n  \"id\": \"1\",\n  \"name\": \"a\\nb\"\n}", "application/json"),
		"json with charset":  record(`[1,2]`, "application/json; charset=utf-8"),
		"json of a kind":     record(`{"title":"x"}`, "application/problem+json"),
		"deleted":            with(record(`{"id":"1"}`, ""), func(e *event.Event) { e.Type = event.Type("contacts", true) }),
		"no id, no time":     with(record(`{"a":null}`, ""), func(e *event.Event) { e.Subject, e.Time = "", time.Time{} }),
		"time not in UTC":    with(record(`{}`, ""), func(e *event.Event) { e.Time = changed.In(time.FixedZone("", 2*3600)) }),
		"time to the nano":   with(record(`{}`, ""), func(e *event.Event) { e.Time = changed.Add(120 * time.Millisecond) }),
		"time beyond reason": with(record(`{}`, ""), func(e *event.Event) { e.Time = time.Unix(1e15, 0) }),
		"odd subject":        with(record(`{}`, ""), func(e *event.Event) { e.Subject = "a\"b\\c\n\r\t\x01é\u2028😀" }),
		"subject not UTF-8":  with(record(`{}`, ""), func(e *event.Event) { e.Subject = "a\xffb\xe2\x82" }),
		"nothing":            record("", ""),
		"number":             record(`0.10`, ""),
		"null":               record(`null`, ""),
		"record not UTF-8":   record("{\"a\":\"x\xffy\"}", ""),
		"text":               record("Agent: hello\r\n<b>Contact</b>: \"hi\" 😀\n", "text/plain"),
		"text with charset":  record("é", "Text/Plain; charset=utf-8"),
		"empty text":         record("", "text/plain"),
		"text not UTF-8":     record("caf\xe9", "text/plain; charset=iso-8859-1"),
		"binary":             record("\x1f\x8b\x00\xff", "application/octet-stream"),
		"empty binary":       record("", "application/gzip"),
		"claim check":        with(record("", ""), func(e *event.Event) { e.DataRef = "s3://bucket/claims/a-1" }),
		"claim check, text":  with(record("", "text/plain"), func(e *event.Event) { e.DataRef = "s3://bucket/claims/a-1" }),
	}
}

func TestAppendLineGolden(t *testing.T) {
	t.Parallel()
	for name, e := range samples() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join("testdata", strings.NewReplacer(" ", "_", ",", "").Replace(name)+".json")
			got := e.AppendLine(nil)
			if *update {
				if err := os.WriteFile(path, got, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("AppendLine (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAppendLineIsACloudEvent(t *testing.T) {
	t.Parallel()
	for name, e := range samples() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checkCloudEvent(t, e.AppendLine(nil))
		})
	}
}

func TestAppendJSONExtendsTheBuffer(t *testing.T) {
	t.Parallel()
	e := record("{\n}", "")
	buf := []byte("kept\n")
	got := e.AppendJSON(e.AppendLine(buf))
	one := string(e.AppendJSON(nil))
	if want := "kept\n" + one + "\n" + one; string(got) != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := string(e.Data), "{\n}"; got != want {
		t.Errorf("the record itself became %q, want %q", got, want)
	}
}

func TestAppendValue(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, data, contentType, want string }{
		{"record", `{"id":1.0}`, "", `{"id":1.0}`},
		{"record over lines", "{\r\n}", "application/problem+json", `{  }`},
		{"text", "a \"b\"\n", "text/plain; charset=utf-8", `"a \"b\"\n"`},
		{"text not UTF-8", "caf\xe9", "text/plain", `"Y2Fm6Q=="`},
		{"binary", "\xff\x00", "application/zip", `"/wA="`},
		{"empty text", "", "text/plain", `""`},
		{"nothing", "", "", ``},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e := record(tt.data, tt.contentType)
			if got, want := string(e.AppendValue([]byte("kept "))), "kept "+tt.want; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

func TestAppendLineAllocatesNothing(t *testing.T) { //nolint:paralleltest // AllocsPerRun counts the whole process.
	buf := make([]byte, 0, 8<<10)
	for name, e := range samples() {
		if n := testing.AllocsPerRun(100, func() { buf = e.AppendLine(buf[:0]) }); n != 0 {
			t.Errorf("%s: %v allocations, want 0", name, n)
		}
	}
}

var (
	attributeName = regexp.MustCompile(`^[a-z0-9]+$`)
	rfc3339UTC    = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$`)
)

// checkCloudEvent holds a line against what CloudEvents 1.0 and its JSON format
// demand (https://github.com/cloudevents/spec/tree/v1.0.2/cloudevents).
func checkCloudEvent(t *testing.T, line []byte) {
	t.Helper()
	if !bytes.HasSuffix(line, []byte("\n")) || bytes.Count(line, []byte("\n")) != 1 || bytes.ContainsRune(line, '\r') {
		t.Errorf("%q is not one line", line)
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(line, &members); err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	attributes := map[string]string{}
	for name, value := range members {
		if name == "data" || name == "data_base64" {
			continue
		}
		var s *string
		if err := json.Unmarshal(value, &s); err != nil || s == nil || *s == "" {
			t.Errorf("%s is %s, want a string with something in it", name, value)
			continue
		}
		if !attributeName.MatchString(name) {
			t.Errorf("%s is no name for an attribute", name)
		}
		attributes[name] = *s
	}
	if got, want := attributes["specversion"], "1.0"; got != want {
		t.Errorf("specversion is %q, want %q", got, want)
	}
	for _, required := range []string{"id", "source", "type"} {
		if attributes[required] == "" {
			t.Errorf("%s is missing", required)
		}
	}
	if _, err := url.Parse(attributes["source"]); err != nil {
		t.Errorf("source: %v", err)
	}
	if s, ok := attributes["time"]; ok {
		if _, err := time.Parse(time.RFC3339, s); err != nil || !rfc3339UTC.MatchString(s) {
			t.Errorf("time is %q, want RFC 3339 in UTC (%v)", s, err)
		}
	}
	if _, _, err := mime.ParseMediaType(attributes["datacontenttype"]); err != nil {
		t.Errorf("datacontenttype: %v", err)
	}
	if members["data"] != nil && members["data_base64"] != nil {
		t.Error("both data and data_base64 are there")
	}
	if b, ok := members["data_base64"]; ok {
		var raw *[]byte
		if err := json.Unmarshal(b, &raw); err != nil || raw == nil {
			t.Errorf("data_base64 is %s (%v)", b, err)
		}
	}
}
