package intercomtest

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
)

// A document is what clients wrote about a record, over what follows from its
// number. A record that nobody wrote to has none and costs nothing. Documents
// never change: a row points to the one that belongs to its version, so a
// search that is late sees what was written then.
type document struct {
	made   bool                // by a client: nothing of it is made up
	fields object              // of the record itself
	custom object              // its custom attributes; of a ticket, its attributes
	lists  map[string][]string // ids that belong to it, where they are not made up any more
	notes  []entry
	parts  []entry

	state  string // of a conversation or a ticket; "" where it follows from the version
	kind   string // id of a ticket's type; "" where it follows from the number
	writes uint32 // versions that are writes and not changes by the test
	frozen uint32 // when the last of the parts that are made up happened
	wrote  uint32 // when it was written last
}

// An entry is a note or a part that a client wrote.
type entry struct {
	id   string
	json json.RawMessage
}

// text returns a field as text, and whether it was written; null is "".
func (r *row) text(key string) (string, bool) {
	if r.doc == nil {
		return "", false
	}
	v := r.doc.fields.get(key)
	return textOf(v), v != nil || r.doc.made
}

// custom returns a custom attribute as text, and whether it was written.
func (r *row) custom(name string) (string, bool) {
	if r.doc == nil {
		return "", false
	}
	v := r.doc.custom.get(name)
	return textOf(v), v != nil
}

// seconds returns a time that was written, as unix seconds; null is 0.
func (r *row) seconds(key string) (uint32, bool) {
	if r.doc == nil {
		return 0, false
	}
	n, _ := r.doc.fields.number(key)
	return uint32(n), r.doc.fields.get(key) != nil || r.doc.made
}

// list returns a list of ids, and whether it is known: that of a record that a
// client made always is.
func (r *row) list(name string) ([]string, bool) {
	if r.doc == nil {
		return nil, false
	}
	ids, ok := r.doc.lists[name]
	return ids, ok || r.doc.made
}

func (r *row) made() bool { return r.doc != nil && r.doc.made }

func (r *row) notes() []entry {
	if r.doc == nil {
		return nil
	}
	return r.doc.notes
}

func (r *row) parts() []entry {
	if r.doc == nil {
		return nil
	}
	return r.doc.parts
}

// set lays members over the record's own.
func (d *document) set(key string, value json.RawMessage) { d.fields = d.fields.with(key, value) }

// setList replaces a list of ids.
func (d *document) setList(name string, ids []string) {
	d.lists = maps.Clone(d.lists)
	if d.lists == nil {
		d.lists = map[string][]string{}
	}
	d.lists[name] = ids
}

// customKey is where an entity has its custom attributes.
func (e Entity) customKey() string {
	if e == Tickets {
		return "ticket_attributes"
	}
	return "custom_attributes"
}

// overlay lays a document over the record that w has from start on.
func (w *writer) overlay(e Entity, start int, d *document) {
	if len(d.fields) == 0 && len(d.custom) == 0 {
		return
	}
	made, ok := splitObject(bytes.Clone(w.b[start:]))
	if !ok {
		panic("intercomtest: a record that is no object: " + string(w.b[start:]))
	}
	if len(d.custom) > 0 {
		made = made.with(e.customKey(), made.object(e.customKey()).over(d.custom).json())
	}
	whole := made.over(d.fields)
	w.b = w.b[:start]
	w.members(whole)
}

// edit gives a record its next version, written by a client now. The caller
// holds the lock and has found the record.
func (ws *Workspace) edit(e Entity, seq uint32, write func(d *document)) row {
	t := ws.tables[e]
	r := t.now.rows[seq]
	var d document
	if r.doc != nil {
		d = *r.doc
	}
	now := unixNow()
	if d.writes == 0 && !d.made || r.touched > d.wrote {
		d.frozen = r.touched
	}
	write(&d)
	d.writes++
	d.wrote = now
	r.doc = &d
	r.version++
	r.updated, r.touched = now, now
	t.apply(change{seq: seq, row: r})
	return r
}

// insert makes a record of a client, now or when it says. The caller holds the
// lock.
func (ws *Workspace) insert(e Entity, at uint32, d *document) (uint32, row) {
	t := ws.tables[e]
	now := unixNow()
	if at == 0 || at > now {
		at = now
	}
	d.made, d.wrote = true, now
	seq := uint32(len(t.now.rows))
	r := row{created: at, updated: now, touched: now, doc: d}
	t.apply(change{seq: seq, row: r})
	return seq, r
}

// remove takes a record out of lists and searches. The caller holds the lock.
func (ws *Workspace) remove(e Entity, seq uint32) {
	t := ws.tables[e]
	r := t.now.rows[seq]
	r.gone = true
	r.version++
	t.apply(change{seq: seq, row: r})
}

// serialID returns an id that nothing else has. The caller holds the lock.
func (ws *Workspace) serialID() string {
	ws.serial++
	return string(digits(int64(firstSerial + ws.serial)))
}

// firstSerial is above every id that is made up.
const firstSerial = 900_000_000_000

// without returns ids without one of them, and whether it was there.
func without(ids []string, id string) ([]string, bool) {
	i := slices.Index(ids, id)
	if i < 0 {
		return ids, false
	}
	return slices.Concat(ids[:i], ids[i+1:]), true
}

// include returns ids with one of them, and whether it was there before.
func include(ids []string, id string) ([]string, bool) {
	if slices.Contains(ids, id) {
		return ids, true
	}
	return append(slices.Clip(ids), id), false
}
