package publish_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"intercom-connector/internal/pause"
	"intercom-connector/internal/publish"
)

// A metered server allows limit requests in each ten seconds, as Intercom does,
// and keeps the order in which it was asked.
type metered struct {
	limit   int
	latency time.Duration
	fail    func(n int) (reply, bool)

	mu      sync.Mutex
	start   time.Time
	used, n int
	refused int
	last    map[string]int // by contact: the highest number
	applied map[string]int
	broken  []string // orders that were not kept
}

func (m *metered) answer(_ int, request, body string) reply {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.n++
	now := time.Now()
	if window := now.Truncate(10 * time.Second); !window.Equal(m.start) {
		m.start, m.used = window, 0
	}
	header := func(r reply) reply {
		return r.with("X-RateLimit-Limit", strconv.Itoa(m.limit)).
			with("X-RateLimit-Remaining", strconv.Itoa(max(0, m.limit-m.used))).
			with("X-RateLimit-Reset", strconv.FormatInt(m.start.Add(10*time.Second).Unix(), 10))
	}
	if m.limit > 0 && m.used >= m.limit {
		m.refused++
		return header(refusal(http.StatusTooManyRequests, "rate_limit_exceeded", "x"))
	}
	m.used++
	if m.fail != nil {
		if r, ok := m.fail(m.n); ok {
			return header(r)
		}
	}
	contact, _, _ := strings.Cut(strings.TrimPrefix(request, "PUT /contacts/"), " ")
	var number int
	if _, err := fmt.Sscanf(body, `{"name":"%d"}`, &number); err == nil {
		if m.last == nil {
			m.last, m.applied = map[string]int{}, map[string]int{}
		}
		if number < m.last[contact] {
			m.broken = append(m.broken, fmt.Sprintf("%s: %d after %d", contact, number, m.last[contact]))
		}
		m.last[contact] = number
		m.applied[contact+"/"+strconv.Itoa(number)]++
	}
	r := ok(`{}`)
	if m.limit > 0 {
		r = header(r)
	}
	r.delay = m.latency
	return r
}

// numbered are n messages in groups, each group's in a row or all mixed.
func numbered(n, groups int, mixed bool) iter.Seq2[publish.Delivery, error] {
	return func(yield func(publish.Delivery, error) bool) {
		for i := range n {
			group, number := i/(n/groups), i%(n/groups)
			if mixed {
				group, number = i%groups, i/groups
			}
			body := fmt.Sprintf(`{"group":"%d","path":{"contact_id":"%d"},"payload":{"name":"%d"}}`, group, group, number)
			if !yield(publish.Delivery{ID: "id" + strconv.Itoa(i), Body: []byte(body), Line: i + 1}, nil) {
				return
			}
		}
	}
}

// 20,000 updates at 10,000 a minute take a little more than two minutes.
func TestStreamUsesTheLimit(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		groups int
		mixed  bool
	}{
		{"distinct contacts", 20_000, true},
		{"groups of ten, mixed", 2_000, true},
		{"groups of ten, in a row", 2_000, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				const n, limit = 20_000, 1_666
				m := &metered{limit: limit, latency: 100 * time.Millisecond}
				b := newBench(t, &server{answer: m.answer}, "PUT", "contacts/{contact_id}")
				b.quiet = true
				start := time.Now()
				results := 0
				err := b.publisher(t).Stream(t.Context(), numbered(n, tt.groups, tt.mixed), func(r publish.Result, _ publish.Delivery) error {
					if r.Outcome != publish.Done {
						t.Errorf("got %+v", r)
					}
					results++
					return nil
				})
				if err != nil || results != n {
					t.Fatalf("%d results, %v", results, err)
				}
				took := time.Since(start)
				rate := float64(n) / took.Seconds() / (limit / 10.0)
				t.Logf("%v: %.1f %% of the limit, %d refused", took, 100*rate, m.refused)
				if rate < 0.9 {
					t.Errorf("%.1f %% of the limit", 100*rate)
				}
				if len(m.broken) > 0 {
					t.Errorf("order not kept: %q", m.broken[:min(3, len(m.broken))])
				}
			})
		})
	}
}

// Failures delay their group and no other; in the end all is done, in order.
func TestStreamRetries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const n, groups = 2_000, 200
		m := &metered{latency: 100 * time.Millisecond}
		m.fail = func(n int) (reply, bool) {
			switch n % 13 {
			case 3:
				return refusal(503, "service_unavailable", "x"), true
			case 7:
				return errCut, true
			}
			return reply{}, false
		}
		b := newBench(t, &server{answer: m.answer}, "PUT", "contacts/{contact_id}")
		seen := map[string]int{}
		err := b.publisher(t).Stream(t.Context(), numbered(n, groups, true), func(r publish.Result, d publish.Delivery) error {
			seen[r.ID]++
			if r.Outcome != publish.Done || r.Line != d.Line {
				t.Errorf("got %+v of line %d", r, d.Line)
			}
			return nil
		})
		if err != nil || len(seen) != n {
			t.Fatalf("%d of %d, %v", len(seen), n, err)
		}
		if len(m.broken) > 0 || len(m.applied) != n {
			t.Errorf("%d applied, order not kept: %q", len(m.applied), m.broken)
		}
	})
}

