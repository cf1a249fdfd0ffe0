package publish

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"intercom-connector/shared/intercom"
)

const (
	// slack is how far the server's clock may be from where we think it is.
	slack = time.Minute
	// maxParts is how many parts a conversation or ticket shows, the newest.
	maxParts = 500
	// maxNotePages bounds how many notes are looked through.
	maxNotePages = 20
	notesPerPage = 50
)

// lookForPart looks among the parts of a conversation or a ticket.
func lookForPart(method, entity, list string) lookup {
	return func(ctx context.Context, c *course) (finding, error) {
		sent, err := object(c.request.Payload, "payload")
		if err != nil {
			return finding{}, obscure("its payload cannot be read")
		}
		resp, err := c.call(ctx, operation(method, entity), c.request.Path, nil, nil)
		if err != nil {
			return finding{}, err
		}
		var parent map[string]json.RawMessage
		var parts map[string]json.RawMessage
		var items []json.RawMessage
		if json.Unmarshal(resp.Body, &parent) != nil || json.Unmarshal(parent[list], &parts) != nil || json.Unmarshal(parts[list], &items) != nil {
			return finding{}, obscure("what was read has no parts")
		}
		if textOf(sent["body"]) == "" && !changesState(sent) {
			return finding{}, obscure("it has no text to recognise it by")
		}
		w := c.window(resp)
		f := w.pick(items, func(part map[string]any) bool { return isPart(part, sent) }, sent)
		f.complete = len(items) < maxParts || w.reachesBack(items)
		return f, nil
	}
}

// changesState reports whether a part says something even without a text.
func changesState(sent map[string]any) bool {
	switch sent["message_type"] {
	case "close", "snoozed", "open", "assignment":
		return true
	default:
		return false
	}
}

// isPart reports whether a part is what was sent. Learnt from Intercom's
// examples: a text comes back as HTML, a contact's comment may be of the type
// "open", an id is a number here and a string there.
func isPart(part, sent map[string]any) bool {
	kind, _ := part["part_type"].(string)
	author, _ := part["author"].(map[string]any)
	if !isAuthor(author, sent) {
		return false
	}
	switch sent["message_type"] {
	case "note":
		if kind != "note" {
			return false
		}
	case "comment", "quick_reply":
		if kind == "note" {
			return false
		}
	case "close", "open":
		if textOf(sent["body"]) == "" && !strings.Contains(kind, scalar(sent["message_type"])) {
			return false
		}
	case "snoozed":
		if !strings.Contains(kind, "snooz") {
			return false
		}
	case "assignment":
		to, _ := part["assigned_to"].(map[string]any)
		assignee := scalar(sent["assignee_id"])
		if !strings.Contains(kind, "assign") || assignee != "0" && scalar(to["id"]) != assignee {
			return false
		}
	}
	return sameText(part["body"], sent["body"])
}

// isAuthor compares who wrote with who was to write, as far as both are told.
func isAuthor(author, sent map[string]any) bool {
	switch {
	case sent["admin_id"] != nil:
		return author["type"] != "user" && author["type"] != "lead" && author["type"] != "contact" &&
			scalar(author["id"]) == scalar(sent["admin_id"])
	case sent["intercom_user_id"] != nil:
		return scalar(author["id"]) == scalar(sent["intercom_user_id"])
	case sent["email"] != nil && author["email"] != nil:
		return strings.EqualFold(scalar(author["email"]), scalar(sent["email"]))
	default:
		return author["type"] != "admin" && author["type"] != "bot"
	}
}

