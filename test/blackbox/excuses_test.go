package blackbox_test

import (
	"errors"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
)

// The official description has gaps and mistakes of its own. These tables have
// all that is excused because of them; whatever else differs is the
// connector's mistake.

// undeclared are the query parameters that Intercom takes although its
// description does not declare them, by path: how a list is paged is often
// shown by the example of an answer only.
var undeclared = map[string][]string{
	// Each declares nothing, and its example of an answer has pages with
	// per_page and total_pages.
	"/ai/content_import_sources":          {"page", "per_page"},
	"/ai/external_pages":                  {"page", "per_page"},
	"/articles":                           {"page", "per_page"},
	"/articles/search":                    {"page", "per_page"},
	"/companies/{company_id}/notes":       {"page", "per_page"},
	"/contacts/{contact_id}/notes":        {"page", "per_page"},
	"/help_center/collections":            {"page", "per_page"},
	"/internal_articles":                  {"page", "per_page"},
	"/internal_articles/search":           {"page", "per_page"},
	"/news/news_items":                    {"page", "per_page"},
	"/news/newsfeeds":                     {"page", "per_page"},
	"/news/newsfeeds/{newsfeed_id}/items": {"page", "per_page"},
	"/segments":                           {"page", "per_page"},
	// The address in pages.next is followed; what is in it is Intercom's.
	"/admins/activity_logs":            {"page", "per_page"},
	"/contacts/{contact_id}/companies": {"page", "per_page"},
	"/events":                          {"before", "per_page"},
	// Documented in prose; a cursor in live answers.
	"/contacts":                        {"starting_after", "per_page"},
	"/companies/{company_id}/contacts": {"starting_after", "per_page"},
}

// misdeclared are the parameters whose declaration no request can meet, by
// path.
var misdeclared = map[string]string{
	// Declared in the query, but it is the parameter of the path.
	"/export/reporting_data/{job_identifier}":   "job_identifier",
	"/download/reporting_data/{job_identifier}": "job_identifier",
	// An object of which each member is a parameter of its own, one of three:
	// the validator cannot put it together again.
	"/events": "filter",
}

// payloads are those of operations of which the description has no example that
// its own schema takes.
var payloads = map[string]map[string]any{
	"POST /events": {"event_name": "invited-friend", "created_at": 1671028894, "user_id": "314159"},
	"POST /messages": {
		"message_type": "email", "subject": "Thanks", "body": "Hello there", "template": "plain",
		"from": map[string]any{"type": "admin", "id": 394051},
		"to":   map[string]any{"type": "user", "id": "536e564f316c83104c000020"},
	},
	"POST /visitors/convert": {
		"type": "user", "user": map[string]any{"id": "8a88a590"}, "visitor": map[string]any{"user_id": "3ecf64d0"},
	},
}

// unexcused are the errors that are not the description's own.
func unexcused(o *operation, err error) []error {
	all := []error{err}
	if list, is := errors.AsType[openapi3.MultiError](err); is {
		all = list
	}
	var rest []error
	for _, err := range all {
		var bad *openapi3filter.RequestError
		if !errors.As(err, &bad) || bad.Parameter == nil || bad.Parameter.Name != misdeclared[o.path] {
			rest = append(rest, err)
		}
	}
	return rest
}
