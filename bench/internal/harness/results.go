package harness

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// Results is what was measured, and on what.
type Results struct {
	Cores        int
	Go, Platform string
	Repeats      int
	Full         []FullRead
	First        []FirstRead
	Changes      []ChangesRead
	Limited      []Published // with latency and a rate limit
	Unlimited    []Published // without
}

// A FullRead is a full read by one reader, from a server without latency.
type FullRead struct {
	Reader   string
	Contacts int
	Usage
}

// Rate is in records per second.
func (r FullRead) Rate() float64 { return float64(r.Contacts) / r.Wall.Seconds() }

// A FirstRead is a first incremental read, with latency and a rate limit.
type FirstRead struct {
	Contacts          int
	Spread            string // over how long the contacts' times spread
	Events            int
	Requests, Limited int64
	Usage
}

// A ChangesRead is an incremental read after some contacts changed.
type ChangesRead struct {
	Contacts, Changed, Events int
	Requests                  int64
	Usage
}

// Fill is the number of pages that the changes fill.
func (r ChangesRead) Fill() int { return (r.Changed + pageSize - 1) / pageSize }

// A Published is the publishing of a file of updates of contacts.
type Published struct {
	Messages, Contacts int // more messages than contacts: in groups, one for each contact
	Disorder           int // messages that were applied out of the order of their group
	Requests, Limited  int64
	Usage
}

// Rate is in messages per second.
func (p Published) Rate() float64 { return float64(p.Messages) / p.Wall.Seconds() }

// OfLimit is the share of the rate limit that the messages made use of.
func (p Published) OfLimit() float64 { return p.Rate() / (limit / limitWindow.Seconds()) }

// What says what was published.
func (p Published) What() string {
	if p.Messages == p.Contacts {
		return thousands(p.Messages) + " contacts"
	}
	return thousands(p.Contacts) + " groups of " + strconv.Itoa(p.Messages/p.Contacts)
}

// A Check is a target and what became of it.
type Check struct {
	What, Want, Got string
	Met             bool
}

// Checks compares what was measured with what it should be.
func (r *Results) Checks() []Check {
	var checks []Check
	add := func(met bool, what, want, got string) {
		checks = append(checks, Check{What: what, Want: want, Got: got, Met: met})
	}
	if c, p := r.full(readerConnector, 100_000), r.full(readerPlain, 100_000); c != nil && p != nil {
		rate := c.Rate() / p.Rate()
		add(rate >= 2, "full read of 100,000: records/s of the plain program's", "at least 2.00 times", fmt.Sprintf("%.2f times", rate))
		cpu := c.CPU.Seconds() / p.CPU.Seconds()
		add(cpu <= 2./3, "full read of 100,000: CPU of the plain program's", "at most 0.67 times", fmt.Sprintf("%.2f times", cpu))
	}
	for _, f := range r.Full {
		if f.Reader == readerConnector && f.Contacts >= 100_000 && f.Peak > 0 {
			add(f.Peak <= 100e6, "full read of "+thousands(f.Contacts)+": memory", "at most 100 MB", megabytes(f.Peak))
		}
	}
	times := map[int]time.Duration{100_000: 5 * time.Second, 1_000_000: 45 * time.Second}
	for _, f := range r.First {
		if most, known := times[f.Contacts]; known && f.Spread != oneDay {
			add(f.Wall <= most, "first incremental read of "+thousands(f.Contacts)+": time", "at most "+seconds(most), seconds(f.Wall))
			add(f.Limited <= 5, "first incremental read of "+thousands(f.Contacts)+": 429s", "at most 5", strconv.FormatInt(f.Limited, 10))
		}
	}
	for _, c := range r.Changes {
		most := 1.2*float64(c.Fill()) + 3
		add(float64(c.Requests) <= most, "1 % of "+thousands(c.Contacts)+" changed: requests",
			fmt.Sprintf("at most %.0f", math.Floor(most)), strconv.FormatInt(c.Requests, 10))
	}
	for _, p := range r.Limited {
		what := "publishing, " + p.What() + ": "
		add(p.OfLimit() >= 0.9, what+"of the rate limit", "at least 90.0 %", percent(p.OfLimit()))
		add(p.Limited <= 5, what+"429s", "at most 5", strconv.FormatInt(p.Limited, 10))
		if p.Messages > p.Contacts {
			add(p.Disorder == 0, what+"messages out of order", "0", strconv.Itoa(p.Disorder))
		}
	}
	for _, p := range r.Unlimited {
		if p.Peak > 0 {
			add(p.Peak <= 100e6, "publishing, "+p.What()+": memory", "at most 100 MB", megabytes(p.Peak))
		}
	}
	for _, n := range []int{10_000, 100_000} {
		if a, b := r.full(readerConnector, n), r.full(readerConnector, 10*n); a != nil && b != nil {
			growth := b.Wall.Seconds() / a.Wall.Seconds()
			add(growth <= 11, "full read of "+thousands(10*n)+": time of "+thousands(n), "at most 11.0 times", fmt.Sprintf("%.1f times", growth))
		}
	}
	for i, p := range r.Unlimited {
		if i == 0 || p.Messages != 10*r.Unlimited[i-1].Messages {
			continue
		}
		growth := p.Wall.Seconds() / r.Unlimited[i-1].Wall.Seconds()
		add(growth <= 11, "publishing, "+p.What()+": time of "+thousands(p.Messages/10), "at most 11.0 times", fmt.Sprintf("%.1f times", growth))
	}
	return checks
}

func (r *Results) full(reader string, contacts int) *FullRead {
	for i := range r.Full {
		if r.Full[i].Reader == reader && r.Full[i].Contacts == contacts {
			return &r.Full[i]
		}
	}
	return nil
}

