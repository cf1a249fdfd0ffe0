package file

import "fmt"

// What Intercom's searches allow
// (https://developers.intercom.com/docs/references/rest-api/api.intercom.io/contacts/searchcontacts).
const (
	maxSearchLevels = 2
	maxSearchGroup  = 15
	// ownFilters is how many filters an incremental read may add beside the
	// user's, ANDed: bounds on two dates, and what splits a day.
	ownFilters = 5
)

// search checks the nesting of a search's query. An incremental read adds
// filters of its own: to the user's where that is an AND, else around it.
func (c *checker) search(query *node, incremental bool) {
	level, own := 1, 0
	if incremental {
		if operator := query.get("operator"); isGroup(query) && operator.text == "OR" {
			level++
		} else {
			own = ownFilters
		}
	}
	c.filter(query, level, own, incremental)
}

// isGroup says whether a filter is an AND or an OR of others.
func isGroup(filter *node) bool {
	operator := filter.get("operator")
	return filter.get("field") == nil && operator != nil && (operator.text == "AND" || operator.text == "OR")
}

// filter checks a filter that is nested so deep, in whose group so many of our
// own come beside the user's.
func (c *checker) filter(filter *node, level, own int, incremental bool) {
	if filter.kind != mapKind {
		c.add(filter.at, "a filter is a mapping with field, operator and value, not %s", filter.kind)
		return
	}
	if !isGroup(filter) {
		for _, key := range []string{"field", "operator", "value"} {
			if filter.get(key) == nil {
				c.add(filter.keyAt, "a filter has field, operator and value; this one has no %s", key)
			}
		}
		return
	}
	why := ""
	if incremental {
		why = ", and an incremental read adds its own around it"
	}
	if level > maxSearchLevels {
		c.add(filter.at, "the filters are nested too deep: Intercom allows %d levels%s", maxSearchLevels, why)
		return
	}
	value := filter.get("value")
	if value == nil || value.kind != listKind {
		c.add(filter.place("value"), "the value of %s is a list of filters", filter.get("operator").text)
		return
	}
	if len(value.items)+own > maxSearchGroup {
		if own > 0 {
			why = fmt.Sprintf(", and an incremental read adds up to %d", own)
		}
		c.add(filter.keyPlace("value"), "%d filters in one group are too many: Intercom allows %d%s", len(value.items), maxSearchGroup, why)
	}
	for _, item := range value.items {
		c.filter(item, level+1, 0, incremental)
	}
}
