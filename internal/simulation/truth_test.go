package simulation_test

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"intercom-connector/internal/event"
	"intercom-connector/internal/transform"
	"intercom-connector/shared/intercom"
	"intercom-connector/shared/intercom/intercomtest"
)

// A version is a record as it was for a while.
type version struct {
	record           string
	raw              []byte
	updated, created int64 // as served
	from, to         time.Time
	current          bool     // to is not yet known
	loud             bool     // its updated_at tells of it
	wanted           bool     // the subscription's own query matches it
	open             bool     // tickets
	events           []string // their ids
}

// throughout reports whether a search saw the version all the time between two
// moments.
func (v *version) throughout(from, to time.Time, lag time.Duration) bool {
	return !v.from.Add(lag).After(from) && (v.current || v.to.After(to))
}

// A truth is every version of every record that there ever was.
type truth struct {
	entity    intercomtest.Entity
	resource  string
	transform *transform.Program
	keep      func(raw []byte) bool // nil for all

	records  map[string][]*version
	existing []string // ids, in the order they were made
	events   map[string]expected
	versions []*version
}

// An expected event is one that would be true.
type expected struct {
	version *version
	data    []byte
}

// observe takes down how a record is now, after a change.
func (t *truth) observe(ws *intercomtest.Workspace, id string, loud bool) {
	now := time.Now()
	if all := t.records[id]; len(all) > 0 && all[len(all)-1].current {
		last := all[len(all)-1]
		last.current, last.to = false, now
	}
	r, exists := ws.Record(t.entity, id)
	if !exists {
		t.existing = slices.DeleteFunc(t.existing, func(other string) bool { return other == id })
		return
	}
	if len(t.records[id]) == 0 {
		t.existing = append(t.existing, id)
	}
	scanned, err := intercom.ScanRecord(r.JSON)
	if err != nil {
		panic(err)
	}
	v := &version{
		record: id, raw: r.JSON, updated: scanned.Updated, created: scanned.Created,
		from: now, current: true, loud: loud, wanted: t.keep == nil || t.keep(r.JSON),
	}
	if t.entity == intercomtest.Tickets {
		var ticket struct {
			Open bool `json:"open"`
		}
		if err := json.Unmarshal(r.JSON, &ticket); err != nil {
			panic(err)
		}
		v.open = ticket.Open
	}
	t.records[id] = append(t.records[id], v)
	t.versions = append(t.versions, v)
	t.foresee(v)
}

// foresee works out the events of a version.
func (t *truth) foresee(v *version) {
	values, err := transform.Records(context.Background(), t.transform, v.raw)
	if err != nil {
		panic(err)
	}
	changed := v.updated
	if changed == 0 {
		changed = v.created
	}
	for i, value := range values {
		id := event.ID(event.Identity{
			Workspace: "fake1234", Subscription: "it", Resource: t.resource, Record: v.record,
			Changed: time.Unix(changed, 0), Content: event.DigestOf(v.raw), Output: i,
		})
		v.events = append(v.events, id)
		t.events[id] = expected{v, value}
	}
}

// changed is the date that an incremental read goes by.
func (v *version) changed() int64 {
	if v.updated != 0 {
		return v.updated
	}
	return v.created
}
