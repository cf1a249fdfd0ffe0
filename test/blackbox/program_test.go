package blackbox_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"intercom-connector/test/blackbox/mock"
)

// folder holds the program for as long as the tests run.
var folder string

func TestMain(m *testing.M) { os.Exit(runTests(m)) }

func runTests(m *testing.M) int {
	flag.Parse()
	if !given("test.parallel") {
		// These tests wait, for limits and for kills, more than they work.
		_ = flag.Set("test.parallel", "40")
	}
	var err error
	if folder, err = os.MkdirTemp("", "blackbox"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(folder)
	return m.Run()
}

// given tells whether a flag was set by whoever runs the tests.
func given(name string) (is bool) {
	flag.Visit(func(f *flag.Flag) {
		is = is || f.Name == name && f.Value.String() != strconv.Itoa(runtime.GOMAXPROCS(0))
	})
	return is
}

// build builds the program that everything here is about, once.
var build = sync.OnceValues(func() (string, error) {
	path := filepath.Join(folder, "connector")
	if os.PathSeparator == '\\' {
		path += ".exe"
	}
	out, err := exec.CommandContext(context.Background(), "go", "build", "-buildvcs=false", "-o", path, "../../cmd/connector").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return path, nil
})

// token is planted: it may appear in requests and nowhere else.
const token = "dG9rOjRmYzVkZWNmX3BsYW50ZWRfc2VjcmV0"

// A desk is one person's folder with a configuration, and what they type.
type desk struct {
	t      *testing.T
	dir    string
	token  string
	binary string
	// patience is how long any call may take.
	patience time.Duration
}

func newDesk(t *testing.T, config string) *desk {
	t.Helper()
	binary, err := build()
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{t: t, dir: t.TempDir(), token: token, binary: binary, patience: 140 * time.Second}
	d.configure(config)
	return d
}

// configure writes connector.yaml.
func (d *desk) configure(config string) {
	d.t.Helper()
	if err := os.WriteFile(d.path("connector.yaml"), []byte(config), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) path(name string) string { return filepath.Join(d.dir, name) }

// A result is how a call of the program ended.
type result struct {
	status         int
	stdout, stderr string
	took           time.Duration
}

func (r result) String() string {
	return fmt.Sprintf("exit status %d after %v\n--- stdout\n%s--- stderr\n%s", r.status, r.took, shorten(r.stdout), shorten(r.stderr))
}

// shorten keeps what fails readable.
func shorten(s string) string {
	if len(s) > 4000 {
		return s[:2000] + "\n[…]\n" + s[len(s)-2000:]
	}
	return s
}

// command is a call that has not begun.
func (d *desk) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, d.binary, args...)
	cmd.Dir = d.dir
	cmd.WaitDelay = 5 * time.Second
	// Nothing of the machine's own environment: no proxy, no other token.
	cmd.Env = []string{"HOME=" + d.dir, "INTERCOM_TOKEN_MAIN=" + d.token}
	return cmd
}

// call runs the program to its end.
func (d *desk) call(args ...string) result {
	d.t.Helper()
	ctx, stop := context.WithTimeout(d.t.Context(), d.patience)
	defer stop()
	cmd := d.command(ctx, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	return d.finish(cmd, &stdout, &stderr)
}

func (d *desk) finish(cmd *exec.Cmd, stdout, stderr *bytes.Buffer) result {
	d.t.Helper()
	start := time.Now()
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		d.t.Fatalf("connector %s: %v\n%s", strings.Join(cmd.Args[1:], " "), err, shorten(stderr.String()))
	}
	r := result{status: cmd.ProcessState.ExitCode(), took: time.Since(start)}
	r.stdout, r.stderr = stdout.String(), stderr.String()
	if strings.Contains(r.stderr, "goroutine ") || strings.Contains(r.stderr, "panic:") {
		d.t.Errorf("connector %s: crashed\n%v", strings.Join(cmd.Args[1:], " "), r)
	}
	return r
}

// must is call for what has to succeed.
func (d *desk) must(args ...string) result {
	d.t.Helper()
	r := d.call(args...)
	if r.status != 0 {
		d.t.Fatalf("connector %s: %v", strings.Join(args, " "), r)
	}
	return r
}

// A report is what run --json prints, as far as it matters here.
type report struct {
	Outcome     string `json:"outcome"`
	Resumed     bool   `json:"resumed"`
	Error       string `json:"error"`
	Requests    int    `json:"requests"`
	Records     int    `json:"records"`
	Events      int    `json:"events"`
	Duplicates  int    `json:"duplicates"`
	Quarantined int    `json:"quarantined"`
	NoID        int    `json:"no_id"`
	Throttled   int    `json:"throttled"`
	Watermark   string `json:"watermark_after"`
}

// run runs one subscription and returns what it reports.
func (d *desk) run(name string, args ...string) (report, result) {
	d.t.Helper()
	r := d.call(append([]string{"run", name, "--json"}, args...)...)
	var rep report
	if err := json.Unmarshal([]byte(r.stdout), &rep); err != nil {
		d.t.Fatalf("report of %s: %v\n%v", name, err, r)
	}
	return rep, r
}

// done runs one subscription that has to succeed.
func (d *desk) done(name string, args ...string) report {
	d.t.Helper()
	rep, r := d.run(name, args...)
	if r.status != 0 || rep.Outcome != "done" {
		d.t.Fatalf("run %s: outcome %q\n%v", name, rep.Outcome, r)
	}
	return rep
}

// serve puts a workspace on a port.
func serve(t *testing.T, ws http.Handler) string {
	t.Helper()
	server := httptest.NewServer(ws)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return server.URL
}

// reads is a configuration with one client, main, and the given subscriptions.
func reads(base, subscriptions string) string {
	return "clients:\n  main: {base_uri: \"" + base + "\", auth: access_token}\nsubscriptions:\n" + subscriptions
}

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// amsterdam is a workspace in another zone than most machines are.
func amsterdam(t *testing.T) *mock.Workspace {
	t.Helper()
	return mock.New(token, zone(t, "Europe/Amsterdam"))
}
