package intercom

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// An answer is what came back from one hop.
type answer struct {
	status    int
	header    http.Header
	body      []byte
	mediaType string
	date      time.Time
	requestID string
	took      time.Duration
	readErr   error
}

// How much memory is reserved for an answer before any of it has come.
const (
	smallBody  = 16 << 10
	trustedLen = 8 << 20 // of what Content-Length promises
)

var errTooLarge = errors.New("too large")

// read takes the answer in. Of an answer that is an error only
// the beginning is read.
func (a *answer) read(resp *http.Response, h *hop, limit int64, hint *atomic.Int64) {
	a.status, a.header = resp.StatusCode, resp.Header
	a.mediaType, a.date, a.requestID = mediaType(resp.Header), serverDate(resp.Header), requestID(resp.Header, h.token)
	if resp.Body == nil {
		return
	}
	if a.status/100 != 2 {
		a.body, _ = io.ReadAll(io.LimitReader(resp.Body, maxErrorBody)) // the status says enough
		return
	}
	if resp.ContentLength > limit {
		a.readErr = errTooLarge
		return
	}
	expected := hint.Load() + hint.Load()/8
	if resp.ContentLength >= 0 {
		expected = resp.ContentLength
	}
	a.body, a.readErr = readBody(resp.Body, min(expected, trustedLen), limit)
	if a.readErr == nil && resp.ContentLength > int64(len(a.body)) {
		a.readErr = cutOff(len(a.body), io.ErrUnexpectedEOF)
	}
	if a.readErr == nil {
		hint.Store(int64(len(a.body)))
	}
}

// readBody reads to the end, but never more than limit bytes.
func readBody(r io.Reader, expected, limit int64) ([]byte, error) {
	if expected <= 0 {
		expected = smallBody
	}
	buf := make([]byte, 0, min(expected, limit)+1) // one more, to see the end without growing
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		room := min(int64(cap(buf)), limit+1)
		n, err := r.Read(buf[len(buf):room])
		buf = buf[:len(buf)+n]
		switch {
		case int64(len(buf)) > limit:
			return nil, errTooLarge
		case errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
			return buf, nil
		case err != nil:
			return nil, cutOff(len(buf), err)
		}
	}
}

// cutOff is a connection that ended before its answer did, however it says so.
func cutOff(n int, err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("the answer was cut off after %d bytes: %w", n, err)
	}
	return fmt.Errorf("the answer was cut off after %d bytes: %w: %w", n, io.ErrUnexpectedEOF, err)
}

// judge says whether the answer is one that the operation can have.
func (a *answer) judge(h *hop) error {
	op := h.op
	switch {
	case a.status/100 == 2:
		return a.judgeContent(op)
	case isRedirect(a.status):
		return errMoved
	}
	err := newAPIError(op, a.status, a.header, a.body, h.token)
	err.TokenVersion = h.version
	if a.status == http.StatusTooManyRequests {
		return &RateLimitError{APIError: err, RetryAfter: err.RetryAfter}
	}
	return err
}

// judgeContent looks only at what shows that something else than Intercom's API
// has answered. An empty answer to a write is a success: it has been done.
func (a *answer) judgeContent(op *Operation) error {
	var err error
	empty := len(bytes.TrimSpace(a.body)) == 0
	switch {
	case op.Answer != JSON:
	case empty && a.status == http.StatusOK && op.Kind != Write && op.Method != http.MethodDelete:
		err = ErrEmptyBody
	case !empty && isPage(a.mediaType, a.body):
		err = ErrNotJSON
	}
	if err == nil {
		return nil
	}
	return &AnswerError{Method: op.Method, Path: op.Path, Status: a.status, RequestID: a.requestID, Err: err}
}

func (a *answer) response(took time.Duration) *Response {
	return &Response{
		Status:      a.status,
		Header:      a.header,
		Body:        a.body,
		ContentType: a.mediaType,
		Date:        a.date,
		RequestID:   a.requestID,
		Took:        took,
	}
}

func isRedirect(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	default:
		return false
	}
}

// mediaType is the type of an answer without its parameters, "" for none.
func mediaType(h http.Header) string {
	value := h.Get("Content-Type")
	if media, _, err := mime.ParseMediaType(value); err == nil {
		return media
	}
	media, _, _ := strings.Cut(value, ";")
	return strings.ToLower(strings.TrimSpace(media))
}
