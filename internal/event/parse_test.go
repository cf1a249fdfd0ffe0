package event_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"intercom-connector/internal/event"
)

func TestParseReadsWhatAppendWrites(t *testing.T) {
	t.Parallel()
	// What cannot be written as it is comes back as what it was written as.
	written := map[string]func(*event.Event){
		"record, spelt out": func(e *event.Event) { e.Data = []byte("{    \"id\": \"1\",   \"name\": \"a\\nb\" }") },
		"record not UTF-8":  func(e *event.Event) { e.Data = []byte("{\"a\":\"x\ufffdy\"}") },
		"subject not UTF-8": func(e *event.Event) { e.Subject = "a\ufffdb\ufffd\ufffd" },
		"time beyond reason": func(e *event.Event) {
			e.Time = samples()["no id, no time"].Time
		},
		"time not in UTC": func(e *event.Event) { e.Time = e.Time.UTC() },
	}
	for name, e := range samples() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := event.Parse(e.AppendLine(nil))
			if err != nil {
				t.Fatal(err)
			}
			want := e
			if change, ok := written[name]; ok {
				change(&want)
			}
			if want.ContentType == "" {
				want.ContentType = "application/json"
			}
			if len(want.Data) == 0 && len(got.Data) == 0 {
				want.Data, got.Data = nil, nil
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("Parse (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	const good = `{"specversion":"1.0","id":"1","source":"intercom:a","type":"intercom.tags.upserted","time":"2026-08-21T09:30:05Z","datacontenttype":"text/plain","data":"x"}`
	if _, err := event.Parse([]byte(good)); err != nil {
		t.Fatalf("the good one: %v", err)
	}
	for name, tt := range map[string]struct{ old, new, want string }{
		"not JSON":             {good, `{"specversion"`, "unexpected end"},
		"another version":      {`"1.0"`, `"0.3"`, "specversion"},
		"no version":           {`"specversion":"1.0",`, ``, "specversion"},
		"no id":                {`"id":"1",`, ``, "id is missing"},
		"empty id":             {`"id":"1"`, `"id":""`, "id is missing"},
		"null id":              {`"id":"1"`, `"id":null`, "id is missing"},
		"no source":            {`"source":"intercom:a",`, ``, "source is missing"},
		"no type":              {`"type":"intercom.tags.upserted",`, ``, "type is missing"},
		"time without a zone":  {`05Z`, `05`, "parse event"},
		"text that is no text": {`"data":"x"`, `"data":{}`, "text/plain"},
		"data twice":           {`"data":"x"`, `"data":"x","data_base64":"eA=="`, "both"},
		"base64 that is none":  {`"data":"x"`, `"data_base64":"?"`, "base64"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			line := strings.Replace(good, tt.old, tt.new, 1)
			if line == good {
				t.Fatal("the case changes nothing")
			}
			_, err := event.Parse([]byte(line))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error about %q", err, tt.want)
			}
		})
	}
}
