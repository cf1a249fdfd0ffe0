package trigger_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"intercom-connector/internal/aws/trigger"
	"intercom-connector/internal/config"
	"intercom-connector/internal/state"
	"intercom-connector/internal/subscribe"
	"intercom-connector/shared/intercom"
	"intercom-connector/shared/intercom/intercomtest"
)

func TestDoneInOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStack(t, slowly())
		got, err := s.invoke(`{"subscription": "contacts"}`)
		if err != nil || got.Outcome != subscribe.Done || got.Continues || got.Events != 6000 || got.Subscription != "contacts" {
			t.Errorf("got %v %+v", err, got)
		}
		s.wantAll(1)
		if len(s.queue) > 0 {
			t.Errorf("it went on with %s", s.queue)
		}
		ended := s.lines("run ended")
		if len(ended) != 1 || ended[0]["run"] != got.Run || ended[0]["subscription"] != "contacts" || ended[0]["client"] != "main" || ended[0]["report"] == nil {
			t.Errorf("log: %v", ended)
		}
	})
}

// goThrough invokes the function until it does not invoke itself any more.
func goThrough(t *testing.T, s *stack, event string) (invocations int, last trigger.Result) {
	t.Helper()
	for {
		started := time.Now()
		got, err := s.invoke(event)
		invocations++
		if err != nil {
			t.Fatalf("invocation %d: %v", invocations, err)
		}
		if took := time.Since(started); took >= s.timeout {
			t.Errorf("invocation %d took %v, the deadline is %v", invocations, took, s.timeout)
		}
		if !got.Continues {
			return invocations, got
		}
		if got.Outcome != subscribe.Interrupted {
			t.Errorf("invocation %d is %s and goes on", invocations, got.Outcome)
		}
		event = s.next()
	}
}

func TestThroughSeveralInvocations(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		timeout time.Duration
		least   int
	}{{10 * time.Second, 8}, {30 * time.Second, 3}, {15 * time.Minute, 1}} {
		t.Run(tt.timeout.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newStack(t, slowly())
				s.timeout = tt.timeout
				invocations, last := goThrough(t, s, `{"subscription": "contacts"}`)
				if invocations < tt.least || last.Outcome != subscribe.Done || last.Events != 6000 || last.Resumed != (invocations > 1) {
					t.Errorf("%d invocations: %+v", invocations, last)
				}
				s.wantAll(1)
				var records float64
				for _, m := range s.metrics {
					records += m["Records"]
				}
				if records != float64(last.Records) {
					t.Errorf("the metrics tell of %v records, the report of %d", records, last.Records)
				}
				runs := map[any]bool{}
				for _, line := range s.lines("run ended") {
					runs[line["run"]] = true
				}
				if len(runs) != 1 {
					t.Errorf("the log has runs %v, want one", runs)
				}
			})
		})
	}
}

func TestWindowGoesOnAsAWindow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStack(t, slowly())
		s.timeout = 10 * time.Second
		since := time.Now().Add(-2000 * 24 * time.Hour).Format(time.RFC3339)
		_, last := goThrough(t, s, `{"subscription": "contacts", "since": "`+since+`"}`)
		if last.Outcome != subscribe.Done || !last.WatermarkAfter.IsZero() || last.Events != 6000 {
			t.Errorf("got %+v", last)
		}
	})
}

func TestForcedRunGoesOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStack(t, slowly())
		s.timeout = 10 * time.Second
		s.cfg.Subscriptions["contacts"].Enabled = false
		if _, last := goThrough(t, s, `{"subscription": "contacts", "force": true}`); last.Outcome != subscribe.Done {
			t.Errorf("got %+v", last)
		}
	})
}

// A mortal store ends with its process.
type mortal struct {
	state.Store

	life context.Context //nolint:containedctx // it is what the type is about
}

func (m mortal) Create(ctx context.Context, key string, value []byte, expires time.Time) (state.Revision, error) {
	if m.life.Err() != nil {
		return "", m.life.Err()
	}
	return m.Store.Create(ctx, key, value, expires)
}

