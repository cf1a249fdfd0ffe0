package cli

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"intercom-connector/internal/config"
	"intercom-connector/internal/local/filequeue"
	"intercom-connector/internal/publish"
	"intercom-connector/shared/intercom"
)

// The outcomes of a publication.
const (
	publicationDone        = "done"        // every message is
	publicationFailed      = "failed"      // there are dead letters, or something kept it from finishing
	publicationPaused      = "paused"      // nothing can be sent
	publicationInterrupted = "interrupted" // the next call goes on
)

// A publicationReport is what became of the messages of some files, earlier
// calls with the same files included: given = done + dead + unknown + paused +
// left.
type publicationReport struct {
	Publisher string `json:"publisher"`
	Client    string `json:"client"`
	Operation string `json:"operation"`
	Outcome   string `json:"outcome"`
	Given     int64  `json:"given"`
	filequeue.Tally
	Paused    int64           `json:"paused"`
	Left      int64           `json:"left"`     // not come to: the next call does
	Requests  int64           `json:"requests"` // by this call
	Files     []publishedFile `json:"files"`
	Responses string          `json:"responses,omitempty"` // where they are
	Started   time.Time       `json:"started"`
	Finished  time.Time       `json:"finished"`
	Duration  time.Duration   `json:"duration_ns"`
	Error     string          `json:"error,omitempty"`

	settled int64 // by this call
	failed  int64 // dead and unknown ones, but of files done before whose dead letters are gone
}

// A publishedFile is one of a publicationReport.
type publishedFile struct {
	File   string `json:"file"`
	Digest string `json:"sha256"`
	Given  int64  `json:"given"`
	filequeue.Tally
	Paused  int64     `json:"paused"`
	Left    int64     `json:"left"`
	Resumed bool      `json:"resumed,omitempty"` // an earlier call had begun with it
	Already time.Time `json:"already,omitzero"`  // when an earlier call had finished it

	mended bool // the dead letters are gone
}

// A tracker keeps the report while messages are published. It is safe for
// concurrent use.
type tracker struct {
	mu     sync.Mutex
	report publicationReport
	told   int       // problems that were shown one by one
	first  time.Time // when the first message of this call was settled
}

// showProblems is how many dead letters are shown as they arise.
const showProblems = 10

func newTracker(pub *config.Publisher, files []*filequeue.File) *tracker {
	t := &tracker{report: publicationReport{
		Publisher: pub.Name, Client: pub.Client, Operation: pub.Method + " /" + pub.Route,
		Outcome: publicationDone, Started: time.Now().UTC(),
	}}
	for _, f := range files {
		t.report.Given += f.Messages
		t.report.Files = append(t.report.Files, publishedFile{File: f.Name, Digest: f.Digest, Given: f.Messages})
	}
	return t
}

// already notes a file that was finished before, and whether dead letters are
// left.
func (t *tracker) already(i int, at time.Time, tally filequeue.Tally, deadLeft bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f := &t.report.Files[i]
	f.Already, f.Tally, f.mended = at, tally, !deadLeft
}

// begin notes how far a file has come by earlier calls.
func (t *tracker) begin(i int, p *filequeue.Progress) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.report.Files[i].Resumed, t.report.Files[i].Tally = p.Resumed(), p.Tally()
}

// settle notes a result, and has the first problems shown.
func (t *tracker) settle(i int, r publish.Result, tally filequeue.Tally, show func(problem string)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.report.Requests += int64(r.Requests)
	if !filequeue.Final(r.Outcome) {
		return
	}
	f := &t.report.Files[i]
	f.Tally = tally
	t.report.settled++
	if t.first.IsZero() {
		t.first = time.Now()
	}
	if r.Outcome == publish.Done {
		return
	}
	switch t.told++; {
	case t.told <= showProblems:
		show(fmt.Sprintf("%s: %s line %d: %s: %s", t.report.Publisher, f.File, r.Line, r.Outcome, r.Reason))
	case t.told == showProblems+1:
		show(t.report.Publisher + ": more of them are not shown here")
	}
}

