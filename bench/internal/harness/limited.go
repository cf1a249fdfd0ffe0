package harness

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

// pageSize is how many contacts fit in a page of Intercom's.
const pageSize = 150

// oneDay is over how long the contacts' times spread where they do not.
const oneDay = "one day"

// incremental measures a first incremental read of n contacts that changed
// over two months, and a second one after one in a hundred changed again.
func (b *bench) incremental(ctx context.Context, n int) (err error) {
	server, err := b.start(ctx, "latency", "-contacts", strconv.Itoa(n), "-limit", strconv.Itoa(limit))
	if err != nil {
		return err
	}
	defer func() {
		if stopped := server.stop(); err == nil {
			err = stopped
		}
	}()
	c, err := b.connect(server.url, "incremental")
	if err != nil {
		return err
	}
	defer c.close()

	if err := b.firstRead(ctx, c, server, n, "60 days"); err != nil {
		return err
	}

	var changed int
	if err := server.ask("touch 100", &changed); err != nil {
		return err
	}
	usage, count, err := c.run(ctx)
	if err != nil {
		return fmt.Errorf("after the changes: %w", err)
	}
	stats, err := server.stats()
	if err != nil {
		return err
	}
	if count.Records < changed {
		return fmt.Errorf("after %d changes the connector wrote %d contacts", changed, count.Records)
	}
	b.say("%d of %d changed: %d requests, %.2f s", changed, n, stats.Requests, usage.Wall.Seconds())
	b.results.Changes = append(b.results.Changes, ChangesRead{
		Contacts: n, Changed: changed, Events: count.Events, Requests: stats.Requests, Usage: usage,
	})
	return nil
}

// oneDay measures a first incremental read of n contacts that were all made
// and changed within twelve hours of yesterday.
func (b *bench) oneDay(ctx context.Context, n int) (err error) {
	now := time.Now().UTC()
	evening := now.Truncate(24 * time.Hour).Add(-4 * time.Hour) // yesterday, 20:00
	server, err := b.start(ctx, "latency", "-contacts", strconv.Itoa(n), "-limit", strconv.Itoa(limit), "-span", "12h", "-ago", now.Sub(evening).String())
	if err != nil {
		return err
	}
	defer func() {
		if stopped := server.stop(); err == nil {
			err = stopped
		}
	}()
	c, err := b.connect(server.url, "incremental")
	if err != nil {
		return err
	}
	defer c.close()
	return b.firstRead(ctx, c, server, n, oneDay)
}

// firstRead runs the first incremental read of n contacts whose times spread
// over that long, and checks that it is complete.
func (b *bench) firstRead(ctx context.Context, c *connection, server *server, n int, spread string) error {
	usage, count, err := c.run(ctx)
	if err != nil {
		return err
	}
	stats, err := server.stats()
	if err != nil {
		return err
	}
	if count.Records != n {
		return fmt.Errorf("the connector wrote %d events of %d contacts, want %d", count.Events, count.Records, n)
	}
	b.say("first incremental read of %d, changed over %s: %.2f s, %d requests, %d of them refused, %s", n, spread,
		usage.Wall.Seconds(), stats.Requests, stats.Limited, megabytes(usage.Peak))
	b.results.First = append(b.results.First, FirstRead{
		Contacts: n, Spread: spread, Events: count.Events, Requests: stats.Requests, Limited: stats.Limited, Usage: usage,
	})
	return nil
}
