package intercomtest

import "net/http"

// singleHandlers are writes that answer in a form of their own.
var singleHandlers = map[string]handler{
	"PUT /admins/{}/away":        writing((*Workspace).setAway),
	"PUT /ip_allowlist":          writing((*Workspace).setAllowlist),
	"GET /ip_allowlist":          (*Workspace).getAllowlist,
	"POST /content/bulk_actions": writing((*Workspace).bulkAction),
	"POST /fin/start":            writing((*Workspace).think),
	"POST /fin/reply":            writing((*Workspace).think),
	"POST /fin/csat":             writing((*Workspace).rate),
	"POST /fin_voice/register":   writing((*Workspace).registerCall),
	"POST /phone_call_redirects": writing((*Workspace).redirectCall),
	"PUT /visitors":              writing((*Workspace).updateVisitor),
}

func (ws *Workspace) setAway(c *call, p object) {
	r, ok := ws.shelvedAt("/admins", "/admins", c.params[0])
	if !ok {
		c.fail(http.StatusNotFound, "admin_not_found", "Admin for admin_id not found")
		return
	}
	body := ws.whole("/admins", r).over(p).json()
	ws.shelf("/admins").put(r.id, body)
	c.made = r.id
	c.json(body)
}

func (ws *Workspace) setAllowlist(c *call, p object) {
	ws.allowlist = ws.currentAllowlist().over(p).with("type", quoted("ip_allowlist"))
	c.json(ws.allowlist.json())
}

func (ws *Workspace) getAllowlist(c *call) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	c.json(ws.currentAllowlist().json())
}

func (ws *Workspace) currentAllowlist() object {
	if ws.allowlist != nil {
		return ws.allowlist
	}
	return object{{"type", quoted("ip_allowlist")}, {"enabled", marshal(false)}, {"ip_allowlist", []byte(`["192.168.1.0/24","10.0.0.1"]`)}}
}

// contentMost is how many things a bulk action takes.
const contentMost = 1000

func (ws *Workspace) bulkAction(c *call, p object) {
	if n := len(p.objects("content_ids")); n == 0 || n > contentMost {
		c.fail(http.StatusUnprocessableEntity, "parameter_invalid", "content_ids must have 1 to 1000 entries")
		return
	}
	c.done(object{{"type", quoted("content_bulk_action")}, {"status", quoted("queued")}}.json())
}

// think answers for Fin, who would go on by webhooks.
func (ws *Workspace) think(c *call, p object) {
	c.made = p.text("conversation_id")
	c.json(object{
		{"conversation_id", quoted(c.made)},
		{"user_id", quoted(p.object("user").text("id"))},
		{"status", quoted("thinking")},
		{"created_at_ms", quoted(isoTime(unixNow()))},
		{"sse_subscription_url", quoted("https://" + ForeignHost + "/event-stream?channels=" + c.made)},
	}.json())
}

func (ws *Workspace) rate(c *call, p object) {
	c.made = p.text("conversation_id")
	c.json(object{{"conversation_id", quoted(c.made)}, {"rating", p.get("rating")}, {"status", quoted("rated")}}.json())
}

func (ws *Workspace) registerCall(c *call, p object) {
	c.made = ws.serialID()
	c.json(object{
		{"id", []byte(c.made)},
		{"app_id", digits(firstShared)},
		{"user_phone_number", p.get("phone_number")},
		{"status", quoted("registered")},
		{"intercom_call_id", []byte("null")},
		{"external_call_id", p.get("call_id")},
		{"intercom_conversation_id", []byte("null")},
		{"call_transcript", []byte("[]")},
		{"call_summary", quoted("")},
		{"intent", []byte("[]")},
	}.json())
}

func (ws *Workspace) redirectCall(c *call, _ object) {
	c.made = ws.serialID()
	c.json(object{{"url", quoted("https://" + ForeignHost + "/msgr/" + c.made)}, {"type", quoted("phone_call_redirect")}}.json())
}

func (ws *Workspace) updateVisitor(c *call, p object) {
	id := p.text("id")
	if id == "" {
		id = p.text("user_id")
	}
	if id == "" {
		c.fail(http.StatusBadRequest, "parameter_missing", "one of id and user_id is needed")
		return
	}
	r, ok := ws.shelvedAt("/visitors", "/visitors", id)
	if !ok {
		c.fail(http.StatusNotFound, "not_found", "Visitor Not Found")
		return
	}
	body := ws.whole("/visitors", r).over(p).with("id", quoted(id)).json()
	ws.shelf("/visitors").put(id, body)
	c.made = id
	c.json(body)
}
