package schedule

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// maxRate is longer than any sensible rate and far from overflowing.
const maxRate = 100 * 365 * 24 * time.Hour

// parseRate reads the inside of rate(5 minutes).
func (s *Schedule) parseRate(text span) error {
	fields := text.fields()
	if len(fields) != 2 {
		return text.trim().errorf("rate takes a number and a unit, such as rate(5 minutes)")
	}
	value, unit := fields[0], fields[1]
	n, err := strconv.ParseUint(value.text, 10, 32)
	if err != nil || n == 0 {
		return value.errorf("%q is not a positive whole number", value.text)
	}
	name := strings.TrimSuffix(unit.text, "s")
	units := map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}
	size, known := units[name]
	if !known {
		return unit.errorf("%q is no unit: it is minutes, hours or days", unit.text)
	}
	if n > uint64(maxRate/size) {
		return value.errorf("%s %s is longer than 100 years", value.text, unit.text)
	}
	if n > 1 {
		name += "s"
	}
	if name != unit.text {
		return unit.errorf("%d takes %q, not %q", n, name, unit.text)
	}
	s.every = time.Duration(n) * size
	s.expression = fmt.Sprintf("rate(%d %s)", n, name)
	return nil
}

// parseAt reads the inside of at(2026-01-02T03:04:05).
func (s *Schedule) parseAt(text span) error {
	const layout = "2006-01-02T15:04:05"
	text = text.trim()
	wall, err := time.Parse(layout, text.text)
	if err != nil || text.text != wall.Format(layout) {
		return text.errorf("%q is not a date and time as in at(2026-01-02T03:04:05)", text.text)
	}
	at, exists := instant(wall, s.zone)
	if !exists {
		return text.errorf("%s does not exist in %s: the clocks skip it", text.text, s.zone)
	}
	s.at = at
	s.expression = "at(" + text.text + ")"
	return nil
}

// instant returns when the clocks of zone show wall, the first time if they
// show it twice, false if they skip it. The location of wall is of no account.
func instant(wall time.Time, zone *time.Location) (time.Time, bool) {
	// time.Date does not say which of two it picks, and never skips. Offsets
	// lie between -12 and +14 hours: these two probes see both sides of a change.
	first, exists := time.Time{}, false
	for _, probe := range [...]time.Duration{-15 * time.Hour, 13 * time.Hour} {
		_, offset := wall.Add(probe).In(zone).Zone()
		t := wall.Add(-time.Duration(offset) * time.Second).In(zone)
		if _, actual := t.Zone(); actual == offset && (!exists || t.Before(first)) {
			first, exists = t, true
		}
	}
	return first, exists
}