func (m mortal) Save(ctx context.Context, key string, value []byte, rev state.Revision, expires time.Time) (state.Revision, error) {
	if m.life.Err() != nil {
		return "", m.life.Err()
	}
	return m.Store.Save(ctx, key, value, rev, expires)
}

func (m mortal) List(ctx context.Context, prefix string) iter.Seq2[state.Record, error] {
	return m.Store.List(ctx, prefix)
}

// Whenever an invocation is killed, also one that goes on, the next firing
// brings the run to its end.
func TestKilledAtAnyTime(t *testing.T) {
	t.Parallel()
	for at := 200 * time.Millisecond; at < 20*time.Second; at += 1700 * time.Millisecond {
		t.Run(at.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newStack(t, slowly())
				s.timeout = 10 * time.Second
				whole := s.store
				life, kill := context.WithTimeout(t.Context(), at)
				defer kill()
				s.store = mortal{whole, life}
				event := `{"subscription": "contacts"}`
				for life.Err() == nil {
					got, err := s.invokeUntil(life, event)
					if err != nil || !got.Continues {
						break
					}
					event = s.next()
				}
				s.store, s.queue = whole, nil
				clear(s.pending)
				for firing := range 30 {
					time.Sleep(time.Minute)
					got, err := s.invoke(`{"subscription": "contacts"}`)
					if err != nil {
						t.Fatalf("firing %d: %v", firing, err)
					}
					for got.Continues {
						if got, err = s.invoke(s.next()); err != nil {
							t.Fatal(err)
						}
					}
					if got.Outcome == subscribe.Done {
						s.wantAll(2) // what was not saved comes again
						return
					}
				}
				t.Error("does not come to an end")
			})
		})
	}
}

func TestTwoAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStack(t, slowly())
		var (
			wg      sync.WaitGroup
			results [2]trigger.Result
			errs    [2]error
		)
		for i := range results {
			wg.Go(func() {
				time.Sleep(time.Duration(i) * 3 * time.Second)
				results[i], errs[i] = s.invoke(`{"subscription": "contacts"}`)
			})
		}
		wg.Wait()
		if errs[0] != nil || results[0].Outcome != subscribe.Done {
			t.Errorf("the first: %v %+v", errs[0], results[0])
		}
		if errs[1] != nil || results[1].Outcome != subscribe.Busy || !strings.Contains(results[1].Error, "another run of contacts is under way") {
			t.Errorf("the second: %v %+v", errs[1], results[1])
		}
		s.wantAll(1)
		if len(s.metrics) != 1 {
			t.Errorf("metrics of %d runs, want one", len(s.metrics))
		}
	})
}

func TestContinuationThatComesTwice(t *testing.T) {
	t.Parallel()
	for _, apart := range []time.Duration{0, 2 * time.Second, time.Minute} {
		t.Run(apart.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newStack(t, slowly())
				s.timeout = 30 * time.Second
				first, err := s.invoke(`{"subscription": "contacts"}`)
				if err != nil || !first.Continues {
					t.Fatalf("got %v %+v", err, first)
				}
				again := s.next()
				s.timeout = 15 * time.Minute
				var (
					wg       sync.WaitGroup
					mu       sync.Mutex
					outcomes = map[subscribe.Outcome]int{}
				)
				for i := range 3 {
					wg.Go(func() {
						time.Sleep(time.Duration(i) * apart)
						got, err := s.invoke(again)
						if err != nil {
							t.Errorf("delivery %d: %v", i, err)
						}
						mu.Lock()
						defer mu.Unlock()
						outcomes[got.Outcome]++
					})
				}
				wg.Wait()
				if outcomes[subscribe.Done] != 1 || outcomes[subscribe.Overtaken] != 2 {
					t.Errorf("got %v, want one done and two overtaken", outcomes)
				}
				s.wantAll(1)
			})
		})
	}
}

