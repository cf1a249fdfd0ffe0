package mock

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
)

// createContact refuses one that exists, in either spelling, and attributes
// that nobody has made.
func (ws *Workspace) createContact(_ *http.Request, sent object) (any, error) {
	if text(sent, "email") == "" && text(sent, "external_id") == "" && text(sent, "role") == "" {
		return nil, bad("parameter_missing", "email, external_id or role is missing")
	}
	if err := ws.knownAttributes(sent); err != nil {
		return nil, err
	}
	if err := ws.taken(sent, nil); err != nil {
		return nil, err
	}
	fields := object{
		"type": "contact", "workspace_id": ws.ID, "role": "user", "email": nil, "external_id": nil,
		"name": nil, "archived": false, "custom_attributes": object{},
		"tags": object{"type": "list", "data": []any{}, "total_count": 0, "has_more": false},
	}
	maps.Copy(fields, sent)
	r := ws.make("contacts", fields)
	ws.claim(r)
	return json.RawMessage(r.json), nil
}

func (ws *Workspace) updateContact(r *http.Request, sent object) (any, error) {
	old, err := ws.found("contacts", r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	if old.fields["archived"] == true {
		return nil, &failure{http.StatusNotFound, "not_found", "User Not Found"}
	}
	if err := ws.knownAttributes(sent); err != nil {
		return nil, err
	}
	if err := ws.taken(sent, old); err != nil {
		return nil, err
	}
	changed := ws.change(old, func(fields object) { merge(fields, sent) })
	ws.claim(changed)
	return json.RawMessage(changed.json), nil
}

// merge puts what was sent over what is there; custom attributes one by one.
func merge(fields, sent object) {
	for name, value := range sent {
		attributes, is := value.(object)
		if before, was := fields[name].(object); is && was && name == "custom_attributes" {
			value = maps.Clone(before)
			maps.Copy(value.(object), attributes)
		}
		fields[name] = value
	}
}

func (ws *Workspace) deleteContact(r *http.Request, _ object) (any, error) {
	rec, err := ws.found("contacts", r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	s := ws.shelf("contacts")
	s.all[rec.number-1] = nil
	delete(s.byID, rec.id)
	for key, id := range ws.identities {
		if id == rec.id {
			delete(ws.identities, key)
		}
	}
	return object{"id": rec.id, "external_id": nil, "type": "contact", "deleted": true}, nil
}

func (ws *Workspace) archive(archived bool) writer {
	return func(r *http.Request, _ object) (any, error) {
		rec, err := ws.found("contacts", r.PathValue("id"))
		if err != nil {
			return nil, err
		}
		ws.change(rec, func(fields object) { fields["archived"] = archived })
		return object{"id": rec.id, "external_id": rec.fields["external_id"], "type": "contact", "archived": archived}, nil
	}
}

// taken is the conflict with a contact of the same e-mail address or external
// id, other than one's own.
func (ws *Workspace) taken(sent object, own *record) error {
	for _, name := range []string{"email", "external_id"} {
		id := ws.identities[name+" "+text(sent, name)]
		if text(sent, name) == "" || id == "" || own != nil && own.id == id {
			continue
		}
		which := "A contact"
		if ws.shelf("contacts").byID[id].fields["archived"] == true {
			which = "An archived contact"
		}
		return &failure{http.StatusConflict, "conflict", which + " matching those details already exists with id=" + id}
	}
	return nil
}

// claim notes whose e-mail address and external id these are.
func (ws *Workspace) claim(r *record) {
	for _, name := range []string{"email", "external_id"} {
		if value := text(r.fields, name); value != "" {
			ws.identities[name+" "+value] = r.id
		}
	}
}

// knownAttributes refuses custom attributes that do not exist, as live
// workspaces do: by name, in a 400.
func (ws *Workspace) knownAttributes(sent object) error {
	attributes, _ := sent["custom_attributes"].(object)
	for name := range attributes {
		if !ws.Attributes[name] {
			return bad("parameter_invalid", fmt.Sprintf("Custom attribute '%s' does not exist", name))
		}
	}
	return nil
}

func (ws *Workspace) createAttribute(_ *http.Request, sent object) (any, error) {
	if err := missing(sent, "name", "model", "data_type"); err != nil {
		return nil, err
	}
	if ws.Attributes == nil {
		ws.Attributes = map[string]bool{}
	}
	if ws.Attributes[text(sent, "name")] {
		return nil, bad("parameter_invalid", "You already have a data attribute of that name")
	}
	ws.Attributes[text(sent, "name")] = true
	fields := object{"type": "data_attribute", "custom": true, "archived": false}
	maps.Copy(fields, sent)
	return json.RawMessage(ws.make("data_attributes", fields).json), nil
}

func (ws *Workspace) createNote(r *http.Request, sent object) (any, error) {
	rec, err := ws.found("contacts", r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	if err := missing(sent, "body"); err != nil {
		return nil, err
	}
	note := ws.make("notes", object{
		"type": "note", "contact": object{"type": "contact", "id": rec.id},
		"author": object{"type": "admin", "id": text(sent, "admin_id"), "name": "Operator"},
		"body":   paragraph(text(sent, "body"), true),
	})
	return json.RawMessage(note.json), nil
}

// notes are those of one contact; those of Fill are everybody's.
func (ws *Workspace) notes(r *http.Request) (any, error) {
	n, err := size{50, 50}.of(r.URL.Query())
	if err != nil {
		return nil, err
	}
	var own []*record
	for _, note := range ws.newestFirst("notes") {
		if contact, is := note.fields["contact"].(object); !is || contact["id"] == r.PathValue("id") {
			own = append(own, note)
		}
	}
	return ws.numbered(r, own, "data", n, true)
}

func (ws *Workspace) attachTag(r *http.Request, sent object) (any, error) {
	rec, err := ws.found("contacts", r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	tag, err := ws.found("tags", text(sent, "id"))
	if err != nil {
		return nil, err
	}
	ws.change(rec, func(fields object) {
		fields["tag_ids"] = append(without(fields["tag_ids"], tag.id), tag.id)
	})
	return json.RawMessage(tag.json), nil
}

func (ws *Workspace) detachTag(r *http.Request, _ object) (any, error) {
	rec, err := ws.found("contacts", r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	id := r.PathValue("tag")
	before, _ := rec.fields["tag_ids"].([]any)
	after := without(before, id)
	if len(after) == len(before) {
		return nil, &failure{http.StatusNotFound, "not_found", "Tag Not Found"}
	}
	ws.change(rec, func(fields object) { fields["tag_ids"] = after })
	return object{"type": "tag", "id": id}, nil
}

// without is a list without one of its texts.
func without(list any, id string) []any {
	all, _ := list.([]any)
	rest := []any{}
	for _, v := range all {
		if v != id {
			rest = append(rest, v)
		}
	}
	return rest
}

// createTag makes a tag, or finds the one of that name.
func (ws *Workspace) createTag(_ *http.Request, sent object) (any, error) {
	if err := missing(sent, "name"); err != nil {
		return nil, err
	}
	for _, tag := range ws.listed("tags") {
		if text(tag.fields, "name") == text(sent, "name") {
			return json.RawMessage(tag.json), nil
		}
	}
	return json.RawMessage(ws.make("tags", object{"type": "tag", "name": sent["name"]}).json), nil
}

// upsertCompany updates the company of that company_id, or makes it.
func (ws *Workspace) upsertCompany(_ *http.Request, sent object) (any, error) {
	key := text(sent, "company_id")
	if key == "" && text(sent, "name") == "" {
		return nil, bad("bad_request", "company_id is missing")
	}
	if id := ws.identities["company "+key]; key != "" && id != "" {
		changed := ws.change(ws.shelf("companies").byID[id], func(fields object) { merge(fields, sent) })
		return json.RawMessage(changed.json), nil
	}
	fields := object{"type": "company", "app_id": ws.ID}
	maps.Copy(fields, sent)
	r := ws.make("companies", fields)
	ws.identities["company "+key] = r.id
	return json.RawMessage(r.json), nil
}
