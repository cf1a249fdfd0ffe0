package intercomtest

import "strconv"

// Attributes of ticket types are kept in their type.
//
// https://developers.intercom.com/docs/references/rest-api/api.intercom.io/ticket-type-attributes
var ticketAttributeHandlers = map[string]handler{
	"POST /ticket_types/{}/attributes":   writing((*Workspace).createTicketAttribute),
	"PUT /ticket_types/{}/attributes/{}": writing((*Workspace).updateTicketAttribute),
}

func (ws *Workspace) createTicketAttribute(c *call, p object) { ws.ticketAttribute(c, p, "") }

func (ws *Workspace) updateTicketAttribute(c *call, p object) { ws.ticketAttribute(c, p, c.params[1]) }

func (ws *Workspace) ticketAttribute(c *call, p object, id string) {
	const path = "/ticket_types"
	r, ok := ws.shelvedAt(path, path, c.params[0])
	if !ok {
		c.notFound("Resource")
		return
	}
	record := ws.whole(path, r)
	list := record.object("ticket_type_attributes").objects("data")
	var attribute object
	at := len(list)
	for i, a := range list {
		if id != "" && a.text("id") == id {
			attribute, at = a, i
		}
	}
	_, known := ws.sharedAt(id)
	if id != "" && attribute == nil && !known {
		c.notFound("Resource")
		return
	}
	if attribute == nil {
		if id == "" {
			id = ws.serialID()
		}
		attribute = object{
			{"type", quoted("ticket_type_attribute")},
			{"id", quoted(id)},
			{"workspace_id", quoted(ws.cfg.Workspace)},
			{"name", quoted("attribute " + id)},
			{"description", quoted("")},
			{"data_type", quoted("string")},
			{"input_options", []byte(`{"multiline":false}`)},
			{"order", digits(len(list))},
			{"required_to_create", marshal(false)},
			{"required_to_create_for_contacts", marshal(false)},
			{"visible_on_create", marshal(true)},
			{"visible_to_contacts", marshal(true)},
			{"default", marshal(false)},
			{"ticket_type_id", digits(ticketTypeNumber(r.id))},
			{"archived", marshal(false)},
			{"created_at", digits(unixNow())},
		}
		list = append(list, nil)
	}
	attribute = attribute.over(p).over(object{{"id", quoted(id)}, {"updated_at", digits(unixNow())}})
	list[at] = attribute
	var data writer
	data.open('[')
	for _, a := range list {
		data.members(a)
	}
	data.endList()
	ws.shelf(path).put(r.id, record.with("ticket_type_attributes", object{{"type", quoted("list")}, {"data", data.b}}.json()).json())
	c.made = id
	c.json(attribute.json())
}

func ticketTypeNumber(id string) int64 {
	n, _ := strconv.ParseInt(id, 10, 64)
	return n
}
