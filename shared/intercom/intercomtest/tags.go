package intercomtest

import (
	"net/http"
	"slices"
	"strings"
	"sync"
)

// Tags: by name, and on contacts, companies, conversations, tickets and
// articles.
//
// https://developers.intercom.com/docs/references/rest-api/api.intercom.io/tags
var tagHandlers = map[string]handler{
	"POST /tags":                       writing((*Workspace).postTag),
	"DELETE /tags/{}":                  writing((*Workspace).deleteTag),
	"POST /contacts/{}/tags":           writing(tagging(Contacts, "User", "not_found", true)),
	"DELETE /contacts/{}/tags/{}":      writing(tagging(Contacts, "User", "not_found", false)),
	"POST /conversations/{}/tags":      writing(tagging(Conversations, "Conversation", "not_found", true)),
	"DELETE /conversations/{}/tags/{}": writing(tagging(Conversations, "Conversation", "not_found", false)),
	"POST /tickets/{}/tags":            writing(tagging(Tickets, "Ticket", "ticket_not_found", true)),
	"DELETE /tickets/{}/tags/{}":       writing(tagging(Tickets, "Ticket", "ticket_not_found", false)),
	"POST /articles/{}/tags":           writing(tagging(Articles, "Article", "article_not_found", true)),
	"DELETE /articles/{}/tags/{}":      writing(tagging(Articles, "Article", "article_not_found", false)),

	"POST /internal_articles/{}/tags":      writing(tagShelved),
	"DELETE /internal_articles/{}/tags/{}": writing(tagShelved),
	"POST /content_snippets/{}/tags":       writing(tagShelved),
	"DELETE /content_snippets/{}/tags/{}":  writing(tagShelved),
}

// tagNames are the names of the tags that clients made. Records are written
// without the workspace's lock, so it has one of its own.
type tagNames struct {
	mu    sync.RWMutex
	names map[string]string // by id
}

func (t *tagNames) set(id, name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.names == nil {
		t.names = map[string]string{}
	}
	t.names[id] = name
}

// name returns what a tag is called.
func (t *tagNames) name(id string) string {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if name, ok := t.names[id]; ok {
		return name
	}
	return "tag " + id
}

// writeTag appends a tag that belongs to something; at is when it was applied,
// 0 for never.
func (ws *Workspace) writeTag(w *writer, id string, at uint32) {
	w.open('{')
	w.str("type", "tag")
	w.str("id", id)
	w.str("name", ws.tagNames.name(id))
	w.time("applied_at", at)
	if at == 0 {
		w.null("applied_by")
	} else {
		w.obj("applied_by")
		w.str("type", "admin")
		w.str("id", sharedID(0))
		w.end()
	}
	w.end()
}

// tagExists reports whether there is a tag. The caller holds the lock.
func (ws *Workspace) tagExists(id string) bool {
	_, ok := ws.shelvedAt("/tags", "/tags", id)
	return ok
}

// tagByName returns the tag of a name. The caller holds the lock.
func (ws *Workspace) tagByName(name string) (string, bool) {
	if s := ws.shelves["/tags"]; s != nil {
		if id, ok := s.find(object{{"name", quoted(name)}}); ok {
			return id, true
		}
	}
	id, is := strings.CutPrefix(name, "tag ")
	if !is || !ws.tagExists(id) || ws.tagNames.name(id) != name {
		return "", false
	}
	return id, true
}

// postTag answers POST /tags: it makes a tag, renames one, or gives a tag to
// companies or users or takes it from them. A tag whose name is there is that
// tag.
func (ws *Workspace) postTag(c *call, p object) {
	name := p.text("name")
	id, exists := ws.tagByName(name)
	if !exists && p.has("id") {
		if id = p.text("id"); !ws.tagExists(id) {
			c.notFound("Resource")
			return
		}
	}
	users, companies := p.objects("users"), p.objects("companies")
	c.again = exists && len(users)+len(companies) == 0
	if id == "" {
		id = ws.serialID()
	}
	// Nothing may change where one of them is not there.
	var contacts, firms []uint32
	for _, u := range users {
		seq, _, ok := ws.namedContact(u, "id", "user_id")
		if !ok {
			c.notFound("User")
			return
		}
		contacts = append(contacts, seq)
	}
	for _, o := range companies {
		seq, _, ok := ws.tables[Companies].find(o.text("id"))
		if !ok {
			seq, ok = ws.companyByKey(o.text("company_id"))
		}
		if !ok {
			c.fail(http.StatusNotFound, "company_not_found", "Company Not Found")
			return
		}
		firms = append(firms, seq)
	}
	if !exists {
		ws.tagNames.set(id, name)
		ws.shelf("/tags").put(id, object{{"type", quoted("tag")}, {"id", quoted(id)}, {"name", quoted(name)}}.json())
	}
	for i, seq := range contacts {
		untag, _ := users[i].flag("untag")
		ws.tag(Contacts, seq, id, !untag)
	}
	for i, seq := range firms {
		untag, _ := companies[i].flag("untag")
		ws.tag(Companies, seq, id, !untag)
	}
	c.made = id
	c.json(object{{"type", quoted("tag")}, {"id", quoted(id)}, {"name", quoted(name)}}.json())
}

