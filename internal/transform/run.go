package transform

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/itchyny/gojq"
)

// The bounds of one input.
const (
	MaxTime    = time.Second // an input gets it twice, see [Program.Run]
	MaxOutputs = 10_000
	MaxOutput  = 8 << 20   // bytes of JSON, all outputs together
	MaxInput   = 8 << 20   // bytes of JSON
	MaxSteps   = 4_000_000 // of the engine; a busy second is ten to eighty million

	stepsPerByte = 4 // of the input, on top of MaxSteps
	maxStuck     = 4 // evaluations of one program that may go on after they were given up
)

// Run evaluates the program for one JSON value and returns its outputs, each a
// JSON value on one line; no outputs is no error.
//
// The error is ctx's own where that is done, otherwise [ErrInput],
// [ErrTimeout], [ErrTooMany], [ErrTooLarge], [ErrHalted], a [*RuntimeError] or
// a [*CompileError]; then there are no outputs at all, because half of a
// record's outputs is not what the program says. An evaluation that took longer
// than [MaxTime] is tried once more before it counts as [ErrTimeout].
func (p *Program) Run(ctx context.Context, input []byte) ([]json.RawMessage, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := p.compile(); err != nil {
		return nil, err
	}
	if len(input) > MaxInput {
		return nil, fmt.Errorf("%w: input of %d bytes", ErrTooLarge, len(input))
	}
	value, err := decode(input)
	if err != nil {
		return nil, err
	}
	if p.stuck.Load() >= maxStuck {
		return nil, fmt.Errorf("%w: it still works on earlier inputs", ErrTimeout)
	}
	steps := MaxSteps + stepsPerByte*len(input)
	r := p.evaluate(ctx, value, steps)
	if r.late {
		// A laptop that slept or a machine that had no time for us looks the
		// same as a program that is slow, and a good record must not be
		// quarantined for it.
		r = p.evaluate(ctx, value, steps)
	}
	return r.outputs, r.err
}

type result struct {
	outputs []json.RawMessage
	err     error
	late    bool // the clock ended it, and nothing else
}

// evaluate runs the program beside the caller, who can give up on it: between
// two steps the engine looks whether it should stop, within one it does not.
func (p *Program) evaluate(parent context.Context, value any, steps int) result {
	ctx, cancel := context.WithTimeout(parent, MaxTime)
	defer cancel()

	outputs := p.code.RunWithContext(withBudget(ctx, steps), value)
	done := make(chan result, 1)
	go func() { done <- collect(outputs) }()

	var r result
	select {
	case r = <-done:
	case <-ctx.Done():
		// What is between two steps ends at once: an answer that is just on
		// its way counts, and nothing is left behind.
		select {
		case r = <-done:
		case <-time.After(grace):
			r.err = ctx.Err()
			p.stuck.Add(1)
			go func() {
				<-done
				p.stuck.Add(-1)
			}()
		}
	}
	switch {
	case r.err != nil && parent.Err() != nil:
		return result{err: parent.Err()}
	case errors.Is(r.err, context.DeadlineExceeded):
		return result{err: fmt.Errorf("%w: more than %v", ErrTimeout, MaxTime), late: true}
	default:
		return r
	}
}

const grace = 50 * time.Millisecond

// collect drains the iterator into JSON values.
func collect(outputs gojq.Iter) (r result) {
	defer func() {
		// The engine panics where it meets what its authors ruled out, and Go
		// itself where a length is absurd. It is the record's failure, not ours.
		if p := recover(); p != nil {
			r = result{err: &RuntimeError{Message: "the engine gave up", Detail: shorten(fmt.Sprint(p))}}
		}
	}()
	size := 0
	for {
		v, ok := outputs.Next()
		if !ok {
			return r
		}
		if err, ok := v.(error); ok {
			return result{err: runtimeError(err)}
		}
		if len(r.outputs) == MaxOutputs {
			return result{err: fmt.Errorf("%w: more than %d", ErrTooMany, MaxOutputs)}
		}
		encoded, err := encode(v, MaxOutput-size)
		if err != nil {
			return result{err: err}
		}
		size += len(encoded)
		r.outputs = append(r.outputs, encoded)
	}
}

// A budget is a context that is done after a number of steps: the engine asks
// for Done once before each. It is used by one goroutine only.
type budget struct {
	context.Context

	steps int
}

func withBudget(ctx context.Context, steps int) context.Context {
	return &budget{Context: ctx, steps: steps}
}

var spent = func() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// Done takes one step off the budget.
func (b *budget) Done() <-chan struct{} {
	b.steps--
	if b.steps < 0 {
		return spent
	}
	return b.Context.Done()
}

// Err says what ended the program.
func (b *budget) Err() error {
	if b.steps < 0 {
		return fmt.Errorf("%w: too many steps", ErrTimeout)
	}
	return b.Context.Err()
}
