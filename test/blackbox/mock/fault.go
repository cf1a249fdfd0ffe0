package mock

import (
	"bytes"
	"net/http"
	"time"
)

// A Fault is something that goes wrong with one request.
type Fault int

// What can go wrong.
const (
	None      Fault = iota
	Limited         // 429 although there is room, over in a second
	Broken          // 500 with an error list
	Gateway         // 502 with a page of HTML
	EmptyBody       // 200 without a body
	CutBody         // the connection ends in the middle of the body
	Hangup          // the connection ends without an answer
	Slow            // the right answer, a second late
	Garbage         // 200 with a body that is not JSON
	Denial          // 403 with a page of HTML, as a firewall answers
)

// Faults are all that a client should live with.
func Faults() []Fault {
	return []Fault{Limited, Broken, Gateway, EmptyBody, CutBody, Hangup, Slow}
}

// inject answers in the place of the right answer, or returns false.
func (f Fault) inject(w http.ResponseWriter, answer *response) bool {
	html := func(status int) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(status)
		_, _ = w.Write([]byte("<html><body><h1>" + http.StatusText(status) + "</h1></body></html>"))
	}
	switch f {
	case None:
	case Limited:
		answer.header.Set("X-RateLimit-Remaining", "0")
		answer.fail(&failure{http.StatusTooManyRequests, "rate_limit_exceeded", "Exceeded rate limit of 167 in 10_seconds"})
	case Broken:
		answer.fail(&failure{http.StatusInternalServerError, "server_error", "Something went wrong"})
	case Gateway:
		html(http.StatusBadGateway)
		return true
	case Denial:
		html(http.StatusForbidden)
		return true
	case EmptyBody:
		answer.body = nil
	case Garbage:
		answer.body = bytes.Repeat([]byte("\x00\xff{]not json "), 40)
	case CutBody:
		answer.writeHalf(w)
		return true
	case Hangup:
		panic(http.ErrAbortHandler)
	case Slow:
		wait(time.Second)
	}
	return false
}

func wait(d time.Duration) {
	if d > 0 {
		<-time.After(d)
	}
}
