package publish

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// A Response is a [Result] on its way to whoever waits for what Intercom
// answered, the same JSON object wherever it goes.
type Response struct {
	Publisher string    `json:"publisher"`
	Time      time.Time `json:"time"`
	Result

	// AnswerRef is where the answer is, a URI, instead of Answer: where it is too
	// large for what carries the response.
	AnswerRef string `json:"answer_ref,omitempty"`
}

// Respond makes the response of a publisher, as of now.
func (r Result) Respond(publisher string) Response {
	return Response{Publisher: publisher, Time: time.Now().UTC(), Result: r}
}

// Encode returns the response as one JSON object without a line break in it.
func (r *Response) Encode() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(r); err != nil {
		return nil, fmt.Errorf("encode response: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
