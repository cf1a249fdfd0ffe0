package subscribe

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// zones are some that have tripped others: half and quarter hours, midnights
// that daylight saving skips, days that were skipped whole.
var zones = []string{
	"UTC", "Europe/Amsterdam", "America/Los_Angeles", "Asia/Kathmandu", "Asia/Kolkata", "Australia/Lord_Howe",
	"America/Sao_Paulo", "Pacific/Apia", "Pacific/Kiritimati", "Pacific/Niue", "Africa/Cairo", "Asia/Beirut",
}

// byDay is what a search by days lets through: after the day of after, before
// the day of before, in its own zone.
func byDay(t, after, before int64, zone *time.Location) bool {
	c := calendar{zone: zone}
	day := c.startOfDay(t)
	return (after == 0 || day > c.startOfDay(after)) && (before == 0 || day < c.startOfDay(before))
}

func bySecond(t, after, before int64) bool {
	return t > after && (before == 0 || t < before)
}

func drawZone(t *rapid.T, label string) *time.Location {
	name := rapid.SampledFrom(zones).Draw(t, label)
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// drawTime favours the places where days begin, end and are bent.
func drawTime(t *rapid.T, label string) int64 {
	base := time.Date(2009, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	switch rapid.IntRange(0, 2).Draw(t, label+" kind") {
	case 0:
		return base + rapid.Int64Range(0, 20*365*86400).Draw(t, label)
	case 1:
		return base + rapid.Int64Range(0, 20*365*96).Draw(t, label)*quarter + rapid.Int64Range(-2, 2).Draw(t, label+" off")
	default:
		return base + rapid.Int64Range(0, 20*365).Draw(t, label)*86400
	}
}

func TestBoundsLetThroughWhatIsWanted(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		server := drawZone(t, "zone of the workspace")
		days := calendar{zone: server}
		if rapid.Bool().Draw(t, "zone unknown") {
			days = calendar{zone: drawZone(t, "assumed zone"), slack: 1}
		}
		from := drawTime(t, "from")
		to := from + rapid.Int64Range(1, 40*86400).Draw(t, "length")
		wanted := from + rapid.Int64Range(0, to-from-1).Draw(t, "wanted")
		after, before := days.after(from, unknownGrain), days.before(to, unknownGrain)
		if !byDay(wanted, after, before, server) {
			t.Errorf("a filter by days from %d to %d leaves out %d", after, before, wanted)
		}
		if !bySecond(wanted, after, before) {
			t.Errorf("a filter by seconds from %d to %d leaves out %d", after, before, wanted)
		}
		after, before = days.after(from, secondGrain), days.before(to, secondGrain)
		if !bySecond(wanted, after, before) {
			t.Errorf("an exact filter by seconds from %d to %d leaves out %d", after, before, wanted)
		}
	})
}

func TestBoundsAreNotFarFromWhatIsWanted(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		days := calendar{zone: drawZone(t, "zone")}
		from := drawTime(t, "from")
		if wide := from - days.after(from, unknownGrain); wide > 2*86400 {
			t.Errorf("the lower bound of %d is %d seconds before it", from, wide)
		}
		if wide := days.before(from, unknownGrain) - from; wide > 2*86400 {
			t.Errorf("the upper bound of %d is %d seconds after it", from, wide)
		}
	})
}

func TestNoFilterByDaysProvesSeconds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		server, assumed := drawZone(t, "zone of the workspace"), calendar{zone: drawZone(t, "assumed zone")}
		after := assumed.after(drawTime(t, "from"), unknownGrain)
		before := assumed.before(after+rapid.Int64Range(1, 10*86400).Draw(t, "length"), unknownGrain)
		for _, near := range []int64{after, before} {
			served := near + rapid.Int64Range(-86400, 86400).Draw(t, "record")
			if byDay(served, after, before, server) && provesSeconds(served, after, before) {
				t.Errorf("a record of %d between %d and %d proves nothing in %v", served, after, before, server)
			}
		}
	})
}

func TestProofOfSeconds(t *testing.T) {
	t.Parallel()
	const bound = 1_700_000_100 + 450 // between two quarters of an hour
	for _, tt := range []struct {
		name             string
		t, after, before int64
		want             bool
	}{
		{"just below the upper bound", bound - 1, 0, bound, true},
		{"just above the lower bound", bound + 1, bound, 0, true},
		{"a quarter of an hour below", bound - quarter, 0, bound, false},
		{"no bounds", bound, 0, 0, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := provesSeconds(tt.t, tt.after, tt.before); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}
