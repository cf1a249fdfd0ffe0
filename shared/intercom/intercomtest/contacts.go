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
		n, err := strconv.ParseUint(strings.TrimPrefix(c.params[0], "user-"), 10, 32)
		seq := uint32(n)
		if err != nil || !strings.HasPrefix(c.params[0], "user-") || ws.lead(seq) {
			c.notFound("User")
			return
		}
		ws.one(c, Contacts, Contacts.id(seq), "User")
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

func (ws *Workspace) lead(seq uint32) bool { return ws.rnd(Contacts, seq, 'r')%5 == 0 }

func (ws *Workspace) role(seq uint32) string {
	if ws.lead(seq) {
		return "lead"
	}
	return "user"
}

func externalID(seq uint32) string { return "user-" + strconv.Itoa(int(seq)) }

func (ws *Workspace) domain(seq uint32) string {
	return domains[ws.rnd(Contacts, seq, 'd')%uint64(len(domains))]
}

func (ws *Workspace) email(seq uint32) string {
	return "contact" + strconv.Itoa(int(seq)) + "@" + ws.domain(seq)
}

func (ws *Workspace) contactName(seq uint32) string {
	h := ws.rnd(Contacts, seq, 'n')
	return firstNames[h%uint64(len(firstNames))] + " " + lastNames[h>>32%uint64(len(lastNames))]
}

// seen is when a contact was last seen: after it was made, 0 for some.
func (ws *Workspace) seen(seq uint32, r *row) uint32 {
	h := ws.rnd(Contacts, seq, 's')
	if h%7 == 0 || r.updated < r.created {
		return 0
	}
	return r.created + uint32(h>>32)%(r.updated-r.created+1)
}

func (ws *Workspace) signedUp(seq uint32, r *row) uint32 {
	if ws.lead(seq) {
		return 0
	}
	return r.created
}

// How many entries the lists around a contact have: mostly few, sometimes more
// than fit into the contact, and for notes sometimes more than fit on a page.
func (ws *Workspace) tagCount(seq uint32) int {
	if seq%17 == 5 {
		return min(14, ws.cfg.Others)
	}
	return min(int(seq%4), ws.cfg.Others)
}

