package intercom

import (
	"errors"
	"fmt"
)

// A Pager is a position in a list: which page to ask for next, and what is
// needed to notice that reading goes in circles. It is a small value: a copy
// is a bookmark, and its JSON belongs in a checkpoint. The zero Pager is
// before the first page.
//
// A reader alternates: ask with [Pager.Request], split the answer with
// [SplitPage], make its records safe, then [Pager.Accept] the page.
//
// # What it guards against
//
// A cursor that was given before is a [LoopError] (a scroll has the same
// parameter on every page and is let be), as is a page number that does not
// grow or lies far beyond the last page. An empty page is the end, even one
// that announces another: whoever knows the list's total must compare.
//
// # Lists by page number
//
// A deletion moves everything behind it to the front, so the first records of
// the next page slip into pages that were read already. Where the total falls
// between two pages, Accept therefore goes back as far as they can have
// slipped, and pages are read twice: the caller drops the records it has seen.
// A deletion that an insertion makes up for in the total goes unnoticed. The
// size of the first page is kept, because another one would change what is on
// page 3; with cursors the size may change at any time.
type Pager struct {
	// Cursor asks for the page to read next, "" for the first.
	Cursor Cursor `json:"c,omitempty"`
	// Ended says that there is no page to read next.
	Ended bool `json:"e,omitempty"`
	// Count is how many pages were read.
	Count int `json:"n,omitempty"`
	// Records is how many records were on them.
	Records int64 `json:"r,omitempty"`
	// Total is how many records the list has, as the last page that told it
	// said, 0 where none did.
	Total int64 `json:"t,omitempty"`
	// Size is the size of the pages of a list by page number, as the server told
	// it, 0 where it did not.
	Size int64 `json:"s,omitempty"`
	// Seen remembers cursors.
	Seen Seen `json:"l,omitzero"`
	// Read is what has been read of a list by page number.
	Read Stretch `json:"d,omitzero"`
}

// slack is how far beyond the number of pages a list by page number may be
// read: lists grow while they are read, but the number grows with them.
const slack = 10

// A LoopError is a list that would never end: its pages announce a next page
// that was read before, or that cannot be.
type LoopError struct {
	Operation *Operation
	Pages     int // how many were read
	Reason    string
}

// Error says how the list goes in circles.
func (e *LoopError) Error() string {
	return fmt.Sprintf("intercom: %s %s: after %d pages: %s", e.Operation.Method, e.Operation.Path, e.Pages, e.Reason)
}

// Done tells whether the last page has been read.
func (p Pager) Done() bool { return p.Ended }

// Pages is how many pages were read, those that were read twice included.
func (p Pager) Pages() int { return p.Count }

// Accept moves on after page, the answer to p's request. It is the moment at
// which the page counts as read: its records must be safe, or must be lost
// together with the pager.
//
// A [*LoopError] leaves the pager as it was.
func (p *Pager) Accept(op *Operation, page *Page) error {
	if p.Ended {
		return errors.New("intercom: a page after the last one")
	}
	q := *p
	q.Count++
	q.Records += int64(len(page.Records))

	next := page.next.cursorAfter(op, p.Cursor)
	if len(page.Records) == 0 {
		next = ""
	}
	number := p.Cursor.number()
	if number == 0 && next.number() > 0 {
		number = next.number() - 1 // the first page, which the user may have chosen
	}
	if reason := q.loop(page, number, next); reason != "" {
		return &LoopError{Operation: op, Pages: q.Count, Reason: reason}
	}
	if number > 0 {
		next = q.acceptNumbered(page, number, next)
	}
	if page.Total >= 0 {
		q.Total = page.Total
	}
	q.Cursor, q.Ended = next, next == ""
	*p = q
	return nil
}

// loop returns why reading on with next would go in circles, "" where it would
// not. number is the number of the page before, 0 where it has none.
func (p *Pager) loop(page *Page, number int64, next Cursor) string {
	if next == "" {
		return ""
	}
	if style, _, _ := next.split(); style == styleScroll {
		return ""
	}
	n, pages := next.number(), page.next.pages
	switch {
	case n > 0 && n <= number:
		return fmt.Sprintf("page %d announces page %d", number, n)
	case n > 0 && pages > 0 && n > pages+slack:
		return fmt.Sprintf("page %d announces page %d of %d", number, n, pages)
	case n == 0 && !p.Seen.Add(string(next)):
		return "the cursor of the next page was given before"
	}
	return ""
}

// acceptNumbered takes note of page number of a list by page number, and
// returns the cursor to go on with: next, or that of a page before it.
func (p *Pager) acceptNumbered(page *Page, number int64, next Cursor) Cursor {
	if p.Read.First == 0 {
		// What the server tells is what it went by, unless there is more on the page.
		if told := page.next.size(); told >= int64(len(page.Records)) {
			p.Size = told
		}
		p.Read = newStretch(number, max(p.Size, int64(len(page.Records))))
	}
	var fall int64
	if page.Total >= 0 {
		fall = max(p.Total-page.Total, 0)
	}
	if back := p.Read.Add(number, fall); back > 0 {
		return p.Cursor.withNumber(back)
	}
	return next
}

// EndsOn tells whether err, the error of p's request, is how a list ends. Only
// a scroll ends so: Intercom may answer a parameter it has nothing more for
// with 404. As a scroll that was left alone for a minute dies with the same
// answer, it counts as the end only where no fewer records than the list's
// total were read, or none was told.
func (p Pager) EndsOn(err error) bool {
	style, _, _ := p.Cursor.split()
	return style == styleScroll && errors.Is(err, ErrNotFound) && p.Records >= p.Total
}
