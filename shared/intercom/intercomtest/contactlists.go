package intercomtest

import (
	"slices"
	"strconv"
)

// What belongs to a contact: the lists that its record only begins.

// ofContact wraps a handler that needs an existing contact.
func ofContact(h func(ws *Workspace, c *call, seq uint32, r row)) handler {
	return func(ws *Workspace, c *call) {
		ws.mu.Lock()
		seq, r, ok := ws.tables[Contacts].find(c.params[0])
		ws.mu.Unlock()
		if !ok {
			c.notFound("User")
			return
		}
		h(ws, c, seq, r)
	}
}

func (ws *Workspace) contactTags(c *call, seq uint32, r row) {
	ids := ws.tagIDs(seq, &r)
	ws.mu.Lock()
	defer ws.mu.Unlock()
	ws.plainList(c, "list", "data", len(ids), func(w *writer, i int) { ws.writeTag(w, ids[i], r.created) })
}

// segmentsOf returns the ids of a contact's segments.
func (ws *Workspace) segmentsOf(seq uint32, r *row) []string {
	if r.made() {
		return nil
	}
	ids := make([]string, min(int(seq%3), ws.cfg.Others))
	for i := range ids {
		ids[i] = sharedID((int(seq) + i) % ws.cfg.Others)
	}
	return ids
}

func (ws *Workspace) contactSegments(c *call, seq uint32, r row) {
	ids := ws.segmentsOf(seq, &r)
	ws.plainList(c, "list", "data", len(ids), func(w *writer, i int) { ws.writeShared(w, "segment", ids[i]) })
}

// subscriptionIDs returns the ids of what a contact is subscribed to.
func (ws *Workspace) subscriptionIDs(r *row) []string {
	if ids, ok := r.list("subscriptions"); ok {
		return ids
	}
	ids := make([]string, min(3, ws.cfg.Others))
	for i := range ids {
		ids[i] = sharedID(i)
	}
	return ids
}

func (ws *Workspace) contactSubscriptions(c *call, _ uint32, r row) {
	ids := ws.subscriptionIDs(&r)
	ws.plainList(c, "list", "data", len(ids), func(w *writer, i int) { ws.writeShared(w, "subscription", ids[i]) })
}

// contactBanners counts: to list a contact's banners is to show them.
func (ws *Workspace) contactBanners(c *call, _ uint32, _ row) {
	ws.mu.Lock()
	ws.stats.Impressions++
	ws.mu.Unlock()
	ws.plainList(c, "list", "data", min(2, ws.cfg.Others), func(w *writer, i int) { ws.writeShared(w, "banner", sharedID(i)) })
}

func (ws *Workspace) contactNotes(c *call, seq uint32, r row) {
	n, notes := noteCount(seq, &r), r.notes()
	ws.numbered(c, numbered{total: n + len(notes), perPage: 50, most: 150, next: nextURL}, func(w *writer, i int) {
		if i >= n {
			w.item(notes[i-n].json)
			return
		}
		ws.writeNote(w, "contact", Contacts.id(seq), noteID(seq, &r, i), r.created)
	})
}

func (ws *Workspace) writeNote(w *writer, parent, parentID, id string, at uint32) {
	w.open('{')
	w.str("type", "note")
	w.str("id", id)
	w.int("created_at", int64(at))
	w.obj(parent)
	w.str("type", parent)
	w.str("id", parentID)
	w.end()
	w.obj("author")
	w.str("type", "admin")
	w.str("id", sharedID(0))
	w.str("name", "Admin 0")
	w.end()
	w.str("body", "<p>Note "+id+"</p>")
	w.end()
}

// getNote answers GET /notes/{id}: the notes of contacts.
func (ws *Workspace) getNote(c *call) {
	ws.mu.Lock()
	note, ok := ws.notes[c.params[0]]
	ws.mu.Unlock()
	if ok {
		c.json(note.json)
		return
	}
	n, err := strconv.ParseUint(c.params[0], 10, 63)
	if err == nil && n >= firstNote && (n-firstNote)/notesMost < 1<<32 {
		seq, i := uint32((n-firstNote)/notesMost), int((n-firstNote)%notesMost)
		ws.mu.Lock()
		r, ok := ws.tables[Contacts].get(seq)
		ws.mu.Unlock()
		if ok && i < noteCount(seq, &r) {
			var w writer
			ws.writeNote(&w, "contact", Contacts.id(seq), noteID(seq, &r, i), r.created)
			c.json(w.b)
			return
		}
	}
	c.notFound("Note")
}

// contactCompanies answers under the key data, as the service does, where its
// description says companies.
func (ws *Workspace) contactCompanies(c *call, seq uint32, r row) {
	ws.mu.Lock()
	var keys []uint64
	for _, id := range ws.companyIDs(seq, &r) {
		if k, r, ok := ws.tables[Companies].find(id); ok {
			keys = append(keys, key(r.created, k))
		}
	}
	rows := rowsOf(ws.tables[Companies].now, keys)
	ws.mu.Unlock()
	ws.numbered(c, numbered{total: len(keys), perPage: 50, most: 60, next: nextURL}, func(w *writer, i int) {
		ws.write(w, Companies, keySeq(keys[i]), rows[i])
	})
}

// mergedInto returns who was merged into a contact.
func (ws *Workspace) mergedInto(seq uint32) []uint32 {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	var from []uint32
	for a, b := range ws.merged {
		if b == seq {
			from = append(from, a)
		}
	}
	slices.Sort(from)
	return from
}

// mergeHistory is the one list that is paged by next_cursor and has_more.
func (ws *Workspace) mergeHistory(c *call, seq uint32, r row) {
	from := ws.mergedInto(seq)
	perPage := 50
	if s := c.query.Get("per_page"); s != "" {
		var err error
		if perPage, err = pageSize(s, maxPerPage); err != nil {
			c.failWith(err)
			return
		}
	}
	start := 0
	if s := c.query.Get("cursor"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > len(from) {
			c.failWith(invalid("cursor %q is not one of this list", s))
			return
		}
		start = n
	}
	end := min(start+perPage, len(from))
	var w writer
	w.open('{')
	w.str("type", "list")
	w.list("data")
	for _, a := range from[start:end] {
		writeMerge(&w, a, r.updated)
	}
	w.endList()
	if end < len(from) {
		w.str("next_cursor", strconv.Itoa(end))
	} else {
		w.null("next_cursor")
	}
	w.bool("has_more", end < len(from))
	w.end()
	c.json(w.b)
}

func writeMerge(w *writer, from, at uint32) {
	w.open('{')
	w.str("type", "merge_history")
	w.idOf("source_contact_id", Contacts, from)
	w.str("source_contact_role", "lead")
	w.int("merged_at", int64(at))
	w.end()
}

// addMergeHistory extends the contact that w ends with; only users have one.
func (ws *Workspace) addMergeHistory(w *writer, seq uint32) {
	ws.mu.Lock()
	r := ws.tables[Contacts].now.rows[seq]
	ws.mu.Unlock()
	if ws.lead(seq, &r) {
		return
	}
	w.b = w.b[:len(w.b)-1]
	w.list("merge_history")
	at := r.updated
	for _, a := range ws.mergedInto(seq) {
		writeMerge(w, a, at)
	}
	w.endList()
	w.end()
}
