package subscribe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"intercom-connector/internal/state"
)

// Load returns what is remembered of a subscription of a workspace, or of the
// window of it that since begins, for who follows a run from outside. Where
// nothing is remembered yet that is the zero Checkpoint.
func Load(ctx context.Context, store state.Store, workspace, subscription string, since, until time.Time) (Checkpoint, error) {
	window := Options{Since: since, Until: until}.window()
	record, err := store.Get(ctx, checkpointKey(workspace, subscription, window))
	if errors.Is(err, state.ErrNotFound) {
		return Checkpoint{}, nil
	}
	if err != nil {
		return Checkpoint{}, fmt.Errorf("load the checkpoint of %s: %w", subscription, err)
	}
	cp := Checkpoint{Window: window}
	if err := json.Unmarshal(record.Value, &cp); err != nil {
		return Checkpoint{}, fmt.Errorf("load checkpoint %s: %w", record.Key, err)
	}
	return cp, nil
}

// Progress is how far the run had come when it was last saved. What only who is
// at it knows, the rate limit say, is unknown.
func (r *Run) Progress() Progress {
	p := Progress{
		Subscription: r.Report.Subscription, Phase: phases[r.Phase],
		Records: r.Report.Records, Events: r.Report.Events, Requests: r.Report.Requests,
		Expected: -1, Slices: r.Report.Slices, Open: int64(len(r.Slices)),
		Limit: -1, Remaining: -1, Elapsed: time.Since(time.Unix(r.Started, 0)),
	}
	// Only those slices count whose total stands for the whole.
	total := r.Audit.Expected
	for _, s := range r.Slices {
		if s.Root && s.Total > 0 {
			total += s.Total
		}
	}
	if total > 0 && p.Records <= total && len(r.Requests) == 1 {
		p.Expected = total
	}
	return p
}
