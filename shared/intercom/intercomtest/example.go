package intercomtest

import (
	"encoding/json"
	"net/url"
	"strings"

	"intercom-connector/shared/intercom"
)

// Example returns a request that the workspace answers with success, for whoever
// wants to walk the catalog. It assumes that there are records of every entity.
// The example of a write fits the workspace as it is: one that was sent may not
// succeed a second time, but the next one does.
func (ws *Workspace) Example(op *intercom.Operation) intercom.Request {
	req := intercom.Request{Operation: op, Path: map[string]string{}, Query: url.Values{}}
	parent, path := "", ""
	for s := range strings.SplitSeq(strings.TrimPrefix(op.Path, "/"), "/") {
		if name, ok := strings.CutPrefix(s, "{"); ok {
			id := ws.exampleID(parent, path)
			req.Path[strings.TrimSuffix(name, "}")] = id
			parent, path = "", path+"/"+id
			continue
		}
		parent, path = s, path+"/"+s
	}
	for _, p := range op.Query {
		if p.Required {
			req.Query.Set(p.Name, sharedID(0))
		}
	}
	if op.Kind != intercom.Read {
		ws.exampleWrite(&req)
		return req
	}
	switch op.Method + " " + op.Path {
	case "GET /admins/activity_logs":
		req.Query.Set("created_at_after", "1")
	case "GET /companies":
		req.Query.Set("tag_id", sharedID(0))
	case "GET /data_attributes":
		req.Query.Set("model", "contact")
	case "GET /events":
		req.Query = url.Values{"type": {"user"}, "intercom_user_id": {ws.first(Contacts)}}
	case "POST /admins/activity_logs/search":
		req.Payload = json.RawMessage(`{"created_at_after":1}`)
	case "POST /calls/search":
		req.Payload = json.RawMessage(`{"conversation_ids":["` + ws.first(Conversations) + `"]}`)
	case "POST /contacts/search", "POST /conversations/search", "POST /tickets/search":
		req.Payload = json.RawMessage(`{"query":{"field":"created_at","operator":">","value":1}}`)
	}
	return req
}

// exampleID returns the id of something that exists under a part of a path,
// which as a whole is path.
func (ws *Workspace) exampleID(parent, path string) string {
	switch parent {
	case "contacts":
		return ws.first(Contacts)
	case "conversations":
		return ws.first(Conversations)
	case "tickets":
		return ws.first(Tickets)
	case "companies":
		return ws.first(Companies)
	case "articles":
		return ws.first(Articles)
	case "collections":
		return ws.first(Collections)
	case "macros":
		return ws.first(Macros)
	case "execution_results":
		return ws.first(Executions)
	case "find_by_external_id":
		for r := range ws.Records(Contacts) {
			if o, _ := parseObject(r.JSON); o.has("external_id") {
				return o.text("external_id")
			}
		}
	case "notes":
		for r := range ws.Records(Contacts) {
			if seq, _ := Contacts.seq(r.ID); noteCount(seq, &row{}) > 0 {
				return noteID(seq, &row{}, 0)
			}
		}
	case "custom_object_instances":
		return "Order"
	}
	return ws.firstShelved(path)
}

// firstShelved returns the id of the first record of a list without rules of its
// own.
func (ws *Workspace) firstShelved(key string) string {
	for _, r := range ws.shelved(key) {
		return r.id
	}
	return sharedID(0)
}

func (ws *Workspace) first(e Entity) string {
	for r := range ws.Records(e) {
		return r.ID
	}
	return sharedID(0)
}
