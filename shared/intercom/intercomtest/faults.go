package intercomtest

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
)

// A Fault is something that goes wrong with some requests. Those that all of
// its conditions fit, counted from 1, are its candidates.
type Fault struct {
	// Method and Path say which requests: "" for any. A path is as the catalog
	// spells it, what the parameters are called does not matter
	// (/contacts/{contact_id}), or as a request has it (/contacts/search), or
	// ends in * for everything that begins with it.
	Method, Path string
	// MinPerPage fits only requests that ask for at least so many records.
	MinPerPage int

	First int // the first candidate that it befalls; default 1
	Times int // how many it befalls; default: all
	// Probability befalls only so many of the candidates, chosen by the
	// workspace's seed; default: all.
	Probability float64

	Effect Effect
	// After makes a write happen all the same: only its answer is lost. Without
	// it, an effect that leaves no success of the answer comes before the write,
	// which then does not happen. Effects that only spoil the answer, as [Slow],
	// [Cut] and [NoAnswer] do, always come after it.
	After bool
}

// An armed fault is one that is watching requests.
type armed struct {
	Fault

	number   uint64 // among all faults there ever were
	seen     int    // candidates
	befallen int
}

// Fault orders f. Faults befall a request in the order they were made.
func (ws *Workspace) Fault(f Fault) {
	def(&f.First, 1)
	ws.mu.Lock()
	defer ws.mu.Unlock()
	ws.faults = append(ws.faults, &armed{Fault: f, number: uint64(len(ws.faults))})
}

// Heal ends all faults, and a 429 that was ordered.
func (ws *Workspace) Heal() {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	ws.faults = nil
	ws.limiter.ordered = 0
}

// befall returns the effects that come over a request: those that come before
// it is served, where it is a write, and those that come after.
func (ws *Workspace) befall(c *call, rt *route) (before, after []Effect) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	for _, f := range ws.faults {
		switch {
		case !f.fits(c, rt) || !f.strikes(ws.cfg.Seed):
		case f.After:
			after = append(after, f.Effect)
		default:
			before = append(before, f.Effect)
		}
	}
	return before, after
}

func (f *armed) fits(c *call, rt *route) bool {
	if f.Method != "" && f.Method != c.method {
		return false
	}
	if f.Path != "" {
		prefix, open := strings.CutSuffix(f.Path, "*")
		switch {
		case open && strings.HasPrefix(c.path, prefix):
		case f.Path == c.path:
		case rt != nil && anonymous(f.Path) == strings.Join(rt.segments, "/"):
		default:
			return false
		}
	}
	return f.MinPerPage == 0 || asksFor(c) >= f.MinPerPage
}

// strikes counts a candidate and reports whether it is befallen.
func (f *armed) strikes(seed uint64) bool {
	f.seen++
	if f.seen < f.First || f.Times > 0 && f.befallen >= f.Times {
		return false
	}
	if f.Probability > 0 {
		h := hash(seed, f.number, uint64(f.seen), 'f')
		if float64(h>>11)/(1<<53) >= f.Probability {
			return false
		}
	}
	f.befallen++
	return true
}

// asksFor returns the page size that a request names, 0 for none.
func asksFor(c *call) int {
	if n, err := strconv.Atoi(c.query.Get("per_page")); err == nil {
		return n
	}
	var body struct {
		Pagination struct {
			PerPage json.Number `json:"per_page"`
		} `json:"pagination"`
	}
	if !bytes.Contains(c.body, []byte("per_page")) || json.Unmarshal(c.body, &body) != nil {
		return 0
	}
	n, err := body.Pagination.PerPage.Int64()
	if err != nil {
		return 0
	}
	return int(n)
}
