package intercomtest

import (
	"math"
	"slices"
	"time"
)

// A row is all that is remembered about a record that nobody wrote to. The rest
// of it follows from its number, its version and the workspace's seed.
type row struct {
	doc              *document // what clients wrote, nil for nothing
	created, updated uint32    // unix seconds, as served
	touched          uint32    // when it last changed, said or unsaid
	version          uint32    // how often it changed
	gone             bool
}

// A table holds the records of one entity: as they are, and as a search sees
// them, which may be late.
type table struct {
	entity  Entity
	now     *index
	late    *index // the same as now where nothing is late
	lag     time.Duration
	pending []change // not yet in late, oldest first
}

// A change is a row's next state, and when a search sees it.
type change struct {
	seq uint32
	row row
	at  time.Time
}

// newTable fills a table with n records. Their numbers rise with their time of
// creation; their last change is anywhere between that and the end.
func newTable(cfg Config, e Entity, n int) *table {
	end := float64(unix(cfg.End))
	start := end - cfg.Span.Seconds()
	rows := make([]row, n)
	for i := range rows {
		h := hash(cfg.Seed, uint64(e), uint64(i), 1)
		created := start + cfg.Span.Seconds()*(float64(i)+0.5)/float64(n)
		updated := created
		switch {
		case e == ActivityLogs || e == Executions: // what happened does not change
		case h%5 == 0: // never touched again
		default:
			updated += (end - created) * float64(h>>32) / (1 << 32)
		}
		rows[i] = row{
			created: uint32(created),
			updated: uint32(updated),
			touched: uint32(updated),
		}
	}
	t := &table{entity: e, now: newIndex(rows), lag: cfg.IndexLag}
	t.late = t.now
	if t.lag > 0 {
		t.late = newIndex(slices.Clone(rows))
	}
	return t
}

// apply makes changes, seen by a search when it is their time.
func (t *table) apply(changes ...change) {
	t.now.apply(changes)
	if t.lag > 0 {
		at := time.Now().Add(t.lag)
		for i := range changes {
			changes[i].at = at
		}
		t.pending = append(t.pending, changes...)
	}
}

// search returns the table as a search sees it now.
func (t *table) search() *index {
	now, n := time.Now(), 0
	for n < len(t.pending) && !t.pending[n].at.After(now) {
		n++
	}
	if n > 0 {
		t.late.apply(t.pending[:n])
		t.pending = slices.Delete(t.pending, 0, n)
	}
	return t.late
}

// get returns the row of a record that exists.
func (t *table) get(seq uint32) (row, bool) {
	if int64(seq) >= int64(len(t.now.rows)) || t.now.rows[seq].gone {
		return row{}, false
	}
	return t.now.rows[seq], true
}

// find returns the number and row of a record that exists.
func (t *table) find(id string) (uint32, row, bool) {
	seq, ok := t.entity.seq(id)
	if !ok {
		return 0, row{}, false
	}
	r, ok := t.get(seq)
	return seq, r, ok
}

// An index is a set of rows and their order by either date. A key is a time in
// seconds above a number, so keys sort by time and then by id.
type index struct {
	rows       []row
	created    []uint64
	updated    []uint64
	generation uint64 // rises with every change
}

func key(t, seq uint32) uint64    { return uint64(t)<<32 | uint64(seq) }
func keySeq(k uint64) uint32      { return uint32(k) }
func keyTime(k uint64) uint32     { return uint32(k >> 32) }
func unix(t time.Time) uint32     { return uint32(min(max(t.Unix(), 0), math.MaxUint32)) }
func unixNow() uint32             { return unix(time.Now()) }
func fromUnix(s uint32) time.Time { return time.Unix(int64(s), 0).UTC() }

func newIndex(rows []row) *index {
	x := &index{rows: rows, created: make([]uint64, len(rows)), updated: make([]uint64, len(rows))}
	for i, r := range rows {
		x.created[i] = key(r.created, uint32(i))
		x.updated[i] = key(r.updated, uint32(i))
	}
	slices.Sort(x.created)
	slices.Sort(x.updated)
	return x
}

// apply brings rows to their next states, the last one where there are several.
func (x *index) apply(changes []change) {
	last := map[uint32]int{}
	for i, c := range changes {
		last[c.seq] = i
	}
	var created, updated delta
	for i, c := range changes {
		if last[c.seq] != i {
			continue
		}
		for int(c.seq) >= len(x.rows) {
			x.rows = append(x.rows, row{gone: true})
		}
		old := x.rows[c.seq]
		x.rows[c.seq] = c.row
		if !old.gone {
			created.out = append(created.out, key(old.created, c.seq))
			updated.out = append(updated.out, key(old.updated, c.seq))
		}
		if !c.row.gone {
			created.in = append(created.in, key(c.row.created, c.seq))
			updated.in = append(updated.in, key(c.row.updated, c.seq))
		}
	}
	x.created = created.apply(x.created)
	x.updated = updated.apply(x.updated)
	x.generation++
}

// A delta is what leaves a sorted list and what enters it.
type delta struct{ out, in []uint64 }

// apply returns keys changed by d: in place for a few, by merging for many.
func (d delta) apply(keys []uint64) []uint64 {
	if len(d.out)+len(d.in) <= 8 {
		for _, k := range d.out {
			if i, ok := slices.BinarySearch(keys, k); ok {
				keys = slices.Delete(keys, i, i+1)
			}
		}
		for _, k := range d.in {
			i, _ := slices.BinarySearch(keys, k)
			keys = slices.Insert(keys, i, k)
		}
		return keys
	}
	slices.Sort(d.out)
	slices.Sort(d.in)
	merged := make([]uint64, 0, len(keys)+len(d.in))
	out, in := d.out, d.in
	for _, k := range keys {
		if len(out) > 0 && out[0] == k {
			out = out[1:]
			continue
		}
		for len(in) > 0 && in[0] < k {
			merged = append(merged, in[0])
			in = in[1:]
		}
		merged = append(merged, k)
	}
	return append(merged, in...)
}
