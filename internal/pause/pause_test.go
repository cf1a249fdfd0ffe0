package pause_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"intercom-connector/internal/pause"
	"intercom-connector/internal/state"
	"intercom-connector/internal/state/memstate"
)

func TestPause(t *testing.T) {
	t.Parallel()
	type step struct {
		do      string // pause, resume, or wait
		reason  string
		version string
	}
	for _, tt := range []struct {
		name  string
		steps []step
		want  string
	}{
		{"not at all", nil, ""},
		{"by hand", []step{{"pause", "by hand", ""}}, "by hand"},
		{"the first reason stays", []step{{"pause", "by hand", ""}, {"pause", "second", ""}}, "by hand"},
		{"the first refusal of a token stays", []step{{"pause", "first", "v1"}, {"pause", "second", "v1"}}, "first"},
		{"a refusal of another token is news", []step{{"pause", "first", "v1"}, {"pause", "second", "v2"}}, "second"},
		{"a hand outdoes a refusal", []step{{"pause", "first", "v1"}, {"pause", "by hand", ""}}, "by hand"},
		{"a refusal does not outdo a hand", []step{{"pause", "by hand", ""}, {"pause", "first", "v1"}}, "by hand"},
		{"without a reason", []step{{"pause", "", ""}}, "no reason was given"},
		{"resumed", []step{{"pause", "by hand", ""}, {"resume", "", ""}, {"resume", "", ""}}, ""},
		{"resumed with a token", []step{{"pause", "first", "v1"}, {"resume", "", "v2"}}, ""},
		{"a late refusal", []step{{"pause", "first", "v1"}, {"resume", "", "v2"}, {"pause", "late", "v1"}}, ""},
		{"a late refusal, never paused", []step{{"resume", "", "v2"}, {"pause", "late", "v1"}}, ""},
		{"a late refusal, resumed by hand since", []step{{"resume", "", "v2"}, {"resume", "", ""}, {"pause", "late", "v1"}}, ""},
		{"the new token is refused", []step{{"resume", "", "v2"}, {"pause", "second", "v2"}}, "second"},
		{"the old token was put back", []step{{"resume", "", "v2"}, {"wait", "", ""}, {"pause", "again", "v1"}}, "again"},
		{"there is no token", []step{{"pause", "no token", pause.NoToken}}, "no token"},
		{"there was no token", []step{{"resume", "", "v1"}, {"pause", "no token", pause.NoToken}}, ""},
		{"by hand after a grant", []step{{"resume", "", "v2"}, {"pause", "by hand", ""}}, "by hand"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				store := &memstate.Store{}
				for _, s := range tt.steps {
					var err error
					switch s.do {
					case "pause":
						err = pause.Begin(t.Context(), store, "main", s.reason, s.version)
					case "resume":
						err = pause.Resume(t.Context(), store, "main", s.version)
					case "wait":
						time.Sleep(6 * time.Minute)
					}
					if err != nil {
						t.Fatal(err)
					}
				}
				if got, err := pause.Reason(t.Context(), store, "main"); got != tt.want || err != nil {
					t.Errorf("got %q, %v, want %q", got, err, tt.want)
				}
				if got, err := pause.Reason(t.Context(), store, "other"); got != "" || err != nil {
					t.Errorf("another client: got %q, %v", got, err)
				}
			})
		})
	}
}

// A pause that says nothing that can be understood is a pause.
func TestPauseThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for _, value := range []string{`{}`, `null`, `garbage`, ``, `{"reason":7}`, `[]`} {
		store := &memstate.Store{}
		if _, err := store.Create(t.Context(), "paused/main", []byte(value), time.Time{}); err != nil {
			t.Fatal(err)
		}
		if got, err := pause.Reason(t.Context(), store, "main"); got == "" || err != nil {
			t.Errorf("%q: got %q, %v", value, got, err)
		}
		if err := pause.Resume(t.Context(), store, "main", "v1"); err != nil {
			t.Fatal(err)
		}
		if got, err := pause.Reason(t.Context(), store, "main"); got != "" || err != nil {
			t.Errorf("%q: still %q, %v", value, got, err)
		}
	}
}

