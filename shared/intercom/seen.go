package intercom

import (
	"hash/fnv"
	"slices"
)

// Seen remembers cursors in a fixed amount of memory, well enough to notice
// any circle: the last few by themselves, longer circles by Brent's method,
// which compares each cursor with one that is kept for twice as long every
// time. The zero Seen has seen none.
type Seen struct {
	// Last are the hashes of the last cursors, newest first.
	Last [8]uint64 `json:"h,omitzero"`
	// Kept is the hash of the cursor that others are compared with.
	Kept uint64 `json:"k,omitempty"`
	// Since is how many cursors came since Kept.
	Since uint64 `json:"n,omitempty"`
	// Until is how many may come before another one is kept.
	Until uint64 `json:"u,omitempty"`
}

// Add takes note of a cursor. It is false where the cursor is known to have
// been there. A circle is found at the latest when three times as many cursors
// have come as were different.
func (s *Seen) Add(cursor string) bool {
	h := fnv.New64a()
	h.Write([]byte(cursor))  // a hash's Write never fails
	sum := max(h.Sum64(), 1) // 0 stands for none
	if sum == s.Kept || slices.Contains(s.Last[:], sum) {
		return false
	}
	copy(s.Last[1:], s.Last[:])
	s.Last[0] = sum
	if s.Since++; s.Since > s.Until {
		s.Kept, s.Since, s.Until = sum, 0, max(2*s.Until, 1)
	}
	return true
}
