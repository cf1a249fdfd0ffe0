// Package event is the envelope in which a record leaves the connector: a
// CloudEvents 1.0 JSON object around the record exactly as Intercom served it.
package event

import (
	"time"
)

// An Event is one record on its way out.
type Event struct {
	ID      string    // deterministic, see [ID]
	Source  string    // intercom:<workspace>
	Type    string    // intercom.<resource with dots>.upserted or .deleted
	Subject string    // the record's id, "" where it has none
	Time    time.Time // the record's last change, the zero time where it tells none
	// Data is the record: raw JSON where ContentType is "" or application/json,
	// otherwise text (written as a JSON string) or, for any other type, binary
	// (written as data_base64).
	Data        []byte
	ContentType string
}
