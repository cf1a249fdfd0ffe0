// Package harness measures the connector, reading against two yardsticks, all
// in one run on one machine: programs are built first, servers and readers are
// processes of their own, readers take turns, and medians are reported.
//
// What is measured:
//   - Throughput: a full read from a server that costs next to nothing, beside
//     a plain program that does the same and one that only counts bytes.
//   - A first incremental read from a workspace with latency and a rate limit,
//     over two months of changes and with all of them on one day.
//   - An incremental read after one contact in a hundred has changed.
//   - Growth: what ten times the records cost.
//   - Publishing under latency and a rate limit, of contacts that have nothing
//     to do with each other and in groups whose order counts.
//   - Publishing of a long file to a server that costs next to nothing.
//
// Nothing a program says about itself is believed: requests and refusals are
// the server's count, records are counted in the file that was written, updates
// and their order are the server's audit, time and memory are the system's.
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
	Root       string    // the repository's folder
	Work       string    // a folder for programs and output, which may grow by 5 GB
	Connector  string    // a connector that is built already; default: the one of Root
	Reading    bool      // measure reading
	Publishing bool      // measure publishing
	Million    bool      // with a million records, too, and all of the updates
	Repeats    int       // of each measurement of throughput; default 3, and 1 of a million
	Progress   io.Writer // where to say what is going on
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
	if cfg.Reading {
		if err := b.reading(ctx); err != nil {
			return nil, err
		}
	}
	if cfg.Publishing {
		if err := b.publishing(ctx); err != nil {
			return nil, err
		}
	}
	return b.results, nil
}

// The sizes that are measured.
const (
	smallSize  = 10_000
	middleSize = 100_000
	largeSize  = 1_000_000
)

func (b *bench) reading(ctx context.Context) error {
	sizes := []int{smallSize, middleSize}
	if b.cfg.Million {
		sizes = append(sizes, largeSize)
	}
	for _, n := range sizes {
		if err := b.throughput(ctx, n); err != nil {
			return fmt.Errorf("full read of %d contacts: %w", n, err)
		}
	}
	for _, n := range sizes {
		if err := b.incremental(ctx, n); err != nil {
			return fmt.Errorf("incremental read of %d contacts: %w", n, err)
		}
	}
	// One page follows the other there: ten times the records are ten times the
	// minutes, and tell nothing new.
	if err := b.oneDay(ctx, middleSize); err != nil {
		return fmt.Errorf("incremental read of %d contacts of one day: %w", middleSize, err)
	}
	return nil
}

func (b *bench) publishing(ctx context.Context) error {
	sizes, limited := []int{middleSize}, 4_000
	if b.cfg.Million {
		sizes, limited = append(sizes, largeSize), 20_000
	}
	for _, n := range sizes {
		if err := b.publishUnlimited(ctx, n); err != nil {
			return fmt.Errorf("publish %d updates: %w", n, err)
		}
	}
	if err := b.publishLimited(ctx, limited); err != nil {
		return fmt.Errorf("publish %d updates under a rate limit: %w", limited, err)
	}
	return nil
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
