package intercomtest

import (
	"bytes"
	"net/http"
)

// writing returns the handler of a write. The rules that hold for every write
// are checked first; h then runs with the workspace locked, so that what it
// finds is still so when it writes, and so that the audit has the order in which
// things happened. A write that succeeds is in the audit, whatever becomes of
// its answer.
func writing(h func(ws *Workspace, c *call, p object)) handler {
	return func(ws *Workspace, c *call) {
		p, ok := c.payload()
		if !ok {
			return
		}
		ws.mu.Lock()
		defer ws.mu.Unlock()
		h(ws, c, p)
		if c.answer.Status < 300 {
			ws.applied(c, p)
		}
	}
}

// payload reads the body; it answers where a key is missing that the catalog
// says every variant needs.
func (c *call) payload() (object, bool) {
	p, _ := parseObject(c.body)
	for i := range p {
		p[i].value = bytes.Clone(p[i].value) // what is kept of it does not keep the rest
	}
	for _, key := range c.op.BodyRequired {
		if !p.has(key) {
			c.missing(key)
			return nil, false
		}
	}
	return p, true
}

// missing answers that a key is not there.
func (c *call) missing(key string) {
	c.fail(http.StatusBadRequest, "parameter_not_found", key+" is a required parameter")
}

// success answers with another status than 200, or without content (nil).
func (c *call) success(status int, body []byte) {
	c.answer.Status = status
	if body == nil {
		c.answer.Body = nil
		return
	}
	c.json(body)
}

// html returns the body that a payload must have, as HTML; it answers where it is
// missing.
func (c *call) html(p object) (string, bool) {
	text := p.text("body")
	if text == "" {
		c.fail(http.StatusBadRequest, "parameter_invalid", "Body is required")
		return "", false
	}
	return paragraph(text), true
}

// paragraph is how a plain text comes back: as HTML.
func paragraph(text string) string {
	if len(text) > 0 && text[0] == '<' {
		return text
	}
	return "<p>" + text + "</p>"
}

// admin writes a teammate.
func admin(id string) object {
	i, _ := sharedIndex(id)
	if i < 0 || i > 1000 {
		i = 0
	}
	return object{
		{"type", quoted("admin")},
		{"id", quoted(id)},
		{"name", quoted("Admin " + string(digits(i)))},
		{"email", quoted("admin" + string(digits(i)) + "@example.com")},
	}
}

// adminOf returns the teammate that a payload names, or the first one.
func adminOf(p object) object {
	if id := p.text("admin_id"); id != "" {
		return admin(id)
	}
	return admin(sharedID(0))
}
