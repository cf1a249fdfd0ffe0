package main

import "slices"

// kinds are the operations whose kind the method does not tell: a POST that
// only asks, or that starts or cancels an export.
// Source: their pages, https://developers.intercom.com/docs/references/2.16/rest-api/api.intercom.io.
var kinds = map[string]string{
	"POST /admins/activity_logs/search":    "Read",
	"POST /calls/search":                   "Read",
	"POST /companies/list":                 "Read",
	"POST /contacts/search":                "Read",
	"POST /conversations/search":           "Read",
	"POST /tickets/search":                 "Read",
	"POST /export/cancel/{job_identifier}": "Job",
	"POST /export/content/data":            "Job",
	"POST /export/reporting_data/enqueue":  "Job",
}

// A correction is what is known better than the description says. Fields that
// are empty leave the entry as it is.
type correction struct {
	operation string // method and path

	ID         string
	Optional   string // the query parameter that is not required after all
	Answer     string
	Items      string
	Paging     string
	PerPage    int
	SideEffect string

	why    string
	source string
}

// Where corrections come from.
const (
	// The description contradicts itself: examples, prose or other versions.
	fromExamples = "the examples, summary or prose of the same operation"
	fromPaging   = "https://developers.intercom.com/docs/build-an-integration/learn-more/rest-apis/pagination"
	fromLimit    = "https://github.com/intercom/Intercom-OpenAPI/pull/639"
	fromEstuary  = "https://github.com/estuary/connectors (source-intercom-native), recorded live answers"
	fromAirbyte  = "https://github.com/airbytehq/airbyte (source-intercom)"
	fromSinger   = "https://github.com/singer-io/tap-intercom"
	fromPostHog  = "https://github.com/PostHog/posthog/issues/63033"
	fromSDK      = "https://github.com/intercom/intercom-node/issues/489"
)

