package pause_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"intercom-connector/internal/pause"
	"intercom-connector/internal/state/memstate"
)

// queues are mappings that do what a test wants.
type queues struct {
	on              bool
	disable, enable func() error // before; nil: nothing
}

func (q *queues) Disable(context.Context, string) error {
	q.on = false // in part at least
	return call(q.disable)
}

func (q *queues) Enable(context.Context, string) error {
	if err := call(q.enable); err != nil {
		return err
	}
	q.on = true
	return nil
}

func call(do func() error) error {
	if do == nil {
		return nil
	}
	return do()
}

var errBusy = errors.New("being changed")

// What happens to the queues follows the flag, or somebody is told.
func TestHaltAndStart(t *testing.T) {
	t.Parallel()
	resumed := func(store *memstate.Store) func() error {
		return func() error { return pause.Resume(context.Background(), store, "main", "") }
	}
	for _, tt := range []struct {
		name   string
		paused bool
		do     func(store *memstate.Store, q *queues) error
		failed bool
		on     bool
		later  string // what is said of the client after a while
	}{
		{"not paused", false, func(store *memstate.Store, q *queues) error {
			_, err := pause.Halt(context.Background(), store, "main", q)
			return err
		}, false, true, ""},
		{"halted", true, func(store *memstate.Store, q *queues) error {
			_, err := pause.Halt(context.Background(), store, "main", q)
			return err
		}, false, false, "by hand"},
		{"halted and started", true, func(store *memstate.Store, q *queues) error {
			_, err := pause.Halt(context.Background(), store, "main", q)
			return errors.Join(err, pause.Start(context.Background(), store, "main", "", q))
		}, false, true, ""},
		{"resumed meanwhile", true, func(store *memstate.Store, q *queues) error {
			q.disable = resumed(store)
			_, err := pause.Halt(context.Background(), store, "main", q)
			return err
		}, false, true, ""},
		{"resumed while halting fails", true, func(store *memstate.Store, q *queues) error {
			q.disable = func() error { return errors.Join(errBusy, resumed(store)()) }
			_, err := pause.Halt(context.Background(), store, "main", q)
			return err
		}, false, true, ""},
		{"resumed meanwhile, and no time to start", true, func(store *memstate.Store, q *queues) error {
			q.disable, q.enable = resumed(store), func() error { return errBusy }
			_, err := pause.Halt(context.Background(), store, "main", q)
			return err
		}, true, false, "its queues may be stopped"},
		{"a start without time", true, func(store *memstate.Store, q *queues) error {
			q.on, q.enable = false, func() error { return errBusy }
			return pause.Start(context.Background(), store, "main", "", q)
		}, true, false, "its queues may be stopped"},
		{"a start without time, and another", true, func(store *memstate.Store, q *queues) error {
			q.on, q.enable = false, func() error { return errBusy }
			err := pause.Start(context.Background(), store, "main", "", q)
			time.Sleep(time.Hour)
			q.enable = nil
			if !errors.Is(err, errBusy) {
				return err
			}
			return pause.Start(context.Background(), store, "main", "", q)
		}, false, true, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				store, q := &memstate.Store{}, &queues{on: true}
				if tt.paused {
					if err := pause.Begin(t.Context(), store, "main", "by hand", ""); err != nil {
						t.Fatal(err)
					}
				}
				if err := tt.do(store, q); (err != nil) != tt.failed {
					t.Errorf("got %v", err)
				}
				if q.on != tt.on {
					t.Errorf("the queues are on: %v", q.on)
				}
				time.Sleep(time.Hour)
				got, err := pause.Explain(t.Context(), store, "main")
				if err != nil || !strings.Contains(got, tt.later) || (got == "") != (tt.later == "") {
					t.Errorf("later: %q, %v, want %q", got, err, tt.later)
				}
			})
		})
	}
}
