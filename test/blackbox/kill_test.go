package blackbox_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// kills is how often each of the tests below kills the program.
const kills = 20

// start begins a call and returns how to kill it. The program has no way to
// notice: what it has not made safe is gone.
func (d *desk) start(ctx context.Context, args ...string) (cmd *exec.Cmd, stderr *bytes.Buffer) {
	d.t.Helper()
	cmd = d.command(ctx, args...)
	stderr = &bytes.Buffer{}
	cmd.Stdout, cmd.Stderr = stderr, stderr
	if err := cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	return cmd, stderr
}

// killed runs the subscription and kills it after a while. It reports whether
// the run was killed, or came to its end before. Where moving tells that what is
// read moves while it is read, that end may be incomplete.
func (d *desk) killed(name string, after time.Duration, moving bool) bool {
	d.t.Helper()
	cmd, stderr := d.start(d.t.Context(), "run", name)
	timer := time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
	err := cmd.Wait()
	if !timer.Stop() {
		return err != nil
	}
	if err != nil && (!moving || !strings.Contains(stderr.String(), "connector: "+name+": incomplete: ")) {
		d.t.Fatalf("run before the kill: %v\n%s", err, shorten(stderr.String()))
	}
	return false
}

// moment is when to kill: now and then before anything was saved, now and then
// after.
func moment(r *rand.Rand) time.Duration {
	if r.IntN(2) == 0 {
		return 20*time.Millisecond + time.Duration(r.Int64N(int64(700*time.Millisecond)))
	}
	return 2500*time.Millisecond + time.Duration(r.Int64N(int64(1500*time.Millisecond)))
}

// A subscription is killed twenty times, at moments of no meaning, while the
// workspace goes on changing. What all its runs have written is the whole.
func TestKilledTwentyTimes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, config, kind string
		records            int
		moving             bool // a touched record moves to another place of the list
	}{
		{"first load in slices", "entity: contacts, sync: incremental", "contacts", 12_000, false},
		{"first load in slices, dates by the second", "entity: conversations, sync: incremental", "conversations", 12_000, false},
		{"whole list by cursor", "entity: contacts, query: {per_page: 60}, paginate: true", "contacts", 3_600, true},
		{"whole list by number", "entity: articles, paginate: true", "articles", 2_000, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ws := amsterdam(t)
			ws.Fill(tt.kind, tt.records, 60*24*time.Hour)
			ws.Latency = 30 * time.Millisecond
			ws.Limit = 40 // some fifteen seconds of reading
			d := newDesk(t, reads(serve(t, ws), subscription(tt.config)))

			seed := uint64(time.Now().UnixNano())
			t.Logf("seed %d", seed)
			moments := rand.New(rand.NewPCG(seed, 1))
			hits, dones := 0, 0
			for hits < kills {
				after := moment(moments)
				if d.killed("it", after, tt.moving) {
					hits++
				} else {
					dones++
				}
				// Each line that is whole is an event, whenever it is looked at.
				d.events("out.ndjson")
				ids := ws.IDs(tt.kind)
				for range 20 {
					ws.Touch(tt.kind, ids[moments.IntN(len(ids))])
				}
				if dones > 20*kills {
					t.Fatalf("done %d times in a row: there was nothing to kill", dones)
				}
			}
			// What moved in a list while it was read may be missing, and is said to
			// be. The next run reads a workspace that stands still.
			if rep, r := d.run("it"); r.status != 0 && rep.Outcome != "incomplete" {
				t.Errorf("last run: %v", r)
			}
			d.done("it")
			all := d.whole("out.ndjson")
			t.Logf("killed %d times, done %d times, %d events of %d records, %d requests", hits, dones, len(all), tt.records, len(ws.Requests()))
			holds(t, all, ws.Records(tt.kind))
			sameIDSameData(t, all)
		})
	}
}

// A scroll moves on at the server with every page, so a run that was killed
// cannot know which pages it has asked for: the scroll is read from its start.
func TestKilledInTheMiddleOfAScroll(t *testing.T) {
	t.Parallel()
	for _, untold := range []bool{false, true} {
		t.Run(map[bool]string{true: "total unknown", false: "total known"}[untold], func(t *testing.T) {
			t.Parallel()
			ws := amsterdam(t)
			ws.ScrollUntold = untold
			ws.Latency = 100 * time.Millisecond
			ws.Fill("companies", 8_000, 60*24*time.Hour)
			d := newDesk(t, reads(serve(t, ws), subscription("entity: companies/scroll, paginate: true, side_effects: allow")))
			// Some time after a position was saved, and some pages later.
			if !d.killed("it", 5500*time.Millisecond, false) {
				t.Fatal("the run was done before it was killed")
			}
			d.done("it")
			all := d.whole("out.ndjson")
			holds(t, all, ws.Records("companies"))
			sameIDSameData(t, all)
		})
	}
}
