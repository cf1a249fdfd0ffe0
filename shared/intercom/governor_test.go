package intercom_test

import (
	"context"
	"errors"
	"math"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"intercom-connector/shared/intercom"
)

func noJitter() float64 { return 0 }

func newGovernor() *intercom.Governor {
	return intercom.NewGovernor(intercom.GovernorConfig{Jitter: noJitter})
}

// takeAll takes what there is now, and returns how many that was and the wait
// after.
func takeAll(g *intercom.Governor, p intercom.Priority) (int, time.Duration) {
	for n := 0; ; n++ {
		if wait := g.Take(p); wait > 0 || n == 1000 {
			return n, wait
		}
	}
}

// done reports requests that took 100 ms, one after the other.
func done(g *intercom.Governor, n, status int, header http.Header) {
	out := intercom.Outcome{Status: status, Header: header, Took: 100 * time.Millisecond}
	if status/100 != 2 {
		out.Err = &intercom.APIError{Status: status}
	}
	for range n {
		g.Done(out)
	}
}

func TestGovernorWithoutLimits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := intercom.NewGovernor(intercom.GovernorConfig{MaxInFlight: 20})
		for _, want := range []int{8, 16, 20, 20} {
			n, wait := takeAll(g, intercom.Reading)
			if n != want {
				t.Errorf("%d requests admitted, want %d", n, want)
			}
			if wait != intercom.Full {
				t.Errorf("the next one waits %v, want %v", wait, intercom.Full)
			}
			time.Sleep(100 * time.Millisecond)
			done(g, n, 200, nil)
		}
		if l := g.Limits(); l.Known || l.InFlight != 0 || l.Concurrency != 20 {
			t.Errorf("limits %+v, want none known, none under way, 20 at once", l)
		}
	})
}

func TestGovernorHalvesConcurrencyOncePerRoundTrip(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		out  intercom.Outcome
		want int
	}{
		{"server error", intercom.Outcome{Status: 502, Err: &intercom.APIError{Status: 502}}, 4},
		{"timeout", intercom.Outcome{Err: &intercom.TransportError{Sent: true, Err: intercom.ErrTimeout}}, 4},
		{"not found", intercom.Outcome{Status: 404, Err: &intercom.APIError{Status: 404}}, 8},
		{"the caller has stopped", intercom.Outcome{Err: &intercom.TransportError{Sent: true, Err: context.DeadlineExceeded}}, 8},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				g := newGovernor()
				time.Sleep(time.Second)
				tt.out.Took = 100 * time.Millisecond
				n, _ := takeAll(g, intercom.Reading)
				time.Sleep(100 * time.Millisecond)
				for range n {
					g.Done(tt.out)
				}
				if got := g.Limits().Concurrency; got != tt.want {
					t.Errorf("concurrency %d after one round of them, want %d", got, tt.want)
				}
				for range 10 {
					n, _ := takeAll(g, intercom.Reading)
					time.Sleep(101 * time.Millisecond)
					for range n {
						g.Done(tt.out)
					}
				}
				if got := g.Limits().Concurrency; tt.want == 4 && got != 1 {
					t.Errorf("concurrency %d after many, want 1", got)
				}
			})
		})
	}
}

func TestGovernorStopsGrowingWhenLatencyRises(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGovernor()
		for range 10 {
			n, _ := takeAll(g, intercom.Reading)
			took := time.Duration(n) * 20 * time.Millisecond // a server that does one at a time
			time.Sleep(took)
			for range n {
				g.Done(intercom.Outcome{Status: 200, Took: took})
			}
		}
		// The best is 160 ms at 8, so 370 ms, or 18 at once, is where it holds.
		if got := g.Limits().Concurrency; got < 16 || got > 32 {
			t.Errorf("concurrency %d, want about 20", got)
		}
	})
}

