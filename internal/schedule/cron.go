package schedule

import (
	"iter"
	"math/bits"
	"strings"
	"time"
	"unicode/utf8"
)

// cron is a parsed cron expression.
type cron struct {
	minutes, hours, months, years set
	days                          days
}

// parseCron reads the inside of cron(0 6 * * ? *).
func (s *Schedule) parseCron(text span) error {
	// Only ASCII: capitals elsewhere may be of another length and move offsets.
	if i := strings.IndexFunc(text.text, func(r rune) bool { return r >= utf8.RuneSelf }); i >= 0 {
		return text.from(i).errorf("a cron expression is plain ASCII")
	}
	text.text = strings.ToUpper(text.text)
	fields := text.fields()
	if len(fields) != 6 {
		return text.trim().errorf("cron takes six fields, minute hour day-of-month month day-of-week year, not %d", len(fields))
	}
	var c cron
	for _, part := range []struct {
		field field
		text  span
		into  *set
	}{
		{minuteField, fields[0], &c.minutes},
		{hourField, fields[1], &c.hours},
		{monthField, fields[3], &c.months},
		{yearField, fields[5], &c.years},
	} {
		values, err := part.field.parse(part.text)
		if err != nil {
			return err
		}
		*part.into = values
	}
	days, err := parseDays(fields[2], fields[4])
	if err != nil {
		return err
	}
	c.days = days

	words := make([]string, len(fields))
	for i, f := range fields {
		words[i] = f.text
	}
	s.cron = &c
	s.expression = "cron(" + strings.Join(words, " ") + ")"
	return nil
}

// next returns the first firing after t on the wall clock of zone.
func (c *cron) next(t time.Time, zone *time.Location) (time.Time, bool) {
	now := t.In(zone)
	today := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, time.UTC)
	for day := range c.daysFrom(today) {
		for minute := range c.minutesOfDay {
			// Where the clocks repeat an hour, or skip one, the wall clock alone
			// does not tell what is later: the instant does.
			at, exists := instant(day.Add(minute), zone)
			if exists && at.After(t) {
				return at, true
			}
		}
	}
	return time.Time{}, false
}

// daysFrom yields the days on which the schedule fires, from a day on, as
// midnights in UTC.
func (c *cron) daysFrom(from time.Time) iter.Seq[time.Time] {
	return func(yield func(time.Time) bool) {
		for year := max(from.Year(), yearField.min); year <= yearField.max; year++ {
			if !c.years.has(year - yearField.min) {
				continue
			}
			for month := time.January; month <= time.December; month++ {
				if !c.months.has(int(month)-1) || year == from.Year() && month < from.Month() {
					continue
				}
				for picked := c.days.in(year, month); picked != 0; picked &= picked - 1 {
					day := time.Date(year, month, bits.TrailingZeros32(picked), 0, 0, 0, 0, time.UTC)
					if !day.Before(from) && !yield(day) {
						return
					}
				}
			}
		}
	}
}

// minutesOfDay yields the times of a day at which the schedule fires.
func (c *cron) minutesOfDay(yield func(time.Duration) bool) {
	for hour := range 24 {
		if !c.hours.has(hour) {
			continue
		}
		for minute := range 60 {
			if c.minutes.has(minute) && !yield(time.Duration(hour)*time.Hour+time.Duration(minute)*time.Minute) {
				return
			}
		}
	}
}

// period returns the shortest time between two firings, 0 for fewer than two.
func (c *cron) period() time.Duration {
	const day = 24 * time.Hour
	var shortest time.Duration
	note := func(gap time.Duration) {
		if shortest == 0 || gap < shortest {
			shortest = gap
		}
	}
	first, last := time.Duration(-1), time.Duration(-1)
	for minute := range c.minutesOfDay {
		if last >= 0 {
			note(minute - last)
		} else {
			first = minute
		}
		last = minute
	}
	var yesterday time.Time
	for today := range c.daysFrom(time.Time{}) {
		if yesterday.IsZero() {
			yesterday = today
			continue
		}
		gap := today.Sub(yesterday)
		note(gap - last + first)
		if gap == day { // days cannot follow each other closer
			break
		}
		yesterday = today
	}
	if yesterday.IsZero() { // no day at all: Feb 30
		return 0
	}
	return shortest
}
