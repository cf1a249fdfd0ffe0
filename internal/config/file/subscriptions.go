package file

import (
	"errors"
	"slices"
	"time"

	"intercom-connector/internal/config"
	"intercom-connector/internal/schedule"
	"intercom-connector/shared/intercom"
)

// The defaults of an incremental read.
const (
	defaultLag     = time.Minute
	defaultOverlap = 10 * time.Minute
	defaultEvery   = 24 * time.Hour
	defaultWindow  = 48 * time.Hour
)

func (c *checker) subscription(name string, doc *Subscription) *config.Subscription {
	n := doc.node
	s := &config.Subscription{
		Name:             name,
		Client:           doc.Client,
		Entity:           doc.Entity,
		Sync:             config.Sync(doc.Sync),
		Paginate:         or(doc.Paginate, false),
		RequestTransform: c.program(n, "request_transform", doc.RequestTransform),
		RecordTransform:  c.program(n, "record_transform", doc.RecordTransform),
		Enabled:          or(doc.Enabled, true),
	}
	if s.Sync == "" {
		s.Sync = config.Full
	}
	subject := "subscription " + name
	c.clientName(doc.Client, n)
	c.times(doc, s)
	s.Schedule = c.schedule(doc, subject)
	s.To = c.destination(doc.To)
	c.route(doc, s, subject)
	if doc.Entity == "" || n.kind != mapKind {
		return s
	}
	if s.Sync == config.Incremental {
		c.incremental(doc, s, subject)
	} else {
		c.full(doc, s, subject)
	}
	return s
}

// full resolves and checks a request that is sent as it stands.
func (c *checker) full(doc *Subscription, s *config.Subscription, subject string) {
	n := doc.node
	op, err := intercom.Find("", doc.Entity, len(doc.Path))
	if err != nil {
		c.notFound(n, err)
		return
	}
	c.request(doc, s, op, subject, nil)
	for _, key := range []string{"start", "lag", "overlap", "resweep"} {
		if n.get(key) != nil {
			c.add(n.keyPlace(key), "%s is for sync: incremental only", key)
		}
	}
	if s.Paginate && op.Paging == intercom.NoPaging {
		c.add(n.keyPlace("paginate"), "%s has no pages", describe(op))
	}
	if payload := n.get("payload"); payload != nil && payload.kind == mapKind {
		if s.Paginate && op.Paging == intercom.CursorBody && payload.get("pagination").get("starting_after") != nil {
			c.add(payload.get("pagination").keyPlace("starting_after"), "starting_after is set by paginate")
		}
		if query := payload.get("query"); query != nil && slices.Contains(op.BodyRequired, "query") && s.RequestTransform == "" {
			c.search(query, false)
		}
	}
	if s.RequestTransform == "" {
		for _, key := range op.BodyRequired {
			if n.get("payload").get(key) == nil {
				c.add(n.place(firstKey(n, "payload", "entity")), "%s needs %s in its payload", describe(op), key)
			}
		}
	}
}

// incremental resolves and checks a read of what changed.
func (c *checker) incremental(doc *Subscription, s *config.Subscription, subject string) {
	n := doc.node
	inc, err := intercom.FindIncremental(doc.Entity, len(doc.Path))
	if err != nil {
		if _, unknown := errors.AsType[*intercom.FindError](err); unknown {
			c.notFound(n, err)
		} else {
			c.add(n.place("sync"), "%v", err)
		}
		return
	}
	c.request(doc, s, inc.Operation, subject, &inc)
	if doc.Paginate != nil && !*doc.Paginate {
		c.add(n.place("paginate"), "an incremental read always reads every page")
	}
	s.Paginate = true
	if inc.Blind != "" {
		c.note(subject, "%s", inc.Blind)
	}
	payload := n.get("payload")
	if payload == nil || payload.kind != mapKind || inc.Strategy != intercom.BySearch {
		return
	}
	for _, e := range payload.fields {
		switch e.key {
		case "query":
			c.search(e.value, true)
		case "sort", "pagination":
			c.add(e.at, "%s is set by sync: incremental", e.key)
		default:
			c.add(e.at, "an incremental search takes no %s in its payload, only query", e.key)
		}
	}
}

