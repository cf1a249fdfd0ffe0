package intercom

import (
	"encoding/json"
	"net/http"
	"net/url"
	"time"
)

// A Request is one call of an operation.
type Request struct {
	Operation *Operation        `json:"-"`
	Path      map[string]string `json:"path,omitempty"`  // a value for each parameter of the operation's path, unescaped
	Query     url.Values        `json:"query,omitempty"` //
	Payload   json.RawMessage   `json:"payload,omitempty"`
}

// A Response is a complete answer in the 2xx range.
type Response struct {
	Status      int
	Header      http.Header
	Body        []byte        // bounded by Config.MaxBody
	ContentType string        // the media type alone: application/json
	Date        time.Time     // the server's clock, from the Date header; the zero time where it told none
	RequestID   string        // Intercom's, for a support ticket
	Took        time.Duration // from sending to the last byte
}
