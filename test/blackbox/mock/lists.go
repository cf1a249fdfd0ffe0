package mock

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// A size is how many records a page has unless asked, and at most.
type size struct{ usual, most int }

func (s size) of(q url.Values) (int, error) {
	text := q.Get("per_page")
	if text == "" {
		return s.usual, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > s.most {
		return 0, bad("parameter_invalid", "Per Page is too big")
	}
	return n, nil
}

// whole serves a list without pages.
func (ws *Workspace) whole(kind, key string) handler {
	return func(*http.Request) (any, error) {
		return map[string]any{"type": "list", key: raws(ws.listed(kind))}, nil
	}
}

// one serves a single record.
func (ws *Workspace) one(kind string) handler {
	return func(r *http.Request) (any, error) {
		rec := ws.shelf(kind).byID[r.PathValue("id")]
		if rec == nil {
			return nil, &failure{http.StatusNotFound, "not_found", "Resource Not Found"}
		}
		return json.RawMessage(rec.json), nil
	}
}

// byCursor serves a list whose next page is ?starting_after=. since names a
// lower bound for the last change, "" for none.
func (ws *Workspace) byCursor(kind, key string, s size, since string) handler {
	return func(r *http.Request) (any, error) {
		q := r.URL.Query()
		n, err := s.of(q)
		if err != nil {
			return nil, err
		}
		all := ws.newestFirst(kind)
		if since != "" && q.Get(since) != "" {
			bound, err := strconv.ParseInt(q.Get(since), 10, 64)
			if err != nil {
				return nil, bad("parameter_invalid", since+" is in unix seconds")
			}
			for i, rec := range all {
				if rec.updated < bound {
					all = all[:i]
					break
				}
			}
		}
		return ws.cursorPage(all, key, n, q)
	}
}

func (ws *Workspace) cursorPage(all []*record, key string, n int, q url.Values) (any, error) {
	total := len(all)
	if c := q.Get("starting_after"); c != "" {
		after, err := readCursor(c)
		if err != nil {
			return nil, err
		}
		all = ordering{field: "updated_at", descending: true}.restByNumber(all, after)
	}
	pages := map[string]any{"type": "pages", "per_page": n, "next": nil}
	if len(all) > n {
		all = all[:n]
		last := all[n-1]
		pages["next"] = map[string]any{"starting_after": cursor{last.updated * 1000, strconv.Itoa(last.number), 0}.String()}
	}
	return map[string]any{"type": "list", key: raws(all), "total_count": total, "pages": pages}, nil
}

// restByNumber is rest for lists, whose ties are broken by age.
func (o ordering) restByNumber(sorted []*record, after cursor) []*record {
	number, err := strconv.Atoi(after.id)
	if err != nil {
		return nil
	}
	for i, r := range sorted {
		if v := o.value(r) * 1000; v < after.value || v == after.value && r.number < number {
			return sorted[i:]
		}
	}
	return nil
}

// byNumber serves a list by page number, newest first. Where nextURL, the next
// page is announced by its address, else by page and total_pages alone.
func (ws *Workspace) byNumber(kind, key string, s size, nextURL bool) handler {
	return func(r *http.Request) (any, error) {
		q := r.URL.Query()
		n, err := s.of(q)
		if err != nil {
			return nil, err
		}
		return ws.numbered(r, ws.newestFirst(kind), key, n, nextURL)
	}
}

func (ws *Workspace) numbered(r *http.Request, all []*record, key string, n int, nextURL bool) (any, error) {
	page := 1
	if text := r.URL.Query().Get("page"); text != "" {
		var err error
		if page, err = strconv.Atoi(text); err != nil || page < 1 {
			return nil, bad("parameter_invalid", "page is a number")
		}
	}
	total := len(all)
	count := (total + n - 1) / n
	pages := map[string]any{"type": "pages", "page": page, "per_page": n, "total_pages": count}
	if nextURL {
		pages["next"] = nil
		if page < count {
			pages["next"] = ws.next(r, map[string]string{"page": strconv.Itoa(page + 1), "per_page": strconv.Itoa(n)})
		}
	}
	from, to := min((page-1)*n, total), min(page*n, total)
	return map[string]any{"type": "list", key: raws(all[from:to]), "total_count": total, "pages": pages}, nil
}

// next is the address of the next page.
func (ws *Workspace) next(r *http.Request, change map[string]string) string {
	q := r.URL.Query()
	for key, value := range change {
		q.Set(key, value)
	}
	base := ws.ForeignNext
	if base == "" {
		base = "http://" + r.Host
	}
	return base + r.URL.Path + "?" + q.Encode()
}

// companiesList is POST /companies/list with its cap.
func (ws *Workspace) companiesList(r *http.Request) (any, error) {
	n, err := size{15, 60}.of(r.URL.Query())
	if err != nil {
		return nil, err
	}
	page, _ := strconv.Atoi(r.URL.Query().Get("page"))
	if page*n > 10_000 {
		return nil, bad("bad_request", "page limit reached, please use scroll API")
	}
	return ws.numbered(r, ws.newestFirst("companies"), "data", n, true)
}

// activityLogs follows the address in pages.next, and needs a lower bound.
func (ws *Workspace) activityLogs(r *http.Request) (any, error) {
	return ws.windowed(r, "activity_logs", "created_at_after", "created_at_before", true, func(all []*record) (any, error) {
		return ws.numbered(r, all, "activity_logs", 20, true)
	})
}

// executions are those of one data connector: the last hour unless asked.
func (ws *Workspace) executions(r *http.Request) (any, error) {
	n, err := size{10, 30}.of(r.URL.Query())
	if err != nil {
		return nil, err
	}
	return ws.windowed(r, "executions", "start_ts", "end_ts", false, func(all []*record) (any, error) {
		return ws.cursorPage(all, "data", n, r.URL.Query())
	})
}

func (ws *Workspace) windowed(r *http.Request, kind, after, before string, required bool, page func([]*record) (any, error)) (any, error) {
	q := r.URL.Query()
	if required && !q.Has(after) {
		return nil, bad("parameter_missing", after+" is missing")
	}
	from, to := time.Now().Add(-time.Hour).Unix(), time.Now().Add(24*time.Hour).Unix()
	for name, bound := range map[string]*int64{after: &from, before: &to} {
		if !q.Has(name) {
			continue
		}
		if _, err := fmt.Sscan(q.Get(name), bound); err != nil {
			return nil, bad("parameter_invalid", name+" is in unix seconds")
		}
	}
	var in []*record
	for _, rec := range ws.newestFirst(kind) {
		if rec.created >= from && rec.created <= to {
			in = append(in, rec)
		}
	}
	return page(in)
}
