package pin_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"intercom-connector/internal/pin"
	"intercom-connector/internal/state"
	"intercom-connector/internal/state/memstate"
)

func TestSet(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		before  string // "" for none
		set     pin.Workspace
		replace bool
		want    pin.Workspace
		refused bool
	}{
		{"the first", "", pin.Workspace{ID: "ab12", Zone: "Europe/Paris", Created: 7}, false, pin.Workspace{ID: "ab12", Zone: "Europe/Paris", Created: 7}, false},
		{"the same", "ab12", pin.Workspace{ID: "ab12"}, false, pin.Workspace{ID: "ab12"}, false},
		{"the same, moved", "ab12", pin.Workspace{ID: "ab12", Zone: "Asia/Tokyo"}, false, pin.Workspace{ID: "ab12", Zone: "Asia/Tokyo"}, false},
		{"another", "ab12", pin.Workspace{ID: "cd34"}, false, pin.Workspace{ID: "ab12"}, true},
		{"another, wanted", "ab12", pin.Workspace{ID: "cd34"}, true, pin.Workspace{ID: "cd34"}, false},
		{"not to be told", "ab12", pin.Workspace{ID: pin.Unknown}, false, pin.Workspace{ID: "ab12"}, true},
		{"not to be told, replaced", "ab12", pin.Workspace{ID: pin.Unknown}, true, pin.Workspace{ID: "ab12"}, true},
		{"no longer unknown", pin.Unknown, pin.Workspace{ID: "cd34"}, false, pin.Workspace{ID: "cd34"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			store := &memstate.Store{}
			if tt.before != "" {
				if err := pin.Set(t.Context(), store, "main", pin.Workspace{ID: tt.before}, false); err != nil {
					t.Fatal(err)
				}
			}
			err := pin.Set(t.Context(), store, "main", tt.set, tt.replace)
			var refused *pin.Error
			if errors.As(err, &refused) != tt.refused || !tt.refused && err != nil {
				t.Errorf("got %v, want refused %v", err, tt.refused)
			}
			got, err := pin.Get(t.Context(), store, "main")
			if err != nil || got != tt.want {
				t.Errorf("got %+v and %v, want %+v", got, err, tt.want)
			}
		})
	}
}

func TestGetNone(t *testing.T) {
	t.Parallel()
	if _, err := pin.Get(t.Context(), &memstate.Store{}, "main"); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}

// Of several first tokens at once exactly one workspace is taken.
func TestFirstOfMany(t *testing.T) {
	t.Parallel()
	store := &memstate.Store{}
	var (
		group sync.WaitGroup
		mu    sync.Mutex
		taken []string
	)
	for _, id := range []string{"a", "b", "c", "d"} {
		group.Go(func() {
			if pin.Set(context.Background(), store, "main", pin.Workspace{ID: id}, false) == nil {
				mu.Lock()
				defer mu.Unlock()
				taken = append(taken, id)
			}
		})
	}
	group.Wait()
	if len(taken) != 1 {
		t.Errorf("taken: %v, want one", taken)
	}
}
