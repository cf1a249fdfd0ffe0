package file

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"intercom-connector/shared/intercom"
)

// path checks the values for an operation's path parameters and returns them
// by the operation's own names: where the entity is written with other names,
// the values may use those. An empty value is only right where something fills
// it in later.
func (c *checker) path(n *node, entity string, values map[string]*Text, op *intercom.Operation, later bool) map[string]*string {
	params := op.Params()
	own := map[string]string{} // the operation's name by the entity's or its own
	for _, name := range params {
		own[name] = name
	}
	if written := braced(entity); len(written) == len(params) {
		for i, name := range written {
			own[name] = params[i]
		}
	}
	given := map[string]*string{}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		at := n.get("path")
		name, known := own[key]
		switch {
		case !known && len(params) == 0:
			c.add(at.keyPlace(key), "%s has no path parameters", describe(op))
			continue
		case !known:
			c.add(at.keyPlace(key), "%s has no path parameter %s: it has %s", describe(op), key, list(params, "and"))
			continue
		}
		if _, twice := given[name]; twice {
			c.add(at.keyPlace(key), "path parameter %s is given twice", name)
			continue
		}
		value := (*string)(values[key])
		switch {
		case value == nil && !later:
			c.add(at.keyPlace(key), "path parameter %s has no value, and there is no request_transform to fill it in", key)
		case value != nil && (*value == "." || *value == ".."):
			c.add(at.place(key), "path parameter %s cannot be %q: it would name another path", key, *value)
		}
		given[name] = value
	}
	if len(given) == 0 {
		return nil
	}
	return given
}

// missingPath finds the path parameters that nothing was said about.
func (c *checker) missingPath(n *node, given map[string]*string, op *intercom.Operation) {
	for _, name := range op.Params() {
		if _, ok := given[name]; !ok {
			c.add(n.place(firstKey(n, "path", "entity")), "%s needs the path parameter %s: give it a value under path, or an empty one that request_transform fills in", describe(op), name)
		}
	}
}

// firstKey returns the first of the keys that n has, else the last one.
func firstKey(n *node, keys ...string) string {
	for _, key := range keys {
		if n.get(key) != nil {
			return key
		}
	}
	return keys[len(keys)-1]
}

// braced returns the names of an entity's parameters as they are written.
func braced(entity string) []string {
	var found []string
	for part := range strings.SplitSeq(entity, "/") {
		if strings.HasPrefix(part, "{") && strings.HasSuffix(part, "}") {
			found = append(found, part[1:len(part)-1])
		}
	}
	return found
}

// describe names an operation in a problem.
func describe(op *intercom.Operation) string { return op.Method + " " + op.Entity() }

// query checks the values of a query string: scalars and lists of them.
func (c *checker) query(n *node) map[string]any {
	fields := n.get("query")
	if fields == nil || len(fields.fields) == 0 {
		return nil
	}
	values := map[string]any{}
	for _, e := range fields.fields {
		if e.value.broken {
			continue
		}
		switch e.value.kind {
		case textKind, numberKind, boolKind:
		case nullKind:
			c.add(e.at, "query parameter %s has no value", e.key)
		case mapKind:
			c.add(e.at, "query parameter %s takes a text, a number, true, false or a list of them, not a mapping", e.key)
		case listKind:
			for _, item := range e.value.items {
				if item.kind == nullKind || item.kind == mapKind || item.kind == listKind {
					c.add(e.at, "query parameter %s is a list of texts, numbers, true or false, not of %s", e.key, item.kind)
					break
				}
			}
		}
		values[e.key] = e.value.plain()
	}
	return values
}

// payload returns the body as JSON, nil for none, and checks that the
// operation takes one.
func (c *checker) payload(n *node, op *intercom.Operation) json.RawMessage {
	value := n.get("payload")
	if value == nil || value.kind != mapKind {
		return nil
	}
	if op.Body == intercom.NoBody {
		c.add(n.keyPlace("payload"), "%s takes no payload", describe(op))
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(value.plain()); err != nil {
		c.add(n.keyPlace("payload"), "payload: %v", err)
	}
	return bytes.TrimSpace(out.Bytes())
}
