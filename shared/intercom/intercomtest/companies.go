package intercomtest

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// https://developers.intercom.com/docs/references/rest-api/api.intercom.io/companies
var companyHandlers = map[string]handler{
	"POST /companies/list":       (*Workspace).listCompanies,
	"GET /companies":             (*Workspace).filterCompanies,
	"GET /companies/scroll":      (*Workspace).scrollCompanies,
	"GET /companies/{}":          getter(Companies, "Company"),
	"GET /companies/{}/contacts": ofCompany((*Workspace).companyContacts),
	"GET /companies/{}/segments": ofCompany((*Workspace).companySegments),
	"GET /companies/{}/notes":    ofCompany((*Workspace).companyNotes),
}

// listCap is how many companies a list reaches.
const listCap = 10_000

// companyKey is the company_id, which never changes.
func companyKey(seq uint32, r *row) string {
	if id, ok := r.text("company_id"); ok {
		return id
	}
	return "acme-" + strconv.Itoa(int(seq))
}

func companyName(seq uint32, r *row) string {
	if name, ok := r.text("name"); ok {
		return name
	}
	return "Acme & Sons №" + strconv.Itoa(int(seq))
}

// companyTags returns the ids of a company's tags.
func (ws *Workspace) companyTags(seq uint32, r *row) []string {
	if ids, ok := r.list("tags"); ok {
		return ids
	}
	if ws.cfg.Others == 0 || seq%4 != 0 {
		return nil
	}
	return []string{sharedID(int(seq) % ws.cfg.Others)}
}

func (ws *Workspace) writeCompany(w *writer, seq uint32, r *row) {
	h := ws.rnd(Companies, seq, 'c')
	if r.made() {
		h = 0
	}
	w.open('{')
	w.str("type", "company")
	w.str("company_id", companyKey(seq, r))
	w.idOf("id", Companies, seq)
	w.str("app_id", ws.cfg.Workspace)
	w.str("name", companyName(seq, r))
	w.int("remote_created_at", int64(r.created))
	w.int("created_at", int64(r.created))
	w.int("updated_at", int64(r.updated))
	w.int("last_request_at", int64(r.updated))
	if r.made() {
		w.int("monthly_spend", 0)
	} else {
		w.raw("monthly_spend", strconv.Itoa(int(h%1000))+".50")
	}
	w.int("session_count", int64(h%77))
	w.int("user_count", int64(ws.companySize(r)))
	w.obj("tags")
	w.str("type", "tag.list")
	w.list("tags")
	for _, id := range ws.companyTags(seq, r) {
		ws.writeTag(w, id, r.created)
	}
	w.endList()
	w.end()
	w.obj("segments")
	w.str("type", "segment.list")
	w.list("segments")
	w.endList()
	w.end()
	w.obj("plan")
	w.end()
	w.obj("custom_attributes")
	w.int("revision", int64(r.version))
	w.end()
	w.end()
}

// byLastRequest is the order of lists of companies; what changes comes first.
func (ws *Workspace) byLastRequest() ([]uint64, *index) {
	x := ws.tables[Companies].now
	return x.updated, x
}

// listCompanies answers POST /companies/list, which ends at 10,000.
func (ws *Workspace) listCompanies(c *call) {
	ws.mu.Lock()
	keys, x := ws.byLastRequest()
	n := numbered{total: len(keys), perPage: 15, most: 60, next: nextURL}
	win, err := c.window(n)
	if err == nil && win.page*win.perPage > listCap {
		err = &problem{"bad_request", "page limit reached, please use scroll API"}
	}
	if err != nil {
		ws.mu.Unlock()
		c.failWith(err)
		return
	}
	keys = view{keys, c.param("order") != "asc"}.slice(win.from, win.to)
	rows := rowsOf(x, keys)
	ws.mu.Unlock()
	ws.windowPage(c, n, win, func(w *writer, i int) { ws.write(w, Companies, keySeq(keys[i-win.from]), rows[i-win.from]) })
}

