package simulation_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"intercom-connector/internal/config"
	"intercom-connector/shared/intercom"
	"intercom-connector/shared/intercom/intercomtest"
)

// A trade is a kind of publisher.
type trade struct {
	name, method, entity string
	conflict             string // on_conflict
	once                 bool   // its request must not be repeated
	remembered           bool   // what became of a message is remembered by its id
	grouped              bool
	twins                bool // equal messages can be told from one that is sent twice
	fill                 func(p *parcel, place int) map[string]any
}

func withPath(name, id string, payload map[string]any) map[string]any {
	e := map[string]any{"path": map[string]any{name: id}}
	if payload != nil {
		e["payload"] = payload
	}
	return e
}

// trades are what histories are made of. Those that must not be repeated come
// more than once, because there is most to go wrong.
var trades = []trade{
	{"notes", http.MethodPost, "contacts/{contact_id}/notes", "", true, true, true, true, func(p *parcel, place int) map[string]any {
		return withPath("contact_id", p.o.contact(place), map[string]any{"body": p.marker})
	}},
	{"replies", http.MethodPost, "conversations/{conversation_id}/reply", "", true, true, true, true, func(p *parcel, place int) map[string]any {
		return withPath("conversation_id", p.o.ws.ID(intercomtest.Conversations, place), map[string]any{
			"message_type": "comment", "type": "admin", "admin_id": "814860", "body": p.marker,
		})
	}},
	{"articles", http.MethodPost, "articles", "", true, true, false, false, func(p *parcel, _ int) map[string]any {
		return map[string]any{"payload": map[string]any{"title": p.marker, "author_id": 1}}
	}},
	{"tickets", http.MethodPost, "tickets", "", true, true, false, false, func(p *parcel, place int) map[string]any {
		return map[string]any{"payload": map[string]any{
			"ticket_type_id": p.o.ticketType, "contacts": []any{map[string]any{"id": p.o.contact(place)}},
			"ticket_attributes": map[string]any{"_default_title_": p.marker},
		}}
	}},
	{"updates", http.MethodPut, "contacts/{contact_id}", "", false, false, true, false, func(p *parcel, place int) map[string]any {
		return withPath("contact_id", p.o.contact(place), map[string]any{"name": p.marker})
	}},
	{"upserts", http.MethodPost, "contacts", "update", false, false, false, false, func(p *parcel, place int) map[string]any {
		return map[string]any{"payload": map[string]any{"email": fmt.Sprintf("new-%d@example.com", place), "role": "user", "name": p.marker}}
	}},
	{"tags", http.MethodPost, "tags", "", false, false, false, false, func(p *parcel, _ int) map[string]any {
		return map[string]any{"payload": map[string]any{"name": p.marker}}
	}},
	{"events", http.MethodPost, "events", "", false, false, false, false, func(p *parcel, place int) map[string]any {
		return map[string]any{"payload": map[string]any{
			"event_name": p.marker, "created_at": began.Unix() + int64(p.n), "id": p.o.contact(place),
		}}
	}},
	{"deletions", http.MethodDelete, "contacts/{contact_id}", "", false, true, false, false, func(p *parcel, _ int) map[string]any {
		return withPath("contact_id", p.o.contact(p.n), nil)
	}},
	{"archive", http.MethodPost, "contacts/{contact_id}/archive", "", false, true, false, false, func(p *parcel, _ int) map[string]any {
		return withPath("contact_id", p.o.contact(p.n), nil)
	}},
}

// A postPlan is what the seed decides before a history of writing begins.
type postPlan struct {
	trades     []trade
	stream     bool // files on a laptop instead of queues
	messages   int  // of each order
	groups     int
	batch      int
	length     time.Duration // until all trouble ends
	deadline   time.Duration // of a batch
	visibility time.Duration
	timeout    time.Duration // of a request
	latency    time.Duration
	limit      int
	lag        time.Duration // of the search index
	mishaps    float64
	outages    float64
	crash      float64
	twice      float64 // of what was acknowledged comes again
	pauses     time.Duration
	revoked    time.Duration // between two revocations
	gentle     bool
}

