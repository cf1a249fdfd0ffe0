package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"intercom-connector/internal/aws/awstest"
	"intercom-connector/shared/intercom/intercomtest"
)

// patience is how long any one command may take.
const patience = 5 * time.Minute

// root is the repository.
var root = filepath.Join("..", "..")

// A desk is where one person works: a folder with a connector.yaml, the
// commands, and an AWS account.
type desk struct {
	t        *testing.T
	dir      string
	cache    string // what tools/setup has installed
	emulator *awstest.Emulator
	stack    string
	config   string // the configuration's file
}

// program is the connector, built once.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "e2e")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "connector")
	out, err := exec.CommandContext(context.Background(), "go", "build", "-buildvcs=false", "-o", path, "../../cmd/connector").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return path, nil
})

func newDesk(t *testing.T, stack string) *desk {
	t.Helper()
	if testing.Short() {
		t.Skip("a deployment takes a while")
	}
	cache := awstest.Cache(t)
	d := &desk{t: t, dir: t.TempDir(), cache: cache, emulator: awstest.Start(t), stack: stack}
	d.config = filepath.Join(d.dir, "connector.yaml")
	return d
}

// configure writes connector.yaml.
func (d *desk) configure(text string) {
	d.t.Helper()
	if err := os.WriteFile(d.config, []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

// A result is how a command ended.
type result struct {
	status         int
	stdout, stderr string
}

func (r result) String() string {
	return fmt.Sprintf("exit status %d\n--- stdout\n%s--- stderr\n%s", r.status, tail(r.stdout), tail(r.stderr))
}

// tail keeps what fails readable.
func tail(s string) string {
	if len(s) > 6000 {
		return "[…]" + s[len(s)-6000:]
	}
	return s
}

// run runs a command with an environment that has AWS in it.
func (d *desk) run(t *testing.T, dir, stdin, name string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Stdin = strings.NewReader(stdin)
	cmd.Env = append(os.Environ(), d.emulator.Env()...)
	cmd.Env = append(cmd.Env,
		"CDK_HOME="+filepath.Join(d.cache, "cdk"),
		"CDK_DISABLE_VERSION_CHECK=1",
		"JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=1",
		"NODE_EXTRA_CA_CERTS="+d.emulator.CAFile,
		"NO_COLOR=1",
	)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.WaitDelay = 10 * time.Second
	err := cmd.Run()
	r := result{stdout: stdout.String(), stderr: stderr.String()}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && ctx.Err() == nil {
		r.status = exit.ExitCode()
	} else if err != nil {
		t.Fatalf("%s %v: %v\n%v", name, args, err, r)
	}
	return r
}

// arch is the emulator's own: it runs functions as plain processes.
func arch() string {
	if runtime.GOARCH == "arm64" {
		return "arm64"
	}
	return "x86_64"
}

// cdk runs the CDK's command as the README says.
func (d *desk) cdk(t *testing.T, verb string, args ...string) {
	t.Helper()
	cdk := filepath.Join(d.cache, "node", "node_modules", ".bin", "cdk")
	args = append([]string{
		verb, "--output", filepath.Join(d.dir, "cdk.out"),
		"-c", "config=" + d.config, "-c", "stack=" + d.stack, "-c", "arch=" + arch(),
	}, args...)
	if r := d.run(t, root, "", cdk, args...); r.status != 0 {
		t.Fatalf("cdk %s: %v", verb, r)
	}
}

// bootstrap prepares the account, once for all stacks of the emulator.
func (d *desk) bootstrap(t *testing.T) {
	t.Helper()
	bootstrapped.Do(func() { d.cdk(t, "bootstrap", "aws://000000000000/"+awstest.Region) })
}

var bootstrapped sync.Once

func (d *desk) deploy(t *testing.T) {
	t.Helper()
	d.bootstrap(t)
	d.cdk(t, "deploy", "--require-approval", "never")
}

func (d *desk) destroy(t *testing.T) {
	t.Helper()
	d.cdk(t, "destroy", "--force")
}

// connector runs the connector's command line.
func (d *desk) connector(t *testing.T, stdin string, args ...string) result {
	t.Helper()
	binary, err := program()
	if err != nil {
		t.Fatal(err)
	}
	return d.run(t, d.dir, stdin, binary, args...)
}

// must runs the connector's command line and expects it to succeed.
func (d *desk) must(t *testing.T, stdin string, args ...string) result {
	t.Helper()
	r := d.connector(t, stdin, args...)
	if r.status != 0 {
		t.Fatalf("connector %s: %v", strings.Join(args, " "), r)
	}
	return r
}

// refuses runs the connector's command line and expects it to fail with a
// status and words on standard error.
func (d *desk) refuses(t *testing.T, stdin string, status int, words string, args ...string) {
	t.Helper()
	r := d.connector(t, stdin, args...)
	if r.status != status || !strings.Contains(r.stderr+r.stdout, words) {
		t.Fatalf("connector %s: want exit status %d and %q: %v", strings.Join(args, " "), status, words, r)
	}
}

// python runs a script with boto3: what follows the prelude. Its output is JSON.
func (d *desk) python(t *testing.T, out any, script string, args ...string) {
	t.Helper()
	r := d.run(t, d.dir, "", filepath.Join(d.cache, "venv", "bin", "python"), append([]string{"-c", prelude + script}, args...)...)
	if r.status != 0 {
		t.Fatalf("python: %v", r)
	}
	if out == nil {
		return
	}
	if err := json.Unmarshal([]byte(r.stdout), out); err != nil {
		t.Fatalf("python: %v\n%v", err, r)
	}
}

const prelude = `
import boto3, json, sys, time
args = sys.argv[1:]
def client(name): return boto3.client(name)
def url(queue): return client("sqs").get_queue_url(QueueName=queue)["QueueUrl"]
def drain(queue, wanted=None, seconds=60):
    sqs, got, end, address = client("sqs"), [], time.time() + seconds, url(queue)
    while time.time() < end and (wanted is None or len(got) < wanted):
        found = sqs.receive_message(QueueUrl=address, MaxNumberOfMessages=10, WaitTimeSeconds=1,
            MessageAttributeNames=["All"], AttributeNames=["All"]).get("Messages", [])
        for m in found:
            got.append(m)
            sqs.delete_message(QueueUrl=address, ReceiptHandle=m["ReceiptHandle"])
        if wanted is None and not found: break
    return got
`

// invoke calls a function and returns its answer, and the error that it ended
// with, "" for none.
func (d *desk) invoke(t *testing.T, function string, event any) (answer json.RawMessage, failure string) {
	t.Helper()
	body, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	var out struct {
		Error   string          `json:"error"`
		Payload json.RawMessage `json:"payload"`
	}
	d.python(t, &out, `
r = client("lambda").invoke(FunctionName=args[0], Payload=args[1].encode())
payload = json.loads(r["Payload"].read() or b"null")
print(json.dumps({"error": payload.get("errorMessage", "?") if r.get("FunctionError") else "", "payload": payload}))
`, function, string(body))
	return out.Payload, out.Error
}

// A queued message is what a consumer receives.
type queued struct {
	Body              string
	Attributes        map[string]string
	MessageAttributes map[string]struct{ StringValue string }
}

// drain takes messages out of a queue: as many as are wanted, or with 0 what is
// there.
func (d *desk) drain(t *testing.T, queue string, wanted int) []queued {
	t.Helper()
	var got []queued
	d.python(t, &got, `print(json.dumps(drain(args[0], int(args[1]) or None)))`, queue, fmt.Sprint(wanted))
	if wanted > 0 && len(got) < wanted {
		t.Fatalf("%s: got %d messages, want %d", queue, len(got), wanted)
	}
	return got
}

// depth is how many messages a queue holds, those being worked on included.
func (d *desk) depth(t *testing.T, queue string) int {
	t.Helper()
	var n int
	d.python(t, &n, `
a = client("sqs").get_queue_attributes(QueueUrl=url(args[0]), AttributeNames=["All"])["Attributes"]
print(int(a["ApproximateNumberOfMessages"]) + int(a.get("ApproximateNumberOfMessagesNotVisible", 0)))
`, queue)
	return n
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, within time.Duration, holds func() bool) {
	t.Helper()
	ticker := time.NewTicker(500 * time.Millisecond)
	defer ticker.Stop()
	for end := time.Now().Add(within); time.Now().Before(end); {
		if holds() {
			return
		}
		select {
		case <-ticker.C:
		case <-t.Context().Done():
		}
	}
	t.Fatalf("not within %v: %s", within, what)
}

// serve makes a workspace reachable for functions.
func serve(t *testing.T, ws *intercomtest.Workspace) (url string) {
	t.Helper()
	server := httptest.NewServer(ws)
	t.Cleanup(server.Close)
	return server.URL
}
