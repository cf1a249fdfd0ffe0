package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"

	"intercom-connector/internal/aws/stackaccess"
	"intercom-connector/internal/config"
	"intercom-connector/internal/names"
)

// logsCommand shows what the functions of a stack have logged.
type logsCommand struct {
	onlyStackFlags

	Name   string  `arg:"" optional:"" help:"Only of one subscription, publisher or client; default: of all."`
	Since  instant `default:"10m" placeholder:"T" help:"From a time, a date, or so long ago on (10m, 48h, 7d); default: 10m."`
	Follow bool    `short:"f" help:"Go on with what is logged from now on."`
	Errors bool    `help:"Only what went wrong."`
}

const (
	// lookEvery is how often --follow looks: CloudWatch bears a few requests a
	// second, of everybody in the account.
	lookEvery = 3 * time.Second
	// lateLines is how much later than another a line may appear that is older.
	lateLines = time.Minute
)

// A logReader prints logs.
type logReader struct {
	*app

	command   *logsCommand
	stack     *deployment
	functions []string
	// owner is the subscription or publisher that is meant, "" for all.
	owner string
	// requests are the invocations that are the owner's: not every line of them
	// says so.
	requests map[string]bool
	seen     map[string]time.Time // ids of lines that may come again
}

// Run implements the command.
func (c *logsCommand) Run(ctx context.Context, a *app) error {
	cfg, _, err := a.load()
	if err != nil {
		return err
	}
	since, err := c.Since.at("--since", time.Now(), time.Local)
	if err != nil {
		return err
	}
	r := &logReader{app: a, command: c, requests: map[string]bool{}, seen: map[string]time.Time{}}
	if err := r.choose(cfg); err != nil {
		return err
	}
	if r.stack, err = a.stack(ctx, c.flags()); err != nil {
		return err
	}
	for i, function := range r.functions {
		r.functions[i] = r.stack.QueuePrefix() + function
	}
	err = r.follow(ctx, since)
	switch {
	case errors.Is(err, syscall.EPIPE), ctx.Err() != nil:
		return &statusError{statusInterrupted}
	default:
		return err
	}
}

// choose finds the functions that are meant, by what follows the stack's name
// in theirs.
func (r *logReader) choose(cfg *config.Config) error {
	of := func(function string) string { return strings.TrimPrefix(function, names.Stack("").QueuePrefix()) }
	var none names.Stack
	sub, pub, client := cfg.Subscriptions[r.command.Name], cfg.Publishers[r.command.Name], cfg.Clients[r.command.Name]
	all := map[string]bool{}
	switch {
	case sub != nil:
		r.owner = sub.Name
		all[of(none.SubscribeFunction(sub.Client))] = true
	case pub != nil:
		r.owner = pub.Name
		all[of(none.PublishFunction(pub.Client))] = true
	case client != nil:
		all[of(none.SubscribeFunction(client.Name))], all[of(none.PublishFunction(client.Name))] = true, true
	case r.command.Name != "":
		known := slices.Concat(slices.Collect(maps.Keys(cfg.Subscriptions)), slices.Collect(maps.Keys(cfg.Publishers)), slices.Collect(maps.Keys(cfg.Clients)))
		slices.Sort(known)
		return unknownName("subscription, publisher or client", r.command.Name, known)
	default:
		for name := range cfg.Clients {
			all[of(none.SubscribeFunction(name))], all[of(none.PublishFunction(name))] = true, true
		}
		all[of(none.CallbackFunction())] = true
	}
	r.functions = slices.Sorted(maps.Keys(all))
	return nil
}

// follow prints what there is since a time, and with --follow what comes.
func (r *logReader) follow(ctx context.Context, since time.Time) error {
	printed := false
	for {
		for line, err := range r.merged(ctx, since) {
			if err != nil {
				return err
			}
			if _, again := r.seen[line.ID]; again {
				continue
			}
			r.seen[line.ID] = line.Time
			shown, err := r.print(line)
			if err != nil {
				return err
			}
			printed = printed || shown
		}
		if !r.command.Follow {
			if !printed {
				r.note("nothing has been logged since %s", moment(since))
			}
			return nil
		}
		if !pauseFor(ctx, lookEvery) {
			return ctx.Err()
		}
		if recent := time.Now().Add(-lateLines); recent.After(since) {
			since = recent
		}
		maps.DeleteFunc(r.seen, func(_ string, at time.Time) bool { return at.Before(since) })
	}
}

// merged yields the lines of all functions, the oldest first.
func (r *logReader) merged(ctx context.Context, since time.Time) iter.Seq2[stackaccess.LogLine, error] {
	return func(yield func(stackaccess.LogLine, error) bool) {
		type source struct {
			next  func() (stackaccess.LogLine, error, bool)
			first stackaccess.LogLine
		}
		var sources []source
		// refill replaces the first line, or removes the source.
		refill := func(i int) error {
			line, err, more := sources[i].next()
			if err != nil {
				return err
			}
			if sources[i].first = line; !more {
				sources = slices.Delete(sources, i, i+1)
			}
			return nil
		}
		for _, function := range r.functions {
			next, stop := iter.Pull2(r.stack.Log(ctx, function, since))
			defer stop()
			sources = append(sources, source{next: next})
			if err := refill(len(sources) - 1); err != nil {
				yield(stackaccess.LogLine{}, err)
				return
			}
		}
		for len(sources) > 0 {
			oldest := 0
			for i := range sources {
				if sources[i].first.Time.Before(sources[oldest].first.Time) {
					oldest = i
				}
			}
			if !yield(sources[oldest].first, nil) {
				return
			}
			if err := refill(oldest); err != nil {
				yield(stackaccess.LogLine{}, err)
				return
			}
		}
	}
}

// pauseFor reports whether the time went by before ctx ended.
func pauseFor(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// print prints a line that is meant, and reports whether it was.
func (r *logReader) print(line stackaccess.LogLine) (bool, error) {
	entry := parseEntry(line.Text)
	if !r.isMeant(&entry) {
		return false, nil
	}
	function := strings.TrimPrefix(line.Function, r.stack.QueuePrefix())
	if r.global.JSON {
		e := json.NewEncoder(r.Stdout)
		e.SetEscapeHTML(false)
		return true, e.Encode(loggedLine{Time: line.Time, Function: line.Function, Line: entry.raw()})
	}
	text := entry.text()
	if text == "" {
		return false, nil
	}
	_, err := fmt.Fprintf(r.Stdout, "%s %s %s\n", line.Time.Format("2006-01-02 15:04:05.000Z"), function, text)
	return true, err
}

// A loggedLine is a line as JSON.
type loggedLine struct {
	Time     time.Time       `json:"time"`
	Function string          `json:"function"`
	Line     json.RawMessage `json:"line"` // a string where it was not JSON
}

// isMeant reports whether a line is of whom it is asked for, and bad enough.
func (r *logReader) isMeant(e *logEntry) bool {
	if r.owner != "" {
		request := e.get("requestId")
		own := e.get("subscription") == r.owner || e.get("publisher") == r.owner
		if q, ok := r.stack.ParseQueue(path.Base(e.get("queue"))); ok {
			own = own || q.Owner == r.owner
		}
		if own && request != "" {
			r.requests[request] = true
		}
		if !own && !r.requests[request] {
			return false
		}
	}
	return !r.command.Errors || e.isBad()
}
