package intercomtest

import (
	"net/http"
)

// Writing conversations. All of it runs with the workspace locked.
//
// https://developers.intercom.com/docs/references/rest-api/api.intercom.io/conversations
var conversationWriteHandlers = map[string]handler{
	"POST /conversations":                        writing((*Workspace).createConversation),
	"PUT /conversations/{}":                      writing((*Workspace).updateConversation),
	"DELETE /conversations/{}":                   writing((*Workspace).deleteConversation),
	"POST /conversations/{}/reply":               writing((*Workspace).replyToConversation),
	"POST /conversations/{}/parts":               writing((*Workspace).manageConversation),
	"POST /conversations/{}/customers":           writing((*Workspace).addCustomer),
	"DELETE /conversations/{}/customers/{}":      writing((*Workspace).removeCustomer),
	"POST /conversations/redact":                 writing((*Workspace).redact),
	"POST /conversations/{}/merge":               writing((*Workspace).mergeConversation),
	"POST /conversations/{}/convert":             writing((*Workspace).convertConversation),
	"POST /tickets/{}/linked_conversations":      writing((*Workspace).linkConversation),
	"DELETE /tickets/{}/linked_conversations/{}": writing((*Workspace).unlinkConversation),
	"POST /messages":                             writing((*Workspace).sendMessage),
}

// createConversation answers with the message that began the conversation.
func (ws *Workspace) createConversation(c *call, p object) {
	from := p.object("from")
	seq, r, ok := ws.namedContact(from, "id", "user_id")
	if !ok {
		c.notFound("User")
		return
	}
	html, ok := c.html(p)
	if !ok {
		return
	}
	at, _ := p.number("created_at")
	id := ws.beginConversation(seq, ws.contactAuthor(seq, &r), "customer_initiated", p.text("subject"), html, uint32(max(at, 0)))
	c.made = id
	ws.answerMessage(c, "user_message", "inapp", p, id)
}

// beginConversation makes a conversation with a contact and returns its id.
func (ws *Workspace) beginConversation(contact uint32, author object, delivered, subject, html string, at uint32) string {
	source := object{
		{"type", quoted("conversation")},
		{"id", quoted(ws.serialID())},
		{"delivered_as", quoted(delivered)},
		{"subject", quoted(subject)},
		{"body", quoted(html)},
		{"author", author.json()},
		{"attachments", []byte("[]")},
		{"url", []byte("null")},
		{"redacted", []byte("false")},
	}
	d := &document{state: "open"}
	d.set("source", source.json())
	ws.setPeople(d, []string{Contacts.id(contact)})
	seq, _ := ws.insert(Conversations, at, d)
	return Conversations.id(seq)
}

// setPeople says whom a conversation or a ticket is with.
func (ws *Workspace) setPeople(d *document, contacts []string) {
	d.setList("contacts", contacts)
	d.set("contacts", ws.contactList(contacts).json())
}

// changeConversation edits a conversation and answers with it and its parts.
func (ws *Workspace) changeConversation(c *call, seq uint32, edit func(d *document)) {
	r := ws.tables[Conversations].now.rows[seq]
	state := ws.conversationState(seq, &r)
	r = ws.edit(Conversations, seq, func(d *document) {
		d.state = state // which would else move on with the version
		edit(d)
	})
	if c.made == "" {
		c.made = Conversations.id(seq)
	}
	c.json(ws.conversationJSON(seq, r))
}

func (ws *Workspace) updateConversation(c *call, p object) {
	seq, _, ok := ws.pathRecord(c, Conversations)
	if !ok {
		return
	}
	ws.changeConversation(c, seq, func(d *document) {
		for _, k := range []string{"read", "title", "company_id"} {
			if v := p.get(k); v != nil {
				d.set(k, v)
			}
		}
		d.custom = d.custom.over(p.object("custom_attributes"))
	})
}

func (ws *Workspace) deleteConversation(c *call, _ object) {
	seq, _, ok := ws.pathRecord(c, Conversations)
	if !ok {
		return
	}
	ws.remove(Conversations, seq)
	c.made = Conversations.id(seq)
	ws.deleted = append(ws.deleted, deletion{id: c.made, at: unixNow(), forgotten: c.query.Get("retain_metrics") == "false"})
	c.json(deletedObject(c.made, "conversation"))
}

