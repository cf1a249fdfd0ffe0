package cli

import (
	"strconv"
	"strings"
	"time"

	"intercom-connector/internal/config"
)

// An instant is what --since and --until take: a time, a date, or how long ago.
type instant string

const instantForms = "a time such as 2026-01-31T12:00:00Z, a date such as 2026-01-31, or how long ago, such as 48h or 7d"

// at returns the time that is meant, in whole seconds; a date begins in zone.
func (i instant) at(flag string, now time.Time, zone *time.Location) (time.Time, error) {
	text := string(i)
	if text == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t.UTC().Truncate(time.Second), nil
	}
	if t, err := time.ParseInLocation(time.DateOnly, text, zone); err == nil {
		return t.UTC(), nil
	}
	if ago, ok := parseAgo(text); ok {
		return now.Add(-ago).UTC().Truncate(time.Second), nil
	}
	return time.Time{}, usagef("%s takes %s; %q is none of them", flag, instantForms, text)
}

// parseAgo reads a duration of Go's, or whole days or weeks: 7d, 2w.
func parseAgo(text string) (time.Duration, bool) {
	const day = 24 * time.Hour
	for unit, length := range map[string]time.Duration{"d": day, "w": 7 * day} {
		digits, ok := strings.CutSuffix(text, unit)
		if !ok {
			continue
		}
		if n, err := strconv.ParseUint(digits, 10, 16); err == nil && n > 0 {
			return time.Duration(n) * length, true
		}
	}
	d, err := time.ParseDuration(text)
	return d, err == nil && d > 0
}

// zone is where the dates of a subscription begin: in the time zone of its
// client's configuration, as start does.
func zone(cfg *config.Config, sub *config.Subscription) *time.Location {
	if zone, err := time.LoadLocation(cfg.Clients[sub.Client].Timezone); err == nil {
		return zone
	}
	return time.UTC
}

// A window is a part of the past that is read again.
type window struct{ since, until time.Time }

// window reads --since and --until for one subscription.
func parseWindow(since, until instant, zone *time.Location, sub *config.Subscription) (window, error) {
	if since == "" {
		if until != "" {
			return window{}, usagef("--until ends a window that --since begins")
		}
		return window{}, nil
	}
	if sub.Sync != config.Incremental {
		return window{}, usagef("--since reads an incremental subscription again; %s is read whole on every run", sub.Name)
	}
	now := time.Now()
	var w window
	var err error
	if w.since, err = since.at("--since", now, zone); err != nil {
		return window{}, err
	}
	if w.until, err = until.at("--until", now, zone); err != nil {
		return window{}, err
	}
	switch {
	case w.since.After(now):
		return window{}, usagef("--since %s is in the future", since)
	case !w.until.IsZero() && !w.until.After(w.since):
		return window{}, usagef("--until %s is not after --since %s", until, since)
	}
	return w, nil
}
