package intercom

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// A Cursor says how the next page is asked for. It is made by [Pager.Accept],
// and names its style:
//
//	after:WzE3…     the starting_after of an object in pages.next
//	page:3          a page number
//	query:page=3    the query of a URL in pages.next, without what looks like a credential
//	cursor:eyJ…     the next_cursor of the page before
//	scroll:69352c…  the scroll_param of the scroll
type Cursor string

// The styles of cursors.
const (
	styleAfter  = "after"
	stylePage   = "page"
	styleQuery  = "query"
	styleCursor = "cursor"
	styleScroll = "scroll"
)

const (
	// maxCursor is how long what a page tells about the next one may be, in
	// bytes: it is kept in checkpoints and sent in a URL.
	maxCursor = 8 << 10
	// maxNumber is the largest number of pages, or of records on one, that is
	// believed.
	maxNumber = 1 << 31
)

// split returns the cursor's style and value, "" and "" for none.
func (c Cursor) split() (style, value string, err error) {
	if c == "" {
		return "", "", nil
	}
	style, value, _ = strings.Cut(string(c), ":")
	switch style {
	case stylePage:
		if n, err := strconv.ParseInt(value, 10, 64); err == nil && n > 0 {
			return style, value, nil
		}
	case styleAfter, styleQuery, styleCursor, styleScroll:
		if value != "" {
			return style, value, nil
		}
	}
	return "", "", fmt.Errorf("intercom: a cursor that cannot be used, of %d bytes", len(c))
}

