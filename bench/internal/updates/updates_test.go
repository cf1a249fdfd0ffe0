package updates_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"intercom-connector/bench/internal/updates"
	"intercom-connector/shared/intercom/intercomtest"
)

type message struct {
	ID, Group string
	Path      struct {
		Contact string `json:"contact_id"`
	}
	Payload json.RawMessage
}

func messages(t *testing.T, contacts, each int, id func(int) string) []message {
	t.Helper()
	var b bytes.Buffer
	if err := updates.Write(&b, contacts, each, id); err != nil {
		t.Fatal(err)
	}
	var all []message
	for line := range strings.Lines(b.String()) {
		var m message
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		all = append(all, m)
	}
	return all
}

// What is written is what a workspace takes, and what its audit knows again.
func TestLook(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		order []int // of the messages of two contacts, three each
		want  updates.Audit
	}{
		{"nothing", nil, updates.Audit{}},
		{"in order", []int{0, 1, 2, 3, 4, 5}, updates.Audit{Writes: 6, Contacts: 2, Messages: 6}},
		{"side by side", []int{0, 3, 1, 4, 5, 2}, updates.Audit{Writes: 6, Contacts: 2, Messages: 6}},
		{"the last two the wrong way round", []int{0, 2, 1, 3}, updates.Audit{Writes: 4, Contacts: 2, Messages: 4, Disorder: 2}},
		{"one twice", []int{0, 1, 1, 2}, updates.Audit{Writes: 4, Contacts: 1, Messages: 3, Disorder: 1}},
		{"the first left out", []int{1, 2}, updates.Audit{Writes: 2, Contacts: 1, Messages: 2, Disorder: 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ws := intercomtest.New(intercomtest.Config{Contacts: 2})
			all := messages(t, 2, 3, func(i int) string { return ws.ID(intercomtest.Contacts, i) })
			for _, i := range tt.order {
				put(t, ws, all[i])
			}
			if diff := cmp.Diff(tt.want, updates.Look(ws.Writes())); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestLookAtSomebodyElses(t *testing.T) {
	t.Parallel()
	got := updates.Look([]intercomtest.Write{{Marker: "hello"}, {Marker: "marker:x"}})
	if diff := cmp.Diff(updates.Audit{Writes: 2, Disorder: 2}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func put(t *testing.T, h http.Handler, m message) {
	t.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPut, "/contacts/"+m.Path.Contact, bytes.NewReader(m.Payload))
	r.Header.Set("Authorization", "Bearer bench-token")
	r.Header.Set("Content-Type", "application/json")
	if h.ServeHTTP(w, r); w.Code != http.StatusOK {
		t.Fatalf("%d: %s", w.Code, w.Body)
	}
}

func TestWrite(t *testing.T) {
	t.Parallel()
	id := func(i int) string { return string(rune('a' + i)) }
	for _, tt := range []struct {
		name           string
		contacts, each int
		want           string // groups and contacts
	}{
		{"one each: no groups", 3, 1, "/a /b /c"},
		{"groups, one after the other", 2, 2, "a/a a/a b/b b/b"},
		{"none", 0, 1, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			ids := map[string]bool{}
			for _, m := range messages(t, tt.contacts, tt.each, id) {
				got = append(got, m.Group+"/"+m.Path.Contact)
				ids[m.ID] = true
			}
			if diff := cmp.Diff(tt.want, strings.Join(got, " ")); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if len(ids) != len(got) {
				t.Errorf("%d ids for %d messages", len(ids), len(got))
			}
		})
	}
}

func TestCreateCommand(t *testing.T) {
	t.Parallel()
	command := updates.CreateCommand(func(int) string { return "x" })
	path := filepath.Join(t.TempDir(), "messages.ndjson")
	for _, args := range [][]string{nil, {path, "2"}, {path, "two", "1"}, {path, "2", "one"}, {path + "/x", "2", "1"}} {
		if _, err := command(args); err == nil {
			t.Errorf("%q is accepted", args)
		}
	}
	if _, err := command([]string{path, "2", "3"}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil || bytes.Count(text, []byte("\n")) != 6 {
		t.Errorf("%v in %s", err, text)
	}
}
