package subscribe

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"strconv"

	"intercom-connector/shared/intercom"
)

// A filter is one comparison of a search.
type filter struct {
	Field    string `json:"field"`
	Operator string `json:"operator"`
	Value    any    `json:"value"`
}

// request is what a slice asks for, before paging: the planned request with
// the slice's bounds in it.
func (r *run) request(s *Slice) (*intercom.Request, error) {
	base := r.work.Requests[s.Request]
	base.Operation = r.operation
	switch {
	case r.how.Strategy == intercom.BySearch:
		payload, err := searchPayload(base.Payload, r.filters(s), s.By)
		if err != nil {
			return nil, fmt.Errorf("build the search: %w", err)
		}
		base.Payload = payload
	case r.how.Strategy == intercom.ByFilter && s.After > 0:
		base.Query = with(base.Query, r.how.After, s.After)
	case r.how.Strategy == intercom.ByWindow:
		base.Query = with(base.Query, r.how.After, s.After)
		if s.Before > 0 {
			base.Query = with(base.Query, r.how.Before, s.Before)
		}
	}
	return &base, nil
}

// filters are the bounds of a slice, and of the run where the slice is by
// another date than that of the change. There is always at least one.
func (r *run) filters(s *Slice) []filter {
	filters := []filter{{s.By, ">", s.After}}
	if s.Before > 0 {
		filters = append(filters, filter{s.By, "<", s.Before})
	}
	if o := s.Other; o != nil {
		if o.After > 0 {
			filters = append(filters, filter{o.By, ">", o.After})
		}
		if o.Before > 0 {
			filters = append(filters, filter{o.By, "<", o.Before})
		}
	}
	switch {
	case s.Open:
		filters = append(filters, filter{"open", "=", true})
	case s.By != r.how.Changed && s.Other == nil && r.work.After > 0:
		filters = append(filters, filter{r.how.Changed, ">", r.work.After})
	}
	return filters
}

// searchPayload puts filters and the order into a search that the user may have
// written a part of. The API takes a group of comparisons or a group of groups,
// never a mixture, and no deeper.
func searchPayload(payload json.RawMessage, filters []filter, by string) (json.RawMessage, error) {
	body := map[string]json.RawMessage{}
	if len(payload) > 0 {
		if err := json.Unmarshal(payload, &body); err != nil {
			return nil, fmt.Errorf("payload: %w", err)
		}
		if body == nil { // null
			body = map[string]json.RawMessage{}
		}
	}
	query, err := and(body["query"], filters)
	if err != nil {
		return nil, err
	}
	body["query"] = query
	if body["sort"], err = json.Marshal(map[string]string{"field": by, "order": "descending"}); err != nil {
		return nil, fmt.Errorf("sort: %w", err)
	}
	return json.Marshal(body)
}

type group struct {
	Operator string            `json:"operator"`
	Value    []json.RawMessage `json:"value"`
}

// and joins filters with the user's query.
func and(user json.RawMessage, filters []filter) (json.RawMessage, error) {
	ours := group{Operator: "AND"}
	for _, f := range filters {
		text, err := json.Marshal(f)
		if err != nil {
			return nil, fmt.Errorf("filter on %s: %w", f.Field, err)
		}
		ours.Value = append(ours.Value, text)
	}
	if len(user) == 0 || string(user) == "null" {
		return json.Marshal(ours)
	}
	var theirs struct {
		Operator string          `json:"operator"`
		Value    json.RawMessage `json:"value"`
	}
	if err := json.Unmarshal(user, &theirs); err != nil {
		return nil, fmt.Errorf("payload.query: %w", err)
	}
	if theirs.Operator != "AND" && theirs.Operator != "OR" {
		ours.Value = append(ours.Value, user)
		return json.Marshal(ours)
	}
	var members []json.RawMessage
	if err := json.Unmarshal(theirs.Value, &members); err != nil {
		return nil, fmt.Errorf("payload.query.value: %w", err)
	}
	groups := []json.RawMessage{user}
	if theirs.Operator == "AND" {
		groups = nil
		for _, member := range members {
			if isGroup(member) {
				groups = append(groups, member)
			} else {
				ours.Value = append(ours.Value, member)
			}
		}
	}
	if len(groups) == 0 {
		return json.Marshal(ours)
	}
	text, err := json.Marshal(ours)
	if err != nil {
		return nil, fmt.Errorf("filters: %w", err)
	}
	return json.Marshal(group{Operator: "AND", Value: append([]json.RawMessage{text}, groups...)})
}

func isGroup(query json.RawMessage) bool {
	var g struct {
		Operator string `json:"operator"`
	}
	return json.Unmarshal(query, &g) == nil && (g.Operator == "AND" || g.Operator == "OR")
}

func with(query url.Values, key string, value int64) url.Values {
	query = maps.Clone(query)
	if query == nil {
		query = url.Values{}
	}
	query.Set(key, strconv.FormatInt(value, 10))
	return query
}
