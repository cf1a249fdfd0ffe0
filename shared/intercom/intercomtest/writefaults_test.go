package intercomtest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"intercom-connector/shared/intercom/intercomtest"
)

// A fault before the write leaves nothing behind; after it, only the answer is
// lost.
func TestFaultsBeforeAndAfterAWrite(t *testing.T) {
	t.Parallel()
	status := func(want int) func(r reply) bool {
		return func(r reply) bool { return r.Err == nil && r.Status == want }
	}
	for _, tt := range []struct {
		name    string
		effect  intercomtest.Effect
		after   bool
		applied bool
		lost    bool // where it was applied
		seen    func(r reply) bool
	}{
		{"500 before", intercomtest.ServerError(), false, false, false, status(500)},
		{"500 after", intercomtest.ServerError(), true, true, true, status(500)},
		{"HTML before", intercomtest.HTML(502), false, false, false, status(502)},
		{"HTML after", intercomtest.HTML(502), true, true, true, status(502)},
		{"reset before", intercomtest.Reset(), false, false, false, func(r reply) bool { return errors.Is(r.Err, intercomtest.ErrReset) }},
		{"reset after", intercomtest.Reset(), true, true, true, func(r reply) bool { return errors.Is(r.Err, intercomtest.ErrReset) }},
		{"refused", intercomtest.Refused(), false, false, false, func(r reply) bool {
			var op *net.OpError
			return errors.As(r.Err, &op) && op.Op == "dial"
		}},
		{"cut", intercomtest.Cut(), false, true, true, func(r reply) bool { return errors.Is(r.Err, io.ErrUnexpectedEOF) }},
		{"no answer", intercomtest.NoAnswer(), false, true, true, func(r reply) bool { return errors.Is(r.Err, context.DeadlineExceeded) }},
		{"slow", intercomtest.Slow(time.Second), false, true, false, status(200)},
		{"empty", intercomtest.Empty(), true, true, false, status(200)},
		{"forbidden", intercomtest.Forbidden(), false, false, false, status(403)},
		{"plan", intercomtest.PlanRestricted(), false, false, false, status(403)},
		{"locked", intercomtest.Locked(), false, false, false, status(423)},
		{"unpaid", intercomtest.Unpaid(), false, false, false, status(402)},
		{"revoked", intercomtest.Revoked(), false, false, false, status(401)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ws := intercomtest.New(intercomtest.Config{})
				ws.Fault(intercomtest.Fault{Method: "POST", Path: "/conversations/{id}/reply", Times: 1, Effect: tt.effect, After: tt.after})
				path := "/conversations/" + ws.ID(intercomtest.Conversations, 4)
				parts := func() any { return at(call(t, ws, "GET", path, ""), "conversation_parts", "total_count") }
				had, _ := parts().(float64)
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				r := send(ctx, t, ws, "POST", path+"/reply", `{"message_type":"note","type":"admin","admin_id":"1","body":"b"}`)
				if !tt.seen(r) {
					t.Errorf("got %d (%v)\n%s", r.Status, r.Err, r.Body)
				}
				log := ws.Writes()
				want := had
				if tt.applied {
					want++
				}
				if len(log) != int(want-had) || parts() != want {
					t.Errorf("%d writes, %v parts, want %v", len(log), parts(), want)
				}
				if tt.applied && (log[0].Lost() != tt.lost || log[0].Status != 200) {
					t.Errorf("the audit has %+v", log[0])
				}
			})
		})
	}
}

