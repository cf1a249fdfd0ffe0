package doctor

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"intercom-connector/shared/intercom"
)

// reads are the permissions to read that go with those to write, by the names of
// https://developers.intercom.com/docs/build-an-integration/learn-more/authentication/oauth-scopes.
var reads = map[string]string{
	"Export reporting data":                   "Read reporting datasets",
	"Read and Write Articles":                 "Read and List articles",
	"Read and write data connectors":          "Read data connectors",
	"Read and write news items and newsfeeds": "Read and list news items and newsfeeds",
	"Read and write users":                    "Read and list users and companies",
	"Update admins":                           "Read admins",
	"Write conversations":                     "Read conversations",
	"Write events":                            "Read events",
	"Write tags":                              "Read tags",
	"Write tickets":                           "Read tickets",
	"Write users and companies":               "Read and list users and companies",
	"read_write_help_center_redirects_scope":  "read_help_center_redirects_scope",
	"write_content":                           "read_content",
}

// standIn is a harmless request for one record that shows whether op may be
// permitted, nil where there is none: a read that needs the same permission,
// else one that needs the permission to read what op writes, else, where no
// permission is known, one of the same entity.
func standIn(op *intercom.Operation, path map[string]string, now time.Time) *intercom.Request {
	for _, belongs := range kinships(op) {
		var best *intercom.Request
		for _, other := range intercom.Operations() {
			if other.Kind != intercom.Read || !belongs(other) {
				continue
			}
			request := harmless(other, path, now)
			if request != nil && (best == nil || closer(op, other, best.Operation) < 0) {
				best = request
			}
		}
		if best != nil {
			return best
		}
	}
	return nil
}

// kinships are the ways in which a read can belong to op, the best first.
func kinships(op *intercom.Operation) []func(*intercom.Operation) bool {
	needs := func(permission string) func(*intercom.Operation) bool {
		return func(other *intercom.Operation) bool { return permission != "" && other.Permission == permission }
	}
	return []func(*intercom.Operation) bool{
		needs(op.Permission),
		needs(reads[op.Permission]),
		func(other *intercom.Operation) bool {
			return (op.Permission == "" || other.Permission == "") && family(other) == family(op)
		},
	}
}

// family is the first part of an operation's path: /contacts.
func family(op *intercom.Operation) string {
	first, _, _ := strings.Cut(op.Entity(), "/")
	return first
}

// closer orders two reads by how well they stand in for op.
func closer(op, a, b *intercom.Operation) int {
	rank := func(o *intercom.Operation) int {
		n := 10 * len(o.Params())
		if family(o) != family(op) {
			n += 5
		}
		if o.Items == "" {
			n += 2
		}
		if o.PerPage == 0 {
			n++ // would answer with more than one record
		}
		return n
	}
	return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(len(a.Path), len(b.Path)), cmp.Compare(a.Path+a.Method, b.Path+b.Method))
}

// harmless is a read of one record that changes nothing, nil where it needs
// what is not known.
func harmless(op *intercom.Operation, path map[string]string, now time.Time) *intercom.Request {
	switch {
	case op.Kind != intercom.Read || op.SideEffect != "" || op.Paging == intercom.Scroll || op.Answer != intercom.JSON:
		return nil
	case op.Method == http.MethodGet && op.Path == "/companies":
		return nil // refused without a filter, whatever its page says
	}
	r := &intercom.Request{Operation: op}
	for _, name := range op.Params() {
		if path[name] == "" {
			return nil
		}
		if r.Path == nil {
			r.Path = map[string]string{}
		}
		r.Path[name] = path[name]
	}
	var ok bool
	if r.Query, ok = query(op, now); !ok {
		return nil
	}
	if r.Payload, ok = payload(op, now); !ok {
		return nil
	}
	one, err := single(r)
	if err != nil {
		return nil
	}
	return one
}

// recently is when a probe begins to read where it has to say since when.
const recently = time.Hour

// query has what a read needs in its query, false where that is not known.
func query(op *intercom.Operation, now time.Time) (url.Values, bool) {
	var values url.Values
	for _, param := range op.Query {
		switch {
		case param.Name == "model" && op.Path == "/data_attributes":
			// Without one, versions of the API differ in what they list.
			values = url.Values{"model": {"contact"}}
		case !param.Required:
		case param.Name == "created_at_after":
			values = url.Values{param.Name: {strconv.FormatInt(now.Add(-recently).Unix(), 10)}}
		default:
			return nil, false
		}
	}
	return values, true
}

// payload is the least that a read needs, false where that is not known.
func payload(op *intercom.Operation, now time.Time) (json.RawMessage, bool) {
	since := strconv.FormatInt(now.Add(-recently).Unix(), 10)
	switch {
	case op.Body != intercom.RequiredBody:
		return nil, true
	case slices.Equal(op.BodyRequired, []string{"query"}):
		return json.RawMessage(fmt.Sprintf(`{"query":{"field":"created_at","operator":">","value":%s}}`, since)), true
	case slices.Equal(op.BodyRequired, []string{"created_at_after"}):
		return json.RawMessage(fmt.Sprintf(`{"created_at_after":%q}`, since)), true
	default:
		return nil, false
	}
}

// nearest is what the best read that belongs to op would need.
func nearest(op *intercom.Operation) []string {
	for _, belongs := range kinships(op) {
		var best *intercom.Operation
		for _, other := range intercom.Operations() {
			if other.Kind == intercom.Read && other.SideEffect == "" && belongs(other) && (best == nil || closer(op, other, best) < 0) {
				best = other
			}
		}
		if best == nil {
			continue
		}
		missing := best.Params()
		for _, param := range best.Query {
			if param.Required && !slices.Contains(missing, param.Name) {
				missing = append(missing, param.Name)
			}
		}
		return missing
	}
	return nil
}
