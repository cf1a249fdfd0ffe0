package publish

import (
	"encoding/json"
	"maps"
	"net/url"
	"slices"

	"intercom-connector/shared/intercom"
)

// pathOf returns a value for each parameter of the path: the message's, else
// the configured one. null counts as not given.
func (p *Publisher) pathOf(given map[string]any) (map[string]string, error) {
	params := p.Publisher.Operation.Params()
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !slices.Contains(params, name) {
			return nil, invalidf("path has the unknown parameter %s", quoted(name))
		}
	}
	values := make(map[string]string, len(params))
	for _, name := range params {
		var value string
		switch v := given[name].(type) {
		case nil:
			configured := p.Publisher.Path[name]
			if configured == nil {
				return nil, invalidf("path parameter %s is missing", name)
			}
			value = *configured
		case string:
			value = v
		case json.Number:
			value = v.String()
		default:
			return nil, invalidf("path parameter %s is neither a string nor a number", name)
		}
		values[name] = value // what is empty or would climb, Wire refuses
	}
	return values, nil
}

// queryOf returns the query: the message's values in place of the configured
// ones of the same name, null for none.
func (p *Publisher) queryOf(given map[string]any) (url.Values, error) {
	merged := maps.Clone(p.Publisher.Query)
	if merged == nil {
		merged = make(map[string]any, len(given))
	}
	maps.Copy(merged, given)
	var query url.Values
	for _, name := range slices.Sorted(maps.Keys(merged)) {
		values, ok := queryValues(merged[name])
		if !ok {
			return nil, invalidf("query parameter %s is neither a string, number or boolean nor a list of them", quoted(name))
		}
		if len(values) == 0 {
			continue
		}
		if query == nil {
			query = url.Values{}
		}
		query[name] = values
	}
	return query, nil
}

func queryValues(v any) ([]string, bool) {
	list, ok := v.([]any)
	if !ok {
		if v == nil {
			return nil, true
		}
		list = []any{v}
	}
	values := make([]string, 0, len(list))
	for _, element := range list {
		switch e := element.(type) {
		case string:
			values = append(values, e)
		case json.Number:
			values = append(values, e.String())
		case bool:
			values = append(values, map[bool]string{true: "true", false: "false"}[e])
		default:
			return nil, false
		}
	}
	return values, true
}

// payloadOf returns the payload: the message's over the configured one.
func (p *Publisher) payloadOf(e *envelope) (json.RawMessage, error) {
	merged := e.payload
	if len(p.Publisher.Payload) > 0 {
		defaults, err := object(p.Publisher.Payload, "the configured payload")
		if err != nil {
			return nil, err
		}
		if defaults != nil {
			merged = Merge(defaults, e.payload)
		}
	}
	if merged == nil || len(merged) == 0 && p.Publisher.Operation.Body == intercom.NoBody {
		return nil, nil
	}
	return encode(merged)
}

// Merge puts one JSON object over another: objects that both have are merged
// in turn, and of everything else the one above stays, be it null. Neither
// argument is changed; the result shares parts of them.
func Merge(below, above map[string]any) map[string]any {
	merged := maps.Clone(below)
	if merged == nil {
		merged = make(map[string]any, len(above))
	}
	for key, value := range above {
		over, ok := value.(map[string]any)
		if under, both := merged[key].(map[string]any); ok && both {
			value = Merge(under, over)
		}
		merged[key] = value
	}
	return merged
}
