package intercom

import "strings"

// Operations returns the catalog: every operation of API version 2.16, ordered
// by path and then method. The slice is the caller's, the entries are shared
// and must not be changed.
//
// The facts come from Intercom's description of its API
// (https://github.com/intercom/Intercom-OpenAPI), corrected where the API is
// known to differ; see corrections in tools/catalog.
func Operations() []*Operation {
	all := make([]*Operation, len(catalog))
	for i := range catalog {
		all[i] = &catalog[i]
	}
	return all
}

// Entity is the operation's path as people write it: contacts/{contact_id}/notes.
func (o *Operation) Entity() string { return strings.TrimPrefix(o.Path, "/") }

// Find returns the operation that method and entity name.
//
// An entity is written as documented, contacts/{contact_id}/notes (what the
// parameters are called does not matter), or short, contacts/notes; where a
// short one fits several operations, params, the number of path parameters the
// caller has, decides (-1: unknown). An empty method stands for whatever
// operation reads the entity.
//
// The error is a [*FindError].
func Find(method, entity string, params int) (*Operation, error) {
	panic("not yet")
}

// A FindError says why Find found no operation, or more than one.
type FindError struct {
	Method, Entity string
	Candidates     []*Operation // several that fit, or the same entity under other methods
	Near           []string     // entities that are spelt alike
}

func (e *FindError) Error() string { return "intercom: no operation " + e.Method + " " + e.Entity }
