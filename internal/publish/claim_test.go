package publish_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"intercom-connector/internal/publish"
	"intercom-connector/internal/state"
)

// What is done is never sent again: the stored answer is delivered once more.
func TestDuplicate(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, answer, stored string
	}{
		{"an answer", `{"type":"note","id":"31"}`, `{"type":"note","id":"31"}`},
		{"no answer", ``, ``},
		{"a large answer", `{"x":"` + strings.Repeat("x", 100<<10) + `"}`, `{"note":"the answer of 102408 bytes was too large to be kept"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, script(ok(tt.answer)), "POST", "contacts/{contact_id}/notes")
				first := b.publisher(t).Publish(t.Context(), msg("m1", noteBody))
				if first.Outcome != publish.Done || string(first.Answer) != tt.answer || first.Duplicate {
					t.Fatalf("first: %+v", first)
				}
				time.Sleep(44 * 24 * time.Hour)
				again := b.publisher(t).Publish(t.Context(), msg("m1", `{"payload":{"admin_id":"7","body":"Hello"}, "path":{"contact_id":"c1"}}`))
				if again.Outcome != publish.Done || !again.Duplicate || again.Requests != 0 || string(again.Answer) != tt.stored || again.Status != 200 || again.RequestID != "req-1" {
					t.Errorf("again: %+v", again)
				}
				if len(b.answers.all) != 2 {
					t.Errorf("%d answers delivered, want 2", len(b.answers.all))
				}
			})
		})
	}
}

func TestSameIDAnotherRequest(t *testing.T) {
	t.Parallel()
	other := strings.Replace(noteBody, "Hello", "Goodbye", 1)
	t.Run("after a success", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, script(ok(`{}`)), "POST", "contacts/{contact_id}/notes")
			p := b.publisher(t)
			p.Publish(t.Context(), msg("m1", noteBody))
			r := p.Publish(t.Context(), msg("m1", other))
			if r.Outcome != publish.Dead || !strings.Contains(r.Reason, "used before for another request") {
				t.Errorf("got %+v", r)
			}
		})
	})
	t.Run("after a refusal it may be mended", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, script(refusal(422, "x", "x"), ok(`{}`)), "POST", "contacts/{contact_id}/notes")
			p := b.publisher(t)
			p.Publish(t.Context(), msg("m1", noteBody))
			if r := p.Publish(t.Context(), msg("m1", other)); r.Outcome != publish.Done {
				t.Errorf("got %+v", r)
			}
		})
	})
}

// Two workers that get the same message send it once.
func TestTwoWorkers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name         string
		owner        string
		same         bool // one worker, twice at once
		want         publish.Outcome
		after        time.Duration
		wantRequests int
	}{
		{name: "two workers", want: publish.Retry, after: 2 * time.Minute, wantRequests: 1},
		{name: "one worker twice", same: true, want: publish.Retry, after: time.Second, wantRequests: 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				slow := ok(`{"id":"31"}`)
				slow.delay = 10 * time.Second
				b := newBench(t, script(slow), "POST", "contacts/{contact_id}/notes")
				b.owner = tt.owner
				one := b.publisher(t)
				two := one
				if !tt.same {
					two = b.publisher(t)
				}
				var group sync.WaitGroup
				group.Go(func() {
					if r := one.Publish(t.Context(), msg("m1", noteBody)); r.Outcome != publish.Done {
						t.Errorf("first: %+v", r)
					}
				})
				time.Sleep(time.Second)
				r := two.Publish(t.Context(), msg("m1", noteBody))
				if r.Outcome != tt.want || r.After > tt.after {
					t.Errorf("second: %+v", r)
				}
				group.Wait()
				if r := two.Publish(t.Context(), msg("m1", noteBody)); r.Outcome != publish.Done || !r.Duplicate {
					t.Errorf("later: %+v", r)
				}
				if n := len(b.server.requests()); n != tt.wantRequests {
					t.Errorf("%d requests", n)
				}
			})
		})
	}
}

// A crashing world stops dead at a certain step: every call of the store and of
// the network counts, before and after it has happened.
type crashing struct {
	state.Store

	mu   sync.Mutex
	left int // steps until the crash, -1 for none
}

// errCrash stands for a process that is no more.
var errCrash = errors.New("crashed")

// step reports whether the process is still alive.
func (c *crashing) step() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left == 0 {
		return false
	}
	if c.left > 0 {
		c.left--
	}
	return true
}

// alive reports whether there is a step left.
func (c *crashing) alive() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.left != 0
}

func (c *crashing) Get(ctx context.Context, key string) (state.Record, error) {
	if !c.step() {
		return state.Record{}, errCrash
	}
	return c.Store.Get(ctx, key)
}

func (c *crashing) Create(ctx context.Context, key string, value []byte, expires time.Time) (state.Revision, error) {
	if !c.step() {
		return "", errCrash
	}
	rev, err := c.Store.Create(ctx, key, value, expires)
	if !c.step() {
		return "", errCrash
	}
	return rev, err
}

func (c *crashing) Save(ctx context.Context, key string, value []byte, rev state.Revision, expires time.Time) (state.Revision, error) {
	if !c.step() {
		return "", errCrash
	}
	rev, err := c.Store.Save(ctx, key, value, rev, expires)
	if !c.step() {
		return "", errCrash
	}
	return rev, err
}

// The process dies between any two steps, and another goes on with the same
// message until it is settled: Intercom never gets the request twice unless a
// report says that nobody knows, and a request that was applied is done where
// it can be looked for.
func TestCrashes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, method, entity, message, look string
		found                               func(applied int) string
		want                                publish.Outcome
	}{
		{
			name: "a note, which can be looked for", method: "POST", entity: "contacts/{contact_id}/notes", message: noteBody,
			look: "GET /contacts/c1/notes", want: publish.Done,
			found: func(applied int) string {
				if applied == 0 {
					return `{"data":[]}`
				}
				return fmt.Sprintf(`{"data":[{"id":"31","created_at":%d,"author":{"id":"7"},"body":"<p>Hello</p>"}]}`, time.Now().Unix())
			},
		},
		{name: "an article, which cannot", method: "POST", entity: "articles", message: `{"payload":{"title":"t","author_id":1}}`, want: publish.Unknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for at := 0; ; at++ {
				finished := false
				synctest.Test(t, func(t *testing.T) {
					applied := 0
					crash := &crashing{left: at}
					s := &server{answer: func(_ int, request, _ string) reply {
						if !crash.step() {
							return errCut
						}
						if strings.HasPrefix(request, "GET ") {
							if !strings.HasPrefix(request, tt.look) {
								t.Errorf("looked at %s", request)
							}
							return ok(tt.found(applied))
						}
						applied++
						if !crash.step() {
							return errCut
						}
						return ok(`{"id":"31"}`)
					}}
					b := newBench(t, s, tt.method, tt.entity)
					crash.Store = b.store
					inner := b.store
					b.store = crash
					r := b.publisher(t).Publish(t.Context(), msg("m1", tt.message))
					finished = r.Outcome == publish.Done && crash.left > 0
					b.store = inner // the next process is alive
					crash.left = -1
					for range 20 {
						r = b.publisher(t).Publish(t.Context(), msg("m1", tt.message))
						if r.Outcome != publish.Retry {
							break
						}
						time.Sleep(r.After)
					}
					switch {
					case r.Outcome == publish.Unknown && tt.want == publish.Unknown && applied <= 1:
					case r.Outcome == publish.Done && applied == 1:
					default:
						t.Errorf("crash at step %d: %s: %s, applied %d times", at, r.Outcome, r.Reason, applied)
					}
				})
				if finished || t.Failed() || at > 50 {
					if at < 6 {
						t.Errorf("only %d steps were seen", at)
					}
					return
				}
			}
		})
	}
}

// The answer comes, and cannot be remembered: it is not lost as long as the
// process lives.
func TestStoreDownAfterwards(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, script(ok(`{"id":"31"}`)), "POST", "articles")
		crash := &crashing{Store: b.store, left: -1}
		s := b.server.answer
		b.server.answer = func(n int, request, body string) reply {
			crash.left = 0
			return s(n, request, body)
		}
		b.store = crash
		p := b.publisher(t)
		article := `{"payload":{"title":"t","author_id":1}}`
		if r := p.Publish(t.Context(), msg("m1", article)); r.Outcome != publish.Retry || !strings.Contains(r.Reason, "cannot be remembered") {
			t.Fatalf("got %+v", r)
		}
		crash.left = -1
		if r := p.Publish(t.Context(), msg("m1", article)); r.Outcome != publish.Done || string(r.Answer) != `{"id":"31"}` {
			t.Errorf("got %+v", r)
		}
	})
}

// The answer cannot be delivered, or the dead letter not kept: nothing is
// reported, and nothing is sent twice.
func TestNothingIsReportedBeforeItIsSafe(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, script(ok(`{"id":"31"}`), refusal(422, "x", "x"), refusal(422, "x", "x")), "POST", "contacts/{contact_id}/notes")
		p := b.publisher(t)
		b.answers.err = errors.New("queue down")
		if r := p.Publish(t.Context(), msg("m1", noteBody)); r.Outcome != publish.Retry || !strings.Contains(r.Reason, "queue down") || r.Answer != nil {
			t.Errorf("got %+v", r)
		}
		b.answers.err = nil
		if r := p.Publish(t.Context(), msg("m1", noteBody)); r.Outcome != publish.Done || !r.Duplicate || len(b.answers.all) != 1 {
			t.Errorf("got %+v", r)
		}
		b.letters.err = errors.New("table down")
		if r := p.Publish(t.Context(), msg("m2", noteBody)); r.Outcome != publish.Retry || !strings.Contains(r.Reason, "table down") {
			t.Errorf("got %+v", r)
		}
		b.letters.err = nil
		if r := p.Publish(t.Context(), msg("m2", noteBody)); r.Outcome != publish.Dead || b.letters.len() != 1 {
			t.Errorf("got %+v", r)
		}
	})
}

// A dead worker's claim: its next life goes on at once, others wait for its end.
func TestClaimOfTheDead(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		owner string
		want  publish.Outcome
	}{
		{"another worker waits", "", publish.Retry},
		{"its next life goes on", "laptop", publish.Unknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, script(errCut), "POST", "articles")
				b.owner = tt.owner
				crash := &crashing{Store: b.store, left: -1}
				answer := b.server.answer
				b.server.answer = func(n int, request, body string) reply {
					crash.left = 0
					return answer(n, request, body)
				}
				inner := b.store
				b.store = crash
				article := `{"payload":{"title":"t","author_id":1}}`
				if r := b.publisher(t).Publish(t.Context(), msg("m1", article)); r.Outcome != publish.Retry {
					t.Fatalf("got %+v", r)
				}
				b.store = inner
				if r := b.publisher(t).Publish(t.Context(), msg("m1", article)); r.Outcome != tt.want {
					t.Errorf("got %+v, want %s", r, tt.want)
				}
			})
		})
	}
}

// An unknown outcome stays unknown until somebody says to forget it.
func TestForget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, script(errCut, ok(`{}`)), "POST", "articles")
		p := b.publisher(t)
		article := msg("m1", `{"payload":{"title":"t","author_id":1}}`)
		for range 2 {
			if r := p.Publish(t.Context(), article); r.Outcome != publish.Unknown {
				t.Fatalf("got %+v", r)
			}
		}
		if n := len(b.server.requests()); n != 1 {
			t.Fatalf("%d requests", n)
		}
		for _, want := range []bool{true, false} {
			if got, err := p.Forget(t.Context(), "m1"); err != nil || got != want {
				t.Errorf("forget: %t, %v; want %t", got, err, want)
			}
		}
		if r := p.Publish(t.Context(), article); r.Outcome != publish.Done {
			t.Errorf("got %+v", r)
		}
		if got, err := p.Forget(t.Context(), "m1"); err != nil || got {
			t.Errorf("what is done was forgotten: %t, %v", got, err)
		}
	})
}
