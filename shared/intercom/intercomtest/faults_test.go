package intercomtest_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"intercom-connector/shared/intercom/intercomtest"
)

func TestEffects(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		effect intercomtest.Effect
		check  func(t *testing.T, r reply)
	}{
		{"server error", intercomtest.ServerError(), func(t *testing.T, r reply) { t.Helper(); r.wantFailure(t, 500, "server_error") }},
		{"not found", intercomtest.NotFound(), func(t *testing.T, r reply) { t.Helper(); r.wantFailure(t, 404, "not_found") }},
		{"off the allowlist", intercomtest.OffAllowlist(), func(t *testing.T, r reply) { t.Helper(); r.wantFailure(t, 403, "forbidden") }},
		{"forbidden", intercomtest.Forbidden(), func(t *testing.T, r reply) { t.Helper(); r.wantFailure(t, 403, "forbidden") }},
		{"plan", intercomtest.PlanRestricted(), func(t *testing.T, r reply) { t.Helper(); r.wantFailure(t, 403, "api_plan_restricted") }},
		{"revoked", intercomtest.Revoked(), func(t *testing.T, r reply) { t.Helper(); r.wantFailure(t, 401, "token_revoked") }},
		{"HTML", intercomtest.HTML(502), func(t *testing.T, r reply) {
			t.Helper()
			if r.Status != 502 || !strings.Contains(string(r.Body), "<html>") || r.Header.Get("X-Request-Id") != "" {
				t.Errorf("got %d %v\n%s", r.Status, r.Header, r.Body)
			}
		}},
		{"empty", intercomtest.Empty(), func(t *testing.T, r reply) {
			t.Helper()
			if r.Status != 200 || len(r.Body) != 0 || r.Err != nil {
				t.Errorf("got %d, %d bytes, %v", r.Status, len(r.Body), r.Err)
			}
		}},
		{"cut", intercomtest.Cut(), func(t *testing.T, r reply) {
			t.Helper()
			if r.Status != 200 || len(r.Body) == 0 || !errors.Is(r.Err, io.ErrUnexpectedEOF) {
				t.Errorf("got %d, %d bytes, %v", r.Status, len(r.Body), r.Err)
			}
		}},
		{"reset", intercomtest.Reset(), func(t *testing.T, r reply) {
			t.Helper()
			if !errors.Is(r.Err, intercomtest.ErrReset) {
				t.Errorf("got %v", r.Err)
			}
		}},
		{"wrong total", intercomtest.WrongTotal(3), func(t *testing.T, r reply) {
			t.Helper()
			if e := decode[envelope](t, r); *e.Total != 103 || len(e.Data) != 10 {
				t.Errorf("got %d of %d", len(e.Data), *e.Total)
			}
		}},
		{"foreign next", intercomtest.ForeignNext(), func(t *testing.T, r reply) {
			t.Helper()
			if e := decode[envelope](t, r); !strings.HasPrefix(e.nextURL(), "https://"+intercomtest.ForeignHost+"/") {
				t.Errorf("got %s", e.Pages.Next)
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ws := intercomtest.New(intercomtest.Config{})
			ws.Fault(intercomtest.Fault{Path: "/contacts", First: 2, Times: 1, Effect: tt.effect})
			if r := get(t, ws, "/contacts"); r.Status != 200 || r.Err != nil {
				t.Fatalf("the first request: %d %v", r.Status, r.Err)
			}
			tt.check(t, get(t, ws, "/contacts"))
			if r := get(t, ws, "/contacts"); r.Status != 200 || r.Err != nil {
				t.Fatalf("the third request: %d %v", r.Status, r.Err)
			}
		})
	}
}

// A rewritten page still has its records byte for byte.
func TestLiesLeaveRecordsAlone(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{})
	want := decode[envelope](t, get(t, ws, "/contacts")).Data
	ws.Fault(intercomtest.Fault{Effect: intercomtest.WrongTotal(-1)})
	if diff := cmp.Diff(want, decode[envelope](t, get(t, ws, "/contacts")).Data); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestRepeatCursorNeverEnds(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{})
	ws.Fault(intercomtest.Fault{Effect: intercomtest.RepeatCursor()})
	first := decode[envelope](t, get(t, ws, "/contacts"))
	second := decode[envelope](t, get(t, ws, "/contacts?starting_after="+first.cursor()))
	third := decode[envelope](t, get(t, ws, "/contacts?starting_after="+second.cursor()))
	if first.cursor() == "" || first.cursor() != second.cursor() || !cmp.Equal(second.Data, third.Data) {
		t.Errorf("%q, %q, %q", first.cursor(), second.cursor(), third.cursor())
	}
}

