package intercom_test

import (
	"context"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"intercom-connector/shared/intercom"
)

// A limitedApp is the server's side of a rate limit: fixed windows, aligned to
// its own clock, that count every request as it arrives.
type limitedApp struct {
	limit   int
	window  time.Duration
	latency time.Duration
	skew    time.Duration // of its clock

	mu        sync.Mutex
	current   int64 // number of the window
	count     int
	served    int
	throttled int
}

// arrive counts one request. The time it returns is the window's end, by our clock.
func (a *limitedApp) arrive() (int, http.Header, time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	clock := time.Now().Add(a.skew)
	number := clock.UnixNano() / int64(a.window)
	if number != a.current {
		a.current, a.count = number, 0
	}
	reset := time.Unix(0, (number+1)*int64(a.window))
	status := http.StatusOK
	if a.count >= a.limit {
		status = http.StatusTooManyRequests
		a.throttled++
	} else {
		a.count++
		a.served++
	}
	return status, rateHeader(clock, a.limit, a.limit-a.count, reset.Unix()), reset.Add(-a.skew)
}

func rateHeader(date time.Time, limit, remaining int, reset int64) http.Header {
	return http.Header{
		"Date":                  {date.UTC().Format(http.TimeFormat)},
		"X-Ratelimit-Limit":     {strconv.Itoa(limit)},
		"X-Ratelimit-Remaining": {strconv.Itoa(remaining)},
		"X-Ratelimit-Reset":     {strconv.FormatInt(reset, 10)},
	}
}

// A process uses an app through one governor, as fast as it may.
type process struct {
	app      *limitedApp
	governor *intercom.Governor

	mu        sync.Mutex
	forbidden time.Time // the end of the last window that has thrown a 429
	broken    int       // requests sent before that
}

// run sends with many workers until stop.
func (p *process) run(t *testing.T, stop time.Time) {
	t.Helper()
	ctx, cancel := context.WithDeadline(t.Context(), stop)
	defer cancel()
	var workers sync.WaitGroup
	for range 64 {
		workers.Go(func() {
			for p.governor.Wait(ctx, intercom.Reading) == nil {
				p.governor.Done(p.send())
			}
		})
	}
	workers.Wait()
}

// send is one request: half the latency there, half of it back.
func (p *process) send() intercom.Outcome {
	begun := time.Now()
	p.mu.Lock()
	if begun.Before(p.forbidden) {
		p.broken++
	}
	p.mu.Unlock()
	time.Sleep(p.app.latency / 2)
	status, header, reset := p.app.arrive()
	time.Sleep(p.app.latency - p.app.latency/2)
	out := intercom.Outcome{Status: status, Header: header, Took: time.Since(begun)}
	if status == http.StatusTooManyRequests {
		out.Err = &intercom.RateLimitError{APIError: &intercom.APIError{Status: status}}
		p.mu.Lock()
		p.forbidden = reset
		p.mu.Unlock()
	}
	return out
}

