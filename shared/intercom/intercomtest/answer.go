package intercomtest

import (
	"encoding/json"
	"net/http"
	"time"
)

// An Answer is what a request will be answered with. An [Effect] may change
// anything about it.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	Delay  time.Duration // before the first byte
	Cut    bool          // the connection ends in the middle of Body
	Err    error         // there is no answer, the connection breaks
}

// Fail makes the answer an error list with one error.
func (a *Answer) Fail(status int, code, message string) {
	type problem struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	body, _ := json.Marshal(struct { // strings always have a JSON form
		Type      string    `json:"type"`
		RequestID string    `json:"request_id"`
		Errors    []problem `json:"errors"`
	}{"error.list", a.Header.Get("X-Request-Id"), []problem{{code, message}}})
	a.Status = status
	a.content("application/json; charset=utf-8", body)
}

// stoppedBy reports whether effects leave no success of the answer, so that what
// it answers does not happen. It tries them on an answer that is thrown away.
func (a *Answer) stoppedBy(effects []Effect) bool {
	try := *a
	try.Header = a.Header.Clone()
	for _, change := range effects {
		change(&try)
	}
	return try.Err != nil || try.Status >= http.StatusBadRequest
}

func (a *Answer) content(mediaType string, body []byte) {
	a.Header.Set("Content-Type", mediaType)
	a.Body = body
}