func TestWhomAFaultBefalls(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		fault intercomtest.Fault
		hit   []string // of the requests below
	}{
		{"all", intercomtest.Fault{}, []string{"list", "one", "search", "big search", "me"}},
		{"method", intercomtest.Fault{Method: "POST"}, []string{"search", "big search"}},
		{"literal path", intercomtest.Fault{Path: "/contacts/search"}, []string{"search", "big search"}},
		{"documented path", intercomtest.Fault{Path: "/contacts/{id}"}, []string{"one"}},
		{"beginning", intercomtest.Fault{Path: "/contacts*"}, []string{"list", "one", "search", "big search"}},
		{"size", intercomtest.Fault{MinPerPage: 100}, []string{"list", "big search"}},
		{"second", intercomtest.Fault{First: 2, Times: 1}, []string{"one"}},
		{"from the third on", intercomtest.Fault{First: 3}, []string{"search", "big search", "me"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ws := intercomtest.New(intercomtest.Config{})
			tt.fault.Effect = intercomtest.ServerError()
			ws.Fault(tt.fault)
			search := `{"query":` + everything + `,"pagination":{"per_page":`
			var hit []string
			for _, req := range []struct{ name, method, path, body string }{
				{"list", "GET", "/contacts?per_page=150", ""},
				{"one", "GET", "/contacts/" + ws.ID(intercomtest.Contacts, 1), ""},
				{"search", "POST", "/contacts/search", search + "50}}"},
				{"big search", "POST", "/contacts/search", search + "150}}"},
				{"me", "GET", "/me", ""},
			} {
				if send(t.Context(), t, ws, req.method, req.path, req.body).Status == 500 {
					hit = append(hit, req.name)
				}
			}
			if diff := cmp.Diff(tt.hit, hit); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			ws.Heal()
			if r := get(t, ws, "/me"); r.Status != 200 {
				t.Errorf("after Heal: %d", r.Status)
			}
		})
	}
}

func TestProbability(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{})
	ws.Fault(intercomtest.Fault{Probability: 0.2, Effect: intercomtest.HTML(503)})
	for range 500 {
		_ = get(t, ws, "/me")
	}
	if got := ws.Stats().ByStatus[503]; got < 70 || got > 130 {
		t.Errorf("%d of 500 befallen, want about 100", got)
	}
}

func TestFaultsCompose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ws := intercomtest.New(intercomtest.Config{Latency: time.Second})
		ws.Fault(intercomtest.Fault{Effect: intercomtest.Slow(18 * time.Second)})
		ws.Fault(intercomtest.Fault{Effect: intercomtest.HTML(502)})
		start := time.Now()
		if r := get(t, ws, "/me"); r.Status != 502 || time.Since(start) != 19*time.Second {
			t.Errorf("got %d after %v", r.Status, time.Since(start))
		}
	})
}

func TestStats(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{})
	_ = get(t, ws, "/contacts/"+ws.ID(intercomtest.Contacts, 3))
	_ = get(t, ws, "/contacts/nobody")
	_ = get(t, ws, "/nowhere/at/all")
	_ = get(t, ws, "/contacts/"+ws.ID(intercomtest.Contacts, 3)+"/banners")
	want := intercomtest.Stats{
		Requests:      4,
		ByOperation:   map[string]int{"GET /contacts/{contact_id}": 2, "GET /contacts/{id}/banners": 1},
		ByStatus:      map[int]int{200: 2, 404: 2},
		Unknown:       1,
		MaxConcurrent: 1,
		Impressions:   1,
	}
	got := ws.Stats()
	if got.Bytes == 0 {
		t.Error("no bytes counted")
	}
	got.Bytes = 0
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
