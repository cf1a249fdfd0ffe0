package intercomtest

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Records of what happened: activity logs, executions of data connectors, and
// the events of contacts.
//
// https://developers.intercom.com/docs/references/rest-api/api.intercom.io/admins/listactivitylogs
var logHandlers = map[string]handler{
	"GET /admins/activity_logs":                    (*Workspace).listActivityLogs,
	"POST /admins/activity_logs/search":            (*Workspace).searchActivityLogs,
	"GET /admins/activity_log_event_types":         (*Workspace).activityTypes,
	"GET /data_connectors/{}/execution_results":    (*Workspace).listExecutions,
	"GET /data_connectors/{}/execution_results/{}": getter(Executions, "Execution Result"),
	"GET /events": (*Workspace).listEvents,
}

var activities = [...]string{"admin_login_success", "app_name_change", "message_state_change", "bulk_export", "admin_away_mode_change"}

func (ws *Workspace) writeActivityLog(w *writer, seq uint32, r *row) {
	kind := activities[seq%uint32(len(activities))]
	w.open('{')
	w.idOf("id", ActivityLogs, seq)
	w.obj("performed_by")
	w.str("type", "admin")
	w.str("id", sharedID(0))
	w.str("email", "admin0@example.com")
	w.str("ip", "127.0.0.1")
	w.end()
	w.obj("metadata")
	w.str("before", "before "+strconv.Itoa(int(r.version)))
	w.end()
	w.int("created_at", int64(r.created))
	w.str("activity_type", kind)
	w.str("activity_description", "Admin 0 did "+kind)
	w.end()
}

// activityTypes are names, not objects.
func (ws *Workspace) activityTypes(c *call) {
	ws.plainList(c, "activity_log_event_type.list", "event_types", len(activities), func(w *writer, i int) { w.value(activities[i]) })
}

// listActivityLogs needs a beginning. Pages of 20 are found by the URL alone.
func (ws *Workspace) listActivityLogs(c *call) {
	ws.activityLogs(c, func(string) bool { return true }, 20, nextURL)
}

// searchActivityLogs has its parameters in the body, and no next.
func (ws *Workspace) searchActivityLogs(c *call) {
	wanted, _, err := scalars([]byte(orEmpty(c.param("event_types"))))
	if err != nil && c.param("event_types") != "" {
		c.failWith(err)
		return
	}
	ws.activityLogs(c, func(kind string) bool {
		for _, w := range wanted {
			if w.text == kind {
				return true
			}
		}
		return len(wanted) == 0
	}, 250, nextNone)
}

func orEmpty(s string) string {
	if s == "" {
		return "null"
	}
	return s
}

// activityLogs answers with the logs between two times, both excluded.
func (ws *Workspace) activityLogs(c *call, keep func(kind string) bool, most int, next nextForm) {
	if c.param("created_at_after") == "" {
		c.fail(http.StatusBadRequest, "parameter_missing", "created_at_after is missing")
		return
	}
	from, err := c.seconds("created_at_after", 0)
	if err != nil {
		c.failWith(err)
		return
	}
	to, err := c.seconds("created_at_before", int64(unixNow())+1)
	if err != nil {
		c.failWith(err)
		return
	}
	if ws.cfg.LogWindow > 0 && to-from > int64(ws.cfg.LogWindow.Seconds()) {
		c.fail(http.StatusInternalServerError, "server_error", "Server Error")
		return
	}
	keys, rows := ws.latest(ActivityLogs, func(seq uint32, r *row) bool {
		at := int64(r.created)
		return at > from && at < to && keep(activities[seq%uint32(len(activities))])
	})
	n := numbered{list: "activity_log.list", items: "activity_logs", total: len(keys), perPage: 20, most: most, next: next, noTotal: true}
	ws.numbered(c, n, func(w *writer, i int) { ws.write(w, ActivityLogs, keySeq(keys[i]), rows[i]) })
}

// connectors is how many data connectors have executions.
const connectors = 3

func (ws *Workspace) writeExecution(w *writer, seq uint32, r *row) {
	w.open('{')
	w.str("type", "data_connector.execution")
	w.idOf("id", Executions, seq)
	w.str("data_connector_id", sharedID(int(seq%connectors)))
	w.bool("success", seq%4 != 0)
	w.int("http_status", int64([...]int{500, 200, 200, 201}[seq%4]))
	w.str("http_method", "post")
	w.str("request_url", "https://api.example.com/webhook")
	w.int("execution_time_ms", int64(ws.rnd(Executions, seq, 't')%900))
	w.str("source_type", "workflow")
	w.str("source_id", "5001")
	w.iso("created_at", r.created)
	w.end()
}

// listExecutions shows the last hour to those who ask for no other time.
func (ws *Workspace) listExecutions(c *call) {
	connector, ok := sharedIndex(c.params[0])
	if !ok || connector >= ws.cfg.Others {
		c.notFound("Data Connector")
		return
	}
	now := time.Now()
	from, err := c.seconds("start_ts", now.Add(-time.Hour).Unix())
	if err != nil {
		c.failWith(err)
		return
	}
	to, err := c.seconds("end_ts", now.Unix()+1)
	if err != nil {
		c.failWith(err)
		return
	}
	success := c.query.Get("success")
	ws.listTuples(c, Executions, 10, 30, func(seq uint32, r *row) bool {
		at := int64(r.created)
		return int(seq%connectors) == connector && at >= from && at < to &&
			(success == "" || success == strconv.FormatBool(seq%4 != 0))
	})
}

