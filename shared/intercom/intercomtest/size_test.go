package intercomtest_test

import (
	"encoding/json"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"intercom-connector/shared/intercom/intercomtest"
)

func TestRecordSize(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{RecordSize: 4096})
	for r := range ws.Records(intercomtest.Contacts) {
		if len(r.JSON) != 4096 || !json.Valid(r.JSON) {
			t.Fatalf("%s has %d bytes", r.ID, len(r.JSON))
		}
	}
}

// A million contacts cost what is remembered about them, not what they are.
//
//nolint:paralleltest // measures the memory of the whole process
func TestMillionContacts(t *testing.T) {
	if testing.Short() {
		t.Skip("fills a million rows")
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	ws := intercomtest.New(intercomtest.Config{Contacts: 1_000_000, RecordSize: 2048})
	runtime.GC()
	runtime.ReadMemStats(&after)
	if got := (after.HeapAlloc - before.HeapAlloc) >> 20; got > 60 {
		t.Errorf("takes %d MB, want at most 60", got)
	}
	ws.Bulk(intercomtest.Contacts, 10_000, time.Now())
	e := decode[envelope](t, post(t, ws, "/contacts/search", `{"query":`+everything+`,"sort":`+ascending+`}`))
	if *e.Total != 1_000_000 || len(e.Data) != 50 {
		t.Errorf("got %d of %d", len(e.Data), *e.Total)
	}
}

func BenchmarkSearchPage(b *testing.B) {
	const body = `{"query":{"operator":"AND","value":[{"field":"updated_at","operator":">","value":1}]},
		"sort":{"field":"updated_at","order":"descending"},"pagination":{"per_page":150}}`
	ws := intercomtest.New(intercomtest.Config{Contacts: 1_000_000, RecordSize: 2048})
	b.ReportAllocs()
	for b.Loop() {
		req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, base+"/contacts/search", strings.NewReader(body))
		if err != nil {
			b.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer secret")
		resp, err := ws.RoundTrip(req)
		if err != nil || resp.StatusCode != http.StatusOK {
			b.Fatal(resp, err)
		}
		b.SetBytes(resp.ContentLength)
		if err := resp.Body.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
