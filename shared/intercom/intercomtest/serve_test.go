package intercomtest_test

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"intercom-connector/shared/intercom/intercomtest"
)

func TestTokenAndVersion(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{Token: "secret"})
	for _, tt := range []struct {
		name, authorization, version string
		status                       int
		code, echo                   string
	}{
		{"right", "Bearer secret", "2.16", 200, "", "2.16"},
		{"no version", "Bearer secret", "", 200, "", "2.16"},
		{"preview", "Bearer secret", "Preview", 200, "", "Preview"},
		{"unknown version", "Bearer secret", "9.9", 400, "intercom_version_invalid", ""},
		{"no token", "", "2.16", 401, "unauthorized", ""},
		{"basic", "Basic c2VjcmV0Og==", "2.16", 401, "unauthorized", ""},
		{"wrong token", "Bearer guess", "2.16", 401, "token_not_found", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			req := newRequest(t.Context(), t, "GET", "/me", "")
			req.Header.Set("Authorization", tt.authorization)
			req.Header.Set("Intercom-Version", tt.version)
			r := do(ws, req)
			if r.Status != tt.status || r.code() != tt.code || r.Header.Get("Intercom-Version") != tt.echo {
				t.Errorf("got %d %q, version %q", r.Status, r.code(), r.Header.Get("Intercom-Version"))
			}
			if r.Header.Get("X-Request-Id") == "" || r.Header.Get("Date") == "" {
				t.Errorf("a header is missing: %v", r.Header)
			}
		})
	}
}

func TestEqualConfigurationsAnswerAlike(t *testing.T) {
	t.Parallel()
	end := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	read := func(seed uint64) []string {
		ws := intercomtest.New(intercomtest.Config{Seed: seed, End: end})
		ws.Fault(intercomtest.Fault{Path: "/contacts", Probability: 0.5, Effect: intercomtest.ServerError()})
		var out []string
		for range 10 {
			r := get(t, ws, "/contacts?per_page=150")
			out = append(out, r.Header.Get("X-Request-Id"), string(r.Body))
		}
		ws.Bulk(intercomtest.Contacts, 10, end)
		return append(out, string(post(t, ws, "/contacts/search", `{"query":`+everything+`}`).Body))
	}
	one, again, other := read(1), read(1), read(2)
	if diff := cmp.Diff(one, again); diff != "" {
		t.Errorf("(-one +again)\n%.1000s", diff)
	}
	if cmp.Equal(one, other) {
		t.Error("another seed makes no difference")
	}
}

func TestLatencyIsVirtualAndEndsWithTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ws := intercomtest.New(intercomtest.Config{Latency: 3 * time.Second})
		start := time.Now()
		r := get(t, ws, "/me")
		if got := time.Since(start); got != 3*time.Second {
			t.Errorf("took %v, want 3s", got)
		}
		if want := time.Now().UTC().Format(http.TimeFormat); r.Header.Get("Date") != want {
			t.Errorf("got the date %q, want %q", r.Header.Get("Date"), want)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start = time.Now()
		if r := send(ctx, t, ws, "GET", "/me", ""); !errors.Is(r.Err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("got %v after %v", r.Err, time.Since(start))
		}
		if got := ws.Stats().MaxConcurrent; got != 1 {
			t.Errorf("%d requests at one time, want 1", got)
		}
	})
}

func TestHandler(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{Token: "secret", Gzip: true})
	server := httptest.NewServer(ws)
	t.Cleanup(server.Close)
	client := server.Client().Transport

	t.Run("answers as RoundTrip does", func(t *testing.T) {
		t.Parallel()
		want := decode[envelope](t, get(t, ws, "/contacts"))
		got := decode[envelope](t, get(t, client, server.URL+"/contacts"))
		if diff := cmp.Diff(ids(t, want.Data), ids(t, got.Data)); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
	t.Run("compresses where that is accepted", func(t *testing.T) {
		t.Parallel()
		req := newRequest(t.Context(), t, "GET", server.URL+"/contacts", "")
		req.Header.Set("Accept-Encoding", "gzip")
		resp, err := client.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		z, err := gzip.NewReader(resp.Body)
		if err != nil {
			t.Fatalf("not compressed: %v", err)
		}
		b, err := io.ReadAll(z)
		if err != nil || len(decode[envelope](t, reply{Status: 200, Body: b}).Data) != 10 {
			t.Errorf("got %d bytes (%v)", len(b), err)
		}
	})
	t.Run("ends a body in its middle", func(t *testing.T) {
		t.Parallel()
		ws := intercomtest.New(intercomtest.Config{})
		server := httptest.NewServer(ws)
		t.Cleanup(server.Close)
		ws.Fault(intercomtest.Fault{Times: 1, Effect: intercomtest.Cut()})
		r := get(t, server.Client().Transport, server.URL+"/contacts")
		if r.Status != 200 || !errors.Is(r.Err, io.ErrUnexpectedEOF) || len(r.Body) == 0 {
			t.Errorf("got %d, %d bytes, %v", r.Status, len(r.Body), r.Err)
		}
	})
	t.Run("breaks a connection", func(t *testing.T) {
		t.Parallel()
		ws := intercomtest.New(intercomtest.Config{})
		server := httptest.NewServer(ws)
		t.Cleanup(server.Close)
		ws.Fault(intercomtest.Fault{Effect: intercomtest.Reset()})
		if r := post(t, server.Client().Transport, server.URL+"/contacts/search", "{}"); r.Err == nil {
			t.Errorf("got %d", r.Status)
		}
	})
}
