package mock

import (
	"net/http"
	"time"
)

const (
	scrollPage = 100
	scrollLife = time.Minute
)

// A scroll is the one that may be open at a time.
type scroll struct {
	param string
	at    int // the next record
	used  time.Time
}

// companiesScroll is GET /companies/scroll: the same scroll_param with every
// page, an empty page at the end.
func (ws *Workspace) companiesScroll(r *http.Request) (any, error) {
	param, now := r.URL.Query().Get("scroll_param"), time.Now()
	alive := ws.scroll.param != "" && now.Sub(ws.scroll.used) < scrollLife
	switch {
	case param == "" && alive:
		return nil, bad("scroll_exists", "scroll already exists for this workspace")
	case param == "":
		ws.scroll = scroll{param: "4f1a-scroll", used: now}
	case !alive || param != ws.scroll.param:
		return nil, &failure{http.StatusNotFound, "not_found", "scroll parameter not found"}
	}
	all := ws.listed("companies")
	from, to := min(ws.scroll.at, len(all)), min(ws.scroll.at+scrollPage, len(all))
	ws.scroll.at, ws.scroll.used = to, now
	if from == to {
		ws.scroll = scroll{}
	}
	answer := map[string]any{
		"type": "list", "data": raws(all[from:to]), "pages": nil, "scroll_param": "4f1a-scroll",
	}
	if !ws.ScrollUntold {
		answer["total_count"] = len(all)
	}
	return answer, nil
}
