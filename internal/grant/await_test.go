package grant_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"intercom-connector/internal/config"
	"intercom-connector/internal/grant"
	"intercom-connector/internal/state/memstate"
)

func TestAwaitGivesUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &memstate.Store{}
		link, err := grant.Issue(t.Context(), store, grant.Order{Client: &config.Client{Name: "main"}})
		if err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		if _, err := grant.Await(t.Context(), store, link, time.Second); !errors.Is(err, grant.ErrExpired) {
			t.Errorf("got %v, want ErrExpired", err)
		}
		if took := time.Since(begun); took < 10*time.Minute || took > 11*time.Minute {
			t.Errorf("gave up after %v", took)
		}
	})
}

func TestAwaitIsStopped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &memstate.Store{}
		link, err := grant.Issue(t.Context(), store, grant.Order{Client: &config.Client{Name: "main"}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := grant.Await(ctx, store, link, time.Second); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the end of the context", err)
		}
	})
}
