// Command bench measures the speed and the memory of the connector, reading
// against two plain programs, see package harness:
//
//	go run ./bench                   all of it, some eight minutes, 5 GB of disk
//	go run ./bench -million=false    some three minutes
//	go run ./bench -reading=false    publishing only
//
// The whole measurement is written to bench/RESULTS.md.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"

	"intercom-connector/bench/internal/harness"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	reading := flag.Bool("reading", true, "measure reading")
	publishing := flag.Bool("publishing", true, "measure publishing")
	million := flag.Bool("million", true, "measure a million records, too")
	repeats := flag.Int("repeats", 3, "how often each reader reads; a million records once")
	connector := flag.String("connector", "", "measure this `program` instead of the one of the checkout")
	out := flag.String("out", "", "write the results to this `file`; default: bench/RESULTS.md if all is measured")
	flag.Parse()

	root, err := repository(ctx)
	if err != nil {
		return err
	}
	results, err := harness.Run(ctx, harness.Config{
		Root:       root,
		Work:       filepath.Join(root, ".cache", "bench"),
		Connector:  *connector,
		Reading:    *reading,
		Publishing: *publishing,
		Million:    *million,
		Repeats:    *repeats,
		Progress:   os.Stderr,
	})
	if err != nil {
		return err
	}
	if err := results.Print(os.Stdout); err != nil {
		return err
	}
	if *out == "" && *reading && *publishing && *million && *connector == "" {
		*out = filepath.Join(root, "bench", "RESULTS.md")
	}
	if *out == "" {
		return nil
	}
	return os.WriteFile(*out, []byte(results.Markdown()), 0o644)
}

// repository is the folder that go.mod is in.
func repository(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("find the repository: %w", err)
	}
	return filepath.Dir(strings.TrimSpace(string(out))), nil
}
