package mock

import (
	"fmt"
	"net/http"
	"time"
)

// A window is ten seconds in which so many requests are allowed.
type window struct {
	start int64 // unix seconds
	used  int
}

// meter counts a request, sets the headers, and reports whether it is one too
// many; ws.mu is held.
func (ws *Workspace) meter(h http.Header, now time.Time) (tooMany bool) {
	if start := now.Unix() / 10 * 10; start != ws.window.start {
		ws.window = window{start: start}
	}
	ws.window.used++
	h.Set("X-RateLimit-Limit", fmt.Sprint(ws.Limit))
	h.Set("X-RateLimit-Remaining", fmt.Sprint(max(ws.Limit-ws.window.used, 0)))
	h.Set("X-RateLimit-Reset", fmt.Sprint(ws.window.start+10))
	return ws.window.used > ws.Limit
}