func noteCount(seq uint32) int {
	switch {
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

func (ws *Workspace) tagOf(seq uint32, i int) int { return (int(seq) + i) % max(ws.cfg.Others, 1) }

// noteNumber is the id of the ith note of a contact; noteID is it as text.
func noteNumber(seq uint32, i int) uint64 { return firstNote + uint64(seq)*notesMost + uint64(i) }

func noteID(seq uint32, i int) string { return strconv.FormatUint(noteNumber(seq, i), 10) }

const (
	firstNote = 1_000_000
	notesMost = 64 // a contact has fewer
)

func (ws *Workspace) writeContact(w *writer, seq uint32, r *row) {
	h := ws.rnd(Contacts, seq, 'c')
	w.open('{')
	start := len(w.b) - 1 // a comma before it is not part of the contact
	w.str("type", "contact")
	w.idOf("id", Contacts, seq)
	w.str("workspace_id", ws.cfg.Workspace)
	if ws.lead(seq) {
		w.null("external_id")
	} else {
		w.numbered("external_id", "user-", uint64(seq))
	}
	w.str("role", ws.role(seq))
	w.numbered("email", "contact", uint64(seq))
	w.b = append(append(append(w.b[:len(w.b)-1], '@'), ws.domain(seq)...), '"')
	w.str("email_domain", ws.domain(seq))
	if h%3 == 0 {
		w.numbered("phone", "+3161234", 1000+uint64(seq%9000))
	} else {
		w.null("phone")
	}
	w.str("name", ws.contactName(seq))
	w.null("avatar")
	w.null("owner_id")
	w.bool("has_hard_bounced", h%23 == 0)
	w.bool("marked_email_as_spam", false)
	w.bool("unsubscribed_from_emails", h%11 == 0)
	w.int("created_at", int64(r.created))
	w.int("updated_at", int64(r.updated))
	w.time("signed_up_at", ws.signedUp(seq, r))
	w.time("last_seen_at", ws.seen(seq, r))
	w.null("last_replied_at")
	w.null("last_contacted_at")
	w.null("language_override")
	w.str("browser", browsers[h%uint64(len(browsers))])
	w.str("browser_language", "en")
	w.obj("location")
	w.str("type", "location")
	w.str("country", countries[h%uint64(len(countries))])
	w.null("region")
	w.str("city", cities[h%uint64(len(cities))])
	w.end()
	w.obj("social_profiles")
	w.str("type", "list")
	w.list("data")
	w.endList()
	w.end()
	nested(w, "tags", seq, ws.tagCount(seq), func(i int) {
		id := uint64(firstShared + ws.tagOf(seq, i))
		w.str("type", "tag")
		w.numbered("id", "", id)
		w.numbered("url", "/tags/", id)
	})
	nested(w, "notes", seq, noteCount(seq), func(i int) {
		w.str("type", "note")
		w.numbered("id", "", noteNumber(seq, i))
		w.numbered("url", "/notes/", noteNumber(seq, i))
	})
	nested(w, "companies", seq, ws.companyCount(seq), func(i int) {
		w.str("type", "company")
		w.idOf("id", Companies, ws.companyOf(seq, i))
		w.text("url", "/companies/", Companies, ws.companyOf(seq, i), "")
	})
	w.obj("custom_attributes")
	w.str("plan", plans[h>>16%uint64(len(plans))])
	w.int("revision", int64(r.version))
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

func (ws *Workspace) contactSearch() *searchable {
	text := func(f func(uint32, *row) string) field { return field{kind: stringField, text: f} }
	flag := func(f func(uint32, *row) bool) field { return field{kind: booleanField, flag: f} }
	date := func(f func(uint32, *row) uint32) field { return field{kind: dateField, time: f} }
	rnd := func(seq uint32) uint64 { return ws.rnd(Contacts, seq, 'c') }
	none := func(uint32, *row) uint32 { return 0 }
	nothing := func(uint32, *row) string { return "" }
	never := func(uint32, *row) bool { return false }
	return &searchable{
		list: "list", items: "data", perPage: 50, sortBy: "created_at",
		sorts: map[string]func(uint32, *row) uint32{
			"id":                func(uint32, *row) uint32 { return 0 },
			"last_seen_at":      ws.seen,
			"signed_up_at":      ws.signedUp,
			"last_contacted_at": none,
			"last_replied_at":   none,
		},
		fields: map[string]field{
			"id":                       text(func(seq uint32, _ *row) string { return Contacts.id(seq) }),
			"role":                     text(func(seq uint32, _ *row) string { return ws.role(seq) }),
			"name":                     text(func(seq uint32, _ *row) string { return ws.contactName(seq) }),
			"email":                    text(func(seq uint32, _ *row) string { return ws.email(seq) }),
			"email_domain":             text(func(seq uint32, _ *row) string { return ws.domain(seq) }),
			"phone":                    text(nothing),
			"owner_id":                 text(nothing),
			"language_override":        text(nothing),
			"browser":                  text(func(seq uint32, _ *row) string { return browsers[rnd(seq)%uint64(len(browsers))] }),
			"location.country":         text(func(seq uint32, _ *row) string { return countries[rnd(seq)%uint64(len(countries))] }),
			"location.city":            text(func(seq uint32, _ *row) string { return cities[rnd(seq)%uint64(len(cities))] }),
			"external_id":              text(func(seq uint32, _ *row) string { return ws.externalIDOf(seq) }),
			"created_at":               date(func(_ uint32, r *row) uint32 { return r.created }),
			"updated_at":               date(func(_ uint32, r *row) uint32 { return r.updated }),
			"signed_up_at":             date(ws.signedUp),
			"last_seen_at":             date(ws.seen),
			"last_contacted_at":        date(none),
			"last_replied_at":          date(none),
			"last_email_opened_at":     date(none),
			"last_email_clicked_at":    date(none),
			"unsubscribed_from_emails": flag(func(seq uint32, _ *row) bool { return rnd(seq)%11 == 0 }),
			"has_hard_bounced":         flag(func(seq uint32, _ *row) bool { return rnd(seq)%23 == 0 }),
			"marked_email_as_spam":     flag(never),
			"tag_id": {kind: memberField, members: func(seq uint32, _ *row) []string {
				ids := make([]string, ws.tagCount(seq))
				for i := range ids {
					ids[i] = sharedID(ws.tagOf(seq, i))
				}
				return ids
			}},
			"segment_id": {kind: memberField, members: func(seq uint32, _ *row) []string { return ws.segmentsOf(seq) }},
		},
		custom: func(name string) (field, bool) {
			switch strings.TrimPrefix(name, "custom_attributes.") {
			case "plan":
				return text(func(seq uint32, _ *row) string { return plans[rnd(seq)>>16%uint64(len(plans))] }), true
			case "revision":
				return field{kind: integerField, number: func(_ uint32, r *row) int64 { return int64(r.version) }}, true
			}
			return field{}, false
		},
	}
}

func (ws *Workspace) externalIDOf(seq uint32) string {
	if ws.lead(seq) {
		return ""
	}
	return externalID(seq)
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
	seq, ok := Contacts.seq(id)
	into, merged := ws.merged[seq]
	ws.mu.Unlock()
	if ok && merged {
		c.answer.Header.Set("Link", "</contacts/"+Contacts.id(into)+`>; rel="canonical"`)
		c.fail(http.StatusGone, "contact_merged", "This contact has been merged. See the Link header for the canonical contact.")
		return
	}
	ws.one(c, Contacts, id, "User")
	if c.query.Get("include_merge_history") == "true" && c.answer.Status == http.StatusOK {
		w := writer{c.answer.Body}
		ws.addMergeHistory(&w, seq)
		c.json(w.b)
	}
}

// trimUser and trimEmail return the number in an external id and an address.
func trimUser(id string) string { return strings.TrimPrefix(id, "user-") }

func trimEmail(email string) string {
	name, _, _ := strings.Cut(email, "@")
	return strings.TrimPrefix(name, "contact")
}
