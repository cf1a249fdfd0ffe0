package intercomtest

import (
	"maps"
	"net/url"
	"strings"

	"intercom-connector/shared/intercom"
)

// A handler answers one operation; it writes to c.answer.
type handler func(ws *Workspace, c *call)

// A route is an operation of the catalog and who answers it.
type route struct {
	op       *intercom.Operation
	segments []string // of the path; "{}" stands for any
	handle   handler
}

// routes are sorted by method and number of segments, so that a request is
// compared with a handful.
type routes map[routeKey][]route

type routeKey struct {
	method   string
	segments int
}

// handlers are the operations that have rules of their own: by method and path
// without the names of its parameters. The other reads are answered by their
// shape, the other writes by what their path and method say.
func handlers() map[string]handler {
	all := map[string]handler{}
	for _, group := range []map[string]handler{
		contactHandlers, conversationHandlers, ticketHandlers, companyHandlers,
		contentHandlers, logHandlers, otherHandlers,
	} {
		maps.Copy(all, group)
	}
	return all
}

// writeHandlers are the writes that have rules of their own.
func writeHandlers() map[string]handler {
	all := map[string]handler{}
	for _, group := range []map[string]handler{
		attributeHandlers, customObjectHandlers, contactWriteHandlers, tagHandlers, attachHandlers,
		companyWriteHandlers, eventHandlers, conversationWriteHandlers, ticketWriteHandlers,
		contentWriteHandlers, exportHandlers, optionHandlers, singleHandlers, ticketAttributeHandlers,
	} {
		maps.Copy(all, group)
	}
	return all
}

func newRoutes() routes {
	rs := routes{}
	own := handlers()
	maps.Copy(own, writeHandlers())
	for _, op := range intercom.Operations() {
		path := anonymous(op.Path)
		rt := route{op: op, segments: strings.Split(path, "/"), handle: own[op.Method+" "+path]}
		if rt.handle == nil {
			rt.handle = (*Workspace).shaped
			if op.Kind != intercom.Read {
				rt.handle = generic(op)
			}
		}
		k := routeKey{op.Method, len(rt.segments)}
		rs[k] = append(rs[k], rt)
	}
	return rs
}

// anonymous returns a documented path without the names of its parameters,
// which differ between versions of the description.
func anonymous(path string) string {
	segments := strings.Split(path, "/")
	for i, s := range segments {
		if strings.HasPrefix(s, "{") {
			segments[i] = "{}"
		}
	}
	return strings.Join(segments, "/")
}

// find returns the route of a request and the values of its parameters. Where
// several fit, the one whose literal segments come first wins: /contacts/search
// is not the contact "search".
func (rs routes) find(method, escapedPath string) (*route, []string) {
	got := strings.Split(strings.TrimSuffix(escapedPath, "/"), "/")
	candidates := rs[routeKey{method, len(got)}]
	var best *route
	for i := range candidates {
		if rt := &candidates[i]; rt.fits(got) && (best == nil || rt.literal(best)) {
			best = rt
		}
	}
	if best == nil {
		return nil, nil
	}
	var params []string
	for i, s := range best.segments {
		if s == "{}" {
			v, err := url.PathUnescape(got[i])
			if err != nil {
				return nil, nil
			}
			params = append(params, v)
		}
	}
	return best, params
}

func (rt *route) fits(got []string) bool {
	for i, s := range rt.segments {
		if s != got[i] && (s != "{}" || got[i] == "") {
			return false
		}
	}
	return true
}

// literal reports whether rt is literal where other is not, at the first
// segment in which they differ.
func (rt *route) literal(other *route) bool {
	for i, s := range rt.segments {
		if s != other.segments[i] {
			return other.segments[i] == "{}"
		}
	}
	return false
}
