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
	id string
	at uint32
}

var conversationStates = [...]string{"open", "closed", "snoozed"}

func (ws *Workspace) conversationState(seq uint32, r *row) string {
	return conversationStates[(ws.rnd(Conversations, seq, 's')+uint64(r.version))%3]
}

// partCount is how many parts a conversation has: few, and for some more than
// can be read. Every change adds one.
func partCount(seq uint32, r *row) int {
	n := 1 + int(seq%7) + int(r.version)
	if seq%50 == 49 {
		n += 600
	}
	return n
}

// partTime spreads a conversation's parts from its beginning to its last change.
func partTime(i, n int, r *row) uint32 {
	if i == n-1 || r.touched < r.created {
		return r.touched
	}
	return r.created + uint32(uint64(r.touched-r.created)*uint64(i)/uint64(n))
}

// contactOf is the contact that a conversation or a ticket is with.
func (ws *Workspace) contactOf(e Entity, seq uint32) uint32 {
	return uint32(ws.rnd(e, seq, 'w') % uint64(max(ws.cfg.Contacts, 1)))
}

func (ws *Workspace) writeConversation(w *writer, seq uint32, r *row, parts bool) {
	contact := ws.contactOf(Conversations, seq)
	state := ws.conversationState(seq, r)
	n := partCount(seq, r)
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
	w.str("body", "<p>"+padding(ws.rnd(Conversations, seq, 'b'), 120)+"</p>")
	ws.author(w, "author", contact)
	w.list("attachments")
	w.endList()
	w.null("url")
	w.bool("redacted", false)
	w.end()
	ws.withContact(w, contact)
	w.null("first_contact_reply")
	w.int("admin_assignee_id", int64(ws.rnd(Conversations, seq, 'a')%3))
	w.int("team_assignee_id", 0)
	w.bool("open", state == "open")
	w.str("state", state)
	w.bool("read", seq%2 == 0)
	w.obj("tags")
	w.str("type", "tag.list")
	w.list("tags")
	w.endList()
	w.end()
	w.str("priority", "not_priority")
	w.null("sla_applied")
	w.obj("statistics")
	w.str("type", "conversation_statistics")
	w.int("count_conversation_parts", int64(n))
	w.end()
	w.null("conversation_rating")
	w.null("teammates")
	w.str("title", "Conversation "+strconv.Itoa(int(seq)))
	w.obj("custom_attributes")
	w.int("revision", int64(r.version))
	w.end()
	w.obj("linked_objects")
	w.str("type", "list")
	w.list("data")
	w.endList()
	w.int("total_count", 0)
	w.bool("has_more", false)
	w.end()
	w.bool("ai_agent_participated", false)
	if parts {
		ws.writeParts(w, "conversation_part", Conversations, seq, r, n)
	}
	w.end()
}

func (ws *Workspace) author(w *writer, key string, contact uint32) {
	w.obj(key)
	w.str("type", "user")
	w.idOf("id", Contacts, contact)
	w.str("name", ws.contactName(contact))
	w.str("email", ws.email(contact))
	w.end()
}

func (ws *Workspace) withContact(w *writer, contact uint32) {
	w.obj("contacts")
	w.str("type", "contact.list")
	w.list("contacts")
	w.open('{')
	w.str("type", "contact")
	w.idOf("id", Contacts, contact)
	w.str("external_id", externalID(contact))
	w.end()
	w.endList()
	w.end()
}

// writeParts appends the newest parts of a conversation or a ticket and how
// many there are.
func (ws *Workspace) writeParts(w *writer, typ string, e Entity, seq uint32, r *row, n int) {
	w.obj(typ + "s")
	w.str("type", typ+".list")
	w.list(typ + "s")
	contact := ws.contactOf(e, seq)
	for i := max(0, n-partsMax); i < n; i++ {
		at := partTime(i, n, r)
		w.open('{')
		w.str("type", typ)
		w.str("id", e.id(seq)+strconv.Itoa(10_000+i))
		if e == Tickets {
			w.str("part_type", "ticket_state_updated_by_admin")
			w.str("ticket_state", ws.ticketState(seq, r))
			w.str("previous_ticket_state", "submitted")
		} else {
			w.str("part_type", "comment")
			w.str("body", "<p>"+padding(ws.rnd(e, seq, uint64(i)), 80)+"</p>")
		}
		w.int("created_at", int64(at))
		w.int("updated_at", int64(at))
		ws.author(w, "author", contact)
		w.list("attachments")
		w.endList()
		w.bool("redacted", false)
		w.end()
	}
	w.endList()
	w.int("total_count", int64(n))
	w.end()
}

func (ws *Workspace) conversationSearch() *searchable {
	date := func(f func(uint32, *row) uint32) field { return field{kind: dateField, time: f} }
	text := func(f func(uint32, *row) string) field { return field{kind: stringField, text: f} }
	return &searchable{
		list: "conversation.list", items: "conversations", perPage: 20, sortBy: "updated_at",
		sorts: map[string]func(uint32, *row) uint32{"id": func(uint32, *row) uint32 { return 0 }},
		fields: map[string]field{
			"id":            text(func(seq uint32, _ *row) string { return Conversations.id(seq) }),
			"created_at":    date(func(_ uint32, r *row) uint32 { return r.created }),
			"updated_at":    date(func(_ uint32, r *row) uint32 { return r.updated }),
			"waiting_since": date(func(uint32, *row) uint32 { return 0 }),
			"snoozed_until": date(func(uint32, *row) uint32 { return 0 }),
			"title":         text(func(seq uint32, _ *row) string { return "Conversation " + strconv.Itoa(int(seq)) }),
			"source.type":   text(func(uint32, *row) string { return "conversation" }),
			"state":         text(ws.conversationState),
			"open":          {kind: booleanField, flag: func(seq uint32, r *row) bool { return ws.conversationState(seq, r) == "open" }},
			"read":          {kind: booleanField, flag: func(seq uint32, _ *row) bool { return seq%2 == 0 }},
			"admin_assignee_id": text(func(seq uint32, _ *row) string {
				return strconv.FormatUint(ws.rnd(Conversations, seq, 'a')%3, 10)
			}),
			"contact_ids": {kind: memberField, members: func(seq uint32, _ *row) []string {
				return []string{Contacts.id(ws.contactOf(Conversations, seq))}
			}},
			"statistics.count_conversation_parts": {kind: integerField, number: func(seq uint32, r *row) int64 {
				return int64(partCount(seq, r))
			}},
		},
	}
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
	var w writer
	ws.writeConversation(&w, seq, &r, true)
	c.json(w.b)
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
		w.bool("metrics_retained", true)
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
