package intercomtest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// Data attributes: what contacts and companies can have. A contact's custom
// attribute must exist before it can be written.
//
// https://developers.intercom.com/docs/references/rest-api/api.intercom.io/data-attributes
var attributeHandlers = map[string]handler{
	"GET /data_attributes":    (*Workspace).dataAttributes,
	"POST /data_attributes":   writing((*Workspace).createAttribute),
	"PUT /data_attributes/{}": writing((*Workspace).updateAttribute),
}

// An attribute is a data attribute.
type attribute struct {
	id       int // 0 for a built-in one
	model    string
	name     string
	kind     string // string, integer, float, boolean, date or datetime
	options  []string
	archived bool
	written  object // by clients, over the rest
}

// builtInAttributes are the attributes that every workspace has, and the custom
// ones of the records that are made up. "marker" is there for tests to find
// their own writes by, and "tier" for its fixed values.
func builtInAttributes() []attribute {
	var all []attribute
	id := firstShared
	add := func(model, name, kind string, custom bool, options ...string) {
		a := attribute{model: model, name: name, kind: kind, options: options}
		if custom {
			a.id = id
			id++
		}
		all = append(all, a)
	}
	for _, model := range []string{"contact", "company"} {
		add(model, "name", "string", false)
		add(model, "email", "string", false)
		add(model, "created_at", "date", false)
		add(model, "plan", "string", true)
		add(model, "revision", "integer", true)
		add(model, "marker", "string", true)
	}
	add("contact", "score", "float", true)
	add("contact", "account_number", "integer", true)
	add("contact", "is <vip> & über", "boolean", true)
	add("contact", "motto", "string", true)
	add("contact", "about", "string", true)
	add("contact", "tier", "string", true, "bronze", "silver", "gold")
	return all
}

// dataAttributes knows contacts and companies. Those of conversations moved:
// asking for them is a 422. The built-in ones have no id.
func (ws *Workspace) dataAttributes(c *call) {
	model := c.query.Get("model")
	switch model {
	case "contact", "company", "":
	case "conversation":
		c.fail(http.StatusUnprocessableEntity, "parameter_invalid", "model conversation is no longer supported. Use GET /conversations/attributes")
		return
	default:
		c.failWith(invalid("model %q is neither contact nor company", model))
		return
	}
	ws.mu.Lock()
	all := slices.Clone(ws.attributes)
	ws.mu.Unlock()
	all = slices.DeleteFunc(all, func(a attribute) bool {
		return model != "" && a.model != model || a.archived && c.query.Get("include_archived") != "true"
	})
	ws.plainList(c, "list", "data", len(all), func(w *writer, i int) { w.members(all[i].object()) })
}

func (a *attribute) object() object {
	full := a.name
	if a.id != 0 {
		full = "custom_attributes." + a.name
	}
	o := object{{"type", quoted("data_attribute")}}
	if a.id != 0 {
		o = append(o, member{"id", digits(a.id)})
	}
	o = append(o,
		member{"model", quoted(a.model)},
		member{"name", quoted(a.name)},
		member{"full_name", quoted(full)},
		member{"label", quoted(a.name)},
		member{"data_type", quoted(a.kind)},
	)
	if a.options != nil {
		o = append(o, member{"options", marshal(a.options)})
	}
	return append(o,
		member{"api_writable", marshal(true)},
		member{"custom", marshal(a.id != 0)},
		member{"archived", marshal(a.archived)},
	).over(a.written)
}

