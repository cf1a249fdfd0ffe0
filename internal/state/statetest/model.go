package statetest

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"intercom-connector/internal/state"
)

// model plays random histories on a store and on a map, and compares every
// answer. The histories share one store, each under a prefix of its own, so
// that a store which is slow to make can take part.
func (s suite) model(t *testing.T) {
	t.Parallel()
	store := s.newStore(t)
	var history int
	rapid.Check(t, func(rt *rapid.T) {
		history++
		if s.options.Checks > 0 && history > s.options.Checks {
			return
		}
		m := &machine{
			store:  store,
			t:      t,
			prefix: strconv.Itoa(history) + "/",
			live:   map[string]state.Record{},
			used:   map[state.Revision]bool{},
			known:  []state.Revision{"", "made up"},
		}
		rt.Repeat(map[string]func(*rapid.T){
			"create": m.create,
			"save":   m.save,
			"delete": m.delete,
			"get":    m.get,
			"list":   m.list,
		})
		m.compareAll(rt)
	})
}

// A machine is one history. What is past its expiry is not in live: the
// model has no other notion of time, so that no step has to wait.
type machine struct {
	store  state.Store
	t      *testing.T
	prefix string
	live   map[string]state.Record
	used   map[state.Revision]bool
	known  []state.Revision // all that any step may try, most of them stale
}

// key draws one of few keys, so that steps meet.
func (m *machine) key(t *rapid.T) string {
	return m.prefix + rapid.SampledFrom([]string{"a", "b", "a/b", "a%", "a_", "é", "a\x00"}).Draw(t, "key")
}

func (m *machine) value(t *rapid.T) []byte {
	return rapid.SliceOfN(rapid.Byte(), 0, 8).Draw(t, "value")
}

// expires draws an expiry and says whether the record is absent from birth.
func (m *machine) expires(t *rapid.T) (expires time.Time, expired bool) {
	switch rapid.SampledFrom([]string{"never", "later", "past"}).Draw(t, "expires") {
	case "later":
		return time.Now().Add(time.Hour), false
	case "past":
		return time.Now().Add(-time.Minute), true
	default:
		return never, false
	}
}

// revision draws the record's own revision or any that was ever seen.
func (m *machine) revision(t *rapid.T, key string) state.Revision {
	if r, ok := m.live[key]; ok && rapid.Bool().Draw(t, "current") {
		return r.Revision
	}
	return rapid.SampledFrom(m.known).Draw(t, "revision")
}

// wrote takes over what a write that won has done.
func (m *machine) wrote(t *rapid.T, r state.Record, expired bool) {
	if r.Revision == "" || m.used[r.Revision] {
		t.Errorf("revision %q is empty or was there before", r.Revision)
	}
	m.used[r.Revision] = true
	m.known = append(m.known, r.Revision)
	if expired {
		delete(m.live, r.Key)
	} else {
		m.live[r.Key] = r
	}
}

func (m *machine) create(t *rapid.T) {
	key, value := m.key(t), m.value(t)
	expires, expired := m.expires(t)
	rev, err := m.store.Create(m.t.Context(), key, value, expires)
	if _, taken := m.live[key]; taken {
		m.expect(t, "Create", err, state.ErrExists)
		return
	}
	m.expect(t, "Create", err, nil)
	m.wrote(t, state.Record{Key: key, Value: value, Revision: rev, Expires: expires}, expired)
}

func (m *machine) save(t *rapid.T) {
	key, value := m.key(t), m.value(t)
	rev := m.revision(t, key)
	expires, expired := m.expires(t)
	next, err := m.store.Save(m.t.Context(), key, value, rev, expires)
	if r, ok := m.live[key]; !ok || r.Revision != rev {
		m.expect(t, "Save", err, state.ErrConflict)
		return
	}
	m.expect(t, "Save", err, nil)
	m.wrote(t, state.Record{Key: key, Value: value, Revision: next, Expires: expires}, expired)
}

func (m *machine) delete(t *rapid.T) {
	key := m.key(t)
	rev := m.revision(t, key)
	err := m.store.Delete(m.t.Context(), key, rev)
	if r, ok := m.live[key]; !ok || r.Revision != rev {
		m.expect(t, "Delete", err, state.ErrConflict)
		return
	}
	m.expect(t, "Delete", err, nil)
	delete(m.live, key)
}

func (m *machine) get(t *rapid.T) {
	key := m.key(t)
	got, err := m.store.Get(m.t.Context(), key)
	want, ok := m.live[key]
	if !ok {
		m.expect(t, "Get", err, state.ErrNotFound)
		return
	}
	m.expect(t, "Get", err, nil)
	m.same(t, []state.Record{want}, []state.Record{got})
}

func (m *machine) list(t *rapid.T) {
	m.compare(t, m.prefix+rapid.SampledFrom([]string{"", "a", "a/", "a%", "a_", "\xc3", "z", "\xff"}).Draw(t, "prefix"))
}

func (m *machine) compareAll(t *rapid.T) { m.compare(t, m.prefix) }

func (m *machine) compare(t *rapid.T, prefix string) {
	got, err := collect(m.t.Context(), m.store, prefix)
	m.expect(t, "List", err, nil)
	var want []state.Record
	for _, key := range slices.Sorted(maps.Keys(m.live)) {
		if strings.HasPrefix(key, prefix) {
			want = append(want, m.live[key])
		}
	}
	m.same(t, want, got)
}

// expect checks the error that the model foresees.
func (m *machine) expect(t *rapid.T, call string, got, want error) {
	if !errors.Is(got, want) {
		t.Fatalf("%s: got %v, want %v", call, got, want)
	}
}

func (m *machine) same(t *rapid.T, want, got []state.Record) {
	equal := cmp.Options{
		cmp.Comparer(func(a, b []byte) bool { return string(a) == string(b) }),
		cmp.Comparer(sameExpiry),
	}
	if diff := cmp.Diff(want, got, equal); diff != "" {
		t.Fatalf("records (-want +got):\n%s", diff)
	}
}