// request checks what full and incremental reads have in common; inc is nil for
// a full one.
func (c *checker) request(doc *Subscription, s *config.Subscription, op *intercom.Operation, subject string, inc *intercom.Incremental) {
	n := doc.node
	s.Operation, s.Method, s.Route = op, op.Method, op.Entity()
	s.Path = c.path(n, doc.Entity, doc.Path, op, s.RequestTransform != "")
	if len(doc.Path) == len(s.Path) { // else what is missing has a wrong name
		c.missingPath(n, s.Path, op)
	}
	s.Query = c.query(n)
	s.Payload = c.payload(n, op)

	ours := pagingParameters(op, s.Paginate || inc != nil)
	if inc != nil {
		ours = append(ours, inc.After, inc.Before)
	}
	known := make([]string, 0, len(op.Query))
	for _, param := range op.Query {
		known = append(known, param.Name)
		_, given := s.Query[param.Name]
		if param.Required && !given && s.RequestTransform == "" && !slices.Contains(ours, param.Name) {
			c.add(n.place(firstKey(n, "query", "entity")), "%s needs the query parameter %s", describe(op), param.Name)
		}
	}
	if query := n.get("query"); query != nil {
		for _, e := range query.fields {
			switch {
			case slices.Contains(ours, e.key):
				c.add(e.at, "query parameter %s is set by %s", e.key, setter(inc))
			case !slices.Contains(known, e.key) && !slices.Contains(undeclared, e.key):
				hint := "."
				if near := intercom.Near(e.key, known); len(near) > 0 {
					hint = "; did you mean " + near[0] + "?"
				}
				c.note(subject, "Intercom documents no query parameter %s for %s%s", e.key, describe(op), hint)
			}
		}
	}
	switch {
	case op.SideEffect != "" && doc.SideEffects == "":
		c.add(n.place("entity"), "reading %s changes something: it %s. Say side_effects: allow if that is meant", op.Entity(), op.SideEffect)
	case op.SideEffect == "" && doc.SideEffects != "":
		c.note(subject, "Reading %s has no known side effects: side_effects is not needed.", op.Entity())
	}
}

// undeclared are query parameters that page through entities whose
// documentation does not list them.
var undeclared = []string{"page", "per_page", "starting_after", "order", "sort"}

// pagingParameters are the query parameters that reading every page sets.
func pagingParameters(op *intercom.Operation, paginate bool) []string {
	if !paginate {
		return nil
	}
	switch op.Paging {
	case intercom.CursorQuery:
		return []string{"starting_after"}
	case intercom.PageQuery:
		return []string{"page"}
	case intercom.Scroll:
		return []string{"scroll_param"}
	case intercom.NextCursor:
		return []string{"cursor"}
	default:
		return nil
	}
}

// setter says what sets a parameter that is not the user's to set.
func setter(inc *intercom.Incremental) string {
	if inc != nil {
		return "sync: incremental"
	}
	return "paginate"
}

// notFound places an error of the catalog.
func (c *checker) notFound(n *node, err error) {
	key := "entity"
	if find, ok := errors.AsType[*intercom.FindError](err); ok && find.Params > 0 && len(find.Candidates) > 0 {
		key = "path"
	}
	c.add(n.place(key), "%v", err)
}

// times reads the durations and the start of an incremental read; a full one
// has the defaults.
func (c *checker) times(doc *Subscription, s *config.Subscription) {
	n := doc.node
	s.Lag = c.duration(n, "lag", doc.Lag, defaultLag, 0, 0)
	s.Overlap = c.duration(n, "overlap", doc.Overlap, defaultOverlap, 0, 0)
	s.Resweep = config.Resweep{Every: defaultEvery, Window: defaultWindow}
	if r := doc.Resweep; r != nil {
		if r.off {
			s.Resweep = config.Resweep{}
		} else {
			s.Resweep.Every = c.duration(r.node, "every", r.Every, defaultEvery, time.Minute, 0)
			s.Resweep.Window = c.duration(r.node, "window", r.Window, defaultWindow, time.Minute, 0)
		}
	}
	if doc.Start == "" {
		return
	}
	zone := time.UTC
	if client := c.doc.Clients[doc.Client]; client != nil {
		if z, err := schedule.Zone(client.Timezone); err == nil {
			zone = z
		}
	}
	start, err := time.ParseInLocation(time.DateOnly, doc.Start, zone)
	if err != nil {
		start, err = time.Parse(time.RFC3339, doc.Start)
	}
	if err != nil {
		c.add(n.place("start"), "start %q is neither a date such as 2024-01-31 nor a time such as 2024-01-31T12:00:00Z", doc.Start)
		return
	}
	if start.After(time.Now()) {
		c.note("subscription "+s.Name, "Its start, %s, is in the future.", doc.Start)
	}
	s.Start = start.UTC()
}

// schedule reads the schedule with its time zone, nil for none.
func (c *checker) schedule(doc *Subscription, subject string) *schedule.Schedule {
	n := doc.node
	if doc.Timezone != "" {
		c.timezone(n, doc.Timezone)
	}
	if doc.Schedule == "" {
		return nil
	}
	s, err := schedule.Parse(doc.Schedule, doc.Timezone)
	if errors.Is(err, schedule.ErrTimezone) { // said already
		s, err = schedule.Parse(doc.Schedule, "")
	}
	if problem, ok := errors.AsType[*schedule.Error](err); ok {
		c.add(c.within(n.get("schedule"), problem.Offset), "schedule: %s", problem.Problem)
		return nil
	}
	if _, ever := s.Next(time.Time{}); !ever {
		c.add(n.place("schedule"), "schedule: %s never comes", s)
	} else if _, again := s.Next(time.Now()); !again {
		c.note(subject, "Its schedule, %s, lies in the past: it will not run again.", s)
	}
	return s
}
