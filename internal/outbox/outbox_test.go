package outbox_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"intercom-connector/internal/event"
	"intercom-connector/internal/outbox"
	"intercom-connector/internal/subscribe"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	errBusy   = errors.New("busy")
	errDenied = errors.New("denied")
)

// A service takes batches and checks that they are what was agreed. What it
// makes of a message is decided by do; nil takes it.
type service struct {
	t        *testing.T
	count    int
	bytes    int
	parallel int
	latency  func() time.Duration
	do       func(m *outbox.Message, tries int) error
	doAll    func(batch []*outbox.Message, call int) error

	mu     sync.Mutex
	taken  []string // bodies
	sizes  []int    // of the batches
	tries  map[string]int
	under  int
	groups map[string]int // under way
	calls  int
}

func (s *service) Send(ctx context.Context, batch []*outbox.Message) ([]error, error) {
	s.begin(batch)
	defer s.end(batch)
	if s.latency != nil {
		select {
		case <-time.After(s.latency()):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	if s.doAll != nil {
		if err := s.doAll(batch, s.calls); err != nil {
			return nil, err
		}
	}
	each := make([]error, len(batch))
	for i, m := range batch {
		s.tries[m.Body]++
		if s.do != nil {
			each[i] = s.do(m, s.tries[m.Body])
		}
		if each[i] == nil {
			s.taken = append(s.taken, m.Body)
		}
	}
	s.sizes = append(s.sizes, len(batch))
	return each, nil
}

func (s *service) begin(batch []*outbox.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	size := 0
	for _, m := range batch {
		size += m.Size
		if m.Group == "" {
			continue
		}
		if s.groups[m.Group]++; s.groups[m.Group] > 1 {
			s.t.Errorf("two of group %s under way", m.Group)
		}
	}
	if s.under++; s.under > s.parallel {
		s.t.Errorf("%d batches under way, %d are allowed", s.under, s.parallel)
	}
	if len(batch) == 0 || len(batch) > s.count || size > s.bytes {
		s.t.Errorf("a batch of %d messages, %d bytes", len(batch), size)
	}
}

func (s *service) end(batch []*outbox.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.under--
	for _, m := range batch {
		s.groups[m.Group]--
	}
}

// box returns a box before s. A message is an event's data, its group the
// subject, its size that of the data.
func (s *service) box(t *testing.T) *outbox.Box {
	t.Helper()
	s.t, s.tries, s.groups = t, map[string]int{}, map[string]int{}
	s.count, s.bytes, s.parallel = cmp.Or(s.count, 10), cmp.Or(s.bytes, 1000), cmp.Or(s.parallel, 4)
	return outbox.New(outbox.Config{
		Make: func(_ context.Context, e *event.Event) (outbox.Message, error) {
			if string(e.Data) == "impossible" {
				return outbox.Message{}, &outbox.NeverError{Reason: "impossible"}
			}
			m := outbox.Message{Event: *e, Body: string(e.Data), Group: e.Subject, Size: len(e.Data)}
			m.Event.Data = nil
			return m, nil
		},
		Send:      s.Send,
		Temporary: func(err error) bool { return errors.Is(err, errBusy) },
		MaxCount:  s.count, MaxBytes: s.bytes, Parallel: s.parallel,
		Random: func() float64 { return 0 },
	})
}

func numbered(from, to int) []event.Event {
	var events []event.Event
	for i := from; i < to; i++ {
		events = append(events, event.Event{ID: strconv.Itoa(i), Data: []byte(strconv.Itoa(i))})
	}
	return events
}

func TestFullBatches(t *testing.T) {
	t.Parallel()
	s := &service{}
	b := s.box(t)
	for i := range 95 { // one by one, as pages of one record come
		if err := b.Deliver(t.Context(), numbered(i, i+1)); err != nil {
			t.Fatal(err)
		}
	}
	if want := []int{10, 10, 10, 10, 10, 10, 10, 10}; !slices.Equal(s.sizes, want) {
		t.Errorf("batches of %v before a flush, want %v", s.sizes, want)
	}
	for range 2 {
		if err := b.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if want := 10; len(s.sizes) != want || len(s.taken) != 95 {
		t.Errorf("%d batches, %d messages", len(s.sizes), len(s.taken))
	}
}

func TestBatchesBySize(t *testing.T) {
	t.Parallel()
	s := &service{parallel: 1}
	b := s.box(t)
	var events []event.Event
	for _, size := range []int{600, 300, 100, 1, 999, 2, 1000, 1001} {
		events = append(events, event.Event{Data: []byte(strings.Repeat("x", size))})
	}
	err := b.Deliver(t.Context(), events)
	refused, ok := errors.AsType[*subscribe.RefusedError](err)
	if !ok || len(refused.Refused) != 1 || refused.Refused[7] == nil {
		t.Errorf("got %v, want the last one refused", err)
	}
	if err := b.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want := []int{3, 2, 1, 1}; !slices.Equal(s.sizes, want) {
		t.Errorf("batches of %v, want %v", s.sizes, want)
	}
}

// The memory is bounded without a flush.
func TestLargeMessagesDoNotWait(t *testing.T) {
	t.Parallel()
	s := &service{bytes: 1 << 20}
	b := s.box(t)
	for range 4 {
		if err := b.Deliver(t.Context(), []event.Event{{Data: make([]byte, 1<<20)}}); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.taken) != 4 {
		t.Errorf("%d taken of 4 MiB", len(s.taken))
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	never := &outbox.NeverError{Reason: "odd"}
	s := &service{count: 2, parallel: 2, do: func(m *outbox.Message, _ int) error {
		if m.Body == "1" || m.Body == "5" {
			return never
		}
		return nil
	}}
	b := s.box(t)
	events := numbered(0, 5)
	events[2].Data = []byte("impossible")
	for i := range events {
		events[i].Subject = "s" + events[i].ID
	}
	err := b.Deliver(t.Context(), events) // 0, 1, 3 and 4 are sent, full
	refused, ok := errors.AsType[*subscribe.RefusedError](err)
	if !ok || len(refused.Refused) != 2 || refused.Refused[1] != never || refused.Refused[2] == nil || refused.Earlier != nil { //nolint:errorlint // the very same
		t.Fatalf("got %#v", err)
	}
	last := numbered(5, 6)
	last[0].Subject = "s5"
	if err := b.Deliver(t.Context(), last); err != nil {
		t.Fatal(err)
	}
	err = b.Flush(t.Context())
	refused, ok = errors.AsType[*subscribe.RefusedError](err)
	want := []subscribe.Refusal{{Reason: never, ID: "s5", Event: []byte("5")}}
	if !ok || len(refused.Refused) != 0 || len(refused.Earlier) != 1 || refused.Earlier[0].ID != "s5" || string(refused.Earlier[0].Event) != "5" {
		t.Fatalf("got %v, want %v", err, want)
	}
	if err := b.Flush(t.Context()); err != nil {
		t.Errorf("told again: %v", err)
	}
	slices.Sort(s.taken)
	if diff := gocmp.Diff([]string{"0", "3", "4"}, s.taken); diff != "" {
		t.Errorf("taken (-want +got)\n%s", diff)
	}
}

// What was refused late is told even where the next Deliver fails.
func TestRefusalOutlivesAnError(t *testing.T) {
	t.Parallel()
	deny := true
	s := &service{count: 1, parallel: 1, do: func(m *outbox.Message, _ int) error {
		switch {
		case m.Body == "0":
			return &outbox.NeverError{Reason: "odd"}
		case m.Body == "1" && deny:
			return errDenied
		}
		return nil
	}}
	b := s.box(t)
	if err := b.Deliver(t.Context(), []event.Event{}); err != nil {
		t.Fatal(err)
	}
	err := b.Deliver(t.Context(), numbered(0, 2))
	if !errors.Is(err, errDenied) {
		t.Fatalf("got %v, want it denied", err)
	}
	deny = false
	if err := b.Flush(t.Context()); err != nil {
		t.Errorf("got %v: what a failed Deliver had refused is read again", err)
	}
	if diff := gocmp.Diff([]string{"1"}, s.taken); diff != "" {
		t.Errorf("taken (-want +got)\n%s", diff)
	}
}

func TestRetries(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		do    func(m *outbox.Message, tries int) error
		doAll func(batch []*outbox.Message, call int) error
		calls int
		took  time.Duration
	}{
		{"taken at once", nil, nil, 2, 0},
		{
			"in part", func(m *outbox.Message, tries int) error {
				if m.Body == "3" && tries < 4 {
					return errBusy
				}
				return nil
			}, nil, 5, (50 + 100 + 200) * time.Millisecond,
		},
		{
			"throttled", nil, func(_ []*outbox.Message, call int) error {
				if call <= 4 {
					return errBusy
				}
				return nil
			}, 6, (50 + 100) * time.Millisecond,
		},
		{
			"no answer", nil, func(_ []*outbox.Message, call int) error {
				if call == 1 {
					return context.DeadlineExceeded
				}
				return nil
			}, 3, 50 * time.Millisecond,
		},
		{
			"refused as a whole", nil, func(batch []*outbox.Message, _ int) error {
				if len(batch) > 1 {
					return outbox.ErrOneByOne
				}
				return nil
			}, 2 + 12, 0,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &service{do: tt.do, doAll: tt.doAll}
				b := s.box(t)
				start := time.Now()
				if err := b.Deliver(t.Context(), numbered(0, 12)); err != nil {
					t.Fatal(err)
				}
				if err := b.Flush(t.Context()); err != nil {
					t.Fatal(err)
				}
				if got := time.Since(start); got != tt.took {
					t.Errorf("took %v, want %v", got, tt.took)
				}
				if len(s.taken) != 12 || s.calls != tt.calls {
					t.Errorf("%d taken in %d calls, want %d", len(s.taken), s.calls, tt.calls)
				}
			})
		})
	}
}

