package intercomtest

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"intercom-connector/shared/intercom"
)

// A shape is what is known of a list that has no rules of its own, and of its
// records: how it is paged, and what its records are called.
type shape struct {
	typ     string // of a record; default: from the path
	list    string // of a page; default "list"
	perPage int    // 0: no pages
	most    int    // records a page may have; default 150
	next    nextForm
	cursor  bool // paged by ?starting_after instead of by number
	number  bool // ids are numbers instead of strings
	iso     bool // times are text
	anyID   bool // not a list, so any id may exist
}

// shapes are by path, without the names of parameters.
var shapes = map[string]shape{
	"/admins":                                {typ: "admin", list: "admin.list"},
	"/teams":                                 {typ: "team", list: "team.list"},
	"/tags":                                  {typ: "tag"},
	"/segments":                              {typ: "segment", list: "segment.list"},
	"/subscription_types":                    {typ: "subscription"},
	"/ticket_types":                          {typ: "ticket_type"},
	"/ticket_states":                         {typ: "ticket_state"},
	"/brands":                                {typ: "brand"},
	"/emails":                                {typ: "email_setting"},
	"/away_status_reasons":                   {typ: "away_status_reason"},
	"/office_hours_schedules":                {typ: "office_hours_schedule"},
	"/conversations/attributes":              {typ: "conversation_attribute", number: true},
	"/audiences":                             {typ: "audience", perPage: 50, most: 50, next: nextFlat},
	"/content_snippets":                      {typ: "content_snippet", perPage: 50, most: 50, next: nextFlat},
	"/ai/content_import_sources":             {typ: "content_import_source", perPage: 50, next: nextURL, number: true},
	"/ai/external_pages":                     {typ: "external_page", perPage: 50, next: nextURL},
	"/articles/{}/versions":                  {typ: "article_version", perPage: 25},
	"/internal_articles":                     {typ: "internal_article", perPage: 25, next: nextURL},
	"/internal_articles/search":              {typ: "internal_article", perPage: 10},
	"/help_center/help_centers":              {typ: "help_center"},
	"/help_center/help_centers/{}/redirects": {typ: "help_center_redirect", perPage: 50, most: 250},
	"/news/news_items":                       {typ: "news-item", perPage: 10},
	"/news/newsfeeds":                        {typ: "newsfeed", perPage: 10, next: nextObject},
	"/news/newsfeeds/{}/items":               {typ: "news-item", perPage: 20, next: nextURL},
	"/calls":                                 {typ: "call", perPage: 25, most: 25},
	"/data_connectors":                       {typ: "data_connector", perPage: 20, most: 50, cursor: true, iso: true},
	"/messages/status":                       {typ: "whatsapp_status", perPage: 50, most: 100, cursor: true},
	"/teams/{}/metrics":                      {typ: "team_metric"},
	"/jobs/status":                           {typ: "job", anyID: true},
	"/export/workflows":                      {typ: "workflow", anyID: true},
	"/fin_voice/collect":                     {typ: "ai_call_response", number: true, anyID: true},
	"/fin_voice/conversation":                {typ: "ai_call_response", number: true, anyID: true},
	"/fin_voice/external_id":                 {typ: "ai_call_response", number: true, anyID: true},
	"/fin_voice/phone_number":                {typ: "ai_call_response", number: true, anyID: true},
}

// required are the parameters without which the service answers 400.
var required = map[string]string{
	"/messages/status":          "ruleset_id",
	"/messages/whatsapp/status": "message_id",
	"/visitors":                 "user_id",
}

// sharedID is the id of the ith record of every list that never changes.
func sharedID(i int) string { return strconv.Itoa(firstShared + i) }

const firstShared = 1001

func sharedIndex(id string) (int, bool) {
	n, err := strconv.Atoi(id)
	return n - firstShared, err == nil && n >= firstShared
}

// sharedAt returns the number of an existing record of a list that never changes.
func (ws *Workspace) sharedAt(id string) (int, bool) {
	i, ok := sharedIndex(id)
	return i, ok && i < ws.cfg.Others
}

// sharedTime is when everything was made that never changes.
func (ws *Workspace) sharedTime() uint32 { return unix(ws.cfg.End.Add(-ws.cfg.Span)) }

