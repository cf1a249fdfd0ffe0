package simulation_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// ordinaryPosts are the seeds of a test run for the writing side.
const ordinaryPosts = 200

// tolerated is the part of histories that may differ in their second life: one
// in so many. Which of several goroutines is the first in the Governor's queue,
// at one and the same moment, is the one thing that is not in the hand: a batch
// has them side by side, and a run of the reading side has not.
const tolerated = 50

// posts is how many histories of writing to live through.
func posts() int {
	if *seeds == ordinary {
		return ordinaryPosts
	}
	return *seeds
}

// TestPublishingHistories is TestHistories for the writing side.
func TestPublishingHistories(t *testing.T) {
	t.Parallel()
	first, last := uint64(1), uint64(posts())
	if *only > 0 {
		first, last = *only, *only
	}
	if raceDetector && last > watched && *only == 0 {
		t.Run("without_the_race_detector", func(t *testing.T) {
			t.Parallel()
			out, err := elsewhere(t, build(t, ""), "TestPublishingHistories", "-seeds="+strconv.Itoa(*seeds))
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			t.Logf("%s", summary.Find(out))
		})
		last = watched
	}
	var (
		mu        sync.Mutex
		all       postStats
		histories int
		differ    int
	)
	t.Cleanup(func() {
		t.Logf("%d histories, %s; %d differed in their second life", histories, all.String(), differ)
		if differ*tolerated > histories {
			t.Errorf("%d of %d histories differ in their second life", differ, histories)
		}
	})
	for seed := first; seed <= last; seed++ {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			if !*once {
				t.Parallel()
			}
			w := livePost(t, seed)
			same := *once || slices.Equal(w.trace, livePost(t, seed).trace)
			mu.Lock()
			histories++
			if !same {
				t.Logf("seed %d differs in its second life", seed)
				differ++
			}
			all.add(&w.stats)
			mu.Unlock()
			if len(w.faults) > 0 {
				showPost(t, w)
			}
			if *trace {
				t.Logf("%+v\n%s", w.plan, text(w.trace))
			}
		})
		if *once && t.Failed() {
			return
		}
	}
}

// showPost tells what is wrong with a history and how to see it again.
func showPost(t *testing.T, w *office) {
	t.Helper()
	tail := w.trace[max(len(w.trace)-60, 0):]
	t.Errorf("seed %d: %s+%s\n%s\nits last steps:\n%s\nlive it again: go test ./internal/simulation -run 'PublishingHistories/%d$' -v -args -seed=%d -trace",
		w.seed, w.plan.trades[0].name, w.plan.trades[1].name, strings.Join(w.faults, "\n"), text(tail), w.seed, w.seed)
}

func (s *postStats) add(other *postStats) {
	s.messages += other.messages
	s.requests += other.requests
	s.writes += other.writes
	s.crashes += other.crashes
	s.done += other.done
	s.dead += other.dead
	s.unknown += other.unknown
	s.duplicates += other.duplicates
}

func (s *postStats) String() string {
	return fmt.Sprintf("%d messages: %d done (%d of them delivered again), %d dead, %d unknown; %d requests, %d writes, %d crashes",
		s.messages, s.done, s.duplicates, s.dead, s.unknown, s.requests, s.writes, s.crashes)
}
