package intercomtest

import (
	"net/http"
	"strconv"
)

// Operations with a rule or a shape of their own, and nothing behind them that
// changes.
var otherHandlers = map[string]handler{
	"GET /me":                                 (*Workspace).me,
	"GET /calls/{}/transcript":                (*Workspace).transcript,
	"GET /calls/{}/recording":                 (*Workspace).recording,
	"POST /calls/search":                      (*Workspace).searchCalls,
	"GET /export/reporting_data/get_datasets": (*Workspace).datasets,
	"GET /download/content/data/{}":           download,
	"GET /download/reporting_data/{}":         download,
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

// download is a compressed table.
func download(_ *Workspace, c *call) {
	c.answer.content("application/octet-stream", zip([]byte("user_id,event\nuser-0,sent\n")))
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
