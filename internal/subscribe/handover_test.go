package subscribe_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"intercom-connector/internal/event"
	"intercom-connector/internal/subscribe"
	"intercom-connector/shared/intercom/intercomtest"
)

// slowly is a workspace that a first load needs several invocations for.
func slowly() *intercomtest.Workspace {
	return intercomtest.New(intercomtest.Config{Seed: 3, Contacts: 6000, Latency: 400 * time.Millisecond, Limit: 60})
}

// invoke runs for a time, as a function does that knows its deadline.
func (b *bench) invoke(owner string, d time.Duration, h *subscribe.Handover) (subscribe.Report, error) {
	return b.engineOf("contacts", owner).Run(b.t.Context(), subscribe.Options{StopAt: time.Now().Add(d), Continue: h})
}

func TestHandedOverToTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ws := slowly()
		b := newBench(t, ws, contactsIncremental)
		var (
			h         *subscribe.Handover
			run       string
			delivered int64
		)
		for i := range 40 {
			report, err := b.invoke(fmt.Sprint(i), 3*time.Second, h)
			if run == "" {
				run = report.Run
			}
			if report.Run != run {
				t.Fatalf("invocation %d has run %s, want %s", i, report.Run, run)
			}
			if (report.Earlier == nil) != (i == 0) {
				t.Errorf("invocation %d: got an earlier report %v", i, report.Earlier)
			}
			delivered += report.Events
			if report.Earlier != nil {
				delivered -= report.Earlier.Events
			}
			if err == nil {
				if i < 3 || report.Handover != nil || report.Outcome != subscribe.Done {
					t.Errorf("after %d invocations: %+v", i, report)
				}
				if delivered != report.Events {
					t.Errorf("the invocations delivered %d events, the run %d", delivered, report.Events)
				}
				wantAll(t, b, ws, intercomtest.Contacts)
				return
			}
			if !errors.Is(err, subscribe.ErrInterrupted) || report.Handover == nil {
				t.Fatalf("invocation %d: %v, hand-over %v", i, err, report.Handover)
			}
			h = report.Handover
		}
		t.Error("does not come to an end")
	})
}

// Events are delivered asynchronously, and so perhaps twice: one after the other
// or at the same moment.
func TestHandoverIsMadeUseOfOnce(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		apart time.Duration
	}{
		{"at once", 0},
		{"while the first asks who it is", 300 * time.Millisecond},
		{"while the first is under way", 2 * time.Second},
		{"after the first", 10 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ws := slowly()
				b := newBench(t, ws, contactsIncremental)
				first, err := b.invoke("first", 3*time.Second, nil)
				if !errors.Is(err, subscribe.ErrInterrupted) {
					t.Fatal(err)
				}
				var (
					wg      sync.WaitGroup
					reports [3]subscribe.Report
					errs    [3]error
				)
				for i := range reports {
					wg.Go(func() {
						time.Sleep(time.Duration(i) * tt.apart)
						reports[i], errs[i] = b.invoke(fmt.Sprint(i), 3*time.Second, first.Handover)
					})
				}
				wg.Wait()
				went := 0
				for i, err := range errs {
					switch {
					case errors.Is(err, subscribe.ErrInterrupted):
						went++
					case errors.As(err, new(*subscribe.OvertakenError)):
						if r := reports[i]; r.Outcome != subscribe.Overtaken || r.Run != first.Run || r.Handover != nil {
							t.Errorf("overtaken: %+v", r)
						}
					default:
						t.Errorf("delivery %d: %v", i, err)
					}
				}
				if went != 1 {
					t.Errorf("%d went on, want one", went)
				}
				goOn(t, b, "contacts")
				wantAll(t, b, ws, intercomtest.Contacts)
			})
		})
	}
}

// A trigger may be quicker than the invocation that is to go on.
func TestHandoverThatComesTooLateTouchesNothing(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name      string
		meanwhile func(b *bench)
		h         func(h subscribe.Handover) subscribe.Handover
	}{
		{"another has stopped again", func(b *bench) { _, _ = b.invoke("other", 3*time.Second, nil) }, same},
		{"another has finished it", func(b *bench) { goOn(b.t, b, "contacts") }, same},
		{"another run", func(*bench) {}, func(h subscribe.Handover) subscribe.Handover { h.Run = "another"; return h }},
		{"another revision", func(*bench) {}, func(h subscribe.Handover) subscribe.Handover { h.Revision += "0"; return h }},
		{"empty", func(*bench) {}, func(subscribe.Handover) subscribe.Handover { return subscribe.Handover{} }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ws := slowly()
				b := newBench(t, ws, contactsIncremental)
				first, err := b.invoke("first", 3*time.Second, nil)
				if !errors.Is(err, subscribe.ErrInterrupted) {
					t.Fatal(err)
				}
				tt.meanwhile(b)
				before, requests := dump(t, b), ws.Stats().Requests
				h := tt.h(*first.Handover)
				report, err := b.invoke("late", time.Minute, &h)
				if !errors.As(err, new(*subscribe.OvertakenError)) || report.Outcome != subscribe.Overtaken {
					t.Errorf("got %v, %s; want that it was overtaken", err, report.Outcome)
				}
				if got := dump(t, b); got != before {
					t.Errorf("the store was changed from\n%s\nto\n%s", before, got)
				}
				if got := ws.Stats().Requests; got != requests {
					t.Errorf("Intercom was asked %d times", got-requests)
				}
			})
		})
	}
}

