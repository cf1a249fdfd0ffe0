package simulation_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"intercom-connector/shared/intercom/intercomtest"
)

// A plan is what the seed decides before anything happens.
type plan struct {
	entity        intercomtest.Entity
	name          string // of the entity, as a user writes it
	incremental   bool
	scroll        bool
	transform     string
	users         bool // only contacts with this role
	start         time.Time
	overlap       time.Duration
	resweepEvery  time.Duration
	resweepWindow time.Duration

	records int
	span    time.Duration
	zones   []*time.Location // of the workspace; it moves from one to the next
	grain   intercomtest.Grain
	days    bool          // dates of conversations and tickets mean days
	lag     time.Duration // of the search index
	limit   int           // requests in ten seconds, 0 for any
	skew    time.Duration // the server's clock minus ours
	timeout time.Duration // of a request
	latency time.Duration // of anything, at most

	length   time.Duration // of the history, before it becomes quiet
	every    time.Duration // a run
	changes  time.Duration // between two
	creates  bool
	deletes  bool
	silent   bool    // changes that do not move updated_at
	mishaps  float64 // of the requests
	outages  float64 // of the calls of the store and the destination
	crash    float64 // of everything that comes from outside
	pauses   time.Duration
	overlaps float64 // of the runs begin without looking whether there is one
	windows  bool
	gentle   bool // nothing goes wrong
	handover bool // processes have a deadline, and hand their run over to another
	// holds is for how long the destination would rather not be flushed.
	holds time.Duration
}

var zones = []string{
	"UTC", "Europe/Amsterdam", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Kiritimati",
	"America/Sao_Paulo", "Pacific/Pago_Pago",
}

func newPlan(seed uint64) plan {
	rng := rand.New(rand.NewPCG(seed, 0xd1ce))
	one := func(of ...float64) float64 { return of[rng.IntN(len(of))] }
	span := func(of ...time.Duration) time.Duration { return of[rng.IntN(len(of))] }
	is := func(p float64) bool { return rng.Float64() < p }
	zone := func() *time.Location {
		z, err := time.LoadLocation(zones[rng.IntN(len(zones))])
		if err != nil {
			panic(err)
		}
		return z
	}
	p := plan{
		records: []int{3, 40, 120, 200, 400}[rng.IntN(5)],
		span:    span(20*time.Minute, 3*time.Hour, 30*time.Hour, 10*24*time.Hour, 60*24*time.Hour),
		zones:   []*time.Location{zone()},
		grain:   intercomtest.Grain(rng.IntN(2)), days: is(0.5),
		lag:     span(0, 30*time.Second, 5*time.Minute, 9*time.Minute),
		limit:   int(one(0, 0, 200, 40, 8)),
		skew:    span(0, 0, -90*time.Second, 90*time.Second, 7*time.Minute),
		timeout: span(10*time.Second, time.Minute),
		latency: span(200*time.Millisecond, 2*time.Second, 6*time.Second),
		length:  span(13*time.Hour, 26*time.Hour, 40*time.Hour),
		every:   span(20*time.Minute, time.Hour, 3*time.Hour),
		changes: span(10*time.Minute, time.Hour),
		creates: true, deletes: is(0.6), silent: is(0.3),
		mishaps: one(0, 0.02, 0.1, 0.25), outages: one(0, 0, 0.01, 0.03),
		crash: one(0, 0.003, 0.01, 0.03), pauses: span(0, 2*time.Hour),
		overlaps: one(0, 0.1, 0.5), windows: is(0.4),
		overlap: 10 * time.Minute, resweepEvery: 24 * time.Hour, resweepWindow: 48 * time.Hour,
	}
	if is(0.3) {
		p.resweepEvery, p.resweepWindow = 6*time.Hour, 24*time.Hour
	}
	if is(0.3) {
		p.zones = append(p.zones, zone())
	}
	if is(0.3) {
		p.transform = "{id, changed: .updated_at, copy: 1}, {id, copy: 2}"
	}
	p.choose(rng, is)
	p.gentle = p.mishaps == 0 && p.outages == 0 && p.crash == 0 && p.pauses == 0 && p.overlaps == 0
	p.handover = is(0.4) && !p.gentle
	p.holds = span(0, 0, 30*time.Second)
	return p
}

// choose decides what is read.
func (p *plan) choose(rng *rand.Rand, is func(float64) bool) {
	p.incremental = true
	switch n := rng.IntN(20); {
	case n < 7:
		p.entity, p.name, p.users = intercomtest.Contacts, "contacts", is(0.2)
	case n < 10:
		p.entity, p.name = intercomtest.Conversations, "conversations"
	case n < 14:
		p.entity, p.name = intercomtest.Tickets, "tickets"
	case n < 15:
		p.entity, p.name = intercomtest.Macros, "macros"
	case n < 16:
		p.entity, p.name = intercomtest.Articles, "articles"
		p.creates = !p.deletes // both at once, in one list by page number, nobody can notice
	case n < 17:
		p.entity, p.name, p.silent, p.deletes = intercomtest.ActivityLogs, "admins/activity_logs", false, false
	default:
		p.incremental, p.windows = false, false
		p.choosePages(rng)
	}
	switch p.entity {
	case intercomtest.Macros, intercomtest.Articles, intercomtest.ActivityLogs, intercomtest.Companies:
		p.lag, p.records = 0, min(p.records, 150)
	default:
	}
}

// search reports whether the entity is read by searches.
func (p *plan) search() bool {
	return p.incremental && (p.entity == intercomtest.Contacts || p.entity == intercomtest.Conversations || p.entity == intercomtest.Tickets)
}

// choosePages decides which list is read page by page, to its end.
func (p *plan) choosePages(rng *rand.Rand) {
	switch rng.IntN(3) {
	case 0:
		p.entity, p.name, p.lag = intercomtest.Contacts, "contacts", 0
	case 1:
		p.entity, p.name = intercomtest.Conversations, "conversations/search"
	default:
		p.entity, p.name, p.scroll = intercomtest.Companies, "companies/scroll", true
	}
}

// yaml is the configuration that a user would write.
func (p *plan) yaml() string {
	var b strings.Builder
	b.WriteString("clients: {main: {auth: access_token}}\nsubscriptions:\n  it:\n    client: main\n    to: {type: stdout}\n")
	fmt.Fprintf(&b, "    entity: %s\n", p.name)
	if p.incremental {
		b.WriteString("    sync: incremental\n")
		fmt.Fprintf(&b, "    overlap: %s\n    resweep: {every: %s, window: %s}\n", p.overlap, p.resweepEvery, p.resweepWindow)
	} else {
		b.WriteString("    paginate: true\n")
	}
	if p.scroll {
		b.WriteString("    side_effects: allow\n")
	}
	if p.name == "conversations/search" {
		b.WriteString("    payload: {query: {field: created_at, operator: '>', value: 1}}\n")
	}
	if p.transform != "" {
		fmt.Fprintf(&b, "    record_transform: '%s'\n", p.transform)
	}
	if p.users {
		b.WriteString("    payload: {query: {field: role, operator: '=', value: user}}\n")
	}
	return b.String()
}

// matches is the subscription's own query.
func (p *plan) matches(raw []byte) bool {
	if !p.users {
		return true
	}
	var contact struct {
		Role string `json:"role"`
	}
	if err := json.Unmarshal(raw, &contact); err != nil {
		panic(err)
	}
	return contact.Role == "user"
}
