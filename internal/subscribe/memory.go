package subscribe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"intercom-connector/internal/state"
)

// What a memory holds at the most. 1,048,576 deliveries are 16 MiB in the
// store and about 35 MiB here.
const (
	maxRemembered = 1 << 20
	maxSegment    = 1 << 14       // deliveries in one record of the store: 256 KiB
	openSegment   = 1 << 12       // up to this many, a segment is written again with what is new
	segmentSpan   = 6 * time.Hour // after which a new segment is begun, so that old ones can go
	memorySlack   = 60 * time.Minute
)

// A delivery is a hash of what was delivered: id, time of change and bytes.
type delivery [16]byte

// A segment is a part of a memory, by the time at which it was delivered.
type segment struct {
	Number int   `json:"n"`
	Count  int   `json:"count"`
	First  int64 `json:"first"` // unix seconds by the server's clock
	Last   int64 `json:"last"`
}

// A memory knows which deliveries were made, as far back as the subscription
// may read again. It is bounded: when it is full it forgets the oldest, which
// may send something twice and never drops anything that was not sent.
//
// It is kept apart from the checkpoint, in segments that are only added to. A
// run loads those that can hold what it may read again.
type memory struct {
	store state.Store
	key   string
	keep  time.Duration // how long a record may be met again after it changed

	index    memoryIndex
	indexRev state.Revision
	open     []delivery // the last segment, while it is written again
	openRev  state.Revision

	indexed   []byte           // what was last written as the index
	unindexed bool             // segments have changed since
	known     map[delivery]int // to the segment's number
	pending   []delivery
	forgotten int64
	limit     int
}

type memoryIndex struct {
	Segments []segment `json:"segments"`
	Next     int       `json:"next"`
}

func newMemory(store state.Store, key string, keep time.Duration) *memory {
	return &memory{
		store: store, key: "memory" + key[len("checkpoint"):], keep: keep,
		known: make(map[delivery]int), limit: maxRemembered,
	}
}

// load reads what may be met again by a run that reads changes since the
// second from: nothing can have been delivered before it happened.
func (m *memory) load(ctx context.Context, from int64) error {
	record, err := m.store.Get(ctx, m.key)
	switch {
	case errors.Is(err, state.ErrNotFound):
		return nil
	case err != nil:
		return fmt.Errorf("load memory %s: %w", m.key, err)
	}
	if err := json.Unmarshal(record.Value, &m.index); err != nil {
		return fmt.Errorf("load memory %s: %w", m.key, err)
	}
	m.indexRev = record.Revision
	for i, s := range m.index.Segments {
		last := i == len(m.index.Segments)-1
		if s.Last < from-int64(memorySlack/time.Second) && !last {
			continue
		}
		if err := m.loadSegment(ctx, s, last); err != nil {
			return err
		}
	}
	return nil
}

func (m *memory) loadSegment(ctx context.Context, s segment, last bool) error {
	record, err := m.store.Get(ctx, m.segmentKey(s.Number))
	switch {
	case errors.Is(err, state.ErrNotFound):
		return nil // somebody has cleared up by hand: forgotten
	case err != nil:
		return fmt.Errorf("load memory %s: %w", m.key, err)
	}
	entries := make([]delivery, len(record.Value)/len(delivery{}))
	for i := range entries {
		copy(entries[i][:], record.Value[i*len(delivery{}):])
		m.known[entries[i]] = s.Number
	}
	if last && len(entries) < openSegment {
		m.open, m.openRev = entries, record.Revision
	}
	return nil
}

// has reports whether d was delivered. What is met again is remembered anew
// before it would be forgotten, so that it stays known as long as it is met.
func (m *memory) has(d delivery, now int64) bool {
	number, ok := m.known[d]
	if !ok {
		return false
	}
	if s, old := m.segment(number); old && s.Last < now-int64(m.keep/time.Second)/2 {
		m.add(d)
	}
	return true
}

// add remembers d, for good once save has returned nil.
func (m *memory) add(d delivery) {
	m.known[d] = m.index.Next
	m.pending = append(m.pending, d)
}

// save writes what was added, and lets go of what was delivered before reach:
// no later run can meet it. now is the server's clock.
func (m *memory) save(ctx context.Context, now, reach int64) error {
	if len(m.pending) == 0 && !m.unindexed {
		return nil
	}
	for len(m.pending) > 0 {
		if err := m.saveSegment(ctx, now); err != nil {
			return err
		}
	}
	stale := m.retire(reach - int64(memorySlack/time.Second))
	if err := m.saveIndex(ctx); err != nil {
		return err
	}
	for _, s := range stale {
		m.drop(ctx, s)
	}
	return nil
}

