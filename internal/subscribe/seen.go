package subscribe

import (
	"encoding/binary"
	"hash/maphash"

	"intercom-connector/internal/event"
	"intercom-connector/shared/intercom"
)

// maxSeen bounds what is remembered of one scan: about 36 MiB.
const maxSeen = 1 << 20

// A seen is the set of records that this invocation has read in a scan: of each
// a hash of its id and one of its bytes. It tells a record that a shifting list
// shows twice, and what a second reading adds to the first. When it is full, or
// was lost with an earlier invocation, a repeated record is delivered twice
// rather than a new one dropped.
type seen struct {
	records map[uint64]uint64
	seed    maphash.Seed
	lost    bool // what an earlier invocation read is missing
}

// passBit of what is remembered of a record tells which reading met it last.
const passBit = 1

// add takes note of a record that is read for the first time or again. known
// says that this reading had its id before, same that any had these bytes of it.
func (s *seen) add(request int, again bool, record *intercom.Record, sum event.Digest) (known, same bool) {
	if s.records == nil {
		s.records, s.seed = make(map[uint64]uint64), maphash.MakeSeed()
	}
	key := maphash.String(s.seed, record.ID) ^ uint64(request)*0x9e3779b97f4a7c15
	content := binary.LittleEndian.Uint64(sum[:8]) &^ passBit
	if again {
		content |= passBit
	}
	before, met := s.records[key]
	if !met && len(s.records) >= maxSeen {
		return false, false
	}
	s.records[key] = content
	return met && before&passBit == content&passBit, met && before|passBit == content|passBit
}