// deleteTag has an answer without content. Whatever had the tag keeps its id.
func (ws *Workspace) deleteTag(c *call, _ object) {
	id := c.params[0]
	if !ws.tagExists(id) {
		c.notFound("Resource")
		return
	}
	ws.shelf("/tags").drop(id)
	c.made = id
	c.success(http.StatusOK, nil)
}

// tagsOf returns the ids of a record's tags.
func (ws *Workspace) tagsOf(e Entity, seq uint32, r *row) []string {
	switch e {
	case Contacts:
		return ws.tagIDs(seq, r)
	case Companies:
		return ws.companyTags(seq, r)
	default:
		return ws.labelsOf(seq, r)
	}
}

// tag gives a record a tag or takes it away, and reports whether that was a
// change.
func (ws *Workspace) tag(e Entity, seq uint32, id string, on bool) bool {
	r := ws.tables[e].now.rows[seq]
	ids, there := without(ws.tagsOf(e, seq, &r), id)
	if on == there {
		return false
	}
	if on {
		ids, _ = include(ids, id)
	}
	ws.edit(e, seq, func(d *document) {
		d.setList("tags", ids)
	})
	return true
}

// tagging gives the record of a path a tag, or takes the tag of the path's end
// from it.
func tagging(e Entity, what, code string, on bool) func(ws *Workspace, c *call, p object) {
	return func(ws *Workspace, c *call, p object) {
		var seq uint32
		var ok bool
		if e == Contacts {
			if seq, _, ok = ws.pathContact(c); !ok {
				return
			}
		} else if seq, _, ok = ws.tables[e].find(c.params[0]); !ok {
			c.fail(http.StatusNotFound, code, what+" not found")
			return
		}
		id := p.text("id")
		if !on {
			id = c.params[1]
		}
		if on && !ws.tagExists(id) {
			c.notFound("Resource")
			return
		}
		changed := ws.tag(e, seq, id, on)
		if !on && !changed {
			c.notFound("Resource")
			return
		}
		c.again = !changed
		c.made = id
		ws.answerTag(c, id)
	}
}

func (ws *Workspace) answerTag(c *call, id string) {
	var w writer
	ws.writeTag(&w, id, unixNow())
	c.json(w.b)
}

// tagShelved does what tagging does for records without rules of their own.
func tagShelved(ws *Workspace, c *call, p object) {
	path, _, _ := strings.Cut(c.op.Path, "/{")
	r, ok := ws.shelvedAt(path, path, c.params[0])
	if !ok {
		c.fail(http.StatusNotFound, singular(path)+"_not_found", "Resource not found")
		return
	}
	var w writer
	ws.writeShelved(&w, shapeOf(path), r)
	record, _ := parseObject(w.b)
	var ids []string
	for _, t := range record.object("tags").objects("tags") {
		ids = append(ids, t.text("id"))
	}
	id := p.text("id")
	if c.method == http.MethodDelete {
		id = c.params[1]
		var there bool
		if ids, there = without(ids, id); !there {
			c.notFound("Resource")
			return
		}
	} else {
		if !ws.tagExists(id) {
			c.notFound("Resource")
			return
		}
		c.again = slices.Contains(ids, id)
		ids, _ = include(ids, id)
	}
	list := writer{}
	list.open('[')
	for _, id := range ids {
		ws.writeTag(&list, id, unixNow())
	}
	list.endList()
	tags := object{{"type", quoted("tag.list")}, {"tags", list.b}}.json()
	ws.shelf(path).put(r.id, record.with("tags", tags).json())
	c.made = id
	ws.answerTag(c, id)
}
