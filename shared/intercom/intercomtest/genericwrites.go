package intercomtest

import (
	"net/http"
	"strings"

	"intercom-connector/shared/intercom"
)

// Writes without rules of their own: they make, change or delete a record of a
// list. What they are comes from their path and method.

// statuses are the successes that are not a 200.
//
// https://developers.intercom.com/docs/references/rest-api/api.intercom.io
var statuses = map[string]int{
	"POST /office_hours_schedules/{}/office_hours_exceptions": http.StatusCreated,

	"POST /office_hours_schedules":         http.StatusCreated,
	"POST /audiences":                      http.StatusCreated,
	"POST /content_snippets":               http.StatusCreated,
	"POST /data_connectors":                http.StatusCreated,
	"POST /content/bulk_actions":           http.StatusAccepted,
	"DELETE /ai/content_import_sources/{}": http.StatusNoContent,
	"DELETE /audiences/{}":                 http.StatusNoContent,
	"DELETE /content_snippets/{}":          http.StatusNoContent,
}

// unique are the keys by which a list knows its records: making one that is
// there is an update of it or, where it says so, a conflict.
var unique = map[string]struct {
	keys     []string
	conflict string // message of a 409, "" for an update
}{
	"/ai/external_pages":                     {keys: []string{"source_id", "external_id"}},
	"/help_center/help_centers/{}/redirects": {keys: []string{"from_url", "locale"}, conflict: "A redirect with that URL already exists"},
}

// generic answers a write that has no rules of its own.
func generic(op *intercom.Operation) handler {
	path := anonymous(op.Path)
	switch {
	case op.Method == http.MethodDelete:
		return writing((*Workspace).deleteShelved)
	case strings.HasSuffix(path, "/{}"):
		return writing((*Workspace).updateShelved)
	}
	return writing((*Workspace).createShelved)
}

// done answers with the success that belongs to the operation.
func (c *call) done(body []byte) {
	status := statuses[c.op.Method+" "+anonymous(c.op.Path)]
	def(&status, http.StatusOK)
	if status == http.StatusNoContent || c.op.Answer == intercom.Empty {
		body = nil
	}
	c.success(status, body)
}

func (ws *Workspace) createShelved(c *call, p object) {
	path, key := anonymous(c.op.Path), c.shelfKey()
	s := ws.shelf(key)
	if by, ok := unique[path]; ok && len(by.keys) > 0 {
		var want object
		for _, k := range by.keys {
			want = append(want, member{k, p.get(k)})
		}
		if id, there := s.find(want); there && by.conflict != "" {
			c.fail(http.StatusConflict, "resource_conflict", by.conflict)
			return
		} else if there {
			ws.updateRecord(c, p, shelved{id, s.written[id]})
			return
		}
	}
	id := ws.serialID()
	base := ws.blank(path, id)
	for i, name := range c.op.Params() {
		base = base.with(name, quoted(c.params[i])) // of the parent
	}
	record := base.over(p).with("id", base.get("id")).json()
	s.put(id, record)
	c.made = id
	c.done(record)
}

// blank is a record of a list that has just been made, without its content.
func (ws *Workspace) blank(path, id string) object {
	s := shapeOf(path)
	now := unixNow()
	o := object{{"type", quoted(s.typ)}, {"id", quoted(id)}}
	if s.number {
		o = o.with("id", []byte(id))
	}
	at := digits(now)
	if s.iso {
		at = quoted(isoTime(now))
	}
	o = append(o, member{"created_at", at}, member{"updated_at", at})
	return append(o, extras(s.typ, id, now)...)
}

// namedRecord returns the record that a path names, whole; it answers where there is
// none.
func (ws *Workspace) namedRecord(c *call) (shelved, object, bool) {
	path := anonymous(c.op.Path)
	id := c.params[len(c.params)-1]
	r, ok := ws.shelvedAt(c.shelfKey(), path, id)
	if !ok {
		c.notFound("Resource")
		return shelved{}, nil, false
	}
	return r, ws.whole(path, r), true
}

// whole returns a record of a list as it is served.
func (ws *Workspace) whole(path string, r shelved) object {
	var w writer
	ws.writeShelved(&w, shapeOf(path), r)
	o, _ := parseObject(w.b)
	return o
}

func (ws *Workspace) updateShelved(c *call, p object) {
	if r, _, ok := ws.namedRecord(c); ok {
		ws.updateRecord(c, p, r)
	}
}

func (ws *Workspace) updateRecord(c *call, p object, r shelved) {
	path := anonymous(c.op.Path)
	record := ws.whole(path, r)
	at := digits(unixNow())
	if shapeOf(path).iso {
		at = quoted(isoTime(unixNow()))
	}
	body := record.over(p).with("id", record.get("id")).with("updated_at", at).json()
	ws.shelf(c.shelfKey()).put(r.id, body)
	c.made = r.id
	c.done(body)
}

func (ws *Workspace) deleteShelved(c *call, _ object) {
	r, record, ok := ws.namedRecord(c)
	if !ok {
		return
	}
	c.made = r.id
	switch path := anonymous(c.op.Path); path {
	case "/conversations/attributes/{}": // is archived and stays
		record = record.with("archived", marshal(true))
		ws.shelf(c.shelfKey()).put(r.id, record.json())
		c.done(record.json())
	case "/ai/external_pages/{}":
		ws.shelf(c.shelfKey()).drop(r.id)
		c.done(record.json())
	default:
		ws.shelf(c.shelfKey()).drop(r.id)
		c.done(deletedObject(r.id, shapeOf(path).typ))
	}
}
