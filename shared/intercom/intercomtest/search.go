package intercomtest

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
)

// A searchable is what a search needs to know of an entity.
type searchable struct {
	fields  map[string]field
	custom  func(name string) (field, bool)
	sorts   map[string]func(seq uint32, r *row) uint32 // by other fields than the two dates of every row
	list    string                                     // type of a page
	items   string                                     // where its records are
	perPage int                                        // where none is asked for
	sortBy  string                                     // where nothing is asked for, newest first
}

// maxPerPage is the size of a page that is too big for no list with a cursor.
const maxPerPage = 150

// A search is what a client asks for.
type searchBody struct {
	Query      json.RawMessage `json:"query"`
	Pagination *struct {
		PerPage       json.RawMessage `json:"per_page"`
		StartingAfter *string         `json:"starting_after"`
	} `json:"pagination"`
	Sort *struct {
		Field string  `json:"field"`
		Order *string `json:"order"`
	} `json:"sort"`
}

// search answers POST …/search of e.
func (ws *Workspace) search(c *call, e Entity, s *searchable) {
	var body searchBody
	if err := json.Unmarshal(c.body, &body); err != nil {
		c.fail(http.StatusBadRequest, "bad_request", "The request body cannot be read")
		return
	}
	if len(body.Query) == 0 || string(body.Query) == "null" {
		c.fail(http.StatusBadRequest, "parameter_missing", "query is missing")
		return
	}
	strict := e == Contacts && c.version != "2.17" && c.version != "Preview" && c.version != "Unstable"
	days := strict && ws.cfg.Grain == DayGrain || e != Contacts && ws.cfg.DayConversations
	compiler := compiler{
		fields: s.fields, custom: s.custom,
		days: days, strict: strict && days, zone: ws.zone(),
	}
	q, err := compiler.compile(body.Query, 0)
	if err != nil {
		c.failWith(err)
		return
	}
	sortField, descending, err := s.order(&body)
	if err != nil {
		c.failWith(err)
		return
	}
	perPage, after, err := s.position(e, &body)
	if err != nil {
		c.failWith(err)
		return
	}

	ws.mu.Lock()
	index := ws.tables[e].search()
	cacheKey := e.String() + " " + sortField + " " + strconv.FormatBool(days) + " " + compiler.zone.String() + " " + string(body.Query)
	v := view{ws.results.find(cacheKey, index, q, sortField, s.sorts[sortField]), descending}
	total := len(v.keys)
	keys, more := v.page(after, perPage)
	rows := rowsOf(index, keys)
	ws.mu.Unlock()

	ws.cursorPage(c, e, s, cursorPage{keys: keys, rows: rows, more: more, total: total, perPage: perPage, after: after})
}

// failWith answers 400 with what a problem says.
func (c *call) failWith(err error) {
	if p, ok := errors.AsType[*problem](err); ok {
		c.fail(http.StatusBadRequest, p.code, p.message)
		return
	}
	c.fail(http.StatusInternalServerError, "server_error", "Server Error")
}

// order returns the field to sort by and the direction.
func (s *searchable) order(body *searchBody) (name string, descending bool, err error) {
	name, descending = s.sortBy, true
	if body.Sort == nil {
		return name, descending, nil
	}
	if body.Sort.Field != "" {
		name = body.Sort.Field
	}
	if _, ok := s.sorts[name]; !ok && name != "created_at" && name != "updated_at" {
		return "", false, invalid("field %q cannot be sorted by", name)
	}
	if order := body.Sort.Order; order != nil {
		descending = *order == "descending"
		if !descending && *order != "ascending" {
			return "", false, &problem{"invalid_sort_order", "Invalid sort order '" + *order + "'. Must be one of: ascending, descending"}
		}
	}
	return name, descending, nil
}

// position returns the page that is asked for.
func (s *searchable) position(e Entity, body *searchBody) (perPage int, after *cursor, err error) {
	perPage = s.perPage
	if body.Pagination == nil {
		return perPage, nil, nil
	}
	if raw := body.Pagination.PerPage; len(raw) > 0 && string(raw) != "null" {
		values, _, err := scalars(raw)
		if err != nil {
			return 0, nil, err
		}
		if perPage, err = pageSize(values[0].text, maxPerPage); err != nil {
			return 0, nil, err
		}
	}
	if s := body.Pagination.StartingAfter; s != nil {
		at, err := decodeCursor(e, *s)
		if err != nil {
			return 0, nil, err
		}
		after = &at
	}
	return perPage, after, nil
}

