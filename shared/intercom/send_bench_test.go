package intercom_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"intercom-connector/shared/intercom"
)

// A page of 150 contacts of 2 KB, over a real connection.
func BenchmarkSend(b *testing.B) {
	page := append(append([]byte(`{"data":["`), bytes.Repeat([]byte("x"), 300_000)...), `"]}`...)
	for _, bb := range []struct {
		name   string
		length bool
	}{{"length", true}, {"chunks", false}} {
		b.Run(bb.name, func(b *testing.B) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				if bb.length {
					w.Header().Set("Content-Length", strconv.Itoa(len(page)))
				}
				_, _ = w.Write(page)
			}))
			b.Cleanup(s.Close)
			c, err := intercom.New(intercom.Config{BaseURL: s.URL, Token: intercom.StaticToken(planted)})
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(c.Close)
			b.SetBytes(int64(len(page)))
			b.ReportAllocs()
			for b.Loop() {
				if err := c.Governor().Wait(b.Context(), intercom.Reading); err != nil {
					b.Fatal(err)
				}
				if _, err := c.Send(b.Context(), requestOf(tagsOp)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
