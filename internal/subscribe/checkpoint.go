package subscribe

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"intercom-connector/internal/config"
	"intercom-connector/internal/state"
	"intercom-connector/shared/intercom"
)

const (
	leaseFor   = time.Minute
	renewEvery = 20 * time.Second
	saveEvery  = time.Second
	// saveWithin is how long one save may take.
	saveWithin = 20 * time.Second
)

// A Checkpoint is what a subscription remembers of one workspace.
type Checkpoint struct {
	Subscription string            `json:"subscription"`
	Client       string            `json:"client"`
	Workspace    string            `json:"workspace"`
	Window       string            `json:"-"`              // of a window that is read again, from its key
	Zone         string            `json:"zone,omitempty"` // the workspace's when the run was planned
	Reads        map[string]string `json:"reads"`          // the fingerprint: what is read, part by part, hashed
	// Watermark is the second up to which everything that changed has been
	// read; 0 before the first incremental run is done.
	Watermark int64 `json:"watermark,omitempty"`
	Resweep   int64 `json:"resweep,omitempty"` // when the last one began
	Done      int64 `json:"done,omitempty"`    // when the last run that was done ended, by our clock
	// Days counts what was delivered of the last days, by the second a day
	// begins at: it tells how much of a day is new.
	Days map[int64]int64 `json:"days,omitempty"`
	// Forget says that what was delivered is to be forgotten before the next
	// record is read: the subscription starts over.
	Forget bool    `json:"forget,omitempty"`
	Lease  Lease   `json:"lease,omitzero"`
	Run    *Run    `json:"run,omitempty"`  // the one in progress
	Last   *Report `json:"last,omitempty"` // of the last run that ended
}

// A Lease says who may write a checkpoint. It is only a promise not to start
// beside somebody: what keeps a stale owner out is the record's revision.
type Lease struct {
	Owner string    `json:"owner,omitempty"`
	Until time.Time `json:"until,omitzero"`
}

// A Run is one go of a subscription, maybe over several invocations.
type Run struct {
	ID      string    `json:"id"`
	Started int64     `json:"started"`         // by the server's clock
	Now     time.Time `json:"now"`             // what the transformer saw as .run.now
	From    int64     `json:"from,omitempty"`  // the first second whose changes are read, 0 for all
	To      int64     `json:"to,omitempty"`    // the first that is not, 0 for none
	After   int64     `json:"after,omitempty"` // the bound to ask for everything since From
	Resweep bool      `json:"resweep,omitempty"`
	Loaded  bool      `json:"loaded,omitempty"` // it began with a first load
	// Border is where a first load ends and what it leaves to the catch-up
	// begins: what was made so shortly before may still be missing in the search.
	Border int64 `json:"border,omitempty"`

	Requests []intercom.Request `json:"requests"` // the transformer is not asked again on resume
	Next     int                `json:"next"`     // the first request that has no slice yet
	Phase    phase              `json:"phase"`
	Slices   []Slice            `json:"slices"`
	Refused  int                `json:"refused,omitempty"` // requests that were put aside
	Audit    Audit              `json:"audit,omitzero"`
	Late     int64              `json:"late,omitempty"` // changed while a first load read, and met by the catch-up only
	Saved    int64              `json:"saved"`          // when, in unix seconds: a scroll dies if nobody goes on
	// Parked says that the run stopped in order: every answer was taken in, so
	// that a scroll, which keeps its position to itself, is where the run is.
	Parked bool `json:"parked,omitempty"`
	// Handed is how far the run had come when it was handed over the last time,
	// nil where it never was.
	Handed *Mark `json:"handed,omitempty"`

	Report Report `json:"report"` // so far
}

// audited is the audit with all that counts as read.
func (r *Run) audited() Audit {
	audit := r.Audit
	if audit != (Audit{}) {
		audit.Read += r.Late
	}
	return audit
}

// A phase is a part of a run that has to end before the next begins.
type phase uint8

const (
	reading  phase = iota // a full read
	loading               // the first load of an incremental one, by created_at
	counting              // how many there are at the end of the load, for the audit
	catchUp               // what changed since; all there is of a later run
	over
)

// checkpointKey is where the checkpoint of a subscription is kept. A window
// that is read again has one of its own.
func checkpointKey(workspace, subscription, window string) string {
	key := "checkpoint/" + workspace + "/" + subscription
	if window != "" {
		key += "/" + window
	}
	return key
}

// fingerprint hashes what is read, part by part, so that a change can be named.
func fingerprint(sub *config.Subscription, version string) map[string]string {
	parts := map[string]any{
		"entity":            sub.Operation.Resource(),
		"sync":              sub.Sync,
		"path":              sub.Path,
		"query":             sub.Query,
		"payload":           sub.Payload,
		"request_transform": sub.RequestTransform,
		"version":           version,
	}
	out := make(map[string]string, len(parts))
	for name, part := range parts {
		text, err := json.Marshal(part)
		if err != nil {
			panic("subscribe: a checked subscription that is not JSON: " + err.Error())
		}
		sum := sha256.Sum256(text)
		out[name] = hex.EncodeToString(sum[:8])
	}
	return out
}

// changedParts names what two fingerprints differ in, sorted.
func changedParts(before, now map[string]string) []string {
	var changed []string
	for _, part := range slices.Sorted(maps.Keys(now)) {
		if before[part] != now[part] {
			changed = append(changed, part)
		}
	}
	return changed
}

// A keeper holds the checkpoint of a run: its place, its revision, its lease.
type keeper struct {
	store state.Store
	key   string
	owner string
	cp    Checkpoint
	rev   state.Revision
	wrote []byte // by the last save, whether it was answered or not
}

// keeper is the one of the checkpoint that a run with these options has.
func (e *Engine) keeper(workspace string, opts Options) keeper {
	return keeper{store: e.Store, key: checkpointKey(workspace, e.Subscription.Name, opts.window()), owner: e.Owner}
}

// load reads the checkpoint, or makes an empty one.
func (k *keeper) load(ctx context.Context) error {
	k.cp, k.rev = Checkpoint{}, ""
	record, err := k.store.Get(ctx, k.key)
	switch {
	case errors.Is(err, state.ErrNotFound):
		return nil
	case err != nil:
		return fmt.Errorf("load checkpoint %s: %w", k.key, err)
	}
	if err := json.Unmarshal(record.Value, &k.cp); err != nil {
		return fmt.Errorf("load checkpoint %s: %w", k.key, err)
	}
	k.rev = record.Revision
	return nil
}

// save writes the checkpoint over the revision that is known. Another one there
// means that somebody else has taken the run over.
func (k *keeper) save(ctx context.Context, until time.Time) error {
	k.cp.Lease = Lease{Owner: k.owner, Until: until}
	if until.IsZero() {
		k.cp.Lease = Lease{}
	}
	value, err := json.Marshal(&k.cp)
	if err != nil {
		return fmt.Errorf("save checkpoint %s: %w", k.key, err)
	}
	// Whoever asks for a stop must not break a save in the middle.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveWithin)
	defer cancel()
	last := k.wrote
	k.wrote = value
	rev, err := put(ctx, k.store, k.key, value, last, k.rev)
	if err != nil {
		return err
	}
	k.rev = rev
	return nil
}
