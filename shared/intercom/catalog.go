package intercom

import "strings"

//go:generate go run -C ../../tools ./catalog -optional -spec ../../shared/intercom/intercom-2.16.yaml -out ../shared/intercom/catalog_gen.go

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

// Params returns the names of the path's parameters in the order they stand in
// it: contact_id and tag_id of /contacts/{contact_id}/tags/{tag_id}.
func (o *Operation) Params() []string {
	var names []string
	for segment := range strings.SplitSeq(o.Path, "/") {
		if isParam(segment) {
			names = append(names, segment[1:len(segment)-1])
		}
	}
	return names
}

// Short is the entity without its parameters: contacts/notes. Together with
// the method and the number of parameters it names exactly one operation.
func (o *Operation) Short() string { return shortForm(o.Entity()) }

// Resource is what the operation's records are called: the short entity
// without /search, /list or /scroll at its end, which are only ways to ask.
func (o *Operation) Resource() string {
	short := o.Short()
	for _, way := range []string{"/search", "/list", "/scroll"} {
		if name, ok := strings.CutSuffix(short, way); ok {
			return name
		}
	}
	return short
}

// isParam reports whether a segment of a path is a parameter: {contact_id}.
func isParam(segment string) bool {
	return strings.HasPrefix(segment, "{") && strings.HasSuffix(segment, "}")
}

// shortForm leaves the parameters out of an entity.
func shortForm(entity string) string {
	var b strings.Builder
	for segment := range strings.SplitSeq(entity, "/") {
		if isParam(segment) {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('/')
		}
		b.WriteString(segment)
	}
	return b.String()
}

// anonymous leaves the names of the parameters out of an entity, for they
// differ between versions of the API: contacts/{}/notes.
func anonymous(entity string) string {
	segments := strings.Split(entity, "/")
	for i, segment := range segments {
		if isParam(segment) {
			segments[i] = "{}"
		}
	}
	return strings.Join(segments, "/")
}
