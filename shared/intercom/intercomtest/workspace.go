package intercomtest

import (
	"net/http"
	"sync"
	"time"
)

// A Config says what is in a workspace and how it answers. The zero value is a
// small workspace in UTC that answers at once and without limits.
//
// The numbers of records: 0 stands for a default, a negative number for none.
type Config struct {
	Token     string         // the only token accepted; default: any
	Workspace string         // the id_code of /me; default "fake1234"
	Region    string         // US, EU or AU, as in /me; default US
	Zone      *time.Location // of the workspace; default UTC
	Version   string         // of the API, for requests that name none; default 2.16
	Seed      uint64         // another seed, other records

	Contacts      int // default 100
	Conversations int // default 60
	Tickets       int // default 40
	Companies     int // default 70
	Articles      int // default 40
	Collections   int // default 25
	Macros        int // default 60
	ActivityLogs  int // default 50
	Executions    int // of data connectors, all together; default 60
	Others        int // records of each list that has no rules of its own; default 60

	// Span is how far back from End the records' times spread; default 60 days.
	Span time.Duration
	// End is when the youngest record was made or changed; default: now.
	End time.Time
	// RecordSize is what a contact has in bytes at least, as served.
	RecordSize int

	// Grain is what a date means in a search for contacts; default DayGrain up
	// to API version 2.16, whatever it says SecondGrain from 2.17 on.
	Grain Grain
	// DayConversations makes the dates of conversations and tickets mean days,
	// too. Sources conflict on it, so a client has to cope with both.
	DayConversations bool
	// Bubble lists contacts by their last change instead of by their creation:
	// what changes during a read moves to the front.
	Bubble bool
	// IndexLag is how much later than a GET a search sees a change.
	IndexLag time.Duration
	// LogWindow is the longest window of activity logs that does not end in a
	// 500; default: any.
	LogWindow time.Duration

	// CreateLag is how long a contact that a client has made is a 404 to those
	// who address it by its id.
	CreateLag time.Duration
	// Unprocessable makes an unknown custom attribute a 422 instead of a 400.
	// Sources conflict on it, so a client has to cope with both.
	Unprocessable bool
	// JobTime is how long an export job takes; default 30 seconds.
	JobTime time.Duration

	// Latency is how long every answer takes. Its content is from the beginning
	// of that time, its Date from the end.
	Latency time.Duration
	// Limit is the number of requests in each Window; default: no limit, and no
	// headers about it.
	Limit int
	// Window is the length of a rate limit's window; default 10 seconds.
	Window time.Duration
	// Gzip compresses answers to those who accept it.
	Gzip bool
	// Recordings is the URL below which calls' recordings are said to be;
	// default: on [ForeignHost].
	Recordings string
}

// A Grain is what a date in a search means.
type Grain uint8

// The grains of dates.
const (
	DayGrain    Grain = iota // the day of the workspace's time zone that it falls in
	SecondGrain              // this second
)

// A Workspace is a fake Intercom workspace: an [http.Handler] and an
// [http.RoundTripper]. It is safe for concurrent use.
type Workspace struct {
	cfg    Config
	routes routes

	mu      sync.Mutex // guards all that follows
	tables  [entities]*table
	results results
	scroll  scroll
	merged  map[uint32]uint32 // contacts: who was merged -> into whom
	deleted []deletion        // conversations that are no more, oldest first
	written
	audit   audit
	refusal *refusal // of everything, nil for none
	limiter limiter
	faults  []*armed
	stats   Stats
	flying  int

	hookMu sync.Mutex // serialises hook
	hook   func(n int)
}

var (
	_ http.Handler      = (*Workspace)(nil)
	_ http.RoundTripper = (*Workspace)(nil)
)

// What clients wrote and no row holds.
type written struct {
	serial     uint64               // ids that were given away
	archived   map[uint32]struct{}  // contacts
	fresh      map[uint32]time.Time // contacts: when they were made
	emails     book                 // contacts by address, in lower case
	externals  book                 // contacts by external id
	companies  map[string]uint32    // by company_id
	moved      map[uint32]struct{}  // contacts whose companies clients have changed
	notes      map[string]entry     // of contacts, by id
	events     map[uint32][]event   // of contacts, in the order they came
	eventsSeen map[eventKey]struct{}
	attributes []attribute
	shelves    map[string]*shelf // lists that have no rules of their own
	jobs       map[string]job    // export jobs
	tagNames   tagNames
	allowlist  object
}

func newWritten() written {
	return written{
		archived:   map[uint32]struct{}{},
		fresh:      map[uint32]time.Time{},
		emails:     book{},
		externals:  book{},
		companies:  map[string]uint32{},
		moved:      map[uint32]struct{}{},
		notes:      map[string]entry{},
		events:     map[uint32][]event{},
		eventsSeen: map[eventKey]struct{}{},
		attributes: builtInAttributes(),
		shelves:    map[string]*shelf{},
		jobs:       map[string]job{},
	}
}

// New returns a workspace filled as cfg says.
func New(cfg Config) *Workspace {
	cfg = cfg.withDefaults()
	ws := &Workspace{
		cfg:     cfg,
		routes:  newRoutes(),
		merged:  map[uint32]uint32{},
		written: newWritten(),
		limiter: limiter{limit: cfg.Limit, window: cfg.Window},
		stats:   Stats{ByOperation: map[string]int{}, ByStatus: map[int]int{}},
	}
	sizes := [entities]int{
		Contacts:      cfg.Contacts,
		Conversations: cfg.Conversations,
		Tickets:       cfg.Tickets,
		Companies:     cfg.Companies,
		Articles:      cfg.Articles,
		Collections:   cfg.Collections,
		Macros:        cfg.Macros,
		ActivityLogs:  cfg.ActivityLogs,
		Executions:    cfg.Executions,
	}
	for e := range entities {
		ws.tables[e] = newTable(ws.cfg, e, sizes[e])
	}
	return ws
}

func (c Config) withDefaults() Config {
	def(&c.Workspace, "fake1234")
	def(&c.Region, "US")
	def(&c.Version, "2.16")
	def(&c.Recordings, "https://"+ForeignHost+"/recordings")
	def(&c.Span, 60*24*time.Hour)
	def(&c.Window, 10*time.Second)
	def(&c.JobTime, 30*time.Second)
	if c.Zone == nil {
		c.Zone = time.UTC
	}
	if c.End.IsZero() {
		c.End = time.Now()
	}
	count(&c.Contacts, 100)
	count(&c.Conversations, 60)
	count(&c.Tickets, 40)
	count(&c.Companies, 70)
	count(&c.Articles, 40)
	count(&c.Collections, 25)
	count(&c.Macros, 60)
	count(&c.ActivityLogs, 50)
	count(&c.Executions, 60)
	count(&c.Others, 60)
	return c
}

func def[T comparable](v *T, to T) {
	var zero T
	if *v == zero {
		*v = to
	}
}

func count(v *int, to int) {
	def(v, to)
	*v = max(*v, 0)
}

// apiBase is where the workspace says that it lives, in the URLs it serves.
func (c *Config) apiBase() string {
	switch c.Region {
	case "EU":
		return "https://api.eu.intercom.io"
	case "AU":
		return "https://api.au.intercom.io"
	}
	return "https://api.intercom.io"
}