// What an earlier release has written is understood.
func TestPauseOfAnEarlierRelease(t *testing.T) {
	t.Parallel()
	store := &memstate.Store{}
	if _, err := store.Create(t.Context(), "paused/main", []byte(`{"reason":"by hand","time":"2026-01-01T00:00:00Z"}`), time.Time{}); err != nil {
		t.Fatal(err)
	}
	if got, err := pause.Reason(t.Context(), store, "main"); got != "by hand" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

// A pause about a token that is not the current one is lifted by who finds it.
func TestStill(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		version string // of the pause
		current string
		err     error
		paused  bool
	}{
		{"the same token", "v1", "v1", nil, true},
		{"another token", "v1", "v2", nil, false},
		{"a token at last", pause.NoToken, "v1", nil, false},
		{"still no token", pause.NoToken, pause.NoToken, nil, true},
		{"the token is gone", "v1", pause.NoToken, nil, false}, // whoever wants to send pauses for that
		{"by hand", "", "v2", nil, true},
		{"tokens have no versions", "v1", "", nil, true},
		{"nobody can tell", "v1", "", errors.New("throttled"), true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			store := &memstate.Store{}
			if err := pause.Begin(t.Context(), store, "main", "why", tt.version); err != nil {
				t.Fatal(err)
			}
			current := func(context.Context) (string, error) { return tt.current, tt.err }
			got, err := pause.Still(t.Context(), store, "main", current)
			if (got != "") != tt.paused || err != nil {
				t.Errorf("got %q, %v, want paused: %v", got, err, tt.paused)
			}
			if got, _ := pause.Reason(t.Context(), store, "main"); (got != "") != tt.paused {
				t.Errorf("afterwards %q", got)
			}
		})
	}
}

// A vault has a client's token, by its version.
type vault struct{ current string }

// A scene has several actors who do one thing at a time, in an order that
// somebody chooses.
type scene struct {
	store  memstate.Store
	vault  vault
	actors []*actor
}

// An actor waits before everything that another could notice.
type actor struct {
	turn, ready chan struct{}
	done        bool
}

// enter adds an actor to a scene.
func (s *scene) enter(act func(a *actor)) *actor {
	a := &actor{turn: make(chan struct{}), ready: make(chan struct{})}
	s.actors = append(s.actors, a)
	go func() {
		<-a.turn
		act(a)
		a.done = true
		a.ready <- struct{}{}
	}()
	return a
}

// step waits for the next turn.
func (a *actor) step() {
	a.ready <- struct{}{}
	<-a.turn
}

// play gives turns until everybody is done. choose picks one of n.
func (s *scene) play(choose func(n int) int) {
	for {
		var waiting []*actor
		for _, a := range s.actors {
			if !a.done {
				waiting = append(waiting, a)
			}
		}
		if len(waiting) == 0 {
			return
		}
		a := waiting[choose(len(waiting))]
		a.turn <- struct{}{}
		<-a.ready
	}
}

// A stage is the store as an actor sees it.
type stage struct {
	s *scene
	a *actor
}

func (g stage) Get(ctx context.Context, key string) (state.Record, error) {
	g.a.step()
	return g.s.store.Get(ctx, key)
}

func (g stage) Create(ctx context.Context, key string, value []byte, expires time.Time) (state.Revision, error) {
	g.a.step()
	return g.s.store.Create(ctx, key, value, expires)
}

func (g stage) Save(ctx context.Context, key string, value []byte, rev state.Revision, expires time.Time) (state.Revision, error) {
	g.a.step()
	return g.s.store.Save(ctx, key, value, rev, expires)
}

func (g stage) Delete(ctx context.Context, key string, rev state.Revision) error {
	g.a.step()
	return g.s.store.Delete(ctx, key, rev)
}

func (g stage) List(ctx context.Context, prefix string) iter.Seq2[state.Record, error] {
	return g.s.store.List(ctx, prefix)
}

// refusal is a worker whose request with a token was refused, which it hears
// whenever its turn comes.
func (s *scene) refusal(t interface{ Errorf(string, ...any) }, version string) {
	s.enter(func(a *actor) {
		_, err := pause.Revoke(context.Background(), stage{s, a}, "main", "refused "+version, version, func(context.Context) (string, error) {
			a.step()
			return s.vault.current, nil
		})
		if err != nil {
			t.Errorf("revoke %s: %v", version, err)
		}
	})
}

// grants stores tokens, one after the other, each as a grant does.
func (s *scene) grants(t interface{ Errorf(string, ...any) }, versions ...string) {
	s.enter(func(a *actor) {
		for _, version := range versions {
			a.step()
			s.vault.current = version
			if err := pause.Resume(context.Background(), stage{s, a}, "main", version); err != nil {
				t.Errorf("resume with %s: %v", version, err)
			}
		}
	})
}

