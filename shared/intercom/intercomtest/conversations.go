package intercomtest

import (
	"slices"
	"strconv"
	"strings"
)

// https://developers.intercom.com/docs/references/rest-api/api.intercom.io/conversations
var conversationHandlers = map[string]handler{
	"POST /conversations/search": func(ws *Workspace, c *call) { ws.search(c, Conversations, ws.conversationSearch()) },
	// The list is in the order of the last update, so it bubbles.
	"GET /conversations": func(ws *Workspace, c *call) {
		ws.listByCursor(c, Conversations, &searchable{list: "conversation.list", items: "conversations", perPage: 20}, true)
	},
	"GET /conversations/{}":                    (*Workspace).getConversation,
	"GET /conversations/deleted":               (*Workspace).deletedConversations,
	"GET /conversations/{}/handling_events":    ofConversation((*Workspace).handlingEvents),
	"GET /conversations/{}/side_conversations": ofConversation((*Workspace).sideConversations),
}

// partsMax is how many parts a GET serves: the newest.
const partsMax = 500

// A deletion is a conversation that is no more.
type deletion struct {
	id        string
	at        uint32
	forgotten bool // and its metrics with it
}

var conversationStates = [...]string{"open", "closed", "snoozed"}

func (ws *Workspace) conversationState(seq uint32, r *row) string {
	if r.doc != nil && r.doc.state != "" {
		return r.doc.state
	}
	return conversationStates[(ws.rnd(Conversations, seq, 's')+uint64(r.version))%3]
}

// contactOf is the contact that a conversation or a ticket is with where nobody
// wrote it.
func (ws *Workspace) contactOf(e Entity, seq uint32) uint32 {
	return uint32(ws.rnd(e, seq, 'w') % uint64(max(ws.cfg.Contacts, 1)))
}

// peopleOf returns the ids of the contacts that a conversation or a ticket is
// with.
func (ws *Workspace) peopleOf(e Entity, seq uint32, r *row) []string {
	if ids, ok := r.list("contacts"); ok {
		return ids
	}
	ids := []string{Contacts.id(ws.contactOf(e, seq))}
	if e == Conversations && seq%8 == 3 && ws.cfg.Contacts > 1 {
		ids = append(ids, Contacts.id((ws.contactOf(e, seq)+1)%uint32(ws.cfg.Contacts)))
	}
	return ids
}

// labelsOf returns the ids of the tags of a conversation, a ticket or an article.
func (ws *Workspace) labelsOf(seq uint32, r *row) []string {
	if ids, ok := r.list("tags"); ok {
		return ids
	}
	if seq%6 != 2 || ws.cfg.Others == 0 {
		return nil
	}
	return []string{sharedID(int(seq) % ws.cfg.Others)}
}

// linkedOf returns the ids of the tickets that belong to a conversation, or of
// the conversations that belong to a ticket, which then is a tracker.
func (ws *Workspace) linkedOf(e Entity, seq uint32, r *row) []string {
	if ids, ok := r.list("linked"); ok {
		return ids
	}
	if seq%9 != 2 || int64(seq) >= int64(min(ws.cfg.Conversations, ws.cfg.Tickets)) {
		return nil
	}
	return []string{e.id(seq)} // both have decimal ids
}

func (ws *Workspace) writeConversation(w *writer, seq uint32, r *row, parts bool) {
	contact := ws.contactOf(Conversations, seq)
	state := ws.conversationState(seq, r)
	n := partCount(seq, r) + len(r.parts())
	w.open('{')
	w.str("type", "conversation")
	w.idOf("id", Conversations, seq)
	w.int("created_at", int64(r.created))
	w.int("updated_at", int64(r.updated))
	w.null("waiting_since")
	w.null("snoozed_until")
	w.obj("source")
	w.str("type", "conversation")
	w.str("id", strconv.Itoa(403_000_000+int(seq)))
	w.str("delivered_as", "customer_initiated")
	w.str("subject", "")
	w.str("body", ws.sourceBody(seq, r))
	ws.writeAuthor(w, "author", contact)
	w.list("attachments")
	w.endList()
	w.null("url")
	w.bool("redacted", false)
	w.end()
	ws.withContacts(w, ws.peopleOf(Conversations, seq, r))
	w.null("first_contact_reply")
	if r.made() {
		w.int("admin_assignee_id", 0)
	} else {
		w.int("admin_assignee_id", int64(ws.rnd(Conversations, seq, 'a')%3))
	}
	w.int("team_assignee_id", 0)
	w.bool("open", state == "open")
	w.str("state", state)
	w.bool("read", ws.conversationRead(seq, r))
	ws.writeTags(w, seq, r)
	w.str("priority", "none")
	w.null("sla_applied")
	w.obj("statistics")
	w.str("type", "conversation_statistics")
	w.int("count_conversation_parts", int64(n))
	w.end()
	w.null("conversation_rating")
	w.null("teammates")
	if r.made() {
		w.null("title")
	} else {
		w.str("title", "Conversation "+strconv.Itoa(int(seq)))
	}
	w.obj("custom_attributes")
	w.int("revision", int64(r.version))
	w.end()
	writeLinked(w, "ticket", ws.linkedOf(Conversations, seq, r))
	w.bool("ai_agent_participated", false)
	if parts {
		ws.writeParts(w, "conversation_part", Conversations, seq, r, n-len(r.parts()))
	}
	w.end()
}