// number is the number of the page that the cursor asks for, 0 where it does
// not ask by number.
func (c Cursor) number() int64 {
	style, value, _ := c.split()
	switch style {
	case styleQuery:
		query, err := url.ParseQuery(value)
		if err != nil {
			return 0
		}
		value = query.Get("page")
	case stylePage:
	default:
		return 0
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n < 1 || n > maxNumber {
		return 0
	}
	return n
}

// withNumber returns the cursor of another page of the list that c is in.
func (c Cursor) withNumber(n int64) Cursor {
	if style, value, _ := c.split(); style == styleQuery {
		query, _ := url.ParseQuery(value)
		query.Set("page", strconv.FormatInt(n, 10))
		return styleQuery + ":" + Cursor(query.Encode())
	}
	return pageCursor(n)
}

func pageCursor(n int64) Cursor { return stylePage + ":" + Cursor(strconv.FormatInt(n, 10)) }

// An announced is what one page says about the next. Numbers are 0 and texts
// are "" where it says nothing.
type announced struct {
	after    string // pages.next.starting_after
	nextPage int64  // pages.next.page
	query    string // of the URL in pages.next
	null     bool   // pages.next is there, and null

	cursor   string // next_cursor
	more     bool   // has_more
	moreTold bool

	scroll string // scroll_param

	page, pages, perPage int64 // page, total_pages and per_page, inside pages or beside it
}

// read takes in a top-level member of an answer. What it returns is why the
// member cannot be understood.
func (a *announced) read(key, value []byte, count *int64) string {
	switch string(key) {
	case "pages":
		switch value[0] {
		case '{':
			return a.readPages(value, count)
		case 'n':
			return ""
		}
		return "pages is no object"
	case "next_cursor":
		a.cursor = text(value)
		return tooLong(a.cursor)
	case "scroll_param":
		a.scroll = text(value)
		return tooLong(a.scroll)
	case "has_more":
		a.more, a.moreTold = value[0] == 't', true
	default:
		a.readNumber(string(key), value)
	}
	return ""
}

// readPages takes in the pages object.
func (a *announced) readPages(object []byte, count *int64) string {
	for key, value := range members(object) {
		switch key {
		case "next":
			if wrong := a.readNext(value); wrong != "" {
				return wrong
			}
		case "total_count":
			if *count < 0 {
				*count = total(value)
			}
		default:
			a.readNumber(key, value)
		}
	}
	return ""
}

// readNext takes in pages.next: an object, a URL or null.
func (a *announced) readNext(value []byte) string {
	a.after, a.nextPage, a.query, a.null = "", 0, "", false
	switch value[0] {
	case '{':
		for key, value := range members(value) {
			switch key {
			case "starting_after":
				a.after = text(value)
			case "page":
				a.nextPage = number(value)
			}
		}
		return tooLong(a.after)
	case '"':
		return a.readURL(text(value))
	case 'n':
		a.null = true
		return ""
	}
	return "pages.next is neither an object nor a URL"
}

// readURL takes in the URL of the next page. Only its query is used, so that a
// token never follows it to another place.
func (a *announced) readURL(link string) string {
	if link == "" {
		a.null = true
		return ""
	}
	if wrong := tooLong(link); wrong != "" {
		return wrong
	}
	_, raw, _ := strings.Cut(link, "?")
	raw, _, _ = strings.Cut(raw, "#")
	query, err := url.ParseQuery(raw)
	if err != nil {
		return "the query of the URL in pages.next cannot be read"
	}
	for key, values := range query {
		if isCredential(key) || len(values) == 0 || values[0] == "" {
			delete(query, key)
		}
	}
	if a.query = query.Encode(); a.query == "" {
		return "the URL in pages.next says nothing about the next page"
	}
	return tooLong(a.query)
}

// isCredential tells whether a query parameter is one that must not be taken
// over from an answer.
func isCredential(key string) bool {
	switch strings.ToLower(key) {
	case "access_token", "token", "oauth_token", "api_key", "apikey", "authorization", "auth", "client_id", "client_secret", "code", "password", "secret", "signature":
		return true
	}
	return false
}

func (a *announced) readNumber(key string, value []byte) {
	switch key {
	case "page":
		a.page = number(value)
	case "total_pages":
		a.pages = number(value)
	case "per_page":
		a.perPage = number(value)
	}
}

// number returns a page's number or size, 0 for what is none.
func number(value []byte) int64 {
	if n, ok := integer(value); ok && n > 0 && n <= maxNumber {
		return n
	}
	return 0
}

func tooLong(s string) string {
	if len(s) > maxCursor {
		return "what it says about the next page is too long"
	}
	return ""
}

// cursorAfter is the one rule for all ways in which Intercom announces the next
// page. It returns how to ask for that after the page that at asked for, ""
// where there is none.
func (a *announced) cursorAfter(op *Operation, at Cursor) Cursor {
	byNumber := op.Paging == PageQuery || op.Paging == PageBody
	if op.Paging == Scroll {
		// The same parameter on every page, and said on the first at the latest.
		if a.scroll != "" {
			return styleScroll + ":" + Cursor(a.scroll)
		}
		if style, _, _ := at.split(); style == styleScroll {
			return at
		}
	}
	switch {
	case byNumber && a.nextPage > 0:
		return pageCursor(a.nextPage)
	case a.after != "":
		return styleAfter + ":" + Cursor(a.after)
	case a.nextPage > 0:
		return pageCursor(a.nextPage)
	case a.query != "":
		return a.urlCursor(op)
	case a.cursor != "" && (a.more || !a.moreTold):
		return styleCursor + ":" + Cursor(a.cursor)
	case a.counts(op) && a.current(at) < a.pages:
		return pageCursor(a.current(at) + 1)
	}
	return ""
}

// urlCursor returns the cursor for a next page that was announced by URL. An
// operation that takes its position in the payload gets it there.
func (a *announced) urlCursor(op *Operation) Cursor {
	c := styleQuery + ":" + Cursor(a.query)
	if op.Paging != CursorBody && op.Paging != PageBody {
		return c
	}
	if query, err := url.ParseQuery(a.query); err == nil && query.Get("starting_after") != "" {
		return styleAfter + ":" + Cursor(query.Get("starting_after"))
	}
	if n := c.number(); n > 0 {
		return pageCursor(n)
	}
	return c
}

// counts tells whether page and total_pages alone say that there is a next
// page. They do not where the way on is a cursor, which a page without one
// ends, whatever the totals are: asking such a list for a page by number would
// begin it again.
func (a *announced) counts(op *Operation) bool {
	switch op.Paging {
	case PageQuery, PageBody:
		return true
	case NoPaging, NextURL:
		return !a.null
	default:
		return false
	}
}

// current is the number of the page that at asked for: as the page tells, else
// as it was asked for.
func (a *announced) current(at Cursor) int64 {
	if a.page > 0 {
		return a.page
	}
	return max(at.number(), 1)
}

// size is how many records a page holds, as the page tells, 0 where it does not.
func (a *announced) size() int64 {
	if a.perPage > 0 {
		return a.perPage
	}
	query, _ := url.ParseQuery(a.query)
	n, _ := strconv.ParseInt(query.Get("per_page"), 10, 64)
	if n < 1 || n > maxNumber {
		return 0
	}
	return n
}
