package intercom

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"strconv"
)

// The parameters that paging uses, in a query as in a payload.
const (
	paramAfter   = "starting_after"
	paramPage    = "page"
	paramPerPage = "per_page"
	paramCursor  = "cursor"
	paramScroll  = "scroll_param"
)

// positions are the parameters that say where in a list a page is.
var positions = [...]string{paramAfter, paramPage, paramCursor, paramScroll}

// Request returns the request of the page to read next: base, with the
// position put where its operation expects it. base stays as it is, but its
// path and whatever need not change are shared with the result.
//
// size is how many records to ask for, 0 to leave that to base and the server.
// Where base asks for a size itself the smaller one is taken. In a list by
// page number size counts for the first page alone, where the server told what
// it made of it.
//
// The first page starts where base says, so a page or starting_after of the
// user's own is honoured there.
func (p Pager) Request(base *Request, size int) (*Request, error) {
	if base.Operation == nil {
		return nil, errors.New("intercom: a request without an operation")
	}
	if p.Ended {
		return nil, errors.New("intercom: a request after the last page")
	}
	style, value, err := p.Cursor.split()
	if err != nil {
		return nil, err
	}
	r := *base
	in, err := pagingParams(base)
	if err != nil {
		return nil, err
	}
	for _, name := range positions {
		if style != "" || in.get(name) == "" { // an empty starting_after is an error
			in.remove(name)
		}
	}
	switch style {
	case styleAfter:
		in.set(paramAfter, value, false)
	case stylePage:
		in.set(paramPage, value, true)
	case styleCursor:
		in.set(paramCursor, value, false)
	case styleScroll:
		in.set(paramScroll, value, false)
	case styleQuery:
		if in, err = overQuery(&r, in, value); err != nil {
			return nil, err
		}
	}
	numbered := p.Cursor.number() > 0
	if style != styleQuery || !numbered || in.get(paramPerPage) == "" {
		var kept int64
		if numbered {
			kept = p.Size
		}
		setSize(in, int64(size), kept)
	}
	if err := in.store(&r); err != nil {
		return nil, err
	}
	return &r, nil
}

// overQuery puts the query of a next page's URL over the request's own.
func overQuery(r *Request, in params, raw string) (params, error) {
	over, err := url.ParseQuery(raw)
	if err != nil {
		return nil, fmt.Errorf("intercom: query of a cursor: %w", err)
	}
	if err := in.store(r); err != nil {
		return nil, err
	}
	query := newQueryParams(r.Query)
	maps.Copy(query, over)
	return query, nil
}

// setSize asks for pages of size records, or of kept where that is known.
func setSize(in params, size, kept int64) {
	text := in.get(paramPerPage)
	own, err := strconv.ParseInt(text, 10, 64)
	switch {
	case text != "" && (err != nil || own < 1):
		return // the user's, whatever it means
	case kept > 0:
		size = kept
	case size <= 0:
		size = own
	case own > 0:
		size = min(size, own)
	}
	switch {
	case size <= 0:
		in.remove(paramPerPage)
	case size != own:
		in.set(paramPerPage, strconv.FormatInt(size, 10), true)
	}
}

// A params is the parameters of a request, wherever it carries them.
type params interface {
	get(name string) string // "" where there is none
	set(name, value string, number bool)
	remove(name string)
	store(r *Request) error
}

// pagingParams returns the parameters among which base's operation has those
// of paging.
func pagingParams(base *Request) (params, error) {
	switch base.Operation.Paging {
	case CursorBody, PageBody:
		return newPayloadParams(base)
	default:
		return newQueryParams(base.Query), nil
	}
}

// queryParams are carried in the query.
type queryParams url.Values

// newQueryParams returns a copy whose keys can be changed.
func newQueryParams(query url.Values) queryParams {
	if query == nil {
		return queryParams{}
	}
	return queryParams(maps.Clone(query))
}

func (q queryParams) get(name string) string         { return url.Values(q).Get(name) }
func (q queryParams) set(name, value string, _ bool) { q[name] = []string{value} }
func (q queryParams) remove(name string)             { delete(q, name) }

func (q queryParams) store(r *Request) error {
	if len(q) > 0 || r.Query != nil {
		r.Query = url.Values(q)
	}
	return nil
}

// payloadParams are carried in the payload, where that has them for paging:
// inside pagination for a search. Whatever else is in it stays as the user
// wrote it, but for the order of its keys.
type payloadParams struct {
	top    map[string]json.RawMessage
	inside string                     // the key under which the parameters are, "" for the payload itself
	at     map[string]json.RawMessage // the object that has the parameters
	edited bool
}

func newPayloadParams(base *Request) (*payloadParams, error) {
	top, err := object(base.Payload)
	if err != nil {
		return nil, fmt.Errorf("intercom: payload of %s %s: %w", base.Operation.Method, base.Operation.Path, err)
	}
	p := &payloadParams{top: top, at: top}
	if base.Operation.Paging == CursorBody {
		p.inside = "pagination"
		if p.at, err = object(top[p.inside]); err != nil {
			return nil, fmt.Errorf("intercom: payload of %s %s: pagination: %w", base.Operation.Method, base.Operation.Path, err)
		}
	}
	return p, nil
}

// object returns the members of a JSON object, an empty map for none or null.
func object(raw json.RawMessage) (map[string]json.RawMessage, error) {
	members := map[string]json.RawMessage{}
	if len(raw) == 0 {
		return members, nil
	}
	if err := json.Unmarshal(raw, &members); err != nil {
		return nil, errors.New("not a JSON object") // the cause would quote it
	}
	if members == nil {
		members = map[string]json.RawMessage{}
	}
	return members, nil
}

func (p *payloadParams) get(name string) string {
	if raw := p.at[name]; len(raw) > 0 {
		return text(raw)
	}
	return ""
}

func (p *payloadParams) set(name, value string, number bool) {
	p.edited = true
	if number {
		p.at[name] = json.RawMessage(value)
		return
	}
	quoted, _ := encode(value) // a string always encodes
	p.at[name] = quoted
}

func (p *payloadParams) remove(name string) {
	if _, ok := p.at[name]; ok {
		p.edited = true
		delete(p.at, name)
	}
}

func (p *payloadParams) store(r *Request) error {
	if !p.edited {
		return nil
	}
	if p.inside != "" {
		delete(p.top, p.inside)
		if len(p.at) > 0 {
			inner, err := encode(p.at)
			if err != nil {
				return err
			}
			p.top[p.inside] = inner
		}
	}
	payload, err := encode(p.top)
	if err != nil {
		return err
	}
	r.Payload = payload
	return nil
}

// encode is json.Marshal that leaves <, > and & as they are.
func encode(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("intercom: encode a payload: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
