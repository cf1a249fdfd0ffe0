package watch_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"intercom-connector/internal/config"
	"intercom-connector/internal/config/file"
	"intercom-connector/internal/pause"
	"intercom-connector/internal/state"
	"intercom-connector/internal/state/memstate"
	"intercom-connector/internal/subscribe"
	"intercom-connector/internal/watch"
)

const yaml = `
clients: {main: {auth: access_token}, other: {auth: access_token}}
subscriptions:
  often: {client: main, entity: tags, schedule: rate(5 minutes), to: {type: sqs}}
  daily: {client: other, entity: tags, schedule: cron(0 6 * * ? *), to: {type: sqs}}
  once: {client: main, entity: tags, schedule: at(2000-01-01T03:00:00), to: {type: sqs}}
  hand: {client: main, entity: tags, to: {type: sqs}}
  off: {client: main, entity: tags, schedule: rate(5 minutes), to: {type: sqs}, enabled: false}
`

func parse(t *testing.T, yaml string) *config.Config {
	t.Helper()
	cfg, err := file.Parse("connector.yaml", []byte(yaml))
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// remember puts a checkpoint into the store.
func remember(t *testing.T, store state.Store, key string, cp subscribe.Checkpoint) {
	t.Helper()
	value, err := json.Marshal(cp)
	if err != nil {
		t.Fatal(err)
	}
	record, err := store.Get(t.Context(), "checkpoint/"+key)
	if err == nil {
		_, err = store.Save(t.Context(), record.Key, value, record.Revision, time.Time{})
	} else {
		_, err = store.Create(t.Context(), "checkpoint/"+key, value, time.Time{})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// ended is the checkpoint of a subscription whose run ended now.
func ended(name string, outcome subscribe.Outcome, done int64) subscribe.Checkpoint {
	return subscribe.Checkpoint{
		Subscription: name, Workspace: "w", Done: done,
		Last: &subscribe.Report{Run: "r1", Outcome: outcome, Finished: time.Now().UTC(), Error: map[bool]string{true: "broken"}[outcome == subscribe.Failed]},
	}
}

func look(t *testing.T, store state.Store, cfg *config.Config) watch.Findings {
	t.Helper()
	found, err := watch.Look(t.Context(), store, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// subjects names what was found, in short.
func subjects(f watch.Findings) string {
	var all []string
	for _, list := range []struct {
		what  string
		found []watch.Finding
	}{{"failed", f.Failed}, {"overdue", f.Overdue}, {"incomplete", f.Incomplete}} {
		for _, s := range list.found {
			all = append(all, list.what+" "+s.Subscription)
		}
	}
	for _, p := range f.Paused {
		all = append(all, "paused "+p.Client)
	}
	return strings.Join(all, ", ")
}

func TestLook(t *testing.T) {
	t.Parallel()
	now := func() int64 { return time.Now().Unix() }
	for _, tt := range []struct {
		name   string
		before func(t *testing.T, store state.Store) // at midnight, right after the first look
		after  time.Duration
		want   string
	}{
		{"new", func(*testing.T, state.Store) {}, 15 * time.Minute, ""},
		{"never ran", func(*testing.T, state.Store) {}, 16 * time.Minute, "overdue often"},
		{"never ran for days", func(*testing.T, state.Store) {}, 55 * time.Hour, "overdue daily, overdue often"},
		{"done in time", func(t *testing.T, store state.Store) {
			t.Helper()
			remember(t, store, "w/often", ended("often", subscribe.Done, now()))
			remember(t, store, "w/daily", ended("daily", subscribe.Done, now()))
		}, 15 * time.Minute, ""},
		{"done too long ago", func(t *testing.T, store state.Store) {
			t.Helper()
			remember(t, store, "w/often", ended("often", subscribe.Done, now()))
		}, time.Hour, "overdue often"},
		{"failed", func(t *testing.T, store state.Store) {
			t.Helper()
			remember(t, store, "w/often", ended("often", subscribe.Failed, now()-60))
			remember(t, store, "w/hand", ended("hand", subscribe.Failed, 0))
			remember(t, store, "w/off", ended("off", subscribe.Failed, 0))
			remember(t, store, "w/dropped", ended("dropped", subscribe.Failed, 0))
		}, time.Minute, "failed hand, failed often"},
		{"failed for a while", func(t *testing.T, store state.Store) {
			t.Helper()
			remember(t, store, "w/often", ended("often", subscribe.Failed, now()-60))
		}, time.Hour, "failed often, overdue often"},
		{"failed before there was a checkpoint", func(t *testing.T, store state.Store) {
			t.Helper()
			note(t, store, "daily")
		}, time.Minute, "failed daily"},
		{"failed, then done", func(t *testing.T, store state.Store) {
			t.Helper()
			note(t, store, "daily")
			time.Sleep(time.Second)
			remember(t, store, "w/daily", ended("daily", subscribe.Done, now()))
		}, time.Minute, ""},
		{"done, then failed before its checkpoint", func(t *testing.T, store state.Store) {
			t.Helper()
			remember(t, store, "w/daily", ended("daily", subscribe.Done, now()))
			time.Sleep(time.Second)
			note(t, store, "daily")
		}, time.Minute, "failed daily"},
		{"incomplete", func(t *testing.T, store state.Store) {
			t.Helper()
			remember(t, store, "w/daily", ended("daily", subscribe.Incomplete, now()))
		}, time.Minute, "incomplete daily"},
		{"under way for long", func(t *testing.T, store state.Store) {
			t.Helper()
			cp := ended("often", subscribe.Done, now())
			cp.Run = &subscribe.Run{ID: "r2"}
			cp.Lease = subscribe.Lease{Owner: "somebody", Until: time.Now().Add(time.Hour + 30*time.Second)}
			remember(t, store, "w/often", cp)
		}, time.Hour, ""},
		{"died", func(t *testing.T, store state.Store) {
			t.Helper()
			cp := ended("often", subscribe.Done, now())
			cp.Run = &subscribe.Run{ID: "r2"}
			cp.Lease = subscribe.Lease{Owner: "somebody", Until: time.Now().Add(time.Minute)}
			remember(t, store, "w/often", cp)
		}, time.Hour, "overdue often"},
		{"handed over", func(t *testing.T, store state.Store) {
			t.Helper()
			cp := ended("often", subscribe.Interrupted, 0)
			cp.Run = &subscribe.Run{ID: "r1", Saved: now() + 3500, Handed: &subscribe.Mark{}}
			remember(t, store, "w/often", cp)
		}, time.Hour, ""},
		{"handed over, and nobody came", func(t *testing.T, store state.Store) {
			t.Helper()
			cp := ended("often", subscribe.Interrupted, 0)
			cp.Run = &subscribe.Run{ID: "r1", Saved: now(), Handed: &subscribe.Mark{}}
			remember(t, store, "w/often", cp)
		}, time.Hour, "overdue often"},
		{"a window failed", func(t *testing.T, store state.Store) {
			t.Helper()
			remember(t, store, "w/often", ended("often", subscribe.Done, now()))
			time.Sleep(time.Second)
			remember(t, store, "w/often/2000-01-01T00:00:00Z-now", ended("often", subscribe.Failed, 0))
		}, time.Minute, ""},
		{"left another workspace behind", func(t *testing.T, store state.Store) {
			t.Helper()
			old := ended("often", subscribe.Failed, 0)
			old.Workspace = "v"
			remember(t, store, "v/often", old)
			time.Sleep(time.Second)
			remember(t, store, "w/often", ended("often", subscribe.Done, now()))
		}, time.Minute, ""},
		{"paused", func(t *testing.T, store state.Store) {
			t.Helper()
			if err := pause.Begin(t.Context(), store, "other", "by hand", ""); err != nil {
				t.Fatal(err)
			}
		}, time.Minute, "paused other"},
		{"resumed, but its queues are not started", func(t *testing.T, store state.Store) {
			t.Helper()
			if err := pause.Start(t.Context(), store, "other", "", stuck{}); err == nil {
				t.Error("the queues were started")
			}
		}, 21 * time.Minute, "overdue often, paused other"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				store, cfg := new(memstate.Store), parse(t, yaml)
				if got := subjects(look(t, store, cfg)); got != "" {
					t.Errorf("the first look found %q", got)
				}
				start := time.Now()
				tt.before(t, store)
				time.Sleep(time.Until(start.Add(tt.after)))
				found := look(t, store, cfg)
				if got := subjects(found); got != tt.want {
					t.Errorf("got %q, want %q", got, tt.want)
				}
				if found.Subscriptions != 4 {
					t.Errorf("looked at %d subscriptions, want 4", found.Subscriptions)
				}
			})
		})
	}
}

// stuck are queues that cannot be started.
type stuck struct{ pause.Mappings }

func (stuck) Enable(context.Context, string) error { return errors.New("being changed") }

func note(t *testing.T, store state.Store, name string) {
	t.Helper()
	for range 2 { // the second writes over the first
		if err := watch.Note(t.Context(), store, name, "", errors.New("no token")); err != nil {
			t.Fatal(err)
		}
	}
}

// A schedule that is new counts from when it is met.
func TestScheduleThatChanges(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const often = "clients: {main: {auth: access_token}}\nsubscriptions:\n  it: {client: main, entity: tags, schedule: rate(5 minutes), to: {type: sqs}}\n"
		seldom := strings.Replace(often, "5 minutes", "1 day", 1)
		off := strings.Replace(often, "to:", "enabled: false, to:", 1)
		store := new(memstate.Store)
		for i, step := range []struct {
			yaml string
			wait time.Duration // before the look
			want string
		}{
			{seldom, 0, ""},
			{seldom, 20 * time.Hour, ""},
			{often, time.Hour, ""}, // deployed some time in this hour
			{often, time.Hour, "overdue it"},
			{off, time.Hour, ""},
			{often, time.Hour, ""},
			{often, time.Hour, "overdue it"},
		} {
			time.Sleep(step.wait)
			if got := subjects(look(t, store, parse(t, step.yaml))); got != step.want {
				t.Errorf("look %d: got %q, want %q", i, got, step.want)
			}
		}
	})
}

