package file

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

const day = 24 * time.Hour

// maxDuration is more than anyone means, and far from overflowing.
const maxDuration = 10 * 365 * day

// parseDuration reads a duration as Go writes them, and days before it: 90s,
// 1h30m, 2d, 1d12h. A day is 24 hours.
func parseDuration(text string) (time.Duration, error) {
	wrong := fmt.Errorf("%q is not a duration such as 90s, 10m, 1h30m or 2d", text)
	var total time.Duration
	rest := text
	if before, after, found := strings.Cut(text, "d"); found {
		days, err := strconv.ParseUint(before, 10, 16)
		if err != nil {
			return 0, wrong
		}
		if days > uint64(maxDuration/day) {
			return 0, fmt.Errorf("%q is longer than ten years", text)
		}
		total, rest = time.Duration(days)*day, after
		if rest == "" {
			return total, nil
		}
	}
	d, err := time.ParseDuration(rest)
	if err != nil || d < 0 || strings.HasPrefix(rest, "+") {
		return 0, wrong
	}
	if d > maxDuration || total+d > maxDuration {
		return 0, fmt.Errorf("%q is longer than ten years", text)
	}
	return total + d, nil
}

// showDuration writes a duration the way people write them here.
func showDuration(d time.Duration) string {
	if d > day && d%day == 0 {
		return strconv.Itoa(int(d/day)) + "d"
	}
	s := d.String()
	s = strings.TrimSuffix(s, "0s")
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	if s == "" {
		return "0s"
	}
	return s
}
