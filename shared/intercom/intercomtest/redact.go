package intercomtest

import (
	"net/http"
	"slices"
)

// redact takes the text of a part, or of how the conversation began, away for
// good.
func (ws *Workspace) redact(c *call, p object) {
	seq, r, ok := ws.tables[Conversations].find(p.text("conversation_id"))
	if !ok {
		c.notFound("Resource")
		return
	}
	empty := object{{"body", quoted("")}, {"redacted", marshal(true)}}
	if p.text("type") == "source" {
		whole, _ := parseObject(ws.conversationJSON(seq, r))
		source := whole.object("source")
		if source.text("id") != p.text("source_id") {
			c.fail(http.StatusNotFound, "conversation_part_or_message_not_found", "Conversation part or message not found")
			return
		}
		ws.changeConversation(c, seq, func(d *document) { d.set("source", source.over(empty).json()) })
		return
	}
	id := p.text("conversation_part_id")
	whole, _ := parseObject(ws.conversationJSON(seq, r))
	if !slices.ContainsFunc(whole.object("conversation_parts").objects("conversation_parts"), func(o object) bool { return o.text("id") == id }) {
		c.fail(http.StatusNotFound, "conversation_part_or_message_not_found", "Conversation part or message not found")
		return
	}
	ws.changeConversation(c, seq, func(d *document) {
		parts := slices.Clone(d.parts)
		for i, part := range parts {
			if part.id == id {
				o, _ := parseObject(part.json)
				parts[i].json = o.over(empty).json()
			}
		}
		d.parts = parts
		d.setList("redacted", append(slices.Clip(d.lists["redacted"]), id))
	})
}