// pageSize reads a per_page.
func pageSize(s string, most int) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return 0, invalid("per_page %q is not a positive number", s)
	}
	if n > most {
		return 0, &problem{"bad_request", "Per Page is too big"}
	}
	return n, nil
}

func rowsOf(x *index, keys []uint64) []row {
	rows := make([]row, len(keys))
	for i, k := range keys {
		rows[i] = x.rows[keySeq(k)]
	}
	return rows
}

// A cursorPage is a page of records, and what its envelope says.
type cursorPage struct {
	keys    []uint64
	rows    []row
	more    bool
	total   int
	perPage int
	after   *cursor
}

// cursorPage answers with a page as searches and lists with a cursor have it:
// on the last one there is no next.
func (ws *Workspace) cursorPage(c *call, e Entity, s *searchable, p cursorPage) {
	number := 1
	if p.after != nil {
		number = p.after.page
	}
	w := writer{b: make([]byte, 0, 512+len(p.keys)*(max(ws.cfg.RecordSize, 1500)+128))}
	w.open('{')
	w.str("type", s.list)
	w.obj("pages")
	w.str("type", "pages")
	if p.more {
		w.obj("next")
		w.int("page", int64(number+1))
		w.str("starting_after", cursor{p.keys[len(p.keys)-1], number + 1}.encode(e))
		w.end()
	}
	w.int("page", int64(number))
	w.int("per_page", int64(p.perPage))
	w.int("total_pages", int64((p.total+p.perPage-1)/p.perPage))
	w.end()
	w.int("total_count", int64(p.total))
	w.list(s.items)
	history := c.query.Get("include_merge_history") == "true"
	for i, k := range p.keys {
		ws.write(&w, e, keySeq(k), p.rows[i])
		if history && e == Contacts {
			ws.addMergeHistory(&w, keySeq(k))
		}
	}
	w.endList()
	w.end()
	c.json(w.b)
}

// results keeps the keys of the latest searches that an index alone cannot
// answer, so that their second page does not cost as much as the first.
type results struct{ latest []result }

type result struct {
	key        string
	generation uint64
	keys       []uint64
}

const maxResults = 8

// find returns the keys of all that match q, sorted by a field. They are valid
// as long as the workspace is locked.
func (rs *results) find(cacheKey string, x *index, q query, sortField string, by func(uint32, *row) uint32) []uint64 {
	created, updated := within(x.created, q.created), within(x.updated, q.updated)
	if q.exact {
		switch {
		case sortField == "updated_at" && len(created) == len(x.created):
			return updated
		case sortField == "created_at" && len(updated) == len(x.updated):
			return created
		}
	}
	for i, r := range rs.latest {
		if r.key == cacheKey && r.generation == x.generation {
			rs.latest = append(slices.Delete(rs.latest, i, i+1), r)
			return r.keys
		}
	}
	candidates := created
	if len(updated) < len(created) || len(updated) == len(created) && sortField == "updated_at" {
		candidates = updated
	}
	var keys []uint64
	for _, k := range candidates {
		seq := keySeq(k)
		r := &x.rows[seq]
		if !q.match(seq, r) {
			continue
		}
		switch {
		case by != nil:
			k = key(by(seq, r), seq)
		case sortField == "updated_at":
			k = key(r.updated, seq)
		default:
			k = key(r.created, seq)
		}
		keys = append(keys, k)
	}
	if !slices.IsSorted(keys) {
		slices.Sort(keys)
	}
	rs.latest = append(rs.latest, result{cacheKey, x.generation, keys})
	if len(rs.latest) > maxResults {
		rs.latest = slices.Delete(rs.latest, 0, 1)
	}
	return keys
}

// within returns the keys whose times are in s.
func within(keys []uint64, s span) []uint64 {
	at := func(sec int64) int {
		i, _ := slices.BinarySearchFunc(keys, sec, func(k uint64, sec int64) int {
			return cmp.Compare(int64(keyTime(k)), sec)
		})
		return i
	}
	from, to := 0, len(keys)
	if s.from > 0 {
		from = at(s.from)
	}
	if s.to < 1<<32 {
		to = at(s.to + 1)
	}
	return keys[from:max(from, to)]
}
