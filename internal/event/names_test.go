package event_test

import (
	"testing"

	"intercom-connector/internal/event"
)

func TestResource(t *testing.T) {
	t.Parallel()
	for entity, want := range map[string]string{
		"contacts":                                "contacts",
		"contacts/search":                         "contacts",
		"contacts/{contact_id}":                   "contacts",
		"contacts/{contact_id}/notes":             "contacts/notes",
		"contacts/notes":                          "contacts/notes",
		"companies/list":                          "companies",
		"companies/scroll":                        "companies",
		"admins/activity_logs/search":             "admins/activity_logs",
		"help_center/collections":                 "help_center/collections",
		"help_center/help_centers/{id}/redirects": "help_center/help_centers/redirects",
		"articles/{article_id}/versions/{id}":     "articles/versions",
		"search":                                  "search",
		"":                                        "",
	} {
		if got := event.Resource(entity); got != want {
			t.Errorf("Resource(%q) = %q, want %q", entity, got, want)
		}
	}
}

func TestType(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		resource string
		deleted  bool
		want     string
	}{
		{"contacts", false, "intercom.contacts.upserted"},
		{"contacts", true, "intercom.contacts.deleted"},
		{"help_center/collections", false, "intercom.help_center.collections.upserted"},
	} {
		if got := event.Type(tt.resource, tt.deleted); got != tt.want {
			t.Errorf("Type(%q, %v) = %q, want %q", tt.resource, tt.deleted, got, tt.want)
		}
	}
}

func TestSource(t *testing.T) {
	t.Parallel()
	for workspace, want := range map[string]string{
		"ab12cd34": "intercom:ab12cd34",
		"a b/c":    "intercom:a%20b%2Fc",
	} {
		if got := event.Source(workspace); got != want {
			t.Errorf("Source(%q) = %q, want %q", workspace, got, want)
		}
	}
}
