package intercom

import (
	"context"
	"iter"
	"time"
)

// pageAttempts is how often a page that arrived garbled, or was too much for
// the server, is asked for, beside what [Client.Do] repeats by itself.
const pageAttempts = 4

// A Step is a page and where reading goes on after it: once the records are
// safe, keep Next.
type Step struct {
	Page

	Next Pager
}

// Pages yields the pages of a list one after the other, from the position
// from: the zero [Pager], or the Next of a step before. It asks for pages as
// large as the operation allows and the server manages, waits for the rate
// limit, and asks again for a page that arrived garbled.
//
// The error comes once, with the zero Step, and ends the sequence.
func (c *Client) Pages(ctx context.Context, base *Request, from Pager) iter.Seq2[Step, error] {
	return func(yield func(Step, error) bool) {
		for at := from; !at.Done(); {
			page, err := c.page(ctx, base, at)
			switch {
			case err != nil && at.EndsOn(err):
				return
			case err == nil:
				err = at.Accept(base.Operation, &page)
			}
			if err != nil {
				yield(Step{}, err)
				return
			}
			if !yield(Step{Page: page, Next: at}, nil) {
				return
			}
		}
	}
}

// page reads the page at one position.
func (c *Client) page(ctx context.Context, base *Request, at Pager) (Page, error) {
	for attempt := 1; ; attempt++ {
		size := 0
		if most := base.Operation.PerPage; most > 0 {
			size = c.Governor().PageSize(base.Operation, most)
		}
		request, err := at.Request(base, size)
		if err != nil {
			return Page{}, err
		}
		var page Page
		resp, err := c.Do(ctx, request)
		if err == nil {
			if page, err = SplitPage(base.Operation, resp); err == nil {
				return page, nil
			}
			if !Temporary(err) {
				return Page{}, err
			}
		} else if !Shrink(err) || base.Operation.Paging == Scroll {
			return Page{}, err
		}
		if attempt == pageAttempts {
			return Page{}, err
		}
		if err := sleep(ctx, time.Duration(attempt)*time.Second); err != nil {
			return Page{}, err
		}
	}
}
