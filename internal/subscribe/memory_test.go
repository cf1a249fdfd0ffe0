package subscribe

import (
	"encoding/binary"
	"errors"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"intercom-connector/internal/state"
	"intercom-connector/internal/state/memstate"
)

const memoryKeep = 48 * time.Hour

func remember(t *testing.T, store state.Store, limit int, from int64) *memory {
	t.Helper()
	m := newMemory(store, "checkpoint/ws/sub", memoryKeep)
	m.limit = limit
	if err := m.load(t.Context(), from); err != nil {
		t.Fatal(err)
	}
	return m
}

func deliveryOf(n int) (d delivery) {
	binary.BigEndian.PutUint64(d[:], uint64(n)+1)
	return d
}

func save(t *testing.T, m *memory, now, reach int64) {
	t.Helper()
	if err := m.save(t.Context(), now, reach); err != nil {
		t.Fatal(err)
	}
}

func segments(t *testing.T, store state.Store) (keys []string) {
	t.Helper()
	for record, err := range store.List(t.Context(), "memory/ws/sub/") {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, record.Key)
	}
	return keys
}

func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	store := new(memstate.Store)
	m := remember(t, store, 3*maxSegment, 0)
	const all = 5 * maxSegment
	for n := range all {
		m.add(deliveryOf(n))
		if n%5000 == 0 {
			save(t, m, 1000, 0)
		}
	}
	save(t, m, 1000, 0)
	known := 0
	for _, m := range []*memory{m, remember(t, store, 3*maxSegment, 0)} {
		known = 0
		for n := range all {
			if m.has(deliveryOf(n), 1000) {
				known++
			} else if n > all-2*maxSegment {
				t.Fatalf("delivery %d of %d was forgotten, of the youngest", n, all)
			}
		}
		if known > 3*maxSegment {
			t.Errorf("%d are remembered, %d are the limit", known, 3*maxSegment)
		}
		if m.has(deliveryOf(all), 1000) {
			t.Error("one that was never made is known")
		}
	}
	if int(m.forgotten) != all-known {
		t.Errorf("%d counted as forgotten, it is %d", m.forgotten, all-known)
	}
	if n := len(segments(t, store)); n > 3*maxSegment/openSegment {
		t.Errorf("%d segments are kept", n)
	}
}

func TestMemoryLoadsOnlyWhatIsNeeded(t *testing.T) {
	t.Parallel()
	store := new(memstate.Store)
	const hour = 3600
	m := remember(t, store, maxRemembered, 0)
	for n := range 8 {
		m.add(deliveryOf(n))
		save(t, m, int64(1000+n*10)*hour, 0)
	}
	m = remember(t, store, maxRemembered, (1000+45)*hour)
	for n := range 8 {
		if got, want := m.has(deliveryOf(n), (1000+71)*hour), n >= 5; got != want {
			t.Errorf("delivery %d: known %v, want %v", n, got, want)
		}
	}
	// And lets go of what nobody will ask for.
	m.add(deliveryOf(8))
	save(t, m, (1000+72)*hour, (1000+45)*hour)
	if n := len(segments(t, store)); n > 5 {
		t.Errorf("%d segments are kept", n)
	}
}

// What is met again and again is never forgotten.
func TestMemoryRemembersAnewWhatItMeets(t *testing.T) {
	t.Parallel()
	store := new(memstate.Store)
	const day = 86400
	now := int64(1000 * day)
	m := remember(t, store, maxRemembered, 0)
	m.add(deliveryOf(1))
	save(t, m, now, 0)
	for i := range 20 {
		now += day
		m = remember(t, store, maxRemembered, 0)
		if !m.has(deliveryOf(1), now) {
			t.Fatalf("forgotten after %d days", i+1)
		}
		m.add(deliveryOf(100 + i))
		save(t, m, now, now-2*day)
	}
	if n := len(segments(t, store)); n > 5 {
		t.Errorf("%d segments are kept", n)
	}
}

