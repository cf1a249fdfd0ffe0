package publish

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"time"

	"intercom-connector/internal/state"
	"intercom-connector/shared/intercom"
)

// Contacts that were made within the last minute are remembered: for a short
// while Intercom answers a 404 to whoever messages, tags or attaches one
// (https://developers.intercom.com/docs/references/2.16/rest-api/api.intercom.io/messages/createmessage).
// They are kept in the store, because it is another publisher, and maybe
// another worker, that meets the 404.

// young is how long a contact is new.
const young = time.Minute

// maxLooked bounds the names of one request that the store is asked for.
const maxLooked = 10

// welcome remembers the contact of an answer by the names it can be called. A
// name that cannot be remembered costs no more than a dead letter too many.
func (p *Publisher) welcome(ctx context.Context, answer json.RawMessage) {
	contact, err := object(answer, "contact")
	if err != nil {
		return
	}
	end := time.Now().Add(young)
	for _, key := range []string{"id", "external_id", "email"} {
		name := scalar(contact[key])
		if name == "" {
			continue
		}
		_, err := p.Store.Create(ctx, freshKey(p.Workspace, name), []byte("{}"), end)
		if err != nil && !errors.Is(err, state.ErrExists) {
			p.Log.WarnContext(ctx, "remember a new contact", "publisher", p.Publisher.Name, "err", err)
		}
	}
}

// young reports whether a request names a contact that is new.
func (p *Publisher) young(ctx context.Context, r *intercom.Request) bool {
	names := named(r)
	for _, name := range names[:min(len(names), maxLooked)] {
		if name == "" {
			continue
		}
		if _, err := p.Store.Get(ctx, freshKey(p.Workspace, name)); err == nil {
			return true
		}
	}
	return false
}

// freshKey hides the name, which may be an e-mail address.
func freshKey(workspace, name string) string {
	sum := sha256.Sum256([]byte(name))
	return "fresh/" + url.PathEscape(workspace) + "/" + hex.EncodeToString(sum[:16])
}

// named returns what may name a contact in a request, the path first.
func named(r *intercom.Request) []string {
	var names []string
	for _, param := range r.Operation.Params() {
		names = append(names, r.Path[param])
	}
	if payload, err := object(r.Payload, "payload"); err == nil {
		names = append(names, namedIn(payload, 0)...)
	}
	return names
}

// namedIn collects the texts of a payload under the keys that contacts go by.
func namedIn(v any, depth int) []string {
	const deepest = 4
	if depth > deepest {
		return nil
	}
	var names []string
	switch v := v.(type) {
	case []any:
		for _, element := range v[:min(len(v), maxLooked)] {
			names = append(names, namedIn(element, depth+1)...)
		}
	case map[string]any:
		for _, key := range fields(v) {
			text, ok := v[key].(string)
			switch {
			case !ok:
				names = append(names, namedIn(v[key], depth+1)...)
			case slices.Contains([]string{"id", "user_id", "intercom_user_id", "contact_id", "external_id", "email", "from", "into"}, key):
				names = append(names, text)
			}
		}
	}
	return names
}
