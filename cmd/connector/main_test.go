package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"intercom-connector/internal/event"
	"intercom-connector/shared/intercom/intercomtest"
)

// plantedToken must never be seen anywhere but in the environment.
const plantedToken = "planted-8c1f0e7d"

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"connector": main})
}

func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, scripts(t, "testdata/script"))
}

// scripts are those of a folder, with the commands that all may use.
func scripts(t *testing.T, dir string) testscript.Params {
	t.Helper()
	return testscript.Params{
		Dir: dir,
		Setup: func(env *testscript.Env) error {
			env.Setenv("INTERCOM_TOKEN", plantedToken)
			env.Values[workspaceKey{}] = &fake{}
			// Whatever a script does, at its end no file has the token.
			env.Defer(func() { noToken(t, env.WorkDir) })
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"workspace": workspace,
			"change":    change,
			"forbid":    forbid,
			"heal":      heal,
			"slow":      slow,
			"sent":      sent,
			"events":    events,
			"await":     await,
			"clean":     clean,
			"status":    status,
			"halfline":  halfline,
			"messages":  messages,
			"writes":    writes,
			"lose":      lose,
			"revoke":    revoke,
			"lines":     lines,
		},
		RequireExplicitExec: true,
	}
}

type workspaceKey struct{}

// A fake is the workspace of one script.
type fake struct{ *intercomtest.Workspace }

func of(ts *testscript.TestScript) *intercomtest.Workspace {
	f, ok := ts.Value(workspaceKey{}).(*fake)
	if !ok || f.Workspace == nil {
		ts.Fatalf("there is no workspace yet")
	}
	return f.Workspace
}

// workspace serves a made-up workspace, sets $URL to its address, and writes
// connector.yaml out of connector.yaml.in: workspace contacts=100 latency=50ms.
func workspace(ts *testscript.TestScript, neg bool, args []string) {
	cfg := intercomtest.Config{Token: plantedToken}
	for _, arg := range args {
		key, value, _ := strings.Cut(arg, "=")
		n, numErr := strconv.Atoi(value)
		d, durErr := time.ParseDuration(value)
		switch {
		case key == "contacts" && numErr == nil:
			cfg.Contacts = n
		case key == "limit" && numErr == nil:
			cfg.Limit, cfg.Window = n, 2*time.Second
		case key == "latency" && durErr == nil:
			cfg.Latency = d
		case key == "id":
			cfg.Workspace = value
		case key == "region":
			cfg.Region = value
		default:
			ts.Fatalf("workspace: what is %s?", arg)
		}
	}
	f, ok := ts.Value(workspaceKey{}).(*fake)
	if neg || !ok {
		ts.Fatalf("usage: workspace [key=value …]")
	}
	f.Workspace = intercomtest.New(cfg)
	server := httptest.NewServer(f)
	ts.Defer(server.Close)
	ts.Setenv("URL", server.URL)
	in, err := os.ReadFile(ts.MkAbs("connector.yaml.in"))
	ts.Check(err)
	text := strings.ReplaceAll(string(in), "$URL", server.URL)
	ts.Check(os.WriteFile(ts.MkAbs("connector.yaml"), []byte(text), 0o600))
}

// change changes so many contacts.
func change(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: change N")
	}
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	ws := of(ts)
	for i := range n {
		ws.Touch(intercomtest.Contacts, ws.ID(intercomtest.Contacts, i))
	}
}

// forbid answers a path with a 403.
func forbid(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: forbid PATH")
	}
	of(ts).Fault(intercomtest.Fault{Path: args[0], Effect: intercomtest.Forbidden()})
}

// slow delays every answer of a path.
func slow(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: slow PATH DURATION")
	}
	d, err := time.ParseDuration(args[1])
	ts.Check(err)
	of(ts).Fault(intercomtest.Fault{Path: args[0], Effect: intercomtest.Slow(d)})
}

// heal ends all faults.
func heal(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: heal")
	}
	of(ts).Heal()
}

// sent checks whether any request has been sent: ! sent.
func sent(ts *testscript.TestScript, neg bool, _ []string) {
	n := of(ts).Stats().Requests
	if neg && n > 0 {
		ts.Fatalf("%d requests were sent", n)
	}
	if !neg && n == 0 {
		ts.Fatalf("no request was sent")
	}
}

