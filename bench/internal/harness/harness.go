// Package harness measures the connector against two yardsticks, all in one
// run on one machine: programs are built first, servers and readers are
// processes of their own, readers take turns, and medians are reported.
//
// What is measured:
//   - Throughput: a full read from a server that costs next to nothing, beside
//     a plain program that does the same and one that only counts bytes.
//   - A first incremental read from a workspace with latency and a rate limit,
//     over two months of changes and with all of them on one day.
//   - An incremental read after one contact in a hundred has changed.
//   - Growth: what ten times the records cost.
//
// Nothing a program says about itself is believed: requests and refusals are
// the server's count, records are counted in the file that was written, time
// and memory are the system's.
package harness

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
)

// A Config says what to measure, and how often.
type Config struct {
	Root      string    // the repository's folder
	Work      string    // a folder for programs and output, which may grow by 5 GB
	Connector string    // a connector that is built already; default: the one of Root
	Million   bool      // with a million records, too
	Repeats   int       // of each measurement of throughput; default 3
	Progress  io.Writer // where to say what is going on
}

// Run measures everything.
func Run(ctx context.Context, cfg Config) (*Results, error) {
	if cfg.Repeats == 0 {
		cfg.Repeats = 3
	}
	if err := os.MkdirAll(cfg.Work, 0o755); err != nil {
		return nil, fmt.Errorf("make the work folder: %w", err)
	}
	scratch, err := os.MkdirTemp(cfg.Work, "run-")
	if err != nil {
		return nil, fmt.Errorf("make the work folder: %w", err)
	}
	defer os.RemoveAll(scratch)

	b := &bench{cfg: cfg, bin: filepath.Join(cfg.Work, "bin"), scratch: scratch, results: &Results{
		Cores: runtime.NumCPU(), Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, Repeats: cfg.Repeats,
	}}
	if err := b.build(ctx); err != nil {
		return nil, err
	}
	small, middle, large := 10_000, 100_000, 1_000_000
	sizes := []int{small, middle}
	if cfg.Million {
		sizes = append(sizes, large)
	}
	for _, n := range sizes {
		if err := b.throughput(ctx, n); err != nil {
			return nil, fmt.Errorf("full read of %d contacts: %w", n, err)
		}
	}
	for _, n := range sizes {
		if err := b.incremental(ctx, n); err != nil {
			return nil, fmt.Errorf("incremental read of %d contacts: %w", n, err)
		}
	}
	for _, n := range sizes[1:] {
		if err := b.oneDay(ctx, n); err != nil {
			return nil, fmt.Errorf("incremental read of %d contacts of one day: %w", n, err)
		}
	}
	return b.results, nil
}

// A bench is one run of the harness.
type bench struct {
	cfg     Config
	bin     string // where the programs are
	scratch string // where output goes
	results *Results
}

func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(b.cfg.Progress, format+"\n", args...)
}
