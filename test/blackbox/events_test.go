package blackbox_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// An event is a line of the output.
type event struct {
	SpecVersion     string          `json:"specversion"`
	ID              string          `json:"id"`
	Source          string          `json:"source"`
	Type            string          `json:"type"`
	Subject         string          `json:"subject"`
	Time            time.Time       `json:"time"`
	DataContentType string          `json:"datacontenttype"`
	Data            json.RawMessage `json:"data"`
	DataBase64      []byte          `json:"data_base64"`
}

// events reads a file of events and checks every line of it. A last line that
// is not whole is left out and reported.
func (d *desk) events(name string) (all []event, torn bool) {
	d.t.Helper()
	data, err := os.ReadFile(d.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false
	}
	if err != nil {
		d.t.Fatal(err)
	}
	return parseEvents(d.t, data)
}

func parseEvents(t *testing.T, data []byte) (all []event, torn bool) {
	t.Helper()
	for n, line := range bytes.SplitAfter(data, []byte("\n")) {
		if len(line) == 0 {
			break
		}
		if !bytes.HasSuffix(line, []byte("\n")) {
			return all, true
		}
		var e event
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatalf("line %d is not an event: %v\n%s", n+1, err, shorten(string(line)))
		}
		if e.SpecVersion != "1.0" || e.ID == "" || !strings.HasPrefix(e.Source, "intercom:") || !strings.HasPrefix(e.Type, "intercom.") {
			t.Fatalf("line %d is not a CloudEvent: %s", n+1, shorten(string(line)))
		}
		all = append(all, e)
	}
	return all, false
}

// whole is events for a file that has to end with a whole line.
func (d *desk) whole(name string) []event {
	d.t.Helper()
	all, torn := d.events(name)
	if torn {
		d.t.Errorf("%s ends in the middle of a line", name)
	}
	return all
}

// holds checks that each of the records is among the events, byte for byte,
// and that no event has bytes of a record that was never served.
func holds(t *testing.T, all []event, want map[string]string) {
	t.Helper()
	seen := map[string]bool{}
	for _, e := range all {
		seen[e.Subject+" "+string(e.Data)] = true
		if now, known := want[e.Subject]; known && !json.Valid([]byte(now)) {
			t.Fatalf("the mock's record %s is not JSON", e.Subject)
		}
	}
	var lost []string
	for id, record := range want {
		if !seen[id+" "+record] {
			lost = append(lost, id)
		}
	}
	if len(lost) > 0 {
		slices.Sort(lost)
		t.Errorf("lost %d of %d records, such as %v", len(lost), len(want), lost[:min(len(lost), 5)])
	}
}

// once checks that no event comes twice.
func once(t *testing.T, all []event) {
	t.Helper()
	seen := map[string]bool{}
	twice := 0
	for _, e := range all {
		if seen[e.ID] {
			twice++
		}
		seen[e.ID] = true
	}
	if twice > 0 {
		t.Errorf("%d of %d events came twice", twice, len(all))
	}
}

// sameIDSameData checks that two events with one id are the same, so that who
// receives them may drop either.
func sameIDSameData(t *testing.T, all []event) {
	t.Helper()
	data := map[string]string{}
	for _, e := range all {
		if had, known := data[e.ID]; known && had != string(e.Data) {
			t.Errorf("two events have the id %s", e.ID)
		}
		data[e.ID] = string(e.Data)
	}
}

func contains(text, part string) bool { return strings.Contains(text, part) }
