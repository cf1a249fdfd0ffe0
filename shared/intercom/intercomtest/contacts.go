package intercomtest

import (
	"net/http"
	"strconv"
	"strings"
)

// https://developers.intercom.com/docs/references/rest-api/api.intercom.io/contacts
var contactHandlers = map[string]handler{
	"POST /contacts/search": func(ws *Workspace, c *call) { ws.search(c, Contacts, ws.contactSearch()) },
	"GET /contacts":         (*Workspace).listContacts,
	"GET /contacts/{}":      (*Workspace).getContact,
	"GET /contacts/find_by_external_id/{}": func(ws *Workspace, c *call) {
		ws.mu.Lock()
		seq, ok := ws.contactByExternalID(c.params[0])
		ws.mu.Unlock()
		if !ok {
			c.notFound("User")
			return
		}
		ws.oneContact(c, Contacts.id(seq))
	},
	"GET /contacts/{}/tags":          ofContact((*Workspace).contactTags),
	"GET /contacts/{}/segments":      ofContact((*Workspace).contactSegments),
	"GET /contacts/{}/notes":         ofContact((*Workspace).contactNotes),
	"GET /contacts/{}/companies":     ofContact((*Workspace).contactCompanies),
	"GET /contacts/{}/subscriptions": ofContact((*Workspace).contactSubscriptions),
	"GET /contacts/{}/banners":       ofContact((*Workspace).contactBanners),
	"GET /contacts/{}/merge_history": ofContact((*Workspace).mergeHistory),
	"GET /notes/{}":                  (*Workspace).getNote,
}

// nestedMax is how many entries a list inside a contact has at most.
const nestedMax = 10

var (
	firstNames = [...]string{"Ada", "Søren", "Zoë", "Grace", "Łukasz", "李", "Amélie", "Bob \"Bobby\"", "Chinedu", "Björk 🎉", "O'Neil", "Ana\u2028María"}
	lastNames  = [...]string{"Lovelace", "Kierkegaard", "van der Berg", "Hopper", "Nowak", "小龙", "Poulain", "Tables", "Okafor", "Guðmundsdóttir"}
	domains    = [...]string{"example.com", "example.org", "example.net", "mail.example.com"}
	countries  = [...]string{"Netherlands", "Ireland", "United States", "Japan", "Australia"}
	cities     = [...]string{"Amsterdam", "Dublin", "San Francisco", "Tokyo", "Sydney"}
	browsers   = [...]string{"chrome", "firefox", "safari", "edge"}
	plans      = [...]string{"free", "team", "business", "enterprise"}
)

func (ws *Workspace) lead(seq uint32, r *row) bool {
	if role, ok := r.text("role"); ok {
		return role == "lead"
	}
	return ws.rnd(Contacts, seq, 'r')%5 == 0
}

func (ws *Workspace) role(seq uint32, r *row) string {
	if ws.lead(seq, r) {
		return "lead"
	}
	return "user"
}

func (ws *Workspace) domain(seq uint32) string {
	return domains[ws.rnd(Contacts, seq, 'd')%uint64(len(domains))]
}

// email, externalID and contactName are "" where a contact has none.
func (ws *Workspace) email(seq uint32, r *row) string {
	if email, ok := r.text("email"); ok {
		return email
	}
	return "contact" + strconv.Itoa(int(seq)) + "@" + ws.domain(seq)
}

func (ws *Workspace) externalID(seq uint32, r *row) string {
	if id, ok := r.text("external_id"); ok {
		return id
	}
	if ws.lead(seq, r) {
		return ""
	}
	return "user-" + strconv.Itoa(int(seq))
}

func (ws *Workspace) contactName(seq uint32, r *row) string {
	if name, ok := r.text("name"); ok {
		return name
	}
	h := ws.rnd(Contacts, seq, 'n')
	return firstNames[h%uint64(len(firstNames))] + " " + lastNames[h>>32%uint64(len(lastNames))]
}

// seen is when a contact was last seen: after it was made, 0 for some.
func (ws *Workspace) seen(seq uint32, r *row) uint32 {
	if at, ok := r.seconds("last_seen_at"); ok {
		return at
	}
	h := ws.rnd(Contacts, seq, 's')
	if h%7 == 0 || r.updated < r.created {
		return 0
	}
	return r.created + uint32(h>>32)%(r.updated-r.created+1)
}

func (ws *Workspace) signedUp(seq uint32, r *row) uint32 {
	if at, ok := r.seconds("signed_up_at"); ok {
		return at
	}
	if ws.lead(seq, r) {
		return 0
	}
	return r.created
}

// The lists around a contact: mostly few entries, sometimes more than fit into
// the contact, and for notes sometimes more than fit on a page.

// tagIDs returns the ids of a contact's tags.
func (ws *Workspace) tagIDs(seq uint32, r *row) []string {
	if ids, ok := r.list("tags"); ok {
		return ids
	}
	ids := make([]string, ws.tagCount(seq))
	for i := range ids {
		ids[i] = sharedID(ws.tagOf(seq, i))
	}
	return ids
}

