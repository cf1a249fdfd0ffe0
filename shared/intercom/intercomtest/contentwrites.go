package intercomtest

import (
	"net/http"
)

// Writing articles and collections. All of it runs with the workspace locked.
//
// https://developers.intercom.com/docs/references/rest-api/api.intercom.io/articles
var contentWriteHandlers = map[string]handler{
	"POST /articles":                     writing((*Workspace).createArticle),
	"PUT /articles/{}":                   writing((*Workspace).updateArticle),
	"DELETE /articles/{}":                writing(deleter(Articles, "article")),
	"PUT /articles/{}/draft":             writing((*Workspace).stageDraft),
	"POST /articles/{}/draft/publish":    writing((*Workspace).publishDraft),
	"POST /help_center/collections":      writing((*Workspace).createCollection),
	"PUT /help_center/collections/{}":    writing((*Workspace).updateCollection),
	"DELETE /help_center/collections/{}": writing(deleter(Collections, "collection")),
}

// drafts is the list in which staged drafts are kept, by the articles' ids.
const drafts = "/articles/drafts"

// lay writes the fields of a payload, all but those that are the service's.
func (d *document) lay(p object) {
	for _, m := range p {
		switch m.key {
		case "id", "type", "created_at", "updated_at", "workspace_id", "tags":
		default:
			d.set(m.key, m.value)
		}
	}
}

func (ws *Workspace) createArticle(c *call, p object) {
	d := &document{fields: object{{"description", quoted("")}, {"body", quoted("")}}}
	d.lay(p)
	seq, r := ws.insert(Articles, 0, d)
	c.made = Articles.id(seq)
	c.json(ws.articleJSON(seq, r))
}

func (ws *Workspace) updateArticle(c *call, p object) {
	seq, _, ok := ws.pathRecord(c, Articles)
	if !ok {
		return
	}
	r := ws.edit(Articles, seq, func(d *document) { d.lay(p) })
	c.made = Articles.id(seq)
	c.json(ws.articleJSON(seq, r))
}

// stageDraft keeps what an article is going to be; only a published one can have
// a draft.
func (ws *Workspace) stageDraft(c *call, p object) {
	seq, r, ok := ws.pathRecord(c, Articles)
	if !ok {
		return
	}
	if articleState(seq, &r) != "published" {
		c.fail(http.StatusUnprocessableEntity, "parameter_invalid", "Article must be published before a draft can be staged")
		return
	}
	c.made = Articles.id(seq)
	draft, _ := ws.onShelf(drafts, c.made)
	staged, _ := parseObject(draft)
	ws.shelf(drafts).put(c.made, staged.over(p).json())
	whole, _ := parseObject(ws.articleJSON(seq, r))
	c.json(whole.over(staged).over(p).over(object{
		{"id", quoted(c.made)}, {"has_unpublished_changes", marshal(true)}, {"draft_updated_at", digits(unixNow())},
	}).json())
}

// publishDraft publishes a draft once. A published article that is made up has
// one from the beginning.
func (ws *Workspace) publishDraft(c *call, _ object) {
	seq, r, ok := ws.pathRecord(c, Articles)
	if !ok {
		return
	}
	c.made = Articles.id(seq)
	draft, gone := ws.onShelf(drafts, c.made)
	if gone || draft == nil && (r.made() || articleState(seq, &r) != "published") {
		c.fail(http.StatusUnprocessableEntity, "parameter_invalid", "Article has no draft to publish")
		return
	}
	staged, _ := parseObject(draft)
	ws.shelf(drafts).drop(c.made)
	r = ws.edit(Articles, seq, func(d *document) { d.lay(staged) })
	whole, _ := parseObject(ws.articleJSON(seq, r))
	c.json(whole.over(object{{"has_unpublished_changes", marshal(false)}, {"draft_updated_at", []byte("null")}}).json())
}

func (ws *Workspace) createCollection(c *call, p object) {
	d := &document{fields: object{{"description", quoted("")}}}
	d.lay(p)
	seq, r := ws.insert(Collections, 0, d)
	ws.answerCollection(c, seq, r)
}

func (ws *Workspace) updateCollection(c *call, p object) {
	seq, _, ok := ws.pathRecord(c, Collections)
	if !ok {
		return
	}
	ws.answerCollection(c, seq, ws.edit(Collections, seq, func(d *document) { d.lay(p) }))
}

func (ws *Workspace) answerCollection(c *call, seq uint32, r row) {
	c.made = Collections.id(seq)
	var w writer
	ws.write(&w, Collections, seq, r)
	c.json(w.b)
}

// deleter deletes the record of a path for good.
func deleter(e Entity, what string) func(ws *Workspace, c *call, p object) {
	return func(ws *Workspace, c *call, _ object) {
		seq, _, ok := ws.pathRecord(c, e)
		if !ok {
			return
		}
		ws.remove(e, seq)
		c.made = e.id(seq)
		c.json(deletedObject(c.made, what))
	}
}

// getDraft answers with an article as it is going to be.
func (ws *Workspace) getDraft(c *call) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	seq, r, ok := ws.pathRecord(c, Articles)
	if !ok {
		return
	}
	draft, _ := ws.onShelf(drafts, Articles.id(seq))
	staged, _ := parseObject(draft)
	whole, _ := parseObject(ws.articleJSON(seq, r))
	c.json(whole.over(staged).with("id", quoted(Articles.id(seq))).json())
}