// eventCount is how many events a contact has: few, and for some several pages.
func eventCount(seq uint32) int {
	if seq%31 == 0 {
		return 120
	}
	return int(seq % 8)
}

// eventsKept is how far back events can be read.
const eventsKept = 90 * 24 * time.Hour

// listEvents answers GET /events: of one contact, the latest first, the next
// page by a URL.
func (ws *Workspace) listEvents(c *call) {
	seq, r, ok := ws.eventContact(c)
	if !ok {
		return
	}
	events := ws.eventsOf(seq, r)
	if c.query.Get("summary") == "true" {
		c.json(ws.eventSummary(seq, &r, events))
		return
	}
	perPage := 50
	if s := c.query.Get("per_page"); s != "" {
		var err error
		if perPage, err = pageSize(s, 150); err != nil {
			c.failWith(err)
			return
		}
	}
	before := len(events)
	if s := c.query.Get("before"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > len(events) {
			c.failWith(invalid("before %q is not one of this list", s))
			return
		}
		before = n
	}
	from := max(0, before-perPage)
	var w writer
	w.open('{')
	w.str("type", "event.list")
	w.list("events")
	for i := before - 1; i >= from; i-- {
		e := events[i]
		w.open('{')
		w.str("type", "event")
		w.str("id", e.id)
		w.str("event_name", e.name)
		w.int("created_at", int64(e.at))
		w.str("user_id", ws.externalID(seq, &r))
		w.idOf("intercom_user_id", Contacts, seq)
		w.str("email", ws.email(seq, &r))
		w.raw("metadata", string(e.metadata))
		w.end()
	}
	w.endList()
	w.obj("pages")
	if from > 0 {
		q := maps.Clone(c.query)
		q.Set("before", strconv.Itoa(from))
		w.str("next", ws.cfg.apiBase()+"/events?"+q.Encode())
	}
	w.end()
	w.str("email", ws.email(seq, &r))
	w.idOf("intercom_user_id", Contacts, seq)
	w.str("user_id", ws.externalID(seq, &r))
	w.end()
	c.json(w.b)
}

// eventContact finds whose events are asked for; it answers where it does not.
func (ws *Workspace) eventContact(c *call) (uint32, row, bool) {
	if c.query.Get("type") != "user" {
		c.fail(http.StatusBadRequest, "parameter_missing", "type is missing, or not user")
		return 0, row{}, false
	}
	who := object{}
	for _, k := range []string{"intercom_user_id", "user_id", "email"} {
		if v := c.query.Get(k); v != "" {
			who = who.with(k, quoted(v))
		}
	}
	if len(who) == 0 {
		c.fail(http.StatusBadRequest, "parameter_missing", "one of user_id, intercom_user_id and email is needed")
		return 0, row{}, false
	}
	ws.mu.Lock()
	seq, r, ok := ws.namedContact(who, "intercom_user_id", "user_id")
	ws.mu.Unlock()
	if !ok {
		c.notFound("User")
	}
	return seq, r, ok
}

// An event is something that a contact did.
type event struct {
	id, name string
	at       uint32
	metadata json.RawMessage
}

// eventsOf returns a contact's events, the oldest first, as far back as they are
// kept: those that are made up, and those that clients sent.
func (ws *Workspace) eventsOf(seq uint32, r row) []event {
	n := eventCount(seq)
	if r.made() {
		n = 0
	}
	end := max(unix(ws.cfg.End), r.created)
	var all []event
	for i := range n {
		all = append(all, event{
			id:       requestID(uint64(seq), i),
			name:     "event-" + strconv.Itoa(i%5),
			at:       r.created + uint32(uint64(end-r.created)*uint64(i)/uint64(n)),
			metadata: json.RawMessage(`{"number":` + strconv.Itoa(i) + `}`),
		})
	}
	ws.mu.Lock()
	sent := ws.events[seq]
	ws.mu.Unlock()
	if len(sent) > 0 {
		all = append(all, sent...)
		slices.SortStableFunc(all, func(a, b event) int { return cmp.Compare(a.at, b.at) })
	}
	oldest := int64(unixNow()) - int64(eventsKept.Seconds())
	return slices.DeleteFunc(all, func(e event) bool { return int64(e.at) < oldest })
}

func (ws *Workspace) eventSummary(seq uint32, r *row, events []event) []byte {
	var names []string
	byName := map[string][]event{}
	for _, e := range events {
		if byName[e.name] == nil {
			names = append(names, e.name)
		}
		byName[e.name] = append(byName[e.name], e)
	}
	var w writer
	w.open('{')
	w.str("type", "event.summary")
	w.str("email", ws.email(seq, r))
	w.idOf("intercom_user_id", Contacts, seq)
	w.str("user_id", ws.externalID(seq, r))
	w.list("events")
	for _, name := range names {
		same := byName[name]
		w.open('{')
		w.str("name", name)
		w.iso("first", same[0].at)
		w.iso("last", same[len(same)-1].at)
		w.int("count", int64(len(same)))
		w.end()
	}
	w.endList()
	w.end()
	return w.b
}
