package intercomtest

import (
	"encoding/json"
	"fmt"
	"iter"
	"time"
)

// A Record is one record as it is now, whatever a search sees of it.
type Record struct {
	ID        string
	CreatedAt time.Time
	UpdatedAt time.Time
	JSON      json.RawMessage // as lists and searches serve it
}

// Records yields every record of e that exists, in the order of creation. It
// does not hold the workspace up: records that change meanwhile are yielded as
// they were or as they are.
func (ws *Workspace) Records(e Entity) iter.Seq[Record] {
	return func(yield func(Record) bool) {
		for seq := uint32(0); ; seq++ {
			ws.mu.Lock()
			n := len(ws.tables[e].now.rows)
			r, ok := ws.tables[e].get(seq)
			ws.mu.Unlock()
			if int(seq) >= n {
				return
			}
			if ok && !yield(ws.record(e, seq, r)) {
				return
			}
		}
	}
}

// Record returns one record as it is now.
func (ws *Workspace) Record(e Entity, id string) (Record, bool) {
	ws.mu.Lock()
	seq, r, ok := ws.tables[e].find(id)
	ws.mu.Unlock()
	if !ok {
		return Record{}, false
	}
	return ws.record(e, seq, r), true
}

func (ws *Workspace) record(e Entity, seq uint32, r row) Record {
	var w writer
	ws.write(&w, e, seq, r)
	return Record{ID: e.id(seq), CreatedAt: fromUnix(r.created), UpdatedAt: fromUnix(r.updated), JSON: w.b}
}

// Len returns how many records of e exist.
func (ws *Workspace) Len(e Entity) int {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	return len(ws.tables[e].now.created)
}

// ID returns the id of the nth record of e that was ever made, from 0.
func (ws *Workspace) ID(e Entity, n int) string { return e.id(uint32(n)) }

// Create makes a record now and returns its id.
func (ws *Workspace) Create(e Entity) string { return ws.CreateAt(e, time.Now()) }

// CreateAt makes a record at another time than now: that of a server whose
// clock differs from ours. It becomes visible as if it were made now.
func (ws *Workspace) CreateAt(e Entity, at time.Time) string {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	seq, t := uint32(len(ws.tables[e].now.rows)), unix(at)
	ws.tables[e].apply(change{seq: seq, row: row{created: t, updated: t, touched: t}})
	return e.id(seq)
}

// Touch changes records and says so: their updated_at is now. It panics where
// there is no such record, as do its like: that is a mistake in the test.
func (ws *Workspace) Touch(e Entity, ids ...string) {
	now := unixNow()
	ws.change(e, ids, func(r *row) { r.updated, r.touched = now, now })
}

// TouchAt changes records at another time than now.
func (ws *Workspace) TouchAt(e Entity, at time.Time, ids ...string) {
	ws.change(e, ids, func(r *row) { r.updated, r.touched = unix(at), unix(at) })
}

// UpdateSilently changes records whose updated_at stays as it is, as a ticket's
// does when only its state changes.
func (ws *Workspace) UpdateSilently(e Entity, ids ...string) {
	now := unixNow()
	ws.change(e, ids, func(r *row) { r.touched = now })
}

// SetZone moves the workspace to another time zone, as its settings can.
func (ws *Workspace) SetZone(zone *time.Location) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	ws.cfg.Zone = zone
}

func (ws *Workspace) zone() *time.Location {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	return ws.cfg.Zone
}

// Delete removes records for good: lists and searches have them no more, and a
// GET is a 404. Of a conversation it is remembered when. [Workspace.Archive] is
// for contacts that can come back.
func (ws *Workspace) Delete(e Entity, ids ...string) {
	now := unixNow()
	ws.change(e, ids, func(r *row) { r.gone = true })
	if e != Conversations {
		return
	}
	ws.mu.Lock()
	defer ws.mu.Unlock()
	for _, id := range ids {
		ws.deleted = append(ws.deleted, deletion{id: id, at: now})
	}
}

// Merge merges the contact from, a lead, into the contact into: from is a 410
// that names into.
func (ws *Workspace) Merge(from, into string) {
	ws.Delete(Contacts, from)
	ws.Touch(Contacts, into)
	a, _ := Contacts.seq(from)
	b, _ := Contacts.seq(into)
	ws.mu.Lock()
	defer ws.mu.Unlock()
	ws.merged[a] = b
}

// Bulk changes up to n records, spread over all of e, within one second, and
// returns how many those were.
func (ws *Workspace) Bulk(e Entity, n int, at time.Time) int {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	t := ws.tables[e]
	size := uint64(len(t.now.rows))
	if size == 0 {
		return 0
	}
	// A stride without a common divisor comes by every row once.
	h := hash(ws.cfg.Seed, uint64(e), t.now.generation)
	stride := h%size | 1
	for gcd(stride, size) != 1 {
		stride += 2
	}
	changes := make([]change, 0, min(n, len(t.now.created)))
	for i := uint64(0); i < size && len(changes) < n; i++ {
		seq := uint32((h>>32 + i*stride) % size)
		r := t.now.rows[seq]
		if r.gone {
			continue
		}
		r.updated, r.touched, r.version = unix(at), unix(at), r.version+1
		changes = append(changes, change{seq: seq, row: r})
	}
	t.apply(changes...)
	return len(changes)
}

func gcd(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// change gives records their next version.
func (ws *Workspace) change(e Entity, ids []string, edit func(*row)) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	t := ws.tables[e]
	changes := make([]change, 0, len(ids))
	next := map[uint32]row{} // an id may come twice
	for _, id := range ids {
		seq, r, ok := t.find(id)
		if !ok {
			panic(fmt.Sprintf("intercomtest: no %v with the id %q", e, id))
		}
		if seen, again := next[seq]; again {
			r = seen
		}
		r.version++
		edit(&r)
		next[seq] = r
		changes = append(changes, change{seq: seq, row: r})
	}
	t.apply(changes...)
}
