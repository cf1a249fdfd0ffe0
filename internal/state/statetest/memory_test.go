package statetest_test

import (
	"context"
	"errors"
	"iter"
	"maps"
	"path"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"intercom-connector/internal/state"
)

// A memory is the shortest store that keeps the contract, and, with a defect,
// one that breaks it in one place.
type memory struct {
	defect string

	mu      sync.Mutex
	records map[string]state.Record
	counter int
}

// Defects that the test of the suite treats apart.
const (
	holdsLock = "list holds the lock"
	takesAny  = "any value is taken"
)

// defects are what can be wrong with a memory, each a mistake that a real store
// is easily built with.
var defects = []string{
	"revisions start again with each record",
	"revisions are those of the content",
	"revision of a save without expiry is kept",
	"create finds expired records",
	"create over the expired keeps their revision",
	"create writes before it looks",
	"get finds expired records",
	"save finds expired records",
	"save makes what is not there",
	"save ignores the revision",
	"save keeps the old expiry",
	"save takes the empty revision for any",
	"delete finds expired records",
	"delete of nothing is fine",
	"delete ignores the revision",
	"list finds expired records",
	"list is not sorted",
	"list ignores case",
	"list takes the prefix for a pattern",
	"list stops at 500 records",
	holdsLock,
	"list goes on after its error",
	"look and write are two steps",
	"large values are written in two steps",
	"values end at the first zero",
	"values end at 400,000 bytes",
	"written values are aliased",
	"read values are aliased",
	takesAny,
	"any key is taken",
	"keys end at the first zero",
	"expiry in whole seconds",
	"contexts are ignored",
	"a conflict is not found",
}

func newMemory(defect string) *memory {
	return &memory{defect: defect, records: map[string]state.Record{}}
}

func (m *memory) is(defect string) bool {
	if !slices.Contains(defects, defect) {
		panic("no such defect: " + defect)
	}
	return m.defect == defect
}

func (m *memory) check(ctx context.Context, key string, value []byte) error {
	switch {
	case ctx.Err() != nil && !m.is("contexts are ignored"):
		return ctx.Err()
	case !m.is("any key is taken") && (key == "" || len(key) > 1000 || !utf8.ValidString(key)):
		return errors.New("bad key")
	case !m.is(takesAny) && len(value) > state.MaxValue:
		return errors.New("value too large")
	}
	return nil
}

// find returns the record of key unless it has expired; except names the defect
// in which it does not care.
func (m *memory) find(key, except string) (state.Record, bool) {
	r, ok := m.records[m.fold(key)]
	return r, ok && (m.live(r) || m.is(except))
}

func (m *memory) fold(key string) string {
	if m.is("keys end at the first zero") {
		key, _, _ = strings.Cut(key, "\x00")
	}
	return key
}

func (m *memory) live(r state.Record) bool {
	expires := r.Expires
	if m.is("expiry in whole seconds") {
		expires = expires.Truncate(time.Second).Add(time.Second)
	}
	return r.Expires.IsZero() || time.Now().Before(expires)
}

// put writes a record under the lock and returns its revision.
func (m *memory) put(key string, value []byte, expires time.Time) state.Revision {
	key = m.fold(key)
	old := m.records[key]
	m.counter++
	rev := state.Revision(strconv.Itoa(m.counter))
	if m.is("revisions start again with each record") {
		n, _ := strconv.Atoi(string(old.Revision))
		rev = state.Revision(strconv.Itoa(n + 1))
	}
	if m.is("revisions are those of the content") {
		rev = state.Revision("v" + string(value[:min(len(value), 20)]))
	}
	if m.is("revision of a save without expiry is kept") && old.Revision != "" && expires.IsZero() {
		rev = old.Revision
	}
	if m.is("create over the expired keeps their revision") && old.Revision != "" && !m.live(old) {
		rev = old.Revision
	}
	if m.is("values end at 400,000 bytes") {
		value = value[:min(len(value), 400_000)]
	}
	if m.is("values end at the first zero") {
		value = []byte(strings.SplitN(string(value), "\x00", 2)[0])
	}
	if !m.is("written values are aliased") {
		value = slices.Clone(value)
	}
	if m.is("large values are written in two steps") && len(value) > 300<<10 {
		m.records[key] = state.Record{Key: key, Value: value[:300<<10], Revision: rev, Expires: expires}
		m.mu.Unlock()
		time.Sleep(time.Millisecond)
		m.mu.Lock()
	}
	m.records[key] = state.Record{Key: key, Value: value, Revision: rev, Expires: expires}
	return rev
}

