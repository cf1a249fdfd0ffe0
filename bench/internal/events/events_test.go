package events_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"intercom-connector/bench/internal/events"
)

func TestRead(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		text string
		want events.Count
		fail string
	}{
		{name: "nothing"},
		{name: "two of one, one of another", text: `{"id":"1","subject":"a","data":{}}
{"id":"2","subject":"b","data":{"subject":"x"}}
{"id":"3","subject":"a","data":{}}
`, want: events.Count{Events: 3, Records: 2}},
		{name: "no subject", text: `{"id":"1"}` + "\n", want: events.Count{Events: 1}, fail: "line 1"},
		{name: "cut off", text: `{"id":"1","subject":"a"}` + "\n" + `{"id":"2","subj`, want: events.Count{Events: 1}, fail: "line 2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := events.Read(strings.NewReader(tt.text))
			if (err != nil) != (tt.fail != "") || (err != nil && !strings.Contains(err.Error(), tt.fail)) {
				t.Fatalf("error %v, want one with %q", err, tt.fail)
			}
			if tt.fail != "" {
				return
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}
