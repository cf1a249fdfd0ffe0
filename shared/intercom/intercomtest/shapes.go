package intercomtest

import (
	"encoding/json"
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
	s := shapeOf(path)
	all := ws.shelved(c.shelfKey())
	item := func(w *writer, i int) { ws.writeShelved(w, s, all[i]) }
	switch {
	case s.perPage == 0:
		ws.plainList(c, s.list, c.op.Items, len(all), item)
	case s.cursor:
		ws.shapedCursor(c, s, all)
	default:
		ws.numbered(c, numbered{
			list: s.list, items: c.op.Items, total: len(all), perPage: s.perPage, most: s.most, next: s.next,
		}, item)
	}
}

// shapeOf returns the shape of a list, or of an object of it.
func shapeOf(path string) shape {
	s, ok := shapes[path]
	if !ok {
		s = shapes[strings.TrimSuffix(path, "/{}")]
	}
	def(&s.typ, singular(path))
	def(&s.list, "list")
	def(&s.most, 150)
	return s
}

// shapedCursor pages by ?starting_after.
func (ws *Workspace) shapedCursor(c *call, s shape, all []shelved) {
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
		i := slices.IndexFunc(all, func(r shelved) bool { return r.id == c.query.Get("starting_after") })
		if i < 0 {
			c.failWith(errCursor)
			return
		}
		from = i + 1
	}
	to := min(from+perPage, len(all))
	var w writer
	w.open('{')
	w.str("type", s.list)
	openItems(&w, c.op.Items)
	for _, r := range all[from:to] {
		ws.writeShelved(&w, s, r)
	}
	closeItems(&w, c.op.Items)
	w.obj("pages")
	w.str("type", "pages")
	w.int("per_page", int64(perPage))
	if to < len(all) {
		w.obj("next")
		w.str("starting_after", all[to-1].id)
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
	ws.mu.Lock()
	r, ok := ws.shelvedAt(c.shelfKey(), path, id)
	ws.mu.Unlock()
	if !ok {
		c.notFound("Resource")
		return
	}
	var w writer
	ws.writeShelved(&w, shapeOf(path), r)
	c.json(w.b)
}

// shelvedAt returns a record of a list, and whether it exists. The caller holds
// the lock.
func (ws *Workspace) shelvedAt(key, path, id string) (shelved, bool) {
	written, gone := ws.onShelf(key, id)
	if gone || written != nil {
		return shelved{id, written}, !gone
	}
	s, listed := shapes[strings.TrimSuffix(path, "/{}")]
	_, made := ws.sharedAt(id)
	missing := listed && !s.anyID && !made || strings.HasPrefix(id, "missing")
	return shelved{id: id}, !missing
}

// writeShared appends a record of a list that never changes.
func (ws *Workspace) writeShared(w *writer, typ, id string) { ws.writeShape(w, shape{typ: typ}, id) }

// writeShelved appends a record of a list as clients wrote it, or as it is made
// up.
func (ws *Workspace) writeShelved(w *writer, s shape, r shelved) {
	if r.json != nil {
		w.item(r.json)
		return
	}
	ws.writeShape(w, s, r.id)
}

func (ws *Workspace) writeShape(w *writer, s shape, id string) {
	w.open('{')
	w.str("type", s.typ)
	if _, err := strconv.Atoi(id); s.number && err == nil {
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
	for _, m := range extras(s.typ, id, ws.sharedTime()) {
		w.raw(m.key, string(m.value))
	}
	if s.typ == "internal_article" || s.typ == "content_snippet" {
		w.obj("tags")
		w.str("type", "tag.list")
		w.list("tags")
		ws.writeTag(w, sharedID(0), ws.sharedTime())
		w.endList()
		w.end()
	}
	w.end()
}

// extras are what records have besides what all have: whoever makes one writes
// over them.
func extras(typ, id string, at uint32) object {
	no, null, empty := json.RawMessage("false"), json.RawMessage("null"), json.RawMessage("[]")
	switch typ {
	case "job":
		return object{{"status", quoted("success")}}
	case "content_import_source":
		return object{{"status", quoted("active")}, {"last_synced_at", digits(at)}, {"audience_ids", empty}, {"url", quoted("https://docs.example.com")}, {"sync_behavior", quoted("api")}}
	case "external_page":
		yes := json.RawMessage("true")
		return object{
			{"title", quoted("Page " + id)},
			{"html", quoted("<p>" + id + "</p>")},
			{"url", quoted("https://docs.example.com/" + id)},
			{"locale", quoted("en")},
			{"source_id", digits(firstShared)},
			{"external_id", quoted("page_" + id)},
			{"fin_availability", yes},
			{"ai_agent_availability", yes},
			{"ai_copilot_availability", yes},
			{"ai_sales_agent_availability", yes},
			{"last_ingested_at", digits(at)},
		}
	case "conversation_attribute":
		option := object{{"id", quoted(sharedID(0))}, {"label", quoted("option")}, {"archived", no}}.json()
		o := object{{"description", quoted("")}, {"data_type", quoted("list")}, {"required", no}, {"visible_to_team_ids", empty}, {"archived", no}, {"admin_id", quoted(sharedID(0))}}
		if madeUp(id) {
			o = append(o, member{"options", json.RawMessage("[" + string(option) + "]")})
		}
		return o
	case "data_connector":
		return object{{"state", quoted("draft")}}
	case "office_hours_schedule":
		return object{{"twenty_four_seven", no}}
	case "ticket_type":
		return object{
			{"category", quoted(ticketCategories[ticketCategory(id)])},
			{"archived", no},
			{"is_internal", no},
			{"ticket_type_attributes", object{{"type", quoted("list")}, {"data", empty}}.json()},
		}
	case "news-item":
		return object{{"state", quoted("draft")}, {"labels", empty}, {"reactions", empty}, {"cover_image_url", null}, {"newsfeed_assignments", empty}}
	}
	return nil
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
