package subscribe

import (
	"encoding/binary"

	"intercom-connector/internal/event"
)

// maxSeen bounds what is remembered of one scan: about 20 MiB.
const maxSeen = 1 << 20

// A seen is the set of records that this invocation has read in a scan. It
// tells a record that a shifting list shows twice, and lets a scan be read again
// for what it missed. When it is full, or was lost with an earlier invocation,
// a repeated record is delivered twice rather than a new one dropped.
type seen struct {
	records map[uint64]struct{}
	partial bool
}

// add reports whether the record is new. The 64 bits that stand for it make
// a mistake about as likely as one in ten million for a million records.
func (s *seen) add(request int, sum event.Digest) bool {
	key := binary.LittleEndian.Uint64(sum[:8]) ^ uint64(request)*0x9e3779b97f4a7c15
	if _, known := s.records[key]; known {
		return false
	}
	if len(s.records) >= maxSeen {
		s.partial = true
		return true
	}
	if s.records == nil {
		s.records = make(map[uint64]struct{})
	}
	s.records[key] = struct{}{}
	return true
}
