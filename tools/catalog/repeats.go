package main

import (
	"fmt"
	"net/http"
	"slices"
)

// A repeat says of a POST or PATCH that sending it twice does what sending it
// once does, as long as its payload has the keys.
type repeat struct {
	keys   []string // of the payload; none where the path says it all
	source string
}

// Where it is known from that a request may be repeated. Where Intercom only
// says what the request does, the reason is that doing it twice leaves what
// doing it once leaves: a tag that is attached, a contact that is archived.
const (
	pages         = "https://developers.intercom.com/docs/references/2.16/rest-api/api.intercom.io/"
	setsArchive   = pages + "contacts/archivecontact: a contact is archived or it is not"
	setsUnarchive = pages + "contacts/unarchivecontact: a contact is archived or it is not"
	setsBlock     = pages + "contacts/blockcontact: a contact is blocked or it is not"
)

// attaches names the page of an operation that attaches what exists already.
func attaches(page string) string {
	return pages + page + ": attaching what is attached changes nothing"
}

// repeats lists all of them. An operation that is not here must not be sent
// twice, whatever it looks like: no idempotency key exists in the API.
var repeats = map[string]repeat{
	// Looked up by a key of the sender's, made or updated.
	"POST /companies":         {[]string{"company_id"}, pages + "companies/createorupdatecompany: looked up via company_id"},
	"POST /ai/external_pages": {[]string{"external_id", "source_id"}, pages + "ai-content/createexternalpage: updated by source_id and external_id"},
	"POST /custom_object_instances/{custom_object_type_identifier}": {[]string{"external_id"}, pages + "custom-object-instances/createcustomobjectinstances: created or updated by external_id"},
	"POST /tags":   {[]string{"name"}, pages + "tags/createtag: created or updated by name or id; tagging sets a state"},
	"POST /events": {[]string{"created_at"}, pages + "data-events/createdataevent: event de-duplication by contact, name and created_at"},

	// Attached to something.
	"POST /articles/{article_id}/tags":                   {[]string{"id"}, attaches("articles/attachtagtoarticle")},
	"POST /internal_articles/{internal_article_id}/tags": {[]string{"id"}, attaches("internal-articles/attachtagtointernalarticle")},
	"POST /content_snippets/{content_snippet_id}/tags":   {[]string{"id"}, attaches("content-snippets/attachtagtocontentsnippet")},
	"POST /contacts/{contact_id}/companies":              {[]string{"id"}, attaches("companies/attachcontacttoacompany")},
	"POST /contacts/{contact_id}/subscriptions":          {[]string{"id"}, attaches("subscription-types/attachsubscriptiontypetocontact")},
	"POST /contacts/{contact_id}/tags":                   {[]string{"id"}, attaches("tags/attachtagtocontact")},
	"POST /conversations/{conversation_id}/tags":         {[]string{"id"}, attaches("tags/attachtagtoconversation")},
	"POST /tickets/{ticket_id}/tags":                     {[]string{"id"}, attaches("tags/attachtagtoticket")},

	// A state that is set.
	"POST /contacts/{contact_id}/archive":           {nil, setsArchive},
	"POST /contacts/{contact_id}/unarchive":         {nil, setsUnarchive},
	"POST /contacts/{contact_id}/block":             {nil, setsBlock},
	"POST /contacts/{id}/banners/{view_id}/dismiss": {nil, pages + "banners/dismisscontactbanner: the request is idempotent"},
	"POST /fin/csat":                                {[]string{"conversation_id", "rating"}, pages + "fin-agent/submitfincsat: submitting the same rating again is a no-op"},
}

// addRepeats puts table into the entries it names, and refuses a line that says
// nothing: an operation that does not exist, or whose method says it already.
func addRepeats(byName map[string]*entry, table map[string]repeat) error {
	for name, r := range table {
		e := byName[name]
		switch {
		case e == nil:
			return fmt.Errorf("repeating %s: no such operation", name)
		case e.Method != http.MethodPost && e.Method != http.MethodPatch:
			return fmt.Errorf("repeating %s: any %s may be repeated", name, e.Method)
		case e.Kind == "Read":
			return fmt.Errorf("repeating %s: it only reads", name)
		case len(r.keys) > 0 && e.Body == "":
			return fmt.Errorf("repeating %s: keys of a payload that it does not have", name)
		case !slices.IsSorted(r.keys):
			return fmt.Errorf("repeating %s: the keys are not sorted", name)
		}
		e.Repeat = r
	}
	return nil
}
