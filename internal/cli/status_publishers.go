package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"intercom-connector/internal/aws/stackaccess"
	"intercom-connector/internal/config"
	"intercom-connector/internal/local/filelock"
	"intercom-connector/internal/local/letters"
	"intercom-connector/internal/pause"
	"intercom-connector/internal/state"
)

// A publisherStanding is what is remembered of one publisher.
type publisherStanding struct {
	Publisher   string             `json:"publisher"`
	Client      string             `json:"client"`
	Enabled     bool               `json:"enabled"`
	Configured  bool               `json:"configured"`
	Running     bool               `json:"running"` // a process is at it; of a stack: messages are in flight
	Paused      string             `json:"paused,omitempty"`
	DeadLetters deadCount          `json:"dead_letters"`
	Queue       *stackaccess.Depth `json:"queue,omitempty"` // of a stack; nil: it has no queue there
	deployed    bool               // it is the stack's that is told of
}

// A deadCount is how many dead letters there are.
type deadCount struct {
	Letters int64 `json:"letters"`
	// Unknown is how many of them were perhaps applied; nil: only a look at each
	// would tell.
	Unknown *int64 `json:"unknown,omitempty"`
}

// publisherStandings joins what is configured with what is remembered: dead
// letters outlive their publisher.
func (a *app) publisherStandings(ctx context.Context, cfg *config.Config, store state.Store) ([]publisherStanding, error) {
	counts, err := letters.New(store).Counts(ctx)
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for name := range cfg.Publishers {
		names[name] = true
	}
	for name := range counts {
		names[name] = true
	}
	var all []publisherStanding
	for _, name := range slices.Sorted(maps.Keys(names)) {
		n := counts[name]
		s := publisherStanding{Publisher: name, DeadLetters: deadCount{Letters: n.Letters, Unknown: &n.Unknown}}
		if pub := cfg.Publishers[name]; pub != nil {
			s.Configured, s.Enabled, s.Client = true, pub.Enabled, pub.Client
			if s.Paused, err = pause.Reason(ctx, store, pub.Client); err != nil {
				return nil, err
			}
			s.Running = a.isPublishing(name)
		}
		all = append(all, s)
	}
	return all, nil
}

// isPublishing asks the lock of a publisher.
func (a *app) isPublishing(publisher string) bool {
	lock, err := filelock.Lock(a.outletLock(publisher))
	if err != nil {
		return errors.Is(err, filelock.ErrHeld)
	}
	_ = lock.Unlock() // the end of the process would, too
	return false
}

func writePublisherStandings(w io.Writer, all []publisherStanding, apart bool) error {
	if len(all) == 0 {
		return nil
	}
	deployed := all[0].deployed
	rows := [][]string{{"PUBLISHER", "CLIENT", "DEAD LETTERS", "STATE"}}
	if deployed {
		rows[0] = slices.Insert(rows[0], 2, "QUEUE")
	}
	for _, s := range all {
		dead := number(s.DeadLetters.Letters)
		if unknown := s.DeadLetters.Unknown; unknown != nil && *unknown > 0 {
			dead += ", " + number(*unknown) + " of them unknown"
		}
		row := []string{s.Publisher, s.Client, dead, s.state()}
		if deployed {
			row = slices.Insert(row, 2, depthText(s.Queue))
		}
		rows = append(rows, row)
	}
	var b strings.Builder
	if apart {
		b.WriteByte('\n')
	}
	_ = table(&b, rows) // a Builder takes everything
	_, err := fmt.Fprint(w, b.String())
	return err
}

func (s *publisherStanding) state() string {
	switch {
	case !s.Configured:
		return "not configured any more"
	case s.deployed && s.Queue == nil:
		return "not deployed"
	case s.Paused != "":
		return "paused: " + oneLine(s.Paused)
	case !s.Enabled:
		return "not enabled"
	case s.Running:
		return "publishing"
	default:
		return "ready"
	}
}
