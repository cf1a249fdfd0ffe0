package intercom_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"intercom-connector/shared/intercom"
)

// A shelf is a list of records that is served in every style there is.
type shelf struct {
	ids    []int
	cap    int    // records on a page at most
	totals bool   // it tells how many records there are
	scroll string // the cursor that its scroll has come to
}

// A style is one way of serving a list: how a request is understood, and how
// the next page is announced.
type style struct {
	name   string
	paging intercom.Paging
	serve  func(s *shelf, r *intercom.Request) map[string]any
}

// styles are those of Intercom's endpoints.
var styles = []style{
	{"cursor in the query", intercom.CursorQuery, func(s *shelf, r *intercom.Request) map[string]any {
		return s.byCursor(r.Query.Get("starting_after"), r.Query.Get("per_page"))
	}},
	{"cursor in the payload", intercom.CursorBody, func(s *shelf, r *intercom.Request) map[string]any {
		var payload struct {
			Pagination struct {
				PerPage       json.Number `json:"per_page"`
				StartingAfter string      `json:"starting_after"`
			} `json:"pagination"`
		}
		mustUnmarshal(r.Payload, &payload)
		return s.byCursor(payload.Pagination.StartingAfter, payload.Pagination.PerPage.String())
	}},
	{"number, object", intercom.PageQuery, func(s *shelf, r *intercom.Request) map[string]any {
		return s.byNumber(r.Query.Get("page"), r.Query.Get("per_page"), func(next int, _ url.Values) any {
			return map[string]any{"page": next, "starting_after": "useless"}
		})
	}},
	{"number, URL", intercom.PageQuery, func(s *shelf, r *intercom.Request) map[string]any {
		return s.byNumber(r.Query.Get("page"), r.Query.Get("per_page"), func(_ int, query url.Values) any {
			return "https://elsewhere.example/companies/list?" + query.Encode() + "&access_token=x"
		})
	}},
	{"number in the payload", intercom.PageBody, func(s *shelf, r *intercom.Request) map[string]any {
		var payload struct {
			Page    json.Number `json:"page"`
			PerPage json.Number `json:"per_page"`
		}
		mustUnmarshal(r.Payload, &payload)
		return s.byNumber(payload.Page.String(), payload.PerPage.String(), nil)
	}},
	{"number, totals beside the list", intercom.PageQuery, func(s *shelf, r *intercom.Request) map[string]any {
		page := s.byNumber(r.Query.Get("page"), r.Query.Get("per_page"), nil)
		maps.Copy(page, page["pages"].(map[string]any))
		delete(page, "pages")
		return page
	}},
	{"URL with a position", intercom.NextURL, func(s *shelf, r *intercom.Request) map[string]any {
		page := s.byCursor(r.Query.Get("before"), r.Query.Get("per_page"))
		pages := page["pages"].(map[string]any)
		if next, ok := pages["next"].(map[string]any); ok {
			pages["next"] = "/events?before=" + url.QueryEscape(next["starting_after"].(string))
		}
		return page
	}},
	{"next_cursor", intercom.NextCursor, func(s *shelf, r *intercom.Request) map[string]any {
		page := s.byCursor(r.Query.Get("cursor"), r.Query.Get("per_page"))
		next, more := page["pages"].(map[string]any)["next"].(map[string]any)
		delete(page, "pages")
		page["has_more"], page["next_cursor"] = more, nil
		if more {
			page["next_cursor"] = next["starting_after"]
		}
		return page
	}},
	{"scroll", intercom.Scroll, func(s *shelf, r *intercom.Request) map[string]any {
		switch r.Query.Get("scroll_param") {
		case "":
			s.scroll = "-1"
		case "69352cd2":
		default:
			panic("another scroll")
		}
		page := s.byCursor(s.scroll, "")
		if records := page["data"].([]map[string]any); len(records) > 0 {
			s.scroll = strconv.Itoa(records[len(records)-1]["id"].(int))
		}
		page["pages"], page["scroll_param"] = nil, "69352cd2"
		return page
	}},
}

func mustUnmarshal(raw []byte, v any) {
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, v); err != nil {
			panic(err)
		}
	}
}

