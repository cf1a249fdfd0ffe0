package intercomtest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"intercom-connector/shared/intercom"
)

// A Write is a request that changed the workspace, or asked for a change that
// was made already. Requests that were refused are none.
type Write struct {
	Number    int       // of the write, from 1, in the order in which they were applied
	Time      time.Time // when it was applied
	Operation string    // "PUT /contacts/{contact_id}", as the catalog spells it
	Path      []string  // values of the path's parameters
	Query     string    // as it was sent, without the question mark
	// Digest is of the payload: equal for payloads that mean the same, however
	// they are spaced and ordered; "" for none.
	Digest string
	// Marker is what the payload identifies itself by, "" for nothing: a word
	// that begins "marker:" in any of its texts, else custom_attributes.marker,
	// else the beginning of its body.
	Marker string
	ID     string // of what was made or changed, "" for nothing that has one
	Status int    // that the workspace answered; a fault may have lost it
	// Answered is the status that the client was given: 0 for a connection that
	// broke or a client that gave up waiting.
	Answered int
	// Again says that nothing changed, because it was so already: an event that
	// was sent before, a tag that was there.
	Again bool
}

// A WriteKey is what makes two writes the same request.
type WriteKey struct{ Operation, Path, Query, Digest string }

// Key returns what w has in common with the same request sent twice.
func (w Write) Key() WriteKey {
	return WriteKey{w.Operation, strings.Join(w.Path, "/"), w.Query, w.Digest}
}

// Lost reports whether the client cannot know that w was applied.
func (w Write) Lost() bool { return w.Answered < 200 || w.Answered >= 300 }

// Writes returns every write that was applied, in that order: the truth about
// what reached the workspace, whatever the clients were told.
func (ws *Workspace) Writes() []Write {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	all := make([]Write, len(ws.audit.log))
	for i := range ws.audit.log {
		all[i] = ws.audit.log[i].write(i)
	}
	return all
}

// Applied returns how often each request was applied, by what makes it the same.
func (ws *Workspace) Applied() map[WriteKey]int {
	times := map[WriteKey]int{}
	for _, w := range ws.Writes() {
		times[w.Key()]++
	}
	return times
}

// Marked returns the writes with a marker, in the order they were applied.
func (ws *Workspace) Marked(marker string) []Write {
	return slices.DeleteFunc(ws.Writes(), func(w Write) bool { return w.Marker != marker })
}

// An audit is the log of what was applied. An entry takes some 300 bytes,
// whatever its payload.
type audit struct{ log []logged }

// logged is a Write in a form that takes little.
type logged struct {
	op       *intercom.Operation
	path     string // the values, each ended by a zero byte
	query    string
	digest   [16]byte
	empty    bool // there was no payload
	marker   string
	id       string
	at       int64
	status   uint16
	answered uint16
	again    bool
}

func (l *logged) write(i int) Write {
	w := Write{
		Number: i + 1, Time: time.Unix(0, l.at), Operation: l.op.Method + " " + l.op.Path,
		Query: l.query, Marker: l.marker, ID: l.id,
		Status: int(l.status), Answered: int(l.answered), Again: l.again,
	}
	if l.path != "" {
		w.Path = strings.Split(strings.TrimSuffix(l.path, "\x00"), "\x00")
	}
	if !l.empty {
		w.Digest = hex.EncodeToString(l.digest[:])
	}
	return w
}

// markerMax is the length of a marker in bytes at most.
const markerMax = 120

// applied enters a write. The caller holds the lock.
func (ws *Workspace) applied(c *call, p object) {
	l := logged{
		op: c.op, query: c.query.Encode(), id: c.made, at: time.Now().UnixNano(),
		status: uint16(c.answer.Status), again: c.again, empty: len(c.body) == 0,
		marker: marker(c.body, p),
	}
	for _, v := range c.params {
		l.path += v + "\x00"
	}
	if !l.empty {
		sum := sha256.Sum256(canonical(c.body))
		copy(l.digest[:], sum[:])
	}
	ws.audit.log = append(ws.audit.log, l)
	c.number = len(ws.audit.log)
}

// answered notes what the client of a write was given.
func (ws *Workspace) answered(c *call) {
	if c.number == 0 {
		return
	}
	status := c.answer.Status
	if c.answer.Err != nil || c.answer.Cut {
		status = 0
	}
	ws.mu.Lock()
	defer ws.mu.Unlock()
	ws.audit.log[c.number-1].answered = uint16(status)
}

// canonical returns a payload without what makes no difference: its spaces and
// the order of its keys. Numbers keep their digits.
func canonical(body []byte) []byte {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return body
	}
	return marshal(v)
}

// marker finds what a payload identifies itself by.
func marker(body []byte, p object) string {
	if i := bytes.Index(body, []byte("marker:")); i >= 0 {
		word := body[i:min(len(body), i+markerMax)]
		if end := bytes.IndexAny(word, "\"<>\\ \t\r\n,"); end >= 0 {
			word = word[:end]
		}
		return string(word)
	}
	if m := p.object("custom_attributes").text("marker"); m != "" {
		return m[:min(len(m), markerMax)]
	}
	text := strings.TrimSuffix(strings.TrimPrefix(p.text("body"), "<p>"), "</p>")
	return text[:min(len(text), markerMax)]
}