func TestGovernorPausesAfter429(t *testing.T) {
	t.Parallel()
	const unset = math.MaxInt64
	for _, tt := range []struct {
		name       string
		reset      int64 // seconds after the server's date
		retryAfter string
		jitter     float64
		noDate     bool
		want       time.Duration
	}{
		{name: "until the reset", reset: 7, want: 7 * time.Second},
		{name: "with jitter", reset: 7, jitter: 0.5, want: 7250 * time.Millisecond},
		{name: "jitter that is none", reset: 7, jitter: -3, want: 7 * time.Second},
		{name: "jitter without bounds", reset: 7, jitter: 1e9, want: 7500 * time.Millisecond},
		{name: "nothing told", reset: unset, want: 10 * time.Second},
		{name: "retry after", reset: unset, retryAfter: "3", want: 3 * time.Second},
		{name: "retry after a date", reset: unset, retryAfter: "Sat, 01 Jan 2000 05:00:04 GMT", want: 4 * time.Second},
		{name: "both told", reset: 5, retryAfter: "9", want: 9 * time.Second},
		{name: "both told, the other way round", reset: 9, retryAfter: "5", want: 9 * time.Second},
		{name: "a reset in the past", reset: -100, want: time.Second},
		{name: "a reset far away", reset: 86400, want: 2 * time.Minute},
		{name: "retry after garbage", reset: 6, retryAfter: "soon", want: 6 * time.Second},
		{name: "retry after a negative", reset: unset, retryAfter: "-1", want: 10 * time.Second},
		{name: "retry after ages", reset: unset, retryAfter: "99999999999", want: 2 * time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				g := intercom.NewGovernor(intercom.GovernorConfig{Jitter: func() float64 { return tt.jitter }})
				date := time.Now().Add(5 * time.Hour) // the server's clock is not ours
				header := http.Header{"Date": {date.UTC().Format(http.TimeFormat)}}
				if tt.reset != unset {
					header = rateHeader(date, 100, 0, date.Unix()+tt.reset)
				}
				if tt.retryAfter != "" {
					header.Set("Retry-After", tt.retryAfter)
				}
				if wait := g.Take(intercom.Writing); wait != 0 {
					t.Fatalf("the first waits %v", wait)
				}
				g.Done(intercom.Outcome{Status: 429, Header: header, Err: &intercom.APIError{Status: 429}})
				for _, p := range []intercom.Priority{intercom.Reading, intercom.Writing} {
					if got := g.Take(p); got != tt.want {
						t.Errorf("priority %d waits %v, want %v", p, got, tt.want)
					}
				}
				time.Sleep(tt.want - 1)
				if g.Take(intercom.Writing) == 0 {
					t.Error("sent before the reset")
				}
				begun := time.Now()
				if err := g.Wait(t.Context(), intercom.Reading); err != nil {
					t.Error(err)
				}
				if waited := time.Since(begun); waited > 2*time.Second {
					t.Errorf("waited %v after the reset", waited)
				}
				if got := g.Limits().Throttled; got != 1 {
					t.Errorf("%d throttled, want 1", got)
				}
			})
		})
	}
}

func TestGovernorJobLimitStopsNothing(t *testing.T) {
	t.Parallel()
	g := newGovernor()
	now := time.Now()
	g.Take(intercom.Writing)
	job := &intercom.Operation{Method: "POST", Path: "/export/content/data", Kind: intercom.Job}
	g.Done(intercom.Outcome{Status: 429, Header: rateHeader(now, 1000, 900, now.Unix()+10), Operation: job})
	if wait := g.Take(intercom.Writing); wait > time.Second {
		t.Errorf("waits %v for the end of a job", wait)
	}
}