// events checks a file of events line by line: how many records there are, and
// that none of the workspace's contacts is missing: events FILE N [all].
func events(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: events FILE RECORDS [all]")
	}
	seen := map[string]bool{}
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		e, err := event.Parse([]byte(line))
		if err != nil {
			ts.Fatalf("%s: %v", args[0], err)
		}
		seen[e.Subject] = true
	}
	if fmt.Sprint(len(seen)) != args[1] {
		ts.Fatalf("%s has %d records, want %s", args[0], len(seen), args[1])
	}
	if len(args) > 2 {
		for record := range of(ts).Records(intercomtest.Contacts) {
			if !seen[record.ID] {
				ts.Fatalf("%s has no contact %s", args[0], record.ID)
			}
		}
	}
}

// await waits until so many requests have been sent.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: await REQUESTS")
	}
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	for end := time.Now().Add(30 * time.Second); of(ts).Stats().Requests < n; {
		if time.Now().After(end) {
			ts.Fatalf("%d of %d requests after 30 s", of(ts).Stats().Requests, n)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// status runs the connector and checks its exit status: status 2 run nobody.
func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N ARGUMENT…")
	}
	err := ts.Exec("connector", args[1:]...)
	got := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("exit status %d, want %s", got, args[0])
	}
}

// halfline appends half an event to a file, as a crash may leave it.
func halfline(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: halfline FILE")
	}
	f, err := os.OpenFile(ts.MkAbs(args[0]), os.O_WRONLY|os.O_APPEND, 0o600)
	ts.Check(err)
	_, err = f.WriteString(`{"specversion":"1.0","id":"ab`)
	ts.Check(err)
	ts.Check(f.Close())
}

// messages writes a file of messages, one for each of the first N contacts. In
// the text of a message ID is the contact's id and NUMBER counts from 1:
// messages FILE N '{"path": {"contact_id": "ID"}}'.
func messages(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: messages FILE N MESSAGE")
	}
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	var b strings.Builder
	for i := range n {
		id := of(ts).ID(intercomtest.Contacts, i)
		b.WriteString(strings.NewReplacer("ID", id, "NUMBER", strconv.Itoa(i+1)).Replace(args[2]) + "\n")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(b.String()), 0o600))
}

// writes checks how many different writes the workspace has applied, and that
// none was applied more than so many times: writes N [TIMES], default 1.
func writes(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: writes N [TIMES]")
	}
	most := 1
	if len(args) > 1 {
		n, err := strconv.Atoi(args[1])
		ts.Check(err)
		most = n
	}
	applied := of(ts).Applied()
	for key, times := range applied {
		if times > most {
			ts.Fatalf("%s %s was applied %d times", key.Operation, key.Path, times)
		}
	}
	if strconv.Itoa(len(applied)) != args[0] {
		ts.Fatalf("%d writes were applied, want %s", len(applied), args[0])
	}
}

// lose loses answers of a path after what was asked for has been done:
// lose PATH FIRST TIMES.
func lose(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: lose PATH FIRST TIMES")
	}
	first, err := strconv.Atoi(args[1])
	ts.Check(err)
	times, err := strconv.Atoi(args[2])
	ts.Check(err)
	of(ts).Fault(intercomtest.Fault{
		Method: http.MethodPost, Path: args[0], First: first, Times: times, Effect: intercomtest.Reset(), After: true,
	})
}

// revoke revokes the workspace's token, ! revoke restores it.
func revoke(ts *testscript.TestScript, neg bool, _ []string) {
	if neg {
		of(ts).Restore()
	} else {
		of(ts).Revoke()
	}
}

// lines checks how many lines a file has: lines FILE N.
func lines(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: lines FILE N")
	}
	if n := strings.Count(ts.ReadFile(args[0]), "\n"); strconv.Itoa(n) != args[1] {
		ts.Fatalf("%s has %d lines, want %s", args[0], n, args[1])
	}
}

// clean checks that the last output has no token.
func clean(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: clean")
	}
	for _, output := range []string{"stdout", "stderr"} {
		if strings.Contains(ts.ReadFile(output), plantedToken) {
			ts.Fatalf("the token is in %s", output)
		}
	}
}

// noToken searches every file below a folder for the planted token.
func noToken(t *testing.T, folder string) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if strings.Contains(string(text), plantedToken) {
			t.Errorf("the token is in %s", path)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
