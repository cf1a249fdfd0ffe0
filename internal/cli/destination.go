package cli

import (
	"context"
	"errors"
	"path/filepath"
	"strings"

	"intercom-connector/internal/config"
	"intercom-connector/internal/event"
	"intercom-connector/internal/local/fileout"
	"intercom-connector/internal/subscribe"
)

// A target is where the events of a run go on this machine.
type target struct {
	path string // "" for standard output
	own  bool   // the path is in the state folder
	// publisher is the one that the events become messages of, "" for none:
	// then there is no path.
	publisher string
}

// piped reports whether the events go to standard output.
func (t target) piped() bool { return t.path == "" && t.publisher == "" }

// stdout is the value of --to for standard output.
const stdout = "-"

// target decides where the events of a subscription go; to is the value of --to.
func (a *app) target(sub *config.Subscription, to string) (target, error) {
	switch path, isFile := strings.CutPrefix(to, "file:"); {
	case to == stdout:
		return target{}, nil
	case isFile && path != "":
		return target{path: path}, nil
	case to != "":
		return target{}, usagef("--to is file:PATH or -, not %q", to)
	}
	switch sub.To.Type {
	case "file":
		return target{path: a.beside(sub.To.Path)}, nil
	case "stdout":
		return target{}, nil
	case "publisher":
		return target{publisher: sub.To.Name}, nil
	default:
		return target{path: filepath.Join(a.stateFolder(), "out", sub.Name+".ndjson"), own: true}, nil
	}
}

// A sink is a destination that can be closed.
type sink interface {
	subscribe.Destination
	Close() error
}

// open opens the target for a run, and stops the run where nobody reads the
// output any more: it has done nothing wrong, so it is interrupted.
func (a *app) open(t target, stop context.CancelFunc) (sink, error) {
	if t.path == "" {
		return &piped{Stream: fileout.Stdout(a.Stdout), stop: stop}, nil
	}
	f, err := fileout.Open(t.path, fileout.Options{MakeFolders: t.own})
	if err != nil {
		return nil, err
	}
	if n := f.Repaired(); n > 0 {
		a.note("%s ended in the middle of an event: cut %s off, the event comes again", t.path, count(n, "byte"))
	}
	return f, nil
}

// A piped stream stops the run when its reader has gone.
type piped struct {
	*fileout.Stream

	stop context.CancelFunc
}

// Deliver implements subscribe.Destination.
func (p *piped) Deliver(ctx context.Context, events []event.Event) error {
	return p.watch(p.Stream.Deliver(ctx, events))
}

// Flush implements subscribe.Destination.
func (p *piped) Flush(ctx context.Context) error { return p.watch(p.Stream.Flush(ctx)) }

func (p *piped) watch(err error) error {
	if errors.Is(err, fileout.ErrReaderGone) {
		p.stop()
	}
	return err
}

// quarantinePath is where what a subscription could not deliver is kept.
func (a *app) quarantinePath(subscription string) string {
	return filepath.Join(a.stateFolder(), "quarantine", subscription+".ndjson")
}
