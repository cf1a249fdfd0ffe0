package intercomtest

import (
	"net/http"
	"time"
)

// A scroll is the one pass over all companies that may be open at a time.
type scroll struct {
	param string // "" for none
	keys  []uint64
	used  time.Time // when it was last asked for
	count uint64    // of scrolls so far
}

const (
	scrollPage = 100
	scrollLife = time.Minute
)

// scrollCompanies answers GET /companies/scroll. Each request moves the scroll
// on, whether its answer arrives or not, and the parameter is the same on every
// page. It ends with a page without companies.
func (ws *Workspace) scrollCompanies(c *call) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	s, now := &ws.scroll, time.Now()
	if s.param != "" && now.Sub(s.used) > scrollLife {
		*s = scroll{count: s.count}
	}
	param := c.query.Get("scroll_param")
	switch {
	case param == "" && s.param != "":
		c.fail(http.StatusBadRequest, "scroll_exists", "scroll already exists for this workspace")
		return
	case param == "":
		s.count++
		*s = scroll{
			param: requestID(ws.cfg.Seed+s.count, 's'),
			keys:  append([]uint64(nil), ws.tables[Companies].now.created...),
			count: s.count,
		}
	case param != s.param:
		c.fail(http.StatusNotFound, "not_found", "scroll parameter not found")
		return
	}
	s.used = now
	n := min(scrollPage, len(s.keys))
	keys := s.keys[:n]
	s.keys = s.keys[n:]

	x := ws.tables[Companies].now
	var w writer
	w.open('{')
	w.str("type", "list")
	w.list("data")
	for _, k := range keys {
		if r := x.rows[keySeq(k)]; !r.gone {
			ws.write(&w, Companies, keySeq(k), r)
		}
	}
	w.endList()
	w.null("pages")
	w.int("total_count", int64(len(x.created)))
	w.str("scroll_param", s.param)
	w.end()
	c.json(w.b)
	if n == 0 {
		*s = scroll{count: s.count}
	}
}
