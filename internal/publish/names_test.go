package publish_test

import (
	"testing"

	"intercom-connector/internal/publish"
)

func TestNamesOf(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, transform, body string
		id, group             string
	}{
		{"of the transport", "", `{"payload": {}}`, "line-1", "queue"},
		{"of the message", "", `{"id": "mine", "group": 7}`, "mine", "7"},
		{"of the transform", `{id: .key, group: .who}`, `{"id": "mine", "key": "made", "who": "x"}`, "made", "x"},
		{"the message's, through the transform", `{payload: {}}`, `{"id": "mine", "group": "g"}`, "mine", "g"},
		{"of no message", "", `garbage`, "line-1", "queue"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, &server{}, "POST", "contacts")
			b.order.MessageTransform = tt.transform
			id, group, err := b.publisher(t).Names(t.Context(), publish.Delivery{ID: "line-1", Group: "queue", Body: []byte(tt.body)})
			if err != nil || id != tt.id || group != tt.group {
				t.Errorf("got %q, %q and %v, want %q and %q", id, group, err, tt.id, tt.group)
			}
		})
	}
}