// shaped answers a read that has no rules of its own.
func (ws *Workspace) shaped(c *call) {
	path := anonymous(c.op.Path)
	if name := required[path]; name != "" && !c.query.Has(name) {
		c.fail(http.StatusBadRequest, "parameter_missing", name+" is missing")
		return
	}
	switch {
	case c.op.Answer == intercom.Text:
		c.answer.content("text/plain", []byte("text\n"))
	case c.op.Answer == intercom.Binary:
		c.answer.content("application/octet-stream", []byte{0x1f, 0x8b, 0x00, 0xff})
	case c.op.Items != "":
		ws.shapedList(c, path)
	default:
		ws.shapedObject(c, path)
	}
}

func (ws *Workspace) shapedList(c *call, path string) {
	s, ok := shapes[path]
	if !ok {
		s = shapes[strings.TrimSuffix(path, "/{}")]
	}
	def(&s.typ, singular(path))
	def(&s.list, "list")
	def(&s.most, 150)
	item := func(w *writer, i int) { ws.writeShape(w, s, sharedID(i)) }
	switch {
	case s.perPage == 0:
		ws.plainList(c, s.list, c.op.Items, ws.cfg.Others, item)
	case s.cursor:
		ws.shapedCursor(c, s, item)
	default:
		ws.numbered(c, numbered{
			list: s.list, items: c.op.Items, total: ws.cfg.Others, perPage: s.perPage, most: s.most, next: s.next,
		}, item)
	}
}

// shapedCursor pages by ?starting_after.
func (ws *Workspace) shapedCursor(c *call, s shape, item func(w *writer, i int)) {
	perPage := s.perPage
	if v := c.query.Get("per_page"); v != "" {
		var err error
		if perPage, err = pageSize(v, s.most); err != nil {
			c.failWith(err)
			return
		}
	}
	from := 0
	if c.query.Has("starting_after") {
		i, ok := ws.sharedAt(c.query.Get("starting_after"))
		if !ok {
			c.failWith(errCursor)
			return
		}
		from = i + 1
	}
	to := min(from+perPage, ws.cfg.Others)
	var w writer
	w.open('{')
	w.str("type", s.list)
	openItems(&w, c.op.Items)
	for i := from; i < to; i++ {
		item(&w, i)
	}
	closeItems(&w, c.op.Items)
	w.obj("pages")
	w.str("type", "pages")
	w.int("per_page", int64(perPage))
	if to < ws.cfg.Others {
		w.obj("next")
		w.str("starting_after", sharedID(to-1))
		w.end()
	}
	w.end()
	w.end()
	c.json(w.b)
}

// shapedObject answers with the object that is asked for, if its list has it.
func (ws *Workspace) shapedObject(c *call, path string) {
	id := sharedID(0)
	if n := len(c.params); n > 0 {
		id = c.params[n-1]
	}
	s, listed := shapes[strings.TrimSuffix(path, "/{}")]
	def(&s.typ, singular(path))
	if _, ok := ws.sharedAt(id); listed && !s.anyID && !ok || strings.HasPrefix(id, "missing") {
		c.notFound("Resource")
		return
	}
	if _, err := strconv.Atoi(id); err != nil {
		s.number = false
	}
	var w writer
	ws.writeShape(&w, s, id)
	c.json(w.b)
}

// writeShared appends a record of a list that never changes.
func (ws *Workspace) writeShared(w *writer, typ, id string) { ws.writeShape(w, shape{typ: typ}, id) }

func (ws *Workspace) writeShape(w *writer, s shape, id string) {
	w.open('{')
	w.str("type", s.typ)
	if s.number {
		w.raw("id", id)
	} else {
		w.str("id", id)
	}
	w.str("name", s.typ+" "+id)
	if s.iso {
		w.iso("created_at", ws.sharedTime())
		w.iso("updated_at", ws.sharedTime())
	} else {
		w.int("created_at", int64(ws.sharedTime()))
		w.int("updated_at", int64(ws.sharedTime()))
	}
	if s.typ == "job" {
		w.str("status", "success")
	}
	w.end()
}

// singular guesses the type of a record from the last word of its path.
func singular(path string) string {
	segments := strings.Split(strings.TrimSuffix(path, "/{}"), "/")
	for _, s := range slices.Backward(segments) {
		if s != "{}" {
			return strings.TrimSuffix(s, "s")
		}
	}
	return "object"
}

// openItems begins the records of a page, which some searches keep a level deeper.
func openItems(w *writer, items string) {
	outer, inner, nested := strings.Cut(items, ".")
	if nested {
		w.obj(outer)
		w.list(inner)
		return
	}
	w.list(items)
}

func closeItems(w *writer, items string) {
	w.endList()
	if strings.Contains(items, ".") {
		w.list("highlights")
		w.endList()
		w.end()
	}
}