func TestOneByOne(t *testing.T) {
	t.Parallel()
	s := &service{doAll: func(batch []*outbox.Message, _ int) error {
		for _, m := range batch {
			if m.Body == "2" {
				return fmt.Errorf("the batch: %w", outbox.ErrOneByOne)
			}
		}
		return nil
	}}
	b := s.box(t)
	if err := b.Deliver(t.Context(), numbered(0, 4)); err != nil {
		t.Fatal(err)
	}
	err := b.Flush(t.Context())
	refused, ok := errors.AsType[*subscribe.RefusedError](err)
	if !ok || len(refused.Earlier) != 1 || string(refused.Earlier[0].Event) != "2" || len(s.taken) != 3 {
		t.Errorf("got %v, taken %v", err, s.taken)
	}
}

// What cannot be sent now is not lost, and goes out in its order.
func TestErrorsEndIt(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		err  error
		want error
		took time.Duration // at most
	}{
		{"denied", errDenied, errDenied, 0},
		{"busy for ever", errBusy, errBusy, 30 * time.Second},
		{"never answers", context.DeadlineExceeded, context.DeadlineExceeded, 30 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				broken := true
				s := &service{parallel: 1, doAll: func([]*outbox.Message, int) error {
					if broken {
						return tt.err
					}
					return nil
				}}
				b := s.box(t)
				if err := b.Deliver(t.Context(), numbered(0, 9)); err != nil {
					t.Fatal(err)
				}
				start := time.Now()
				if err := b.Flush(t.Context()); !errors.Is(err, tt.want) {
					t.Errorf("got %v, want %v", err, tt.want)
				}
				if took := time.Since(start); took > tt.took || took < tt.took/2 {
					t.Errorf("took %v, want about %v", took, tt.took)
				}
				broken = false
				if err := b.Flush(t.Context()); err != nil {
					t.Fatal(err)
				}
				if got, want := strings.Join(s.taken, ""), "012345678"; got != want {
					t.Errorf("got %s, want %s", got, want)
				}
			})
		})
	}
}