func TestFaultsOverAConnection(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{})
	server := httptest.NewServer(ws)
	t.Cleanup(server.Close)
	client := server.Client().Transport
	const body = `{"message_type":"note","type":"admin","admin_id":"1","body":"b"}`
	path := "/conversations/" + ws.ID(intercomtest.Conversations, 4) + "/reply"
	for i, f := range []intercomtest.Fault{
		{Effect: intercomtest.Reset(), After: true},
		{Effect: intercomtest.NoAnswer()},
		{Effect: intercomtest.Cut()},
	} {
		f.Times = 1
		ws.Fault(f)
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		r := send(ctx, t, client, "POST", server.URL+path, body)
		cancel()
		if log := ws.Writes(); r.Err == nil || len(log) != i+1 {
			t.Errorf("%d: got %d (%v), %d writes", i, r.Status, r.Err, len(log))
		}
	}
	// A payload of a DELETE arrives.
	tagged := "/conversations/" + ws.ID(intercomtest.Conversations, 2)
	tag := fmt.Sprint(at(call(t, ws, "GET", tagged, ""), "tags", "tags", 0, "id"))
	if r := send(t.Context(), t, client, "DELETE", server.URL+tagged+"/tags/"+tag, `{"admin_id":"1"}`); r.Status != 200 {
		t.Errorf("got %d\n%s", r.Status, r.Body)
	}
}

// Random faults befall the same requests again with the same seed.
func TestFaultsBySeed(t *testing.T) {
	t.Parallel()
	run := func(seed uint64) []string {
		ws := intercomtest.New(intercomtest.Config{Seed: seed})
		ws.Fault(intercomtest.Fault{Method: "PUT", Probability: 0.2, Effect: intercomtest.ServerError()})
		ws.Fault(intercomtest.Fault{Method: "PUT", Probability: 0.2, Effect: intercomtest.Reset(), After: true})
		var out []string
		for i := range 200 {
			r := send(t.Context(), t, ws, "PUT", "/contacts/"+ws.ID(intercomtest.Contacts, i%100), `{"name":"A"}`)
			out = append(out, fmt.Sprint(r.Status, r.Err, len(ws.Writes())))
		}
		return out
	}
	one := run(1)
	if diff := cmp.Diff(one, run(1)); diff != "" {
		t.Errorf("(-one +again)\n%.500s", diff)
	}
	all := strings.Join(one, " ")
	if cmp.Equal(one, run(2)) || !strings.Contains(all, "500") || !strings.Contains(all, "reset") {
		t.Errorf("got %.500s", all)
	}
}

func TestRevokeAndRestore(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{Limit: 100})
	id := ws.ID(intercomtest.Contacts, 3)
	put := func() reply { return send(t.Context(), t, ws, "PUT", "/contacts/"+id, `{"name":"A"}`) }
	for _, tt := range []struct {
		refuse func()
		status int
		code   string
	}{
		{ws.Revoke, 401, "token_revoked"},
		{ws.Lock, 423, "forbidden"},
		{ws.Unpay, 402, "api_plan_restricted"},
	} {
		tt.refuse()
		put().wantFailure(t, tt.status, tt.code)
		get(t, ws, "/me").wantFailure(t, tt.status, tt.code)
	}
	if n := len(ws.Writes()); n != 0 {
		t.Errorf("%d writes got through", n)
	}
	ws.Restore()
	if r := put(); r.Status != 200 {
		t.Errorf("got %d", r.Status)
	}
}

// A 429 in the middle changes nothing, and the rest of the window is refused.
func TestLimitInTheMiddleOfWrites(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ws := intercomtest.New(intercomtest.Config{})
		ws.OnRequest(func(n int) {
			if n == 3 {
				ws.LimitNext(5 * time.Second)
			}
		})
		var got []int
		for range 5 {
			r := post(t, ws, "/companies/"+ws.ID(intercomtest.Companies, 1)+"/notes", `{"body":"b"}`)
			got = append(got, r.Status)
			if r.Status == 429 {
				time.Sleep(3 * time.Second)
			}
		}
		if diff := cmp.Diff([]int{200, 200, 429, 429, 200}, got); diff != "" || len(ws.Writes()) != 3 {
			t.Errorf("%d writes (-want +got)\n%s", len(ws.Writes()), diff)
		}
	})
}
