package intercomtest

import (
	"maps"
	"time"
)

// Stats is what clients have done so far.
type Stats struct {
	Requests      int            // all of them
	ByOperation   map[string]int // those that were let in: "GET /contacts/{contact_id}", as the catalog spells it
	ByStatus      map[int]int    // answers; 0 for a connection that broke before one
	Unknown       int            // requests of no known operation
	Limited       int            // 429s
	MaxConcurrent int            // most requests under way at one time
	Bytes         int64          // of bodies of answers

	// Violations are requests that came after a 429 had been given and before
	// the reset it named. Requests that were under way are not among them, as
	// far as the clock of this process can tell.
	Violations int
	// Leaks are tokens that went to another host.
	Leaks int
	// Impressions are reads of a contact's banners, which count as views.
	Impressions int
}

// Stats returns what clients have done so far.
func (ws *Workspace) Stats() Stats {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	s := ws.stats
	s.ByOperation = maps.Clone(s.ByOperation)
	s.ByStatus = maps.Clone(s.ByStatus)
	return s
}

// OnRequest has hook called when a request comes in, with its number from 1,
// before it is looked at. The hook may change the workspace, and is not called
// again before it returns. It must not make requests of the workspace.
func (ws *Workspace) OnRequest(hook func(n int)) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	ws.hook = hook
}

func (ws *Workspace) hooked() func(int) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	return ws.hook
}

// arrive counts a request in and returns its number.
func (ws *Workspace) arrive() int {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	ws.stats.Requests++
	ws.flying++
	ws.stats.MaxConcurrent = max(ws.stats.MaxConcurrent, ws.flying)
	if ws.limiter.violated(time.Now(), ws.stats.MaxConcurrent) {
		ws.stats.Violations++
	}
	return ws.stats.Requests
}

// note counts a request by its operation.
func (ws *Workspace) note(rt *route) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if rt == nil {
		ws.stats.Unknown++
		return
	}
	ws.stats.ByOperation[rt.op.Method+" "+rt.op.Path]++
}

// depart counts an answer out.
func (ws *Workspace) depart(a *Answer) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if a.Err != nil {
		ws.stats.ByStatus[0]++
		return
	}
	ws.stats.ByStatus[a.Status]++
	ws.stats.Bytes += int64(len(a.Body))
	if a.Status == 429 {
		ws.stats.Limited++
		ws.limiter.told(time.Now())
	}
}

// landed ends a request.
func (ws *Workspace) landed() {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	ws.flying--
}