// A table is a heading, the names of its columns, and rows.
type table struct {
	title, note string
	columns     []string
	rows        [][]string
}

// tables are those that have rows: of what was measured.
func (r *Results) tables() []table {
	full := table{
		title: "Full read",
		note: fmt.Sprintf("Contacts of about 2 KB from a server without latency and without limits, median of %d, of a million the only one. "+
			"`plain` writes records as lines, `count` only counts bytes; neither keeps a position.", r.Repeats),
		columns: []string{"contacts", "reader", "time", "records/s", "CPU", "memory"},
	}
	for _, f := range r.Full {
		full.rows = append(full.rows, []string{
			thousands(f.Contacts), f.Reader, seconds(f.Wall), thousands(int(f.Rate())), seconds(f.CPU), megabytes(f.Peak),
		})
	}
	first := table{
		title: "First incremental read",
		note: "100 ms latency, 1,667 requests in 10 seconds (10,000 a minute). A page has at most 150 contacts. " +
			"Of contacts that were all made and changed on one day, one page follows the other.",
		columns: []string{"contacts", "changed over", "time", "records/s", "requests", "429s", "CPU", "memory"},
	}
	for _, f := range r.First {
		first.rows = append(first.rows, []string{
			thousands(f.Contacts), f.Spread, seconds(f.Wall), thousands(int(float64(f.Contacts) / f.Wall.Seconds())),
			thousands(int(f.Requests)), strconv.FormatInt(f.Limited, 10), seconds(f.CPU), megabytes(f.Peak),
		})
	}
	changes := table{
		title:   "Incremental read after changes",
		note:    "The run after the one above, when one contact in a hundred has changed in between.",
		columns: []string{"contacts", "changed", "pages they fill", "requests", "events", "time"},
	}
	for _, c := range r.Changes {
		changes.rows = append(changes.rows, []string{
			thousands(c.Contacts), thousands(c.Changed), thousands(c.Fill()), thousands(int(c.Requests)), thousands(c.Events), seconds(c.Wall),
		})
	}
	limited := table{
		title: "Publishing under a rate limit",
		note: "Updates, `PUT /contacts/{id}`, with the latency and the limit of the reads above, from the beginning of a window on. " +
			"Within a group the order must be kept. Both at the same time, each with a server of its own.",
		columns: []string{"messages", "of", "time", "messages/s", "of the limit", "out of order", "requests", "429s", "CPU", "memory"},
	}
	for _, p := range r.Limited {
		limited.rows = append(limited.rows, []string{
			thousands(p.Messages), p.What(), seconds(p.Wall), fmt.Sprintf("%.1f", p.Rate()), percent(p.OfLimit()), strconv.Itoa(p.Disorder),
			thousands(int(p.Requests)), strconv.FormatInt(p.Limited, 10), seconds(p.CPU), megabytes(p.Peak),
		})
	}
	unlimited := table{
		title:   "Publishing a long file",
		note:    "The same updates to a server without latency and without limits: what the connector itself takes.",
		columns: []string{"messages", "time", "messages/s", "requests", "CPU", "CPU a message", "memory"},
	}
	for _, p := range r.Unlimited {
		unlimited.rows = append(unlimited.rows, []string{
			thousands(p.Messages), seconds(p.Wall), thousands(int(p.Rate())), thousands(int(p.Requests)), seconds(p.CPU),
			fmt.Sprintf("%.0f µs", float64(p.CPU.Microseconds())/float64(p.Messages)), megabytes(p.Peak),
		})
	}
	targets := table{title: "Targets", columns: []string{"what", "target", "measured", ""}}
	for _, c := range r.Checks() {
		verdict := "met"
		if !c.Met {
			verdict = "MISSED"
		}
		targets.rows = append(targets.rows, []string{c.What, c.Want, c.Got, verdict})
	}
	measured := []table{full, first, changes, limited, unlimited, targets}
	return slices.DeleteFunc(measured, func(t table) bool { return len(t.rows) == 0 })
}

func (r *Results) machine() string {
	return fmt.Sprintf("%d cores, %s, %s. Servers and readers share the machine.", r.Cores, r.Platform, r.Go)
}

// Print writes the results for a terminal.
func (r *Results) Print(w io.Writer) error {
	fmt.Fprintf(w, "\n%s\n", r.machine())
	for _, t := range r.tables() {
		fmt.Fprintf(w, "\n%s\n", t.title)
		columns := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, row := range append([][]string{t.columns}, t.rows...) {
			fmt.Fprintln(columns, strings.Join(row, "\t"))
		}
		if err := columns.Flush(); err != nil {
			return fmt.Errorf("print %s: %w", t.title, err)
		}
	}
	return nil
}

// Markdown is the results as a document.
func (r *Results) Markdown() string {
	var b strings.Builder
	b.WriteString("# Measured\n\nWritten by `make bench`, all in one run on one machine: " + r.machine() + "\n")
	for _, t := range r.tables() {
		fmt.Fprintf(&b, "\n## %s\n\n", t.title)
		if t.note != "" {
			b.WriteString(t.note + "\n\n")
		}
		b.WriteString("| " + strings.Join(t.columns, " | ") + " |\n|" + strings.Repeat("---|", len(t.columns)) + "\n")
		for _, row := range t.rows {
			b.WriteString("| " + strings.Join(row, " | ") + " |\n")
		}
	}
	return b.String()
}

func percent(share float64) string { return fmt.Sprintf("%.1f %%", 100*share) }

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

func megabytes(bytes int64) string {
	if bytes == 0 {
		return "?"
	}
	return fmt.Sprintf("%.0f MB", float64(bytes)/1e6)
}

// thousands writes n with commas.
func thousands(n int) string {
	digits := strconv.Itoa(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