func (ws *Workspace) createAttribute(c *call, p object) {
	a := attribute{model: p.text("model"), name: p.text("name"), kind: p.text("data_type")}
	if a.model != "contact" && a.model != "company" {
		c.failWith(invalid("model %q is neither contact nor company", a.model))
		return
	}
	if ws.attribute(a.model, a.name) != nil {
		what := map[string]string{"contact": "people", "company": "company"}[a.model]
		c.failWith(invalid("You already have '%s' in your %s data. To save this as new %s data, use a different name.", a.name, what, what))
		return
	}
	switch a.kind {
	case "string", "integer", "float", "boolean", "datetime", "date":
	case "options":
		a.kind = "string"
		if !a.setOptions(c, p) {
			return
		}
	default:
		c.failWith(invalid("data_type %q is not a type of data", a.kind))
		return
	}
	a.id = 2000 + len(ws.attributes)
	a.written = described(p)
	ws.attributes = append(ws.attributes, a)
	c.made = string(digits(a.id))
	c.json(a.object().json())
}

// described picks what a client may say about an attribute freely.
func described(p object) object {
	var o object
	for _, k := range []string{"description", "messenger_writable"} {
		if p.has(k) {
			o = append(o, member{k, p.get(k)})
		}
	}
	return o
}

// setOptions reads the values of a list; it answers where they are none.
func (a *attribute) setOptions(c *call, p object) bool {
	options := p.objects("options")
	if len(options) < 2 {
		c.failWith(invalid("Options isn't an array of at least two"))
		return false
	}
	a.options = nil
	for _, o := range options {
		a.options = append(a.options, o.text("value"))
	}
	return true
}

func (ws *Workspace) updateAttribute(c *call, p object) {
	i := slices.IndexFunc(ws.attributes, func(a attribute) bool { return a.id != 0 && string(digits(a.id)) == c.params[0] })
	if i < 0 {
		c.fail(http.StatusNotFound, "field_not_found", "We couldn't find that data attribute to update")
		return
	}
	a := ws.attributes[i]
	if p.has("options") && !a.setOptions(c, p) {
		return
	}
	if archived, ok := p.flag("archived"); ok {
		a.archived = archived
	}
	a.written = a.written.over(described(p))
	ws.attributes[i] = a
	c.json(a.object().json())
}

// attribute returns an attribute that is not archived, nil for none. The caller
// holds the lock.
func (ws *Workspace) attribute(model, name string) *attribute {
	for i := range ws.attributes {
		if a := &ws.attributes[i]; a.model == model && a.name == name && !a.archived {
			return a
		}
	}
	return nil
}

// knows reports whether there is a custom attribute.
func (ws *Workspace) knows(model, name string) bool {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	a := ws.attribute(model, name)
	return a != nil && a.id != 0
}

// takesCustom checks the custom attributes of a payload; it answers where one
// does not exist or has a value that it cannot have. The caller holds the lock.
func (ws *Workspace) takesCustom(c *call, model string, p object) bool {
	if p.has("custom_attributes") && p.object("custom_attributes") == nil && string(p.get("custom_attributes")) != "{}" {
		c.failWith(invalid("custom_attributes is not an object"))
		return false
	}
	for _, m := range p.object("custom_attributes") {
		a := ws.attribute(model, m.key)
		if a == nil || a.id == 0 {
			status := http.StatusBadRequest
			if ws.cfg.Unprocessable {
				status = http.StatusUnprocessableEntity
			}
			c.fail(status, "parameter_invalid", "Custom attribute '"+m.key+"' does not exist")
			return false
		}
		if !a.takes(m.value) {
			c.failWith(invalid("Custom attribute '%s' has an invalid value", m.key))
			return false
		}
	}
	return true
}

// takes reports whether a value is one of the attribute's. Text is taken for
// anything that it spells.
func (a *attribute) takes(v json.RawMessage) bool {
	text := textOf(v)
	isText := strings.HasPrefix(string(v), `"`)
	number := !isText && text != ""
	switch {
	case string(v) == "null":
		return true
	case a.options != nil:
		return slices.Contains(a.options, text)
	case a.kind == "boolean":
		return string(v) == "true" || string(v) == "false"
	case a.kind == "integer", a.kind == "date", a.kind == "datetime":
		return number && !strings.ContainsAny(text, ".eE") || isText && a.kind != "integer"
	case a.kind == "float":
		return number
	}
	return isText || number || string(v) == "true" || string(v) == "false"
}
