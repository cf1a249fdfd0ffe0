package intercomtest

import (
	"net/http"
	"slices"
)

// Replies, notes and other parts that clients add to conversations and tickets.
// All of it runs with the workspace locked.

// attachmentsMost is how many files a reply can have.
const attachmentsMost = 10

// A reply is a part as a payload asks for it, checked.
type reply struct {
	kind   string // comment, note, quick_reply, ...
	html   string // "" for none
	author object
	at     uint32
	files  []object
}

// readReply checks the payload of a reply; it answers where something is wrong
// with it.
func (ws *Workspace) readReply(c *call, p object) (reply, bool) {
	r := reply{kind: p.text("message_type"), at: unixNow()}
	switch r.kind {
	case "comment", "note":
		var ok bool
		if r.html, ok = c.html(p); !ok {
			return reply{}, false
		}
	case "quick_reply":
		r.html = paragraph(p.text("body"))
	default:
		c.failWith(invalid("message_type %q is neither comment nor note nor quick_reply", r.kind))
		return reply{}, false
	}
	if at, ok := p.number("created_at"); ok && at > 0 && at <= int64(r.at) {
		r.at = uint32(at)
	}
	r.files = slices.Concat(p.objects("attachment_files"), p.objects("attachment_urls"))
	if len(r.files) > attachmentsMost {
		c.failWith(invalid("more than %d attachments", attachmentsMost))
		return reply{}, false
	}
	var ok bool
	r.author, ok = ws.author(c, p)
	return r, ok
}

// author returns who a payload says writes: a teammate or a contact; it answers
// where there is none.
func (ws *Workspace) author(c *call, p object) (object, bool) {
	if p.text("type") == "admin" {
		if !p.has("admin_id") {
			c.missing("admin_id")
			return nil, false
		}
		return adminOf(p), true
	}
	if p.text("type") != "user" {
		c.failWith(invalid("type %q is neither user nor admin", p.text("type")))
		return nil, false
	}
	seq, r, ok := ws.namedContact(p, "intercom_user_id", "user_id")
	if !ok {
		c.notFound("User")
		return nil, false
	}
	return ws.contactAuthor(seq, &r), true
}

// contactAuthor writes a contact as the author of something.
func (ws *Workspace) contactAuthor(seq uint32, r *row) object {
	return object{
		{"type", quoted(ws.role(seq, r))},
		{"id", quoted(Contacts.id(seq))},
		{"name", quoted(ws.contactName(seq, r))},
		{"email", quoted(ws.email(seq, r))},
	}
}

// contactList writes the contacts of a conversation or a ticket.
func (ws *Workspace) contactList(ids []string) object {
	var list writer
	list.open('[')
	for _, id := range ids {
		seq, _ := Contacts.seq(id)
		list.open('{')
		list.str("type", "contact")
		list.str("id", id)
		external := ""
		if int64(seq) < int64(len(ws.tables[Contacts].now.rows)) {
			external = ws.externalID(seq, &ws.tables[Contacts].now.rows[seq])
		}
		list.strOrNull("external_id", external)
		list.end()
	}
	list.endList()
	return object{{"type", quoted("contact.list")}, {"contacts", list.b}}
}

// part makes a part of a conversation or a ticket.
func (ws *Workspace) part(typ, kind, html string, author object, at uint32, more ...member) entry {
	id := ws.serialID()
	o := object{
		{"type", quoted(typ)},
		{"id", quoted(id)},
		{"part_type", quoted(kind)},
		{"body", []byte("null")},
		{"created_at", digits(at)},
		{"updated_at", digits(unixNow())},
		{"notified_at", digits(at)},
		{"author", author.json()},
		{"attachments", []byte("[]")},
		{"external_id", []byte("null")},
		{"redacted", []byte("false")},
	}
	if html != "" {
		o = o.with("body", quoted(html))
	}
	return entry{id, o.over(more).json()}
}

// attachments writes the files of a reply; where they are is made up.
func (r *reply) attachments() member {
	var w writer
	w.open('[')
	for i, f := range r.files {
		name := f.text("name")
		if name == "" {
			name = "file " + string(digits(i))
		}
		w.open('{')
		w.str("type", "upload")
		w.str("name", name)
		w.str("url", "https://"+ForeignHost+"/files/"+string(digits(i)))
		w.str("content_type", f.text("content_type"))
		w.end()
	}
	w.endList()
	return member{"attachments", w.b}
}

// pathRecord returns the conversation or ticket that a path names; it answers
// where it cannot.
func (ws *Workspace) pathRecord(c *call, e Entity) (uint32, row, bool) {
	seq, r, ok := ws.tables[e].find(c.params[0])
	if !ok && e == Tickets {
		c.fail(http.StatusNotFound, "ticket_not_found", "Ticket not found")
	} else if !ok {
		c.notFound("Resource")
	}
	return seq, r, ok
}
