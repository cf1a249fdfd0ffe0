package cli_test

import (
	"testing"
	"time"

	"intercom-connector/internal/cli"
)

func TestFormat(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, got, want string }{
		{"small number", cli.Number(7), "7"},
		{"thousands", cli.Number(1234567), "1,234,567"},
		{"hundreds", cli.Number(100), "100"},
		{"negative", cli.Number(-1234), "-1,234"},
		{"one", cli.Count(1, "request"), "1 request"},
		{"none", cli.Count(0, "request"), "0 requests"},
		{"on y", cli.Count(2, "retry"), "2 retries"},
		{"bytes", cli.Size(12), "12 bytes"},
		{"megabytes", cli.Size(3 << 20), "3.0 MB"},
		{"part of a second", cli.Lasting(420 * time.Millisecond), "0.4 s"},
		{"not quite ten seconds", cli.Lasting(9960 * time.Millisecond), "10 s"},
		{"minutes", cli.Lasting(185 * time.Second), "3 min 5 s"},
		{"a whole hour", cli.Lasting(time.Hour), "1 h"},
		{"days", cli.Lasting(76 * time.Hour), "3 d 4 h"},
		{"in the future", cli.Lasting(-time.Minute), "-1 min"},
		{"lines", cli.OneLine("a\nb\tc\r"), "a b c"},
		{"control characters", cli.OneLine("a\x07b"), "a\ufffdb"},
		{"plain argument", cli.Quote("file:out.ndjson"), "file:out.ndjson"},
		{"argument with a space", cli.Quote("it's me"), `'it'\''s me'`},
		{"escaped for HTML", cli.Pretty([]byte(`{"a":"\u003e"}`), ""), "{\n  \"a\": \">\"\n}"},
		{"a backslash before u", cli.Pretty([]byte(`"\\u003e"`), ""), `"\\u003e"`},
		{"no JSON", cli.Pretty([]byte(`{`), ""), `{`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.got != tt.want {
				t.Errorf("got %q, want %q", tt.got, tt.want)
			}
		})
	}
}

func TestInstant(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 10, 12, 0, 0, 500, time.UTC)
	zone := time.FixedZone("there", 3600)
	for _, tt := range []struct {
		name, text string
		want       time.Time // zero: refused
	}{
		{"time", "2026-01-31T12:00:00+02:00", time.Date(2026, 1, 31, 10, 0, 0, 0, time.UTC)},
		{"date begins in the zone", "2026-01-31", time.Date(2026, 1, 30, 23, 0, 0, 0, time.UTC)},
		{"hours", "48h", time.Date(2026, 3, 8, 12, 0, 0, 0, time.UTC)},
		{"days", "7d", time.Date(2026, 3, 3, 12, 0, 0, 0, time.UTC)},
		{"weeks", "2w", time.Date(2026, 2, 24, 12, 0, 0, 0, time.UTC)},
		{"no unit", "7", time.Time{}},
		{"nothing ago", "0s", time.Time{}},
		{"negative", "-7d", time.Time{}},
		{"a word", "yesterday", time.Time{}},
		{"no such day", "2026-02-30", time.Time{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := cli.InstantAt(tt.text, now, zone)
			if (err != nil) != tt.want.IsZero() || !got.Equal(tt.want) {
				t.Errorf("got %v, %v, want %v", got, err, tt.want)
			}
		})
	}
}
