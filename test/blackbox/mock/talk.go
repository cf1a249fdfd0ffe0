package mock

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// paragraph is what Intercom makes of a text: markup of an admin's stays, all
// else is escaped. A contact's is never taken for markup.
func paragraph(body string, markup bool) string {
	text := html.EscapeString(body)
	if markup {
		text = escapedMarkup.ReplaceAllStringFunc(text, html.UnescapeString)
	}
	if strings.HasPrefix(text, "<p>") {
		return text
	}
	return "<p>" + strings.ReplaceAll(text, "\n", "<br>") + "</p>"
}

// escapedMarkup is an entity, or one of the tags that Intercom keeps.
var escapedMarkup = regexp.MustCompile(`&lt;/?(b|i|p|a|h1|ul|li)( .*?)?&gt;|&amp;[a-z]+;`)

// createEvent refuses one that is nobody's.
func (ws *Workspace) createEvent(_ *http.Request, sent object) (any, error) {
	if err := missing(sent, "event_name"); err != nil {
		return nil, err
	}
	if sent["id"] == nil && sent["user_id"] == nil && sent["email"] == nil {
		return nil, bad("parameter_missing", "id, user_id or email is missing")
	}
	return accepted{}, nil
}

// createMessage makes a message, which is in no conversation until somebody
// answers it.
func (ws *Workspace) createMessage(_ *http.Request, sent object) (any, error) {
	if err := missing(sent, "from", "body"); err != nil {
		return nil, err
	}
	message := ws.make("messages", object{
		"type": "admin_message", "message_type": "inapp", "subject": sent["subject"], "body": sent["body"],
	})
	return json.RawMessage(message.json), nil
}

func (ws *Workspace) createConversation(_ *http.Request, sent object) (any, error) {
	if err := missing(sent, "from", "body"); err != nil {
		return nil, err
	}
	from, _ := sent["from"].(object)
	conversation := ws.make("conversations", object{
		"type": "conversation", "state": "open", "open": true,
		"source": object{
			"type": "conversation", "id": "403918349", "delivered_as": "customer_initiated",
			"body": paragraph(text(sent, "body"), false), "author": object{"type": "user", "id": from["id"]},
		},
		"contacts":           object{"type": "contact.list", "contacts": []any{object{"type": "contact", "id": from["id"]}}},
		"conversation_parts": noParts("conversation_parts"),
	})
	message := object{
		"type": "user_message", "id": "403918391", "created_at": conversation.created,
		"body": sent["body"], "message_type": "inapp", "conversation_id": conversation.id,
	}
	return message, nil
}

func noParts(key string) object {
	return object{"type": strings.TrimSuffix(key, "s") + ".list", key: []any{}, "total_count": 0}
}

func (ws *Workspace) createTicket(_ *http.Request, sent object) (any, error) {
	if err := missing(sent, "ticket_type_id", "contacts"); err != nil {
		return nil, err
	}
	ticket := ws.make("tickets", object{
		"type": "ticket", "ticket_id": "33", "open": true, "ticket_attributes": sent["ticket_attributes"],
		"ticket_type":  object{"type": "ticket_type", "id": text(sent, "ticket_type_id")},
		"contacts":     object{"type": "contact.list", "contacts": sent["contacts"]},
		"ticket_parts": noParts("ticket_parts"),
	})
	return json.RawMessage(ticket.json), nil
}

func (ws *Workspace) updateTicket(r *http.Request, sent object) (any, error) {
	old, err := ws.found("tickets", r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return json.RawMessage(ws.change(old, func(fields object) { merge(fields, sent) }).json), nil
}

// reply adds a part to a conversation or a ticket. A conversation is answered
// with the whole conversation, a ticket with the part, as Intercom does.
func (ws *Workspace) reply(kind string) writer {
	key := strings.TrimSuffix(kind, "s") + "_parts"
	return func(r *http.Request, sent object) (any, error) {
		old, err := ws.found(kind, r.PathValue("id"))
		if err != nil {
			return nil, err
		}
		if err := missing(sent, "message_type", "type"); err != nil {
			return nil, err
		}
		author := object{"type": "admin", "id": text(sent, "admin_id"), "name": "Operator"}
		if sent["type"] != "admin" {
			author = object{"type": "user", "id": text(sent, "intercom_user_id")}
		}
		now := time.Now().Unix()
		ws.parts++
		part := object{
			"type": strings.TrimSuffix(key, "s"), "id": fmt.Sprint(7_000_000 + ws.parts), "part_type": sent["message_type"],
			"body": paragraph(text(sent, "body"), sent["type"] == "admin"), "created_at": now, "updated_at": now, "author": author,
			"attachments": []any{}, "redacted": false,
		}
		changed := ws.change(old, func(fields object) {
			list, _ := fields[key].(object)
			before, _ := list[key].([]any)
			after := append(append([]any{}, before...), part)
			fields[key] = object{
				"type": strings.TrimSuffix(key, "s") + ".list",
				// Nobody sees more than the 500 newest.
				key: after[max(len(after)-500, 0):], "total_count": len(after),
			}
		})
		if kind == "tickets" {
			return part, nil
		}
		return json.RawMessage(changed.json), nil
	}
}
