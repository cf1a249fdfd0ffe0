package intercomtest

import (
	"slices"
	"strconv"
)

// partCount is how many parts a conversation has that are made up: few, and for
// some more than can be read. Every change adds one; those that clients wrote
// come after them.
func partCount(seq uint32, r *row) int {
	n := 1 + int(seq%7) + int(r.changes())
	switch {
	case r.made():
		n = int(r.changes())
	case seq%50 == 49:
		n += 600
	}
	return n
}

// changes is how often a record changed other than by being written.
func (r *row) changes() uint32 {
	if r.doc == nil {
		return r.version
	}
	return r.version - r.doc.writes
}

// partTime spreads the parts that are made up from a conversation's beginning to
// its last change.
func partTime(i, n int, r *row) uint32 {
	last := r.touched
	if r.doc != nil && r.doc.wrote >= last {
		last = r.doc.frozen
	}
	if i == n-1 || last < r.created {
		return last
	}
	return r.created + uint32(uint64(last-r.created)*uint64(i)/uint64(n))
}

// writeParts appends the newest parts of a conversation or a ticket and how
// many there are: n that are made up, and those that clients wrote.
func (ws *Workspace) writeParts(w *writer, typ string, e Entity, seq uint32, r *row, n int) {
	w.obj(typ + "s")
	w.str("type", typ+".list")
	w.list(typ + "s")
	contact := ws.contactOf(e, seq)
	redacted, _ := r.list("redacted")
	total := n + len(r.parts())
	for i := max(0, total-partsMax); i < total; i++ {
		if i >= n {
			w.item(r.parts()[i-n].json)
			continue
		}
		at := partTime(i, n, r)
		id := e.id(seq) + strconv.Itoa(10_000+i)
		w.open('{')
		w.str("type", typ)
		w.str("id", id)
		if e == Tickets {
			w.str("part_type", "ticket_state_updated_by_admin")
			w.str("ticket_state", ws.ticketState(seq, r))
			w.str("previous_ticket_state", "submitted")
		} else {
			w.str("part_type", "comment")
			w.str("body", partBody(padding(ws.rnd(e, seq, uint64(i)), 80), slices.Contains(redacted, id)))
		}
		w.int("created_at", int64(at))
		w.int("updated_at", int64(at))
		ws.writeAuthor(w, "author", contact)
		w.list("attachments")
		w.endList()
		w.bool("redacted", slices.Contains(redacted, id))
		w.end()
	}
	w.endList()
	w.int("total_count", int64(total))
	w.end()
}

func partBody(text string, redacted bool) string {
	if redacted {
		return ""
	}
	return "<p>" + text + "</p>"
}
