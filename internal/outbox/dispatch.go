package outbox

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A dispatch sends a number of items until each is settled. Everything in it
// belongs to the goroutine of run; batches are sent beside it.
type dispatch struct {
	cfg     *Config
	ready   []*lane // that have an item to be sent now
	later   []*lane // that wait before they try again
	refused []refusal

	inFlight int
	results  chan result
	moved    time.Time // when something was settled the last time
	err      error     // why nothing is sent any more
}

// A lane is the items of one group. Its first is sent before the next.
type lane struct {
	items []*item
	at    time.Time // not before
}

// A result is what became of a batch.
type result struct {
	lanes []*lane
	each  []error
	err   error
}

func newDispatch(cfg *Config, items []*item) *dispatch {
	d := &dispatch{cfg: cfg, results: make(chan result, cfg.Parallel)}
	groups := map[string]*lane{}
	for _, it := range items {
		l := groups[it.Group]
		if l == nil {
			l = &lane{}
			d.ready = append(d.ready, l)
			if it.Group != "" {
				groups[it.Group] = l
			}
		}
		l.items = append(l.items, it)
	}
	return d
}

func (d *dispatch) run(ctx context.Context) error {
	d.moved = time.Now()
	done := ctx.Done()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		wait := d.wake()
		for d.err == nil && d.inFlight < d.cfg.Parallel && len(d.ready) > 0 {
			d.launch(ctx)
		}
		if d.inFlight == 0 && (d.err != nil || len(d.later) == 0) {
			return d.err
		}
		timer.Reset(wait)
		select {
		case r := <-d.results:
			d.inFlight--
			d.settle(ctx, r)
		case <-timer.C:
		case <-done:
			d.fail(ctx.Err())
			done = nil // what is under way has the same context
		}
	}
}

func (d *dispatch) fail(err error) {
	if d.err == nil {
		d.err = err
	}
}

// wake takes up the lanes that have waited long enough, and returns how long
// the next one has to.
func (d *dispatch) wake() time.Duration {
	wait := patience
	now := time.Now()
	sleeping := d.later[:0]
	for _, l := range d.later {
		if left := l.at.Sub(now); left > 0 {
			sleeping = append(sleeping, l)
			wait = min(wait, left)
			continue
		}
		d.ready = append(d.ready, l)
	}
	d.later = sleeping
	return wait
}

// launch sends a batch of what is ready.
func (d *dispatch) launch(ctx context.Context) {
	var (
		lanes []*lane
		batch []*Message
		size  int
	)
	for len(d.ready) > 0 && len(batch) < d.cfg.MaxCount {
		next := d.ready[0].items[0]
		if len(batch) > 0 && (size+next.Size > d.cfg.MaxBytes || next.alone) {
			break
		}
		lanes = append(lanes, d.ready[0])
		batch = append(batch, &next.Message)
		size += next.Size
		d.ready = d.ready[1:]
		if next.alone {
			break
		}
	}
	d.inFlight++
	go func() {
		ctx, cancel := context.WithTimeout(ctx, sendWithin)
		defer cancel()
		each, err := d.cfg.Send(ctx, batch)
		if err == nil && len(each) != len(batch) {
			err = fmt.Errorf("%d answers to %d messages", len(each), len(batch))
		}
		d.results <- result{lanes, each, err}
	}()
}

// settle takes in what became of a batch.
func (d *dispatch) settle(ctx context.Context, r result) {
	for i, l := range r.lanes {
		err := r.err
		if err == nil {
			err = r.each[i]
		}
		d.settleOne(ctx, l, err, len(r.lanes))
	}
}

// settleOne takes in what became of the first item of a lane, in a batch of so many.
func (d *dispatch) settleOne(ctx context.Context, l *lane, err error, of int) {
	it := l.items[0]
	never, isNever := errors.AsType[*NeverError](err)
	switch apart := errors.Is(err, ErrOneByOne); {
	case err == nil:
		d.next(l)
	case isNever, apart && of == 1:
		if never == nil {
			never = &NeverError{Reason: err.Error()}
		}
		d.refused = append(d.refused, refusal{it, never})
		d.next(l)
	case apart:
		it.alone = true
		d.ready = append(d.ready, l)
	case ctx.Err() != nil:
		d.fail(ctx.Err())
	case !errors.Is(err, context.DeadlineExceeded) && !d.cfg.Temporary(err):
		d.fail(err)
	case time.Since(d.moved) > patience:
		d.fail(fmt.Errorf("nothing got through for %v: %w", patience, err))
	default:
		it.attempts++
		l.at = time.Now().Add(d.backoff(it.attempts))
		d.later = append(d.later, l)
	}
}

// next goes on with what is behind the first item of a lane.
func (d *dispatch) next(l *lane) {
	l.items[0].settled = true
	d.moved = time.Now()
	if l.items = l.items[1:]; len(l.items) > 0 {
		d.ready = append(d.ready, l)
	}
}

// backoff is how long to wait after so many attempts, half of it by chance.
func (d *dispatch) backoff(attempts int) time.Duration {
	full := min(firstWait<<min(attempts-1, 10), lastWait)
	return full/2 + time.Duration(d.cfg.Random()*float64(full/2))
}