func same(h subscribe.Handover) subscribe.Handover { return h }

// dump is all that is in the store.
func dump(t *testing.T, b *bench) string {
	t.Helper()
	var all string
	for record, err := range b.store.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		all += fmt.Sprintf("%s %s %s\n", record.Key, record.Revision, record.Value)
	}
	return all
}

// What a run was asked to forget when it began is not forgotten again.
func TestHandoverDoesNotStartOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, slowly(), contactsIncremental)
		first, err := b.invoke("first", 3*time.Second, nil)
		if !errors.Is(err, subscribe.ErrInterrupted) {
			t.Fatal(err)
		}
		report, err := b.engineOf("contacts", "second").Run(t.Context(), subscribe.Options{Continue: first.Handover, Reset: true})
		if err != nil || report.Run != first.Run || report.Events != 6000 {
			t.Errorf("got %v %+v, want that run %s was finished", err, report, first.Run)
		}
	})
}

func TestWindowIsHandedOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ws := slowly()
		b := newBench(t, ws, contactsIncremental)
		b.run("contacts")
		opts := subscribe.Options{Since: time.Now().Add(-1000 * 24 * time.Hour)}
		for range 40 {
			opts.StopAt = time.Now().Add(3 * time.Second)
			report, err := b.engine("contacts").Run(t.Context(), opts)
			if err == nil {
				if opts.Continue == nil || report.Events != 6000 {
					t.Errorf("got %+v, want all contacts after a hand-over", report)
				}
				return
			}
			if opts.Continue = report.Handover; opts.Continue == nil {
				t.Fatal(err)
			}
			wrong := opts
			wrong.Since = opts.Since.Add(time.Hour)
			if _, err := b.engine("contacts").Run(t.Context(), wrong); !errors.As(err, new(*subscribe.OvertakenError)) {
				t.Errorf("another window: got %v, want that it has no such run", err)
			}
		}
		t.Error("does not come to an end")
	})
}

// mute never answers but /me.
type mute struct {
	http.RoundTripper

	on bool
}

func (m *mute) RoundTrip(r *http.Request) (*http.Response, error) {
	if m.on && r.URL.Path != "/me" {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	return m.RoundTripper.RoundTrip(r)
}

func TestStuckRunIsNotHandedOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ws := slowly()
		net := &mute{RoundTripper: ws}
		b := newBench(t, net, contactsIncremental)
		first, err := b.invoke("first", 3*time.Second, nil)
		if !errors.Is(err, subscribe.ErrInterrupted) {
			t.Fatal(err)
		}
		net.on = true
		stuck, err := b.invoke("second", 3*time.Second, first.Handover)
		if !errors.As(err, new(*subscribe.StuckError)) || stuck.Outcome != subscribe.Failed || stuck.Handover != nil {
			t.Errorf("got %v %+v; want that it is stuck", err, stuck)
		}
		// A trigger that does no better says so, too.
		if report, err := b.invoke("third", 3*time.Second, nil); !errors.As(err, new(*subscribe.StuckError)) || report.Run != first.Run {
			t.Errorf("got %v for run %s, want that %s is still stuck", err, report.Run, first.Run)
		}
		net.on = false
		moved, err := b.invoke("fourth", 3*time.Second, nil)
		if !errors.Is(err, subscribe.ErrInterrupted) || moved.Run != first.Run || moved.Handover == nil {
			t.Errorf("got %v %+v, want that run %s goes on", err, moved, first.Run)
		}
		goOn(t, b, "contacts")
		wantAll(t, b, ws, intercomtest.Contacts)
	})
}

// Nothing at all may have come in the first invocation: the second has a try.
func TestRunThatHasNotBegunIsHandedOverOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, &mute{RoundTripper: slowly(), on: true}, contactsIncremental)
		first, err := b.invoke("first", 3*time.Second, nil)
		if !errors.Is(err, subscribe.ErrInterrupted) || first.Handover == nil {
			t.Fatalf("got %v %+v, want a hand-over", err, first)
		}
		if _, err := b.invoke("second", 3*time.Second, first.Handover); !errors.As(err, new(*subscribe.StuckError)) {
			t.Errorf("got %v, want that it is stuck", err)
		}
	})
}

