package intercomtest

import (
	"encoding/json"
	"maps"
	"strconv"
)

// How a page-numbered list announces its next page.
type nextForm uint8

const (
	nextNone   nextForm = iota // only page and total_pages
	nextURL                    // a URL, null on the last page
	nextObject                 // an object with the number, absent on the last page
	nextFlat                   // page and total_pages beside the records, no pages object
)

// A numbered list is one whose pages have numbers. They shift when something is
// deleted or comes in at the front.
type numbered struct {
	list    string // type of a page; default "list"
	items   string // where the records are; default "data"
	total   int
	perPage int // where none is asked for
	most    int // records a page may have
	next    nextForm
	noTotal bool // no total_count
}

// A window is the part of a numbered list that a request asks for.
type window struct{ from, to, page, perPage, pages int }

// numbered answers with a page of a numbered list. The parameters may be in the
// query or, of a POST, in the body.
func (ws *Workspace) numbered(c *call, n numbered, item func(w *writer, i int)) {
	win, err := c.window(n)
	if err != nil {
		c.failWith(err)
		return
	}
	ws.windowPage(c, n, win, item)
}

func (c *call) window(n numbered) (window, error) {
	win := window{page: 1, perPage: n.perPage}
	if s := c.param("per_page"); s != "" {
		var err error
		if win.perPage, err = pageSize(s, n.most); err != nil {
			return window{}, err
		}
	}
	s := c.param("page")
	if n.next == nextObject && c.query.Has("starting_after") {
		s = c.query.Get("starting_after") // such a list takes the number for a cursor, too
	}
	if s != "" {
		p, err := strconv.Atoi(s)
		if err != nil || p < 1 || p > 1<<31 {
			return window{}, invalid("page %q is not a positive number", s)
		}
		win.page = p
	}
	win.from = min((win.page-1)*win.perPage, n.total)
	win.to = min(win.from+win.perPage, n.total)
	win.pages = (n.total + win.perPage - 1) / win.perPage
	return win, nil
}

// param returns a parameter of the query or, of a POST, of the body.
func (c *call) param(name string) string {
	if c.query.Has(name) || len(c.body) == 0 {
		return c.query.Get(name)
	}
	var body map[string]json.RawMessage
	if json.Unmarshal(c.body, &body) != nil {
		return ""
	}
	var s string
	if json.Unmarshal(body[name], &s) == nil {
		return s
	}
	return string(body[name])
}

func (ws *Workspace) windowPage(c *call, n numbered, win window, item func(w *writer, i int)) {
	def(&n.list, "list")
	def(&n.items, "data")
	var w writer
	w.open('{')
	w.str("type", n.list)
	openItems(&w, n.items)
	for i := win.from; i < win.to; i++ {
		item(&w, i)
	}
	closeItems(&w, n.items)
	if !n.noTotal {
		w.int("total_count", int64(n.total))
	}
	if n.next != nextFlat {
		w.obj("pages")
		w.str("type", "pages")
		last := win.page >= win.pages
		switch {
		case n.next == nextURL && last:
			w.null("next")
		case n.next == nextURL:
			w.str("next", ws.pageURL(c, win))
		case n.next == nextObject && !last:
			w.obj("next")
			w.int("page", int64(win.page+1))
			w.str("starting_after", strconv.Itoa(win.page+1))
			w.end()
		}
	}
	w.int("page", int64(win.page))
	w.int("per_page", int64(win.perPage))
	w.int("total_pages", int64(win.pages))
	if n.next != nextFlat {
		w.end()
	}
	w.end()
	c.json(w.b)
}

// pageURL returns the URL of the next page, on the service's public host,
// whatever host the request came to.
func (ws *Workspace) pageURL(c *call, win window) string {
	q := maps.Clone(c.query)
	q.Set("page", strconv.Itoa(win.page+1))
	q.Set("per_page", strconv.Itoa(win.perPage))
	return ws.cfg.apiBase() + c.path + "?" + q.Encode()
}

// plainList answers with a list that has no pages.
func (ws *Workspace) plainList(c *call, list, items string, n int, item func(w *writer, i int)) {
	var w writer
	if items == "." {
		w.open('[')
		for i := range n {
			item(&w, i)
		}
		w.endList()
		c.json(w.b)
		return
	}
	w.open('{')
	w.str("type", list)
	openItems(&w, items)
	for i := range n {
		item(&w, i)
	}
	closeItems(&w, items)
	w.end()
	c.json(w.b)
}