// The stream looks no further ahead than it must, whatever stands in its way.
func TestStreamLooksAheadABit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, &server{answer: func(_ int, request, _ string) reply {
			if strings.HasPrefix(request, "PUT /contacts/0") {
				return refusal(503, "service_unavailable", "x")
			}
			return ok(`{}`)
		}}, "PUT", "contacts/{contact_id}")
		b.order.GiveUpAfter = time.Hour
		var read, settled atomic.Int64
		deliveries := func(yield func(publish.Delivery, error) bool) {
			for d, err := range numbered(20_000, 1, true) {
				if held := read.Add(1) - settled.Load(); held > 2_100 {
					t.Errorf("%d messages in memory", held)
				}
				if !yield(d, err) {
					return
				}
			}
		}
		err := b.publisher(t).Stream(t.Context(), deliveries, func(r publish.Result, _ publish.Delivery) error {
			if r.Outcome != publish.Dead || !strings.Contains(r.Reason, "given up 1h0m0s") {
				t.Errorf("got %+v", r)
			}
			if settled.Add(1) == 3 {
				return errEnough
			}
			return nil
		})
		if !errors.Is(err, errEnough) || settled.Load() != 3 || read.Load() < 2_000 {
			t.Errorf("%d read, %d settled, %v", read.Load(), settled.Load(), err)
		}
	})
}

var errEnough = errors.New("enough")

// Whoever stops the stream hears of what was under way, and of nothing else.
func TestStreamStops(t *testing.T) {
	t.Parallel()
	broken := errors.New("disk gone")
	for _, tt := range []struct {
		name string
		want error
		stop func(cancel func(), n int) error // from the callback of result n
		feed error                            // after 100 deliveries
	}{
		{name: "cancelled", want: context.Canceled, stop: func(cancel func(), n int) error {
			if n == 20 {
				cancel()
			}
			return nil
		}},
		{name: "the callback fails", want: errEnough, stop: func(_ func(), n int) error {
			if n == 20 {
				return errEnough
			}
			return nil
		}},
		{name: "the file cannot be read", want: broken, feed: broken},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := &metered{latency: 100 * time.Millisecond}
				b := newBench(t, &server{answer: m.answer}, "POST", "contacts/{contact_id}/notes")
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				results := 0
				deliveries := func(yield func(publish.Delivery, error) bool) {
					for i := range 10_000 {
						if i == 100 && tt.feed != nil {
							yield(publish.Delivery{}, tt.feed)
							return
						}
						if !yield(msg(strconv.Itoa(i), strings.Replace(noteBody, "Hello", strconv.Itoa(i), 1)), nil) {
							return
						}
					}
				}
				err := b.publisher(t).Stream(ctx, deliveries, func(r publish.Result, _ publish.Delivery) error {
					if r.Outcome != publish.Done {
						t.Errorf("got %+v", r)
					}
					results++
					if tt.stop == nil {
						return nil
					}
					return tt.stop(cancel, results)
				})
				if !errors.Is(err, tt.want) {
					t.Errorf("got %v, want %v", err, tt.want)
				}
				if sent := len(b.server.requests()); tt.name != "the callback fails" && sent != results || sent > 500 {
					t.Errorf("%d sent, %d reported", sent, results)
				}
			})
		})
	}
}

// A pause ends the stream: before it begins, by the answer, and by somebody else.
func TestStreamPaused(t *testing.T) {
	t.Parallel()
	t.Run("before", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, script(), "PUT", "contacts/{contact_id}")
		if err := pause.Begin(t.Context(), b.store, "main", "by hand", ""); err != nil {
			t.Fatal(err)
		}
		err := b.publisher(t).Stream(t.Context(), numbered(10, 1, true), func(publish.Result, publish.Delivery) error {
			t.Error("a result")
			return nil
		})
		if paused, ok := errors.AsType[*publish.PausedError](err); !ok || paused.Reason != "by hand" {
			t.Errorf("got %v", err)
		}
	})
	t.Run("by the answer", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, &server{answer: func(n int, _, _ string) reply {
				if n > 10 {
					return refusal(401, "token_revoked", "x")
				}
				return ok(`{}`)
			}}, "PUT", "contacts/{contact_id}")
			outcomes := map[publish.Outcome]int{}
			err := b.publisher(t).Stream(t.Context(), numbered(1_000, 1_000, true), func(r publish.Result, _ publish.Delivery) error {
				outcomes[r.Outcome]++
				return nil
			})
			if _, ok := errors.AsType[*publish.PausedError](err); !ok {
				t.Errorf("got %v", err)
			}
			if outcomes[publish.Done] != 10 || outcomes[publish.Paused] == 0 || len(outcomes) != 2 || len(b.server.requests()) > 200 {
				t.Errorf("%v after %d requests", outcomes, len(b.server.requests()))
			}
		})
	})
	t.Run("by somebody else", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			m := &metered{latency: 100 * time.Millisecond}
			b := newBench(t, &server{answer: m.answer}, "PUT", "contacts/{contact_id}")
			time.AfterFunc(10*time.Second, func() {
				if err := pause.Begin(t.Context(), b.store, "main", "by hand", ""); err != nil {
					t.Error(err)
				}
			})
			start := time.Now()
			err := b.publisher(t).Stream(t.Context(), numbered(100_000, 1, true), func(publish.Result, publish.Delivery) error { return nil })
			if _, ok := errors.AsType[*publish.PausedError](err); !ok || time.Since(start) > 20*time.Second {
				t.Errorf("got %v after %v", err, time.Since(start))
			}
		})
	})
}
