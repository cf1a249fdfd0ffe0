// Package event is the envelope in which a record leaves the connector: a
// CloudEvents 1.0 JSON object around the record exactly as Intercom served it.
//
// # Writing
//
// [Event.AppendJSON] and [Event.AppendLine] write an event, by hand and without
// allocating, because every record of every run goes through them. The keys
// come in a fixed order: specversion, id, source, type, subject, time,
// datacontenttype, data or data_base64. What is empty is left out, never null.
//
// # Naming
//
// [ID] makes the same id for the same change of the same record on every run,
// so whoever receives an event twice can tell. [Resource], [Type] and [Source]
// are the names that an event goes by.
package event

import (
	"time"
)

// An Event is one record on its way out.
type Event struct {
	ID      string    // deterministic, see [ID]
	Source  string    // intercom:<workspace>, see [Source]
	Type    string    // intercom.<resource with dots>.upserted or .deleted, see [Type]
	Subject string    // the record's id, "" where it has none
	Time    time.Time // the record's last change, the zero time where it tells none
	// Data is the record: raw JSON where ContentType is "" or application/json,
	// otherwise text (written as a JSON string) or, for any other type, binary
	// (written as data_base64).
	Data        []byte
	ContentType string
}