// A firing may be quicker than the continuation, which then has nothing to do.
func TestFiringBeforeTheContinuation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStack(t, slowly())
		s.timeout = 30 * time.Second
		if got, err := s.invoke(`{"subscription": "contacts"}`); err != nil || !got.Continues {
			t.Fatalf("got %v %+v", err, got)
		}
		late := s.next()
		s.timeout = 15 * time.Minute
		if got, err := s.invoke(`{"subscription": "contacts"}`); err != nil || got.Outcome != subscribe.Done || !got.Resumed {
			t.Errorf("the firing: %v %+v", err, got)
		}
		if got, err := s.invoke(late); err != nil || got.Outcome != subscribe.Overtaken || got.Continues {
			t.Errorf("the continuation: %v %+v", err, got)
		}
	})
}

// deaf answers nothing but /me.
type deaf struct {
	http.RoundTripper

	on bool
}

func (d *deaf) RoundTrip(r *http.Request) (*http.Response, error) {
	if d.on && r.URL.Path != "/me" {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	return d.RoundTripper.RoundTrip(r)
}

func TestRunWithoutProgressFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStack(t, slowly())
		s.timeout = 20 * time.Second
		net := &deaf{RoundTripper: s.net}
		s.net = net
		first, err := s.invoke(`{"subscription": "contacts"}`)
		if err != nil || !first.Continues {
			t.Fatalf("got %v %+v", err, first)
		}
		net.on = true
		_, err = s.invoke(s.next())
		if !errors.As(err, new(*subscribe.StuckError)) || !strings.Contains(err.Error(), "run "+first.Run+" has not moved") {
			t.Errorf("got %v, want that it has not moved", err)
		}
		if len(s.queue) > 0 {
			t.Errorf("it goes on with %s", s.queue)
		}
		net.on = false
		if _, last := goThrough(t, s, `{"subscription": "contacts"}`); last.Run != first.Run || last.Outcome != subscribe.Done {
			t.Errorf("the next firing: %+v, want that run %s is done", last, first.Run)
		}
		s.wantAll(1)
	})
}

func TestRunOfMoreThanADayFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStack(t, slowly())
		s.timeout = 20 * time.Second
		first, err := s.invoke(`{"subscription": "contacts"}`)
		if err != nil || !first.Continues {
			t.Fatalf("got %v %+v", err, first)
		}
		time.Sleep(25 * time.Hour) // it has been going in circles
		if _, err := s.invoke(s.next()); !errors.As(err, new(*subscribe.TooLongError)) {
			t.Errorf("got %v, want that it took too long", err)
		}
		// It goes on by firings alone, from where it is.
		for range 20 {
			last, err := s.invoke(`{"subscription": "contacts"}`)
			if err != nil && (!errors.As(err, new(*subscribe.TooLongError)) || !strings.Contains(err.Error(), first.Run)) {
				t.Fatalf("got %v, want that run %s goes on", err, first.Run)
			}
			if err == nil {
				if last.Run != first.Run || last.Continues {
					t.Errorf("got %+v, want that run %s is done", last, first.Run)
				}
				s.wantAll(1)
				return
			}
		}
		t.Error("it does not come to its end")
	})
}

func TestTerminated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStack(t, slowly())
		ctx, terminate := context.WithCancel(t.Context())
		h := s.environment("main")
		time.AfterFunc(10*time.Second, func() {
			if h.Idle() {
				t.Error("it says that nothing is under way")
			}
			terminate()
		})
		start := time.Now()
		got, err := s.on(ctx, h, `{"subscription": "contacts"}`)
		if err != nil || got.Outcome != subscribe.Interrupted || got.Continues || len(s.queue) > 0 {
			t.Errorf("got %v %+v, want that it stops and does not go on", err, got)
		}
		if !h.Idle() {
			t.Error("it says that something is under way")
		}
		if took := time.Since(start); took > 10*time.Second+100*time.Millisecond {
			t.Errorf("stopped after %v", took)
		}
		arrived := 0
		for _, n := range s.safe {
			arrived += n
		}
		if arrived == 0 || int64(arrived) != got.Events {
			t.Errorf("%d events are safe, the report has %d", arrived, got.Events)
		}
		// At once: the lease was given back.
		if _, last := goThrough(t, s, `{"subscription": "contacts"}`); last.Run != got.Run || last.Outcome != subscribe.Done {
			t.Errorf("the next firing: %+v", last)
		}
		s.wantAll(1)
	})
}

