package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"intercom-connector/internal/config"
	"intercom-connector/internal/local/filelock"
	"intercom-connector/internal/local/letters"
	"intercom-connector/internal/publish"
	"intercom-connector/internal/state"
)

// A publisherStanding is what is remembered of one publisher.
type publisherStanding struct {
	Publisher   string        `json:"publisher"`
	Client      string        `json:"client"`
	Enabled     bool          `json:"enabled"`
	Configured  bool          `json:"configured"`
	Running     bool          `json:"running"` // a process is at it
	Paused      string        `json:"paused,omitempty"`
	DeadLetters letters.Count `json:"dead_letters"`
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
		s := publisherStanding{Publisher: name, DeadLetters: counts[name]}
		if pub := cfg.Publishers[name]; pub != nil {
			s.Configured, s.Enabled, s.Client = true, pub.Enabled, pub.Client
			if s.Paused, err = publish.PausedReason(ctx, store, pub.Client); err != nil {
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
	rows := [][]string{{"PUBLISHER", "CLIENT", "DEAD LETTERS", "STATE"}}
	for _, s := range all {
		dead := number(s.DeadLetters.Letters)
		if s.DeadLetters.Unknown > 0 {
			dead += ", " + number(s.DeadLetters.Unknown) + " of them unknown"
		}
		rows = append(rows, []string{s.Publisher, s.Client, dead, s.state()})
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
