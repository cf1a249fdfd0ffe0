package intercomtest

import (
	"encoding/json"
	"net/http"
	"slices"
)

// Sending data events. All of it runs with the workspace locked.
//
// https://developers.intercom.com/docs/references/rest-api/api.intercom.io/data-events
var eventHandlers = map[string]handler{
	"POST /events":           writing((*Workspace).sendEvent),
	"POST /events/summaries": writing((*Workspace).sendSummaries),
}

// An eventKey is what makes two events the same one.
type eventKey struct {
	contact uint32
	at      uint32
	name    string
}

// metadataMost is how many keys an event's metadata can have.
const metadataMost = 10

// sendEvent answers 202 without content. An event of the same contact, name and
// time as another one is that one.
func (ws *Workspace) sendEvent(c *call, p object) {
	if !p.has("id") && !p.has("user_id") && !p.has("email") {
		c.fail(http.StatusBadRequest, "parameter_missing", "one of id, user_id and email is needed")
		return
	}
	at, ok := p.number("created_at")
	if !ok || at < 0 || at > 1<<32-1 {
		c.failWith(invalid("created_at is not a unix timestamp"))
		return
	}
	metadata := json.RawMessage("{}")
	if p.has("metadata") {
		metadata = slices.Clone(p.get("metadata"))
		if len(p.object("metadata")) > metadataMost {
			c.failWith(invalid("metadata has more than %d keys", metadataMost))
			return
		}
	}
	seq, _, ok := ws.namedContact(p, "id", "user_id")
	if !ok {
		c.notFound("User")
		return
	}
	key := eventKey{seq, uint32(at), p.text("event_name")}
	if _, c.again = ws.eventsSeen[key]; !c.again {
		ws.eventsSeen[key] = struct{}{}
		e := event{id: ws.serialID(), name: key.name, at: key.at, metadata: metadata}
		ws.events[seq] = append(ws.events[seq], e)
		c.made = e.id
	}
	c.success(http.StatusAccepted, nil)
}

// sendSummaries counts, and answers without content.
func (ws *Workspace) sendSummaries(c *call, p object) {
	if _, _, ok := ws.namedContact(p, "id", "user_id"); !ok {
		c.notFound("User")
		return
	}
	c.success(http.StatusOK, nil)
}
