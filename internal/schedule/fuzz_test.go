package schedule_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"intercom-connector/internal/schedule"
)

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"rate(5 minutes)", "rate(1 day)", "at(2026-01-02T03:04:05)", "cron(0 6 * * ? *)", "cron(0/15 8-18 ? 1,JUL MON-FRI 2026/2)",
		"cron(0 0 L * ? *)", "cron(0 0 15W * ? *)", "cron(0 0 ? * 6L *)", "cron(0 0 ? * 3#2 *)", "cron(0 0 30 2 ? *)", "cron((", "cron(ı)",
	} {
		f.Add(seed, int64(1_790_000_000))
	}
	f.Fuzz(func(t *testing.T, expression string, unix int64) {
		s, err := schedule.Parse(expression, "Europe/Amsterdam")
		if err != nil {
			if s != nil || err.Error() == "" {
				t.Fatalf("got %v and %q", s, err)
			}
			return
		}
		again, err := schedule.Parse(s.String(), s.Timezone())
		if err != nil || !again.Equal(s) {
			t.Fatalf("%q became %q: %v", expression, s, err)
		}
		at := time.Unix(unix%10_000_000_000, 0)
		next, ok := s.Next(at)
		if !ok {
			return
		}
		if !next.After(at) {
			t.Fatalf("%q: %s is not after %s", s, next, at)
		}
		if strings.HasPrefix(s.String(), "rate") {
			return
		}
		// Between t and the firing after t there is none, and it is one.
		if just, ok := s.Next(next.Add(-1)); !ok || !just.Equal(next) {
			t.Fatalf("%q: just before %s comes %s", s, next, just)
		}
	})
}

// TestNextAgainstEveryMinute compares Next with a walk through all minutes of
// some days, with an idea of its own of what a list, a range and a step are.
func TestNextAgainstEveryMinute(t *testing.T) {
	t.Parallel()
	zones := []string{"UTC", "Europe/Amsterdam", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "America/Santiago"}
	rapid.Check(t, func(t *rapid.T) {
		zoneName := rapid.SampledFrom(zones).Draw(t, "zone")
		minute, inMinute := drawField(t, "minute", 0, 59)
		hour, inHour := drawField(t, "hour", 0, 23)
		day, inDay := drawField(t, "day", 1, 31)
		month, inMonth := drawField(t, "month", 1, 12)
		dayField, weekField := day, "?"
		inWeek := func(int) bool { return true }
		if rapid.Bool().Draw(t, "by weekday") {
			weekday := rapid.IntRange(1, 7).Draw(t, "weekday")
			dayField, weekField = "?", strconv.Itoa(weekday)
			inDay, inWeek = inWeek, func(v int) bool { return v == weekday }
		}
		s, err := schedule.Parse(fmt.Sprintf("cron(%s %s %s %s %s *)", minute, hour, dayField, month, weekField), zoneName)
		if err != nil {
			t.Fatal(err)
		}
		zone, err := schedule.Zone(zoneName)
		if err != nil {
			t.Fatal(err)
		}
		// The days around the changes of the clocks are the interesting ones.
		start := rapid.SampledFrom([]string{"2026-03-07", "2026-03-28", "2026-04-04", "2026-09-05", "2026-10-03", "2026-10-24", "2026-10-31", "2026-06-01"}).Draw(t, "start")
		from, err := time.Parse(time.DateOnly, start)
		if err != nil {
			t.Fatal(err)
		}
		from = from.Add(time.Duration(rapid.IntRange(0, 36*60).Draw(t, "offset")) * time.Minute)

		var want time.Time
		for at := from.Add(time.Minute); at.Before(from.Add(48 * time.Hour)); at = at.Add(time.Minute) {
			wall := at.In(zone)
			repeated := slices.ContainsFunc([]time.Duration{time.Hour, 30 * time.Minute}, func(d time.Duration) bool {
				return at.Add(-d).In(zone).Format("01-02 15:04") == wall.Format("01-02 15:04")
			})
			if !repeated && inMinute(wall.Minute()) && inHour(wall.Hour()) && inDay(wall.Day()) && inMonth(int(wall.Month())) && inWeek(int(wall.Weekday())+1) {
				want = at
				break
			}
		}
		got, ok := s.Next(from)
		if want.IsZero() {
			if ok && got.Before(from.Add(48*time.Hour)) {
				t.Fatalf("%s in %s after %s: got %s, want none in two days", s, zoneName, from, got)
			}
			return
		}
		if !got.Equal(want) {
			t.Fatalf("%s in %s after %s: got %s, want %s", s, zoneName, from, got, want.In(zone))
		}
	})
}

// drawField returns a field of an expression and which values it holds.
func drawField(t *rapid.T, label string, low, high int) (string, func(int) bool) {
	values := rapid.SliceOfNDistinct(rapid.IntRange(low, high), 1, 4, rapid.ID[int]).Draw(t, label)
	switch rapid.IntRange(0, 3).Draw(t, label+" form") {
	case 0:
		return "*", func(int) bool { return true }
	case 1:
		step := rapid.IntRange(1, high-low).Draw(t, label+" step")
		return fmt.Sprintf("%d/%d", values[0], step), func(v int) bool { return v >= values[0] && (v-values[0])%step == 0 }
	case 2:
		a, b := slices.Min(values), slices.Max(values)
		return fmt.Sprintf("%d-%d", a, b), func(v int) bool { return v >= a && v <= b }
	default:
		words := make([]string, len(values))
		for i, v := range values {
			words[i] = strconv.Itoa(v)
		}
		return strings.Join(words, ","), func(v int) bool { return slices.Contains(values, v) }
	}
}