func TestLogSaysWhatToDoFirst(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	found := watch.Findings{
		Failed:     []watch.Finding{{Subscription: "a", Client: "main", Run: "r1", Error: "broken", Since: at}},
		Overdue:    []watch.Finding{{Subscription: "b", Client: "main", Since: at}},
		Incomplete: []watch.Finding{{Subscription: "c", Client: "main", Run: "r2", Since: at}},
		Paused:     []watch.Paused{{Client: "main", Reason: "the token was revoked"}},
	}
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
	found.Log(context.Background(), log, "my-stack")
	const want = `level=ERROR msg="subscription failed" subscription=a client=main run=r1 err=broken since=2026-01-02T03:04:05.000Z first="connector logs a --stack my-stack"
level=ERROR msg="subscription overdue" subscription=b client=main since=2026-01-02T03:04:05.000Z first="connector logs b --stack my-stack"
level=ERROR msg="subscription incomplete" subscription=c client=main run=r2 since=2026-01-02T03:04:05.000Z first="connector run c --stack my-stack"
level=ERROR msg="client paused" client=main reason="the token was revoked" first="connector status --stack my-stack"
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]float64{"Failed": 1, "Overdue": 1, "Incomplete": 1, "Paused": 1}, found.Metrics()); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
	if got := new(watch.Findings).Metrics(); len(got) != 0 {
		t.Errorf("nothing was found, and is counted: %v", got)
	}
}

// A store that does not answer is told, not taken for one that is empty.
func TestStoreFails(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := watch.Look(ctx, new(memstate.Store), parse(t, yaml)); err == nil {
		t.Error("it says that all is well")
	}
}
