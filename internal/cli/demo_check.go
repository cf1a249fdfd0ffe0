package cli

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"intercom-connector/internal/event"
	"intercom-connector/shared/intercom/intercomtest"
)

// A digest tells the versions of a record apart, however their JSON is spaced.
type digest [sha256.Size]byte

func digestOf(raw []byte) (digest, error) {
	var compact bytes.Buffer
	if err := json.Compact(&compact, raw); err != nil {
		return digest{}, err
	}
	return sha256.Sum256(compact.Bytes()), nil
}

// A truth is what the workspace knows to have existed: the versions of each
// record, by id.
type truth map[string]map[digest]bool

// note adds every contact as it is now.
func (t truth) note(ws *intercomtest.Workspace) {
	for record := range ws.Records(intercomtest.Contacts) {
		sum, err := digestOf(record.JSON)
		if err != nil {
			panic("cli: the made-up workspace serves what is not JSON: " + err.Error())
		}
		if t[record.ID] == nil {
			t[record.ID] = map[digest]bool{}
		}
		t[record.ID][sum] = false
	}
}

// A showing is what came of the demo: what the file has, compared with the
// truth.
type showing struct {
	Asked      string      `json:"asked"`
	Requests   int         `json:"requests"`
	Answers    map[int]int `json:"answers"` // by status, 0 for a connection that broke
	Versions   int         `json:"versions"`
	Events     int         `json:"events"`
	Lost       int         `json:"lost"`
	Invented   int         `json:"invented"`
	Broken     int         `json:"broken"` // lines that are no event
	Duplicates int         `json:"duplicates"`
	Early      int         `json:"early"` // requests between a 429 and its reset
	Messages   int         `json:"messages"`
	NotApplied int         `json:"not_applied"` // of the messages
	Twice      int         `json:"twice"`       // of the messages: applied more than once
	Conflicts  int         `json:"conflicts"`   // resolved by an update
	Took       float64     `json:"seconds"`
}

func (s *showing) perfect() bool {
	return s.Lost == 0 && s.Invented == 0 && s.Broken == 0 && s.NotApplied == 0 && s.Twice == 0
}

// check reads the file of events and compares it with the truth. It shares
// nothing with the engine but the format of an event.
func (d *demo) check() (*showing, error) {
	stats := d.ws.Stats()
	s := &showing{
		Asked:    "contacts: everything, then what changed; then messages",
		Requests: stats.Requests, Answers: stats.ByStatus, Early: stats.Violations,
		Took: time.Since(d.began).Seconds(),
	}
	f, err := os.Open(d.path("contacts.ndjson"))
	if err != nil {
		return nil, fmt.Errorf("check the events: %w", err)
	}
	defer f.Close()
	lines := bufio.NewReaderSize(f, 1<<20)
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) && len(line) == 0 {
			break
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("check the events: %w", err)
		}
		s.count(d.truth, line)
	}
	for _, versions := range d.truth {
		for _, arrived := range versions {
			s.Versions++
			if !arrived {
				s.Lost++
			}
		}
	}
	s.countWrites(d)
	return s, nil
}

// count takes one line of the file in.
func (s *showing) count(t truth, line []byte) {
	e, err := event.Parse(line)
	if err != nil {
		s.Broken++
		return
	}
	s.Events++
	sum, err := digestOf(e.Data)
	arrived, known := t[e.Subject][sum]
	switch {
	case err != nil || !known:
		s.Invented++
	case arrived:
		s.Duplicates++
	default:
		t[e.Subject][sum] = true
	}
}

// conclude prints the table at the end.
func (d *demo) conclude(s *showing) error {
	if d.global.JSON {
		return writeJSON(d.Stdout, s)
	}
	duplicates := number(int64(s.Duplicates))
	if s.Duplicates > 0 {
		duplicates += ", what the killed run had delivered and not yet noted"
	}
	rows := [][]string{
		{"asked", s.Asked},
		{"sent", count(int64(s.Requests), "request") + ", " + answersOf(s.Answers)},
		{"too early", number(int64(s.Early)) + " requests between a 429 and its reset"},
		{"to receive", count(int64(s.Versions), "version") + " of " + count(int64(len(d.truth)), "contact")},
		{"received", count(int64(s.Events), "event")},
		{"lost", number(int64(s.Lost))},
		{"invented", number(int64(s.Invented))},
		{"duplicates", duplicates},
		{"messages", fmt.Sprintf("%s: %s not applied, %s applied more than once, %s resolved",
			number(int64(s.Messages)), number(int64(s.NotApplied)), number(int64(s.Twice)), count(int64(s.Conflicts), "conflict"))},
		{"took", lasting(time.Since(d.began))},
	}
	var b strings.Builder
	b.WriteByte('\n')
	if err := table(&b, rows); err != nil {
		return err
	}
	if s.perfect() {
		b.WriteString("\n" + d.console.paint(green, "nothing lost, nothing invented, every message applied exactly once") + "\n")
	} else {
		b.WriteString("\n" + d.console.paint(red, "that should not have happened") + "\n")
	}
	if d.global.Quiet && s.perfect() {
		return nil
	}
	_, err := io.WriteString(d.Stdout, b.String())
	return err
}

// answersOf counts the answers by what they were.
func answersOf(byStatus map[int]int) string {
	var parts []string
	for _, status := range slices.Sorted(maps.Keys(byStatus)) {
		what := fmt.Sprint(status)
		if status == 0 {
			what = "broken connections"
		}
		parts = append(parts, fmt.Sprintf("%s × %s", number(int64(byStatus[status])), what))
	}
	return strings.Join(parts, ", ")
}