// TestMemoryAfterAnything breaks the store at random and begins again: what
// was saved and not too much is known, what was never added is not.
func TestMemoryAfterAnything(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		whole := new(memstate.Store)
		saved := map[int]bool{}
		next := 0
		for range rapid.IntRange(1, 6).Draw(rt, "runs") {
			broken := &tripStore{Store: whole, at: rapid.IntRange(1, 12).Draw(rt, "break"), after: rapid.Bool().Draw(rt, "after")}
			m := newMemory(broken, "checkpoint/ws/sub", memoryKeep)
			if err := m.load(t.Context(), 0); err != nil {
				continue
			}
			for n := range saved {
				if !m.has(deliveryOf(n), 1000) {
					rt.Fatalf("%d was saved and is not known", n)
				}
			}
			if m.has(deliveryOf(next), 1000) {
				rt.Fatalf("%d was never made and is known", next)
			}
			tries := 0
			for range rapid.IntRange(1, 6).Draw(rt, "saves") {
				first := next
				for range rapid.SampledFrom([]int{1, 10, openSegment}).Draw(rt, "added") {
					m.add(deliveryOf(next))
					next++
				}
				err := m.save(t.Context(), 1000, 0)
				if err != nil && errors.As(err, new(*OvertakenError)) {
					rt.Fatalf("overtaken by nobody: %v", err)
				}
				if err != nil { // once more, as a run does that ends
					if tries++; m.save(t.Context(), 1000, 0) != nil {
						rt.Fatal("a store that works again is of no use")
					}
				}
				for n := first; n < next; n++ {
					saved[n] = true
				}
				if err != nil {
					break
				}
			}
			if rapid.Bool().Draw(rt, "dies") {
				m.add(deliveryOf(next)) // and never saves it
				next++
				dead := &tripStore{Store: whole, at: 2, after: true}
				m.store = dead
				_ = m.save(t.Context(), 1000, 0)
			}
		}
	})
}

func TestMemoryIsCleared(t *testing.T) {
	t.Parallel()
	store := new(memstate.Store)
	m := remember(t, store, maxRemembered, 0)
	for n := range 2 * maxSegment {
		m.add(deliveryOf(n))
	}
	save(t, m, 1000, 0)
	m = newMemory(store, "checkpoint/ws/sub", memoryKeep)
	if err := m.clear(t.Context()); err != nil {
		t.Fatal(err)
	}
	if keys := segments(t, store); len(keys) != 0 || m.has(deliveryOf(3), 1000) {
		t.Errorf("left over: %v", keys)
	}
	m.add(deliveryOf(1))
	save(t, m, 1000, 0)
	m = remember(t, store, maxRemembered, 0)
	if !m.has(deliveryOf(1), 1000) || m.has(deliveryOf(2), 1000) {
		t.Error("does not remember what came after")
	}
}

func TestMemoryIsFenced(t *testing.T) {
	t.Parallel()
	for _, large := range []bool{false, true} {
		t.Run(strconv.FormatBool(large), func(t *testing.T) {
			t.Parallel()
			store := new(memstate.Store)
			first := remember(t, store, maxRemembered, 0)
			first.add(deliveryOf(0))
			save(t, first, 1000, 0)
			second := remember(t, store, maxRemembered, 0)
			second.add(deliveryOf(1))
			save(t, second, 1000, 0)
			if large {
				for n := range openSegment + 1 {
					first.open = append(first.open, deliveryOf(1000+n))
				}
			}
			first.add(deliveryOf(2))
			if err := first.save(t.Context(), 1000, 0); !errors.As(err, new(*OvertakenError)) {
				t.Errorf("got %v; want that the second has overtaken the first", err)
			}
			second.add(deliveryOf(3))
			save(t, second, 1000, 0)
			third := remember(t, store, maxRemembered, 0)
			for _, n := range []int{0, 1, 3} {
				if !third.has(deliveryOf(n), 1000) {
					t.Errorf("%d is not known", n)
				}
			}
		})
	}
}