func (ws *Workspace) tagCount(seq uint32) int {
	if seq%17 == 5 {
		return min(14, ws.cfg.Others)
	}
	return min(int(seq%4), ws.cfg.Others)
}

func (ws *Workspace) tagOf(seq uint32, i int) int { return (int(seq) + i) % max(ws.cfg.Others, 1) }

// companyIDs returns the ids of a contact's companies.
func (ws *Workspace) companyIDs(seq uint32, r *row) []string {
	if ids, ok := r.list("companies"); ok {
		return ids
	}
	ids := make([]string, ws.companyCount(seq))
	for i := range ids {
		ids[i] = Companies.id(ws.companyOf(seq, i))
	}
	return ids
}

// noteCount is how many notes of a contact are made up; those that clients
// wrote come after them.
func noteCount(seq uint32, r *row) int {
	switch {
	case r.made():
		return 0
	case seq%101 == 7:
		return 60
	case seq%19 == 3:
		return 12
	}
	return int(seq % 3)
}

func (ws *Workspace) companyCount(seq uint32) int {
	if seq%97 == 0 {
		return min(12, ws.cfg.Companies)
	}
	return min(int(seq%3), ws.cfg.Companies)
}

// companyOf returns the number of a contact's ith company. The inverse is in
// companyContacts.
func (ws *Workspace) companyOf(seq uint32, i int) uint32 {
	return uint32((uint64(seq) + uint64(i)) % uint64(max(ws.cfg.Companies, 1)))
}

// noteID returns the id of the ith note of a contact.
func noteID(seq uint32, r *row, i int) string {
	if n := noteCount(seq, r); i >= n {
		return r.notes()[i-n].id
	}
	return strconv.FormatUint(noteNumber(seq, i), 10)
}

func noteNumber(seq uint32, i int) uint64 { return firstNote + uint64(seq)*notesMost + uint64(i) }

const (
	firstNote = 1_000_000
	notesMost = 64 // a contact has fewer
)

func (ws *Workspace) writeContact(w *writer, seq uint32, r *row) {
	h := ws.rnd(Contacts, seq, 'c')
	made := r.made()
	w.open('{')
	start := len(w.b) - 1 // a comma before it is not part of the contact
	w.str("type", "contact")
	w.idOf("id", Contacts, seq)
	w.str("workspace_id", ws.cfg.Workspace)
	if lead := ws.lead(seq, r); lead || r.doc != nil {
		w.strOrNull("external_id", ws.externalID(seq, r))
	} else {
		w.numbered("external_id", "user-", uint64(seq))
	}
	w.str("role", ws.role(seq, r))
	if r.doc != nil {
		w.strOrNull("email", ws.email(seq, r))
		w.strOrNull("email_domain", domainOf(ws.email(seq, r)))
	} else {
		w.numbered("email", "contact", uint64(seq))
		w.b = append(append(append(w.b[:len(w.b)-1], '@'), ws.domain(seq)...), '"')
		w.str("email_domain", ws.domain(seq))
	}
	if h%3 == 0 && !made {
		w.numbered("phone", "+3161234", 1000+uint64(seq%9000))
	} else {
		w.null("phone")
	}
	w.strOrNull("name", ws.contactName(seq, r))
	w.null("avatar")
	w.null("owner_id")
	w.bool("has_hard_bounced", ws.bounced(seq, r))
	w.bool("marked_email_as_spam", false)
	w.bool("unsubscribed_from_emails", ws.unsubscribed(seq, r))
	w.int("created_at", int64(r.created))
	w.int("updated_at", int64(r.updated))
	w.time("signed_up_at", ws.signedUp(seq, r))
	w.time("last_seen_at", ws.seen(seq, r))
	w.null("last_replied_at")
	w.null("last_contacted_at")
	w.null("language_override")
	w.strOrNull("browser", ws.picked(seq, r, browsers[:]))
	w.str("browser_language", "en")
	w.obj("location")
	w.str("type", "location")
	w.strOrNull("country", ws.picked(seq, r, countries[:]))
	w.null("region")
	w.strOrNull("city", ws.picked(seq, r, cities[:]))
	w.end()
	w.obj("social_profiles")
	w.str("type", "list")
	w.list("data")
	w.endList()
	w.end()
	ws.writeContactLists(w, seq, r)
	w.obj("custom_attributes")
	w.int("revision", int64(r.version))
	if made {
		w.end()
		w.end()
		return
	}
	w.str("plan", plans[h>>16%uint64(len(plans))])
	// Numbers that a round trip through a float would change.
	w.raw("score", "1.50")
	w.raw("account_number", "12345678901234567890")
	w.bool("is <vip> & \u00fcber", h%2 == 0)
	w.raw("motto", `"caf\u00e9 \/ 100%"`) // and text that has another form in Go
	if room := ws.cfg.RecordSize - (len(w.b) - start) - len(`,"about":""}}`); room > 0 {
		w.plain("about", padding(h+uint64(r.version), room))
	}
	w.end()
	w.end()
}

