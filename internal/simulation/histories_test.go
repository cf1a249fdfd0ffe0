package simulation_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"intercom-connector/internal/subscribe"
	"intercom-connector/shared/intercom"
)

const (
	ordinary = 160 // seeds of a test run
	watched  = 4   // of them under the race detector, where a history costs tenfold
)

var (
	seeds = flag.Int("seeds", ordinary, "how many histories to live through")
	only  = flag.Uint64("seed", 0, "live through this one alone")
	trace = flag.Bool("trace", false, "show everything that happens")
	once  = flag.Bool("once", false, "live through each history once, without comparing traces, and stop at the first that fails")
)

// pageSize makes small workspaces long: every list comes in pages of so many.
const pageSize = 20

func TestMain(m *testing.M) {
	flag.Parse()
	for _, o := range []struct{ method, entity string }{
		{"POST", "contacts/search"},
		{"POST", "conversations/search"},
		{"POST", "tickets/search"},
		{"GET", "contacts"},
		{"GET", "macros"},
		{"GET", "articles"},
	} {
		op, err := intercom.Find(o.method, o.entity, 0)
		if err != nil {
			panic(err)
		}
		op.PerPage = pageSize
	}
	os.Exit(m.Run())
}

func TestHistories(t *testing.T) {
	t.Parallel()
	first, last := uint64(1), uint64(*seeds)
	if *only > 0 {
		first, last = *only, *only
	}
	if raceDetector && last > watched && *only == 0 {
		t.Run("without_the_race_detector", func(t *testing.T) {
			t.Parallel()
			out, err := elsewhere(t, build(t, ""), "TestHistories", "-seeds="+strconv.Itoa(*seeds))
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			t.Logf("%s", summary.Find(out))
		})
		last = watched
	}
	var (
		mu  sync.Mutex
		all tally
	)
	t.Cleanup(func() { t.Log(all.String()) })
	for seed := first; seed <= last; seed++ {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			if !*once {
				t.Parallel()
			}
			w := live(t, seed)
			if !*once {
				compare(t, w.trace, live(t, seed).trace)
			}
			mu.Lock()
			all.add(w)
			mu.Unlock()
			if len(w.faults) > 0 {
				show(t, w)
			}
			if *trace {
				t.Logf("%+v\n%s\n%s", w.plan, w.plan.yaml(), text(w.trace))
			}
		})
		if *once && t.Failed() {
			return
		}
	}
}

var summary = regexp.MustCompile(`\d+ histories, .*`)

// show tells what is wrong with a history and how to see it again.
func show(t *testing.T, w *world) {
	t.Helper()
	tail := w.trace[max(len(w.trace)-60, 0):]
	t.Errorf("seed %d: %s\n%s\nits last steps:\n%s\nlive it again: go test ./internal/simulation -run '^TestHistories/%d$' -v -args -seed=%d -trace",
		w.seed, w.plan.name, strings.Join(w.faults, "\n"), text(tail), w.seed, w.seed)
}

// compare holds two lives of one seed against each other.
func compare(t *testing.T, a, b []step) {
	t.Helper()
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			from := max(i-5, 0)
			t.Fatalf("two lives of one seed differ at step %d:\n%s\n--- and\n%s", i, text(a[from:i+1]), text(b[from:i+1]))
		}
	}
	if len(a) != len(b) {
		t.Fatalf("two lives of one seed have %d and %d steps", len(a), len(b))
	}
}

func text(steps []step) string {
	var b strings.Builder
	for _, s := range steps {
		line := s.String()
		if len(line) > 400 && !*trace {
			line = line[:400] + "…"
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}

// A tally sums histories up.
type tally struct {
	histories, faulty, steps, processes int
	stats
}

func (a *tally) add(w *world) {
	a.histories++
	if len(w.faults) > 0 {
		a.faulty++
	}
	a.steps += len(w.trace)
	a.processes += len(w.procs)
	a.events += w.stats.events
	a.duplicates += w.stats.duplicates
	a.crashes += w.stats.crashes
	a.throttled += w.stats.throttled
	a.changes += w.stats.changes
	a.handovers += w.stats.handovers
	if a.outcomes == nil {
		a.outcomes = map[subscribe.Outcome]int{}
	}
	for outcome, n := range w.stats.outcomes {
		a.outcomes[outcome] += n
	}
}

func (a *tally) String() string {
	var outcomes []string
	for _, o := range slices.Sorted(maps.Keys(a.outcomes)) {
		outcomes = append(outcomes, fmt.Sprintf("%d %s", a.outcomes[o], o))
	}
	return fmt.Sprintf("%d histories, %d with faults: %d steps, %d runs (%s), %d crashes, %d changes, %d events, %d of them duplicates, %d answers 429, %d hand-overs delivered",
		a.histories, a.faulty, a.steps, a.processes, strings.Join(outcomes, ", "), a.crashes, a.changes, a.events, a.duplicates, a.throttled, a.handovers)
}
