package intercomtest

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"

	"intercom-connector/shared/intercom"
)

// examples are payloads of writes, by method and path without the names of its
// parameters. What is in braces is filled in by exampleWrite. Writes that take a
// payload and are not here succeed with an empty object.
var examples = map[string]string{
	"PUT /admins/{}/away": `{"away_mode_enabled":true,"away_mode_reassign":false}`,

	"POST /office_hours_schedules":                              `{"name":"Support {n}","time_zone_name":"Europe/Amsterdam","time_intervals":[{"start_minute":540,"end_minute":1020}]}`,
	"PUT /office_hours_schedules/{}":                            `{"name":"Support"}`,
	"POST /office_hours_schedules/{}/office_hours_exceptions":   `{"exception_date":"2026-12-25","exception_type":"closed","name":"Closed {n}"}`,
	"PUT /office_hours_schedules/{}/office_hours_exceptions/{}": `{"name":"Closed"}`,

	"POST /ai/content_import_sources":   `{"sync_behavior":"api","url":"https://docs{n}.example.com"}`,
	"PUT /ai/content_import_sources/{}": `{"sync_behavior":"api","url":"https://docs.example.com"}`,
	"POST /ai/external_pages":           `{"external_id":"page-{n}","html":"<p>Hello</p>","locale":"en","source_id":{number},"title":"A page","url":"https://docs.example.com/{n}"}`,
	"PUT /ai/external_pages/{}":         `{"external_id":"page","html":"<p>Hello</p>","locale":"en","source_id":{number},"title":"A page","url":"https://docs.example.com/page"}`,

	"POST /articles":                              `{"title":"An article {n}","author_id":{number},"body":"<p>Hello</p>","state":"published"}`,
	"PUT /articles/{}":                            `{"title":"Another title"}`,
	"PUT /articles/{}/draft":                      `{"title":"A title to be"}`,
	"POST /articles/{}/draft/publish":             `{"locales":["en"]}`,
	"POST /articles/{}/tags":                      `{"id":"{tag}"}`,
	"POST /internal_articles":                     `{"title":"Inside {n}","owner_id":{number},"author_id":{number}}`,
	"PUT /internal_articles/{}":                   `{"title":"Inside"}`,
	"POST /internal_articles/{}/tags":             `{"id":"{tag}"}`,
	"POST /content_snippets":                      `{"title":"A snippet {n}","body_markdown":"Hello"}`,
	"PUT /content_snippets/{}":                    `{"title":"A snippet"}`,
	"POST /content_snippets/{}/tags":              `{"id":"{tag}"}`,
	"POST /content/bulk_actions":                  `{"action":"publish","content_ids":[{"type":"article_content","id":"{shared}"}]}`,
	"POST /help_center/collections":               `{"name":"A collection {n}"}`,
	"PUT /help_center/collections/{}":             `{"name":"A collection"}`,
	"POST /news/news_items":                       `{"title":"News {n}","sender_id":{number}}`,
	"PUT /news/news_items/{}":                     `{"title":"News","sender_id":{number}}`,
	"POST /audiences":                             `{"name":"An audience {n}"}`,
	"PUT /audiences/{}":                           `{"name":"An audience"}`,
	"POST /data_connectors":                       `{"name":"A connector {n}","http_method":"get","url":"https://api.example.com/{n}"}`,
	"PATCH /data_connectors/{}":                   `{"name":"A connector"}`,
	"PUT /ip_allowlist":                           `{"enabled":false,"ip_allowlist":["10.0.0.1"]}`,
	"POST /phone_call_redirects":                  `{"phone":"+31612345678"}`,
	"POST /fin_voice/register":                    `{"phone_number":"+31612345678","call_id":"call-{n}"}`,
	"POST /help_center/help_centers/{}/redirects": `{"from_url":"https://help.example.com/old-{n}","locale":"en","target_type":"article","target_id":"{article}"}`,

	"POST /companies":                 `{"company_id":"company-{n}","name":"A company {n}"}`,
	"PUT /companies/{}":               `{"name":"A company"}`,
	"POST /companies/{}/notes":        `{"body":"A note {n}","admin_id":"{shared}"}`,
	"POST /contacts":                  `{"email":"example-{n}@example.com","name":"An Example"}`,
	"PUT /contacts/{}":                `{"name":"Another Name"}`,
	"POST /contacts/{}/companies":     `{"id":"{company}"}`,
	"POST /contacts/{}/notes":         `{"body":"A note {n}"}`,
	"POST /contacts/{}/subscriptions": `{"id":"{shared}","consent_type":"opt_in"}`,
	"POST /contacts/{}/tags":          `{"id":"{tag}"}`,
	"POST /contacts/merge":            `{"from":"{lead}","into":"{user}","skip_duplicate_validation":true}`,
	"POST /visitors/convert":          `{"type":"user","user":{"user_id":"visitor-{n}","email":"visitor-{n}@example.com"},"visitor":{"user_id":"visitor-{n}"}}`,
	"PUT /visitors":                   `{"id":"{shared}","name":"A Visitor"}`,
	"POST /tags":                      `{"name":"example {n}"}`,
	"POST /data_attributes":           `{"name":"example_{n}","model":"contact","data_type":"string"}`,
	"PUT /data_attributes/{}":         `{"description":"What it is"}`,
	"POST /events":                    `{"event_name":"example-{n}","created_at":{now},"id":"{contact}"}`,
	"POST /events/summaries":          `{"user_id":"{external}","event_summaries":{"event_name":"example","count":1,"first":{now},"last":{now}}}`,

	"POST /conversations":                         `{"from":{"type":"user","id":"{contact}"},"body":"Hello {n}"}`,
	"PUT /conversations/{}":                       `{"read":true,"title":"A title"}`,
	"POST /conversations/{}/reply":                `{"message_type":"comment","type":"admin","admin_id":"{shared}","body":"A reply {n}"}`,
	"POST /conversations/{}/parts":                `{"message_type":"close","type":"admin","admin_id":"{shared}"}`,
	"POST /conversations/{}/tags":                 `{"id":"{tag}","admin_id":"{shared}"}`,
	"DELETE /conversations/{}/tags/{}":            `{"admin_id":"{shared}"}`,
	"POST /conversations/{}/customers":            `{"admin_id":"{shared}","customer":{"intercom_user_id":"{contact}"}}`,
	"DELETE /conversations/{}/customers/{}":       `{"admin_id":"{shared}"}`,
	"POST /conversations/redact":                  `{"type":"source","conversation_id":"{conversation}","source_id":"{source}"}`,
	"POST /conversations/{}/merge":                `{"merge_into_conversation_id":{other}}`,
	"POST /conversations/{}/convert":              `{"ticket_type_id":"{type}"}`,
	"POST /conversations/attributes":              `{"name":"example_{n}","data_type":"string"}`,
	"PUT /conversations/attributes/{}":            `{"description":"What it is"}`,
	"POST /conversations/attributes/{}/options":   `{"label":"option {n}"}`,
	"PUT /conversations/attributes/{}/options/{}": `{"label":"an option"}`,
	"POST /messages":                              `{"message_type":"in_app","body":"Hello {n}","template":"plain","from":{"type":"admin","id":{number}},"to":{"type":"user","id":"{contact}"}}`,

	"POST /tickets":                         `{"ticket_type_id":"{type}","contacts":[{"id":"{contact}"}],"ticket_attributes":{"_default_title_":"A ticket {n}"}}`,
	"POST /tickets/enqueue":                 `{"ticket_type_id":"{type}","contacts":[{"id":"{contact}"}],"ticket_attributes":{"_default_title_":"A ticket {n}"}}`,
	"PUT /tickets/{}":                       `{"ticket_attributes":{"_default_title_":"Another title"}}`,
	"POST /tickets/{}/reply":                `{"message_type":"note","type":"admin","admin_id":"{shared}","body":"A note {n}"}`,
	"POST /tickets/{}/tags":                 `{"id":"{tag}","admin_id":"{shared}"}`,
	"DELETE /tickets/{}/tags/{}":            `{"admin_id":"{shared}"}`,
	"POST /tickets/{}/linked_conversations": `{"conversation_id":"{conversation}"}`,
	"POST /tickets/{}/change_type":          `{"ticket_type_id":"{type}","ticket_state_id":"{shared}"}`,
	"POST /ticket_types":                    `{"name":"A type {n}","category":"Customer"}`,
	"PUT /ticket_types/{}":                  `{"name":"A type"}`,
	"POST /ticket_types/{}/attributes":      `{"name":"attribute_{n}","description":"What it is","data_type":"string"}`,
	"PUT /ticket_types/{}/attributes/{}":    `{"description":"What it is"}`,

	"POST /custom_object_instances/{}":    `{"external_id":"object-{n}","custom_attributes":{"order_number":"ORDER-{n}"}}`,
	"POST /export/content/data":           `{"created_at_after":{before},"created_at_before":{now}}`,
	"POST /export/reporting_data/enqueue": `{"dataset_id":"conversation","attribute_ids":["conversation_id"],"start_time":{before},"end_time":{now}}`,
	"POST /fin/start":                     `{"conversation_id":"fin-{n}","message":{"author":"user","body":"Hello","timestamp":"2026-01-24T10:01:20.000Z"},"user":{"id":"{external}","name":"An Example","email":"example@example.com"}}`,
	"POST /fin/reply":                     `{"conversation_id":"fin-{n}","message":{"author":"user","body":"Hello","timestamp":"2026-01-24T10:01:20.000Z"},"user":{"id":"{external}","name":"An Example","email":"example@example.com"}}`,
	"POST /fin/csat":                      `{"conversation_id":"fin-{n}","rating":"amazing"}`,
}

