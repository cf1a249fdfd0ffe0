package fileout_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"intercom-connector/internal/local/fileout"
	"intercom-connector/internal/subscribe"
)

func TestQuarantine(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "quarantine", "contacts.ndjson")
	when := time.Date(2024, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600))
	tests := []struct {
		name string
		item subscribe.Quarantined
		want string
	}{
		{
			"record",
			subscribe.Quarantined{
				Time: when, Subscription: "contacts", Stage: "transform", Reason: "jq: cannot add: string", ID: "42",
				Record: []byte("{\"id\": \"42\",\n \"note\": \"<b>\", \"n\": 12345678901234567890}\n"),
			},
			`{"time":"2024-01-02T02:04:05Z","subscription":"contacts","stage":"transform","reason":"jq: cannot add: string","id":"42","record":{"id":"42","note":"<b>","n":12345678901234567890}}`,
		},
		{
			"no JSON",
			subscribe.Quarantined{Time: when, Subscription: "contacts", Reason: "x", Record: []byte("{\n")},
			`{"time":"2024-01-02T02:04:05Z","subscription":"contacts","reason":"x","record_base64":"ewo="}`,
		},
		{
			"no UTF-8",
			subscribe.Quarantined{Time: when, Subscription: "contacts", Reason: "x", Record: []byte("\"\xff\"")},
			`{"time":"2024-01-02T02:04:05Z","subscription":"contacts","reason":"x","record_base64":"Iv8i"}`,
		},
		{
			"of a run",
			subscribe.Quarantined{Time: when, Subscription: "contacts", Run: "gppqdk4c67", Reason: "x", Record: []byte("1")},
			`{"time":"2024-01-02T02:04:05Z","subscription":"contacts","run":"gppqdk4c67","reason":"x","record":1}`,
		},
		{
			"request",
			subscribe.Quarantined{Time: when, Subscription: "contacts", Stage: "request", Reason: "no id", Record: []byte(`{"path": {"id": ""}}`)},
			`{"time":"2024-01-02T02:04:05Z","subscription":"contacts","stage":"request","reason":"no id","request":{"path":{"id":""}}}`,
		},
	}
	if _, err := os.Stat(filepath.Dir(path)); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("folder is there before the first record: %v", err)
	}
	var want []string
	for _, tt := range tests { // one file: each is opened, appended to and closed
		q := fileout.NewQuarantine(path)
		if err := q.Put(t.Context(), tt.item); err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		want = append(want, tt.want)
		if diff := cmp.Diff(strings.Join(want, "\n")+"\n", content(t, path)); diff != "" {
			t.Errorf("%s: file (-want +got):\n%s", tt.name, diff)
		}
		for range 2 {
			if err := q.Close(); err != nil {
				t.Errorf("%s: close: %v", tt.name, err)
			}
		}
		if err := q.Put(t.Context(), tt.item); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("%s: put after close: %v", tt.name, err)
		}
	}
}

func TestQuarantineRepairs(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "q.ndjson")
	if err := os.WriteFile(path, []byte("{\"time\":1}\n{\"time\":\"20"), 0o600); err != nil {
		t.Fatal(err)
	}
	q := fileout.NewQuarantine(path)
	if err := q.Put(t.Context(), subscribe.Quarantined{Record: []byte("1")}); err != nil {
		t.Fatal(err)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	want := "{\"time\":1}\n" + `{"time":"0001-01-01T00:00:00Z","subscription":"","reason":"","record":1}` + "\n"
	if diff := cmp.Diff(want, content(t, path)); diff != "" {
		t.Errorf("file (-want +got):\n%s", diff)
	}
}

func TestQuarantineWithoutRecords(t *testing.T) {
	t.Parallel()
	q := fileout.NewQuarantine(filepath.Join(t.TempDir(), "q.ndjson"))
	if err := q.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(q.Path()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a quarantine of nothing has a file: %v", err)
	}
}
