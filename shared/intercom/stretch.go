package intercom

// maxBack is how many pages a list by page number is gone back in all. It only
// stops a server whose totals jump up and down for ever.
const maxBack = 1_000

// A Stretch is what has been read of a list by page number while records
// vanish from it, counted in records from the list's front. The zero Stretch
// is before the first page.
//
// After a deletion, records that had been behind the page read last may be in
// front of it. How many can be told from the total, and so can up to where
// everything is certain to have been read.
type Stretch struct {
	// First is the number of the page that reading began with.
	First int64 `json:"p,omitempty"`
	// Size is how many records a page holds.
	Size int64 `json:"s,omitempty"`
	// Front is up to where everything has been read.
	Front int64 `json:"f,omitempty"`
	// From and To are the borders of a page beyond Front that has been read, too.
	From int64 `json:"a,omitempty"`
	To   int64 `json:"b,omitempty"`
	// Back is how many pages were gone back.
	Back int64 `json:"k,omitempty"`
}

func newStretch(first, size int64) Stretch {
	size = max(size, 1)
	return Stretch{First: first, Size: size, Front: (first - 1) * size}
}

// Add takes note that page number was read, and that the list had lost fall
// records since the page before. It returns the number of the page to go back
// to, 0 where nothing has slipped.
func (s *Stretch) Add(number, fall int64) (back int64) {
	// At worst, all that vanished was in front.
	s.Front = max(s.Front-fall, (s.First-1)*s.Size)
	s.To -= fall

	from, to := (number-1)*s.Size, number*s.Size
	if from > s.Front {
		back = max(s.Front/s.Size+1, s.First)
		if s.Back += number - back; s.Back <= maxBack {
			s.From, s.To = from, to
			return back
		}
	}
	s.Front = max(s.Front, to)
	if s.From <= s.Front {
		// The page beyond has moved to the front, at most, and so touches.
		s.Front = max(s.Front, s.To)
		s.From, s.To = 0, 0
	}
	return 0
}
