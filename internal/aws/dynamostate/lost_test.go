package dynamostate_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"intercom-connector/internal/aws/dynamostate"
	"intercom-connector/internal/names"
	"intercom-connector/internal/state"
)

// A write that was carried out is one that succeeded, although its answer was
// lost and the repeated request found its condition broken.
func TestLostAnswer(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]int{"small": 10, "in chunks": 700 << 10} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := config(t)
			table := table(t, cfg)
			cfg, faults := faulty(cfg)
			store, ctx, value := dynamostate.New(cfg, table), t.Context(), make([]byte, size)
			losses := 0
			loseNext := func() {
				losses = 0
				faults.on = func(operation, body string) fault {
					if operation == "PutItem" && strings.Contains(body, `"rev"`) && losses < 3 {
						losses++
						return lost
					}
					return none
				}
			}
			check := func(call string, err error) {
				t.Helper()
				if err != nil {
					t.Fatalf("%s: %v", call, err)
				}
				if losses != 3 {
					t.Fatalf("%s: %d answers were lost, want 3", call, losses)
				}
			}

			loseNext()
			created, err := store.Create(ctx, "a", value, never)
			check("Create", err)
			if _, err := store.Create(ctx, "a", value, never); !errors.Is(err, state.ErrExists) {
				t.Errorf("another Create: got %v, want %v", err, state.ErrExists)
			}
			loseNext()
			saved, err := store.Save(ctx, "a", value, created, never)
			check("Save", err)
			if _, err := store.Save(ctx, "a", value, created, never); !errors.Is(err, state.ErrConflict) {
				t.Errorf("another Save: got %v, want %v", err, state.ErrConflict)
			}
			if r, err := store.Get(ctx, "a"); err != nil || r.Revision != saved || len(r.Value) != size {
				t.Errorf("got %d bytes at %q, %v, want %d at %q", len(r.Value), r.Revision, err, size, saved)
			}
			loseNext()
			check("Delete", store.Delete(ctx, "a", saved))
			if err := store.Delete(ctx, "a", saved); !errors.Is(err, state.ErrConflict) {
				t.Errorf("another Delete: got %v, want %v", err, state.ErrConflict)
			}
		})
	}
}

// Where nothing gets through, the error says what was tried and is none that
// tells how the record is. The table is not touched by what only looks.
func TestNothingGetsThrough(t *testing.T) {
	t.Parallel()
	for name, kind := range map[string]fault{"throttled": throttled, "internal error": failed, "no connection": cut} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := config(t)
			name := table(t, cfg)
			rev, err := dynamostate.New(cfg, name).Create(t.Context(), "checkpoint/a", []byte("value"), never)
			wantNo(t, err)
			cfg, faults := faulty(cfg)
			faults.on = func(string, string) fault { return kind }
			store, ctx := dynamostate.New(cfg, name), t.Context()
			_, getErr := store.Get(ctx, "checkpoint/a")
			_, createErr := store.Create(ctx, "checkpoint/b", nil, never)
			_, saveErr := store.Save(ctx, "checkpoint/a", nil, rev, never)
			for call, err := range map[string]error{
				"state: get checkpoint/a: ":    getErr,
				"state: create checkpoint/b: ": createErr,
				"state: save checkpoint/a: ":   saveErr,
				"state: delete checkpoint/a: ": store.Delete(ctx, "checkpoint/a", rev),
				"state: list checkpoint/: ":    listError(ctx, store, "checkpoint/"),
				"state: list : ":               listError(ctx, store, ""),
			} {
				if err == nil || !strings.HasPrefix(err.Error(), call) ||
					errors.Is(err, state.ErrConflict) || errors.Is(err, state.ErrExists) || errors.Is(err, state.ErrNotFound) {
					t.Errorf("got %v, want an error of its own that begins with %q", err, call)
				}
			}
			if got, want := faults.sent.Load(), int64(6*attempts); got != want {
				t.Errorf("%d requests, want %d: every try of six calls", got, want)
			}
			faults.on = func(string, string) fault { return none }
			if r, err := store.Get(ctx, "checkpoint/a"); err != nil || r.Revision != rev {
				t.Errorf("afterwards: %q, %v", r.Revision, err)
			}
		})
	}
}

// listError returns the error of a list.
func listError(ctx context.Context, store state.Store, prefix string) error {
	for _, err := range store.List(ctx, prefix) {
		if err != nil {
			return err
		}
	}
	return nil
}

// Somebody replaces the value, again and again, between the reading of its
// record and of its chunks. Who reads gets one of them, whole.
func TestReplacedWhileRead(t *testing.T) {
	t.Parallel()
	cfg := config(t)
	name := table(t, cfg)
	writer := dynamostate.New(cfg, name)
	rev, err := writer.Create(t.Context(), "a", make([]byte, 700<<10), never)
	wantNo(t, err)
	cfg, faults := faulty(cfg)
	replaced := 0
	faults.on = func(operation, body string) fault {
		if operation == "GetItem" && strings.Contains(body, "chunk#") && strings.Contains(body, "#0") && replaced < 5 {
			replaced++
			if rev, err = writer.Save(t.Context(), "a", make([]byte, 700<<10+replaced), rev, never); err != nil {
				t.Errorf("save: %v", err)
			}
		}
		return none
	}
	r, err := dynamostate.New(cfg, name).Get(t.Context(), "a")
	if err != nil || r.Revision != rev || len(r.Value) != 700<<10+5 {
		t.Errorf("got %d bytes at %q, %v, want the last", len(r.Value), r.Revision, err)
	}
}

// What was deleted is absent although its remains could not be removed, and
// these say when DynamoDB may remove them.
func TestRemainsOfADeletion(t *testing.T) {
	t.Parallel()
	cfg := config(t)
	name := table(t, cfg)
	broken, faults := faulty(cfg)
	faults.on = func(operation, _ string) fault {
		if operation == "DeleteItem" {
			return failed
		}
		return none
	}
	store, ctx := dynamostate.New(broken, name), t.Context()
	rev, err := store.Create(ctx, "checkpoint/a", []byte("value"), never)
	wantNo(t, err)
	wantNo(t, store.Delete(ctx, "checkpoint/a", rev))
	remains := plain(find(t, cfg, name, "checkpoint/a"))
	if remains[names.TableTTL] == "" || remains["val"] != "" {
		t.Errorf("remains: %q", remains)
	}
	if _, err := store.Get(ctx, "checkpoint/a"); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("Get: got %v, want %v", err, state.ErrNotFound)
	}
	for _, rev := range []state.Revision{rev, state.Revision(remains["rev"])} {
		if _, err := store.Save(ctx, "checkpoint/a", nil, rev, never); !errors.Is(err, state.ErrConflict) {
			t.Errorf("Save: got %v, want %v", err, state.ErrConflict)
		}
		if err := store.Delete(ctx, "checkpoint/a", rev); !errors.Is(err, state.ErrConflict) {
			t.Errorf("Delete: got %v, want %v", err, state.ErrConflict)
		}
	}
	for r, err := range store.List(ctx, "checkpoint/") {
		t.Errorf("List: got %q, %v", r.Key, err)
	}
	_, err = store.Create(ctx, "checkpoint/a", []byte("again"), never)
	wantNo(t, err)
}