// filterCompanies answers GET /companies, which wants a filter although its
// description says that it does not.
func (ws *Workspace) filterCompanies(c *call) {
	q := c.query
	switch {
	case q.Get("company_id") != "" || q.Get("name") != "":
		ws.mu.Lock()
		seq, ok := ws.companyByKey(q.Get("company_id"))
		if !ok {
			seq, ok = ws.companyByName(q.Get("name"))
		}
		ws.mu.Unlock()
		if !ok {
			c.fail(http.StatusNotFound, "company_not_found", "Company Not Found")
			return
		}
		ws.one(c, Companies, Companies.id(seq), "Company")
	case q.Get("tag_id") != "" || q.Get("segment_id") != "":
		ws.mu.Lock()
		_, x := ws.byLastRequest()
		var keys []uint64
		for _, k := range x.created {
			seq := keySeq(k)
			if slices.Contains(ws.companyTags(seq, &x.rows[seq]), q.Get("tag_id")) {
				keys = append(keys, k)
			}
		}
		rows := rowsOf(x, keys)
		ws.mu.Unlock()
		ws.numbered(c, numbered{total: len(keys), perPage: 15, most: 60, next: nextURL}, func(w *writer, i int) {
			ws.write(w, Companies, keySeq(keys[i]), rows[i])
		})
	default:
		c.fail(http.StatusBadRequest, "parameter_missing", "one of name, company_id, tag_id and segment_id is needed")
	}
}

// ofCompany wraps a handler that needs an existing company.
func ofCompany(h func(ws *Workspace, c *call, seq uint32, r row)) handler {
	return func(ws *Workspace, c *call) {
		ws.mu.Lock()
		seq, r, ok := ws.tables[Companies].find(c.params[0])
		ws.mu.Unlock()
		if !ok {
			c.notFound("Company")
			return
		}
		h(ws, c, seq, r)
	}
}

// companyByKey returns the company with a company_id that exists.
func (ws *Workspace) companyByKey(id string) (uint32, bool) {
	seq, ok := ws.companies[id]
	if !ok {
		n, err := strconv.ParseUint(strings.TrimPrefix(id, "acme-"), 10, 32)
		seq, ok = uint32(n), err == nil
	}
	r, exists := ws.tables[Companies].get(seq)
	return seq, ok && exists && companyKey(seq, &r) == id
}

// companyByName returns the first company of a name.
func (ws *Workspace) companyByName(name string) (uint32, bool) {
	if name == "" {
		return 0, false
	}
	x := ws.tables[Companies].now
	for seq := range x.rows {
		if r := &x.rows[seq]; !r.gone && companyName(uint32(seq), r) == name {
			return uint32(seq), true
		}
	}
	return 0, false
}

// contactsOf returns the numbers of the contacts that ever belonged to a
// company: companyIDs the other way round.
func (ws *Workspace) contactsOf(company uint32) []uint32 {
	var out []uint32
	for seq := range ws.moved {
		if slices.Contains(ws.companyIDs(seq, &ws.tables[Contacts].now.rows[seq]), Companies.id(company)) {
			out = append(out, seq)
		}
	}
	slices.Sort(out)
	size := ws.cfg.Companies
	if size == 0 || int(company) >= size {
		return out
	}
	for i := range min(12, size) {
		first := (int(company) - i%size + size) % size
		for seq := first; seq < ws.cfg.Contacts; seq += size {
			if _, moved := ws.moved[uint32(seq)]; !moved && i < ws.companyCount(uint32(seq)) {
				out = append(out, uint32(seq))
			}
		}
	}
	return out
}

// companySize is the average: to count for every company of a page would cost
// more than all the rest of it.
func (ws *Workspace) companySize(r *row) int {
	if r.made() {
		return 0
	}
	return ws.cfg.Contacts / max(ws.cfg.Companies, 1)
}

func (ws *Workspace) companyContacts(c *call, seq uint32, _ row) {
	ws.mu.Lock()
	x := ws.tables[Contacts].now
	var keys []uint64
	for _, s := range ws.contactsOf(seq) {
		if r := x.rows[s]; !r.gone {
			keys = append(keys, key(r.created, s))
		}
	}
	rows := rowsOf(x, keys)
	ws.mu.Unlock()
	ws.numbered(c, numbered{total: len(keys), perPage: 50, most: 150, next: nextObject}, func(w *writer, i int) {
		ws.write(w, Contacts, keySeq(keys[i]), rows[i])
	})
}

func (ws *Workspace) companySegments(c *call, seq uint32, r row) {
	n := min(int(seq%3), ws.cfg.Others)
	if r.made() {
		n = 0
	}
	ws.plainList(c, "list", "data", n, func(w *writer, i int) { ws.writeShared(w, "segment", sharedID(i)) })
}

func (ws *Workspace) companyNotes(c *call, seq uint32, r row) {
	n, notes := int(seq%3), r.notes()
	switch {
	case r.made():
		n = 0
	case seq%20 == 1:
		n = 55
	}
	ws.numbered(c, numbered{total: n + len(notes), perPage: 50, most: 150, next: nextURL}, func(w *writer, i int) {
		if i >= n {
			w.item(notes[i-n].json)
			return
		}
		ws.writeNote(w, "company", Companies.id(seq), strconv.Itoa(500_000_000_000+int(seq)*64+i), r.created)
	})
}
