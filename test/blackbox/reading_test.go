package blackbox_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"intercom-connector/test/blackbox/mock"
)

// entities are what the mock serves in pages, by each way of paging.
var entities = []struct {
	name   string // the situation
	kind   string // of the mock
	config string // of the subscription
	typ    string // of its events
}{
	{"contacts by search", "contacts", `entity: contacts, sync: incremental`, "intercom.contacts.upserted"},
	{"conversations by search", "conversations", `entity: conversations, sync: incremental`, "intercom.conversations.upserted"},
	{"tickets by search", "tickets", `entity: tickets, sync: incremental`, "intercom.tickets.upserted"},
	{"macros by filter", "macros", `entity: macros, sync: incremental`, "intercom.macros.upserted"},
	{"activity logs by windows", "activity_logs", `entity: admins/activity_logs, sync: incremental, start: "%s"`, "intercom.admins.activity_logs.upserted"},
	{"executions by windows", "executions", `entity: "data_connectors/{data_connector_id}/execution_results", path: {data_connector_id: "7"}, sync: incremental, start: "%s"`, "intercom.data_connectors.execution_results.upserted"},
	{"articles newest first", "articles", `entity: articles, sync: incremental`, "intercom.articles.upserted"},
	{"collections newest first", "collections", `entity: help_center/collections, sync: incremental`, "intercom.help_center.collections.upserted"},
	{"contacts by list", "contacts", `entity: contacts, query: {per_page: 50}, paginate: true`, "intercom.contacts.upserted"},
	{"contacts by a search of one's own", "contacts", `entity: contacts/search, payload: {query: {field: created_at, operator: ">", value: 0}}, paginate: true`, "intercom.contacts.upserted"},
	{"conversations by list", "conversations", `entity: conversations, paginate: true`, "intercom.conversations.upserted"},
	{"companies by scroll", "companies", `entity: companies/scroll, paginate: true, side_effects: allow`, "intercom.companies.upserted"},
	{"companies by list", "companies", `entity: companies/list, paginate: true`, "intercom.companies.upserted"},
	{"articles by list", "articles", `entity: articles, paginate: true`, "intercom.articles.upserted"},
	{"tags in one piece", "tags", `entity: tags`, "intercom.tags.upserted"},
}

// subscription is the line of a configuration for the i-th entity.
func subscription(config string) string {
	if start := time.Now().AddDate(0, 0, -90).Format(time.DateOnly); len(config) > 0 {
		for i := range len(config) - 1 {
			if config[i:i+2] == "%s" {
				config = fmt.Sprintf(config, start)
				break
			}
		}
	}
	return "  it: {client: main, " + config + ", to: {type: file, path: out.ndjson}}\n"
}

func TestEveryWayOfPagingIsReadToItsEnd(t *testing.T) {
	t.Parallel()
	for _, tt := range entities {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ws := amsterdam(t)
			ws.Fill(tt.kind, 700, 60*24*time.Hour)
			d := newDesk(t, reads(serve(t, ws), subscription(tt.config)))
			rep := d.done("it")
			all := d.whole("out.ndjson")
			holds(t, all, ws.Records(tt.kind))
			once(t, all)
			if rep.Events != 700 || len(all) != 700 {
				t.Errorf("reported %d events, wrote %d, want 700", rep.Events, len(all))
			}
			for _, e := range all {
				if e.Type != tt.typ || e.Source != "intercom:"+ws.ID {
					t.Fatalf("event of type %s and source %s, want %s", e.Type, e.Source, tt.typ)
				}
			}
		})
	}
}

// Every sixth request goes wrong, each time in another way. A scroll that is
// broken takes a minute, see TestBrokenScrollStartsOver; here it is late and
// limited only.
func TestFaultsLoseNothing(t *testing.T) {
	t.Parallel()
	for _, tt := range entities {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ws := amsterdam(t)
			ws.Fill(tt.kind, 700, 60*24*time.Hour)
			faults := mock.Faults()
			if contains(tt.config, "scroll") {
				faults = []mock.Fault{mock.Limited, mock.Slow}
			}
			ws.Fault = func(n int, _ *http.Request) mock.Fault {
				if n%6 != 1 {
					return mock.None
				}
				return faults[n/6%len(faults)]
			}
			d := newDesk(t, reads(serve(t, ws), subscription(tt.config)))
			d.done("it")
			holds(t, d.whole("out.ndjson"), ws.Records(tt.kind))
		})
	}
}