// writeContactLists appends the lists that a contact begins. Those of the many
// that nobody wrote to are made without a detour over strings.
func (ws *Workspace) writeContactLists(w *writer, seq uint32, r *row) {
	entry := func(typ, path, id string) {
		w.plain("type", typ)
		w.plain("id", id)
		w.plain("url", path+id)
	}
	if tags, ok := r.list("tags"); ok {
		nested(w, "tags", seq, len(tags), func(i int) { entry("tag", "/tags/", tags[i]) })
	} else {
		nested(w, "tags", seq, ws.tagCount(seq), func(i int) {
			id := uint64(firstShared + ws.tagOf(seq, i))
			w.plain("type", "tag")
			w.numbered("id", "", id)
			w.numbered("url", "/tags/", id)
		})
	}
	n := noteCount(seq, r)
	nested(w, "notes", seq, n+len(r.notes()), func(i int) {
		if i >= n {
			entry("note", "/notes/", noteID(seq, r, i))
			return
		}
		w.plain("type", "note")
		w.numbered("id", "", noteNumber(seq, i))
		w.numbered("url", "/notes/", noteNumber(seq, i))
	})
	if companies, ok := r.list("companies"); ok {
		nested(w, "companies", seq, len(companies), func(i int) { entry("company", "/companies/", companies[i]) })
	} else {
		nested(w, "companies", seq, ws.companyCount(seq), func(i int) {
			w.plain("type", "company")
			w.idOf("id", Companies, ws.companyOf(seq, i))
			w.text("url", "/companies/", Companies, ws.companyOf(seq, i), "")
		})
	}
}

// picked chooses what a contact's device and place are; nothing is known of them
// where a client made the contact.
func (ws *Workspace) picked(seq uint32, r *row, from []string) string {
	if r.made() {
		return ""
	}
	return from[ws.rnd(Contacts, seq, 'c')%uint64(len(from))]
}

func (ws *Workspace) bounced(seq uint32, r *row) bool {
	return !r.made() && ws.rnd(Contacts, seq, 'c')%23 == 0
}

func (ws *Workspace) unsubscribed(seq uint32, r *row) bool {
	if r.doc != nil {
		if v, ok := r.doc.fields.flag("unsubscribed_from_emails"); ok || r.doc.made {
			return v
		}
	}
	return ws.rnd(Contacts, seq, 'c')%11 == 0
}

func domainOf(email string) string {
	_, domain, _ := strings.Cut(email, "@")
	return domain
}

// nested appends a list inside a contact: its first entries, and where the rest is.
func nested(w *writer, list string, contact uint32, n int, entry func(i int)) {
	w.obj(list)
	w.str("type", "list")
	w.text("url", "/contacts/", Contacts, contact, "/"+list)
	w.int("total_count", int64(n))
	w.bool("has_more", n > nestedMax)
	w.list("data")
	for i := range min(n, nestedMax) {
		w.open('{')
		entry(i)
		w.end()
	}
	w.endList()
	w.end()
}

// listContacts answers GET /contacts: newest first, pages of 10 to 150.
func (ws *Workspace) listContacts(c *call) {
	s := searchable{list: "list", items: "data", perPage: 10}
	ws.listByCursor(c, Contacts, &s, ws.cfg.Bubble)
}

// listByCursor answers a list that is paged by ?starting_after, the latest
// first. Lists are not late.
func (ws *Workspace) listByCursor(c *call, e Entity, s *searchable, byUpdate bool) {
	perPage, after, err := c.cursorParams(e, s.perPage)
	if err != nil {
		c.failWith(err)
		return
	}
	ws.mu.Lock()
	x := ws.tables[e].now
	v := view{x.created, true}
	if byUpdate {
		v.keys = x.updated
	}
	total := len(v.keys)
	keys, more := v.page(after, perPage)
	rows := rowsOf(x, keys)
	ws.mu.Unlock()
	ws.cursorPage(c, e, s, cursorPage{keys: keys, rows: rows, more: more, total: total, perPage: perPage, after: after})
}

// cursorParams reads ?per_page and ?starting_after.
func (c *call) cursorParams(e Entity, perPage int) (int, *cursor, error) {
	if s := c.query.Get("per_page"); s != "" {
		var err error
		if perPage, err = pageSize(s, maxPerPage); err != nil {
			return 0, nil, err
		}
	}
	if !c.query.Has("starting_after") {
		return perPage, nil, nil
	}
	after, err := decodeCursor(e, c.query.Get("starting_after"))
	return perPage, &after, err
}

// getContact answers GET /contacts/{id}; one that was merged is gone, with the
// way to the other one.
func (ws *Workspace) getContact(c *call) {
	id := c.params[0]
	ws.mu.Lock()
	seq, _ := Contacts.seq(id)
	merged := ws.wasMerged(c, id)
	ws.mu.Unlock()
	if merged {
		return
	}
	ws.oneContact(c, id)
	if c.query.Get("include_merge_history") == "true" && c.answer.Status == http.StatusOK {
		w := writer{c.answer.Body}
		ws.addMergeHistory(&w, seq)
		c.json(w.b)
	}
}