func newPostPlan(seed uint64) postPlan {
	rng := rand.New(rand.NewPCG(seed, 0x905f))
	one := func(of ...float64) float64 { return of[rng.IntN(len(of))] }
	span := func(of ...time.Duration) time.Duration { return of[rng.IntN(len(of))] }
	p := postPlan{
		stream: rng.IntN(5) == 0, messages: 6 + rng.IntN(20), groups: 1 + rng.IntN(5), batch: 1 + rng.IntN(10),
		length:   span(20*time.Minute, time.Hour),
		deadline: span(30*time.Second, 2*time.Minute, 5*time.Minute),
		timeout:  span(10*time.Second, 30*time.Second), latency: span(200*time.Millisecond, 2*time.Second, 6*time.Second),
		limit: int(one(0, 0, 40, 8)), lag: span(0, 20*time.Second),
		mishaps: one(0, 0.05, 0.2, 0.4), outages: one(0, 0, 0.02, 0.05), crash: one(0, 0.01, 0.03, 0.06),
		twice: one(0, 0.1, 0.4), pauses: span(0, 0, 5*time.Minute), revoked: span(0, 0, 15*time.Minute),
	}
	p.visibility = p.deadline + time.Minute
	if rng.IntN(3) == 0 {
		p.visibility = p.deadline / 2 // so that it expires under a worker's hands
	}
	first := rng.IntN(len(trades))
	if rng.IntN(2) == 0 {
		first = rng.IntN(4)
	}
	p.trades = []trade{trades[first], trades[(first+1+rng.IntN(len(trades)-1))%len(trades)]}
	p.gentle = p.mishaps == 0 && p.outages == 0 && p.crash == 0 && p.pauses == 0 && p.revoked == 0 && p.visibility > p.deadline
	return p
}

// An order is a publisher with what is to go through it.
type order struct {
	trade

	w          *office
	ws         *intercomtest.Workspace
	number     int
	cfg        *config.Publisher
	ticketType string
	parcels    []*parcel
	queue      []*entry
}

// contact is one of the contacts that this order alone writes to.
func (o *order) contact(place int) string {
	return o.ws.ID(intercomtest.Contacts, o.number*contactsEach+place)
}

const contactsEach = 40

// A parcel is a message with all that becomes of it.
type parcel struct {
	o                 *order
	n                 int // in its order
	id, group, marker string
	body              []byte
	sent              time.Time
	bad               bool    // nothing can come of it
	same              *parcel // another with the same id and another content

	doubted bool // an attempt may have been applied, and its answer was lost
	settled []settlement
	told    []string  // its answers
	ended   time.Time // when its first result was acknowledged
}

// sign is how the audit shows what a parcel asks for.
func (p *parcel) sign() string {
	if p.o.trade.name == "deletions" || p.o.trade.name == "archive" {
		return p.o.contact(p.n)
	}
	return p.marker
}

// newOrder fills an order.
func (w *office) newOrder(number int, kind trade) *order {
	op, err := intercom.Find(kind.method, kind.entity, -1)
	if err != nil {
		panic(err)
	}
	o := &order{trade: kind, w: w, ws: w.ws, number: number, cfg: &config.Publisher{
		Name: kind.name, Client: "main", Method: op.Method, Entity: op.Entity(), Route: op.Entity(), Operation: op,
		OnConflict: kind.conflict, FIFO: kind.grouped, GiveUpAfter: 12 * time.Hour, Enabled: true,
	}}
	types, err := intercom.Find(http.MethodPost, "tickets", -1)
	if err != nil {
		panic(err)
	}
	var ticket struct {
		Type string `json:"ticket_type_id"`
	}
	example := w.ws.Example(types)
	if err := json.Unmarshal(example.Payload, &ticket); err != nil {
		panic(err)
	}
	o.ticketType = ticket.Type
	for n := range w.plan.messages {
		o.write(n)
	}
	return o
}

// write makes the nth message.
func (o *order) write(n int) {
	w := o.w
	place := n % w.plan.groups
	p := &parcel{o: o, n: n, id: fmt.Sprintf("%s-%03d", o.name, n), marker: fmt.Sprintf("marker:%s%03d", o.name, n)}
	if o.grouped {
		p.group = fmt.Sprintf("group-%d", place)
	}
	var last *parcel
	if n > 0 {
		last = o.parcels[n-1]
	}
	switch {
	case w.chance(0.05):
		p.bad = true
	case o.twins && last != nil && last.same == nil && !last.bad && w.chance(0.15):
		// A twin: the same words to the same place, in a group of its own.
		p.marker, place, p.group = last.marker, (n-1)%w.plan.groups, p.id
	case o.once && last != nil && last.same == nil && !last.bad && len(w.signs[last.sign()]) == 1 && w.chance(0.08):
		p.id, p.group, p.same = last.id, p.id, last
		last.same = p
	}
	envelope := o.fill(p, place)
	if p.bad {
		envelope = map[string]any{"paylaod": 1}
	}
	if w.chance(0.7) || p.same != nil {
		envelope["id"] = p.id
	}
	text, err := json.Marshal(envelope)
	if err != nil {
		panic(err)
	}
	p.body = text
	if p.bad && w.chance(0.5) {
		p.body = []byte(strings.TrimSuffix(string(text), "}"))
	}
	o.parcels = append(o.parcels, p)
	w.signs[p.sign()] = append(w.signs[p.sign()], p)
}
