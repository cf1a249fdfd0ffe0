package intercom

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// A Strategy is how an entity can be asked for what has changed.
type Strategy uint8

// The strategies of an incremental read.
const (
	BySearch Strategy = iota + 1 // a date filter in a search: contacts, conversations, tickets
	ByFilter                     // a query parameter with a lower bound: macros
	ByWindow                     // query parameters for both bounds: activity logs, executions of data connectors
	ByList                       // no filter, but newest first: articles, collections
)

// An Incremental is how one entity is read incrementally.
//
// The times of a record are unix seconds, except that macros and executions of
// data connectors carry them as RFC 3339 text. What is sent is unix seconds
// everywhere.
type Incremental struct {
	Entity    string     // as people write it: contacts
	Operation *Operation // what is sent: for contacts it is POST /contacts/search
	Strategy  Strategy
	Changed   string        // the record's time of last change: updated_at, or created_at for what never changes
	Created   string        // the record's time that never moves, "" where there is none
	After     string        // ByFilter, ByWindow: query parameter of the lower bound, in unix seconds
	Before    string        // ByWindow: query parameter of the upper bound
	Window    time.Duration // ByWindow: the longest window that is safe to ask for, 0 for any
	Open      bool          // tickets: all that are open are read again on every run
	Blind     string        // what an incremental read of it cannot see, one sentence, "" for nothing that is known
}

// Incrementals returns every entity that can be read incrementally, and how,
// ordered by entity. The slice is the caller's.
func Incrementals() []Incremental { return slices.Clone(incrementals()) }

// FindIncremental returns how entity, written as for [Find], is read
// incrementally; params is the number of path parameters the caller has, -1
// for unknown. An entity has one way, whichever of its operations is named:
// contacts and contacts/search are the same. The Operation that is sent may
// therefore be another one than the entity names.
//
// The error is a [*FindError] for an entity that does not exist; otherwise it
// names the entities that can be read incrementally.
func FindIncremental(entity string, params int) (Incremental, error) {
	entity = strings.Trim(entity, "/")
	all := incrementals()
	for _, inc := range all {
		for _, name := range append([]string{inc.Entity}, aliases[inc.Entity]...) {
			if means(entity, name, params) {
				return inc, nil
			}
		}
	}
	o, err := Find("", entity, params)
	if err != nil {
		return Incremental{}, err
	}
	var can []string
	for _, inc := range all {
		can = append(can, inc.Entity)
	}
	return Incremental{}, fmt.Errorf("%s cannot be read incrementally; %s can", o.Entity(), both(can))
}

// means reports whether entity, with so many parameters, is the entity that is
// documented as name.
func means(entity, name string, params int) bool {
	if strings.Contains(entity, "{") {
		return anonymous(entity) == anonymous(name)
	}
	return entity == shortForm(name) && (params <= 0 || params == strings.Count(name, "{"))
}

// aliases are the other entities that mean the same records.
var aliases = map[string][]string{
	"admins/activity_logs": {"admins/activity_logs/search"},
	"contacts":             {"contacts/search"},
	"conversations":        {"conversations/search"},
	"tickets":              {"tickets/search"},
}

// incrementals is the table of what can be read incrementally. Each way is
// documented on the page of its operation; where it says more than that page,
// the line says why.
var incrementals = sync.OnceValue(func() []Incremental {
	return []Incremental{
		{
			// The search takes the same bounds, but in its payload; asking by
			// query is enough. Windows of more than some days were seen to
			// end in 500s (https://github.com/airbytehq/airbyte/issues/38626).
			Entity: "admins/activity_logs", Operation: listed("GET", "/admins/activity_logs"),
			Strategy: ByWindow, Changed: "created_at", Created: "created_at",
			After: "created_at_after", Before: "created_at_before", Window: 5 * 24 * time.Hour,
		},
		{
			Entity: "articles", Operation: listed("GET", "/articles"),
			Strategy: ByList, Changed: "updated_at", Created: "created_at",
			Blind: "Deleted articles just leave the list, and statistics are not in it.",
		},
		{
			Entity: "contacts", Operation: listed("POST", "/contacts/search"),
			Strategy: BySearch, Changed: "updated_at", Created: "created_at",
			Blind: "Contacts that are archived, deleted or merged into another vanish silently: no list of them exists.",
		},
		{
			Entity: "conversations", Operation: listed("POST", "/conversations/search"),
			Strategy: BySearch, Changed: "updated_at", Created: "created_at",
			Blind: "The parts of a conversation come only with the conversation itself, and deleted ones only with conversations/deleted.",
		},
		{
			// Without start_ts only the last hour is listed.
			Entity: "data_connectors/{data_connector_id}/execution_results", Operation: listed("GET", "/data_connectors/{data_connector_id}/execution_results"),
			Strategy: ByWindow, Changed: "created_at", Created: "created_at",
			After: "start_ts", Before: "end_ts",
		},
		{
			Entity: "help_center/collections", Operation: listed("GET", "/help_center/collections"),
			Strategy: ByList, Changed: "updated_at", Created: "created_at",
			Blind: "Deleted collections just leave the list.",
		},
		{
			Entity: "macros", Operation: listed("GET", "/macros"),
			Strategy: ByFilter, Changed: "updated_at", Created: "created_at", After: "updated_since",
			Blind: "Deleted macros just leave the list.",
		},
		{
			// A recorded live ticket kept its updated_at through a change of state
			// (https://github.com/estuary/connectors, source-intercom-native).
			Entity: "tickets", Operation: listed("POST", "/tickets/search"),
			Strategy: BySearch, Changed: "updated_at", Created: "created_at", Open: true,
			Blind: "A change of state need not move updated_at, so open tickets are read again every time and closed ones by the resweep; deleted ones vanish silently.",
		},
	}
})

// listed returns the operation of an entry above; the table is wrong without it.
func listed(method, path string) *Operation {
	o, err := Find(method, path, -1)
	if err != nil || o.Path != path {
		panic("intercom: the catalog lacks " + method + " " + path)
	}
	return o
}