// exampleWrite completes the example of a write. {n} is another number after
// every write that was applied, so that the example of a creation succeeds again.
func (ws *Workspace) exampleWrite(req *intercom.Request) {
	where := req.Operation.Method + " " + anonymous(req.Operation.Path)
	ws.examplePath(req, where)
	if req.Operation.Body == intercom.NoBody {
		return
	}
	template, ok := examples[where]
	if !ok {
		template = "{}"
	}
	ws.mu.Lock()
	n := len(ws.audit.log)
	ws.mu.Unlock()
	now := int64(unixNow())
	conversation, source := ws.exampleConversation()
	text := strings.NewReplacer(
		"{n}", strconv.Itoa(n),
		"{now}", strconv.FormatInt(now, 10),
		"{before}", strconv.FormatInt(now-24*60*60, 10),
		"{shared}", sharedID(0),
		"{number}", sharedID(0),
		"{tag}", ws.firstShelved("/tags"),
		"{type}", ws.firstShelved("/ticket_types"),
		"{contact}", ws.first(Contacts),
		"{user}", ws.exampleContact("user"),
		"{lead}", ws.exampleContact("lead"),
		"{external}", ws.exampleID("find_by_external_id", ""),
		"{company}", ws.first(Companies),
		"{article}", ws.first(Articles),
		"{conversation}", conversation,
		"{source}", source,
		"{other}", ws.secondConversation(),
	).Replace(template)
	req.Payload = json.RawMessage(text)
}

