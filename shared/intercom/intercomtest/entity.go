package intercomtest

import (
	"strconv"
	"strings"
)

// An Entity is a kind of record that the workspace keeps and that can be
// changed. Everything else it serves never changes.
type Entity uint8

// The kinds of records that can be changed.
const (
	Contacts Entity = iota
	Conversations
	Tickets
	Companies
	Articles
	Collections
	Macros
	ActivityLogs
	Executions // of data connectors

	entities
)

var entityNames = [entities]string{
	"contacts", "conversations", "tickets", "companies", "articles",
	"help_center/collections", "macros", "admins/activity_logs", "data_connectors/execution_results",
}

// String returns the entity as the API's paths spell it.
func (e Entity) String() string {
	if e < entities {
		return entityNames[e]
	}
	return "entity " + strconv.Itoa(int(e))
}

// The ids of contacts and companies are 24 hexadecimal digits, the others are
// decimal. Both end in the record's number, so that an id finds its record
// without a map, and ids sort as their numbers do.
const (
	contactPrefix = "6762f0d01bb69f9f"
	companyPrefix = "5f4d3c1c7b1b4d7d"
	firstID       = 100_001 // of the decimal ones, where Intercom counts from 1
)

// id returns the id of the record with the number seq.
func (e Entity) id(seq uint32) string { return string(e.appendID(nil, seq)) }

func (e Entity) appendID(b []byte, seq uint32) []byte {
	switch e {
	case Contacts:
		return appendHex(append(b, contactPrefix...), seq)
	case Companies:
		return appendHex(append(b, companyPrefix...), seq)
	default:
		return strconv.AppendUint(b, uint64(seq)+firstID, 10)
	}
}

func appendHex(b []byte, n uint32) []byte {
	const digits = "0123456789abcdef"
	for shift := 28; shift >= 0; shift -= 4 {
		b = append(b, digits[n>>shift&15])
	}
	return b
}

// seq returns the number in id; whether there is such a record is another
// question.
func (e Entity) seq(id string) (uint32, bool) {
	var prefix string
	switch e {
	case Contacts:
		prefix = contactPrefix
	case Companies:
		prefix = companyPrefix
	default:
		n, err := strconv.ParseUint(id, 10, 32)
		return uint32(n - firstID), err == nil && n >= firstID
	}
	rest, ok := strings.CutPrefix(id, prefix)
	if !ok || len(rest) != 8 {
		return 0, false
	}
	n, err := strconv.ParseUint(rest, 16, 32)
	return uint32(n), err == nil
}
