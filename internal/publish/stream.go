package publish

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"
)

// How far a stream looks ahead: messages wait in memory for their group's turn
// and for another try, and the file can be of any length.
const (
	lookAhead      = 2048
	lookAheadBytes = 64 << 20
	// lookForPause is how often a stream looks whether it has been paused.
	lookForPause = 5 * time.Second
	// longestPause is the longest wait between two tries.
	longestPause = 2 * time.Minute
)

// Stream publishes deliveries of any number with as many requests at once as
// the Governor allows, in order within each group. What has to be tried again
// waits here, and its group with it, until it is done or give_up_after is over.
//
// done is called for every result, one call at a time: never with Retry. Its
// error, an error of deliveries and the end of ctx end the stream, after the
// messages under way; of what was not settled by then nothing is reported. A
// client that is paused, before or meanwhile, ends it with a [*PausedError].
func (p *Publisher) Stream(ctx context.Context, deliveries iter.Seq2[Delivery, error], done func(Result, Delivery) error) error {
	switch reason, err := p.paused(ctx); {
	case err != nil:
		return err
	case reason != "":
		return &PausedError{Client: p.Client.Name, Reason: reason}
	}
	reading, stop := context.WithCancel(ctx)
	arrivals := make(chan arrival)
	var reader sync.WaitGroup
	reader.Go(func() {
		defer close(arrivals)
		p.arrive(reading, deliveries, arrivals)
	})
	defer reader.Wait()
	defer stop()
	s := &stream{
		p: p, done: done, arrivals: arrivals,
		lanes:    map[string]*lane{},
		finished: make(chan finished, maxAtOnce),
	}
	return s.loop(ctx)
}

// An arrival is a delivery that has been read, or the error that ends them.
type arrival struct {
	d   Delivery
	m   *message
	err error
}

// arrive reads deliveries one ahead of the stream.
func (p *Publisher) arrive(ctx context.Context, deliveries iter.Seq2[Delivery, error], to chan<- arrival) {
	for d, err := range deliveries {
		a := arrival{d: d, err: err}
		if err == nil {
			if a.d.Sent.IsZero() {
				a.d.Sent = time.Now()
			}
			a.m, a.err = p.read(ctx, d)
		}
		select {
		case to <- a:
		case <-ctx.Done():
			return
		}
		if a.err != nil {
			return
		}
	}
}

// A lane is a group: its messages go one after the other.
type lane struct {
	group string
	queue []arrival
	due   time.Time // of the first, while it waits for another try
}

// finished is a message that has come to a result.
type finished struct {
	lane   *lane
	result Result
}

// A stream is the work of one call of Stream. All of it belongs to the
// goroutine of loop; the others only work on one message each.
type stream struct {
	p        *Publisher
	done     func(Result, Delivery) error
	arrivals <-chan arrival // nil once all have come
	finished chan finished

	lanes   map[string]*lane // by group; groups of one are not here
	ready   []*lane          // whose first may be sent
	waiting []*lane          // whose first waits for another try
	flying  int              // messages being worked on
	held    int              // messages in memory
	bytes   int              // of their bodies

	err   error // why it ends
	deaf  bool  // done has failed and is not called any more
	timer *time.Timer
}

func (s *stream) loop(ctx context.Context) error {
	s.timer = time.NewTimer(time.Hour)
	defer s.timer.Stop()
	look := time.NewTicker(lookForPause)
	defer look.Stop()
	for {
		s.dispatch(ctx)
		if s.flying == 0 && (s.err != nil || s.arrivals == nil && s.held == 0) {
			return s.err
		}
		arrivals, stopped := s.arrivals, ctx.Done()
		if s.err != nil {
			arrivals, stopped = nil, nil
		}
		if s.held >= lookAhead || s.bytes >= lookAheadBytes {
			arrivals = nil
		}
		select {
		case a, ok := <-arrivals:
			s.take(a, ok)
		case f := <-s.finished:
			s.settle(ctx, f)
		case <-s.timer.C:
		case <-look.C:
			s.lookForPause(ctx)
		case <-stopped:
			s.end(fmt.Errorf("publish: %w", ctx.Err()))
		}
	}
}

// end stops the stream for the first reason there is.
func (s *stream) end(err error) {
	if s.err == nil {
		s.err = err
	}
}

// take puts a message at the end of its lane.
func (s *stream) take(a arrival, ok bool) {
	switch {
	case !ok:
		s.arrivals = nil
		return
	case a.err != nil:
		s.end(fmt.Errorf("publish: %w", a.err))
		return
	}
	s.held++
	s.bytes += len(a.d.Body)
	l := s.lanes[a.m.group]
	if a.m.group == "" || l == nil {
		l = &lane{group: a.m.group}
		s.ready = append(s.ready, l)
		if l.group != "" {
			s.lanes[l.group] = l
		}
	}
	l.queue = append(l.queue, a)
}

// dispatch sends off what is ready and sets the timer for what waits.
func (s *stream) dispatch(ctx context.Context) {
	if s.err != nil {
		return
	}
	next := time.Hour
	now := time.Now()
	s.waiting = slices.DeleteFunc(s.waiting, func(l *lane) bool {
		if left := l.due.Sub(now); left > 0 {
			next = min(next, left)
			return false
		}
		s.ready = append(s.ready, l)
		return true
	})
	s.timer.Reset(next)
	for len(s.ready) > 0 && s.flying < maxAtOnce {
		l := s.ready[0]
		s.ready[0] = nil
		s.ready = s.ready[1:]
		s.flying++
		first := l.queue[0]
		go func() {
			s.finished <- finished{lane: l, result: s.p.work(ctx, first.d, first.m, 1)}
		}()
	}
}

// settle takes in a result.
func (s *stream) settle(ctx context.Context, f finished) {
	s.flying--
	first := &f.lane.queue[0]
	if f.result.Outcome == Retry {
		if ctx.Err() != nil {
			s.end(fmt.Errorf("publish: %w", ctx.Err()))
			return
		}
		first.d.Tries++
		f.lane.due = time.Now().Add(min(f.result.After, longestPause))
		s.waiting = append(s.waiting, f.lane)
		return
	}
	if !s.deaf {
		if err := s.done(f.result, first.d); err != nil {
			s.deaf = true
			s.end(err)
		}
	}
	if f.result.Outcome == Paused {
		s.end(&PausedError{Client: s.p.Client.Name, Reason: f.result.Reason})
	}
	s.held--
	s.bytes -= len(first.d.Body)
	*first = arrival{}
	f.lane.queue = f.lane.queue[1:]
	switch {
	case len(f.lane.queue) > 0:
		s.ready = append(s.ready, f.lane)
	case f.lane.group != "":
		delete(s.lanes, f.lane.group)
	}
}

// lookForPause ends the stream if somebody has paused the client.
func (s *stream) lookForPause(ctx context.Context) {
	if s.err != nil {
		return
	}
	reason, err := s.p.paused(ctx)
	switch {
	case err != nil:
		s.p.Log.WarnContext(ctx, "look for a pause", "err", err)
	case reason != "":
		s.end(&PausedError{Client: s.p.Client.Name, Reason: reason})
	}
}
