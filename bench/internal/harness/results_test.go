package harness_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"intercom-connector/bench/internal/harness"
)

func usage(wall, cpu time.Duration, peak int64) harness.Usage {
	return harness.Usage{Wall: wall, CPU: cpu, Peak: peak}
}

func TestChecks(t *testing.T) {
	t.Parallel()
	full := func(reader string, n int, wall, cpu time.Duration, peak int64) harness.FullRead {
		return harness.FullRead{Reader: reader, Contacts: n, Usage: usage(wall, cpu, peak)}
	}
	published := func(n, each, disorder int, limited int64, wall time.Duration, peak int64) harness.Published {
		return harness.Published{Messages: n, Contacts: n / each, Disorder: disorder, Limited: limited, Usage: usage(wall, 0, peak)}
	}
	for _, tt := range []struct {
		name    string
		results harness.Results
		missed  []string // substrings of what is missed, in order
		checks  int
	}{
		{name: "nothing was measured"},
		{
			name: "all met",
			results: harness.Results{
				Full: []harness.FullRead{
					full("connector", 10_000, 200*time.Millisecond, time.Second, 90e6),
					full("connector", 100_000, time.Second, time.Second, 90e6),
					full("plain", 100_000, 2*time.Second, 1500*time.Millisecond, 90e6),
				},
				First: []harness.FirstRead{
					{Contacts: 100_000, Spread: "60 days", Limited: 5, Usage: usage(5*time.Second, 0, 0)},
					{Contacts: 100_000, Spread: "one day", Limited: 99, Usage: usage(50*time.Second, 0, 0)},
				},
				Changes: []harness.ChangesRead{{Contacts: 100_000, Changed: 1000, Requests: 11}},
				Limited: []harness.Published{
					published(20_000, 1, 0, 5, 133*time.Second, 90e6),
					published(20_000, 10, 0, 0, 120*time.Second, 90e6),
				},
				Unlimited: []harness.Published{
					published(100_000, 1, 0, 0, 10*time.Second, 100e6),
					published(1_000_000, 1, 0, 0, 110*time.Second, 100e6),
				},
			},
			checks: 15,
		},
		{
			name: "all missed",
			results: harness.Results{
				Full: []harness.FullRead{
					full("connector", 10_000, 100*time.Millisecond, time.Second, 90e6),
					full("connector", 100_000, 1200*time.Millisecond, 1010*time.Millisecond, 101e6),
					full("plain", 100_000, 2*time.Second, 1500*time.Millisecond, 0),
				},
				First:   []harness.FirstRead{{Contacts: 1_000_000, Limited: 6, Usage: usage(46*time.Second, 0, 0)}},
				Changes: []harness.ChangesRead{{Contacts: 100_000, Changed: 1000, Requests: 12}},
				Limited: []harness.Published{
					published(20_000, 1, 0, 6, 134*time.Second, 0),
					published(20_000, 10, 1, 6, 134*time.Second, 0),
				},
				Unlimited: []harness.Published{
					published(100_000, 1, 0, 0, 10*time.Second, 101e6),
					published(1_000_000, 1, 0, 0, 111*time.Second, 101e6),
				},
			},
			missed: []string{
				"records/s", "CPU", "memory", "time", "429s", "changed",
				"20,000 contacts: of the rate limit", "20,000 contacts: 429s",
				"2,000 groups of 10: of the rate limit", "2,000 groups of 10: 429s", "out of order",
				"publishing, 100,000 contacts: memory", "publishing, 1,000,000 contacts: memory",
				"full read of 100,000: time of", "publishing, 1,000,000 contacts: time of",
			},
			checks: 15,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			checks := tt.results.Checks()
			if len(checks) != tt.checks {
				t.Errorf("%d checks, want %d: %v", len(checks), tt.checks, checks)
			}
			var missed []string
			for _, c := range checks {
				if !c.Met {
					missed = append(missed, c.What)
				}
			}
			if len(missed) != len(tt.missed) {
				t.Fatalf("missed %q, want %q", missed, tt.missed)
			}
			for i, what := range tt.missed {
				if !strings.Contains(missed[i], what) {
					t.Errorf("missed %q, want %q", missed[i], what)
				}
			}
		})
	}
}

// What was not measured has no table.
func TestOutputOfPublishing(t *testing.T) {
	t.Parallel()
	results := harness.Results{
		Limited: []harness.Published{{Messages: 20_000, Contacts: 2_000, Requests: 20_001, Usage: usage(2*time.Minute, 3*time.Second, 32e6)}},
	}
	text := results.Markdown()
	for _, want := range []string{
		"| 20,000 | 2,000 groups of 10 | 120.00 s | 166.7 | 100.0 % | 0 | 20,001 | 0 | 3.00 s | 32 MB |",
		"| publishing, 2,000 groups of 10: of the rate limit | at least 90.0 % | 100.0 % | met |",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, "Full read") || strings.Contains(text, "long file") {
		t.Errorf("tables of what was not measured:\n%s", text)
	}
}

func TestOutput(t *testing.T) {
	t.Parallel()
	results := harness.Results{
		Cores: 2, Go: "go1.26.0", Platform: "linux/amd64", Repeats: 3,
		Full: []harness.FullRead{{Reader: "connector", Contacts: 1_000_000, Usage: usage(10*time.Second, 7*time.Second, 64e6)}},
	}
	want := "| 1,000,000 | connector | 10.00 s | 100,000 | 7.00 s | 64 MB |"
	var row string
	for line := range strings.SplitSeq(results.Markdown(), "\n") {
		if strings.Contains(line, "| connector |") {
			row = line
		}
	}
	if diff := cmp.Diff(want, row); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	var b bytes.Buffer
	if err := results.Print(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"2 cores, linux/amd64, go1.26.0", "1,000,000  connector  10.00 s"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, &b)
		}
	}
}
