package intercom_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"intercom-connector/shared/intercom"
	"intercom-connector/shared/intercom/intercomtest"
)

func pagesClient(t *testing.T, transport http.RoundTripper) *intercom.Client {
	t.Helper()
	client, err := intercom.New(intercom.Config{Token: intercom.StaticToken("secret"), Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func operation(t *testing.T, method, path string) *intercom.Operation {
	t.Helper()
	for _, op := range intercom.Operations() {
		if op.Method == method && op.Path == path {
			return op
		}
	}
	t.Fatalf("no operation %s %s", method, path)
	return nil
}

// TestPagesReadsEveryOperation reads everything that can be read, to its end.
func TestPagesReadsEveryOperation(t *testing.T) {
	t.Parallel()
	var several int
	for _, op := range intercom.Operations() {
		if op.Kind != intercom.Read {
			continue
		}
		name := op.Method + " " + op.Path
		synctest.Test(t, func(t *testing.T) {
			ws := intercomtest.New(intercomtest.Config{Contacts: 400, Conversations: 400, Tickets: 400, Companies: 170})
			base := ws.Example(op)
			ids := map[string]bool{}
			records, pages, total := 0, 0, int64(-1)
			for step, err := range pagesClient(t, ws).Pages(t.Context(), &base, intercom.Pager{}) {
				if err != nil {
					t.Errorf("%s: %v", name, err)
					return
				}
				for _, r := range step.Records {
					ids[r.ID] = true
				}
				records += len(step.Records)
				total = max(total, step.Total)
				pages++
				if step.Next.Pages() != pages {
					t.Errorf("%s: page %d counts as %d", name, pages, step.Next.Pages())
				}
			}
			if total >= 0 && int64(records) != total {
				t.Errorf("%s: %d records on %d pages, want %d", name, records, pages, total)
			}
			if len(ids) != records && !ids[""] {
				t.Errorf("%s: %d records with %d ids", name, records, len(ids))
			}
			if pages > 1 {
				several++
			}
		})
	}
	if several < 20 {
		t.Errorf("only %d operations have several pages", several)
	}
}

// TestPagesSurvivesFaults reads lists whose answers arrive broken now and then.
func TestPagesSurvivesFaults(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		method string
		path   string
		fault  intercomtest.Fault
	}{
		{"a garbled page", http.MethodPost, "/contacts/search", intercomtest.Fault{First: 2, Times: 2, Effect: garble}},
		{"an error list with a 200", http.MethodGet, "/contacts", intercomtest.Fault{First: 3, Times: 1, Effect: intercomtest.Status(http.StatusOK, "server_error", "x")}},
		{"an answer without content", http.MethodGet, "/contacts", intercomtest.Fault{First: 2, Times: 2, Effect: intercomtest.Empty()}},
		{"a gateway's page", http.MethodPost, "/contacts/search", intercomtest.Fault{First: 2, Times: 2, Effect: intercomtest.HTML(http.StatusBadGateway)}},
		{"a cut connection", http.MethodPost, "/contacts/search", intercomtest.Fault{First: 1, Times: 2, Effect: intercomtest.Cut()}},
		{"pages that are too much for the server", http.MethodPost, "/contacts/search", intercomtest.Fault{MinPerPage: 40, Effect: intercomtest.ServerError()}},
		{"a next page on another host", http.MethodGet, "/articles", intercomtest.Fault{Effect: intercomtest.ForeignNext()}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ws := intercomtest.New(intercomtest.Config{Contacts: 700, Articles: 50})
				tt.fault.Path = tt.path
				ws.Fault(tt.fault)
				base := ws.Example(operation(t, tt.method, tt.path))
				records, total := 0, int64(0)
				for step, err := range pagesClient(t, ws).Pages(t.Context(), &base, intercom.Pager{}) {
					if err != nil {
						t.Fatal(err)
					}
					records += len(step.Records)
					total = step.Total
				}
				if records == 0 || int64(records) != total {
					t.Errorf("%d records, want %d", records, total)
				}
				if leaks := ws.Stats().Leaks; leaks > 0 {
					t.Errorf("the token went to another host %d times", leaks)
				}
			})
		})
	}
}