// replyToConversation adds a comment or a note. Two equal ones are two.
func (ws *Workspace) replyToConversation(c *call, p object) {
	seq, _, ok := ws.pathRecord(c, Conversations)
	if !ok {
		return
	}
	r, ok := ws.readReply(c, p)
	if !ok {
		return
	}
	part := ws.part("conversation_part", r.kind, r.html, r.author, r.at, r.attachments())
	c.made = part.id
	ws.changeConversation(c, seq, func(d *document) {
		d.parts = append(d.parts, part)
		if r.kind == "comment" && p.text("type") == "user" {
			d.state = "open"
			d.set("waiting_since", digits(r.at))
		}
	})
}

// manageConversation closes, opens, snoozes or assigns.
func (ws *Workspace) manageConversation(c *call, p object) {
	seq, _, ok := ws.pathRecord(c, Conversations)
	if !ok {
		return
	}
	kind := p.text("message_type")
	edit := func(*document) {}
	var more []member
	html := ""
	if p.has("body") {
		html = paragraph(p.text("body"))
	}
	switch kind {
	case "close":
		edit = func(d *document) { d.state = "closed" }
	case "open":
		edit = func(d *document) { d.state = "open" }
	case "snoozed":
		if !p.has("snoozed_until") {
			c.missing("snoozed_until")
			return
		}
		edit = func(d *document) {
			d.state = "snoozed"
			d.set("snoozed_until", p.get("snoozed_until"))
		}
	case "assignment":
		if !p.has("assignee_id") || !p.has("type") {
			c.missing("assignee_id")
			return
		}
		assignee, ok := p.number("assignee_id")
		if !ok {
			c.failWith(invalid("assignee_id is not a number"))
			return
		}
		typ := p.text("type")
		edit = func(d *document) {
			if typ == "team" {
				d.set("team_assignee_id", digits(assignee))
			} else {
				d.set("admin_assignee_id", digits(assignee))
			}
		}
		more = append(more, member{"assigned_to", object{{"type", quoted(typ)}, {"id", quoted(p.text("assignee_id"))}}.json()})
	default:
		c.failWith(invalid("message_type %q is neither close nor open nor snoozed nor assignment", kind))
		return
	}
	part := ws.part("conversation_part", kind, html, adminOf(p), unixNow(), more...)
	c.made = part.id
	ws.changeConversation(c, seq, func(d *document) {
		d.parts = append(d.parts, part)
		edit(d)
	})
}

// mergeConversation closes a conversation and notes it in the one it is merged
// into.
func (ws *Workspace) mergeConversation(c *call, p object) {
	seq, _, ok := ws.pathRecord(c, Conversations)
	if !ok {
		return
	}
	into, _, ok := ws.tables[Conversations].find(p.text("merge_into_conversation_id"))
	if !ok || into == seq {
		c.fail(http.StatusUnprocessableEntity, "merge_failed", "Primary conversation not found")
		return
	}
	ws.changeConversation(c, seq, func(d *document) { d.state = "closed" })
	part := ws.part("conversation_part", "merged_primary_conversation", "", admin(sharedID(0)), unixNow())
	c.made = Conversations.id(into)
	ws.changeConversation(c, into, func(d *document) { d.parts = append(d.parts, part) })
}

// convertConversation makes a ticket of a conversation.
func (ws *Workspace) convertConversation(c *call, p object) {
	seq, r, ok := ws.pathRecord(c, Conversations)
	if !ok {
		return
	}
	d := &document{state: ticketStates[0], custom: p.object("attributes")}
	if !ws.setTicketType(c, d, p) || !ws.setTicketState(c, d, p) {
		return
	}
	ws.setPeople(d, ws.peopleOf(Conversations, seq, &r))
	ticket, made := ws.insert(Tickets, 0, d)
	c.made = Tickets.id(ticket)
	ws.answerTicket(c, ticket, made)
}
