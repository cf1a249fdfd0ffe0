package schedule_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the tests know the zones, whatever the machine knows

	"intercom-connector/internal/schedule"
)

func TestNext(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, expression, timezone string
		from                       string
		want                       string // space-separated firings, "-" for the end
	}{
		{"minutes", "rate(5 minutes)", "", "2026-01-01T00:00:30Z", "2026-01-01T00:05:30Z 2026-01-01T00:10:30Z"},
		{"one hour", "rate(1 hour)", "", "2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z"},
		{"a day is 24 hours", "rate(1 day)", "Europe/Amsterdam", "2026-03-28T12:00:00+01:00", "2026-03-29T13:00:00+02:00"},

		{"once", "at(2026-01-02T03:04:05)", "", "2026-01-01T00:00:00Z", "2026-01-02T03:04:05Z -"},
		{"once, in a zone", "at(2026-07-02T03:04:05)", "America/New_York", "2026-01-01T00:00:00Z", "2026-07-02T03:04:05-04:00 -"},
		{"once, in the repeated hour", "at(2026-10-25T02:30:00)", "Europe/Amsterdam", "2026-01-01T00:00:00Z", "2026-10-25T02:30:00+02:00 -"},

		{"daily", "cron(0 6 * * ? *)", "", "2026-01-01T06:00:00Z", "2026-01-02T06:00:00Z 2026-01-03T06:00:00Z"},
		{"just before", "cron(0 6 * * ? *)", "", "2026-01-01T05:59:59.999999999Z", "2026-01-01T06:00:00Z"},
		{"steps from a value", "cron(50/5 23 * * ? *)", "", "2026-01-01T23:50:00Z", "2026-01-01T23:55:00Z 2026-01-02T23:50:00Z"},
		{"steps of a range", "cron(0 8-18/5 * * ? *)", "", "2026-01-01T08:00:00Z", "2026-01-01T13:00:00Z 2026-01-01T18:00:00Z 2026-01-02T08:00:00Z"},
		{"steps of all", "cron(*/20 * * * ? *)", "", "2026-01-01T08:00:00Z", "2026-01-01T08:20:00Z 2026-01-01T08:40:00Z 2026-01-01T09:00:00Z"},
		{"working days", "cron(0 8 ? * MON-FRI *)", "", "2026-01-02T08:00:00Z", "2026-01-05T08:00:00Z"},
		{"sunday is one", "cron(0 8 ? * 1 *)", "", "2026-01-01T00:00:00Z", "2026-01-04T08:00:00Z"},
		{"months by name, any case", "cron(0 0 1 jan,Jul ? *)", "", "2026-01-01T00:00:00Z", "2026-07-01T00:00:00Z 2027-01-01T00:00:00Z"},
		{"leap day", "cron(0 0 29 2 ? *)", "", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00Z 2032-02-29T00:00:00Z"},
		{"last day", "cron(0 0 L * ? *)", "", "2028-01-31T12:00:00Z", "2028-02-29T00:00:00Z 2028-03-31T00:00:00Z"},
		{"nearest working day: saturday", "cron(0 0 3W * ? 2026)", "", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"},
		{"nearest working day: sunday", "cron(0 0 4W 1 ? 2026)", "", "2026-01-01T00:00:00Z", "2026-01-05T00:00:00Z -"},
		{"nearest working day: first is a saturday", "cron(0 0 1W 8 ? 2026)", "", "2026-01-01T00:00:00Z", "2026-08-03T00:00:00Z -"},
		{"nearest working day: last is a sunday", "cron(0 0 31W 5 ? 2026)", "", "2026-01-01T00:00:00Z", "2026-05-29T00:00:00Z -"},
		{"nearest working day: month too short", "cron(0 0 31W 4,5 ? 2027)", "", "2026-01-01T00:00:00Z", "2027-05-31T00:00:00Z -"},
		{"second tuesday", "cron(0 0 ? * 3#2 *)", "", "2026-01-01T00:00:00Z", "2026-01-13T00:00:00Z 2026-02-10T00:00:00Z"},
		{"fifth friday", "cron(0 0 ? * FRI#5 *)", "", "2026-01-01T00:00:00Z", "2026-01-30T00:00:00Z 2026-05-29T00:00:00Z"},
		{"last friday", "cron(15 10 ? * 6L 2026)", "", "2026-11-01T00:00:00Z", "2026-11-27T10:15:00Z 2026-12-25T10:15:00Z -"},
		{"last day of the week", "cron(0 0 ? * L *)", "", "2026-01-01T00:00:00Z", "2026-01-03T00:00:00Z"},
		{"never", "cron(0 0 30 2 ? *)", "", "2026-01-01T00:00:00Z", "-"},
		{"the last minute there is", "cron(59 23 31 12 ? *)", "", "2199-12-31T23:58:00Z", "2199-12-31T23:59:00Z -"},
		{"from long ago", "cron(0 0 1 1 ? *)", "", "0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z"},

		{"the skipped hour is skipped", "cron(30 2 * * ? *)", "Europe/Amsterdam", "2026-03-28T12:00:00+01:00", "2026-03-30T02:30:00+02:00"},
		{"the repeated hour fires once", "cron(30 2 * * ? *)", "Europe/Amsterdam", "2026-10-24T12:00:00+02:00", "2026-10-25T02:30:00+02:00 2026-10-26T02:30:00+01:00"},
		{"asked within the repeated hour", "cron(30 * * * ? *)", "Europe/Amsterdam", "2026-10-25T02:10:00+01:00", "2026-10-25T03:30:00+01:00"},
		{"hourly over the gap", "cron(0 * * * ? *)", "Europe/Amsterdam", "2026-03-29T01:00:00+01:00", "2026-03-29T03:00:00+02:00"},
		{"half an hour of summer time", "cron(15 2 * * ? *)", "Australia/Lord_Howe", "2026-10-03T12:00:00+10:30", "2026-10-05T02:15:00+11:00"},
		{"midnight does not exist", "cron(0 0 * * ? *)", "America/Santiago", "2026-09-05T12:00:00-04:00", "2026-09-07T00:00:00-03:00"},
		{"a day that never was", "cron(0 12 30 12 ? 2011)", "Pacific/Apia", "2011-12-01T00:00:00Z", "-"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, err := schedule.Parse(tt.expression, tt.timezone)
			if err != nil {
				t.Fatal(err)
			}
			at, err := time.Parse(time.RFC3339Nano, tt.from)
			if err != nil {
				t.Fatal(err)
			}
			for want := range strings.FieldsSeq(tt.want) {
				next, ok := s.Next(at)
				got := "-"
				if ok {
					got = next.Format(time.RFC3339)
				}
				if got != want {
					t.Fatalf("after %s: got %s, want %s", at.Format(time.RFC3339Nano), got, want)
				}
				at = next
			}
		})
	}
}