// Nobody else goes on with what has no schedule: somebody has to hear of it.
func TestTerminatedByHand(t *testing.T) {
	t.Parallel()
	for _, event := range []string{`{"subscription": "hand"}`, `{"subscription": "contacts", "since": "1999-01-01T00:00:00Z"}`} {
		synctest.Test(t, func(t *testing.T) {
			s := newStack(t, slowly())
			ctx, terminate := context.WithCancel(t.Context())
			time.AfterFunc(10*time.Second, terminate)
			got, err := s.on(ctx, s.environment("main"), event)
			if err == nil || !strings.Contains(err.Error(), "was stopped before it could go on by itself") {
				t.Errorf("%s: got %v %+v", event, err, got)
			}
			if _, last := goThrough(t, s, event); last.Outcome != subscribe.Done || !last.Resumed {
				t.Errorf("%s: the next: %+v", event, last)
			}
		})
	}
}

func TestSelfInvocationFails(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, event, want string
	}{
		{"the next firing goes on", `{"subscription": "contacts"}`, ""},
		{"there is no next firing", `{"subscription": "hand"}`, "hand: stopped in time, but could not go on by itself"},
		{"firings do not read a window", `{"subscription": "contacts", "since": "1999-01-01T00:00:00Z"}`, "contacts: stopped in time"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newStack(t, slowly())
				s.timeout, s.refuse = 20*time.Second, errors.New("throttled")
				got, err := s.invoke(tt.event)
				if tt.want == "" {
					if err != nil || got.Outcome != subscribe.Interrupted || got.Continues {
						t.Errorf("got %v %+v", err, got)
					}
				} else if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("got %v, want %q", err, tt.want)
				}
				ended := s.lines("run ended")
				if len(ended) != 1 || ended[0]["level"] != "ERROR" || ended[0]["err"] != "throttled" {
					t.Errorf("log: %v", ended)
				}
				s.refuse = nil
				if _, last := goThrough(t, s, tt.event); last.Outcome != subscribe.Done || !last.Resumed {
					t.Errorf("the next: %+v", last)
				}
			})
		})
	}
}

// noToken is a secret without a value.
type noToken struct{}

func (noToken) Token(context.Context) (string, error) { return "", intercom.ErrNoToken }

func TestFailures(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, client, event string
		set                 func(s *stack)
		want                string
	}{
		{
			"no token", "main", `{"subscription": "contacts"}`,
			func(s *stack) { s.token = noToken{} },
			"contacts: client main has no token yet: `connector token main --stack my-stack` stores one",
		},
		{
			"no token of an OAuth app", "granted", `{"subscription": "connected"}`,
			func(s *stack) { s.token = noToken{} },
			"connected: client granted has no token yet: `connector grant granted --stack my-stack` connects it",
		},
		{
			"revoked", "main", `{"subscription": "contacts"}`,
			func(s *stack) { s.ws.Revoke() },
			"401",
		},
		{
			"revoked, and what helps", "main", `{"subscription": "contacts"}`,
			func(s *stack) { s.ws.Revoke() },
			": `connector token main --stack my-stack` stores one",
		},
		{
			"a laptop's destination", "main", `{"subscription": "laptop"}`,
			func(*stack) {},
			"laptop: there is no standard output on AWS",
		},
		{
			"no window", "elsewhere", `{"subscription": "elsewhere", "since": "2026-01-01T00:00:00Z"}`,
			func(*stack) {},
			"reads an incremental subscription again",
		},
		{
			"the transformer", "main", `{"subscription": "answered"}`,
			func(s *stack) { s.cfg.Subscriptions["answered"].RequestTransform = `error("no role")` },
			"answered: request_transform",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newStack(t, slowly())
				tt.set(s)
				client := tt.client
				if client == "elsewhere" {
					client = "other"
				}
				_, err := s.on(t.Context(), s.environment(client), tt.event)
				if !errors.As(err, new(*trigger.RunError)) || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
					t.Errorf("got %v, want one line with %q", err, tt.want)
				}
				ended := s.lines("run ended")
				if len(ended) != 1 || ended[0]["level"] != "ERROR" || ended[0]["outcome"] != "failed" || ended[0]["subscription"] == nil {
					t.Errorf("log: %v", ended)
				}
				if text := err.Error() + s.log.String(); strings.Contains(text, planted) {
					t.Errorf("the token is shown: %s", text)
				}
			})
		})
	}
}

