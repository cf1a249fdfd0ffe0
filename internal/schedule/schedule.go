// Package schedule speaks the grammar of EventBridge Scheduler
// (https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html),
// so that a schedule is checked, and its firings are known, before anything is
// deployed:
//
//	rate(5 minutes)             every five minutes: minutes, hours or days
//	at(2026-01-02T03:04:05)     once
//	cron(0 6 ? * MON-FRI *)     minute hour day-of-month month day-of-week year
//
// at and cron are read off the wall clock of a time zone, UTC unless another is
// given. What AWS does not document is not accepted here either: a schedule
// that parses is one that deploys.
//
// # Summer time
//
// A firing of cron that falls into the hour the clocks skip does not happen; in
// the hour they repeat it happens the first time only. A day of rate is always
// 24 hours.
package schedule

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// A Schedule is a parsed expression with its time zone. It is immutable and
// safe for use by several goroutines.
type Schedule struct {
	expression string // canonical
	zone       *time.Location

	// Exactly one of these is set.
	every time.Duration
	at    time.Time
	cron  *cron
}

// An Error says where in an expression the first thing is that cannot be
// right, and what is allowed there.
type Error struct {
	Expression string
	Offset     int // in bytes from the start of Expression
	Problem    string
}

func (e *Error) Error() string {
	return fmt.Sprintf("schedule %q, column %d: %s", e.Expression, e.Offset+1, e.Problem)
}

// ErrTimezone means that a time zone is not a name of the IANA database.
var ErrTimezone = errors.New("not a time zone of the IANA database, such as Europe/Amsterdam")

// Parse reads an expression whose wall clock is that of timezone, an IANA name;
// "" stands for UTC. The error is an [*Error] where the expression is wrong and
// wraps [ErrTimezone] where the time zone is.
func Parse(expression, timezone string) (*Schedule, error) {
	zone, err := Zone(timezone)
	if err != nil {
		return nil, err
	}
	text := span{source: expression, text: expression}.trim()
	kind, rest, ok := text.cut("(")
	if !ok {
		return nil, text.errorf("a schedule is rate(…), at(…) or cron(…)")
	}
	if !strings.HasSuffix(rest.text, ")") {
		return nil, rest.end().errorf("the closing parenthesis is missing")
	}
	rest.text = strings.TrimSuffix(rest.text, ")")

	s := &Schedule{zone: zone}
	switch kind.text {
	case "rate":
		err = s.parseRate(rest)
	case "at":
		err = s.parseAt(rest)
	case "cron":
		err = s.parseCron(rest)
	default:
		err = kind.errorf("%q is no kind of schedule: it is rate(…), at(…) or cron(…)", kind.text)
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Zone returns the location of an IANA name, UTC for "". It refuses "Local",
// which means something else on every machine.
func Zone(name string) (*time.Location, error) {
	if strings.EqualFold(name, "local") {
		return nil, fmt.Errorf("time zone %q: %w", name, ErrTimezone)
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("time zone %q: %w", name, ErrTimezone)
	}
	return zone, nil
}

// String returns the expression in its canonical form: one space between
// fields, names in capitals. It is what EventBridge Scheduler takes.
func (s *Schedule) String() string { return s.expression }

// Timezone returns the IANA name of the time zone, never "".
func (s *Schedule) Timezone() string { return s.zone.String() }

// Equal says whether both mean the same expression in the same time zone.
func (s *Schedule) Equal(other *Schedule) bool {
	if s == nil || other == nil {
		return s == other
	}
	return s.expression == other.expression && s.Timezone() == other.Timezone()
}

// Next returns the first firing after t, or false where there is none. The
// phase of a rate is not part of its expression: t counts as its last firing.
func (s *Schedule) Next(t time.Time) (time.Time, bool) {
	switch {
	case s.every > 0:
		return t.Add(s.every).In(s.zone), true
	case s.cron != nil:
		return s.cron.next(t, s.zone)
	default:
		return s.at, s.at.After(t)
	}
}

// Period returns the shortest time between two firings by the wall clock, 0
// for a schedule that fires once or never.
func (s *Schedule) Period() time.Duration {
	if s.cron != nil {
		return s.cron.period()
	}
	return s.every
}

// jsonSchedule is the form of a Schedule in JSON.
type jsonSchedule struct {
	Expression string `json:"expression"`
	Timezone   string `json:"timezone"`
}

// MarshalJSON writes the schedule as {"expression": …, "timezone": …}.
func (s *Schedule) MarshalJSON() ([]byte, error) {
	return json.Marshal(jsonSchedule{Expression: s.expression, Timezone: s.Timezone()})
}

// UnmarshalJSON reads what MarshalJSON wrote, and checks it again.
func (s *Schedule) UnmarshalJSON(data []byte) error {
	var raw jsonSchedule
	if err := json.Unmarshal(data, &raw); err != nil {
		return fmt.Errorf("read schedule: %w", err)
	}
	parsed, err := Parse(raw.Expression, raw.Timezone)
	if err != nil {
		return err
	}
	*s = *parsed
	return nil
}
