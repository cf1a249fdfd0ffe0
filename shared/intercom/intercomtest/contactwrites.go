package intercomtest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Writing contacts. All of it runs with the workspace locked.
//
// https://developers.intercom.com/docs/references/rest-api/api.intercom.io/contacts
var contactWriteHandlers = map[string]handler{
	"POST /contacts":                       writing((*Workspace).createContact),
	"PUT /contacts/{}":                     writing((*Workspace).updateContact),
	"DELETE /contacts/{}":                  writing((*Workspace).deleteContact),
	"POST /contacts/{}/archive":            writing((*Workspace).archiveContact),
	"POST /contacts/{}/unarchive":          writing((*Workspace).unarchiveContact),
	"POST /contacts/{}/block":              writing((*Workspace).blockContact),
	"POST /contacts/merge":                 writing((*Workspace).mergeContacts),
	"POST /visitors/convert":               writing((*Workspace).convertVisitor),
	"POST /contacts/{}/banners/{}/dismiss": writing((*Workspace).dismissBanner),
}

// contactFields are what clients can write of a contact, custom attributes
// aside.
var contactFields = []string{
	"role", "external_id", "email", "phone", "name", "avatar", "signed_up_at", "last_seen_at",
	"owner_id", "unsubscribed_from_emails", "language_override",
}

// createContact answers POST /contacts. One who is there already is a 409 that
// names the id, which is the only way to learn it at once: a search is late.
func (ws *Workspace) createContact(c *call, p object) {
	if !p.has("email") && !p.has("external_id") && !p.has("role") {
		c.fail(http.StatusBadRequest, "parameter_missing", "one of email, external_id and role is needed")
		return
	}
	if !ws.takesContact(c, p) || ws.conflicts(c, p, nil) {
		return
	}
	seq, r := ws.newContact(p)
	c.made = Contacts.id(seq)
	ws.answerContact(c, seq, r)
}

// newContact makes a contact of a payload that has been checked.
func (ws *Workspace) newContact(p object) (uint32, row) {
	d := &document{custom: p.object("custom_attributes")}
	if p.text("role") == "" {
		d.set("role", quoted("user"))
	}
	d.layContact(p)
	seq, r := ws.insert(Contacts, 0, d)
	ws.noteIdentity(seq, &r)
	if ws.cfg.CreateLag > 0 {
		ws.fresh[seq] = time.Now()
	}
	return seq, r
}

// layContact writes the fields of a payload.
func (d *document) layContact(p object) {
	for _, k := range contactFields {
		v := p.get(k)
		if v == nil {
			continue
		}
		if k == "avatar" && v[0] == '"' {
			v = object{{"type", quoted("avatar")}, {"image_url", v}}.json()
		}
		d.set(k, v)
	}
	if p.get("email") != nil {
		domain := json.RawMessage("null")
		if name := domainOf(p.text("email")); name != "" {
			domain = quoted(name)
		}
		d.set("email_domain", domain)
	}
}

// noteIdentity remembers by what a contact can be found.
func (ws *Workspace) noteIdentity(seq uint32, r *row) {
	ws.emails.note(strings.ToLower(ws.email(seq, r)), seq)
	ws.externals.note(ws.externalID(seq, r), seq)
}

// takesContact checks a payload; it answers where something is wrong with it.
func (ws *Workspace) takesContact(c *call, p object) bool {
	if role := p.text("role"); p.has("role") && role != "user" && role != "lead" {
		c.failWith(invalid("role %q is neither user nor lead", role))
		return false
	}
	if email := p.text("email"); p.has("email") && (!strings.Contains(email, "@") || strings.ContainsAny(email, " \n")) {
		c.failWith(invalid("email is not an address"))
		return false
	}
	for _, k := range []string{"signed_up_at", "last_seen_at"} {
		if _, ok := p.number(k); p.has(k) && !ok {
			c.failWith(invalid("%s is not a unix timestamp", k))
			return false
		}
	}
	return ws.takesCustom(c, "contact", p)
}

// conflicts answers with a 409 where another contact has the address or the
// external id of a payload.
func (ws *Workspace) conflicts(c *call, p object, self *uint32) bool {
	other, ok := ws.contactByExternalID(p.text("external_id"))
	if !ok || self != nil && other == *self {
		other, ok = ws.contactByEmail(p.text("email"))
	}
	if !ok || self != nil && other == *self {
		return false
	}
	which := "A contact"
	if _, archived := ws.archived[other]; archived {
		which = "An archived contact"
	}
	c.fail(http.StatusConflict, "conflict", which+" matching those details already exists with id="+Contacts.id(other))
	return true
}

func (ws *Workspace) answerContact(c *call, seq uint32, r row) {
	var w writer
	ws.write(&w, Contacts, seq, r)
	c.json(w.b)
}

func (ws *Workspace) updateContact(c *call, p object) {
	seq, _, ok := ws.pathContact(c)
	if !ok || !ws.takesContact(c, p) || ws.conflicts(c, p, &seq) {
		return
	}
	r := ws.edit(Contacts, seq, func(d *document) {
		d.layContact(p)
		d.custom = d.custom.over(p.object("custom_attributes"))
	})
	ws.noteIdentity(seq, &r)
	c.made = Contacts.id(seq)
	ws.answerContact(c, seq, r)
}

