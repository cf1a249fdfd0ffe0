package intercomtest

import (
	"net/http"
)

// What clients attach to contacts and companies: companies, subscriptions,
// notes. All of it runs with the workspace locked.
var attachHandlers = map[string]handler{
	"POST /contacts/{}/companies":          writing((*Workspace).attachCompany),
	"DELETE /contacts/{}/companies/{}":     writing((*Workspace).detachCompany),
	"POST /contacts/{}/subscriptions":      writing((*Workspace).subscribe),
	"DELETE /contacts/{}/subscriptions/{}": writing((*Workspace).unsubscribe),
	"POST /contacts/{}/notes":              writing((*Workspace).noteContact),
	"POST /companies/{}/notes":             writing((*Workspace).noteCompany),
}

// companiesMost is how many companies a contact can belong to.
const companiesMost = 1000

// attachCompany puts a contact into a company.
func (ws *Workspace) attachCompany(c *call, p object) {
	seq, r, ok := ws.pathContact(c)
	if !ok {
		return
	}
	company, firm, ok := ws.tables[Companies].find(p.text("id"))
	if !ok {
		c.fail(http.StatusNotFound, "company_not_found", "Company Not Found")
		return
	}
	ids, there := include(ws.companyIDs(seq, &r), Companies.id(company))
	if len(ids) > companiesMost {
		c.fail(http.StatusBadRequest, "contact_company_limit_exceeded", "A contact cannot belong to more than 1000 companies")
		return
	}
	c.again = there
	if !there {
		ws.moveTo(seq, ids)
	}
	c.made = Companies.id(company)
	ws.answerCompany(c, company, firm)
}

func (ws *Workspace) detachCompany(c *call, _ object) {
	seq, r, ok := ws.pathContact(c)
	if !ok {
		return
	}
	ids, there := without(ws.companyIDs(seq, &r), c.params[1])
	company, firm, ok := ws.tables[Companies].find(c.params[1])
	if !ok || !there {
		c.fail(http.StatusNotFound, "company_not_found", "Company Not Found")
		return
	}
	ws.moveTo(seq, ids)
	c.made = Companies.id(company)
	ws.answerCompany(c, company, firm)
}

// moveTo says which companies a contact belongs to.
func (ws *Workspace) moveTo(seq uint32, companies []string) {
	ws.edit(Contacts, seq, func(d *document) { d.setList("companies", companies) })
	ws.moved[seq] = struct{}{}
}

func (ws *Workspace) subscribe(c *call, p object) {
	seq, r, ok := ws.pathContact(c)
	if !ok {
		return
	}
	id := p.text("id")
	if _, ok := ws.sharedAt(id); !ok {
		c.notFound("Resource")
		return
	}
	ids, there := include(ws.subscriptionIDs(&r), id)
	c.again = there
	if !there {
		ws.edit(Contacts, seq, func(d *document) { d.setList("subscriptions", ids) })
	}
	ws.answerSubscription(c, id, p.text("consent_type"))
}

func (ws *Workspace) unsubscribe(c *call, _ object) {
	seq, r, ok := ws.pathContact(c)
	if !ok {
		return
	}
	id := c.params[1]
	ids, there := without(ws.subscriptionIDs(&r), id)
	if !there {
		c.notFound("Resource")
		return
	}
	ws.edit(Contacts, seq, func(d *document) { d.setList("subscriptions", ids) })
	ws.answerSubscription(c, id, "opt_in")
}

func (ws *Workspace) answerSubscription(c *call, id, consent string) {
	c.made = id
	name := object{{"name", quoted("subscription " + id)}, {"description", quoted("")}, {"locale", quoted("en")}}.json()
	c.json(object{
		{"type", quoted("subscription")},
		{"id", quoted(id)},
		{"state", quoted("live")},
		{"consent_type", quoted(consent)},
		{"default_translation", name},
		{"translations", []byte("[" + string(name) + "]")},
		{"content_types", []byte(`["email"]`)},
	}.json())
}

func (ws *Workspace) noteContact(c *call, p object) {
	if seq, _, ok := ws.pathContact(c); ok {
		ws.addNote(c, p, Contacts, "contact", seq)
	}
}

func (ws *Workspace) noteCompany(c *call, p object) {
	seq, _, ok := ws.tables[Companies].find(c.params[0])
	if !ok {
		c.notFound("Resource")
		return
	}
	ws.addNote(c, p, Companies, "company", seq)
}

// addNote writes a note. Two equal ones are two: nothing tells that one was meant.
func (ws *Workspace) addNote(c *call, p object, e Entity, parent string, seq uint32) {
	body, ok := c.html(p)
	if !ok {
		return
	}
	c.made = ws.serialID()
	note := entry{c.made, object{
		{"type", quoted("note")},
		{"id", quoted(c.made)},
		{"created_at", digits(unixNow())},
		{parent, object{{"type", quoted(parent)}, {"id", quoted(e.id(seq))}}.json()},
		{"author", adminOf(p).json()},
		{"body", quoted(body)},
	}.json()}
	ws.edit(e, seq, func(d *document) { d.notes = append(d.notes, note) })
	ws.notes[note.id] = note
	c.json(note.json)
}
