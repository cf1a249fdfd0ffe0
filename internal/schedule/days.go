package schedule

import "time"

// A rule picks the days of a month.
type rule uint8

const (
	byDayOfMonth   rule = iota // the days of the month in set
	byDayOfWeek                // the days of the week in set
	lastDay                    // L: the month's last day
	nearestWeekday             // 15W: the working day nearest the 15th, within the month
	lastDayOfWeek              // 6L: the month's last Friday
	nthDayOfWeek               // 3#2: the month's second Tuesday
)

// days is what the two day fields say together.
type days struct {
	rule rule
	set  set
	day  int // of the month from 1 for nearestWeekday, of the week from 0 (Sunday) otherwise
	nth  int // nthDayOfWeek only, from 1
}

// parseDays reads both day fields: one says which days, the other is "?".
func parseDays(month, week span) (days, error) {
	switch {
	case month.text == "?" && week.text == "?":
		return days{}, week.errorf("only one of day of the month and day of the week can be ?")
	case week.text == "?":
		return parseDayOfMonth(month)
	case month.text == "?":
		return parseDayOfWeek(week)
	default:
		return days{}, week.errorf("one of day of the month and day of the week must be ?")
	}
}

func parseDayOfMonth(text span) (days, error) {
	if text.text == "L" {
		return days{rule: lastDay}, nil
	}
	if head, tail, found := text.cut("W"); found {
		if tail.text != "" {
			return days{}, tail.errorf("W stands alone, such as 15W")
		}
		day, err := dayOfMonthField.value(head)
		return days{rule: nearestWeekday, day: day}, err
	}
	if before, _, found := text.cut("L"); found {
		return days{}, before.end().errorf("L, the last day of the month, stands alone")
	}
	set, err := dayOfMonthField.parse(text)
	return days{rule: byDayOfMonth, set: set}, err
}

func parseDayOfWeek(text span) (days, error) {
	if text.text == "L" { // the last day of the week
		d := days{rule: byDayOfWeek}
		d.set.add(int(time.Saturday))
		return d, nil
	}
	if head, tail, found := text.cut("#"); found {
		day, err := dayOfWeekField.value(head)
		if err != nil {
			return days{}, err
		}
		if len(tail.text) != 1 || tail.text < "1" || tail.text > "5" {
			return days{}, tail.errorf("behind # comes a number from 1 to 5 and nothing else, such as 3#2 for the second Tuesday")
		}
		return days{rule: nthDayOfWeek, day: day - 1, nth: int(tail.text[0] - '0')}, nil
	}
	if n := len(text.text) - 1; n > 0 && text.text[n] == 'L' {
		day, err := dayOfWeekField.value(text.to(n))
		return days{rule: lastDayOfWeek, day: day - 1}, err
	}
	set, err := dayOfWeekField.parse(text)
	return days{rule: byDayOfWeek, set: set}, err
}

// in returns the days of a month that the rule picks: bit d stands for day d.
func (d days) in(year int, month time.Month) uint32 {
	first := int(time.Date(year, month, 1, 0, 0, 0, 0, time.UTC).Weekday())
	length := time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day()
	weekday := func(day int) int { return (first + day - 1) % 7 }

	var picked uint32
	for day := 1; day <= length; day++ {
		var match bool
		switch d.rule {
		case byDayOfMonth:
			match = d.set.has(day - 1)
		case byDayOfWeek:
			match = d.set.has(weekday(day))
		case lastDay:
			match = day == length
		case nearestWeekday:
			match = d.day <= length && day == nearest(d.day, weekday(d.day), length)
		case lastDayOfWeek:
			match = weekday(day) == d.day && day+7 > length
		case nthDayOfWeek:
			match = weekday(day) == d.day && (day-1)/7 == d.nth-1
		}
		if match {
			picked |= 1 << day
		}
	}
	return picked
}

// nearest returns the working day nearest a day that is the given day of the
// week, without leaving a month of the given length.
func nearest(day, weekday, length int) int {
	switch time.Weekday(weekday) {
	case time.Saturday:
		if day == 1 {
			return 3
		}
		return day - 1
	case time.Sunday:
		if day == length {
			return day - 2
		}
		return day + 1
	default:
		return day
	}
}