func (ws *Workspace) writeAuthor(w *writer, key string, contact uint32) {
	w.obj(key)
	w.str("type", "user")
	w.idOf("id", Contacts, contact)
	w.str("name", ws.contactName(contact, &row{}))
	w.str("email", ws.email(contact, &row{}))
	w.end()
}

// withContacts appends the contacts of a conversation or a ticket. Their
// external ids are those that they had at first.
func (ws *Workspace) withContacts(w *writer, ids []string) {
	w.obj("contacts")
	w.str("type", "contact.list")
	w.list("contacts")
	for _, id := range ids {
		seq, _ := Contacts.seq(id)
		w.open('{')
		w.str("type", "contact")
		w.str("id", id)
		w.str("external_id", "user-"+strconv.Itoa(int(seq)))
		w.end()
	}
	w.endList()
	w.end()
}

// writeTags appends the tags of a conversation, a ticket or an article.
func (ws *Workspace) writeTags(w *writer, seq uint32, r *row) {
	w.obj("tags")
	w.str("type", "tag.list")
	w.list("tags")
	for _, id := range ws.labelsOf(seq, r) {
		ws.writeTag(w, id, r.created)
	}
	w.endList()
	w.end()
}

// writeLinked appends what is linked to a conversation or a ticket.
func writeLinked(w *writer, typ string, ids []string) {
	w.obj("linked_objects")
	w.str("type", "list")
	w.list("data")
	for _, id := range ids {
		w.open('{')
		w.str("type", typ)
		w.str("id", id)
		w.null("category")
		w.end()
	}
	w.endList()
	w.int("total_count", int64(len(ids)))
	w.bool("has_more", false)
	w.end()
}

// sourceBody is how a conversation began.
func (ws *Workspace) sourceBody(seq uint32, r *row) string {
	if r.doc != nil {
		if source := r.doc.fields.object("source"); source != nil {
			return source.text("body")
		}
	}
	return "<p>" + padding(ws.rnd(Conversations, seq, 'b'), 120) + "</p>"
}

func (ws *Workspace) conversationRead(seq uint32, r *row) bool {
	if r.doc != nil {
		if read, ok := r.doc.fields.flag("read"); ok || r.doc.made {
			return read
		}
	}
	return seq%2 == 0
}

// getConversation answers with the parts, which no list has.
func (ws *Workspace) getConversation(c *call) {
	ws.mu.Lock()
	seq, r, ok := ws.tables[Conversations].find(c.params[0])
	ws.mu.Unlock()
	if !ok {
		c.notFound("Conversation")
		return
	}
	c.json(ws.conversationJSON(seq, r))
}

// conversationJSON is a conversation with its parts.
func (ws *Workspace) conversationJSON(seq uint32, r row) []byte {
	var w writer
	ws.laid(&w, Conversations, &r, func() { ws.writeConversation(&w, seq, &r, true) })
	return w.b
}

// deletedConversations lists what was deleted, the latest first.
func (ws *Workspace) deletedConversations(c *call) {
	ws.mu.Lock()
	deleted := slices.Clip(ws.deleted)
	ws.mu.Unlock()
	n := numbered{list: "conversations.list", items: "conversations", total: len(deleted), perPage: 20, most: 60, next: nextURL}
	ws.numbered(c, n, func(w *writer, i int) {
		d := deleted[len(deleted)-1-i]
		if strings.EqualFold(c.query.Get("order"), "asc") {
			d = deleted[i]
		}
		w.open('{')
		w.str("type", "conversation")
		w.str("id", d.id)
		w.bool("metrics_retained", !d.forgotten)
		w.int("deleted_at", int64(d.at))
		w.end()
	})
}

// ofConversation wraps a handler that needs an existing conversation.
func ofConversation(h func(ws *Workspace, c *call, seq uint32, r row)) handler {
	return func(ws *Workspace, c *call) {
		ws.mu.Lock()
		seq, r, ok := ws.tables[Conversations].find(c.params[0])
		ws.mu.Unlock()
		if !ok {
			c.notFound("Conversation")
			return
		}
		h(ws, c, seq, r)
	}
}

// handlingEvents have no ids, and times as text.
func (ws *Workspace) handlingEvents(c *call, seq uint32, r row) {
	var w writer
	w.open('{')
	w.list("handling_events")
	for i := range int(seq % 4) {
		w.open('{')
		w.obj("teammate")
		w.str("type", "admin")
		w.int("id", 1001)
		w.str("name", "Admin 0")
		w.end()
		w.str("type", [...]string{"paused", "resumed"}[i%2])
		w.iso("timestamp", r.created+uint32(i)*600)
		w.end()
	}
	w.endList()
	w.end()
	c.json(w.b)
}

// sideConversations are paged by number, without a next.
func (ws *Workspace) sideConversations(c *call, seq uint32, r row) {
	n := numbered{list: "side_conversation.list", items: "side_conversations", total: int(seq % 40), perPage: 25, most: 50}
	ws.numbered(c, n, func(w *writer, i int) {
		w.open('{')
		w.str("side_conversation_id", Conversations.id(seq)+strconv.Itoa(100+i))
		w.list("conversation_parts")
		w.open('{')
		w.str("type", "conversation_part")
		w.str("id", Conversations.id(seq)+strconv.Itoa(5000+i))
		w.str("part_type", "comment")
		w.str("body", "<p>aside</p>")
		w.int("created_at", int64(r.created))
		w.int("updated_at", int64(r.created))
		w.end()
		w.endList()
		w.int("total_count", 1)
		w.end()
	})
}
