package intercomtest

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// How contacts are found by what identifies them. Those that are made up carry
// their number in their address and external id; what clients wrote is
// remembered. All of it needs the lock.

// A book remembers which contacts a value may belong to: those that it was ever
// written to.
type book map[string][]uint32

// note adds a contact to a value.
func (b book) note(value string, seq uint32) {
	if value != "" {
		b[value] = append(b[value], seq)
	}
}

// contactByEmail returns the contact that has an address, the archived included.
func (ws *Workspace) contactByEmail(email string) (uint32, bool) {
	email = strings.ToLower(email)
	name, _, _ := strings.Cut(email, "@")
	return ws.contactWith(email, ws.emails[email], strings.TrimPrefix(name, "contact"), func(seq uint32, r *row) string {
		return strings.ToLower(ws.email(seq, r))
	})
}

// contactByExternalID returns the contact that has an external id, the archived
// included.
func (ws *Workspace) contactByExternalID(id string) (uint32, bool) {
	return ws.contactWith(id, ws.externals[id], strings.TrimPrefix(id, "user-"), ws.externalID)
}

// contactWith returns the first of the contacts that may have a value which has
// it now: those it was written to, and the one whose number it holds.
func (ws *Workspace) contactWith(value string, written []uint32, number string, of func(uint32, *row) string) (uint32, bool) {
	if value == "" {
		return 0, false
	}
	candidates := written
	if n, err := strconv.ParseUint(number, 10, 32); err == nil {
		candidates = append([]uint32{uint32(n)}, written...)
	}
	for _, seq := range candidates {
		if int64(seq) >= int64(len(ws.tables[Contacts].now.rows)) {
			continue
		}
		r := ws.tables[Contacts].now.rows[seq]
		if _, archived := ws.archived[seq]; r.gone && !archived {
			continue
		}
		if of(seq, &r) == value {
			return seq, true
		}
	}
	return 0, false
}

// liveContact returns a contact that a client can address: one that exists and
// was not made a moment ago.
func (ws *Workspace) liveContact(id string) (uint32, row, bool) {
	seq, r, ok := ws.tables[Contacts].find(id)
	if ok && ws.tooFresh(seq) {
		ok = false
	}
	return seq, r, ok
}

// tooFresh reports whether a contact was made so lately that not every part of
// the service knows it, and forgets it when it no longer is.
func (ws *Workspace) tooFresh(seq uint32) bool {
	made, ok := ws.fresh[seq]
	if !ok {
		return false
	}
	if time.Since(made) < ws.cfg.CreateLag {
		return true
	}
	delete(ws.fresh, seq)
	return false
}

// wasMerged answers for a contact that was merged into another one.
func (ws *Workspace) wasMerged(c *call, id string) bool {
	seq, ok := Contacts.seq(id)
	into, merged := ws.merged[seq]
	if !ok || !merged {
		return false
	}
	c.answer.Header.Set("Link", "</contacts/"+Contacts.id(into)+`>; rel="canonical"`)
	c.fail(http.StatusGone, "contact_merged", "This contact has been merged. See the Link header for the canonical contact.")
	return true
}

// pathContact returns the contact that a path names; it answers where it cannot.
func (ws *Workspace) pathContact(c *call) (uint32, row, bool) {
	if ws.wasMerged(c, c.params[0]) {
		return 0, row{}, false
	}
	seq, r, ok := ws.liveContact(c.params[0])
	if !ok {
		c.notFound("User")
	}
	return seq, r, ok
}

// namedContact returns the contact that a payload names, by the first of its
// keys that is there: that of an id, that of an external id, or email.
func (ws *Workspace) namedContact(p object, idKey, externalKey string) (uint32, row, bool) {
	var seq uint32
	var ok bool
	switch {
	case p.has(idKey):
		return ws.liveContact(p.text(idKey))
	case p.has(externalKey):
		seq, ok = ws.contactByExternalID(p.text(externalKey))
	case p.has("email"):
		seq, ok = ws.contactByEmail(p.text("email"))
	}
	if !ok {
		return 0, row{}, false
	}
	return ws.liveContact(Contacts.id(seq))
}

// oneContact answers with a contact.
func (ws *Workspace) oneContact(c *call, id string) {
	ws.mu.Lock()
	seq, r, ok := ws.liveContact(id)
	ws.mu.Unlock()
	if !ok {
		c.notFound("User")
		return
	}
	var w writer
	ws.write(&w, Contacts, seq, r)
	c.json(w.b)
}