func TestConfigurationThatChanged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStack(t, intercomtest.New(intercomtest.Config{}))
		if _, err := s.invoke(`{"subscription": "contacts"}`); err != nil {
			t.Fatal(err)
		}
		s.cfg.Subscriptions["contacts"].Payload = json.RawMessage(`{"query": {"field": "role", "operator": "=", "value": "user"}}`)
		_, err := s.invoke(`{"subscription": "contacts"}`)
		const want = "contacts: its payload changed since its last run: `connector run contacts --stack my-stack --reset` starts over"
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
		if got, err := s.invoke(`{"subscription": "contacts", "reset": true}`); err != nil || got.Resumed || got.Events == 0 {
			t.Errorf("reset: %v %+v", err, got)
		}
		s.ws = intercomtest.New(intercomtest.Config{Workspace: "another"})
		s.net = s.ws
		_, err = s.invoke(`{"subscription": "contacts"}`)
		if err == nil || !strings.Contains(err.Error(), "`connector run contacts --stack my-stack --replace-workspace` goes on with the new one") {
			t.Errorf("got %v, want how to replace the workspace", err)
		}
		if got, err := s.invoke(`{"subscription": "contacts", "replace_workspace": true}`); err != nil || got.Workspace != "another" {
			t.Errorf("replaced: %v %+v", err, got)
		}
	})
}

func TestInput(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStack(t, intercomtest.New(intercomtest.Config{}))
		users, err := s.invoke(`{"subscription": "answered", "input": {"role": "user"}}`)
		if err != nil {
			t.Fatal(err)
		}
		leads, err := s.invoke(`{"subscription": "answered", "input": {"role": "lead"}}`)
		if err != nil {
			t.Fatal(err)
		}
		if users.Events == leads.Events || users.Events == 0 {
			t.Errorf("%d users, %d leads: the input does not matter", users.Events, leads.Events)
		}
	})
}

// A gauge is the least that was left of the rate limit.
type gauge struct {
	http.RoundTripper

	mu    sync.Mutex
	least int
}

func (g *gauge) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := g.RoundTripper.RoundTrip(r)
	if err == nil {
		left, err := strconv.Atoi(resp.Header.Get("X-RateLimit-Remaining"))
		if err != nil {
			return nil, err
		}
		g.mu.Lock()
		g.least = min(g.least, left)
		g.mu.Unlock()
	}
	return resp, err
}

// Reading leaves a part of the limit to writing where the client publishes.
func TestReserve(t *testing.T) {
	t.Parallel()
	const limit = 40
	for client, want := range map[string]int{"main": 0, "other": limit / 20} {
		t.Run(client, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newStack(t, intercomtest.New(intercomtest.Config{Seed: 3, Contacts: 20_000, Limit: limit}))
				left := &gauge{RoundTripper: s.net, least: limit}
				s.net = left
				s.cfg.Subscriptions["contacts"].Client = client
				if _, err := s.on(t.Context(), s.environment(client), `{"subscription": "contacts"}`); err != nil {
					t.Fatal(err)
				}
				if left.least != want {
					t.Errorf("%d of %d requests were left, want %d", left.least, limit, want)
				}
				if _, ok := s.metrics[0]["RateLimitLeft"]; !ok {
					t.Errorf("the metrics do not tell what is left: %v", s.metrics)
				}
			})
		})
	}
}

