package intercomtest

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Articles, collections and macros: lists with the latest change first.
//
// https://developers.intercom.com/docs/references/rest-api/api.intercom.io/articles
var contentHandlers = map[string]handler{
	"GET /articles": func(ws *Workspace, c *call) {
		ws.latestFirst(c, Articles, numbered{perPage: 25, most: 150, next: nextURL})
	},
	"GET /articles/{}":                getArticle,
	"GET /articles/{}/draft":          (*Workspace).getDraft,
	"GET /articles/search":            (*Workspace).searchArticles,
	"GET /help_center/collections":    func(ws *Workspace, c *call) { ws.latestFirst(c, Collections, numbered{perPage: 20, most: 150}) },
	"GET /help_center/collections/{}": getter(Collections, "Collection"),
	"GET /macros":                     (*Workspace).listMacros,
	"GET /macros/{}":                  getter(Macros, "Macro"),
	"GET /content/search":             (*Workspace).searchContent,
}

func (ws *Workspace) writeArticle(w *writer, seq uint32, r *row, statistics bool) {
	w.open('{')
	w.idOf("id", Articles, seq)
	w.str("type", "article")
	w.str("workspace_id", ws.cfg.Workspace)
	w.list("parent_ids")
	w.endList()
	ws.writeTags(w, seq, r)
	w.str("title", articleTitle(seq, r))
	w.str("description", "Revision "+strconv.Itoa(int(r.version)))
	w.str("body", "<p>"+padding(ws.rnd(Articles, seq, 'b'), 300)+"</p>")
	w.int("author_id", 1001)
	w.str("state", articleState(seq, r))
	w.int("created_at", int64(r.created))
	w.int("updated_at", int64(r.updated))
	w.str("url", "https://help.example.com/en/articles/"+Articles.id(seq))
	if statistics {
		w.obj("statistics")
		w.str("type", "article_statistics")
		w.int("views", int64(ws.rnd(Articles, seq, 'v')%5000))
		w.end()
	}
	w.end()
}

func articleTitle(seq uint32, r *row) string {
	if title, ok := r.text("title"); ok {
		return title
	}
	return "Article " + strconv.Itoa(int(seq)) + " <how-to>"
}

func articleState(seq uint32, r *row) string {
	if state, ok := r.text("state"); ok && state != "" {
		return state
	}
	if r.made() {
		return "draft"
	}
	return [...]string{"published", "draft"}[seq%2]
}

func (ws *Workspace) writeCollection(w *writer, seq uint32, r *row) {
	w.open('{')
	w.idOf("id", Collections, seq)
	w.str("workspace_id", ws.cfg.Workspace)
	w.str("name", "Collection "+strconv.Itoa(int(seq)))
	w.str("url", "https://help.example.com/en/collections/"+Collections.id(seq))
	w.int("order", int64(seq))
	w.int("created_at", int64(r.created))
	w.int("updated_at", int64(r.updated))
	w.str("description", "Revision "+strconv.Itoa(int(r.version)))
	w.str("icon", "bookmark")
	w.null("parent_id")
	w.int("help_center_id", 1001)
	w.end()
}

// writeMacro has times as text, as newer objects do.
func (ws *Workspace) writeMacro(w *writer, seq uint32, r *row) {
	w.open('{')
	w.str("type", "macro")
	w.idOf("id", Macros, seq)
	w.str("name", "Macro "+strconv.Itoa(int(seq)))
	w.str("body", `<p>Hi <attribute key="user.name" default="there"/>, revision `+strconv.Itoa(int(r.version))+"</p>")
	w.str("body_text", "Hi {{user.name}}")
	w.iso("created_at", r.created)
	w.iso("updated_at", r.updated)
	w.str("visible_to", "everyone")
	w.list("visible_to_team_ids")
	w.endList()
	w.list("available_on")
	w.value("inbox")
	w.endList()
	w.end()
}

// latestFirst answers with a numbered list of records, the latest change first:
// what changes during a read moves to the front and pushes the rest back.
func (ws *Workspace) latestFirst(c *call, e Entity, n numbered) {
	ws.mu.Lock()
	x := ws.tables[e].now
	n.total = len(x.updated)
	win, err := c.window(n)
	if err != nil {
		ws.mu.Unlock()
		c.failWith(err)
		return
	}
	keys := view{x.updated, true}.slice(win.from, win.to)
	rows := rowsOf(x, keys)
	ws.mu.Unlock()
	ws.windowPage(c, n, win, func(w *writer, i int) { ws.write(w, e, keySeq(keys[i-win.from]), rows[i-win.from]) })
}

// getArticle answers with what a list of articles leaves out.
func getArticle(ws *Workspace, c *call) {
	ws.mu.Lock()
	seq, r, ok := ws.tables[Articles].find(c.params[0])
	ws.mu.Unlock()
	if !ok {
		c.notFound("Article")
		return
	}
	c.json(ws.articleJSON(seq, r))
}

// articleJSON is an article with its statistics.
func (ws *Workspace) articleJSON(seq uint32, r row) []byte {
	var w writer
	ws.laid(&w, Articles, &r, func() { ws.writeArticle(&w, seq, &r, true) })
	return w.b
}

// latest returns the keys and rows of e that a filter lets through, the latest
// change first.
func (ws *Workspace) latest(e Entity, keep func(seq uint32, r *row) bool) ([]uint64, []row) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	x := ws.tables[e].now
	var keys []uint64
	for _, k := range slices.Backward(x.updated) {
		if seq := keySeq(k); keep(seq, &x.rows[seq]) {
			keys = append(keys, k)
		}
	}
	return keys, rowsOf(x, keys)
}