// lookForNote looks through all notes of a contact or company, because the
// order in which they come is not documented.
func lookForNote(entity string) lookup {
	return func(ctx context.Context, c *course) (finding, error) {
		sent, err := object(c.request.Payload, "payload")
		if err != nil || textOf(sent["body"]) == "" {
			return finding{}, obscure("it has no text to recognise it by")
		}
		fits := func(note map[string]any) bool {
			author, _ := note["author"].(map[string]any)
			return sameText(note["body"], sent["body"]) &&
				(sent["admin_id"] == nil || author == nil || scalar(author["id"]) == scalar(sent["admin_id"]))
		}
		var all finding
		for page := 1; page <= maxNotePages && !all.complete; page++ {
			query := url.Values{"page": {strconv.Itoa(page)}, "per_page": {strconv.Itoa(notesPerPage)}}
			resp, err := c.call(ctx, operation("GET", entity), c.request.Path, query, nil)
			if err != nil {
				return finding{}, err
			}
			var list struct {
				Data  []json.RawMessage `json:"data"`
				Pages struct {
					TotalPages int `json:"total_pages"`
				} `json:"pages"`
			}
			if json.Unmarshal(resp.Body, &list) != nil {
				return finding{}, obscure("the notes cannot be read")
			}
			all.items = append(all.items, c.window(resp).pick(list.Data, fits, sent).items...)
			all.complete = len(list.Data) == 0 || list.Pages.TotalPages <= page && (list.Pages.TotalPages > 0 || len(list.Data) < notesPerPage)
		}
		return all, nil
	}
}

// lookForTicket looks for a ticket by its type, contacts and attributes.
func lookForTicket(ctx context.Context, c *course) (finding, error) {
	return c.search(ctx, "tickets/search", "tickets", func(ticket, sent map[string]any) bool {
		kind, _ := ticket["ticket_type"].(map[string]any)
		attributes, _ := ticket["ticket_attributes"].(map[string]any)
		given, _ := sent["ticket_attributes"].(map[string]any)
		if scalar(kind["id"]) != scalar(sent["ticket_type_id"]) || !hasContacts(ticket, sent["contacts"]) {
			return false
		}
		for name, value := range given {
			if !sameText(attributes[name], value) {
				return false
			}
		}
		return true
	})
}

// lookForConversation looks for a conversation by its first message.
func lookForConversation(ctx context.Context, c *course) (finding, error) {
	return c.search(ctx, "conversations/search", "conversations", func(conversation, sent map[string]any) bool {
		source, _ := conversation["source"].(map[string]any)
		author, _ := source["author"].(map[string]any)
		from, _ := sent["from"].(map[string]any)
		return textOf(sent["body"]) != "" && sameText(source["body"], sent["body"]) &&
			(scalar(author["id"]) == scalar(from["id"]) || hasContacts(conversation, from)) &&
			(sent["to"] == nil || hasContacts(conversation, sent["to"]))
	})
}

// hasContacts reports whether a conversation or ticket has one of the contacts
// that were sent, by whatever they were named.
func hasContacts(there map[string]any, sent any) bool {
	list, _ := there["contacts"].(map[string]any)
	contacts, _ := list["contacts"].([]any)
	wanted, ok := sent.([]any)
	if !ok {
		wanted = []any{sent}
	}
	for _, w := range wanted {
		want, _ := w.(map[string]any)
		for _, have := range contacts {
			contact, _ := have.(map[string]any)
			for _, key := range []string{"id", "external_id", "email"} {
				if name := scalar(want[key]); name != "" && name == scalar(contact[key]) {
					return true
				}
			}
		}
		if scalar(want["id"]) == "" {
			return true // named in a way that the answer does not show
		}
	}
	return false
}

// search looks through the newest of what a search finds.
func (c *course) search(ctx context.Context, entity, list string, fits func(there, sent map[string]any) bool) (finding, error) {
	sent, err := object(c.request.Payload, "payload")
	if err != nil {
		return finding{}, obscure("its payload cannot be read")
	}
	// Dates may mean whole days here: two days earlier is early enough.
	since := c.claim.First.Add(-48 * time.Hour).Unix()
	payload := fmt.Sprintf(`{"query":{"field":"created_at","operator":">","value":%d},"sort":{"field":"created_at","order":"descending"},"pagination":{"per_page":150}}`, since)
	resp, err := c.call(ctx, operation("POST", entity), nil, nil, json.RawMessage(payload))
	if err != nil {
		return finding{}, err
	}
	var answer map[string]json.RawMessage
	var items []json.RawMessage
	if json.Unmarshal(resp.Body, &answer) != nil || json.Unmarshal(answer[list], &items) != nil {
		return finding{}, obscure("what was searched cannot be read")
	}
	return c.window(resp).pick(items, func(there map[string]any) bool { return fits(there, sent) }, sent), nil
}

