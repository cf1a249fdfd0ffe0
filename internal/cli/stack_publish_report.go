package cli

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"intercom-connector/internal/local/filequeue"
)

// The outcome of a shipment that is done; the others are a publication's.
const publicationSent = "sent"

// A shipmentReport is what became of the messages of some files, earlier calls
// with the same files included: given = sent + refused + left. Nothing in it
// says that anything was published.
type shipmentReport struct {
	Publisher string        `json:"publisher"`
	Client    string        `json:"client"`
	Stack     string        `json:"stack"`
	Queue     string        `json:"queue"`
	Trace     string        `json:"trace"` // names what this call has sent in the logs
	Outcome   string        `json:"outcome"`
	Given     int64         `json:"given"`
	Sent      int64         `json:"sent"` // to the queue
	Refused   int64         `json:"refused"`
	Left      int64         `json:"left"` // not come to: the next call does
	Files     []shippedFile `json:"files"`
	Started   time.Time     `json:"started"`
	Finished  time.Time     `json:"finished"`
	Duration  time.Duration `json:"duration_ns"`
	Error     string        `json:"error,omitempty"`
}

// A shippedFile is one of a shipmentReport.
type shippedFile struct {
	File    string    `json:"file"`
	Digest  string    `json:"sha256"`
	Given   int64     `json:"given"`
	Sent    int64     `json:"sent"`
	Refused int64     `json:"refused"`
	Left    int64     `json:"left"`
	Resumed bool      `json:"resumed,omitempty"` // an earlier call had begun with it
	Already time.Time `json:"already,omitzero"`  // when an earlier call had finished it
}

// A shipmentTracker keeps the report while messages are sent. It is safe for
// concurrent use.
type shipmentTracker struct {
	mu      sync.Mutex
	report  shipmentReport
	told    int   // problems that were shown one by one
	settled int64 // by this call
	first   time.Time
}

func newShipmentTracker(s *shipment) *shipmentTracker {
	t := &shipmentTracker{report: shipmentReport{
		Publisher: s.pub.Name, Client: s.pub.Client, Stack: string(s.stack.Stack), Queue: s.queue.Name, Trace: s.trace,
		Outcome: publicationSent, Started: time.Now().UTC(),
	}}
	for _, f := range s.files {
		t.report.Given += f.Messages
		t.report.Files = append(t.report.Files, shippedFile{File: f.Name, Digest: f.Digest, Given: f.Messages})
	}
	return t
}

// count notes what the progress of a file says.
func (t *shipmentTracker) count(i int, p *filequeue.Progress) *shippedFile {
	f, tally := &t.report.Files[i], p.Tally()
	f.Sent, f.Refused = tally.Done, tally.Dead
	return f
}

func (t *shipmentTracker) already(i int, at time.Time, p *filequeue.Progress) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.count(i, p).Already = at
}

func (t *shipmentTracker) begin(i int, p *filequeue.Progress) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.count(i, p).Resumed = p.Resumed()
}

func (t *shipmentTracker) settle(i, line int, p *filequeue.Progress, problem string, show func(string)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f := t.count(i, p)
	t.settled++
	if t.first.IsZero() {
		t.first = time.Now()
	}
	if problem == "" {
		return
	}
	switch t.told++; {
	case t.told <= showProblems:
		show(fmt.Sprintf("%s: %s line %d: not sent: %s", t.report.Publisher, f.File, line, problem))
	case t.told == showProblems+1:
		show(t.report.Publisher + ": more of them are not shown here")
	}
}

func (t *shipmentTracker) finish() *shipmentReport {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := &t.report
	r.Finished = time.Now().UTC()
	r.Duration = r.Finished.Sub(r.Started)
	for i := range r.Files {
		f := &r.Files[i]
		f.Left = f.Given - f.Sent - f.Refused
		r.Sent, r.Refused, r.Left = r.Sent+f.Sent, r.Refused+f.Refused, r.Left+f.Left
	}
	return r
}

// line is the progress in one line.
func (t *shipmentTracker) line() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var sent, refused int64
	for i := range t.report.Files {
		sent, refused = sent+t.report.Files[i].Sent, refused+t.report.Files[i].Refused
	}
	parts := []string{fmt.Sprintf("%s: %s of %s sent to the queue", t.report.Publisher, number(sent), count(t.report.Given, "message"))}
	var rate float64
	if elapsed := time.Since(t.first).Seconds(); !t.first.IsZero() && elapsed > 0.5 {
		rate = float64(t.settled) / elapsed
		parts = append(parts, number(int64(rate))+"/s")
	}
	if refused > 0 {
		parts = append(parts, number(refused)+" refused")
	}
	if left := t.report.Given - sent - refused; left > 0 && rate > 0 {
		parts = append(parts, lasting(time.Duration(float64(left)/rate*float64(time.Second)))+" to go")
	}
	return strings.Join(parts, " · ")
}

// text is the report for people.
func (r *shipmentReport) text(s *shipment) string {
	var b strings.Builder
	outcome := r.Outcome
	if outcome == publicationSent {
		outcome = s.console.paint(green, "sent to the queue")
	} else {
		outcome = s.paintPublication(outcome)
	}
	fmt.Fprintf(&b, "%s: %s, %s of %s in %s\n", r.Publisher, outcome, number(r.Sent), count(r.Given, "message"), lasting(r.Duration))
	line := func(key, format string, args ...any) {
		fmt.Fprintf(&b, "  %-12s %s\n", key, fmt.Sprintf(format, args...))
	}
	sum := fmt.Sprintf("%s = %s sent to the queue + %s refused", number(r.Given), number(r.Sent), number(r.Refused))
	if r.Left > 0 {
		sum += " + " + number(r.Left) + " left"
	}
	line("given", "%s", sum)
	line("queue", "%s", r.Queue)
	if r.Left > 0 {
		line("next", "%s", s.again())
	} else if r.Sent > 0 {
		line("next", "the stack publishes them; %s shows what still waits, and what is dead",
			commandText(append(s.commandArgs("status"), s.command.args()...)))
	}
	return b.String()
}