// searchArticles has its records in data.articles.
func (ws *Workspace) searchArticles(c *call) {
	phrase, state := strings.ToLower(c.query.Get("phrase")), c.query.Get("state")
	keys, rows := ws.latest(Articles, func(seq uint32, r *row) bool {
		return strings.Contains(strings.ToLower(articleTitle(seq, r)), phrase) &&
			(state == "" || state == "all" || state == articleState(seq, r))
	})
	n := numbered{items: "data.articles", total: len(keys), perPage: 10, most: 150}
	ws.numbered(c, n, func(w *writer, i int) { ws.write(w, Articles, keySeq(keys[i]), rows[i]) })
}

// listMacros answers GET /macros: a filter by last change, and a cursor of
// seconds and id.
func (ws *Workspace) listMacros(c *call) {
	since, err := c.seconds("updated_since", 0)
	if err != nil {
		c.failWith(err)
		return
	}
	ws.listTuples(c, Macros, 50, 150, func(_ uint32, r *row) bool { return int64(r.updated) >= since })
}

// listTuples answers with a list whose cursor is base64 of [seconds, "id"], the
// latest change first; it tells neither a total nor the number of the page.
func (ws *Workspace) listTuples(c *call, e Entity, perPage, most int, keep func(uint32, *row) bool) {
	if s := c.query.Get("per_page"); s != "" {
		var err error
		if perPage, err = pageSize(s, most); err != nil {
			c.failWith(err)
			return
		}
	}
	keys, rows := ws.latest(e, keep)
	from := 0
	if c.query.Has("starting_after") {
		after, err := decodeTuple(e, c.query.Get("starting_after"))
		if err != nil {
			c.failWith(err)
			return
		}
		for from < len(keys) && keys[from] >= after {
			from++
		}
	}
	to := min(from+perPage, len(keys))
	var w writer
	w.open('{')
	w.str("type", "list")
	w.list("data")
	for i := from; i < to; i++ {
		ws.write(&w, e, keySeq(keys[i]), rows[i])
	}
	w.endList()
	w.obj("pages")
	w.str("type", "pages")
	w.int("per_page", int64(perPage))
	if to < len(keys) {
		w.obj("next")
		w.str("starting_after", encodeTuple(e, keys[to-1]))
		w.end()
	}
	w.end()
	w.end()
	c.json(w.b)
}

func encodeTuple(e Entity, k uint64) string {
	return base64.StdEncoding.EncodeToString(
		[]byte("[" + strconv.FormatUint(uint64(keyTime(k)), 10) + `.0, "` + e.id(keySeq(k)) + `"]`))
}

func decodeTuple(e Entity, s string) (uint64, error) {
	b, err := base64.StdEncoding.DecodeString(s)
	at, id, ok := strings.Cut(strings.Trim(string(b), `[]"`), `.0, "`)
	sec, numberErr := strconv.ParseUint(at, 10, 32)
	seq, known := e.seq(id)
	if err != nil || !ok || numberErr != nil || !known {
		return 0, errCursor
	}
	return key(uint32(sec), seq), nil
}

// seconds reads a query parameter in unix seconds or as an ISO date and time.
func (c *call) seconds(name string, otherwise int64) (int64, error) {
	s := c.param(name)
	if s == "" {
		return otherwise, nil
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n, nil
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t.Unix(), nil
	}
	return 0, invalid("%s %q is not a unix timestamp", name, s)
}

// searchContent answers GET /content/search: rows that are little more than
// ids, of articles and of what never changes.
func (ws *Workspace) searchContent(c *call) {
	from, err := c.seconds("updated_at_after", 0)
	to, err2 := c.seconds("updated_at_before", 1<<40)
	if err != nil || err2 != nil {
		c.fail(http.StatusBadRequest, "parameter_invalid", "updated_at_after or updated_at_before is not a unix timestamp")
		return
	}
	phrase := strings.ToLower(c.query.Get("query"))
	keys, rows := ws.latest(Articles, func(seq uint32, r *row) bool {
		return int64(r.updated) > from && int64(r.updated) < to && strings.Contains(strings.ToLower(articleTitle(seq, r)), phrase)
	})
	kinds := [...]string{"content_snippet", "internal_article", "external_content", "file_source_content"}
	others := 0
	if at := int64(ws.sharedTime()); at > from && at < to {
		others = min(ws.cfg.Others, len(kinds))
	}
	n := numbered{total: len(keys) + others, perPage: 10, most: 50, next: nextURL}
	ws.numbered(c, n, func(w *writer, i int) {
		w.open('{')
		defer w.end()
		if i >= len(keys) {
			w.str("type", kinds[i-len(keys)])
			w.str("id", sharedID(i-len(keys)))
			w.str("title", "Title "+strconv.Itoa(i))
			return
		}
		seq := keySeq(keys[i])
		w.str("type", "article")
		w.idOf("id", Articles, seq)
		w.str("title", articleTitle(seq, &rows[i]))
		w.list("contents")
		w.open('{')
		w.str("type", "article_content")
		w.str("id", Articles.id(seq)+"1")
		w.str("title", articleTitle(seq, &rows[i]))
		w.str("locale", "en")
		w.end()
		w.endList()
	})
}
