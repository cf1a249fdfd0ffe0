package harness

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"intercom-connector/bench/internal/updates"
)

// The rate limit of the server with latency, as Intercom's.
const (
	limitWindow = 10 * time.Second
	limit       = 1_667 // requests in a window, 10,000 a minute
)

// groupSize is how many messages a group has, where there are groups.
const groupSize = 10

// publishLimited measures the publishing of n updates with latency and a rate
// limit: of as many contacts, and in groups of ten. The two run side by side,
// each with a server of its own, because both do little but wait.
func (b *bench) publishLimited(ctx context.Context, n int) error {
	jobs := []publication{
		{program: "latency", limit: limit, contacts: n, each: 1},
		{program: "latency", limit: limit, contacts: n / groupSize, each: groupSize},
	}
	rows := make([]Published, len(jobs))
	errs := make([]error, len(jobs))
	var both sync.WaitGroup
	for i, job := range jobs {
		both.Go(func() { rows[i], errs[i] = b.publish(ctx, job) })
	}
	both.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for _, row := range rows {
		b.say("publish %d updates of %d contacts: %.2f s, %.1f %% of the limit, %d refused, %d out of order, CPU %.2f s, %s",
			row.Messages, row.Contacts, row.Wall.Seconds(), 100*row.OfLimit(), row.Limited, row.Disorder, row.CPU.Seconds(), megabytes(row.Peak))
	}
	b.results.Limited = append(b.results.Limited, rows...)
	return nil
}

// publishUnlimited measures the publishing of n updates of as many contacts to
// a server that costs next to nothing.
func (b *bench) publishUnlimited(ctx context.Context, n int) error {
	row, err := b.publish(ctx, publication{program: "server", contacts: n, each: 1})
	if err != nil {
		return err
	}
	b.say("publish %d updates: %.2f s, %.0f a second, CPU %.2f s, %s", n,
		row.Wall.Seconds(), row.Rate(), row.CPU.Seconds(), megabytes(row.Peak))
	b.results.Unlimited = append(b.results.Unlimited, row)
	return nil
}

// A publication is what is published, and to which server.
type publication struct {
	program  string
	limit    int // requests in a window, 0 for any number
	contacts int
	each     int // messages for each contact
}

func (p publication) args() []string {
	args := []string{"-contacts", strconv.Itoa(p.contacts)}
	if p.limit > 0 {
		args = append(args, "-limit", strconv.Itoa(p.limit))
	}
	return args
}

// publish starts the server, has it write the messages, publishes them, and
// has the server say what came.
func (b *bench) publish(ctx context.Context, p publication) (done Published, err error) {
	server, err := b.start(ctx, p.program, p.args()...)
	if err != nil {
		return done, err
	}
	defer func() {
		if stopped := server.stop(); err == nil {
			err = stopped
		}
	}()
	c, err := b.connectPublisher(server.url)
	if err != nil {
		return done, err
	}
	defer c.close()
	file := filepath.Join(c.dir, "messages.ndjson")
	if err := server.ask(fmt.Sprintf("messages %s %d %d", file, p.contacts, p.each), nil); err != nil {
		return done, err
	}
	if p.limit > 0 {
		// From the beginning of a window on nobody can do better than the limit;
		// with what is left of a window before it, one could.
		if err := windowBegins(ctx); err != nil {
			return done, err
		}
	}
	usage, report, err := c.publish(ctx, file)
	if err != nil {
		return done, err
	}
	var audit updates.Audit
	if err := server.ask("audit", &audit); err != nil {
		return done, err
	}
	stats, err := server.stats()
	if err != nil {
		return done, err
	}
	n := p.contacts * p.each
	if audit.Writes != n || audit.Messages != n || audit.Contacts != p.contacts {
		return done, fmt.Errorf("the server saw %d updates, %d different ones of %d contacts, want %d of %d\nthe connector said: %s",
			audit.Writes, audit.Messages, audit.Contacts, n, p.contacts, tail(report))
	}
	return Published{
		Messages: n, Contacts: p.contacts, Disorder: audit.Disorder,
		Requests: stats.Requests, Limited: stats.Limited, Usage: usage,
	}, nil
}

// windowBegins waits for the beginning of the next window of the rate limit.
func windowBegins(ctx context.Context) error {
	now := time.Now()
	timer := time.NewTimer(now.Truncate(limitWindow).Add(limitWindow).Sub(now))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
