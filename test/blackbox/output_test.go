package blackbox_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"intercom-connector/test/blackbox/mock"
)

// An output that ends in the middle of a line, as a crash of the machine leaves
// it, is mended: half an event goes, the others stay.
func TestHalfALineIsRepaired(t *testing.T) {
	t.Parallel()
	for _, tail := range []string{`{"specversion":"1.0","id":"ab`, `{`, "\x00\x00\x00\x00"} {
		t.Run(fmt.Sprintf("%q", tail), func(t *testing.T) {
			t.Parallel()
			ws := amsterdam(t)
			ws.Fill("contacts", 300, 60*24*time.Hour)
			d := newDesk(t, reads(serve(t, ws), subscription(incremental)))
			d.done("it")
			f, err := os.OpenFile(d.path("out.ndjson"), os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.WriteString(tail); err != nil {
				t.Fatal(err)
			}
			f.Close()
			ws.Touch("contacts", ws.IDs("contacts")[0])
			d.done("it")
			all := d.whole("out.ndjson")
			if len(all) != 301 {
				t.Errorf("%d events, want 301", len(all))
			}
			holds(t, all, ws.Records("contacts"))
		})
	}
}

// Standard output that is full loses nothing: what was not taken comes again.
func TestStandardOutputIsFull(t *testing.T) {
	t.Parallel()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("no /dev/full here")
	}
	defer full.Close()
	ws := amsterdam(t)
	ws.Fill("contacts", 300, 60*24*time.Hour)
	d := newDesk(t, reads(serve(t, ws), subscription(incremental)))
	cmd := d.command(t.Context(), "run", "it", "--to", "-")
	var stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = full, &stderr
	d.finish(cmd, new(bytes.Buffer), &stderr).complains(t, 1, "no space left")

	all, torn := parseEvents(t, []byte(d.must("run", "it", "--to", "-").stdout))
	if torn {
		t.Error("the output ends in the middle of a line")
	}
	holds(t, all, ws.Records("contacts"))
}

// Standard output has nothing but events.
func TestStandardOutputIsEventsOnly(t *testing.T) {
	t.Parallel()
	ws := amsterdam(t)
	ws.Fill("contacts", 300, 60*24*time.Hour)
	d := newDesk(t, reads(serve(t, ws), subscription(incremental)))
	r := d.must("run", "it", "--to", "-", "--log-level", "debug")
	all, torn := parseEvents(t, []byte(r.stdout))
	if torn || len(all) != 300 {
		t.Errorf("%d events, torn %v", len(all), torn)
	}
}

// The folder where positions are remembered cannot be made or written.
func TestStateCannotBeWritten(t *testing.T) {
	t.Parallel()
	ws := amsterdam(t)
	ws.Fill("contacts", 300, 60*24*time.Hour)
	base := serve(t, ws)
	t.Run("a file is in its place", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t, reads(base, subscription(incremental)))
		if err := os.WriteFile(d.path(".connector"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		d.call("run", "it").complains(t, 1, ".connector")
	})
	t.Run("no permission", func(t *testing.T) {
		t.Parallel()
		if os.Geteuid() == 0 {
			t.Skip("root may write everywhere")
		}
		d := newDesk(t, reads(base, subscription(incremental)))
		if err := os.Mkdir(d.path(".connector"), 0o500); err != nil {
			t.Fatal(err)
		}
		d.call("run", "it").complains(t, 1, ".connector", "permission")
	})
	t.Run("not a database", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t, reads(base, subscription(incremental)))
		if err := os.Mkdir(d.path(".connector"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(d.path(".connector/state.db"), bytes.Repeat([]byte("not a database "), 1000), 0o600); err != nil {
			t.Fatal(err)
		}
		d.call("run", "it").complains(t, 1, "state.db")
	})
}

// The folder of the output is missing.
func TestOutputCannotBeMade(t *testing.T) {
	t.Parallel()
	ws := amsterdam(t)
	ws.Fill("contacts", 300, 60*24*time.Hour)
	d := newDesk(t, reads(serve(t, ws), subscription(incremental)))
	d.call("run", "it", "--to", "file:missing/folder/out.ndjson").complains(t, 1, "missing")
	d.done("it")
	holds(t, d.whole("out.ndjson"), ws.Records("contacts"))
}

// A disk that is full, and has room again.
func TestDiskIsFull(t *testing.T) {
	t.Parallel()
	for _, what := range []string{"output", "state"} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			ws := amsterdam(t)
			ws.Fill("contacts", 3000, 60*24*time.Hour)
			d := newDesk(t, reads(serve(t, ws), subscription(incremental)))
			small := d.path("small")
			grow := smallDisk(t, small, map[string]int{"output": 400, "state": 60}[what])
			args := map[string][]string{
				"output": {"--to", "file:" + filepath.Join(small, "out.ndjson")},
				"state":  {"--state", small},
			}[what]
			d.call(append([]string{"run", "it"}, args...)...).complains(t, 1)
			grow(64 << 10)
			d.done("it", args...)
			out := map[string]string{"output": "small/out.ndjson", "state": "out.ndjson"}[what]
			holds(t, d.whole(out), ws.Records("contacts"))
		})
	}
}

// Changes of the configuration that change what is read are noticed.
func TestOtherWorkspaceOrConfigurationIsNoticed(t *testing.T) {
	t.Parallel()
	ws := amsterdam(t)
	ws.Fill("contacts", 300, 60*24*time.Hour)
	base := serve(t, ws)
	d := newDesk(t, reads(base, subscription(incremental)))
	d.done("it")

	other := mock.New(token, ws.Zone)
	other.ID = "zz99zz99"
	d.configure(reads(serve(t, other), subscription(incremental)))
	d.call("run", "it").complains(t, 1, "zz99zz99", "bb12box3", "--replace-workspace")

	d.configure(reads(base, subscription(incremental+`, payload: {query: {field: role, operator: "=", value: user}}`)))
	d.call("run", "it").complains(t, 1, "--reset", "--keep-watermark")
	d.done("it", "--keep-watermark")
	d.done("it")
}
