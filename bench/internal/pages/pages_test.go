package pages_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"intercom-connector/bench/internal/pages"
)

type page struct {
	Data []struct {
		ID        string `json:"id"`
		CreatedAt int64  `json:"created_at"`
		UpdatedAt int64  `json:"updated_at"`
	} `json:"data"`
	Total int `json:"total_count"`
	Pages struct {
		Next *struct {
			StartingAfter string `json:"starting_after"`
		} `json:"next"`
		TotalPages int `json:"total_pages"`
	} `json:"pages"`
}

func ask(t *testing.T, h http.Handler, method, target, body string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body)))
	return w
}

func read(t *testing.T, w *httptest.ResponseRecorder) page {
	t.Helper()
	if w.Code != http.StatusOK {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	var p page
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestEveryContactOnce(t *testing.T) {
	t.Parallel()
	newest := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, contacts := range []int{0, 1, 149, 150, 151, 1000} {
		for _, size := range []int{1, 7, 150} {
			if contacts/size > 200 {
				continue
			}
			for _, way := range []string{"list", "search"} {
				t.Run(fmt.Sprintf("%d by %d, %s", contacts, size, way), func(t *testing.T) {
					t.Parallel()
					h := pages.New(pages.Config{Contacts: contacts, Newest: newest, Span: 60 * 24 * time.Hour})
					seen := map[string]bool{}
					last := newest.Unix() + 1
					for cursor, n := "", 0; ; n++ {
						if n > contacts {
							t.Fatal("endless")
						}
						var p page
						if way == "list" {
							p = read(t, ask(t, h, "GET", fmt.Sprintf("/contacts?per_page=%d&starting_after=%s", size, cursor), ""))
						} else {
							p = read(t, ask(t, h, "POST", "/contacts/search", fmt.Sprintf(`{"pagination":{"per_page":%d,"starting_after":%q}}`, size, cursor)))
						}
						if p.Total != contacts {
							t.Fatalf("total %d, want %d", p.Total, contacts)
						}
						for _, c := range p.Data {
							if seen[c.ID] || len(c.ID) != 24 {
								t.Fatalf("id %q, seen before: %v", c.ID, seen[c.ID])
							}
							seen[c.ID] = true
							if c.UpdatedAt > last || c.CreatedAt >= c.UpdatedAt {
								t.Fatalf("times %d, %d after %d", c.CreatedAt, c.UpdatedAt, last)
							}
							last = c.UpdatedAt
						}
						if p.Pages.Next == nil {
							break
						}
						cursor = p.Pages.Next.StartingAfter
					}
					if len(seen) != contacts {
						t.Errorf("got %d contacts, want %d", len(seen), contacts)
					}
				})
			}
		}
	}
}

func TestRecordsAreAsLargeAsReal(t *testing.T) {
	t.Parallel()
	if size := pages.RecordSize(); size < 1900 || size > 2200 {
		t.Errorf("a record has %d bytes, want about 2,000", size)
	}
	h := pages.New(pages.Config{Contacts: 3, Newest: time.Unix(1_780_000_000, 0)})
	body := ask(t, h, "GET", "/contacts", "").Body.Bytes()
	if !json.Valid(body) || bytes.ContainsAny(bytes.ReplaceAll(body, []byte("@example.com"), nil), "@") {
		t.Errorf("not valid, or marks are left: %s", body)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	h := pages.New(pages.Config{Contacts: 10})
	for _, tt := range []struct {
		name, method, target, body string
		want                       int
	}{
		{"page too large", "GET", "/contacts?per_page=151", "", 400},
		{"page of nothing", "GET", "/contacts?per_page=0", "", 400},
		{"size is a word", "GET", "/contacts?per_page=all", "", 400},
		{"made-up cursor", "GET", "/contacts?starting_after=WzFd", "", 400},
		{"search without a body", "POST", "/contacts/search", "", 400},
		{"something else", "GET", "/tags", "", 404},
		{"update of nobody", "PUT", "/contacts/00000000000000000000000a", "{}", 404},
		{"update of a word", "PUT", "/contacts/search", "{}", 404},
		{"update with half a body", "PUT", "/contacts/000000000000000000000009", `{"name":`, 400},
		{"update", "PUT", "/contacts/000000000000000000000009", `{"name":"x"}`, 200},
		{"who am I", "GET", "/me", "", 200},
		{"default size", "GET", "/contacts", "", 200},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := ask(t, h, tt.method, tt.target, tt.body)
			if w.Code != tt.want {
				t.Errorf("got %d, want %d: %s", w.Code, tt.want, w.Body)
			}
			if !json.Valid(w.Body.Bytes()) {
				t.Errorf("not JSON: %s", w.Body)
			}
		})
	}
}

func BenchmarkPage(b *testing.B) {
	h := pages.New(pages.Config{Contacts: 1_000_000, Newest: time.Unix(1_780_000_000, 0), Span: time.Hour})
	r := httptest.NewRequestWithContext(b.Context(), "GET", "/contacts?per_page=150", http.NoBody)
	for b.Loop() {
		w := httptest.NewRecorder()
		w.Body = nil
		h.ServeHTTP(w, r)
	}
}

func TestUpdates(t *testing.T) {
	t.Parallel()
	h := pages.New(pages.Config{Contacts: 100})
	for _, i := range []int{0, 31, 32, 99, 32} {
		w := ask(t, h, "PUT", "/contacts/"+pages.ID(i), `{"name":"x"}`)
		var contact struct{ ID string }
		if err := json.Unmarshal(w.Body.Bytes(), &contact); err != nil || w.Code != http.StatusOK || contact.ID != pages.ID(i) {
			t.Errorf("contact %d: %d, %v, id %s", i, w.Code, err, contact.ID)
		}
	}
	if total, different := h.Updates(); total != 5 || different != 4 {
		t.Errorf("%d updates of %d contacts, want 5 of 4", total, different)
	}
}
