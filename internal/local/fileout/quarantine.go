package fileout

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"
	"unicode/utf8"
)

// A Quarantined is a record, or a request, that could not be transformed or
// delivered, as it came and with the reason.
type Quarantined struct {
	Time         time.Time
	Subscription string
	Stage        string // what it failed at: request, transform or deliver
	Reason       string
	ID           string          // of the record, "" where it has none
	Record       []byte          // as served, nil where there is none yet
	Request      json.RawMessage // what asked for it, nil where that says nothing
}

// A Quarantine is a file of JSON lines with what could not be delivered. The
// file is made when the first comes. It is safe for concurrent use.
type Quarantine struct {
	path string

	mu     sync.Mutex
	out    *appender
	unlock func() error
	closed bool
}

// NewQuarantine returns the quarantine in the file at path, whose folders are
// made when they are needed.
func NewQuarantine(path string) *Quarantine { return &Quarantine{path: path} }

// Path is where the file is, or would be.
func (q *Quarantine) Path() string { return q.path }

// Put appends one line and returns nil when it is on the disk. Half a line that
// a crash left at the end of the file is cut off before the first.
//
// The error is filelock.ErrHeld where another process writes the file, and
// [ErrForeign] for a file that is not one of these.
func (q *Quarantine) Put(ctx context.Context, item Quarantined) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	line, err := item.encode()
	if err != nil {
		return fmt.Errorf("encode quarantined record: %w", err)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return fmt.Errorf("append to %s: %w", q.path, errClosed)
	}
	if q.out == nil {
		q.out, q.unlock, _, err = openLocked(q.path, quarantinePrefix, Options{MakeFolders: true})
		if err != nil {
			return err
		}
	}
	if err := q.out.line(line); err != nil {
		return err
	}
	return q.out.flush()
}

// Close frees the file. The second time it does nothing.
func (q *Quarantine) Close() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed = true; q.out == nil {
		return nil
	}
	err := errors.Join(q.out.close(), q.unlock())
	q.out = nil
	return err
}

// encode writes the record as JSON where it is, so that people can read it, and
// otherwise byte for byte in base64.
func (item *Quarantined) encode() ([]byte, error) {
	line := struct {
		Time         time.Time       `json:"time"`
		Subscription string          `json:"subscription"`
		Stage        string          `json:"stage,omitempty"`
		Reason       string          `json:"reason"`
		ID           string          `json:"id,omitempty"`
		Request      json.RawMessage `json:"request,omitempty"`
		Record       json.RawMessage `json:"record,omitempty"`
		Base64       []byte          `json:"record_base64,omitempty"`
	}{Time: item.Time.UTC(), Subscription: item.Subscription, Stage: item.Stage, Reason: item.Reason, ID: item.ID, Request: item.Request}
	if json.Valid(item.Record) && utf8.Valid(item.Record) {
		line.Record = item.Record
	} else {
		line.Base64 = item.Record
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(line); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
