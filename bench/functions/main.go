// Command functions measures the functions as Lambda runs them, on this machine:
// how long each takes from the start of its process to its first request for an
// event, beside a hello-world in the same run, how large its archive is, and how
// much memory a run of 100,000 contacts takes.
//
//	go run ./bench/functions
//
// It needs what tools/setup installs, and writes bench/FUNCTIONS.md.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"intercom-connector/bench/internal/runtimeapi"
	"intercom-connector/internal/names"
)

// functions are the folders of functions/, in the order of the table, and how
// many times the start of the hello-world theirs may take.
var functions = []struct {
	name string
	most float64
}{{"subscribe", 2.3}, {"publish", 1.8}, {"oauth-callback", 1.8}}

const (
	hello    = "hello"
	maxZip   = 6 << 20
	maxRSS   = 128 << 20
	contacts = 100_000
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/functions:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	rounds := flag.Int("rounds", 60, "how often each program starts")
	memory := flag.Bool("memory", true, "measure the memory of a run, too")
	out := flag.String("out", filepath.Join("bench", "FUNCTIONS.md"), "write the results to this `file`")
	flag.Parse()
	if _, err := os.Stat("go.mod"); err != nil {
		return errors.New("run it in the repository's folder")
	}

	// What is deployed is weighed, what runs here is timed.
	if err := build(ctx, "arm64"); err != nil {
		return err
	}
	r := results{Rounds: *rounds, Zip: map[string]int64{}, Start: map[string]time.Duration{}}
	for _, f := range functions {
		size, err := zipped(filepath.Join("dist", f.name))
		if err != nil {
			return err
		}
		r.Zip[f.name] = size
	}
	if err := build(ctx, runtime.GOARCH); err != nil {
		return err
	}
	if err := r.starts(ctx); err != nil {
		return err
	}
	if *memory {
		var err error
		if r.Memory, err = remember(ctx, filepath.Join("dist", "subscribe"), os.Getenv("PATH")); err != nil {
			return err
		}
	}
	fmt.Fprint(os.Stdout, r.markdown())
	return os.WriteFile(*out, []byte(r.markdown()), 0o644)
}

// build builds the functions as cdk deploy does, and the hello-world alike.
func build(ctx context.Context, arch string) error {
	for _, args := range [][]string{
		{"run", "./infra/build", "-config", "bench/functions/connector.yaml", "-arch", arch},
		{"build", "-trimpath", "-buildvcs=false", "-tags", "lambda.norpc", "-ldflags", "-s -w -buildid=", "-o", filepath.Join("dist", hello, "bootstrap"), "./bench/functions/hello"},
	} {
		cmd := exec.CommandContext(ctx, "go", args...)
		if args[0] == "build" {
			cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build: %w\n%s", err, out)
		}
	}
	return nil
}

// starts times every program, one after the other in each round, so that what
// else the machine does befalls them all.
func (r *results) starts(ctx context.Context) error {
	programs := []string{hello}
	for _, f := range functions {
		programs = append(programs, f.name)
	}
	took := map[string][]time.Duration{}
	for range r.Rounds {
		for _, name := range programs {
			d, err := start(ctx, filepath.Join("dist", name))
			if err != nil {
				return fmt.Errorf("start %s: %w", name, err)
			}
			took[name] = append(took[name], d)
		}
	}
	for name, all := range took {
		slices.Sort(all)
		r.Start[name] = all[len(all)/2]
	}
	return nil
}

// start starts a function and returns how long it took to ask for an event.
func start(ctx context.Context, dir string) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	api, err := runtimeapi.Start(ctx)
	if err != nil {
		return 0, err
	}
	defer api.Close()
	cmd, said, err := command(ctx, dir, dir, api.Addr)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	var failure error
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		failure = cmd.Wait()
	}()
	select {
	case asked := <-api.First:
		_ = cmd.Process.Kill()
		<-ended
		return asked.Sub(began), nil
	case <-ended:
		return 0, fmt.Errorf("it ended: %w\n%s", errors.Join(failure, ctx.Err()), said)
	}
}

// command is a function in the environment that the stack and Lambda give it.
func command(ctx context.Context, dir, root, api string, env ...string) (*exec.Cmd, *bytes.Buffer, error) {
	bootstrap, err := filepath.Abs(filepath.Join(dir, "bootstrap"))
	if err != nil {
		return nil, nil, err
	}
	if root, err = filepath.Abs(root); err != nil {
		return nil, nil, err
	}
	cmd := exec.CommandContext(ctx, bootstrap)
	cmd.Env = append([]string{
		"AWS_LAMBDA_RUNTIME_API=" + api, "LAMBDA_TASK_ROOT=" + root,
		"AWS_REGION=eu-west-1", "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_SESSION_TOKEN=test",
		"AWS_LAMBDA_FUNCTION_NAME=bench", "AWS_LAMBDA_FUNCTION_VERSION=$LATEST", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=512",
		names.EnvStack + "=" + stack, names.EnvClient + "=main", names.EnvStateTable + "=" + table,
		names.EnvBucket + "=" + bucket, names.EnvQueueURL + "=https://sqs.eu-west-1.amazonaws.com/000000000000/",
	}, env...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	return cmd, &said, nil
}

// results is what was measured.
type results struct {
	Rounds int
	Start  map[string]time.Duration // median
	Zip    map[string]int64
	Memory *memory // nil: not measured
}

func (r *results) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, `# The functions, measured

Written by `+"`go run ./bench/functions`"+`, all in one run on one machine: %d cores, %s/%s, %s.

The start is from the process's start to its first request for an event, the median of %d
starts of each program in turn; it is compared with a hello-world of aws-lambda-go, which
took %.1f ms. The archive is that of arm64, which is deployed.

| function | start | hello-worlds | at most | archive | at most |
|---|---|---|---|---|---|
`, runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version(), r.Rounds, milliseconds(r.Start[hello]))
	for _, f := range functions {
		ratio := float64(r.Start[f.name]) / float64(r.Start[hello])
		fmt.Fprintf(&b, "| %s | %.1f ms | %.2f%s | %.1f | %.2f MB%s | %d MB |\n", f.name, milliseconds(r.Start[f.name]),
			ratio, missed(ratio > f.most), f.most, megabytes(r.Zip[f.name]), missed(r.Zip[f.name] > maxZip), maxZip>>20)
	}
	if m := r.Memory; m != nil {
		fmt.Fprintf(&b, `
A first load of %d contacts of 2 KB to S3, in the function that reads, from a server without
latency, with the state and the objects in an emulator of AWS on the same machine: **%.0f MB**
of resident memory at its peak%s (at most %d MB), %.1f s, %d events in %d objects.
`, contacts, megabytes(m.Peak), missed(m.Peak > maxRSS), maxRSS>>20, m.Took.Seconds(), m.Events, m.Objects)
	}
	return b.String()
}

func missed(is bool) string {
	if is {
		return " (missed)"
	}
	return ""
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func megabytes(n int64) float64 { return float64(n) / (1 << 20) }