// look is a worker that is about to send.
func (s *scene) look(t interface{ Errorf(string, ...any) }) {
	s.enter(func(a *actor) {
		_, err := pause.Still(context.Background(), stage{s, a}, "main", func(context.Context) (string, error) {
			a.step()
			return s.vault.current, nil
		})
		if err != nil {
			t.Errorf("look: %v", err)
		}
	})
}

// everyOrder calls play with every order in which turns can be given.
func everyOrder(play func(choose func(n int) int)) (orders int) {
	var path, width []int
	for {
		depth := 0
		play(func(n int) int {
			if depth == len(path) {
				path, width = append(path, 0), append(width, n)
			}
			depth++
			return path[depth-1]
		})
		orders++
		for len(path) > 0 && path[len(path)-1] == width[len(path)-1]-1 {
			path, width = path[:len(path)-1], width[:len(path)-1]
		}
		if len(path) == 0 {
			return orders
		}
		path[len(path)-1]++
	}
}

// However the steps of a slow refusal and of a fresh grant mix, what is true of
// the current token is what holds in the end.
func TestPauseRaces(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		begin string // the token at first
		set   func(s *scene)
		want  string // the reason in the end
	}{
		{"a refusal and a grant", "v1", func(s *scene) {
			s.refusal(t, "v1")
			s.grants(t, "v2")
		}, ""},
		{"two refusals and a grant", "v1", func(s *scene) {
			s.refusal(t, "v1")
			s.refusal(t, "v1")
			s.grants(t, "v2")
		}, ""},
		{"a refusal and two grants", "v1", func(s *scene) {
			s.refusal(t, "v1")
			s.grants(t, "v2", "v3")
		}, ""},
		{"no token and a grant", pause.NoToken, func(s *scene) {
			s.refusal(t, pause.NoToken)
			s.grants(t, "v1")
		}, ""},
		{"a refusal, a grant, and somebody who looks", "v1", func(s *scene) {
			s.refusal(t, "v1")
			s.look(t)
			s.grants(t, "v2")
		}, ""},
		{"refusals of the old token and of the new one", "v2", func(s *scene) {
			s.refusal(t, "v1")
			s.refusal(t, "v2")
			s.look(t)
		}, "refused v2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			orders := everyOrder(func(choose func(int) int) {
				s := &scene{vault: vault{current: tt.begin}}
				tt.set(s)
				s.play(choose)
				if got, err := pause.Reason(t.Context(), &s.store, "main"); got != tt.want || err != nil {
					t.Fatalf("got %q, %v, want %q", got, err, tt.want)
				}
			})
			t.Logf("%d orders", orders)
			if orders < 10 {
				t.Errorf("only %d orders", orders)
			}
		})
	}
}

// The same of scenes that nobody has thought of: what is refused pauses, what
// is granted goes on, whoever else is at it.
func TestPauseProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := &scene{vault: vault{current: "v1"}}
		last := "v1"
		for i := range rapid.IntRange(0, 3).Draw(t, "grants") {
			last = fmt.Sprint("v", i+2)
		}
		var grants []string
		for i := 2; fmt.Sprint("v", i-1) != last; i++ {
			grants = append(grants, fmt.Sprint("v", i))
		}
		if len(grants) > 0 {
			s.grants(t, grants...)
		}
		lastRefused := rapid.Bool().Draw(t, "last refused")
		for range rapid.IntRange(1, 4).Draw(t, "workers") {
			if rapid.Bool().Draw(t, "looks") {
				s.look(t)
				continue
			}
			if len(grants) > 0 {
				s.refusal(t, fmt.Sprint("v", rapid.IntRange(1, len(grants)).Draw(t, "old token")))
			}
		}
		s.play(func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "turn") })
		want := ""
		if lastRefused { // nobody can know that before the last grant has ended
			want = "refused " + last
			s.refusal(t, last)
			s.look(t)
			for v := range grants {
				s.refusal(t, fmt.Sprint("v", v+1))
			}
			s.play(func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "turn") })
		}
		if got, err := pause.Reason(context.Background(), &s.store, "main"); got != want || err != nil {
			t.Fatalf("got %q, %v, want %q", got, err, want)
		}
	})
}