func (s *shelf) size(asked string) int {
	n, _ := strconv.Atoi(asked)
	if n <= 0 {
		return s.cap
	}
	return min(n, s.cap)
}

// byCursor serves what comes after the record that the cursor names.
func (s *shelf) byCursor(cursor, size string) map[string]any {
	from := 0
	if cursor != "" {
		after, err := strconv.Atoi(cursor)
		if err != nil {
			panic("bad cursor " + cursor)
		}
		from, _ = slices.BinarySearch(s.ids, after+1)
	}
	to := min(from+s.size(size), len(s.ids))
	pages := map[string]any{"type": "pages"}
	if to < len(s.ids) {
		pages["next"] = map[string]any{"page": 2, "starting_after": strconv.Itoa(s.ids[to-1])}
	}
	return s.page(from, to, pages)
}

// byNumber serves a page by its number.
func (s *shelf) byNumber(number, asked string, next func(int, url.Values) any) map[string]any {
	n, _ := strconv.Atoi(number)
	n = max(n, 1)
	size := s.size(asked)
	total := (len(s.ids) + size - 1) / size
	from := min((n-1)*size, len(s.ids))
	to := min(n*size, len(s.ids))
	pages := map[string]any{"type": "pages", "page": n, "per_page": size, "total_pages": total}
	if next != nil {
		pages["next"] = nil
		if n < total {
			pages["next"] = next(n+1, url.Values{"page": {strconv.Itoa(n + 1)}, "per_page": {strconv.Itoa(size)}})
		}
	}
	return s.page(from, to, pages)
}

func (s *shelf) page(from, to int, pages map[string]any) map[string]any {
	records := []map[string]any{}
	for _, id := range s.ids[from:to] {
		records = append(records, map[string]any{"id": id})
	}
	page := map[string]any{"type": "list", "data": records, "pages": pages}
	if s.totals {
		page["total_count"] = len(s.ids)
	}
	return page
}

// A reading is one go through a list, with what happens between two pages.
type reading struct {
	op      *intercom.Operation
	serve   func(*shelf, *intercom.Request) map[string]any
	size    func() int // asked for
	between func(*shelf)
	most    int // requests
}

// read returns how often each record was read. It keeps nothing between two
// pages but the pager's JSON, as a run does that is killed after each.
func (r reading) read(t *rapid.T, s *shelf) map[int]int {
	read := map[int]int{}
	base := &intercom.Request{Operation: r.op}
	kept := []byte("{}")
	for n := 0; ; n++ {
		var p intercom.Pager
		if err := json.Unmarshal(kept, &p); err != nil {
			t.Fatal(err)
		}
		if p.Done() {
			return read
		}
		if n >= r.most {
			t.Fatalf("more than %d requests, at %s", r.most, kept)
		}
		req, err := p.Request(base, r.size())
		if err != nil {
			t.Fatal(err)
		}
		body, err := json.Marshal(r.serve(s, req))
		if err != nil {
			t.Fatal(err)
		}
		page, err := intercom.SplitPage(r.op, pageAnswer(string(body)))
		if err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		for _, record := range page.Records {
			id, err := strconv.Atoi(record.ID)
			if err != nil {
				t.Fatal(err)
			}
			read[id]++
		}
		if err := p.Accept(r.op, &page); err != nil {
			t.Fatal(err)
		}
		if kept, err = json.Marshal(p); err != nil {
			t.Fatal(err)
		}
		r.between(s)
	}
}

func newShelf(t *rapid.T) *shelf {
	s := &shelf{
		cap:    rapid.IntRange(1, 20).Draw(t, "largest page"),
		totals: rapid.Bool().Draw(t, "tells the total"),
	}
	for id := range rapid.IntRange(0, 120).Draw(t, "records") {
		s.ids = append(s.ids, id*10)
	}
	return s
}

