package intercomtest

import "net/http"

// The contacts of a conversation. All of it runs with the workspace locked.

func (ws *Workspace) addCustomer(c *call, p object) {
	seq, r, ok := ws.pathRecord(c, Conversations)
	if !ok {
		return
	}
	contact, _, ok := ws.namedContact(p.object("customer"), "intercom_user_id", "user_id")
	if !ok {
		c.notFound("User")
		return
	}
	ids, there := include(ws.peopleOf(Conversations, seq, &r), Contacts.id(contact))
	c.again = there
	if there {
		ws.answerCustomers(c, seq, ids)
		return
	}
	ws.changeConversation(c, seq, func(d *document) { ws.setPeople(d, ids) })
	ws.answerCustomers(c, seq, ids)
}

func (ws *Workspace) removeCustomer(c *call, _ object) {
	seq, r, ok := ws.pathRecord(c, Conversations)
	if !ok {
		return
	}
	ids, there := without(ws.peopleOf(Conversations, seq, &r), c.params[1])
	if !there {
		c.notFound("User")
		return
	}
	if len(ids) == 0 {
		c.fail(http.StatusUnprocessableEntity, "parameter_invalid", "Removing the last customer is not allowed")
		return
	}
	ws.changeConversation(c, seq, func(d *document) { ws.setPeople(d, ids) })
	ws.answerCustomers(c, seq, ids)
}

func (ws *Workspace) answerCustomers(c *call, seq uint32, ids []string) {
	c.made = Conversations.id(seq)
	var w writer
	w.open('{')
	w.list("customers")
	for _, id := range ids {
		w.open('{')
		w.str("type", "user")
		w.str("id", id)
		w.end()
	}
	w.endList()
	w.end()
	c.json(w.b)
}
