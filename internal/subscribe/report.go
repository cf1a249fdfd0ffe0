package subscribe

import (
	"time"
)

// An Outcome is how a run ended.
type Outcome string

// The outcomes of a run.
const (
	Done        Outcome = "done"
	Incomplete  Outcome = "incomplete"  // the audit missed records: the watermark stays
	Interrupted Outcome = "interrupted" // stopped in time, the next one goes on
	Failed      Outcome = "failed"      // the next one goes on
	Overtaken   Outcome = "overtaken"   // another run has gone on with it
	Busy        Outcome = "busy"        // another run is under way, nothing was done
)

// A Report is what a run did. The numbers are of the whole run, however often
// it was stopped and went on.
type Report struct {
	Subscription string  `json:"subscription"`
	Client       string  `json:"client"`
	Entity       string  `json:"entity"`
	Workspace    string  `json:"workspace,omitempty"`
	Run          string  `json:"run,omitempty"`
	Outcome      Outcome `json:"outcome"`
	Error        string  `json:"error,omitempty"`
	Resumed      bool    `json:"resumed,omitempty"` // went on with a run that had been stopped

	Started  time.Time     `json:"started,omitzero"`
	Finished time.Time     `json:"finished,omitzero"`
	Duration time.Duration `json:"duration_ns"` // spent running, without the time between a stop and a resume

	Requests    int64 `json:"requests"`
	Records     int64 `json:"records"`     // read that belong to the run
	Events      int64 `json:"events"`      // delivered
	Duplicates  int64 `json:"duplicates"`  // read again and dropped: delivered before, the same bytes
	Forgotten   int64 `json:"forgotten"`   // deliveries no longer remembered: each may come twice
	Quarantined int64 `json:"quarantined"` // put aside with a reason
	NoID        int64 `json:"no_id"`       // delivered with a content hash for an id
	Retries     int64 `json:"retries"`     // requests sent again
	Throttled   int64 `json:"throttled"`   // answers that said "rate limit"
	Bytes       int64 `json:"bytes"`       // read from Intercom
	Slices      int64 `json:"slices"`      // read independently of each other

	Waited time.Duration `json:"waited_ns"` // for the rate limit

	WatermarkBefore time.Time `json:"watermark_before,omitzero"`
	WatermarkAfter  time.Time `json:"watermark_after,omitzero"`

	Audit *Audit   `json:"audit,omitempty"` // nil where nothing was read to its end
	Notes []string `json:"notes,omitempty"`

	// Earlier is the report as this invocation found it, nil where it began the
	// run: what it did itself is the difference.
	Earlier *Report `json:"-"`
	// Handover is for the invocation that goes on with a run that was stopped in
	// time, nil where none should.
	Handover *Handover `json:"-"`
}

func (r *Report) clone() *Report {
	c := *r
	return &c
}

// An Audit compares what was read with what the server said there is.
type Audit struct {
	Expected int64 `json:"expected"` // the total that the last page told
	Read     int64 `json:"read"`     // distinct records
	Again    bool  `json:"again,omitempty"`
}

// Missing is how many records there should have been more.
func (a Audit) Missing() int64 { return max(a.Expected-a.Read, 0) }

// A Progress is where a run is. It is told after every answer that had a page or
// said "rate limit".
type Progress struct {
	Subscription string
	Phase        string // "reading", "loading", "catching up", "done"
	Records      int64
	Events       int64
	Requests     int64
	Expected     int64 // records that the run will read as far as is known, -1 unknown
	Slices, Open int64 // begun, under way
	Limit        int64 // of the rate limit's window, -1 unknown
	Remaining    int64 // left of it, -1 unknown
	Waiting      bool  // the last answer said "rate limit"
	Elapsed      time.Duration
}
