package dynamostate

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"intercom-connector/internal/names"
	"intercom-connector/internal/state"
)

const (
	// maxInline is the largest value in bytes that is kept in one item, which
	// DynamoDB allows 400 KB with its keys.
	maxInline = 300 << 10
	// atOnce is how many chunks of a value are on their way.
	atOnce = 8
	// rereads is how often a value may be replaced while it is being read.
	rereads = 20
)

// Sets of chunks without a record.
const (
	setsPartition = "sets"
	// longestWrite is how long a write may take from its first chunk to the
	// record: far less than abandoned, so that no chunk is removed under it.
	longestWrite = 15 * time.Minute
	abandoned    = time.Hour
	// outlive is how much longer than their record chunks are kept that expire.
	outlive = 24 * time.Hour
)

var (
	errTooSlow    = errors.New("writing its chunks took too long")
	errIncomplete = errors.New("a part of the value is missing")
	errBusy       = errors.New("the value was replaced again and again while it was read")
)

// chunksOf is the number of chunks that a revision's value has.
func chunksOf(rev state.Revision) int {
	_, digits, _ := strings.Cut(string(rev), ".")
	n, err := strconv.Atoi(digits)
	if err != nil {
		return 0
	}
	return n
}

// chunkKey is where a chunk is. Each has a partition of its own: one alone would
// take half a minute to write a large value.
func chunkKey(key string, rev state.Revision, i int) item {
	set, _, _ := strings.Cut(string(rev), ".")
	return keyOf(fmt.Sprintf("chunk#%s#%d", set, i), key)
}

// setKey is where a set of chunks is written down.
func setKey(rev state.Revision) item { return keyOf(setsPartition, string(rev)) }

// writeChunked writes a record whose value is too large for its item.
func (s *Store) writeChunked(ctx context.Context, h head, old state.Revision) (state.Revision, error) {
	if err := s.foresee(ctx, h.key, old); err != nil {
		return "", err
	}
	value := h.value
	count := (len(value) + maxInline - 1) / maxInline
	h.rev, h.value, h.length, h.part = newRevision(count), nil, len(value), maxInline
	began := time.Now().Round(0) // by the wall clock, which goes on in a machine's sleep
	err := s.writeSet(ctx, h, value, began)
	if err == nil && time.Since(began) > longestWrite {
		err = errTooSlow
	}
	if err != nil {
		s.removeSet(ctx, h.key, h.rev)
		return "", err
	}
	err = s.put(ctx, h, old)
	if isLost(err) {
		s.removeSet(ctx, h.key, h.rev)
	}
	if err != nil {
		return "", err // after any other error the record may be there all the same
	}
	s.sweepNowAndThen(ctx)
	return h.rev, nil
}

// foresee finds out whether a write would fail as things are, before much is
// written for nothing.
func (s *Store) foresee(ctx context.Context, key string, old state.Revision) error {
	found, err := s.head(ctx, key)
	switch {
	case errors.Is(err, state.ErrNotFound):
		if old != "" {
			return state.ErrConflict
		}
		return nil
	case err != nil:
		return err
	case old == "":
		return state.ErrExists
	case found.rev != old:
		return state.ErrConflict
	}
	return nil
}

// writeSet writes down that there is a set of chunks, then the chunks.
func (s *Store) writeSet(ctx context.Context, h head, value []byte, began time.Time) error {
	set := setKey(h.rev)
	set[attrRecord], set[attrBegan] = text(h.key), number(began.Unix())
	items := make([]item, chunksOf(h.rev))
	for i := range items {
		items[i] = chunkKey(h.key, h.rev, i)
		items[i][attrValue] = binary(value[i*h.part : min((i+1)*h.part, len(value))])
	}
	if !h.expires.IsZero() {
		gone := ttl(h.expires.Add(outlive), began)
		set[names.TableTTL] = gone
		for _, it := range items {
			it[names.TableTTL] = gone
		}
	}
	write := func(ctx context.Context, it item) error {
		_, err := s.call(ctx, "PutItem", request{Item: it})
		return err
	}
	if err := write(ctx, set); err != nil {
		return err
	}
	return each(ctx, len(items), func(ctx context.Context, i int) error { return write(ctx, items[i]) })
}

// removeSet removes the chunks of a revision that no record refers to, if it has
// any. What stays behind is removed by sweep.
func (s *Store) removeSet(ctx context.Context, key string, rev state.Revision) {
	count := chunksOf(rev)
	if count == 0 {
		return
	}
	remove := func(ctx context.Context, key item) error {
		_, err := s.call(ctx, "DeleteItem", request{Key: key})
		return err
	}
	err := each(ctx, count, func(ctx context.Context, i int) error { return remove(ctx, chunkKey(key, rev, i)) })
	if err == nil {
		_ = remove(ctx, setKey(rev))
	}
}

// whole makes a record of its head, and of the chunks where it has any.
func (s *Store) whole(ctx context.Context, h head) (state.Record, error) {
	for range rereads {
		value, err := s.value(ctx, h)
		if !errors.Is(err, errIncomplete) {
			return state.Record{Key: h.key, Value: value, Revision: h.rev, Expires: h.expires}, err
		}
		// The record was replaced meanwhile, or else it is broken.
		again, err := s.head(ctx, h.key)
		if err != nil {
			return state.Record{}, err
		}
		if again.rev == h.rev {
			return state.Record{}, errIncomplete
		}
		h = again
	}
	return state.Record{}, errBusy
}

// value returns the value of a record, or errIncomplete where it has no more.
func (s *Store) value(ctx context.Context, h head) ([]byte, error) {
	if h.length == 0 {
		return h.value, nil
	}
	value := make([]byte, h.length)
	err := each(ctx, chunksOf(h.rev), func(ctx context.Context, i int) error {
		out, err := s.call(ctx, "GetItem", request{Key: chunkKey(h.key, h.rev, i), ConsistentRead: true})
		if err != nil {
			return err
		}
		part := binaryOf(out.Item[attrValue])
		if from := i * h.part; from >= h.length || copy(value[from:], part) != min(h.part, h.length-from) {
			return errIncomplete
		}
		return nil
	})
	return value, err
}

// each calls f for every number below n, some at once, until one fails.
func each(ctx context.Context, n int, f func(ctx context.Context, i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	numbers := make(chan int)
	var wg sync.WaitGroup
	for range min(n, atOnce) {
		wg.Go(func() {
			for i := range numbers {
				if err := f(ctx, i); err != nil {
					cancel(err)
				}
			}
		})
	}
	for i := 0; i < n && ctx.Err() == nil; i++ {
		numbers <- i
	}
	close(numbers)
	wg.Wait()
	return context.Cause(ctx)
}
