package blackbox_test

import (
	"context"
	"sync"
	"testing"
	"time"
)

// Two runs of one subscription begin at once: one does the work, the other
// steps back or goes on with it, and what both have written is the whole.
func TestTwoRunsAtOnce(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, config, kind string }{
		{"first load", "entity: contacts, sync: incremental", "contacts"},
		{"whole list", "entity: articles, paginate: true", "articles"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ws := amsterdam(t)
			ws.Fill(tt.kind, 2_000, 60*24*time.Hour)
			ws.Latency = 100 * time.Millisecond
			d := newDesk(t, reads(serve(t, ws), subscription(tt.config)))

			results := make([]result, 3)
			var wg sync.WaitGroup
			for i := range results {
				wg.Go(func() { results[i] = d.call("run", "it") })
			}
			wg.Wait()
			done := 0
			for _, r := range results {
				switch r.status {
				case 0:
					done++
				case 1:
					if !contains(r.stderr, "another run of it is under way") && !contains(r.stderr, "overtaken") {
						t.Errorf("a run that does not say why it did nothing: %v", r)
					}
				default:
					t.Errorf("neither done nor stepped back: %v", r)
				}
			}
			if done == 0 {
				t.Errorf("nobody did the work: %v", results)
			}
			d.done("it")
			all := d.whole("out.ndjson")
			holds(t, all, ws.Records(tt.kind))
			sameIDSameData(t, all)
		})
	}
}

// Two machines share nothing but the subscription's name: each has all of it.
// Two folders of one machine that write one file take turns.
func TestTwoStatesAndOneFile(t *testing.T) {
	t.Parallel()
	ws := amsterdam(t)
	ws.Fill("contacts", 2_000, 60*24*time.Hour)
	ws.Latency = 100 * time.Millisecond
	d := newDesk(t, reads(serve(t, ws), subscription("entity: contacts, sync: incremental")))
	results := make([]result, 2)
	var wg sync.WaitGroup
	for i, state := range []string{"one", "two"} {
		wg.Go(func() { results[i] = d.call("run", "it", "--state", state) })
	}
	wg.Wait()
	for i, state := range []string{"one", "two"} {
		if results[i].status != 0 {
			d.done("it", "--state", state)
		}
	}
	holds(t, d.whole("out.ndjson"), ws.Records("contacts"))
}

// A run that was killed leaves nothing behind that stops the next one.
func TestLockOfADeadRunIsNobodys(t *testing.T) {
	t.Parallel()
	ws := amsterdam(t)
	ws.Fill("contacts", 2_000, 60*24*time.Hour)
	ws.Latency = 300 * time.Millisecond
	d := newDesk(t, reads(serve(t, ws), subscription("entity: contacts, sync: incremental")))
	if !d.killed("it", 700*time.Millisecond, false) {
		t.Fatal("the run was done before it was killed")
	}
	d.done("it")
	holds(t, d.whole("out.ndjson"), ws.Records("contacts"))
}

// A run that is told to stop saves its position, says how to go on, and ends
// with 130.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	ws := amsterdam(t)
	ws.Fill("contacts", 8_000, 60*24*time.Hour)
	ws.Limit = 40
	d := newDesk(t, reads(serve(t, ws), subscription("entity: contacts, sync: incremental")))
	cmd, stderr := d.start(context.WithoutCancel(t.Context()), "run", "it")
	time.Sleep(2500 * time.Millisecond)
	interrupt(t, cmd)
	asked := time.Now()
	_ = cmd.Wait() // the status is looked at
	if got := cmd.ProcessState.ExitCode(); got != 130 {
		t.Errorf("exit status %d, want 130\n%s", got, stderr)
	}
	if took := time.Since(asked); took > 5*time.Second {
		t.Errorf("took %v to stop", took)
	}
	if !contains(stderr.String(), "connector run it") {
		t.Errorf("it does not say how to go on: %s", stderr)
	}
	before := len(d.whole("out.ndjson"))
	if before == 0 {
		t.Error("nothing was written before the stop")
	}
	rep := d.done("it")
	all := d.whole("out.ndjson")
	holds(t, all, ws.Records("contacts"))
	if !rep.Resumed || len(all) > 8_000+1_500 {
		t.Errorf("resumed %v, %d events of 8000 records: it did not go on where it was", rep.Resumed, len(all))
	}
}
