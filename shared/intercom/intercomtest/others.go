package intercomtest

import (
	"net/http"
	"strconv"
	"strings"
)

// Operations with a rule or a shape of their own, and nothing behind them that
// changes.
var otherHandlers = map[string]handler{
	"GET /me":                         (*Workspace).me,
	"GET /data_attributes":            (*Workspace).dataAttributes,
	"GET /custom_object_instances/{}": (*Workspace).customObjects,
	"GET /custom_object_instances/{}/{}": func(ws *Workspace, c *call) {
		if i, ok := ws.sharedAt(c.params[1]); ok {
			var w writer
			ws.writeCustomObject(&w, c.params[0], i)
			c.json(w.b)
			return
		}
		c.notFound("Object")
	},
	"GET /calls/{}/transcript":                (*Workspace).transcript,
	"GET /calls/{}/recording":                 (*Workspace).recording,
	"POST /calls/search":                      (*Workspace).searchCalls,
	"GET /export/content/data/{}":             export("completed", "/download/content/data/"),
	"GET /export/reporting_data/{}":           export("complete", "/download/reporting_data/"),
	"GET /export/reporting_data/get_datasets": (*Workspace).datasets,
	"GET /download/content/data/{}":           download,
	"GET /download/reporting_data/{}":         download,
	"GET /ip_allowlist": func(_ *Workspace, c *call) {
		c.json([]byte(`{"type":"ip_allowlist","enabled":false,"ip_allowlist":["192.168.1.0/24","10.0.0.1"]}`))
	},
}

// me answers with the token's admin and the workspace, which a client learns
// its region and its time zone from.
func (ws *Workspace) me(c *call) {
	var w writer
	w.open('{')
	w.str("type", "admin")
	w.str("id", sharedID(0))
	w.str("email", "admin0@example.com")
	w.str("name", "Admin 0")
	w.bool("email_verified", true)
	w.obj("app")
	w.str("type", "app")
	w.str("id_code", ws.cfg.Workspace)
	w.str("name", "Fake Workspace")
	w.int("created_at", int64(ws.sharedTime()))
	w.bool("secure", false)
	w.bool("identity_verification", false)
	w.str("timezone", ws.zone().String())
	w.str("region", ws.cfg.Region)
	w.end()
	w.obj("avatar")
	w.str("type", "avatar")
	w.null("image_url")
	w.end()
	w.bool("has_inbox_seat", true)
	w.end()
	c.json(w.b)
}

// dataAttributes knows contacts and companies. Those of conversations moved:
// asking for them is a 422. The built-in ones have no id.
func (ws *Workspace) dataAttributes(c *call) {
	model := c.query.Get("model")
	models := []string{model}
	switch model {
	case "contact", "company":
	case "":
		models = []string{"contact", "company"}
	case "conversation":
		c.fail(http.StatusUnprocessableEntity, "parameter_invalid", "model conversation is no longer supported. Use GET /conversations/attributes")
		return
	default:
		c.failWith(invalid("model %q is neither contact nor company", model))
		return
	}
	names := [...]string{"name", "email", "created_at", "plan", "revision"}
	ws.plainList(c, "list", "data", len(models)*len(names), func(w *writer, i int) {
		name, custom := names[i%len(names)], i%len(names) >= 3
		w.open('{')
		w.str("type", "data_attribute")
		if custom {
			w.int("id", int64(1001+i))
		}
		w.str("name", name)
		w.str("full_name", name)
		w.str("label", name)
		w.str("data_type", "string")
		w.bool("api_writable", true)
		w.bool("custom", custom)
		w.bool("archived", false)
		w.str("model", models[i/len(names)])
		w.end()
	})
}

func (ws *Workspace) writeCustomObject(w *writer, typ string, i int) {
	w.open('{')
	w.str("id", sharedID(i))
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

// customObjects lists the instances of any type, or is the one with an external id.
func (ws *Workspace) customObjects(c *call) {
	if external := c.query.Get("external_id"); external != "" {
		i, err := strconv.Atoi(strings.TrimPrefix(external, "order_"))
		if err != nil || i < 0 || i >= ws.cfg.Others {
			c.notFound("Object")
			return
		}
		var w writer
		ws.writeCustomObject(&w, c.params[0], i)
		c.json(w.b)
		return
	}
	n := numbered{total: ws.cfg.Others, perPage: 20, most: 150, next: nextURL}
	ws.numbered(c, n, func(w *writer, i int) { ws.writeCustomObject(w, c.params[0], i) })
}

// transcript is text.
func (ws *Workspace) transcript(c *call) {
	c.answer.content("text/plain", []byte("[00:00:03] Teammate: \"Call "+c.params[0]+", hello.\"\n[00:00:09] User: \"Grüße.\"\n"))
}

// recording redirects to another host, which has no business with the token.
func (ws *Workspace) recording(c *call) {
	c.answer.Status = http.StatusFound
	c.answer.Header.Set("Location", ws.cfg.Recordings+"/"+c.params[0]+"?signature="+strconv.FormatUint(hash(ws.cfg.Seed, 'c'), 36))
}

// searchCalls takes up to 20 conversations.
func (ws *Workspace) searchCalls(c *call) {
	raw := c.param("conversation_ids")
	if raw == "" {
		c.fail(http.StatusBadRequest, "parameter_missing", "conversation_ids is missing")
		return
	}
	ids, isList, err := scalars([]byte(raw))
	if err != nil || !isList || len(ids) > 20 {
		c.failWith(invalid("conversation_ids is not a list of up to 20 ids"))
		return
	}
	ws.plainList(c, "list", "data", len(ids), func(w *writer, i int) {
		w.open('{')
		w.str("type", "call")
		w.str("id", sharedID(i))
		w.str("conversation_id", ids[i].text)
		w.list("transcript")
		w.endList()
		w.str("transcript_status", "completed")
		w.end()
	})
}

// export is a job that is done already.
func export(status, path string) handler {
	return func(ws *Workspace, c *call) {
		id := c.params[0]
		if id == "missing" {
			c.notFound("Job")
			return
		}
		var w writer
		w.open('{')
		w.str("job_identifier", id)
		w.str("status", status)
		w.str("download_url", ws.cfg.apiBase()+path+id)
		w.str("download_expires_at", isoTime(unixNow()+2*24*60*60))
		w.end()
		c.json(w.b)
	}
}

// download is a compressed table.
func download(_ *Workspace, c *call) {
	c.answer.content("application/octet-stream", zip([]byte("user_id,event\n"+externalID(0)+",sent\n")))
}

func (ws *Workspace) datasets(c *call) {
	ws.plainList(c, "list", "data", 2, func(w *writer, i int) {
		name := [...]string{"conversation", "ticket"}[i]
		w.open('{')
		w.str("id", name)
		w.str("name", name)
		w.str("description", "all about a "+name)
		w.str("default_time_attribute_id", name+"_started_at")
		w.list("attributes")
		w.open('{')
		w.str("id", name+"_id")
		w.str("qualified_id", name+"."+name+"_id")
		w.str("name", "ID")
		w.end()
		w.endList()
		w.end()
	})
}