func TestPeriod(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	tests := map[string]time.Duration{
		"rate(5 minutes)":              5 * time.Minute,
		"rate(2 days)":                 2 * day,
		"at(2026-01-02T03:04:05)":      0,
		"cron(* * * * ? *)":            time.Minute,
		"cron(0/15 * * * ? *)":         15 * time.Minute,
		"cron(0,50 * * * ? *)":         10 * time.Minute,
		"cron(0 6,18 * * ? *)":         12 * time.Hour,
		"cron(0 1,23 * * ? *)":         2 * time.Hour,
		"cron(0 6 * * ? *)":            day,
		"cron(0 6 ? * MON *)":          7 * day,
		"cron(0 6 ? * MON,THU *)":      3 * day,
		"cron(0 0 1 * ? *)":            28 * day,
		"cron(0 0 L * ? *)":            28 * day,
		"cron(0 0 1 1 ? *)":            365 * day,
		"cron(0 0 29 2 ? *)":           (3*365 + 366) * day,
		"cron(0 0 1 1 ? 2026)":         0,
		"cron(0 0 30 2 ? *)":           0,
		"cron(0 0,1 30 2 ? *)":         0,
		"cron(0 0 31 12 ? 2026,2030)":  (3*365 + 366) * day,
		"cron(0 23 31 12 ? 2026-2027)": 365 * day,
	}
	for expression, want := range tests {
		t.Run(expression, func(t *testing.T) {
			t.Parallel()
			s, err := schedule.Parse(expression, "Europe/Amsterdam")
			if err != nil {
				t.Fatal(err)
			}
			if got := s.Period(); got != want {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}

func TestParseErrors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, expression string
		offset           int
		problem          string // part of it
	}{
		{"empty", "", 0, "rate(…), at(…) or cron(…)"},
		{"bare cron", "0 6 * * ? *", 0, "rate(…), at(…) or cron(…)"},
		{"unknown kind", "  every(5 minutes)", 2, `"every"`},
		{"not closed", "rate(5 minutes", 14, "parenthesis"},
		{"trailing text", "rate(5 minutes) x", 17, "parenthesis"},
		{"no unit", "rate(5)", 5, "a number and a unit"},
		{"zero", "rate(0 minutes)", 5, "positive"},
		{"negative", "rate(-5 minutes)", 5, "positive"},
		{"fraction", "rate(1.5 hours)", 5, "positive"},
		{"weeks", "rate(2 weeks)", 7, "minutes, hours or days"},
		{"seconds", "rate(30 seconds)", 8, "minutes, hours or days"},
		{"plural of one", "rate(1 minutes)", 7, `1 takes "minute"`},
		{"singular of five", "rate(5 minute)", 7, `5 takes "minutes"`},
		{"too long", "rate(4000000000 days)", 5, "100 years"},
		{"no date", "at(tomorrow)", 3, "at(2026-01-02T03:04:05)"},
		{"zone in a date", "at(2026-01-02T03:04:05Z)", 3, "at(2026-01-02T03:04:05)"},
		{"fraction in a date", "at(2026-01-02T03:04:05.5)", 3, "at(2026-01-02T03:04:05)"},
		{"no such day", "at(2026-02-30T00:00:00)", 3, "at(2026-01-02T03:04:05)"},
		{"skipped hour", "at(2026-03-29T02:30:00)", 3, "does not exist in Europe/Amsterdam"},
		{"five fields", "cron(0 6 * * ?)", 5, "six fields"},
		{"minute", "cron(60 6 * * ? *)", 5, "minute 60 is not within 0-59"},
		{"hour in a list", "cron(0 6,24 * * ? *)", 9, "hour 24 is not within 0-23"},
		{"hour in a range", "cron(0 6-24 * * ? *)", 9, "hour 24 is not within 0-23"},
		{"empty item", "cron(0 6, * * ? *)", 9, "hour is missing"},
		{"month name", "cron(0 6 * JANUARY ? *)", 11, "1-12 or JAN-DEC"},
		{"year", "cron(0 6 * * ? 1969)", 15, "1970-2199"},
		{"both days", "cron(0 6 * * * *)", 13, "must be ?"},
		{"both days by value", "cron(0 6 1 * MON *)", 13, "must be ?"},
		{"no days", "cron(0 6 ? * ? *)", 13, "can be ?"},
		{"question mark elsewhere", "cron(? 6 * * ? *)", 5, `"?" is no minute`},
		{"step zero", "cron(0/0 6 * * ? *)", 7, "from 1 to 59"},
		{"step without start", "cron(/5 6 * * ? *)", 5, "minute is missing"},
		{"step of days of the week", "cron(0 6 ? * 2/2 *)", 15, "takes no steps"},
		{"backwards", "cron(0 6 ? * FRI-MON *)", 13, "FRI-SAT and SUN-MON"},
		{"L in a list", "cron(0 6 1,L * ? *)", 11, "stands alone"},
		{"W in a list", "cron(0 6 1W,15 * ? *)", 11, "stands alone"},
		{"W without a day", "cron(0 6 W * ? *)", 9, "day of the month is missing"},
		{"sixth friday", "cron(0 6 ? * 6#6 *)", 15, "from 1 to 5"},
		{"two of #", "cron(0 6 ? * 3#1,6#3 *)", 15, "nothing else"},
		{"not ASCII", "cron(0 6 ? * ſun *)", 13, "ASCII"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := schedule.Parse(tt.expression, "Europe/Amsterdam")
			problem, ok := errors.AsType[*schedule.Error](err)
			if !ok {
				t.Fatalf("got %v, want a *schedule.Error", err)
			}
			if problem.Offset != tt.offset || !strings.Contains(problem.Problem, tt.problem) {
				t.Errorf("got %q at %d, want %q at %d", problem.Problem, problem.Offset, tt.problem, tt.offset)
			}
		})
	}
}

func TestTimezoneErrors(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Local", "Amsterdam", "Europe/Nowhere", "../etc/passwd", "+02:00"} {
		if _, err := schedule.Parse("rate(1 day)", name); !errors.Is(err, schedule.ErrTimezone) {
			t.Errorf("%q: got %v, want ErrTimezone", name, err)
		}
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	s, err := schedule.Parse(" cron(0  6 ? * mon-fri *) ", "Europe/Amsterdam")
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(data), `{"expression":"cron(0 6 ? * MON-FRI *)","timezone":"Europe/Amsterdam"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	var back schedule.Schedule
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	if !back.Equal(s) {
		t.Errorf("got %v, want %v", &back, s)
	}
	if err := json.Unmarshal([]byte(`{"expression":"cron(x)","timezone":"UTC"}`), &back); err == nil {
		t.Error("a stored expression that is wrong was accepted")
	}
}