// gap lets others in between a look and a write.
func (m *memory) gap() {
	if m.is("look and write are two steps") {
		m.mu.Unlock()
		runtime.Gosched()
		m.mu.Lock()
	}
}

func (m *memory) out(r state.Record) state.Record {
	if !m.is("read values are aliased") {
		r.Value = slices.Clone(r.Value)
	}
	return r
}

func (m *memory) Get(ctx context.Context, key string) (state.Record, error) {
	if err := m.check(ctx, key, nil); err != nil {
		return state.Record{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.find(key, "get finds expired records")
	if !ok {
		return state.Record{}, state.ErrNotFound
	}
	return m.out(r), nil
}

func (m *memory) Create(ctx context.Context, key string, value []byte, expires time.Time) (state.Revision, error) {
	if err := m.check(ctx, key, value); err != nil {
		return "", err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	_, taken := m.find(key, "create finds expired records")
	m.gap()
	if taken {
		if m.is("create writes before it looks") {
			m.put(key, value, expires)
		}
		return "", state.ErrExists
	}
	return m.put(key, value, expires), nil
}

func (m *memory) Save(ctx context.Context, key string, value []byte, rev state.Revision, expires time.Time) (state.Revision, error) {
	if err := m.check(ctx, key, value); err != nil {
		return "", err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.find(key, "save finds expired records")
	m.gap()
	current := ok && r.Revision == rev ||
		ok && m.is("save ignores the revision") ||
		ok && rev == "" && m.is("save takes the empty revision for any") ||
		!ok && m.is("save makes what is not there")
	if !current {
		if m.is("a conflict is not found") {
			return "", state.ErrNotFound
		}
		return "", state.ErrConflict
	}
	if m.is("save keeps the old expiry") {
		expires = r.Expires
	}
	return m.put(key, value, expires), nil
}

func (m *memory) Delete(ctx context.Context, key string, rev state.Revision) error {
	if err := m.check(ctx, key, nil); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.find(key, "delete finds expired records")
	m.gap()
	if !ok && m.is("delete of nothing is fine") {
		return nil
	}
	if !ok || r.Revision != rev && !m.is("delete ignores the revision") {
		return state.ErrConflict
	}
	delete(m.records, m.fold(key))
	return nil
}

func (m *memory) List(ctx context.Context, prefix string) iter.Seq2[state.Record, error] {
	return func(yield func(state.Record, error) bool) {
		if ctx.Err() != nil && !m.is("contexts are ignored") {
			if !yield(state.Record{}, ctx.Err()) || !m.is("list goes on after its error") {
				return
			}
		}
		m.mu.Lock()
		found := m.matching(prefix)
		if m.is(holdsLock) {
			defer m.mu.Unlock()
		} else {
			m.mu.Unlock()
		}
		for _, r := range found {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func (m *memory) matching(prefix string) []state.Record {
	var found []state.Record
	for key := range maps.Keys(m.records) {
		matches := strings.HasPrefix(key, prefix)
		if m.is("list takes the prefix for a pattern") {
			matches, _ = path.Match(strings.ReplaceAll(prefix, "_", "?")+"*", strings.ReplaceAll(key, "/", "|"))
		}
		if r, ok := m.find(key, "list finds expired records"); ok && matches {
			found = append(found, m.out(r))
		}
	}
	if m.is("list is not sorted") {
		return found
	}
	slices.SortFunc(found, func(a, b state.Record) int {
		if m.is("list ignores case") {
			return strings.Compare(strings.ToLower(a.Key), strings.ToLower(b.Key))
		}
		return strings.Compare(a.Key, b.Key)
	})
	if m.is("list stops at 500 records") {
		found = found[:min(len(found), 500)]
	}
	return found
}