// corrections is all that the catalog owes to hands.
var corrections = []correction{
	// Ids for operations that have none, and a path parameter that is declared
	// as a query parameter.
	{operation: "GET /download/reporting_data/{job_identifier}", ID: "downloadReportingDataExport", Optional: "job_identifier", Answer: "Binary", why: "no operationId; the path parameter is declared in the query; the answer is an archive", source: fromExamples},
	{operation: "GET /export/reporting_data/{job_identifier}", ID: "getReportingDataExport", Optional: "job_identifier", why: "no operationId; the path parameter is declared in the query", source: fromExamples},
	{operation: "GET /export/reporting_data/get_datasets", ID: "listReportingDatasets", why: "no operationId", source: fromExamples},
	{operation: "POST /export/reporting_data/enqueue", ID: "enqueueReportingDataExport", why: "no operationId", source: fromExamples},

	// Answers without JSON.
	{operation: "GET /calls/{call_id}/recording", Answer: "Binary", why: "a redirect to an audio file is all that is described", source: fromExamples},
	{operation: "GET /download/content/data/{job_identifier}", Answer: "Binary", why: "compressed CSV, no content type is declared", source: fromExamples},
	{operation: "GET /fin_voice/phone_number/{phone_number}", Answer: "JSON", why: "no success is described; its siblings answer with a call", source: fromExamples},

	// Cursors that are not declared.
	{operation: "GET /companies/{company_id}/contacts", Paging: "CursorQuery", why: "undeclared; pages.next is an object with a cursor", source: fromSDK},
	{operation: "GET /contacts", Paging: "CursorQuery", PerPage: 150, why: "undeclared", source: fromLimit},
	{operation: "POST /contacts/search", PerPage: 150, why: "the size is declared without its maximum", source: fromPaging},
	{operation: "POST /conversations/search", PerPage: 150, why: "the size is declared without its maximum", source: fromPaging},
	{operation: "POST /tickets/search", PerPage: 150, why: "the size is declared without its maximum", source: fromPaging},

	// URLs of the next page that are not declared.
	{operation: "GET /admins/activity_logs", Paging: "NextURL", why: "undeclared; pages.next is a URL", source: fromAirbyte},
	{operation: "GET /contacts/{contact_id}/companies", Items: "data", Paging: "NextURL", PerPage: 60, why: "the schema has companies, examples and live answers data; pages.next is a URL", source: fromSinger},
	{operation: "GET /events", Items: "events", Paging: "NextURL", why: "the schema is that of a summary; pages.next is a URL with since or before", source: fromExamples},

	// Page numbers that are not declared.
	{operation: "GET /ai/content_import_sources", Paging: "PageQuery", why: "undeclared; examples have pages", source: fromExamples},
	{operation: "GET /ai/external_pages", Paging: "PageQuery", why: "undeclared; examples have pages", source: fromExamples},
	{operation: "GET /articles", Paging: "PageQuery", why: "undeclared; examples have pages", source: fromExamples},
	{operation: "GET /articles/search", Items: "data.articles", Paging: "PageQuery", why: "records are nested beside highlights; paging is undeclared", source: fromExamples},
	{operation: "GET /companies/{company_id}/notes", Paging: "PageQuery", why: "undeclared; examples have pages", source: fromExamples},
	{operation: "GET /contacts/{contact_id}/notes", Paging: "PageQuery", why: "undeclared; examples have pages", source: fromExamples},
	{operation: "GET /help_center/collections", Paging: "PageQuery", why: "undeclared; examples have pages", source: fromExamples},
	{operation: "GET /internal_articles", Paging: "PageQuery", why: "undeclared; examples have pages", source: fromExamples},
	{operation: "GET /internal_articles/search", Items: "data.internal_articles", Paging: "PageQuery", why: "records are nested; paging is undeclared", source: fromExamples},
	{operation: "GET /news/news_items", Paging: "PageQuery", why: "undeclared; examples have pages", source: fromExamples},
	{operation: "GET /news/newsfeeds", Paging: "PageQuery", why: "undeclared; examples have pages", source: fromExamples},
	{operation: "GET /news/newsfeeds/{newsfeed_id}/items", Paging: "PageQuery", why: "undeclared; examples have pages", source: fromExamples},
	{operation: "GET /segments", Paging: "PageQuery", why: "the schema has pages, though no live answer with them is known", source: fromEstuary},

	// Sizes that are only told in prose, or learnt.
	{operation: "GET /calls", PerPage: 25, why: "the maximum is in the prose", source: fromExamples},
	{operation: "GET /companies", PerPage: 60, why: "more is refused as too big", source: fromPostHog},
	{operation: "POST /companies/list", PerPage: 60, why: "more is refused as too big", source: fromPostHog},
	{operation: "GET /content_snippets", PerPage: 50, why: "the maximum is in the prose", source: fromExamples},
	{operation: "GET /help_center/help_centers/{help_center_id}/redirects", PerPage: 250, why: "the maximum is in the prose", source: fromExamples},

	// Reads that change something.
	{operation: "GET /companies/scroll", SideEffect: "opens the app's only scroll: another one is refused until it is read to its end or idle for a minute", why: "stateful", source: fromExamples},
	{operation: "GET /contacts/{id}/banners", SideEffect: "records an impression of every banner it lists", why: "reading counts as showing", source: fromExamples},
}

// apply changes e and reports whether every field of c made a difference.
func (c correction) apply(e *entry) bool {
	needed := true
	set := func(field *string, value string) {
		if value == "" {
			return
		}
		needed = needed && *field != value
		*field = value
	}
	set(&e.ID, c.ID)
	set(&e.Answer, c.Answer)
	set(&e.Items, c.Items)
	set(&e.Paging, c.Paging)
	set(&e.SideEffect, c.SideEffect)
	if c.PerPage != 0 {
		needed = needed && e.PerPage != c.PerPage
		e.PerPage = c.PerPage
	}
	if c.Optional != "" {
		i := slices.IndexFunc(e.Query, func(p param) bool { return p == param{c.Optional, true} })
		if i < 0 {
			return false
		}
		e.Query[i].Required = false
	}
	return needed
}
