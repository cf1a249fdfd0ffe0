package intercomtest

import "net/http"

// Messages of teammates and the conversations that they begin. All of it runs
// with the workspace locked.
//
// https://developers.intercom.com/docs/references/rest-api/api.intercom.io/messages

// answerMessage answers with a message; conversation is "" for none.
func (ws *Workspace) answerMessage(c *call, typ, kind string, p object, conversation string) {
	o := object{
		{"type", quoted(typ)},
		{"id", quoted(ws.serialID())},
		{"created_at", digits(unixNow())},
		{"body", quoted(p.text("body"))},
		{"message_type", quoted(kind)},
	}
	if p.has("subject") {
		o = append(o, member{"subject", p.get("subject")})
	}
	if conversation != "" {
		o = append(o, member{"conversation_id", quoted(conversation)})
	} else {
		c.made = o.text("id")
	}
	c.json(o.json())
}

// sendMessage sends a message of a teammate to a contact. The API shows nothing
// of it before the contact replies, unless it is told to begin a conversation.
func (ws *Workspace) sendMessage(c *call, p object) {
	kind := p.text("message_type")
	if kind == "inapp" {
		kind = "in_app"
	}
	switch kind {
	case "in_app", "email", "whatsapp", "sms":
	default:
		c.failWith(invalid("message_type %q is not a type of message", kind))
		return
	}
	if kind == "email" && !p.has("subject") {
		c.fail(http.StatusUnprocessableEntity, "parameter_not_found", "No subject supplied for email message")
		return
	}
	var html string
	if kind != "whatsapp" {
		var ok bool
		if html, ok = c.html(p); !ok {
			return
		}
	}
	to := p.objects("to")
	if to == nil {
		to = []object{p.object("to")}
	}
	var conversation string
	for _, who := range to {
		seq, _, ok := ws.namedContact(who, "id", "user_id")
		if !ok {
			c.notFound("User")
			return
		}
		if begin, _ := p.flag("create_conversation_without_contact_reply"); begin {
			sender := admin(p.object("from").text("id"))
			conversation = ws.beginConversation(seq, sender, "admin_initiated", p.text("subject"), html, 0)
			c.made = conversation
		}
	}
	answered := map[string]string{"in_app": "inapp"}[kind]
	if answered == "" {
		answered = kind
	}
	ws.answerMessage(c, "admin_message", answered, p, conversation)
}