// It invokes nobody, but each trigger goes on from where it is.
func TestRunOfMoreThanADayIsKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ws := slowly()
		b := newBench(t, ws, contactsIncremental)
		before := b.run("contacts")
		ws.Bulk(intercomtest.Contacts, 4000, time.Now())
		began := time.Now()
		var (
			h   *subscribe.Handover
			run string
		)
		for {
			report, err := b.invoke(time.Now().String(), 3*time.Second, h)
			if h = report.Handover; h == nil {
				if !errors.As(err, new(*subscribe.TooLongError)) || report.Outcome != subscribe.Failed {
					t.Fatalf("got %v %+v, want that it takes too long", err, report)
				}
				if !report.WatermarkAfter.Equal(before.WatermarkAfter) {
					t.Errorf("the watermark moved to %v", report.WatermarkAfter)
				}
				run = report.Run
				break
			}
			time.Sleep(25 * time.Hour)
		}
		if took := time.Since(began); took < 24*time.Hour || took > 30*time.Hour {
			t.Errorf("given up after %v, want a day", took)
		}
		report, err := b.engine("contacts").Run(t.Context(), subscribe.Options{})
		if err != nil || !report.Resumed || report.Run != run || !report.WatermarkAfter.After(before.WatermarkAfter) {
			t.Errorf("got %v %+v, want that run %s goes on to its end", err, report, run)
		}
		atLeastOnce(t, b, ws, intercomtest.Contacts)
	})
}

// Yesterday's run may have little left: a trigger tries.
func TestRunOfYesterdayIsFinished(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ws := slowly()
		b := newBench(t, ws, contactsIncremental)
		first, err := b.invoke("first", 3*time.Second, nil)
		if !errors.Is(err, subscribe.ErrInterrupted) {
			t.Fatal(err)
		}
		time.Sleep(30 * time.Hour)
		report, err := b.invoke("second", time.Hour, nil)
		if err != nil || report.Run != first.Run {
			t.Errorf("got %v %+v, want that run %s was finished", err, report, first.Run)
		}
		wantAll(t, b, ws, intercomtest.Contacts)
	})
}

// A stop that is not in time is nobody's to go on with at once.
func TestCancelledRunHasNoHandover(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, slowly(), contactsIncremental)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		report, err := b.engine("contacts").Run(ctx, subscribe.Options{StopAt: time.Now().Add(4 * time.Second)})
		if !errors.Is(err, subscribe.ErrInterrupted) || report.Handover != nil {
			t.Errorf("got %v, hand-over %v", err, report.Handover)
		}
	})
}

// A run whose last save is lost cannot be handed over: nobody knows its revision.
func TestHandoverNeedsTheLastSave(t *testing.T) {
	t.Parallel()
	for _, after := range []bool{false, true} {
		t.Run(fmt.Sprintf("written %v", after), func(t *testing.T) {
			t.Parallel()
			for at := 1; ; at++ {
				over := false
				synctest.Test(t, func(t *testing.T) {
					ws := slowly()
					b := newBench(t, ws, contactsIncremental)
					tripped, heal := wreckStore(after)(b, at)
					report, err := b.invoke("first", 3*time.Second, nil)
					heal()
					over = !tripped()
					if report.Handover != nil {
						if !errors.Is(err, subscribe.ErrInterrupted) {
							t.Errorf("call %d: %v, and a hand-over", at, err)
						}
						next, err := b.invoke("second", 3*time.Second, report.Handover)
						if !errors.Is(err, subscribe.ErrInterrupted) || next.Run != report.Run {
							t.Errorf("call %d: the hand-over is of no use: %v", at, err)
						}
					}
					goOn(t, b, "contacts")
					atLeastOnce(t, b, ws, intercomtest.Contacts)
				})
				if over || t.Failed() {
					if at < 8 {
						t.Errorf("only %d calls", at)
					}
					return
				}
			}
		})
	}
}

// A run that begins when it is time to stop stops.
func TestStopAtHasPassed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, slowly(), contactsIncremental)
		start := time.Now()
		_, err := b.invoke("late", 0, nil)
		if took := time.Since(start); !errors.Is(err, subscribe.ErrInterrupted) || took > time.Second {
			t.Errorf("got %v after %v, want that it stops when it knows who it is", err, took)
		}
	})
}

// tracer is a sink that knows for whom it works.
type tracer struct {
	*sink

	runs map[string]bool
}

func (s tracer) Deliver(ctx context.Context, events []event.Event) error {
	s.runs[subscribe.RunOf(ctx)] = true
	return s.sink.Deliver(ctx, events)
}

func (s tracer) Flush(ctx context.Context) error {
	s.runs[subscribe.RunOf(ctx)] = true
	return s.sink.Flush(ctx)
}

func TestContextsKnowTheirRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, slowly(), contactsIncremental)
		seen := tracer{b.sink, map[string]bool{}}
		b.to = seen
		report, err := b.invoke("first", 3*time.Second, nil)
		if !errors.Is(err, subscribe.ErrInterrupted) {
			t.Fatal(err)
		}
		b.run("contacts")
		if len(seen.runs) != 1 || !seen.runs[report.Run] {
			t.Errorf("it was called for runs %v, want %s", seen.runs, report.Run)
		}
	})
}