func TestGovernorIgnoresGarbage(t *testing.T) {
	t.Parallel()
	for name, header := range map[string]http.Header{
		"negative":           {"X-Ratelimit-Limit": {"-5"}, "X-Ratelimit-Remaining": {"-1"}, "X-Ratelimit-Reset": {"-1"}},
		"words":              {"X-Ratelimit-Limit": {"many"}, "X-Ratelimit-Remaining": {"few"}, "X-Ratelimit-Reset": {"soon"}},
		"huge":               {"X-Ratelimit-Limit": {"99999999999999999999"}, "X-Ratelimit-Remaining": {"0"}, "X-Ratelimit-Reset": {"99999999999999999999"}},
		"no reset":           {"X-Ratelimit-Limit": {"10"}, "X-Ratelimit-Remaining": {"0"}},
		"milliseconds":       {"X-Ratelimit-Limit": {"10"}, "X-Ratelimit-Remaining": {"0"}, "X-Ratelimit-Reset": {"4102444800000"}},
		"seconds from now":   {"X-Ratelimit-Limit": {"10"}, "X-Ratelimit-Remaining": {"0"}, "X-Ratelimit-Reset": {"10"}},
		"a date of the moon": {"Date": {"yesterday"}, "X-Ratelimit-Reset": {"1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				g := newGovernor()
				for range 20 {
					if err := g.Wait(t.Context(), intercom.Reading); err != nil {
						t.Fatal(err)
					}
					g.Done(intercom.Outcome{Status: 200, Header: header, Took: time.Millisecond})
				}
				if waited := g.Limits().Waited; waited != 0 {
					t.Errorf("waited %v because of garbage", waited)
				}
			})
		})
	}
}

// Nobody knows that a new window has begun before an answer says so.
func TestGovernorAsksOneAtATimeAfterTheReset(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGovernor()
		start := time.Now()
		g.Take(intercom.Reading)
		g.Done(intercom.Outcome{Status: 200, Header: rateHeader(start, 100, 0, start.Unix()+10)})
		if wait := g.Take(intercom.Reading); wait != 10*time.Second {
			t.Fatalf("with nothing left the next waits %v, want 10 s", wait)
		}
		time.Sleep(10 * time.Second)
		if n, wait := takeAll(g, intercom.Reading); n != 1 || wait != intercom.Full {
			t.Fatalf("%d requests ask for the new window, the next waits %v; want 1 and Full", n, wait)
		}
		// Their clock is behind: the old window is not over yet.
		time.Sleep(100 * time.Millisecond)
		done(g, 1, 200, rateHeader(start.Add(9*time.Second), 100, 0, start.Unix()+10))
		wait := g.Take(intercom.Reading)
		if wait < 900*time.Millisecond || wait > 1100*time.Millisecond {
			t.Fatalf("waits %v in the last second of the window", wait)
		}
		time.Sleep(wait)
		if n, _ := takeAll(g, intercom.Reading); n != 1 {
			t.Fatalf("%d requests after the last second, want 1", n)
		}
		time.Sleep(100 * time.Millisecond)
		done(g, 1, 200, rateHeader(time.Now(), 100, 99, start.Unix()+20))
		if wait := g.Take(intercom.Reading); wait > 200*time.Millisecond {
			t.Errorf("waits %v in a new window with 99 left", wait)
		}
		l := g.Limits()
		if !l.Known || l.Limit != 100 || l.Remaining != 99 {
			t.Errorf("limits %+v, want 99 of 100 left", l)
		}
		if left := time.Until(l.Reset); left < 8*time.Second || left > 11*time.Second {
			t.Errorf("the reset is %v away, want 10 s", left)
		}
		// What arrives late, from the old window, changes nothing.
		done(g, 1, 200, rateHeader(time.Now(), 100, 0, start.Unix()+10))
		if got := g.Limits().Remaining; got != 99 {
			t.Errorf("%d left after a late answer, want 99", got)
		}
	})
}

func TestGovernorSurvivesClocksThatAreSet(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGovernor()
		for _, shift := range []time.Duration{0, -time.Hour, 3 * time.Hour, 0} {
			date := time.Now().Add(shift)
			g.Take(intercom.Writing)
			done(g, 1, 200, rateHeader(date, 100, 40, date.Unix()+10))
			l := g.Limits()
			if left := time.Until(l.Reset); l.Remaining != 40 || left < 9*time.Second || left > 11*time.Second {
				t.Errorf("shifted by %v: %d left, reset in %v; want 40 and about 10 s", shift, l.Remaining, left)
			}
			time.Sleep(time.Second)
		}
	})
}

