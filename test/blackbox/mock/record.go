package mock

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// A record is one version of an object. It does not change: a change makes
// another one.
type record struct {
	kind             string
	id               string
	number           int // from 1, in the order they were made
	revision         int
	created, updated int64
	fields           map[string]any
	json             []byte

	before  *record   // what a search sees until visible
	visible time.Time // zero for at once
}

// indexed is the version that a search sees, nil for none yet.
func (r *record) indexed(now time.Time) *record {
	for r != nil && now.Before(r.visible) {
		r = r.before
	}
	return r
}

// texts are the kinds whose times are RFC 3339 texts.
var texts = map[string]bool{"macros": true, "executions": true}

// logs are the kinds that never change, and so have no updated_at.
var logs = map[string]bool{"activity_logs": true, "executions": true}

func (r *record) encode() {
	stamp := func(seconds int64) any {
		if texts[r.kind] {
			return time.Unix(seconds, 0).UTC().Format("2006-01-02T15:04:05.000Z")
		}
		return seconds
	}
	r.fields["created_at"] = stamp(r.created)
	if !logs[r.kind] {
		r.fields["updated_at"] = stamp(r.updated)
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // markup is served as it is
	if err := e.Encode(r.fields); err != nil {
		panic(fmt.Sprintf("record of %s: %v", r.kind, err))
	}
	r.json = []byte(strings.TrimSpace(b.String()))
}

// field is what a filter compares; custom_attributes.plan goes one deeper.
func (r *record) field(name string) any {
	switch name {
	case "created_at":
		return r.created
	case "updated_at":
		return r.updated
	}
	object := r.fields
	if outer, inner, nested := strings.Cut(name, "."); nested {
		object, _ = r.fields[outer].(map[string]any)
		name = inner
	}
	return object[name]
}

// fields are those of the i-th record of a kind, with what breaks careless
// programs in them.
func (ws *Workspace) fields(kind string, i int) map[string]any {
	f := map[string]any{"workspace_id": ws.ID}
	switch kind {
	case "contacts":
		f["type"] = "contact"
		f["role"] = []string{"user", "lead"}[i%2]
		f["name"] = []string{"Ana \"Q\" Silva", "Łukasz\nNowak", "日本 太郎", "O'Brien </script>", "\u2028x"}[i%5]
		f["email"] = fmt.Sprintf("person%d@example.org", i)
		f["external_id"] = nil
		f["custom_attributes"] = map[string]any{"plan": "pro", "a.b c": i, "id": "not-the-id", "updated_at": 1}
		f["tags"] = map[string]any{"type": "list", "data": []any{}, "total_count": 0, "has_more": false}
	case "conversations":
		f["type"] = "conversation"
		f["state"] = []string{"open", "closed", "snoozed"}[i%3]
		f["open"] = i%3 == 0
		f["source"] = map[string]any{"type": "email", "id": "3", "body": "<p>Hello \\ {\"id\": 1}</p>"}
		f["conversation_parts"] = noParts("conversation_parts")
	case "tickets":
		f["type"] = "ticket"
		f["ticket_id"] = fmt.Sprint(i)
		f["open"] = i%10 == 0
		f["ticket_parts"] = map[string]any{"type": "ticket_part.list", "ticket_parts": []any{
			map[string]any{"id": "9", "updated_at": 1},
		}, "total_count": 1}
	case "companies":
		f["type"] = "company"
		f["company_id"] = fmt.Sprintf("c-%d", i)
		f["name"] = "Company " + fmt.Sprint(i)
	case "activity_logs":
		f["id"] = fmt.Sprintf("%08x-4b72-4dce-ad4f-77a786a2c136", i)
		f["activity_type"] = "app_name_change"
		f["performed_by"] = map[string]any{"type": "admin", "id": "1"}
	default:
		f["type"] = strings.TrimSuffix(kind, "s")
		f["name"] = fmt.Sprintf("%s %d", kind, i)
	}
	return f
}
