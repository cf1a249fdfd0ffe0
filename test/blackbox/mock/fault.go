package mock

import (
	"bytes"
	"net"
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
	Reset           // the connection is reset without an answer
	Stall           // no answer for more than a minute, longer than a client waits
)

// before is added to a fault that comes before anything is done.
const before Fault = 1 << 8

// Before is the fault in the place of what was asked for: all others come
// after it was done, and its answer is lost.
func (f Fault) Before() Fault { return f | before }

// String is how a fault is called where a test has failed.
func (f Fault) String() string {
	name := [...]string{
		"none", "limited", "broken", "gateway", "empty body", "cut body", "hangup", "slow", "garbage", "denial", "reset", "stall",
	}[f.kind()]
	if f.early() {
		name += " before"
	}
	return name
}

func (f Fault) early() bool { return f&before != 0 }

func (f Fault) kind() Fault { return f &^ before }

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
	switch f.kind() {
	case None, before:
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
	case EmptyBody, Garbage:
		if answer.status >= http.StatusBadRequest {
			break // Intercom's refusals say why
		}
		answer.body = nil
		if f.kind() == EmptyBody {
			break
		}
		answer.body = bytes.Repeat([]byte("\x00\xff{]not json "), 40)
	case CutBody:
		answer.writeHalf(w)
		return true
	case Hangup:
		panic(http.ErrAbortHandler)
	case Reset:
		reset(w)
		return true
	case Stall:
		wait(65 * time.Second)
	case Slow:
		wait(time.Second)
	}
	return false
}

// reset ends the connection so that the other end has an error of it.
func reset(w http.ResponseWriter) {
	if h, ok := w.(http.Hijacker); ok {
		if conn, _, err := h.Hijack(); err == nil {
			if tcp, ok := conn.(*net.TCPConn); ok {
				_ = tcp.SetLinger(0)
			}
			_ = conn.Close()
			return
		}
	}
	panic(http.ErrAbortHandler)
}

func wait(d time.Duration) {
	if d > 0 {
		<-time.After(d)
	}
}
