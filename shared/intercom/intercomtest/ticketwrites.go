package intercomtest

import (
	"net/http"
	"slices"
)

// Writing tickets. All of it runs with the workspace locked.
//
// https://developers.intercom.com/docs/references/rest-api/api.intercom.io/tickets
var ticketWriteHandlers = map[string]handler{
	"POST /tickets":                writing((*Workspace).createTicket),
	"POST /tickets/enqueue":        writing((*Workspace).enqueueTicket),
	"PUT /tickets/{}":              writing((*Workspace).updateTicket),
	"DELETE /tickets/{}":           writing((*Workspace).deleteTicket),
	"POST /tickets/{}/reply":       writing((*Workspace).replyToTicket),
	"POST /tickets/{}/change_type": writing((*Workspace).changeTicketType),
}

func (ws *Workspace) createTicket(c *call, p object) {
	seq, r, ok := ws.newTicket(c, p)
	if !ok {
		return
	}
	c.made = Tickets.id(seq)
	ws.answerTicket(c, seq, r)
}

// enqueueTicket answers with a job, which is done by the time that it is asked
// for.
func (ws *Workspace) enqueueTicket(c *call, p object) {
	seq, _, ok := ws.newTicket(c, p)
	if !ok {
		return
	}
	id := ws.serialID()
	url := ws.cfg.apiBase() + "/jobs/status/" + id
	ws.shelf("/jobs/status").put(id, object{
		{"type", quoted("job")},
		{"id", quoted(id)},
		{"status", quoted("success")},
		{"url", quoted(url)},
		{"resource_type", quoted("ticket")},
		{"resource_id", quoted(Tickets.id(seq))},
		{"resource_url", quoted(ws.cfg.apiBase() + "/tickets/" + Tickets.id(seq))},
	}.json())
	c.made = id
	c.json(object{
		{"type", quoted("job")},
		{"id", quoted(id)},
		{"status", quoted("pending")},
		{"url", quoted(url)},
		{"resource_type", quoted("ticket")},
		{"resource_id", []byte("null")},
		{"resource_url", []byte("null")},
	}.json())
}

// newTicket makes a ticket of a payload; it answers where something is wrong
// with it. A contact that is named by an address that nobody has is made, too.
func (ws *Workspace) newTicket(c *call, p object) (uint32, row, bool) {
	d := &document{state: ticketStates[0], custom: p.object("ticket_attributes")}
	if !ws.setTicketType(c, d, p) {
		return 0, row{}, false
	}
	people := p.objects("contacts")
	if len(people) == 0 {
		c.missing("contacts")
		return 0, row{}, false
	}
	var contacts []string
	for _, who := range people {
		seq, _, ok := ws.namedContact(who, "id", "external_id")
		if !ok && who.has("email") && !who.has("id") && !who.has("external_id") && ws.takesContact(c, who) {
			if ws.conflicts(c, who, nil) {
				return 0, row{}, false // archived, or too fresh to be addressed
			}
			seq, _ = ws.newContact(object{{"email", who.get("email")}})
			ok = true
		}
		if !ok {
			if c.answer.Status < 300 {
				c.notFound("User")
			}
			return 0, row{}, false
		}
		contacts = append(contacts, Contacts.id(seq))
	}
	ws.setPeople(d, contacts)
	if p.has("company_id") {
		d.set("company_id", quoted(p.text("company_id")))
	}
	at, _ := p.number("created_at")
	seq, r := ws.insert(Tickets, uint32(max(at, 0)), d)
	return seq, r, true
}

// setTicketType reads the type of a ticket; it answers where there is none.
func (ws *Workspace) setTicketType(c *call, d *document, p object) bool {
	id := p.text("ticket_type_id")
	r, ok := ws.shelvedAt("/ticket_types", "/ticket_types", id)
	if !ok {
		c.fail(http.StatusNotFound, "not_found", "Ticket type not found")
		return false
	}
	d.kind = id
	if written, ok := parseObject(r.json); ok {
		d.set("ticket_type", r.json)
		if category := written.text("category"); category != "" {
			d.set("category", quoted(category))
		}
	}
	return true
}