// An environment keeps what it knows of the rate limit, and its connections.
func TestWarmEnvironment(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStack(t, intercomtest.New(intercomtest.Config{}))
		h := s.environment("main")
		for i, event := range []string{`{"subscription": "contacts"}`, `{"watch": true}`, `{"subscription": "hand"}`, `{"subscription": "contacts"}`} {
			if _, err := s.on(t.Context(), h, event); err != nil {
				t.Errorf("invocation %d: %v", i, err)
			}
		}
		owners := map[any]bool{}
		for _, line := range s.lines("run ended") {
			owners[line["subscription"]] = true
		}
		if len(owners) != 2 {
			t.Errorf("the log tells of %v", owners)
		}
	})
}

// The request log goes where everything goes, and says what it belongs to.
func TestRequestLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStack(t, intercomtest.New(intercomtest.Config{}))
		s.cfg.Clients["main"].LogRequests = config.LogBodies
		got, err := s.invoke(`{"subscription": "contacts"}`)
		if err != nil {
			t.Fatal(err)
		}
		named := 0
		for _, line := range s.lines("request") {
			if line["client"] != "main" || line["subscription"] != "contacts" {
				t.Errorf("a request of nobody: %v", line)
			}
			if line["run"] == got.Run {
				named++
			}
		}
		if named != int(got.Requests) {
			t.Errorf("%d requests name run %s, want %d", named, got.Run, got.Requests)
		}
		if strings.Contains(s.log.String(), planted) {
			t.Error("the log shows the token")
		}
	})
}

// A deadline that is too near to begin leaves everything to the next firing.
func TestNoTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStack(t, slowly())
		s.timeout = 100 * time.Millisecond
		got, err := s.invoke(`{"subscription": "contacts"}`)
		if err != nil || got.Outcome != subscribe.Interrupted || got.Continues {
			t.Errorf("got %v %+v", err, got)
		}
	})
}

func TestWatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStack(t, intercomtest.New(intercomtest.Config{}))
		look := func() string {
			answer, err := s.environment("main").Invoke(t.Context(), []byte(`{"watch": true}`))
			if err != nil {
				t.Fatal(err)
			}
			return string(answer)
		}
		const nothing = `{"watch":true,"subscriptions":6,"failed":[],"overdue":[],"incomplete":[],"paused":[]}`
		if got := look(); got != nothing {
			t.Errorf("got %s, want %s", got, nothing)
		}
		if len(s.metrics) != 0 {
			t.Errorf("nothing was found, and measured: %v", s.metrics)
		}
		s.ws.Revoke()
		if _, err := s.invoke(`{"subscription": "contacts"}`); err == nil {
			t.Fatal("a revoked token will do")
		}
		time.Sleep(time.Hour)
		s.metrics = nil
		got := look()
		for _, want := range []string{`"failed":[{"subscription":"contacts","client":"main","error":"contacts: `, "`connector token main --stack my-stack` stores one", `"overdue":[{"subscription":"contacts"`} {
			if !strings.Contains(got, want) {
				t.Errorf("got %s, want %s", got, want)
			}
		}
		if fmt.Sprint(s.metrics) != "[map[Failed:1 Overdue:1]]" {
			t.Errorf("metrics: %v", s.metrics)
		}
		if lines := s.lines("subscription failed"); len(lines) != 1 || lines[0]["first"] != "connector logs contacts --stack my-stack" {
			t.Errorf("log: %v", lines)
		}
		s.ws.Restore()
		if _, err := s.invoke(`{"subscription": "contacts"}`); err != nil {
			t.Fatal(err)
		}
		if got := look(); got != nothing {
			t.Errorf("mended: got %s", got)
		}
	})
}

func TestWatchThatCannotLook(t *testing.T) {
	t.Parallel()
	s := newStack(t, intercomtest.New(intercomtest.Config{}))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.environment("main").Invoke(ctx, []byte(`{"watch": true}`)); err == nil {
		t.Error("it says that all is well")
	}
}
