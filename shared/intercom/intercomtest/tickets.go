package intercomtest

import (
	"slices"
	"strconv"
)

// https://developers.intercom.com/docs/references/rest-api/api.intercom.io/tickets
var ticketHandlers = map[string]handler{
	"POST /tickets/search": func(ws *Workspace, c *call) { ws.search(c, Tickets, ws.ticketSearch()) },
	"GET /tickets/{}":      getter(Tickets, "Ticket"),
}

var (
	ticketStates     = [...]string{"submitted", "in_progress", "waiting_on_customer", "resolved"}
	ticketCategories = [...]string{"Customer", "Back-office", "Tracker"}
	ticketTerms      = [...]string{"request", "task", "tracker"} // what a search calls them
)

// ticketState moves on with every change, said or unsaid.
func (ws *Workspace) ticketState(seq uint32, r *row) string {
	if r.doc != nil && r.doc.state != "" {
		return r.doc.state
	}
	return ticketStates[(ws.rnd(Tickets, seq, 's')+uint64(r.version))%4]
}

// ticketParts is how many parts are made up.
func ticketParts(seq uint32, r *row) int {
	if r.made() {
		return int(r.changes())
	}
	return 1 + int(seq%3) + int(r.changes())
}

// ticketType is the id of a ticket's type.
func ticketType(seq uint32, r *row) string {
	if r.doc != nil && r.doc.kind != "" {
		return r.doc.kind
	}
	return sharedID(int(seq % 3))
}

// ticketCategory follows from the type: those that clients made have none of
// their own and are for customers.
func ticketCategory(typ string) int {
	if i, ok := sharedIndex(typ); ok && i < 1000 {
		return i % len(ticketCategories)
	}
	return 0
}

// tracker reports whether conversations can be linked to a ticket.
func tracker(seq uint32, r *row) bool {
	return ticketCategories[ticketCategory(ticketType(seq, r))] == "Tracker"
}

func (ws *Workspace) writeTicket(w *writer, seq uint32, r *row) {
	state := ws.ticketState(seq, r)
	typ := ticketType(seq, r)
	category := ticketCategories[ticketCategory(typ)]
	w.open('{')
	w.str("type", "ticket")
	w.idOf("id", Tickets, seq)
	w.str("ticket_id", strconv.Itoa(1+int(seq))) // the inbox's number, not the API's
	w.obj("ticket_attributes")
	if !r.made() {
		w.str("_default_title_", "Ticket "+strconv.Itoa(int(seq)))
		w.str("_default_description_", padding(ws.rnd(Tickets, seq, 'd'), 100))
	}
	w.int("revision", int64(r.version))
	w.end()
	w.obj("ticket_state")
	w.str("type", "ticket_state")
	w.str("id", sharedID(max(slices.Index(ticketStates[:], state), 0)))
	w.str("category", state)
	w.str("internal_label", state)
	w.str("external_label", state)
	w.end()
	w.obj("ticket_type")
	w.str("type", "ticket_type")
	w.str("id", typ)
	w.str("name", category)
	w.str("category", category)
	w.bool("archived", false)
	w.end()
	ws.withContacts(w, ws.peopleOf(Tickets, seq, r))
	w.int("admin_assignee_id", 0)
	w.int("team_assignee_id", 0)
	w.int("created_at", int64(r.created))
	w.int("updated_at", int64(r.updated))
	ws.writeParts(w, "ticket_part", Tickets, seq, r, ticketParts(seq, r))
	w.bool("open", ws.ticketOpen(seq, r))
	ws.writeTags(w, seq, r)
	writeLinked(w, "conversation", ws.linkedOf(Tickets, seq, r))
	w.str("category", category)
	w.bool("is_shared", true)
	w.end()
}

func (ws *Workspace) ticketOpen(seq uint32, r *row) bool {
	if r.doc != nil {
		if open, ok := r.doc.fields.flag("open"); ok {
			return open
		}
	}
	return ws.ticketState(seq, r) != "resolved"
}

func (ws *Workspace) ticketSearch() *searchable {
	date := func(f func(uint32, *row) uint32) field { return field{kind: dateField, time: f} }
	text := func(f func(uint32, *row) string) field { return field{kind: stringField, text: f} }
	return &searchable{
		list: "ticket.list", items: "tickets", perPage: 20, sortBy: "updated_at",
		sorts: map[string]func(uint32, *row) uint32{"id": func(uint32, *row) uint32 { return 0 }},
		fields: map[string]field{
			"id":            text(func(seq uint32, _ *row) string { return Tickets.id(seq) }),
			"created_at":    date(func(_ uint32, r *row) uint32 { return r.created }),
			"updated_at":    date(func(_ uint32, r *row) uint32 { return r.updated }),
			"snoozed_until": date(func(uint32, *row) uint32 { return 0 }),
			"title": text(func(seq uint32, r *row) string {
				if title, ok := r.custom("_default_title_"); ok || r.made() {
					return title
				}
				return "Ticket " + strconv.Itoa(int(seq))
			}),
			"category":       text(func(seq uint32, r *row) string { return ticketTerms[ticketCategory(ticketType(seq, r))] }),
			"ticket_type_id": text(ticketType),
			"state":          text(ws.ticketState),
			"open":           {kind: booleanField, flag: ws.ticketOpen},
			"contact_ids": {kind: memberField, members: func(seq uint32, r *row) []string {
				return ws.peopleOf(Tickets, seq, r)
			}},
		},
	}
}