// setTicketState reads the state of a ticket where there is one; it answers
// where there is no such state.
func (ws *Workspace) setTicketState(c *call, d *document, p object) bool {
	if !p.has("ticket_state_id") {
		return true
	}
	i, ok := ws.sharedAt(p.text("ticket_state_id"))
	if !ok {
		c.fail(http.StatusBadRequest, "ticket_state_id_invalid", "Ticket state id is not valid or is not associated with the ticket type")
		return false
	}
	d.state = ticketStates[i%len(ticketStates)]
	return true
}

func (ws *Workspace) answerTicket(c *call, seq uint32, r row) {
	var w writer
	ws.write(&w, Tickets, seq, r)
	c.json(w.b)
}

// changeTicket edits a ticket.
func (ws *Workspace) changeTicket(seq uint32, edit func(d *document)) row {
	r := ws.tables[Tickets].now.rows[seq]
	state := ws.ticketState(seq, &r)
	return ws.edit(Tickets, seq, func(d *document) {
		d.state = state // which would else move on with the version
		edit(d)
	})
}

func (ws *Workspace) updateTicket(c *call, p object) {
	seq, _, ok := ws.pathRecord(c, Tickets)
	if !ok {
		return
	}
	var asked document
	if !ws.setTicketState(c, &asked, p) {
		return
	}
	r := ws.changeTicket(seq, func(d *document) {
		if asked.state != "" {
			d.state = asked.state
		}
		for _, k := range []string{"open", "is_shared", "snoozed_until", "company_id"} {
			if v := p.get(k); v != nil {
				d.set(k, v)
			}
		}
		if assignee, ok := p.number("assignee_id"); ok {
			d.set("admin_assignee_id", digits(assignee))
		}
		d.custom = d.custom.over(p.object("ticket_attributes"))
	})
	c.made = Tickets.id(seq)
	ws.answerTicket(c, seq, r)
}

func (ws *Workspace) deleteTicket(c *call, _ object) {
	seq, _, ok := ws.pathRecord(c, Tickets)
	if !ok {
		return
	}
	ws.remove(Tickets, seq)
	c.made = Tickets.id(seq)
	c.json(deletedObject(c.made, "ticket"))
}

// replyToTicket answers with the part alone.
func (ws *Workspace) replyToTicket(c *call, p object) {
	seq, before, ok := ws.pathRecord(c, Tickets)
	if !ok {
		return
	}
	r, ok := ws.readReply(c, p)
	if !ok {
		return
	}
	if p.text("type") == "user" && ticketCategories[ticketCategory(ticketType(seq, &before))] == "Back-office" {
		c.fail(http.StatusBadRequest, "parameter_mismatch", "User replies are not allowed on Backoffice tickets")
		return
	}
	part := ws.part("ticket_part", r.kind, r.html, r.author, r.at, r.attachments())
	c.made = part.id
	ws.changeTicket(seq, func(d *document) { d.parts = append(d.parts, part) })
	c.json(slices.Clone(part.json))
}

func (ws *Workspace) changeTicketType(c *call, p object) {
	seq, _, ok := ws.pathRecord(c, Tickets)
	if !ok {
		return
	}
	var asked document
	if !ws.setTicketType(c, &asked, p) || !ws.setTicketState(c, &asked, p) {
		return
	}
	r := ws.changeTicket(seq, func(d *document) {
		d.state, d.kind = asked.state, asked.kind
		d.fields = d.fields.over(asked.fields)
		d.custom = d.custom.over(p.object("ticket_attributes"))
	})
	c.made = Tickets.id(seq)
	ws.answerTicket(c, seq, r)
}
