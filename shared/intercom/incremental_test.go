package intercom_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"intercom-connector/shared/intercom"
)

func TestFindIncremental(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, entity string
		params       int
		operation    string
		strategy     intercom.Strategy
	}{
		{"contacts", "contacts", -1, "POST /contacts/search", intercom.BySearch},
		{"contacts by their search", "contacts/search", 0, "POST /contacts/search", intercom.BySearch},
		{"conversations", "conversations", 0, "POST /conversations/search", intercom.BySearch},
		{"conversations by their search", "conversations/search", -1, "POST /conversations/search", intercom.BySearch},
		{"tickets, which have no list", "tickets", 0, "POST /tickets/search", intercom.BySearch},
		{"tickets by their search", "/tickets/search", 0, "POST /tickets/search", intercom.BySearch},
		{"macros", "macros", 0, "GET /macros", intercom.ByFilter},
		{"activity logs", "admins/activity_logs", 0, "GET /admins/activity_logs", intercom.ByWindow},
		{"activity logs by their search", "admins/activity_logs/search", 0, "GET /admins/activity_logs", intercom.ByWindow},
		{"executions, short", "data_connectors/execution_results", 1, "GET /data_connectors/{data_connector_id}/execution_results", intercom.ByWindow},
		{"executions, parameter to come", "data_connectors/execution_results", 0, "GET /data_connectors/{data_connector_id}/execution_results", intercom.ByWindow},
		{"executions, documented", "data_connectors/{id}/execution_results", 1, "GET /data_connectors/{data_connector_id}/execution_results", intercom.ByWindow},
		{"articles", "articles", 0, "GET /articles", intercom.ByList},
		{"collections", "help_center/collections", 0, "GET /help_center/collections", intercom.ByList},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			inc, err := intercom.FindIncremental(tt.entity, tt.params)
			if err != nil {
				t.Fatal(err)
			}
			if got := inc.Operation.Method + " " + inc.Operation.Path; got != tt.operation || inc.Strategy != tt.strategy {
				t.Errorf("got %s by strategy %d, want %s by %d", got, inc.Strategy, tt.operation, tt.strategy)
			}
		})
	}
}

func TestFindIncrementalErrors(t *testing.T) {
	t.Parallel()
	const can = "admins/activity_logs, articles, contacts, conversations, data_connectors/{data_connector_id}/execution_results, help_center/collections, macros and tickets can"
	for _, tt := range []struct {
		name, entity string
		params       int
		want         string
		unknown      bool
	}{
		{"a full scan only", "tags", 0, "tags cannot be read incrementally; " + can, false},
		{"one contact", "contacts", 1, "contacts/{contact_id} cannot be read incrementally; " + can, false},
		{"one ticket, documented", "tickets/{ticket_id}", 0, "tickets/{ticket_id} cannot be read incrementally; " + can, false},
		{"one execution", "data_connectors/execution_results", 2, "data_connectors/{data_connector_id}/execution_results/{id} cannot be read incrementally; " + can, false},
		{"misspelt", "contcats", 0, `no entity "contcats"; did you mean contacts?`, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := intercom.FindIncremental(tt.entity, tt.params)
			if err == nil || err.Error() != tt.want {
				t.Fatalf("got %v\nwant %s", err, tt.want)
			}
			if _, ok := errors.AsType[*intercom.FindError](err); ok != tt.unknown {
				t.Errorf("is a FindError: %t, want %t", ok, tt.unknown)
			}
		})
	}
}

// Each line of the table has what its strategy needs, and no more.
func TestIncrementals(t *testing.T) {
	t.Parallel()
	all := intercom.Incrementals()
	if !slices.IsSortedFunc(all, func(a, b intercom.Incremental) int { return strings.Compare(a.Entity, b.Entity) }) {
		t.Error("not ordered by entity")
	}
	for _, inc := range all {
		t.Run(inc.Entity, func(t *testing.T) {
			t.Parallel()
			o := inc.Operation
			if o.Kind != intercom.Read || o.Items == "" || o.Paging == intercom.NoPaging {
				t.Errorf("%s %s is not a paged read", o.Method, o.Path)
			}
			if found, err := intercom.FindIncremental(o.Entity(), -1); err != nil || found.Operation != o {
				t.Errorf("not found by its operation: %v", err)
			}
			declared := func(name string) bool {
				return slices.ContainsFunc(o.Query, func(p intercom.Param) bool { return p.Name == name })
			}
			if search := inc.Strategy == intercom.BySearch; search != (o.Paging == intercom.CursorBody) {
				t.Errorf("strategy %d with paging %d", inc.Strategy, o.Paging)
			}
			if want := inc.Strategy == intercom.ByFilter || inc.Strategy == intercom.ByWindow; want != declared(inc.After) {
				t.Errorf("the lower bound %q is declared: %t, want %t", inc.After, !want, want)
			}
			if want := inc.Strategy == intercom.ByWindow; want != declared(inc.Before) {
				t.Errorf("the upper bound %q is declared: %t, want %t", inc.Before, !want, want)
			}
			if inc.Window != 0 && (inc.Strategy != intercom.ByWindow || inc.Window < time.Hour) {
				t.Errorf("window of %v", inc.Window)
			}
			if inc.Changed == "" || inc.Created == "" {
				t.Error("no time of change or of creation")
			}
			if changes := inc.Changed != inc.Created; changes != (inc.Blind != "") {
				t.Errorf("Blind is %q for records that change: %t", inc.Blind, changes)
			}
			if inc.Open != (inc.Entity == "tickets") {
				t.Errorf("Open = %t", inc.Open)
			}
		})
	}
}