// answerReference answers as what is done to a whole contact is answered.
func (ws *Workspace) answerReference(c *call, seq uint32, r *row, what string, is bool) {
	c.made = Contacts.id(seq)
	var w writer
	w.open('{')
	w.str("type", "contact")
	w.str("id", c.made)
	w.strOrNull("external_id", ws.externalID(seq, r))
	w.bool(what, is)
	w.end()
	c.json(w.b)
}

func (ws *Workspace) deleteContact(c *call, _ object) {
	seq, r, ok := ws.pathContact(c)
	if !ok {
		return
	}
	ws.remove(Contacts, seq)
	ws.answerReference(c, seq, &r, "deleted", true)
}

// archiveContact takes a contact out of sight: a GET is a 404, and so is
// archiving it again.
func (ws *Workspace) archiveContact(c *call, _ object) {
	seq, r, ok := ws.pathContact(c)
	if !ok {
		return
	}
	ws.remove(Contacts, seq)
	ws.archived[seq] = struct{}{}
	ws.answerReference(c, seq, &r, "archived", true)
}

// unarchiveContact brings a contact back. One that is not archived stays as it
// is, with the same answer.
func (ws *Workspace) unarchiveContact(c *call, _ object) {
	if ws.wasMerged(c, c.params[0]) {
		return
	}
	seq, ok := Contacts.seq(c.params[0])
	if _, archived := ws.archived[seq]; !ok || !archived {
		_, r, ok := ws.pathContact(c)
		if ok {
			c.again = true
			ws.answerReference(c, seq, &r, "archived", false)
		}
		return
	}
	delete(ws.archived, seq)
	t := ws.tables[Contacts]
	r := t.now.rows[seq]
	now := unixNow()
	r.gone, r.version, r.updated, r.touched = false, r.version+1, now, now
	t.apply(change{seq: seq, row: r})
	ws.answerReference(c, seq, &r, "archived", false)
}

// Archive puts contacts into the archive, from where a client can bring them
// back. It panics where there is no such contact.
func (ws *Workspace) Archive(ids ...string) {
	ws.Delete(Contacts, ids...)
	ws.mu.Lock()
	defer ws.mu.Unlock()
	for _, id := range ids {
		seq, _ := Contacts.seq(id)
		ws.archived[seq] = struct{}{}
	}
}

func (ws *Workspace) blockContact(c *call, _ object) {
	seq, _, ok := ws.pathContact(c)
	if !ok {
		return
	}
	r := ws.edit(Contacts, seq, func(d *document) { d.set("blocked", marshal(true)) })
	ws.answerReference(c, seq, &r, "blocked", true)
}

// mergeContacts merges a lead into a user. From then on the lead is a 410 that
// names the user.
func (ws *Workspace) mergeContacts(c *call, p object) {
	from, a, okA := ws.liveContact(p.text("from"))
	into, b, okB := ws.liveContact(p.text("into"))
	if !okA || !okB {
		c.notFound("User")
		return
	}
	if from == into || !ws.lead(from, &a) || ws.lead(into, &b) {
		c.fail(http.StatusBadRequest, "invalid_merge", "Only a lead can be merged into a user")
		return
	}
	skip, _ := p.flag("skip_duplicate_validation")
	if email := ws.email(from, &a); !skip && (email == "" || !strings.EqualFold(email, ws.email(into, &b))) {
		c.fail(http.StatusBadRequest, "invalid_merge", "Contacts can only be merged when they are duplicates (matching email or phone). Pass skip_duplicate_validation=true to override this check.")
		return
	}
	ws.remove(Contacts, from)
	ws.merged[from] = into
	r := ws.edit(Contacts, into, func(*document) {})
	c.made = Contacts.id(into)
	ws.answerContact(c, into, r)
}

// convertVisitor makes a contact of a visitor, or finds the one who is meant.
func (ws *Workspace) convertVisitor(c *call, p object) {
	user := p.object("user")
	seq, r, ok := ws.namedContact(user, "id", "user_id")
	c.again = ok
	if !ok {
		role := p.text("type")
		if role != "lead" {
			role = "user"
		}
		who := object{{"role", quoted(role)}}
		if user.has("email") {
			who = append(who, member{"email", user.get("email")})
		}
		if user.has("user_id") {
			who = append(who, member{"external_id", user.get("user_id")})
		}
		if !ws.takesContact(c, who) {
			return
		}
		seq, r = ws.newContact(who)
	}
	c.made = Contacts.id(seq)
	ws.answerContact(c, seq, r)
}

func (ws *Workspace) dismissBanner(c *call, _ object) {
	seq, r, ok := ws.pathContact(c)
	if !ok {
		return
	}
	view := c.params[1]
	dismissed, _ := r.list("dismissed")
	c.again = slices.Contains(dismissed, view)
	if !c.again {
		ws.edit(Contacts, seq, func(d *document) { d.setList("dismissed", append(slices.Clip(dismissed), view)) })
	}
	c.json(object{{"type", quoted("banner_dismiss")}, {"view_id", quoted(view)}, {"dismissed", marshal(true)}}.json())
}
