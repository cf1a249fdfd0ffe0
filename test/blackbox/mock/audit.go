package mock

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"time"
)

// A Write is a request that has changed the workspace, whatever was answered.
type Write struct {
	At     time.Time
	Method string
	Path   string
	Body   string
	Fault  Fault // what went wrong with the answer
}

// Writes are all that were applied so far, in that order.
func (ws *Workspace) Writes() []Write {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	return slices.Clone(ws.writes)
}

// Busy tells whether a request is being answered right now.
func (ws *Workspace) Busy() bool { return ws.flying.Load() > 0 }

// A writer changes the workspace by what was sent; ws.mu is held. What it
// returns without an error has been applied.
type writer func(r *http.Request, sent object) (any, error)

// An object is one of JSON.
type object = map[string]any

// accepted is the answer to what is taken without an answer.
type accepted struct{}

// writing makes a writer a handler that keeps the audit. A body is there or
// not, as the operation says.
func (ws *Workspace) writing(takesBody bool, apply writer) handler {
	return func(r *http.Request) (any, error) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		var sent object
		switch {
		case !takesBody && len(body) > 0:
			return nil, bad("bad_request", "a body where none goes")
		case takesBody && json.Unmarshal(body, &sent) != nil:
			return nil, bad("bad_request", "the body is not a JSON object")
		}
		value, err := apply(r, sent)
		if err != nil {
			return nil, err
		}
		ws.writes = append(ws.writes, Write{
			At: time.Now(), Method: r.Method, Path: r.URL.EscapedPath(), Body: string(body), Fault: ws.fault,
		})
		return value, nil
	}
}

func (ws *Workspace) writeRoutes(on func(string, handler)) {
	body := func(pattern string, w writer) { on(pattern, ws.writing(true, w)) }
	none := func(pattern string, w writer) { on(pattern, ws.writing(false, w)) }

	body("POST /contacts", ws.createContact)
	body("PUT /contacts/{id}", ws.updateContact)
	none("DELETE /contacts/{id}", ws.deleteContact)
	none("POST /contacts/{id}/archive", ws.archive(true))
	none("POST /contacts/{id}/unarchive", ws.archive(false))
	body("POST /contacts/{id}/notes", ws.createNote)
	body("POST /contacts/{id}/tags", ws.attachTag)
	none("DELETE /contacts/{id}/tags/{tag}", ws.detachTag)
	body("POST /tags", ws.createTag)
	body("POST /data_attributes", ws.createAttribute)
	body("POST /companies", ws.upsertCompany)
	body("POST /events", ws.createEvent)
	body("POST /messages", ws.createMessage)
	body("POST /conversations", ws.createConversation)
	body("POST /conversations/{id}/reply", ws.reply("conversations"))
	body("POST /tickets", ws.createTicket)
	body("PUT /tickets/{id}", ws.updateTicket)
	body("POST /tickets/{id}/reply", ws.reply("tickets"))
}

// found is a record that has to be there.
func (ws *Workspace) found(kind, id string) (*record, error) {
	if r := ws.shelf(kind).byID[id]; r != nil {
		return r, nil
	}
	return nil, &failure{http.StatusNotFound, "not_found", "Resource Not Found"}
}

// make adds a record that is made now.
func (ws *Workspace) make(kind string, fields object) *record {
	now := time.Now()
	r := ws.put(kind, now.Unix(), now.Unix(), fields)
	r.visible = now.Add(ws.IndexLag)
	return r
}

// text is a field that is a text, or a number as one.
func text(o object, name string) string {
	switch v := o[name].(type) {
	case string:
		return v
	case float64:
		b, _ := json.Marshal(v) // a number
		return string(b)
	}
	return ""
}

// missing is the error for the first of the fields that is not there.
func missing(o object, names ...string) error {
	for _, name := range names {
		if o[name] == nil {
			return bad("parameter_missing", name+" is missing")
		}
	}
	return nil
}
