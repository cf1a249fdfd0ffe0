package event

import (
	"net/url"
	"strings"
)

// Source is the source of every event of a workspace: intercom:ab12cd34. It is
// a URI, so what a URI cannot carry is escaped.
func Source(workspace string) string { return "intercom:" + url.PathEscape(workspace) }

// Resource is what an entity is a list of, whatever way it is asked for: the
// entity without its path parameters and without a last /search, /list or
// /scroll. contacts, contacts/search and contacts/{contact_id} are all
// contacts; contacts/{contact_id}/notes is contacts/notes.
func Resource(entity string) string {
	var parts []string
	for part := range strings.SplitSeq(entity, "/") {
		if part != "" && !strings.HasPrefix(part, "{") {
			parts = append(parts, part)
		}
	}
	if n := len(parts) - 1; n > 0 {
		switch parts[n] {
		case "search", "list", "scroll":
			parts = parts[:n]
		}
	}
	return strings.Join(parts, "/")
}

// Type is the type of an event about a resource:
// intercom.help_center.collections.upserted, or .deleted.
func Type(resource string, deleted bool) string {
	verb := ".upserted"
	if deleted {
		verb = ".deleted"
	}
	return "intercom." + strings.ReplaceAll(resource, "/", ".") + verb
}
