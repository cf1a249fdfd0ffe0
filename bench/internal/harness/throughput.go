package harness

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

// The readers that are compared, in the order in which they take turns.
const (
	readerConnector = "connector"
	readerPlain     = "plain"
	readerCount     = "count"
)

// throughput lets each reader read n contacts in full, in turns.
func (b *bench) throughput(ctx context.Context, n int) (err error) {
	server, err := b.start(ctx, "server", "-contacts", strconv.Itoa(n))
	if err != nil {
		return err
	}
	defer func() {
		if stopped := server.stop(); err == nil {
			err = stopped
		}
	}()
	readers := []struct {
		name string
		read func(context.Context, string, int) (Usage, error)
	}{{readerConnector, b.readConnector}, {readerPlain, b.readPlain}, {readerCount, b.readCount}}
	usages := map[string][]Usage{}
	rounds := b.cfg.Repeats
	if n >= largeSize {
		rounds = 1 // long enough to be sure of
	}
	for round := range rounds {
		for _, reader := range readers {
			usage, err := reader.read(ctx, server.url, n)
			if err != nil {
				return err
			}
			b.say("full read of %d, round %d: %-9s %6.2f s, CPU %6.2f s, %s", n, round+1, reader.name,
				usage.Wall.Seconds(), usage.CPU.Seconds(), megabytes(usage.Peak))
			usages[reader.name] = append(usages[reader.name], usage)
		}
	}
	for _, reader := range readers {
		b.results.Full = append(b.results.Full, FullRead{Reader: reader.name, Contacts: n, Usage: median(usages[reader.name])})
	}
	return nil
}

func (b *bench) readConnector(ctx context.Context, url string, n int) (Usage, error) {
	c, err := b.connect(url, "full")
	if err != nil {
		return Usage{}, err
	}
	defer c.close()
	usage, count, err := c.run(ctx)
	if err != nil {
		return usage, err
	}
	if count.Events != n || count.Records != n {
		return usage, fmt.Errorf("the connector wrote %d events of %d contacts, want %d", count.Events, count.Records, n)
	}
	return usage, nil
}

func (b *bench) readPlain(ctx context.Context, url string, _ int) (Usage, error) {
	out := filepath.Join(b.scratch, "plain.ndjson")
	defer os.Remove(out)
	usage, _, err := measure(exec.CommandContext(ctx, b.program("plain"), "-url", url, "-out", out))
	return usage, err
}

func (b *bench) readCount(ctx context.Context, url string, _ int) (Usage, error) {
	usage, _, err := measure(exec.CommandContext(ctx, b.program("count"), "-url", url))
	return usage, err
}

// median takes the median of each quantity; of memory, the largest.
func median(all []Usage) Usage {
	var peak int64
	for _, u := range all {
		peak = max(peak, u.Peak)
	}
	return Usage{
		Wall: middle(all, func(u Usage) time.Duration { return u.Wall }),
		CPU:  middle(all, func(u Usage) time.Duration { return u.CPU }),
		Peak: peak,
	}
}

func middle[T any, N cmp.Ordered](all []T, of func(T) N) N {
	values := make([]N, len(all))
	for i, v := range all {
		values[i] = of(v)
	}
	slices.Sort(values)
	return values[len(values)/2]
}
