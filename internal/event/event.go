// Package event is the envelope in which a record leaves the connector: a
// CloudEvents 1.0 JSON object around the record exactly as Intercom served it.
//
// # Writing
//
// [Event.AppendJSON] and [Event.AppendLine] write an event, by hand and without
// allocating, because every record of every run goes through them. The keys
// come in a fixed order: specversion, id, source, type, subject, time,
// datacontenttype, data, data_base64 or dataref. What is empty is left out, never
// null. [Event.AppendValue] writes the data alone, as a message for a publisher.
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
	// DataRef is where the data is, a URI, instead of Data: the claim check of
	// CloudEvents, for data that is too large for where the event goes.
	// https://github.com/cloudevents/spec/blob/main/cloudevents/extensions/dataref.md
	DataRef string
	// Run is the id of the run that read it, for logs and names. It is not
	// written: an event is the same whichever run it comes from.
	Run string
}