// lookForContact looks for a contact by its external id, which reads the
// contact itself, or by its e-mail address, which takes a search.
func lookForContact(ctx context.Context, c *course) (finding, error) {
	sent, err := object(c.request.Payload, "payload")
	if err != nil {
		return finding{}, obscure("its payload cannot be read")
	}
	if id := scalar(sent["external_id"]); id != "" {
		resp, err := c.call(ctx, operation("GET", "contacts/find_by_external_id/{external_id}"), map[string]string{"external_id": id}, nil, nil)
		if errors.Is(err, intercom.ErrNotFound) {
			return finding{complete: true}, nil
		}
		if err != nil {
			return finding{}, err
		}
		f := c.window(resp).pick([]json.RawMessage{resp.Body}, func(map[string]any) bool { return true }, nil)
		f.complete = true
		return f, nil
	}
	email := scalar(sent["email"])
	if email == "" {
		return finding{}, obscure("it has neither an external_id nor an e-mail address to find it by")
	}
	payload, err := encode(map[string]any{"query": map[string]any{"field": "email", "operator": "=", "value": email}})
	if err != nil {
		return finding{}, obscure("its e-mail address cannot be written")
	}
	resp, err := c.call(ctx, operation("POST", "contacts/search"), nil, nil, payload)
	if err != nil {
		return finding{}, err
	}
	var answer struct {
		Data []json.RawMessage `json:"data"`
	}
	if json.Unmarshal(resp.Body, &answer) != nil {
		return finding{}, obscure("what was searched cannot be read")
	}
	return c.window(resp).pick(answer.Data, func(there map[string]any) bool {
		return strings.EqualFold(scalar(there["email"]), email)
	}, nil), nil
}

// A window is the time, by the server's clock, in which a request was applied
// if it was.
type window struct{ from, to int64 } // unix seconds

// window takes the server's clock from the Date of an answer.
func (c *course) window(resp *intercom.Response) window {
	var ahead time.Duration
	if !resp.Date.IsZero() {
		ahead = time.Until(resp.Date)
	}
	first := c.claim.First
	if first.IsZero() {
		first = c.claim.Sent
	}
	return window{
		from: first.Add(ahead - slack).Unix(),
		to:   c.claim.Sent.Add(ahead + claimed + slack).Unix(),
	}
}

// pick returns the items of the window that fit. An item that was sent with a
// time of its own has that one.
func (w window) pick(items []json.RawMessage, fits func(map[string]any) bool, sent map[string]any) finding {
	var f finding
	given, dated := seconds(sent["created_at"])
	for _, raw := range items {
		item, err := object(raw, "item")
		if err != nil {
			continue
		}
		at, ok := seconds(item["created_at"])
		if ok && (at >= w.from && at <= w.to || dated && at == given) && fits(item) {
			f.items = append(f.items, raw)
		}
	}
	return f
}

// reachesBack reports whether a list goes back to before the window.
func (w window) reachesBack(items []json.RawMessage) bool {
	for _, raw := range items {
		if item, err := object(raw, "item"); err == nil {
			if at, ok := seconds(item["created_at"]); ok && at < w.from {
				return true
			}
		}
	}
	return false
}

// since reports whether a time is not before the first attempt, give or take
// what clocks differ by.
func (c *course) since(v any) bool {
	at, ok := seconds(v)
	return ok && c.claim != nil && at >= c.claim.First.Add(-slack).Unix()
}

func seconds(v any) (int64, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	at, err := n.Int64()
	return at, err == nil
}