// TestPagerReadsEachRecordOnce checks, for each style, any length of list and
// any size of pages, that a list which stands still is read to its end, every
// record once, in no more requests than it has pages.
func TestPagerReadsEachRecordOnce(t *testing.T) {
	t.Parallel()
	for _, style := range styles {
		t.Run(style.name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				s := newShelf(t)
				op := &intercom.Operation{Method: "GET", Path: "/things", Items: "data", Paging: style.paging}
				// A page that failed is asked for again in another size.
				sizes := func() int { return rapid.IntRange(0, 25).Draw(t, "size") }
				read := reading{op: op, serve: style.serve, size: sizes, between: func(*shelf) {}, most: len(s.ids) + 2}.read(t, s)
				for _, id := range s.ids {
					if read[id] != 1 {
						t.Fatalf("record %d was read %d times", id, read[id])
					}
				}
				if len(read) != len(s.ids) {
					t.Fatalf("%d records, want %d", len(read), len(s.ids))
				}
			})
		})
	}
}

// TestPagerLosesNothingToDeletions checks that a list by page number whose
// records vanish while it is read gives every record that stays.
func TestPagerLosesNothingToDeletions(t *testing.T) {
	t.Parallel()
	for _, style := range styles {
		t.Run(style.name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				s := newShelf(t)
				s.totals = true
				op := &intercom.Operation{Method: "GET", Path: "/things", Items: "data", Paging: style.paging}
				size := rapid.IntRange(1, 20).Draw(t, "size")
				deletions := 0
				between := func(s *shelf) {
					for range rapid.IntRange(0, 4).Draw(t, "deletions") {
						if len(s.ids) == 0 {
							return
						}
						i := rapid.IntRange(0, len(s.ids)-1).Draw(t, "which")
						s.ids = slices.Delete(s.ids, i, i+1)
						deletions++
					}
				}
				read := reading{op: op, serve: style.serve, size: func() int { return size }, between: between, most: 3000}.read(t, s)
				for _, id := range s.ids {
					if read[id] == 0 {
						t.Fatalf("record %d was never read (%d deletions)", id, deletions)
					}
				}
			})
		})
	}
}

// TestPagerOutlivesSteadyDeletions checks that a list which loses a record
// between any two pages is read to its end, and at what price.
func TestPagerOutlivesSteadyDeletions(t *testing.T) {
	t.Parallel()
	const size, length = 20, 2000
	s := &shelf{cap: size, totals: true}
	for id := range length {
		s.ids = append(s.ids, id)
	}
	op := &intercom.Operation{Method: "GET", Path: "/things", Items: "data", Paging: intercom.PageQuery}
	read := map[int]bool{}
	var p intercom.Pager
	requests := 0
	for ; !p.Done(); requests++ {
		req, err := p.Request(&intercom.Request{Operation: op}, size)
		if err != nil {
			t.Fatal(err)
		}
		page, err := intercom.SplitPage(op, pageAnswer(string(mustJSON(json.Marshal(styles[2].serve(s, req))))))
		if err != nil {
			t.Fatal(err)
		}
		for _, record := range page.Records {
			id, _ := strconv.Atoi(record.ID)
			read[id] = true
		}
		if err := p.Accept(op, &page); err != nil {
			t.Fatal(err)
		}
		s.ids = slices.Delete(s.ids, 0, 1) // the worst place: everything moves
	}
	for _, id := range s.ids {
		if !read[id] {
			t.Errorf("record %d was never read", id)
		}
	}
	if most := 4 * length / size; requests > most {
		t.Errorf("%d requests, want at most %d", requests, most)
	}
}

// TestPagerEndsOnTotalsThatJump checks that a server whose totals rise and
// fall for ever does not keep a reader for ever.
func TestPagerEndsOnTotalsThatJump(t *testing.T) {
	t.Parallel()
	op := &intercom.Operation{Method: "GET", Path: "/things", Items: "data", Paging: intercom.PageQuery}
	var p intercom.Pager
	for n := 0; !p.Done(); n++ {
		if n > 5000 {
			t.Fatalf("still reading: %+v", p)
		}
		number := 1
		if p.Cursor != "" {
			if _, err := fmt.Sscanf(string(p.Cursor), "page:%d", &number); err != nil {
				t.Fatal(err)
			}
		}
		body := fmt.Sprintf(`{"data":[{"id":"%d"}],"pages":{"page":%d,"per_page":1,"total_pages":50},"total_count":%d}`, number, number, 1_000_000*(n%2))
		if err := accept(t, &p, op, body); err != nil {
			t.Fatal(err)
		}
	}
}