// finish adds everything up.
func (t *tracker) finish(paused bool) *publicationReport {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := &t.report
	r.Finished = time.Now().UTC()
	r.Duration = r.Finished.Sub(r.Started)
	for i := range r.Files {
		f := &r.Files[i]
		open := f.Given - f.Finished()
		if paused {
			f.Paused = open
		} else {
			f.Left = open
		}
		r.Tally = r.Plus(f.Tally)
		r.Paused += f.Paused
		r.Left += f.Left
		if !f.mended {
			r.failed += f.Dead + f.Unknown
		}
	}
	return r
}

// line is the progress in one line.
func (t *tracker) line(limits intercom.Limits) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var tally filequeue.Tally
	for i := range t.report.Files {
		tally = tally.Plus(t.report.Files[i].Tally)
	}
	done := tally.Finished()
	parts := []string{fmt.Sprintf("%s: %s of %s", t.report.Publisher, number(done), count(t.report.Given, "message"))}
	var rate float64
	if elapsed := time.Since(t.first).Seconds(); !t.first.IsZero() && elapsed > 0.5 {
		rate = float64(t.report.settled) / elapsed
		parts = append(parts, number(int64(rate))+"/s")
	}
	if tally.Dead > 0 {
		parts = append(parts, number(tally.Dead)+" dead")
	}
	if tally.Unknown > 0 {
		parts = append(parts, number(tally.Unknown)+" unknown")
	}
	if limits.Known {
		parts = append(parts, fmt.Sprintf("limit %s of %s left", number(int64(limits.Remaining)), number(int64(limits.Limit))))
	}
	if left := t.report.Given - done; left > 0 && rate > 0 {
		parts = append(parts, lasting(time.Duration(float64(left)/rate*float64(time.Second)))+" to go")
	}
	return strings.Join(parts, " · ")
}

// tallyText says what became of messages.
func tallyText(t filequeue.Tally, between string) string {
	return strings.Join([]string{number(t.Done) + " done", number(t.Dead) + " dead", number(t.Unknown) + " unknown"}, between)
}

// text is the report for people.
func (r *publicationReport) text(p *publication) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s, %s of %s in %s", r.Publisher, p.paintPublication(r.Outcome),
		number(r.Done), count(r.Given, "message"), lasting(r.Duration))
	if seconds := r.Duration.Seconds(); seconds > 0.5 && r.settled > 0 {
		fmt.Fprintf(&b, " (%s messages/s)", number(int64(float64(r.settled)/seconds)))
	}
	b.WriteByte('\n')
	line := func(key, format string, args ...any) {
		fmt.Fprintf(&b, "  %-12s %s\n", key, fmt.Sprintf(format, args...))
	}
	sum := fmt.Sprintf("%s = %s + %s paused", number(r.Given), tallyText(r.Tally, " + "), number(r.Paused))
	if r.Left > 0 {
		sum += " + " + number(r.Left) + " left"
	}
	line("given", "%s", sum)
	if r.Duplicates > 0 {
		line("duplicates", "%s of the done had been published before", number(r.Duplicates))
	}
	line("requests", "%s", number(r.Requests))
	if before := r.Done + r.Dead + r.Unknown - r.settled; before > 0 {
		line("before", "%s by earlier calls", count(before, "message"))
	}
	if r.Responses != "" && r.settled > 0 {
		line("responses", "in %s", r.Responses)
	}
	if r.failed > 0 {
		line("dead letters", "%s", commandText(p.commandArgs("dead-letters", "list", r.Publisher)))
	}
	if r.Left+r.Paused > 0 {
		line("next", "%s", p.again())
	}
	return b.String()
}

func (a *app) paintPublication(outcome string) string {
	switch outcome {
	case publicationDone:
		return a.console.paint(green, outcome)
	case publicationInterrupted, publicationPaused:
		return a.console.paint(yellow, outcome)
	default:
		return a.console.paint(red, outcome)
	}
}
