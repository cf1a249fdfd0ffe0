package intercomtest

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strconv"
)

// A cursor is where a page begins: after the record with this sort value and
// this id, wherever that is by then. It is all that the service knows of a
// client's position, so what moves between two pages is seen twice or never.
type cursor struct {
	key  uint64
	page int // of the page it leads to
}

// encode returns the cursor as Intercom does: base64 of [milliseconds, id, page].
func (c cursor) encode(e Entity) string {
	b := append([]byte{'['}, strconv.FormatUint(uint64(keyTime(c.key))*1000, 10)...)
	b = append(b, ',', '"')
	b = e.appendID(b, keySeq(c.key))
	b = append(b, '"', ',')
	b = strconv.AppendInt(b, int64(c.page), 10)
	return base64.StdEncoding.EncodeToString(append(b, ']'))
}

var errCursor = &problem{"parameter_invalid", "Invalid starting_after param"}

// decodeCursor reads a cursor of e.
func decodeCursor(e Entity, s string) (cursor, error) {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return cursor{}, errCursor
	}
	var (
		ms   uint64
		id   string
		page int
	)
	parts := []any{&ms, &id, &page}
	if json.Unmarshal(b, &parts) != nil || len(parts) != 3 || page < 2 || ms/1000 >= 1<<32 {
		return cursor{}, errCursor
	}
	seq, ok := e.seq(id)
	if !ok {
		return cursor{}, errCursor
	}
	return cursor{key(uint32(ms/1000), seq), page}, nil
}

// A view is a list of keys in the order a client reads them.
type view struct {
	keys       []uint64 // ascending
	descending bool
}

// page returns up to n keys that come after the cursor (nil: from the
// beginning), and whether more follow. The keys are the caller's.
func (v view) page(after *cursor, n int) (keys []uint64, more bool) {
	from, to := 0, len(v.keys)
	switch {
	case after == nil:
	case v.descending:
		to, _ = slices.BinarySearch(v.keys, after.key)
	default:
		i, found := slices.BinarySearch(v.keys, after.key)
		if found {
			i++
		}
		from = i
	}
	if to-from > n {
		more = true
		if v.descending {
			from = to - n
		} else {
			to = from + n
		}
	}
	keys = slices.Clone(v.keys[from:to])
	if v.descending {
		slices.Reverse(keys)
	}
	return keys, more
}

// slice returns the keys from one position up to another.
func (v view) slice(from, to int) []uint64 {
	if !v.descending {
		return slices.Clone(v.keys[from:to])
	}
	n := len(v.keys)
	keys := slices.Clone(v.keys[n-to : n-from])
	slices.Reverse(keys)
	return keys
}
