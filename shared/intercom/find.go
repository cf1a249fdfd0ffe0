package intercom

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Find returns the operation that method and entity name.
//
// An entity is written as documented, contacts/{contact_id}/notes (what the
// parameters are called does not matter), or short, contacts/notes. The
// documented form decides by itself. Where a short one fits several operations,
// params, the number of path parameters the caller has, decides; without any
// (0, or -1 for unknown) it is the operation that needs none. An empty method
// stands for whatever operation reads the entity.
//
// The error is a [*FindError].
func Find(method, entity string, params int) (*Operation, error) {
	method = strings.ToUpper(method)
	entity = strings.Trim(entity, "/")
	documented := strings.Contains(entity, "{")
	if o := exactly(method, "/"+entity); o != nil && (documented || params <= 0) {
		return o, nil
	}

	idx := index()
	all := idx.short[entity]
	if documented {
		all = idx.documented[anonymous(entity)]
	}
	failure := &FindError{Method: method, Entity: entity, Params: params, Candidates: all}
	if len(all) == 0 {
		failure.Near = idx.near(entity)
		return nil, failure
	}
	fit := slices.DeleteFunc(slices.Clone(all), func(o *Operation) bool {
		if method == "" {
			return o.Kind != Read
		}
		return o.Method != method
	})
	if len(fit) == 0 {
		return nil, failure
	}
	failure.Candidates = fit
	if documented && len(fit) == 1 {
		return fit[0], nil
	}
	for _, o := range fit {
		if len(o.Params()) == max(params, 0) {
			return o, nil
		}
	}
	if params <= 0 && len(fit) == 1 {
		return fit[0], nil // its parameters come later
	}
	return nil, failure
}

// exactly returns the operation of a method and a path as documented, nil where
// there is none. It needs no index: a compiled configuration names its operations
// so, and a function reads one at every cold start.
func exactly(method, path string) *Operation {
	i, found := slices.BinarySearchFunc(catalog[:], path, func(o Operation, path string) int { return strings.Compare(o.Path, path) })
	if !found {
		return nil
	}
	for ; i < len(catalog) && catalog[i].Path == path; i++ {
		if catalog[i].Method == method {
			return &catalog[i]
		}
	}
	return nil
}

// A FindError says why [Find] found no operation, or more than one.
type FindError struct {
	Method, Entity string // as asked for; Method is "" for any that reads
	Params         int    // as asked for, -1 for unknown
	// Candidates are the several that fit, the ones with another number of
	// parameters, or the same entity under other methods; empty for an entity
	// that does not exist.
	Candidates []*Operation
	Near       []string // for an entity that does not exist: those that are spelt alike
}

// Error is one line that says what to write instead.
func (e *FindError) Error() string {
	if len(e.Candidates) == 0 {
		text := "no entity " + strconv.Quote(e.Entity)
		if len(e.Near) > 0 {
			text += "; did you mean " + either(e.Near) + "?"
		}
		return text
	}
	var methods, forms []string
	var counts []int
	for _, o := range e.Candidates {
		methods = append(methods, o.Method)
		forms = append(forms, o.Entity())
		counts = append(counts, len(o.Params()))
	}
	slices.Sort(methods)
	methods = slices.Compact(methods)

	request := strings.TrimSpace(e.Method + " " + e.Entity)
	switch {
	case e.Method == "" && !slices.ContainsFunc(e.Candidates, func(o *Operation) bool { return o.Kind == Read }):
		return fmt.Sprintf("%s cannot be read; it has %s", e.Entity, both(methods))
	case e.Method != "" && !slices.Contains(methods, e.Method):
		return fmt.Sprintf("%s has no %s; it has %s", e.Entity, e.Method, both(methods))
	case e.Params > 0:
		slices.Sort(counts)
		var takes []string
		for _, n := range slices.Compact(counts) {
			takes = append(takes, strconv.Itoa(n))
		}
		noun := "path parameters"
		if slices.Max(counts) == 1 {
			noun = "path parameter"
		}
		return fmt.Sprintf("%s takes %s %s, not %d: write %s", request, either(takes), noun, e.Params, either(forms))
	default:
		return fmt.Sprintf("%s names several operations: write %s", request, either(forms))
	}
}

// A catalogIndex finds operations by what people write.
type catalogIndex struct {
	short      map[string][]*Operation // by the entity without parameters
	documented map[string][]*Operation // by the entity with nameless ones
	entities   []string                // the keys of short, sorted
}

// index is built when something is looked up first: most functions look up a
// handful of operations, and some none.
var index = sync.OnceValue(func() *catalogIndex {
	idx := &catalogIndex{
		short:      make(map[string][]*Operation, len(catalog)),
		documented: make(map[string][]*Operation, len(catalog)),
	}
	for i := range catalog {
		o := &catalog[i]
		short, form := o.Short(), anonymous(o.Entity())
		if idx.short[short] == nil {
			idx.entities = append(idx.entities, short)
		}
		idx.short[short] = append(idx.short[short], o)
		idx.documented[form] = append(idx.documented[form], o)
	}
	slices.Sort(idx.entities)
	return idx
})

// near returns what an unknown entity may have meant: one with an id in the
// place of a parameter, one of which only the end was written, or one that is
// spelt alike.
func (idx *catalogIndex) near(entity string) []string {
	var found []string
	for i := range catalog {
		if form := catalog[i].Entity(); filledIn(form, entity) && !slices.Contains(found, form) {
			found = append(found, form)
		}
	}
	short := shortForm(entity)
	if len(found) == 0 {
		for _, name := range idx.entities {
			if strings.HasSuffix(name, "/"+short) {
				found = append(found, name)
			}
		}
	}
	if len(found) == 0 {
		found = Near(short, idx.entities)
	}
	return found[:min(len(found), maxNear)]
}

// filledIn reports whether entity is the documented form with an id, which is
// anything with a digit, in the place of each parameter.
func filledIn(form, entity string) bool {
	want, got := strings.Split(form, "/"), strings.Split(entity, "/")
	if len(want) != len(got) || !strings.Contains(form, "{") {
		return false
	}
	for i := range want {
		if isParam(want[i]) && (isParam(got[i]) || strings.ContainsAny(got[i], "0123456789")) {
			continue
		}
		if want[i] != got[i] {
			return false
		}
	}
	return true
}

// either lists alternatives: a, b or c.
func either(words []string) string { return enumerate(words, " or ") }

// both lists what there is: a, b and c.
func both(words []string) string { return enumerate(words, " and ") }

func enumerate(words []string, last string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	end := len(words) - 1
	return strings.Join(words[:end], ", ") + last + words[end]
}
