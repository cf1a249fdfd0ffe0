package filequeue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	"intercom-connector/internal/publish"
	"intercom-connector/internal/state"
)

// A Tally counts what became of messages.
type Tally struct {
	Done       int64 `json:"done"`
	Duplicates int64 `json:"duplicates"` // of the done: had been published before
	Dead       int64 `json:"dead"`
	Unknown    int64 `json:"unknown"`
}

// Finished is how many messages something final became of.
func (t Tally) Finished() int64 { return t.Done + t.Dead + t.Unknown }

// Add counts a result. One that is not final counts nothing.
func (t *Tally) Add(r publish.Result) {
	switch r.Outcome {
	case publish.Done:
		t.Done++
		if r.Duplicate {
			t.Duplicates++
		}
	case publish.Dead:
		t.Dead++
	case publish.Unknown:
		t.Unknown++
	case publish.Retry, publish.Paused:
	}
}

// Plus is the sum of two tallies.
func (t Tally) Plus(u Tally) Tally {
	return Tally{
		Done:       t.Done + u.Done,
		Duplicates: t.Duplicates + u.Duplicates,
		Dead:       t.Dead + u.Dead,
		Unknown:    t.Unknown + u.Unknown,
	}
}

// Final reports whether an outcome is one that nothing comes after.
func Final(o publish.Outcome) bool {
	return o == publish.Done || o == publish.Dead || o == publish.Unknown
}

// saved is what is remembered of a file.
type saved struct {
	File     string    `json:"file"` // what it was called
	Messages int64     `json:"messages"`
	Round    int       `json:"round"`          // 1, and more after Again
	Next     int       `json:"next"`           // lines before it were handed out
	Open     []int     `json:"open,omitempty"` // and of those, these are not finished
	Tally    Tally     `json:"tally"`
	Complete bool      `json:"complete"`
	Began    time.Time `json:"began"`
	Saved    time.Time `json:"saved"`
}

// Progress is how far a file has come with a publisher. It is safe for
// concurrent use; only one process may have it at a time.
type Progress struct {
	store  state.Store
	key    string
	digest string

	mu       sync.Mutex
	saved    saved
	before   int          // lines before it were handed out by an earlier run
	left     map[int]bool // and of those, these were not finished and are still to come
	open     map[int]bool // handed out by this run, or left
	revision state.Revision
	changed  int // results since the last save
}

// How often progress is saved: whichever comes first. What was finished since is
// published again after a crash, where that does no harm.
const (
	saveEvery   = time.Second
	saveResults = 500
)

// Load returns the progress of a file with the publisher of a workspace.
func Load(ctx context.Context, store state.Store, workspace, publisher string, f *File) (*Progress, error) {
	p := &Progress{
		store:  store,
		key:    "progress/" + url.PathEscape(workspace) + "/" + publisher + "/" + f.Digest,
		digest: f.Digest,
		left:   map[int]bool{},
		open:   map[int]bool{},
	}
	record, err := store.Get(ctx, p.key)
	switch {
	case errors.Is(err, state.ErrNotFound):
		p.saved = saved{Round: 1, Next: 1, Began: time.Now().UTC()}
	case err != nil:
		return nil, fmt.Errorf("load the progress of %s: %w", f.Name, err)
	default:
		if err := json.Unmarshal(record.Value, &p.saved); err != nil {
			return nil, fmt.Errorf("load the progress of %s: %w", f.Name, err)
		}
		p.revision = record.Revision
	}
	p.saved.File, p.saved.Messages = f.Name, f.Messages
	p.before = p.saved.Next
	for _, line := range p.saved.Open {
		p.left[line], p.open[line] = true, true
	}
	return p, nil
}

// Complete reports whether something final became of every message, and when.
func (p *Progress) Complete() (at time.Time, is bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.saved.Saved, p.saved.Complete
}

// Tally is what became of the file's messages so far, by all runs.
func (p *Progress) Tally() Tally {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.saved.Tally
}

// Resumed reports whether an earlier run has begun with the file.
func (p *Progress) Resumed() bool { return p.before > 1 }

// Again begins anew with a file that is complete: its messages without an id of
// their own get other ids, and so are other messages.
func (p *Progress) Again() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.saved = saved{
		File: p.saved.File, Messages: p.saved.Messages,
		Round: p.saved.Round + 1, Next: 1, Began: time.Now().UTC(),
	}
	p.before = 1
	clear(p.left)
	clear(p.open)
}

// id names the message on a line.
func (p *Progress) id(line int) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	id := p.digest[:min(len(p.digest), 32)]
	if p.saved.Round > 1 {
		id += "." + strconv.Itoa(p.saved.Round)
	}
	return id + "#" + strconv.Itoa(line)
}

// take hands a line out, unless it is finished.
func (p *Progress) take(line int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if line < p.before {
		again := p.left[line]
		delete(p.left, line)
		return again
	}
	p.saved.Next = line + 1
	p.open[line] = true
	return true
}

// Finish notes what became of a line, once that is safe, and saves the progress
// now and then. A result that is not final leaves the line open.
func (p *Progress) Finish(ctx context.Context, r publish.Result) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !Final(r.Outcome) || !p.open[r.Line] {
		return nil
	}
	delete(p.open, r.Line)
	p.saved.Tally.Add(r)
	p.changed++
	if p.changed < saveResults && time.Since(p.saved.Saved) < saveEvery {
		return nil
	}
	return p.save(ctx)
}

// Save saves the progress as it is.
func (p *Progress) Save(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.save(ctx)
}

func (p *Progress) save(ctx context.Context) error {
	p.saved.Open = slices.Sorted(maps.Keys(p.open))
	p.saved.Complete = p.saved.Tally.Finished() == p.saved.Messages
	p.saved.Saved = time.Now().UTC()
	value, err := json.Marshal(p.saved)
	if err == nil {
		if p.revision == "" {
			p.revision, err = p.store.Create(ctx, p.key, value, time.Time{})
		} else {
			p.revision, err = p.store.Save(ctx, p.key, value, p.revision, time.Time{})
		}
	}
	if err != nil {
		return fmt.Errorf("save the progress of %s: %w", p.saved.File, err)
	}
	p.changed = 0
	return nil
}
