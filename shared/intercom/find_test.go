package intercom_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"intercom-connector/shared/intercom"
)

// Every operation is found by both of its names, whatever its parameters are
// called, and by no other.
func TestFindEveryOperation(t *testing.T) {
	t.Parallel()
	for _, want := range intercom.Operations() {
		renamed := want.Entity()
		for _, name := range want.Params() {
			renamed = strings.Replace(renamed, "{"+name+"}", "{x}", 1)
		}
		for _, tt := range []struct {
			name, method, entity string
			params               int
		}{
			{"documented", want.Method, want.Entity(), -1},
			{"parameters renamed", want.Method, renamed, 0},
			{"with slashes, in lower case", strings.ToLower(want.Method), want.Path + "/", -1},
			{"short", want.Method, want.Short(), len(want.Params())},
		} {
			got, err := intercom.Find(tt.method, tt.entity, tt.params)
			if err != nil || got != want {
				t.Errorf("%s: Find(%s, %s, %d) = %v, %v", tt.name, tt.method, tt.entity, tt.params, got, err)
			}
		}
		if len(want.Params()) == 0 {
			continue
		}
		// The documented form decides by itself.
		if got, err := intercom.Find(want.Method, want.Entity(), 7); err != nil || got != want {
			t.Errorf("with another count: Find(%s, %s, 7) = %v, %v", want.Method, want.Entity(), got, err)
		}
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name           string
		method, entity string
		params         int
		want           string // method and path
	}{
		{"no method reads", "", "contacts", -1, "GET /contacts"},
		{"no method and a parameter", "", "contacts", 1, "GET /contacts/{contact_id}"},
		{"no method and no GET", "", "contacts/search", 0, "POST /contacts/search"},
		{"no method, documented", "", "contacts/{id}", 0, "GET /contacts/{contact_id}"},
		{"none of its parameters known yet", "GET", "contacts/notes", 0, "GET /contacts/{contact_id}/notes"},
		{"no count for two parameters", "DELETE", "contacts/companies", -1, "DELETE /contacts/{contact_id}/companies/{company_id}"},
		{"a list beside its members", "GET", "tickets", -1, "GET /tickets/{ticket_id}"},
		{"the other member", "GET", "custom_object_instances", 2, "GET /custom_object_instances/{custom_object_type_identifier}/{custom_object_instance_id}"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o, err := intercom.Find(tt.method, tt.entity, tt.params)
			if err != nil {
				t.Fatal(err)
			}
			if got := o.Method + " " + o.Path; got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestFindErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name           string
		method, entity string
		params         int
		want           string
	}{
		{"singular", "GET", "contact", -1, `no entity "contact"; did you mean contacts?`},
		{"misspelt", "", "conversatoins/search", -1, `no entity "conversatoins/search"; did you mean conversations/search?`},
		{"only the end of it", "", "collections", -1, `no entity "collections"; did you mean help_center/collections?`},
		{"an id in the path", "GET", "contacts/5f3a/notes", -1, `no entity "contacts/5f3a/notes"; did you mean contacts/{contact_id}/notes?`},
		{"documented, misspelt", "GET", "contacts/{contact_id}/note", -1, `no entity "contacts/{contact_id}/note"; did you mean contacts/notes?`},
		{"nothing like it", "GET", "invoices_and_payments", -1, `no entity "invoices_and_payments"`},
		{"empty", "GET", "", -1, `no entity ""`},
		{"another method", "PATCH", "tags", -1, `tags has no PATCH; it has DELETE, GET and POST`},
		{"only writes", "", "export/cancel", -1, `export/cancel cannot be read; it has POST`},
		{"documented under another method", "POST", "contacts/{contact_id}", -1, `contacts/{contact_id} has no POST; it has DELETE, GET and PUT`},
		{"ambiguous", "GET", "data_connectors/execution_results", -1, `GET data_connectors/execution_results names several operations: write data_connectors/{data_connector_id}/execution_results or data_connectors/{data_connector_id}/execution_results/{id}`},
		{"too many parameters", "GET", "contacts/notes", 2, `GET contacts/notes takes 1 path parameter, not 2: write contacts/{contact_id}/notes`},
		{"too many for either", "", "tags", 3, `tags takes 0 or 1 path parameter, not 3: write tags or tags/{tag_id}`},
		{"too few", "DELETE", "contacts/tags", 1, `DELETE contacts/tags takes 2 path parameters, not 1: write contacts/{contact_id}/tags/{tag_id}`},
		{"parameters where there are none", "POST", "contacts/search", 1, `POST contacts/search takes 0 path parameters, not 1: write contacts/search`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o, err := intercom.Find(tt.method, tt.entity, tt.params)
			if err == nil {
				t.Fatalf("found %s %s", o.Method, o.Path)
			}
			if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if _, ok := errors.AsType[*intercom.FindError](err); !ok {
				t.Errorf("%T is not a FindError", err)
			}
		})
	}
}

func TestNear(t *testing.T) {
	t.Parallel()
	fields := []string{"client", "entity", "enabled", "schedule", "sync", "start", "path", "paginate"}
	for _, tt := range []struct {
		name, word string
		want       []string
	}{
		{"a letter missing", "schedul", []string{"schedule"}},
		{"letters swapped", "snyc", []string{"sync"}},
		{"another case", "Entity", []string{"entity"}},
		{"two alike", "pat", []string{"path"}},
		{"nothing alike", "destination", nil},
		{"empty", "", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, intercom.Near(tt.word, fields)); diff != "" {
				t.Errorf("Near(%q) (-want +got):\n%s", tt.word, diff)
			}
		})
	}
	if got := intercom.Near("ab", []string{"abe", "abd", "abc", "abf"}); !cmp.Equal(got, []string{"abc", "abd", "abe"}) {
		t.Errorf("got %v, want the first three in order", got)
	}
}

func BenchmarkFind(b *testing.B) {
	for b.Loop() {
		if _, err := intercom.Find("GET", "contacts/notes", 1); err != nil {
			b.Fatal(err)
		}
	}
}
