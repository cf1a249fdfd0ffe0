package intercomtest

import "net/http"

// Options of conversation attributes are kept in their attribute.
var optionHandlers = map[string]handler{
	"POST /conversations/attributes/{}/options":      writing((*Workspace).editOption),
	"PUT /conversations/attributes/{}/options/{}":    writing((*Workspace).editOption),
	"DELETE /conversations/attributes/{}/options/{}": writing((*Workspace).editOption),
}

// editOption adds, renames or archives an option.
func (ws *Workspace) editOption(c *call, p object) {
	const path = "/conversations/attributes"
	r, ok := ws.shelvedAt(path, path, c.params[0])
	if !ok {
		c.fail(http.StatusNotFound, "conversation_attribute_not_found", "Conversation attribute not found")
		return
	}
	record := ws.whole(path, r)
	if record.text("data_type") != "list" {
		c.fail(http.StatusUnprocessableEntity, "parameter_invalid", "Options can only be managed on list attributes")
		return
	}
	options := record.objects("options")
	at := -1
	if len(c.params) > 1 {
		for i, o := range options {
			if o.text("id") == c.params[1] {
				at = i
			}
		}
		if at < 0 {
			c.fail(http.StatusUnprocessableEntity, "parameter_invalid", "Option not found")
			return
		}
	}
	switch c.method {
	case http.MethodPost:
		c.made = ws.serialID()
		options = append(options, object{{"id", quoted(c.made)}, {"label", p.get("label")}, {"archived", marshal(false)}})
	case http.MethodPut:
		options[at] = options[at].with("label", p.get("label"))
	default:
		options[at] = options[at].with("archived", marshal(true))
	}
	var list writer
	list.open('[')
	for _, o := range options {
		list.members(o)
	}
	list.endList()
	body := record.over(object{{"options", list.b}, {"updated_at", digits(unixNow())}}).json()
	ws.shelf(path).put(r.id, body)
	c.json(body)
}
