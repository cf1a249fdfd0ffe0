package schedule

import (
	"slices"
	"strconv"
	"strings"
)

// A set holds the values of one field, as offsets from the field's minimum.
type set [4]uint64

func (s *set) add(i int)      { s[i/64] |= 1 << (i % 64) }
func (s *set) has(i int) bool { return s[i/64]&(1<<(i%64)) != 0 }

// A field is one of the six of a cron expression.
type field struct {
	name     string
	min, max int
	names    []string // of the values from min on, nil for none
	steps    bool     // whether AWS documents the slash for it
}

var (
	minuteField     = field{name: "minute", min: 0, max: 59, steps: true}
	hourField       = field{name: "hour", min: 0, max: 23, steps: true}
	dayOfMonthField = field{name: "day of the month", min: 1, max: 31, steps: true}
	monthField      = field{name: "month", min: 1, max: 12, steps: true, names: strings.Fields("JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC")}
	dayOfWeekField  = field{name: "day of the week", min: 1, max: 7, names: strings.Fields("SUN MON TUE WED THU FRI SAT")}
	yearField       = field{name: "year", min: 1970, max: 2199, steps: true}
)

// allowed says in words which values the field takes.
func (f field) allowed() string {
	text := strconv.Itoa(f.min) + "-" + strconv.Itoa(f.max)
	if f.names != nil {
		text += " or " + f.names[0] + "-" + f.names[len(f.names)-1]
	}
	return text
}

// parse reads a list of values, ranges and steps: 1,5-10,20/2.
func (f field) parse(text span) (set, error) {
	var values set
	for _, item := range text.split(",") {
		if err := f.parseItem(item, &values); err != nil {
			return set{}, err
		}
	}
	return values, nil
}

func (f field) parseItem(item span, values *set) error {
	spread, stepText, stepped := item.cut("/")
	low, high := f.min, f.max
	if spread.text != "*" {
		lowText, highText, ranged := spread.cut("-")
		var err error
		if low, err = f.value(lowText); err != nil {
			return err
		}
		switch {
		case ranged:
			if high, err = f.value(highText); err != nil {
				return err
			}
		case !stepped:
			high = low
		}
		if low > high {
			return spread.errorf("the range %s runs backwards: write two, %s-%s and %s-%s", spread.text, lowText.text, f.show(f.max), f.show(f.min), highText.text)
		}
	}
	step := 1
	if stepped {
		if !f.steps {
			return stepText.errorf("the %s takes no steps, only values, ranges and lists", f.name)
		}
		n, err := strconv.Atoi(stepText.text)
		if err != nil || n < 1 || n > f.max-f.min || stepText.text[0] == '+' {
			return stepText.errorf("the step %q is not a number from 1 to %d", stepText.text, f.max-f.min)
		}
		step = n
	}
	for v := low; v <= high; v += step {
		values.add(v - f.min)
	}
	return nil
}

// value reads one value, a number or a name.
func (f field) value(text span) (int, error) {
	if i := slices.Index(f.names, text.text); i >= 0 {
		return f.min + i, nil
	}
	n, err := strconv.ParseUint(text.text, 10, 16)
	if err != nil {
		if text.text == "" {
			return 0, text.errorf("a %s is missing: %s", f.name, f.allowed())
		}
		return 0, text.errorf("%q is no %s: it is %s", text.text, f.name, f.allowed())
	}
	if v := int(n); v >= f.min && v <= f.max {
		return v, nil
	}
	return 0, text.errorf("the %s %s is not within %s", f.name, text.text, f.allowed())
}

// show writes a value as people do.
func (f field) show(v int) string {
	if f.names != nil {
		return f.names[v-f.min]
	}
	return strconv.Itoa(v)
}
