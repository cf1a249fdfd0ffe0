package mock

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Version is the only version of the API that is served.
const Version = "2.16"

// A Workspace is one Intercom workspace. Its exported fields are set before the
// first request.
type Workspace struct {
	Token    string         // what a request must carry
	ID       string         // the workspace's id_code
	Region   string         // US, EU or AU
	Zone     *time.Location // where its days begin
	Limit    int            // requests in ten seconds, default 1,666
	Latency  time.Duration  // of every answer
	IndexLag time.Duration  // how late a search sees a change
	// Days has the kinds whose date filters mean whole days of Zone; those of
	// the others mean seconds. New puts contacts in.
	Days map[string]bool
	// Fault decides what goes wrong with the n-th request, counted from 1; nil
	// for nothing.
	Fault func(n int, r *http.Request) Fault
	// Denied has the requests, such as "GET /tags", that answer 403.
	Denied map[string]bool
	// ForeignNext is put in front of the path of every pages.next that is a
	// URL, "" for the address that was asked.
	ForeignNext string

	// Attributes are the custom attributes that a contact may have.
	Attributes map[string]bool

	// ScrollUntold keeps a scroll from telling how many companies there are.
	ScrollUntold bool

	mux *http.ServeMux

	mu       sync.Mutex
	shelves  map[string]*shelf
	requests []Request
	writes   []Write
	fault    Fault // of the request that is being answered
	parts    int   // made so far
	window   window
	scroll   scroll
	// identities has the id of the contact or company by what names it: an
	// e-mail address, say.
	identities map[string]string

	flying atomic.Int64 // requests that are being answered
}

// New returns an empty workspace.
func New(token string, zone *time.Location) *Workspace {
	ws := &Workspace{
		Token: token, ID: "bb12box3", Region: "US", Zone: zone, Limit: 1666,
		Days:    map[string]bool{"contacts": true},
		shelves: map[string]*shelf{}, identities: map[string]string{},
	}
	ws.routes()
	return ws
}

// A shelf has the records of one kind.
type shelf struct {
	all  []*record // in the order they were made
	byID map[string]*record
}

// shelf returns that of a kind; ws.mu is held.
func (ws *Workspace) shelf(kind string) *shelf {
	s := ws.shelves[kind]
	if s == nil {
		s = &shelf{byID: map[string]*record{}}
		ws.shelves[kind] = s
	}
	return s
}

// Fill adds n records of a kind, made at even distances over the time before
// now and changed at some later moment, never in the last ten minutes.
func (ws *Workspace) Fill(kind string, n int, over time.Duration) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	end := time.Now().Add(-10 * time.Minute).Unix()
	begin := end - int64(over/time.Second)
	for i := range n {
		created := begin + (end-begin)*int64(i)/int64(n)
		// A different walk through the same time for the changes: what was made
		// early may have changed late.
		updated := created + (end-created)*int64((i*7919)%1000)/1000
		ws.put(kind, created, updated, ws.fields(kind, i))
	}
}

// Put adds one record with fields of its own and returns its id.
func (ws *Workspace) Put(kind string, created, updated time.Time, fields map[string]any) string {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	r := ws.put(kind, created.Unix(), updated.Unix(), fields)
	if kind == "contacts" {
		ws.claim(r)
	}
	return r.id
}

func (ws *Workspace) put(kind string, created, updated int64, fields map[string]any) *record {
	s := ws.shelf(kind)
	n := len(s.all) + 1
	if _, has := fields["id"]; !has {
		fields["id"] = idOf(kind, n)
	}
	r := &record{kind: kind, number: n, created: created, updated: updated, fields: fields}
	r.id, _ = fields["id"].(string)
	r.encode()
	s.all = append(s.all, r)
	s.byID[r.id] = r
	return r
}

// idOf gives contacts and companies ids in hexadecimal and all others numbers,
// as Intercom does.
func idOf(kind string, n int) string {
	if kind == "contacts" || kind == "companies" {
		return fmt.Sprintf("66f0%020x", n*2654435761)
	}
	return strconv.Itoa(215400 + n)
}

// Touch changes a record now. A search sees it IndexLag later.
func (ws *Workspace) Touch(kind, id string) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	ws.change(ws.shelf(kind).byID[id], func(map[string]any) {})
}

// change puts another version of a record in its place; ws.mu is held.
func (ws *Workspace) change(old *record, edit func(fields map[string]any)) *record {
	s := ws.shelf(old.kind)
	changed := *old
	changed.fields = maps.Clone(old.fields)
	edit(changed.fields)
	changed.revision++
	changed.fields["revision"] = changed.revision
	changed.updated = time.Now().Unix()
	changed.visible = time.Now().Add(ws.IndexLag)
	changed.before = old.indexed(time.Now())
	changed.encode()
	s.byID[old.id] = &changed
	s.all[changed.number-1] = &changed
	return &changed
}

// Delete removes a record without a trace.
func (ws *Workspace) Delete(kind, id string) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	s := ws.shelf(kind)
	s.all[s.byID[id].number-1] = nil
	delete(s.byID, id)
}

// IDs are those of all records of a kind, sorted.
func (ws *Workspace) IDs(kind string) []string {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	return slices.Sorted(maps.Keys(ws.shelf(kind).byID))
}

// Records are all records of a kind as they are served now, by id.
func (ws *Workspace) Records(kind string) map[string]string {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	out := map[string]string{}
	for id, r := range ws.shelf(kind).byID {
		out[id] = string(r.json)
	}
	return out
}

// listed are the records of a kind; ws.mu is held.
func (ws *Workspace) listed(kind string) []*record {
	var out []*record
	for _, r := range ws.shelf(kind).all {
		if r != nil {
			out = append(out, r)
		}
	}
	return out
}

// newestFirst are the records of a kind by their last change; ws.mu is held.
func (ws *Workspace) newestFirst(kind string) []*record {
	all := ws.listed(kind)
	slices.SortStableFunc(all, func(a, b *record) int {
		return cmp.Or(cmp.Compare(b.updated, a.updated), cmp.Compare(b.number, a.number))
	})
	return all
}