// saveSegment writes pending deliveries to the open segment, or to a new one.
func (m *memory) saveSegment(ctx context.Context, now int64) error {
	last := len(m.index.Segments) - 1
	if len(m.open) >= openSegment || last >= 0 && now-m.index.Segments[last].First > int64(segmentSpan/time.Second) {
		m.open = nil
	}
	n := min(len(m.pending), maxSegment-len(m.open))
	entries := append(slices.Clip(m.open), m.pending[:n]...)
	s := segment{Number: m.index.Next, First: now}
	if m.open != nil {
		s = m.index.Segments[last]
	} else {
		m.openRev = ""
	}
	s.Count, s.Last = len(entries), now
	rev, err := m.put(ctx, m.segmentKey(s.Number), encode(entries), m.openRev)
	if err != nil {
		return err
	}
	if m.open != nil {
		m.index.Segments[last] = s
	} else {
		m.index.Segments = append(m.index.Segments, s)
		m.index.Next++
	}
	m.open, m.openRev, m.unindexed = entries, rev, true
	m.pending = m.pending[n:]
	return nil
}

// retire takes the segments off the index that ended before the second oldest,
// and the oldest where there are too many.
func (m *memory) retire(oldest int64) []segment {
	total := 0
	for _, s := range m.index.Segments {
		total += s.Count
	}
	var stale []segment
	for len(m.index.Segments) > 1 {
		s := m.index.Segments[0]
		full := total > m.limit
		if !full && s.Last >= oldest {
			break
		}
		if full {
			m.forgotten += int64(s.Count)
		}
		total -= s.Count
		stale = append(stale, s)
		m.index.Segments = m.index.Segments[1:]
	}
	if len(stale) > 0 {
		first := m.index.Segments[0].Number
		maps.DeleteFunc(m.known, func(_ delivery, number int) bool { return number < first })
	}
	return stale
}

func (m *memory) saveIndex(ctx context.Context) error {
	value, err := json.Marshal(&m.index)
	if err != nil {
		return fmt.Errorf("save memory %s: %w", m.key, err)
	}
	last := m.indexed
	m.indexed = value
	rev, err := put(ctx, m.store, m.key, value, last, m.indexRev)
	if err != nil {
		return err
	}
	m.indexRev, m.unindexed = rev, false
	return nil
}

// put writes a segment. One that is there already and not on the index is what
// a run left that died before it could save the index.
func (m *memory) put(ctx context.Context, key string, value []byte, rev state.Revision) (state.Revision, error) {
	if rev == "" {
		created, err := m.store.Create(ctx, key, value, time.Time{})
		if !errors.Is(err, state.ErrExists) {
			return created, wrapf(err, "save memory %s", key)
		}
		leftover, err := m.store.Get(ctx, key)
		if err != nil {
			return "", fmt.Errorf("save memory %s: %w", key, err)
		}
		rev = leftover.Revision
	}
	return put(ctx, m.store, key, value, nil, rev)
}

// drop removes a segment that is not on the index any more. One that stays
// takes room and does nothing else.
func (m *memory) drop(ctx context.Context, s segment) {
	record, err := m.store.Get(ctx, m.segmentKey(s.Number))
	if err == nil {
		_ = m.store.Delete(ctx, record.Key, record.Revision)
	}
}

// clear forgets everything, for a subscription that starts over.
func (m *memory) clear(ctx context.Context) error {
	if err := m.load(ctx, math.MaxInt64); err != nil {
		return err
	}
	stale := m.index.Segments
	m.index.Segments, m.open, m.pending = nil, nil, nil
	clear(m.known)
	if err := m.saveIndex(ctx); err != nil {
		return err
	}
	for _, s := range stale {
		m.drop(ctx, s)
	}
	return nil
}

func encode(entries []delivery) []byte {
	value := make([]byte, 0, len(entries)*len(delivery{}))
	for i := range entries {
		value = append(value, entries[i][:]...)
	}
	return value
}

func (m *memory) segmentKey(number int) string { return fmt.Sprintf("%s/%08d", m.key, number) }

func (m *memory) segment(number int) (segment, bool) {
	i, ok := slices.BinarySearchFunc(m.index.Segments, number, func(s segment, n int) int { return s.Number - n })
	if !ok {
		return segment{}, false
	}
	return m.index.Segments[i], true
}
