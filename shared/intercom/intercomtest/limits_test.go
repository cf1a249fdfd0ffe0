package intercomtest_test

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"intercom-connector/shared/intercom/intercomtest"
)

// limits reads the headers about the rate limit.
func limits(t *testing.T, r reply) (limit, remaining int, reset time.Time) {
	t.Helper()
	var n [3]int
	for i, name := range []string{"Limit", "Remaining", "Reset"} {
		var err error
		if n[i], err = strconv.Atoi(r.Header.Get("X-RateLimit-" + name)); err != nil {
			t.Fatalf("%d: %v", r.Status, err)
		}
	}
	return n[0], n[1], time.Unix(int64(n[2]), 0)
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ws := intercomtest.New(intercomtest.Config{Limit: 5})
		time.Sleep(4 * time.Second) // into the window
		reset := time.Now().Add(6 * time.Second)
		ws.Spend(2)
		for want := 2; want >= 0; want-- {
			r := get(t, ws, "/me")
			limit, remaining, at := limits(t, r)
			if r.Status != 200 || limit != 5 || remaining != want || !at.Equal(reset) {
				t.Errorf("got %d, %d of %d until %v, want %d until %v", r.Status, remaining, limit, at, want, reset)
			}
		}
		r := get(t, ws, "/me")
		r.wantFailure(t, 429, "rate_limit_exceeded")
		if _, remaining, at := limits(t, r); remaining != 0 || !at.Equal(reset) {
			t.Errorf("the 429 says %d until %v", remaining, at)
		}
		if got := ws.Stats(); got.Limited != 1 || got.Violations != 0 {
			t.Errorf("%d limited, %d violations", got.Limited, got.Violations)
		}
		time.Sleep(5 * time.Second)
		get(t, ws, "/me").wantFailure(t, 429, "rate_limit_exceeded")
		if got := ws.Stats(); got.Limited != 2 || got.Violations != 1 {
			t.Errorf("too early: %d limited, %d violations", got.Limited, got.Violations)
		}
		time.Sleep(time.Second)
		if r := get(t, ws, "/me"); r.Status != 200 || ws.Stats().Violations != 1 {
			t.Errorf("after the reset: %d", r.Status)
		}
	})
}

// Where time does not pass, a client that does not wait is found out all the same.
func TestHotRetriesAreViolations(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ws := intercomtest.New(intercomtest.Config{Limit: 1})
		for range 10 {
			_ = get(t, ws, "/me")
		}
		if got := ws.Stats(); got.Limited != 9 || got.Violations != 7 {
			t.Errorf("%d limited, %d violations", got.Limited, got.Violations)
		}
	})
}

func TestRequestsUnderWayAreNoViolations(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ws := intercomtest.New(intercomtest.Config{Limit: 1, Latency: time.Second})
		for range 3 {
			go func() { _ = get(t, ws, "/me") }()
		}
		time.Sleep(500 * time.Millisecond)
		get(t, ws, "/me").wantFailure(t, 429, "rate_limit_exceeded")
		synctest.Wait()
		if got := ws.Stats(); got.Violations != 0 || got.Limited != 3 || got.MaxConcurrent != 4 {
			t.Errorf("%d violations, %d limited, %d at one time", got.Violations, got.Limited, got.MaxConcurrent)
		}
	})
}

func TestLimitNext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ws := intercomtest.New(intercomtest.Config{})
		if r := get(t, ws, "/me"); r.Header.Get("X-RateLimit-Limit") != "" {
			t.Error("there are headers without a limit")
		}
		ws.LimitNext(7 * time.Second)
		r := get(t, ws, "/me")
		r.wantFailure(t, 429, "rate_limit_exceeded")
		if _, _, at := limits(t, r); time.Until(at) != 7*time.Second {
			t.Errorf("reset in %v, want 7s", time.Until(at))
		}
		time.Sleep(7 * time.Second)
		if r := get(t, ws, "/me"); r.Status != 200 || ws.Stats().Violations != 0 {
			t.Errorf("after the reset: %d", r.Status)
		}
	})
}
