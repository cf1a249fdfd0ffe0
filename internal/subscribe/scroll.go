package subscribe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"intercom-connector/internal/state"
)

// A scroll is this run's claim on the one scroll that a workspace can have
// open. Subscriptions that scroll take turns rather than kill each other's.
type scroll struct {
	rev state.Revision // "" while it is not ours
}

// scrollSlack is how much longer a claim lasts than the scroll: the last request
// came to Intercom after the claim was made.
const scrollSlack = 10 * time.Second

// holdScroll claims the workspace's scroll, or renews the claim. It returns
// how long to wait where somebody else has it.
func (r *run) holdScroll(ctx context.Context) (time.Duration, error) {
	key := "scroll/" + r.me.ID
	value, err := json.Marshal(Lease{Owner: r.owner, Until: time.Now().Add(scrollLife + scrollSlack)})
	if err != nil {
		return 0, fmt.Errorf("save %s: %w", key, err)
	}
	if r.scroll.rev == "" {
		wait, err := r.awaitScroll(ctx, key)
		if err != nil || wait > 0 {
			return wait, err
		}
	}
	if r.scroll.rev == "" {
		r.scroll.rev, err = r.store.Create(ctx, key, value, time.Time{})
	} else {
		r.scroll.rev, err = r.store.Save(ctx, key, value, r.scroll.rev, time.Time{})
	}
	if errors.Is(err, state.ErrConflict) || errors.Is(err, state.ErrExists) {
		r.scroll.rev = ""
		return time.Second, nil
	}
	return 0, wrapf(err, "save %s", key)
}

// awaitScroll looks whether somebody has the scroll, and takes the record over
// if its claim has ended.
func (r *run) awaitScroll(ctx context.Context, key string) (time.Duration, error) {
	record, err := r.store.Get(ctx, key)
	if errors.Is(err, state.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("load %s: %w", key, err)
	}
	var held Lease
	if err := json.Unmarshal(record.Value, &held); err != nil {
		return 0, fmt.Errorf("load %s: %w", key, err)
	}
	if left := time.Until(held.Until); left > 0 && held.Owner != r.owner {
		return min(left, 5*time.Second), nil
	}
	r.scroll.rev = record.Revision
	return 0, nil
}

// freeScroll gives the claim back.
func (r *run) freeScroll(ctx context.Context) {
	if r.scroll.rev == "" {
		return
	}
	if err := r.store.Delete(ctx, "scroll/"+r.me.ID, r.scroll.rev); err != nil {
		r.Log.DebugContext(ctx, "scroll not freed, it ends by itself", "err", err)
	}
	r.scroll.rev = ""
}