func TestGovernorUsesTheLimit(t *testing.T) {
	t.Parallel()
	const latency = 100 * time.Millisecond
	for _, tt := range []struct {
		name      string
		limit     int
		window    time.Duration
		latency   time.Duration
		processes int
		phase     time.Duration // of the window, at the start
		skew      time.Duration
		use       float64 // at least this share of the limit
		throttled int     // at most
	}{
		{name: "in the middle of a window", limit: 1667, window: 10 * time.Second, processes: 1, phase: 3700 * time.Millisecond, use: 0.97, throttled: 0},
		{name: "at its start", limit: 1667, window: 10 * time.Second, processes: 1, use: 0.97, throttled: 0},
		{name: "at its end", limit: 1667, window: 10 * time.Second, processes: 1, phase: 9950 * time.Millisecond, use: 0.97, throttled: 0},
		{name: "their clock an hour ahead", limit: 1667, window: 10 * time.Second, processes: 1, phase: 6300 * time.Millisecond, skew: time.Hour + 300*time.Millisecond, use: 0.97, throttled: 0},
		{name: "their clock an hour behind", limit: 1667, window: 10 * time.Second, processes: 1, phase: 6300 * time.Millisecond, skew: -time.Hour - 700*time.Millisecond, use: 0.97, throttled: 0},
		{name: "a small limit", limit: 167, window: 10 * time.Second, processes: 1, phase: 5100 * time.Millisecond, use: 0.97, throttled: 0},
		{name: "a tiny limit that the start overruns", limit: 5, window: 10 * time.Second, processes: 1, phase: 5100 * time.Millisecond, use: 0.9, throttled: 3},
		{name: "windows of a minute", limit: 10000, window: time.Minute, processes: 1, phase: 17300 * time.Millisecond, use: 0.97, throttled: 0},
		{name: "slow answers", limit: 500, window: 10 * time.Second, latency: time.Second, processes: 1, phase: 2200 * time.Millisecond, use: 0.97, throttled: 0},
		{name: "two processes", limit: 1667, window: 10 * time.Second, processes: 2, phase: 3700 * time.Millisecond, use: 0.97, throttled: 8},
		{name: "two processes, windows of a minute", limit: 10000, window: time.Minute, processes: 2, phase: 17300 * time.Millisecond, use: 0.97, throttled: 8},
		// Each finds out for itself that the others have used up the window.
		{name: "five processes", limit: 1667, window: 10 * time.Second, processes: 5, phase: 3700 * time.Millisecond, use: 0.95, throttled: 5 * 7},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				if tt.latency == 0 {
					tt.latency = latency
				}
				app := &limitedApp{limit: tt.limit, window: tt.window, latency: tt.latency, skew: tt.skew}
				time.Sleep(tt.phase)
				// To the end of the sixth window, counting only what is served after
				// the first, of which there may be too little left to use.
				ends := time.Now().Add(tt.skew).Truncate(tt.window).Add(tt.window - tt.skew)
				stop := ends.Add(5*tt.window - tt.latency)
				processes := make([]*process, tt.processes)
				var all sync.WaitGroup
				for i := range processes {
					random := rand.New(rand.NewPCG(1, uint64(i)))
					processes[i] = &process{app: app, governor: intercom.NewGovernor(intercom.GovernorConfig{Jitter: random.Float64})}
					all.Go(func() { processes[i].run(t, stop) })
				}
				time.Sleep(time.Until(ends))
				app.mu.Lock()
				before := app.served
				app.mu.Unlock()
				all.Wait()

				use := float64(app.served-before) / float64(5*tt.limit)
				t.Logf("%.1f %% of the limit used, %d throttled", 100*use, app.throttled)
				if use < tt.use {
					t.Errorf("used %.3f of the limit, want %.3f", use, tt.use)
				}
				if app.throttled > tt.throttled {
					t.Errorf("%d requests were throttled, want at most %d", app.throttled, tt.throttled)
				}
				for i, p := range processes {
					if p.broken > 0 {
						t.Errorf("process %d sent %d requests between a 429 and its reset", i, p.broken)
					}
				}
			})
		})
	}
}

func TestGovernorLeavesTheReserveToWriters(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		app := &limitedApp{limit: 200, window: 10 * time.Second, latency: 50 * time.Millisecond}
		g := intercom.NewGovernor(intercom.GovernorConfig{Reserve: 0.05})
		p := &process{app: app, governor: g}
		p.run(t, time.Now().Add(9900*time.Millisecond))
		if app.served < 185 || app.served > 190 {
			t.Errorf("readers sent %d requests, want a little less than 190 of 200", app.served)
		}
		if wait := g.Take(intercom.Reading); wait == 0 {
			t.Error("a reader may use the reserve")
		}
		if wait := g.Take(intercom.Writing); wait != 0 {
			t.Errorf("a writer waits %v with the reserve untouched", wait)
		}
	})
}