// One message that never gets through does not take the others along, and does
// not hold the run for ever.
func TestOnePoisoned(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &service{do: func(m *outbox.Message, _ int) error {
			if m.Body == "7" {
				return errBusy
			}
			return nil
		}}
		b := s.box(t)
		if err := b.Deliver(t.Context(), numbered(0, 30)); err != nil {
			t.Fatal(err)
		}
		if err := b.Flush(t.Context()); !errors.Is(err, errBusy) || len(s.taken) != 29 {
			t.Errorf("got %v, %d taken", err, len(s.taken))
		}
	})
}

// A service that hangs is given up, and so is one whose caller goes away.
func TestHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &service{latency: func() time.Duration { return time.Hour }}
		b := s.box(t)
		if err := b.Deliver(t.Context(), numbered(0, 30)); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		if err := b.Flush(t.Context()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if took := time.Since(start); took > 45*time.Second {
			t.Errorf("gave up after %v: a lease would have ended by then", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start = time.Now()
		if err := b.Flush(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if took := time.Since(start); took != time.Second {
			t.Errorf("returned after %v", took)
		}
		s.latency = nil
		if err := b.Flush(t.Context()); err != nil || len(s.taken) != 30 {
			t.Errorf("got %v, %d taken", err, len(s.taken))
		}
	})
}

// Whatever fails, everything is taken or refused in the end, and the messages of
// a group in their order.
func TestNothingLostNothingTurnedAround(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		groups := rapid.IntRange(0, 6).Draw(rt, "groups")
		pages := rapid.SliceOfN(rapid.IntRange(0, 40), 1, 8).Draw(rt, "pages")
		trouble := rapid.Float64Range(0, 0.5).Draw(rt, "trouble")
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1))
		s := &service{
			count: rapid.IntRange(1, 10).Draw(rt, "count"), parallel: rapid.IntRange(1, 5).Draw(rt, "parallel"),
			latency: func() time.Duration { return time.Duration(rng.IntN(50)) * time.Millisecond },
		}
		var mu sync.Mutex // guards rng, which latency uses outside of the service's
		latency := s.latency
		s.latency = func() time.Duration { mu.Lock(); defer mu.Unlock(); return latency() }
		chance := func(p float64) bool { mu.Lock(); defer mu.Unlock(); return rng.Float64() < p }
		s.do = func(m *outbox.Message, _ int) error {
			switch {
			case strings.HasSuffix(m.Body, "13"):
				return &outbox.NeverError{Reason: "unlucky"}
			case chance(trouble):
				return errBusy
			}
			return nil
		}
		s.doAll = func([]*outbox.Message, int) error {
			switch {
			case chance(trouble / 5):
				return errDenied
			case chance(trouble / 2):
				return errBusy
			}
			return nil
		}
		synctest.Test(t, func(t *testing.T) {
			b := s.box(t)
			n, refused := 0, 0
			count := func(err error) {
				if r, ok := errors.AsType[*subscribe.RefusedError](err); ok {
					refused += len(r.Refused) + len(r.Earlier)
				} else if err != nil && !errors.Is(err, errDenied) && !errors.Is(err, errBusy) {
					rt.Errorf("got %v", err)
				}
			}
			want := 0
			for _, size := range pages {
				events := numbered(n, n+size)
				n += size
				for i := range events {
					if groups > 0 {
						events[i].Subject = strconv.Itoa(rng.IntN(groups))
						events[i].Data = fmt.Appendf(nil, "%s/%06d", events[i].Subject, n-size+i)
					}
				}
				err := b.Deliver(t.Context(), events)
				count(err)
				if errors.Is(err, errDenied) {
					break // a run would end here; what it had taken is flushed
				}
				want = n
			}
			for range 1000 {
				err := b.Flush(t.Context())
				count(err)
				if err == nil {
					break
				}
			}
			if len(s.taken)+refused < want {
				rt.Errorf("%d taken, %d refused of %d", len(s.taken), refused, want)
			}
			last := map[string]string{}
			for _, body := range s.taken {
				group, _, ordered := strings.Cut(body, "/")
				if ordered && body <= last[group] {
					rt.Errorf("%s after %s", body, last[group])
				}
				last[group] = body
			}
		})
	})
}