func TestGovernorForgetsLimitsThatAreNoLongerTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGovernor()
		g.Take(intercom.Writing)
		done(g, 1, 200, rateHeader(time.Now(), 2, 0, time.Now().Unix()+5))
		time.Sleep(7 * time.Second)
		g.Take(intercom.Writing)
		time.Sleep(time.Second)
		done(g, 1, 200, nil)
		if l := g.Limits(); l.Known {
			t.Errorf("limits %+v, want none", l)
		}
	})
}

func TestGovernorCountsAnswersThatTellNothing(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for _, tt := range []struct {
		name string
		out  intercom.Outcome
		want int
	}{
		{"a gateway's", intercom.Outcome{Status: 502, Took: 1, Err: &intercom.APIError{Status: 502}}, 49},
		{"none", intercom.Outcome{Took: 1, Err: &intercom.TransportError{Sent: true, Err: intercom.ErrTimeout}}, 49},
		{"never sent", intercom.Outcome{Took: 1, Err: &intercom.TransportError{Err: errors.New("connection refused")}}, 50},
		{"never tried", intercom.Outcome{Err: &intercom.ParamError{}}, 50},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := newGovernor()
			g.Take(intercom.Writing)
			g.Take(intercom.Writing)
			done(g, 1, 200, rateHeader(now, 100, 50, now.Unix()+60))
			g.Done(tt.out)
			if got := g.Limits().Remaining; got != tt.want {
				t.Errorf("%d left, want %d", got, tt.want)
			}
		})
	}
}

func TestGovernorWait(t *testing.T) {
	t.Parallel()
	t.Run("until a request finishes", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			g := intercom.NewGovernor(intercom.GovernorConfig{MaxInFlight: 1})
			g.Take(intercom.Reading)
			time.AfterFunc(3*time.Second, func() { done(g, 1, 200, nil) })
			begun := time.Now()
			if err := g.Wait(t.Context(), intercom.Reading); err != nil {
				t.Fatal(err)
			}
			if waited := time.Since(begun); waited != 3*time.Second {
				t.Errorf("waited %v, want 3 s", waited)
			}
			if counted := g.Limits().Waited; counted != 0 {
				t.Errorf("%v counted as the rate limit's", counted)
			}
		})
	})
	t.Run("in the order of coming", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			g := intercom.NewGovernor(intercom.GovernorConfig{MaxInFlight: 1})
			var mu sync.Mutex
			var order []int
			var all sync.WaitGroup
			for i := range 5 {
				all.Go(func() {
					if err := g.Wait(t.Context(), intercom.Reading); err != nil {
						t.Error(err)
					}
					mu.Lock()
					order = append(order, i)
					mu.Unlock()
					time.Sleep(time.Second)
					done(g, 1, 200, nil)
				})
				synctest.Wait()
			}
			all.Wait()
			if !slices.IsSorted(order) || len(order) != 5 {
				t.Errorf("order %v", order)
			}
		})
	})
	t.Run("until the context ends", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			g := intercom.NewGovernor(intercom.GovernorConfig{MaxInFlight: 1})
			g.Take(intercom.Reading)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			var all sync.WaitGroup
			for range 3 {
				all.Go(func() {
					if err := g.Wait(ctx, intercom.Reading); !errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("error %v, want a deadline", err)
					}
				})
			}
			all.Wait()
			if got := g.Limits().InFlight; got != 1 {
				t.Errorf("%d under way, want the first alone", got)
			}
		})
	})
	t.Run("writers pass readers", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			g := intercom.NewGovernor(intercom.GovernorConfig{Reserve: 0.1})
			now := time.Now()
			g.Take(intercom.Reading)
			done(g, 1, 200, rateHeader(now, 100, 10, now.Unix()+10))
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			go func() { _ = g.Wait(ctx, intercom.Reading) }()
			synctest.Wait()
			if err := g.Wait(t.Context(), intercom.Writing); err != nil {
				t.Fatal(err)
			}
			if waited := time.Since(now); waited > time.Second {
				t.Errorf("the writer waited %v behind a reader", waited)
			}
		})
	})
}

func TestGovernorCountsWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGovernor()
		limit := func() {
			if err := g.Wait(t.Context(), intercom.Writing); err != nil {
				t.Error(err)
			}
			g.Done(intercom.Outcome{Status: 429, Header: http.Header{"Retry-After": {"5"}}, Err: &intercom.APIError{Status: 429}})
		}
		for i, step := range []struct {
			wait func()
			want time.Duration
		}{
			{func() {}, 0},
			{limit, 0},
			{limit, 5 * time.Second},
			{func() { g.Take(intercom.Reading); g.Take(intercom.Writing); time.Sleep(time.Hour); limit() }, 10 * time.Second}, // who asks late has not waited longer
			{func() { time.Sleep(time.Hour); limit() }, 10 * time.Second},                                                     // nor who has not asked
		} {
			step.wait()
			if got := g.Limits().Waited; got != step.want {
				t.Errorf("step %d: waited %v, want %v", i, got, step.want)
			}
		}
	})
}

func TestGovernorPageSize(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGovernor()
		search := &intercom.Operation{Method: "POST", Path: "/contacts/search", Kind: intercom.Read}
		other := &intercom.Operation{Method: "GET", Path: "/tags", Kind: intercom.Read}
		report := func(n int, err error) {
			for range n {
				g.Take(intercom.Reading)
				time.Sleep(time.Second)
				out := intercom.Outcome{Status: 200, Err: err, Took: time.Second, Operation: search}
				if err != nil {
					out.Status = 504
				}
				g.Done(out)
			}
		}
		slow := &intercom.APIError{Status: 504}
		steps := []struct {
			n    int
			err  error
			want int
		}{
			{0, nil, 150},
			{1, slow, 75},
			{1, slow, 37},
			{3, nil, 37},
			{1, nil, 75},
			{3, nil, 75},
			{1, slow, 37},
			{20, slow, 1},
			{3, nil, 1},
			{1, nil, 2},
			{28, nil, 150},
		}
		for i, s := range steps {
			report(s.n, s.err)
			if got := g.PageSize(search, 150); got != s.want {
				t.Errorf("step %d: page size %d, want %d", i, got, s.want)
			}
			if got := g.PageSize(other, 50); got != 50 {
				t.Errorf("step %d: page size of another operation %d, want 50", i, got)
			}
		}
		// Many that fail together are one failure.
		for range 8 {
			g.Take(intercom.Reading)
		}
		time.Sleep(time.Second)
		for range 8 {
			g.Done(intercom.Outcome{Status: 504, Err: slow, Took: time.Second, Operation: search})
		}
		if got := g.PageSize(search, 150); got != 75 {
			t.Errorf("page size %d after one round of failures, want 75", got)
		}
	})
}

func FuzzGovernorHeaders(f *testing.F) {
	f.Add("100", "50", "946684810", "Sat, 01 Jan 2000 00:00:00 GMT", "", 200)
	f.Add("167", "0", "946684801", "Sat, 01 Jan 2000 00:00:00 GMT", "5", 429)
	f.Add("-1", "9223372036854775807", "-9223372036854775808", "Fri, 31 Dec 9999 23:59:59 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", 503)
	f.Add("0", "0", "0", "", "9223372036854775807", 429)
	f.Fuzz(func(t *testing.T, limit, remaining, reset, date, retryAfter string, status int) {
		g := newGovernor()
		header := http.Header{
			"X-Ratelimit-Limit": {limit}, "X-Ratelimit-Remaining": {remaining}, "X-Ratelimit-Reset": {reset},
			"Date": {date}, "Retry-After": {retryAfter},
		}
		for range 3 {
			g.Done(intercom.Outcome{Status: status, Header: header, Took: time.Second})
			for _, p := range []intercom.Priority{intercom.Reading, intercom.Writing} {
				// Two minutes, half a second of jitter, a second of doubt and the
				// second that the request took.
				if wait := g.Take(p); wait < 0 || wait > 2*time.Minute+3*time.Second && wait != intercom.Full {
					t.Errorf("waits %v", wait)
				}
			}
		}
		if l := g.Limits(); l.Known && (l.Limit < 1 || l.Remaining < 0 || l.Remaining > l.Limit) {
			t.Errorf("limits %+v", l)
		}
	})
}
