package intercomtest

import (
	"strconv"
	"strings"
)

// Instances of custom objects, of any type.
//
// https://developers.intercom.com/docs/references/rest-api/api.intercom.io/custom-object-instances
var customObjectHandlers = map[string]handler{
	"GET /custom_object_instances/{}":       (*Workspace).customObjects,
	"GET /custom_object_instances/{}/{}":    (*Workspace).customObject,
	"POST /custom_object_instances/{}":      writing((*Workspace).upsertCustomObject),
	"DELETE /custom_object_instances/{}":    writing((*Workspace).deleteCustomObjectByExternalID),
	"DELETE /custom_object_instances/{}/{}": writing((*Workspace).deleteCustomObject),
}

func customObjectKey(typ string) string { return "/custom_object_instances/" + typ }

func (ws *Workspace) writeCustomObject(w *writer, typ string, s shelved) {
	if s.json != nil {
		w.item(s.json)
		return
	}
	i, _ := sharedIndex(s.id)
	w.open('{')
	w.str("id", s.id)
	w.str("type", typ)
	w.obj("custom_attributes")
	w.str("order_number", "ORDER-"+strconv.Itoa(i))
	w.raw("total_amount", strconv.Itoa(i)+".90")
	w.end()
	w.str("external_id", "order_"+strconv.Itoa(i))
	w.null("external_created_at")
	w.null("external_updated_at")
	w.int("created_at", int64(ws.sharedTime()))
	w.int("updated_at", int64(ws.sharedTime()))
	w.end()
}

// customObjects lists the instances of a type, or is the one with an external id.
func (ws *Workspace) customObjects(c *call) {
	typ := c.params[0]
	if external := c.query.Get("external_id"); external != "" {
		ws.mu.Lock()
		s, ok := ws.customObjectByExternalID(typ, external)
		ws.mu.Unlock()
		ws.answerCustomObject(c, s, ok)
		return
	}
	all := ws.shelved(customObjectKey(typ))
	n := numbered{total: len(all), perPage: 20, most: 150, next: nextURL}
	ws.numbered(c, n, func(w *writer, i int) { ws.writeCustomObject(w, typ, all[i]) })
}

func (ws *Workspace) customObject(c *call) {
	ws.mu.Lock()
	s, ok := ws.customObjectByID(c.params[0], c.params[1])
	ws.mu.Unlock()
	ws.answerCustomObject(c, s, ok)
}

func (ws *Workspace) answerCustomObject(c *call, s shelved, ok bool) {
	if !ok {
		c.notFound("Object")
		return
	}
	var w writer
	ws.writeCustomObject(&w, c.params[0], s)
	c.json(w.b)
}

func (ws *Workspace) customObjectByID(typ, id string) (shelved, bool) {
	written, gone := ws.onShelf(customObjectKey(typ), id)
	_, made := ws.sharedAt(id)
	return shelved{id, written}, !gone && (made || written != nil)
}

func (ws *Workspace) customObjectByExternalID(typ, external string) (shelved, bool) {
	if s := ws.shelves[customObjectKey(typ)]; s != nil {
		if id, ok := s.find(object{{"external_id", quoted(external)}}); ok {
			return shelved{id, s.written[id]}, true
		}
	}
	number, is := strings.CutPrefix(external, "order_")
	i, err := strconv.Atoi(number)
	if !is || err != nil || i < 0 {
		return shelved{}, false
	}
	return ws.customObjectByID(typ, sharedID(i))
}

// upsertCustomObject makes an instance or, where there is one of the external
// id, updates it.
func (ws *Workspace) upsertCustomObject(c *call, p object) {
	typ, now := c.params[0], unixNow()
	s, ok := shelved{}, false
	if p.has("external_id") {
		s, ok = ws.customObjectByExternalID(typ, p.text("external_id"))
	}
	base := object{
		{"id", nil},
		{"type", quoted(typ)},
		{"custom_attributes", []byte("{}")},
		{"external_id", []byte("null")},
		{"external_created_at", []byte("null")},
		{"external_updated_at", []byte("null")},
		{"created_at", digits(now)},
	}
	if ok {
		var w writer
		ws.writeCustomObject(&w, typ, s)
		base, _ = parseObject(w.b)
	} else {
		s.id = ws.serialID()
	}
	custom := base.object("custom_attributes").over(p.object("custom_attributes"))
	record := base.over(p).over(object{
		{"id", quoted(s.id)}, {"type", quoted(typ)}, {"custom_attributes", custom.json()}, {"updated_at", digits(now)},
	}).json()
	ws.shelf(customObjectKey(typ)).put(s.id, record)
	c.made = s.id
	c.json(record)
}

func (ws *Workspace) deleteCustomObjectByExternalID(c *call, _ object) {
	if c.query.Get("external_id") == "" {
		c.fail(400, "parameter_missing", "external_id is missing")
		return
	}
	s, ok := ws.customObjectByExternalID(c.params[0], c.query.Get("external_id"))
	ws.dropCustomObject(c, s, ok)
}

func (ws *Workspace) deleteCustomObject(c *call, _ object) {
	s, ok := ws.customObjectByID(c.params[0], c.params[1])
	ws.dropCustomObject(c, s, ok)
}

func (ws *Workspace) dropCustomObject(c *call, s shelved, ok bool) {
	if !ok {
		c.notFound("Object")
		return
	}
	ws.shelf(customObjectKey(c.params[0])).drop(s.id)
	c.made = s.id
	c.json(deletedObject(s.id, c.params[0]))
}

// deletedObject is how most deletions are answered.
func deletedObject(id, what string) []byte {
	return object{{"id", quoted(id)}, {"object", quoted(what)}, {"deleted", marshal(true)}}.json()
}
