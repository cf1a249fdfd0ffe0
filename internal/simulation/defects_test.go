package simulation_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A defect is a bug that was planted: sources of the engine that say something
// else. What is replaced must be there exactly once, so that a defect does not
// outlive the code it is in.
type defect struct {
	name string
	// file is below the repository's root; change is pairs of old and new.
	file   string
	change []string
	test   string // that has to find it
}

// The tests that find defects.
const (
	reading = "TestHistories"
	writing = "TestPublishingHistories"
)

// flush is how a checkpoint begins.
const flush = "	if r.unsafe == nil {\n		r.unsafe = r.flush(ctx)\n	}\n	if r.unsafe != nil {\n		return r.unsafe\n	}\n"

var defects = []defect{
	{"checkpoint before delivery", "internal/subscribe/save.go", []string{
		flush, "",
		"	r.dirty = false\n	return r.lease(ctx)\n",
		"	r.dirty = false\n	if err := r.lease(ctx); err != nil {\n		return err\n	}\n	return r.flush(ctx)\n",
	}, reading},
	{"a flush that failed is taken for one that did not", "internal/subscribe/save.go", []string{
		"r.unsafe = r.flush(ctx)", "_ = r.flush(ctx)",
	}, reading},
	{"a checkpoint that does not wait for what the destination holds back", "internal/subscribe/save.go", []string{
		" && r.holdFor() <= 0", "",
		"	if r.unsafe == nil {\n", "	if r.unsafe == nil && r.holdFor() <= 0 {\n",
	}, reading},
	{"memory saved before the flush", "internal/subscribe/save.go", []string{
		flush, "",
		"	run := *r.work\n",
		flush + "	run := *r.work\n",
	}, reading},
	{"position moved on before the page is out", "internal/subscribe/handle.go", []string{
		"	if err := r.deliver(ctx, c, &res); err != nil {\n		return err\n	}\n	c.Pager = c.live\n",
		"	c.Pager = c.live\n	if err := r.deliver(ctx, c, &res); err != nil {\n		return err\n	}\n",
	}, reading},
	{"> for >= at a border", "internal/subscribe/bounds.go", []string{
		"t == 0 || t >= r.From &&", "t == 0 || t > r.From &&",
	}, reading},
	{"stop in the border's second", "internal/subscribe/slice.go", []string{
		"case c.sorted && oldest < c.Range.From:", "case c.sorted && oldest <= c.Range.From:",
	}, reading},
	{"stop one page early", "internal/subscribe/slice.go", []string{
		"case c.sorted && oldest < c.Range.From:", "case c.sorted && oldest-(newest-oldest) < c.Range.From:",
	}, reading},
	{"no fencing", "internal/subscribe/put.go", []string{
		"case last == nil || !bytes.Equal(found.Value, last):", "case false && bytes.Equal(found.Value, last):",
	}, reading},
	{"a lease that nobody heeds", "internal/subscribe/run.go", []string{
		"!e.Alone && lease.Owner != \"\"", "false && !e.Alone && lease.Owner != \"\"",
	}, reading},
	{"a hand-over that anybody may use", "internal/subscribe/handover.go", []string{
		"if h != nil && (", "if false && h != nil && (",
	}, reading},
	{"wrong time zone", "internal/subscribe/run.go", []string{
		"days := calendar{zone: r.me.zone}", "days := calendar{zone: time.UTC}",
	}, reading},
	{"bounds of days at midnight", "internal/subscribe/bounds.go", []string{
		"return max(c.noonOf(from, -1-c.slack), 0)", "return max(c.startOfDay(from), 0)",
	}, reading},
	{"a dropped slice", "internal/subscribe/launch.go", []string{
		"			r.add(c)\n", "",
	}, reading},
	{"resume forgets an open slice", "internal/subscribe/run.go", []string{
		"	for _, s := range run.Slices {\n", "	for _, s := range run.Slices[:min(len(run.Slices), 1)] {\n",
	}, reading},
	{"a slice's older half begins a day too early", "internal/subscribe/slice.go", []string{
		"Before: days.before(s.border, g),", "Before: days.before(s.border-86400, g),",
	}, reading},
	{"both halves of a slice are the older one", "internal/subscribe/slice.go", []string{
		"	c.Range.From = s.border\n", "	c.Range.From = s.border + 1\n",
	}, reading},
	{"watermark at the end of the run", "internal/subscribe/run.go", []string{
		"max(r.cp.Watermark, r.work.Started-", "max(r.cp.Watermark, r.serverNow()-",
	}, reading},
	{"no overlap", "internal/subscribe/plan.go", []string{
		"run.From, run.Phase = r.cp.Watermark-second(sub.Overlap), catchUp", "run.From, run.Phase = r.cp.Watermark, catchUp",
	}, reading},
	{"duplicates by id only", "internal/subscribe/deliver.go", []string{
		"r.memory.has(delivery(sum), now)", "r.memory.has(delivery(event.DigestOf([]byte(record.ID))), now)",
		"append(o.handled, delivery(sum))", "append(o.handled, delivery(event.DigestOf([]byte(record.ID))))",
	}, reading},
	{"nothing is remembered", "internal/subscribe/deliver.go", []string{
		"		o.memory.add(d)\n", "		_ = d\n",
	}, reading},
	{"no resweep", "internal/subscribe/plan.go", []string{
		"if r.resweepDue() {", "if false && r.resweepDue() {",
	}, reading},
	{"open tickets are not read again", "internal/subscribe/plan.go", []string{
		"if r.how.Open && r.opts.Since.IsZero()", "if false && r.opts.Since.IsZero()",
	}, reading},
	{"outputs of a transformer share an id", "internal/subscribe/deliver.go", []string{
		"Content: sum, Output: i,", "Content: sum, Output: i - i,",
	}, reading},
	{"a 429 is ignored", "shared/intercom/outcome.go", []string{
		"g.paused = max(g.paused, now+told.wait()+min(max(jitter, 0), maxJitter))", "_ = jitter",
	}, reading},
}