// Records change while they are read, and a search sees it late. What one run
// does not have the next one has.
func TestChangesWhileReadingAreNotLost(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"contacts", "conversations", "tickets"} {
		for _, days := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, dates by the day %v", kind, days), func(t *testing.T) {
				t.Parallel()
				ws := mock.New(token, zone(t, "Pacific/Auckland"))
				ws.Fill(kind, 3000, 20*24*time.Hour)
				ws.Days = map[string]bool{kind: days}
				ws.IndexLag = 400 * time.Millisecond
				ws.Latency = 20 * time.Millisecond
				d := newDesk(t, reads(serve(t, ws), subscription("entity: "+kind+", sync: incremental")))

				stop := busy(ws, kind)
				d.done("it")
				d.done("it")
				stop()
				time.Sleep(2 * ws.IndexLag)
				d.done("it")
				all := d.whole("out.ndjson")
				holds(t, all, ws.Records(kind))
				once(t, all)
			})
		}
	}
}

// busy changes records of a kind until it is stopped.
func busy(ws *mock.Workspace, kind string) (stop func()) {
	ids := ws.IDs(kind)
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(3 * time.Millisecond)
		defer tick.Stop()
		for i := 0; ; i++ {
			select {
			case <-end:
				return
			case <-tick.C:
				ws.Touch(kind, ids[i*7919%len(ids)])
			}
		}
	}()
	return func() {
		close(end)
		<-ended
	}
}

// A second change within the same second is a change.
func TestSecondChangeInTheSameSecond(t *testing.T) {
	t.Parallel()
	ws := amsterdam(t)
	ws.Fill("contacts", 100, 5*24*time.Hour)
	d := newDesk(t, reads(serve(t, ws), subscription("entity: contacts, sync: incremental")))
	d.done("it")
	id := ws.IDs("contacts")[17]
	for range 3 {
		ws.Touch("contacts", id)
		d.done("it")
		holds(t, d.whole("out.ndjson"), ws.Records("contacts"))
	}
	once(t, d.whole("out.ndjson"))
}

// An incremental run costs what the changes fill.
func TestIncrementalRunAsksForTheChangesOnly(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"contacts", "conversations"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			ws := amsterdam(t)
			ws.Fill(kind, 15_000, 60*24*time.Hour)
			d := newDesk(t, reads(serve(t, ws), subscription("entity: "+kind+", sync: incremental")))
			d.done("it")

			ids := ws.IDs(kind)
			const changed = 600
			for i := range changed {
				ws.Touch(kind, ids[i*25])
			}
			ws.Forget()
			rep := d.done("it")
			if rep.Events != changed {
				t.Errorf("%d events, want %d", rep.Events, changed)
			}
			holds(t, d.whole("out.ndjson"), ws.Records(kind))
			pages := (changed + 149) / 150
			if got, most := len(ws.Requests()), pages*12/10+3; got > most {
				t.Errorf("%d requests for %d pages of changes, want at most %d", got, pages, most)
			}
		})
	}
}

// Nothing is sent between a 429 and its reset, and a low limit is kept without
// running into it all the time.
func TestLowRateLimitIsKept(t *testing.T) {
	t.Parallel()
	ws := amsterdam(t)
	ws.Limit = 25
	ws.Latency = 50 * time.Millisecond
	ws.Fill("contacts", 6000, 60*24*time.Hour)
	d := newDesk(t, reads(serve(t, ws), subscription("entity: contacts, sync: incremental")))
	rep := d.done("it")
	holds(t, d.whole("out.ndjson"), ws.Records("contacts"))
	if rep.Throttled > 5 {
		t.Errorf("ran into the limit %d times, want at most a handful", rep.Throttled)
	}
	var until, told time.Time
	for _, r := range ws.Requests() {
		// What was on its way when the answer left is nobody's fault.
		if r.At.After(told.Add(time.Second)) && r.At.Before(until) {
			t.Errorf("%s %s was sent at %v although there was nothing left until %v", r.Method, r.Path, r.At, until)
		}
		if r.Status == http.StatusTooManyRequests {
			told, until = r.At, time.Unix(r.At.Unix()/10*10+10, 0)
		}
	}
}