// examplePath chooses records that the write is possible with.
func (ws *Workspace) examplePath(req *intercom.Request, where string) {
	switch where {
	case "DELETE /contacts/{}/tags/{}":
		ws.exampleWith(req, Contacts, func(seq uint32, r *row) string { return last(ws.tagIDs(seq, r), 1) })
	case "DELETE /contacts/{}/companies/{}":
		ws.exampleWith(req, Contacts, func(seq uint32, r *row) string { return last(ws.companyIDs(seq, r), 1) })
	case "DELETE /contacts/{}/subscriptions/{}":
		ws.exampleWith(req, Contacts, func(_ uint32, r *row) string { return last(ws.subscriptionIDs(r), 1) })
	case "DELETE /conversations/{}/tags/{}":
		ws.exampleWith(req, Conversations, func(seq uint32, r *row) string { return last(ws.labelsOf(seq, r), 1) })
	case "DELETE /tickets/{}/tags/{}":
		ws.exampleWith(req, Tickets, func(seq uint32, r *row) string { return last(ws.labelsOf(seq, r), 1) })
	case "DELETE /articles/{}/tags/{}":
		ws.exampleWith(req, Articles, func(seq uint32, r *row) string { return last(ws.labelsOf(seq, r), 1) })
	case "DELETE /conversations/{}/customers/{}":
		ws.exampleWith(req, Conversations, func(seq uint32, r *row) string { return last(ws.peopleOf(Conversations, seq, r), 2) })
	case "DELETE /tickets/{}/linked_conversations/{}":
		ws.exampleWith(req, Tickets, func(seq uint32, r *row) string {
			if !tracker(seq, r) {
				return ""
			}
			return last(ws.linkedOf(Tickets, seq, r), 1)
		})
	case "POST /tickets/{}/linked_conversations":
		ws.exampleWith(req, Tickets, func(seq uint32, r *row) string {
			if tracker(seq, r) {
				return sharedID(0)
			}
			return ""
		})
	case "PUT /articles/{}/draft", "POST /articles/{}/draft/publish":
		ws.exampleWith(req, Articles, func(seq uint32, r *row) string {
			_, published := ws.onShelf(drafts, Articles.id(seq))
			if articleState(seq, r) == "published" && !r.made() && !published {
				return sharedID(0)
			}
			return ""
		})
	case "PUT /data_attributes/{}":
		req.Path["data_attribute_id"] = sharedID(0)
	case "DELETE /custom_object_instances/{}":
		for _, r := range ws.shelved(customObjectKey("Order")) {
			var w writer
			ws.writeCustomObject(&w, "Order", r)
			o, _ := parseObject(w.b)
			req.Query = url.Values{"external_id": {o.text("external_id")}}
			return
		}
	case "DELETE /custom_object_instances/{}/{}":
		req.Path["custom_object_instance_id"] = ws.firstShelved(customObjectKey("Order"))
	}
}