// garble breaks the JSON of an answer.
func garble(a *intercomtest.Answer) { a.Body = a.Body[:len(a.Body)/2] }

func TestPagesGivesUp(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		path   string
		effect intercomtest.Effect
		pages  int // that arrive before
		want   func(error) bool
	}{
		{"garbled for ever", "/contacts", garble, 1, is[*intercom.PageError]},
		{"a garbled page of a scroll", "/companies/scroll", garble, 1, is[*intercom.PageError]},
		{"a cursor that repeats", "/contacts", intercomtest.RepeatCursor(), 1, is[*intercom.LoopError]},
		{"no permission", "/contacts", intercomtest.Forbidden(), 1, func(err error) bool { return errors.Is(err, intercom.ErrForbidden) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ws := intercomtest.New(intercomtest.Config{Contacts: 700, Companies: 350})
				ws.Fault(intercomtest.Fault{Path: tt.path, First: 2, Effect: tt.effect})
				base := ws.Example(operation(t, http.MethodGet, tt.path))
				var failure error
				pages := 0
				for step, err := range pagesClient(t, ws).Pages(t.Context(), &base, intercom.Pager{}) {
					if failure != nil {
						t.Fatal("the sequence goes on after its error")
					}
					if failure = err; err == nil {
						pages++
					} else if diff := cmp.Diff(0, len(step.Records)); diff != "" {
						t.Errorf("records with an error %s", diff)
					}
				}
				if failure == nil || !tt.want(failure) {
					t.Errorf("error %v after %d pages", failure, pages)
				}
				if pages < tt.pages {
					t.Errorf("%d pages before the error, want %d", pages, tt.pages)
				}
			})
		})
	}
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// TestPagesGoesOn stops a read after each page and goes on from what was kept.
func TestPagesGoesOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ws := intercomtest.New(intercomtest.Config{Contacts: 700})
		base := ws.Example(operation(t, http.MethodPost, "/contacts/search"))
		ids := map[string]int{}
		var kept intercom.Pager
		for !kept.Done() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			for step, err := range pagesClient(t, ws).Pages(ctx, &base, kept) {
				if err != nil {
					t.Fatal(err)
				}
				for _, r := range step.Records {
					ids[r.ID]++
				}
				kept = step.Next
				break
			}
			cancel()
		}
		if len(ids) != 700 {
			t.Errorf("%d records, want 700", len(ids))
		}
		for id, n := range ids {
			if n != 1 {
				t.Errorf("record %s was read %d times", id, n)
			}
		}
	})
}

// TestPagesEndsAScrollOnNotFound reads companies from a server that forgets a
// scroll once it is through.
func TestPagesEndsAScrollOnNotFound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ws := intercomtest.New(intercomtest.Config{Companies: 150})
		ws.Fault(intercomtest.Fault{Path: "/companies/scroll", First: 3, Effect: intercomtest.NotFound()})
		base := ws.Example(operation(t, http.MethodGet, "/companies/scroll"))
		records := 0
		for step, err := range pagesClient(t, ws).Pages(t.Context(), &base, intercom.Pager{}) {
			if err != nil {
				t.Fatal(err)
			}
			records += len(step.Records)
		}
		if records != 150 {
			t.Errorf("%d records, want 150", records)
		}
	})
}

func ExampleClient_Pages() {
	workspace := intercomtest.New(intercomtest.Config{Contacts: 400})
	client, err := intercom.New(intercom.Config{Token: intercom.StaticToken("dG9rOmV4YW1wbGU="), Transport: workspace})
	if err != nil {
		fmt.Println(err)
		return
	}
	search, err := intercom.Find(http.MethodPost, "contacts/search", 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	request := &intercom.Request{
		Operation: search,
		Payload:   []byte(`{"query":{"field":"created_at","operator":">","value":0}}`),
	}
	var position intercom.Pager // or the one kept by an earlier run
	for step, err := range client.Pages(context.Background(), request, position) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(len(step.Records), "of", step.Total)
		position = step.Next // once the records are safe
	}
	fmt.Println("done:", position.Done())
	// Output:
	// 150 of 400
	// 150 of 400
	// 100 of 400
	// done: true
}
