package intercom_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"intercom-connector/shared/intercom"
)

func limited(after time.Duration) server {
	return func(*http.Request) (*http.Response, error) {
		now := time.Now()
		return reply(429, errorList("rate_limit_exceeded", "Exceeded rate limit of 10 in 10_seconds"),
			"X-RateLimit-Limit: 10", "X-RateLimit-Remaining: 0", fmt.Sprintf("X-RateLimit-Reset: %d", now.Add(after).Unix())), nil
	}
}

func failing(err error) server {
	return func(*http.Request) (*http.Response, error) { return nil, err }
}

func TestDoRepeats(t *testing.T) {
	t.Parallel()
	ok := always(200, `{"data":[]}`)
	refused := failing(&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED})
	reset := failing(&net.OpError{Op: "read", Err: syscall.ECONNRESET})
	for _, tt := range []struct {
		name    string
		op      *intercom.Operation
		servers []server
		want    int // requests
		fails   bool
	}{
		{"at once", tagsOp, []server{ok}, 1, false},
		{"a read after 500", tagsOp, []server{always(500, ""), ok}, 2, false},
		{"a search after 502", searchOp, []server{always(502, "<html>"), ok}, 2, false},
		{"a read after an empty answer", tagsOp, []server{always(200, ""), ok}, 2, false},
		{"a read after a lost answer", tagsOp, []server{reset, reset, ok}, 3, false},
		{"a PUT after 503", updateOp, []server{always(503, ""), ok}, 2, false},
		{"a DELETE after 504", untagOp, []server{always(504, ""), ok}, 2, false},
		{"a POST after 429", createOp, []server{limited(time.Second), ok}, 2, false},
		{"a POST that was not sent", createOp, []server{refused, refused, ok}, 3, false},
		{"a POST after 500", createOp, []server{always(500, ""), ok}, 1, true},
		{"a POST after a lost answer", createOp, []server{reset, ok}, 1, true},
		{"a job after 500", enqueueOp, []server{always(500, ""), ok}, 1, true},
		{"a job limit", enqueueOp, []server{always(429, errorList("rate_limit_exceeded", "1 pending"), "X-RateLimit-Limit: 10", "X-RateLimit-Remaining: 9", "X-RateLimit-Reset: 946684810"), ok}, 1, true},
		{"a scroll after 500", scrollOp, []server{always(500, ""), ok}, 1, true},
		{"a scroll after 429", scrollOp, []server{limited(time.Second), ok}, 2, false},
		{"not found", tagsOp, []server{always(404, ""), ok}, 1, true},
		{"not permitted", tagsOp, []server{always(403, ""), ok}, 1, true},
		{"for ever 500", tagsOp, []server{always(500, "")}, 5, true},
		{"a server that needs a rest", tagsOp, []server{always(503, "", "Retry-After: 30"), ok}, 2, false},
		{"a server that needs a day", tagsOp, []server{always(503, "", "Retry-After: 86400"), ok}, 1, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				count := 0
				c := newClient(t, intercom.Config{Transport: inTurn(&count, tt.servers...)})
				_, err := c.Do(t.Context(), requestOf(tt.op))
				if (err != nil) != tt.fails || count != tt.want {
					t.Errorf("error %v after %d requests, want %d", err, count, tt.want)
				}
				if n := c.Governor().Limits().InFlight; n != 0 {
					t.Errorf("%d requests under way", n)
				}
			})
		})
	}
}

func TestDoBacksOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var at []time.Duration
		begun := time.Now()
		c := newClient(t, intercom.Config{Transport: server(func(*http.Request) (*http.Response, error) {
			at = append(at, time.Since(begun))
			return reply(500, ""), nil
		})})
		_, _ = c.Do(t.Context(), requestOf(tagsOp))
		pause := 500 * time.Millisecond
		for i := 1; i < len(at); i++ {
			if got := at[i] - at[i-1]; got < pause/2 || got > pause {
				t.Errorf("pause %d is %v, want between %v and %v", i, got, pause/2, pause)
			}
			pause *= 2
		}
	})
}

func TestDoWaitsOutTheRateLimit(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		resets   []time.Duration
		maxWait  time.Duration
		deadline time.Duration
		took     time.Duration
		fails    bool
	}{
		{"once", []time.Duration{7 * time.Second}, 0, 0, 7 * time.Second, false},
		{"twice", []time.Duration{7 * time.Second, 9 * time.Second}, 0, 0, 16 * time.Second, false},
		{"too long for MaxWait", []time.Duration{7 * time.Second}, 5 * time.Second, 0, 0, true},
		{"too long together", []time.Duration{7 * time.Second, 9 * time.Second}, 10 * time.Second, 0, 7 * time.Second, true},
		{"too long for the context", []time.Duration{7 * time.Second}, 0, 5 * time.Second, 0, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				if tt.deadline > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, tt.deadline)
					defer cancel()
				}
				var servers []server
				for _, reset := range tt.resets {
					servers = append(servers, limited(reset))
				}
				count := 0
				c := newClient(t, intercom.Config{Transport: inTurn(&count, append(servers, always(200, "{}"))...), MaxWait: tt.maxWait})
				begun := time.Now()
				_, err := c.Do(ctx, requestOf(createOp))
				if took := time.Since(begun); took != tt.took {
					t.Errorf("took %v, want %v", took, tt.took)
				}
				var limit *intercom.RateLimitError
				if got := errors.As(err, &limit); got != tt.fails || !tt.fails && err != nil {
					t.Errorf("error %v", err)
				}
			})
		})
	}
}

func TestDoStopsWithItsContext(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		server server
		after  string // the failure that is told as well
	}{
		{"while it backs off", always(500, errorList("server_error", "oops")), "server_error"},
		{"while it waits for the rate limit", limited(30 * time.Second), "rate_limit_exceeded"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(100*time.Millisecond, cancel)
				c := newClient(t, intercom.Config{Transport: tt.server})
				_, err := c.Do(ctx, requestOf(tagsOp))
				if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), tt.after) {
					t.Errorf("error %v, want a cancellation after %s", err, tt.after)
				}
				if intercom.Temporary(err) || intercom.Shrink(err) {
					t.Error("the caller has stopped: asking again is not the point")
				}
			})
		})
	}
	t.Run("a request that cannot be made waits for nothing", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, intercom.Config{Governor: intercom.NewGovernor(intercom.GovernorConfig{MaxInFlight: 1})})
		c.Governor().Take(intercom.Reading)
		if _, err := c.Do(t.Context(), &intercom.Request{Operation: showOp}); err == nil {
			t.Error("no error")
		}
	})
}

// Every hop is a request, so it waits for its own turn.
func TestHopsAreGoverned(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		count := 0
		begun := time.Now()
		var second time.Duration
		c := newClient(t, intercom.Config{Transport: inTurn(&count,
			func(*http.Request) (*http.Response, error) {
				return reply(410, errorList("contact_merged", "merged"), `Link: </contacts/2>; rel="canonical"`,
					"X-RateLimit-Limit: 10", "X-RateLimit-Remaining: 0", fmt.Sprintf("X-RateLimit-Reset: %d", begun.Unix()+10)), nil
			},
			func(*http.Request) (*http.Response, error) {
				second = time.Since(begun)
				return reply(200, "{}"), nil
			})})
		if _, err := c.Do(t.Context(), getContact("1")); err != nil {
			t.Fatal(err)
		}
		if second != 10*time.Second {
			t.Errorf("the second hop was sent after %v, want 10 s", second)
		}
	})
}