// TestDefects plants one bug after the other and asks for a seed that finds it.
func TestDefects(t *testing.T) {
	t.Parallel()
	if testing.Short() || *only > 0 || *seeds != ordinary {
		t.Skip("only in an ordinary run")
	}
	for _, d := range slices.Concat(defects, postDefects) {
		t.Run(strings.ReplaceAll(d.name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			binary := build(t, d.plant(t))
			out, err := elsewhere(t, binary, d.test, "-once")
			if err == nil {
				t.Fatalf("%s: no seed up to %d finds it", d.name, ordinary)
			}
			found := finding.FindSubmatch(out)
			if found == nil {
				t.Fatalf("it ended, but not by a finding: %v\n%s", err, out)
			}
			t.Logf("%s: found by seed %s, %s: %s", d.name, found[1], found[2], found[3])
		})
	}
}

// finding is how show begins.
var finding = regexp.MustCompile(`(?m)seed (\d+): (\S+)\n\s*(.*)$`)

// plant writes the changed source and returns the overlay that puts it in place.
func (d *defect) plant(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "..", filepath.FromSlash(d.file)))
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(d.change); i += 2 {
		if n := bytes.Count(source, []byte(d.change[i])); n != 1 {
			t.Fatalf("%s has %d times what the defect replaces, not once: move the defect along with the code\n%s", d.file, n, d.change[i])
		}
		source = bytes.Replace(source, []byte(d.change[i]), []byte(d.change[i+1]), 1)
	}
	dir := t.TempDir()
	changed, overlay := filepath.Join(dir, filepath.Base(path)), filepath.Join(dir, "overlay.json")
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {path: changed}})
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{changed: source, overlay: replace} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return overlay
}

// build compiles this package's tests without the race detector, which has
// nothing to do where one hand puts everything in order and costs tenfold.
func build(t *testing.T, overlay string) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "simulation.test")
	args := []string{"test", "-c", "-vet=off", "-ldflags=-s -w", "-o", binary}
	if overlay != "" {
		args = append(args, "-overlay", overlay)
	}
	out, err := exec.CommandContext(t.Context(), "go", append(args, ".")...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return binary
}

// elsewhere lives through all histories of an ordinary run in another process.
func elsewhere(t *testing.T, binary, test string, args ...string) ([]byte, error) {
	t.Helper()
	args = append([]string{"-test.run=^" + test + "$", "-test.v", "-test.timeout=10m"}, args...)
	return exec.CommandContext(t.Context(), binary, args...).CombinedOutput()
}