// exampleWith sets the parameters of a path: the first one to the first record
// for which value is not "", and the second one, if there is one, to that value.
func (ws *Workspace) exampleWith(req *intercom.Request, e Entity, value func(seq uint32, r *row) string) {
	names := req.Operation.Params()
	ws.mu.Lock()
	defer ws.mu.Unlock()
	for seq, r := range ws.tables[e].now.rows {
		if r.gone {
			continue
		}
		if v := value(uint32(seq), &r); v != "" {
			req.Path[names[0]] = e.id(uint32(seq))
			if len(names) > 1 {
				req.Path[names[1]] = v
			}
			return
		}
	}
}

// last returns the last of at least so many ids, "" of fewer.
func last(ids []string, atLeast int) string {
	if len(ids) < atLeast {
		return ""
	}
	return ids[len(ids)-1]
}

// exampleContact returns the first contact of a role.
func (ws *Workspace) exampleContact(role string) string {
	for r := range ws.Records(Contacts) {
		if o, _ := parseObject(r.JSON); o.text("role") == role {
			return r.ID
		}
	}
	return ""
}

// exampleConversation returns the first conversation and how it began.
func (ws *Workspace) exampleConversation() (id, source string) {
	for r := range ws.Records(Conversations) {
		o, _ := parseObject(r.JSON)
		return r.ID, o.object("source").text("id")
	}
	return sharedID(0), sharedID(0)
}

// secondConversation is the one that the first one is merged into.
func (ws *Workspace) secondConversation() string {
	n := 0
	for r := range ws.Records(Conversations) {
		if n++; n == 2 {
			return r.ID
		}
	}
	return sharedID(0)
}
