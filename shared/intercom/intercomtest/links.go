package intercomtest

import "net/http"

// Conversations that are linked to tracker tickets. All of it runs with the
// workspace locked.

// linkConversation links a conversation to a tracker ticket.
func (ws *Workspace) linkConversation(c *call, p object) { ws.link(c, p.text("conversation_id"), true) }

func (ws *Workspace) unlinkConversation(c *call, _ object) { ws.link(c, c.params[1], false) }

// linksMost is how many conversations a tracker ticket can have.
const linksMost = 2500

func (ws *Workspace) link(c *call, conversation string, on bool) {
	ticket, r, ok := ws.pathRecord(c, Tickets)
	if !ok {
		return
	}
	if !tracker(ticket, &r) {
		c.fail(http.StatusBadRequest, "invalid_ticket_type", "Only tracker tickets support linking conversations")
		return
	}
	seq, conv, ok := ws.tables[Conversations].find(conversation)
	if !ok {
		c.fail(http.StatusNotFound, "conversation_not_found", "Conversation not found")
		return
	}
	linked := ws.linkedOf(Tickets, ticket, &r)
	ids, there := without(linked, conversation)
	switch {
	case !on && !there:
		c.fail(http.StatusNotFound, "conversation_not_found", "Conversation not found")
		return
	case on && there:
		c.again = true
		c.made = conversation
		c.json(ws.conversationJSON(seq, conv))
		return
	case on:
		ids, _ = include(ids, conversation)
	}
	if len(ids) > linksMost {
		c.fail(http.StatusBadRequest, "parameter_invalid", "A ticket cannot have more than 2500 links")
		return
	}
	ws.changeTicket(ticket, func(d *document) { d.setList("linked", ids) })
	back := ws.linkedOf(Conversations, seq, &conv)
	back, _ = without(back, Tickets.id(ticket))
	if on {
		back, _ = include(back, Tickets.id(ticket))
	}
	ws.changeConversation(c, seq, func(d *document) { d.setList("linked", back) })
}
