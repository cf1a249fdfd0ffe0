package intercom

import (
	"bytes"
	"encoding/json"
	"net/http"
)

// Repeatable reports whether the operation, sent twice with this payload, does
// what it does when it is sent once: every read, PUT and DELETE, and the POSTs
// and PATCHes that the catalog says so of (see Repeat), if the payload has the
// keys that make it so, neither null nor empty. Whatever is not known to be
// repeatable is not: Intercom's API has no idempotency keys.
//
// The one exception among the reads is a scroll, which moves on each time.
func (o *Operation) Repeatable(payload json.RawMessage) bool {
	switch o.Method {
	case http.MethodGet, http.MethodPut, http.MethodDelete:
		return o.Paging != Scroll
	}
	if o.Kind == Read {
		return true
	}
	if o.Repeat == nil {
		return false
	}
	if len(o.Repeat.Keys) == 0 {
		return true
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(payload, &object) != nil {
		return false
	}
	for _, key := range o.Repeat.Keys {
		switch value := bytes.TrimSpace(object[key]); string(value) {
		case "", "null", `""`, "{}", "[]":
			return false
		}
	}
	return true
}
