package mock

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"time"
)

// maxPage is the most records that a page of a search may have.
const maxPage = 150

// search serves POST /contacts/search and its like. Pages are stateless: the
// cursor says after which record to go on, and records that changed meanwhile
// have moved.
func (ws *Workspace) search(kind, key string, size int) handler {
	return func(r *http.Request) (any, error) {
		var body struct {
			Query      json.RawMessage `json:"query"`
			Pagination struct {
				PerPage       *int   `json:"per_page"`
				StartingAfter string `json:"starting_after"`
			} `json:"pagination"`
			Sort struct {
				Field string `json:"field"`
				Order string `json:"order"`
			} `json:"sort"`
		}
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil || len(body.Query) == 0 {
			return nil, bad("bad_request", "a search needs a query")
		}
		match, err := ws.compile(kind, body.Query, 0)
		if err != nil {
			return nil, err
		}
		if p := body.Pagination.PerPage; p != nil {
			if *p < 1 || *p > maxPage {
				return nil, bad("parameter_invalid", "per_page must be between 1 and 150")
			}
			size = *p
		}
		descending, err := direction(body.Sort.Order)
		if err != nil {
			return nil, err
		}
		order := ordering{field: cmp.Or(body.Sort.Field, "updated_at"), descending: descending}

		var found []*record
		now := time.Now()
		for _, rec := range ws.listed(kind) {
			if rec = rec.indexed(now); rec != nil && match(rec) {
				found = append(found, rec)
			}
		}
		slices.SortFunc(found, order.compare)
		total := len(found)
		page := 1
		if c := body.Pagination.StartingAfter; c != "" {
			after, err := readCursor(c)
			if err != nil {
				return nil, err
			}
			page = after.page
			found = order.rest(found, after)
		}
		pages := map[string]any{
			"type": "pages", "page": page, "per_page": size, "total_pages": (total + size - 1) / size,
		}
		if len(found) > size {
			found = found[:size]
			last := found[size-1]
			pages["next"] = map[string]any{
				"page":           page + 1,
				"starting_after": cursor{order.value(last) * 1000, last.id, page + 1}.String(),
			}
		}
		return map[string]any{"type": kind + ".list", key: raws(found), "total_count": total, "pages": pages}, nil
	}
}

// direction reads a sort order. Newer versions of the API refuse "desc".
func direction(order string) (descending bool, err error) {
	switch order {
	case "", "descending":
		return true, nil
	case "ascending":
		return false, nil
	}
	return false, bad("invalid_sort_order", "order is ascending or descending")
}

// An ordering sorts by a time, and by id where that is equal.
type ordering struct {
	field      string
	descending bool
}

func (o ordering) value(r *record) int64 {
	if o.field == "created_at" {
		return r.created
	}
	return r.updated
}

func (o ordering) compare(a, b *record) int {
	c := cmp.Or(cmp.Compare(o.value(a), o.value(b)), cmp.Compare(a.id, b.id))
	if o.descending {
		return -c
	}
	return c
}

// rest are the records behind a cursor.
func (o ordering) rest(sorted []*record, after cursor) []*record {
	i := slices.IndexFunc(sorted, func(r *record) bool {
		c := cmp.Or(cmp.Compare(o.value(r)*1000, after.value), cmp.Compare(r.id, after.id))
		if o.descending {
			c = -c
		}
		return c > 0
	})
	if i < 0 {
		return nil
	}
	return sorted[i:]
}

// A cursor is the sort value of the last record in milliseconds, its id, and
// the number of the next page.
type cursor struct {
	value int64
	id    string
	page  int
}

// String is how it travels.
func (c cursor) String() string {
	text, err := json.Marshal([]any{c.value, c.id, c.page})
	if err != nil {
		panic(err) // numbers and a text
	}
	return base64.StdEncoding.EncodeToString(text)
}

func readCursor(text string) (cursor, error) {
	var c cursor
	plain, err := base64.StdEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(plain, &[]any{&c.value, &c.id, &c.page})
	}
	if err != nil || c.id == "" {
		return c, bad("bad_request", "Invalid starting_after param")
	}
	return c, nil
}

func raws(records []*record) []json.RawMessage {
	out := make([]json.RawMessage, len(records))
	for i, r := range records {
		out[i] = r.json
	}
	return out
}
