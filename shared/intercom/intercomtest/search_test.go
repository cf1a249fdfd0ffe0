package intercomtest_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"intercom-connector/shared/intercom/intercomtest"
)

func TestSearchReadsEverythingOnce(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{Contacts: 1000, Conversations: 500, Tickets: 300})
	for _, e := range []intercomtest.Entity{intercomtest.Contacts, intercomtest.Conversations, intercomtest.Tickets} {
		for _, field := range []string{"created_at", "updated_at", "id"} {
			for _, order := range []string{"ascending", "descending"} {
				t.Run(fmt.Sprint(e, " by ", field, " ", order), func(t *testing.T) {
					t.Parallel()
					sort := fmt.Sprintf(`{"field":%q,"order":%q}`, field, order)
					items := searchAll(t, ws, e.String(), everything, sort, 37, nil)
					if diff := cmp.Diff(truth(ws, e), byID(t, items)); diff != "" || len(items) != ws.Len(e) {
						t.Errorf("%d records (-want +got)\n%.2000s", len(items), diff)
					}
					checkSorted(t, items, field, order == "descending")
				})
			}
		}
	}
}

func checkSorted(t *testing.T, items []json.RawMessage, field string, descending bool) {
	t.Helper()
	if field == "id" {
		return
	}
	times := make([]int64, len(items))
	for i, item := range items {
		var v map[string]any
		if err := json.Unmarshal(item, &v); err != nil {
			t.Fatal(err)
		}
		at, ok := v[field].(float64)
		if !ok {
			t.Fatalf("%s is %v", field, v[field])
		}
		times[i] = int64(at)
	}
	if descending {
		slices.Reverse(times)
	}
	if !slices.IsSorted(times) {
		t.Errorf("not sorted by %s", field)
	}
}

func TestEnvelope(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{Contacts: 7})
	e := decode[envelope](t, post(t, ws, "/contacts/search", `{"query":`+everything+`,"pagination":{"per_page":3}}`))
	if *e.Total != 7 || e.Pages.Page != 1 || e.Pages.PerPage != 3 || e.Pages.TotalPages != 3 || len(e.Data) != 3 || e.Type != "list" {
		t.Errorf("got %+v", e)
	}
	body := `{"query":` + everything + `,"pagination":{"per_page":4,"starting_after":"` + e.cursor() + `"}}`
	r := post(t, ws, "/contacts/search", body)
	if e = decode[envelope](t, r); e.Pages.Page != 2 || len(e.Data) != 4 || e.cursor() != "" || strings.Contains(string(r.Body), `"next"`) {
		t.Errorf("the last page: %+v", e.Pages)
	}
}

func TestBadSearches(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{})
	filter := `{"field":"email","operator":"=","value":"x"}`
	group := func(operator string, filters ...string) string {
		return fmt.Sprintf(`{"operator":%q,"value":[%s]}`, operator, strings.Join(filters, ","))
	}
	query := func(q string) string { return `{"query":` + q + `}` }
	for _, tt := range []struct{ name, entity, body, code string }{
		{"no body", "contacts", "", "bad_request"},
		{"not JSON", "contacts", "query=1", "bad_request"},
		{"a list", "contacts", "[]", "bad_request"},
		{"no query", "contacts", "{}", "parameter_missing"},
		{"query null", "contacts", query("null"), "parameter_missing"},
		{"query is text", "contacts", query(`"x"`), "parameter_invalid"},
		{"unknown field", "contacts", query(`{"field":"nope","operator":"=","value":1}`), "parameter_invalid"},
		{"unknown operator", "contacts", query(`{"field":"email","operator":"==","value":"x"}`), "parameter_invalid"},
		{"no value", "contacts", query(`{"field":"email","operator":"="}`), "parameter_invalid"},
		{"group of nothing", "contacts", query(group("AND")), "parameter_invalid"},
		{"group by XOR", "contacts", query(group("XOR", filter)), "parameter_invalid"},
		{"three levels", "contacts", query(group("AND", group("OR", group("AND", filter)))), "parameter_invalid"},
		{"sixteen filters", "contacts", query(group("OR", slices.Repeat([]string{filter}, 16)...)), "parameter_invalid"},
		{"text for a date", "contacts", query(`{"field":"created_at","operator":">","value":"foobar"}`), "parameter_invalid"},
		{">= on days", "contacts", query(`{"field":"created_at","operator":">=","value":1}`), "parameter_invalid"},
		{"<= on days", "contacts", query(`{"field":"updated_at","operator":"<=","value":1}`), "parameter_invalid"},
		{"!= on days", "contacts", query(`{"field":"updated_at","operator":"!=","value":1}`), "parameter_invalid"},
		{"IN on days", "contacts", query(`{"field":"updated_at","operator":"IN","value":[1]}`), "parameter_invalid"},
		{"NIN on days", "contacts", query(`{"field":"last_seen_at","operator":"NIN","value":[1]}`), "parameter_invalid"},
		{"IN without a list", "contacts", query(`{"field":"email","operator":"IN","value":"x"}`), "parameter_invalid"},
		{"= with a list", "contacts", query(`{"field":"email","operator":"=","value":["x"]}`), "parameter_invalid"},
		{"> on text", "contacts", query(`{"field":"email","operator":">","value":"x"}`), "parameter_invalid"},
		{"~ on a tag", "contacts", query(`{"field":"tag_id","operator":"~","value":"1"}`), "parameter_invalid"},
		{"~ on a boolean", "tickets", query(`{"field":"open","operator":"~","value":true}`), "parameter_invalid"},
		{"maybe for a boolean", "tickets", query(`{"field":"open","operator":"=","value":"maybe"}`), "parameter_invalid"},
		{"order desc", "contacts", `{"query":` + filter + `,"sort":{"field":"created_at","order":"desc"}}`, "invalid_sort_order"},
		{"sorted by a name", "contacts", `{"query":` + filter + `,"sort":{"field":"name"}}`, "parameter_invalid"},
		{"151 on a page", "contacts", `{"query":` + filter + `,"pagination":{"per_page":151}}`, "bad_request"},
		{"cursor None", "contacts", `{"query":` + filter + `,"pagination":{"starting_after":"None"}}`, "parameter_invalid"},
		{"cursor empty", "contacts", `{"query":` + filter + `,"pagination":{"starting_after":""}}`, "parameter_invalid"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			post(t, ws, "/"+tt.entity+"/search", tt.body).wantFailure(t, 400, tt.code)
		})
	}
	t.Run("two levels and fifteen filters are fine", func(t *testing.T) {
		t.Parallel()
		q := query(group("AND", slices.Repeat([]string{group("OR", slices.Repeat([]string{filter}, 15)...)}, 15)...))
		decode[envelope](t, post(t, ws, "/contacts/search", q))
	})
}

// match reports how many contacts a query finds, and checks each against keep.
func match(t *testing.T, ws *intercomtest.Workspace, entity intercomtest.Entity, query string, keep func(v map[string]any) bool) {
	t.Helper()
	want := []string{}
	for r := range ws.Records(entity) {
		var v map[string]any
		if err := json.Unmarshal(r.JSON, &v); err != nil {
			t.Fatal(err)
		}
		if keep(v) {
			want = append(want, r.ID)
		}
	}
	got := ids(t, searchAll(t, ws, entity.String(), query, `{"field":"id","order":"ascending"}`, 100, nil))
	if len(want) == 0 || len(want) == ws.Len(entity) {
		t.Fatalf("the query matches %d of %d, which proves nothing", len(want), ws.Len(entity))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got)\n%s", query, diff)
	}
}

func TestOperators(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{Contacts: 300})
	ws.Bulk(intercomtest.Contacts, 90, time.Now())
	str := func(v map[string]any, k string) string { s, _ := v[k].(string); return strings.ToLower(s) }
	for _, tt := range []struct {
		name, query string
		keep        func(v map[string]any) bool
	}{
		{"=", `{"field":"role","operator":"=","value":"lead"}`, func(v map[string]any) bool { return v["role"] == "lead" }},
		{"!=", `{"field":"role","operator":"!=","value":"lead"}`, func(v map[string]any) bool { return v["role"] != "lead" }},
		{"= null", `{"field":"external_id","operator":"=","value":null}`, func(v map[string]any) bool { return v["external_id"] == nil }},
		{"IN", `{"field":"browser","operator":"IN","value":["chrome","edge"]}`, func(v map[string]any) bool { return v["browser"] == "chrome" || v["browser"] == "edge" }},
		{"NIN", `{"field":"browser","operator":"NIN","value":["chrome","edge"]}`, func(v map[string]any) bool { return v["browser"] != "chrome" && v["browser"] != "edge" }},
		{"~", `{"field":"name","operator":"~","value":"love"}`, func(v map[string]any) bool { return strings.Contains(str(v, "name"), "love") }},
		{"!~", `{"field":"name","operator":"!~","value":"LOVE"}`, func(v map[string]any) bool { return !strings.Contains(str(v, "name"), "love") }},
		{"^", `{"field":"email","operator":"^","value":"contact1"}`, func(v map[string]any) bool { return strings.HasPrefix(str(v, "email"), "contact1") }},
		{"$", `{"field":"email","operator":"$","value":".org"}`, func(v map[string]any) bool { return strings.HasSuffix(str(v, "email"), ".org") }},
		{"boolean", `{"field":"unsubscribed_from_emails","operator":"=","value":true}`, func(v map[string]any) bool { return v["unsubscribed_from_emails"] == true }},
		{"custom attribute", `{"field":"custom_attributes.plan","operator":"=","value":"team"}`, func(v map[string]any) bool {
			attributes, _ := v["custom_attributes"].(map[string]any)
			return attributes["plan"] == "team"
		}},
		{"integer", `{"field":"custom_attributes.revision","operator":">","value":0}`, func(v map[string]any) bool {
			attributes, _ := v["custom_attributes"].(map[string]any)
			return attributes["revision"] != 0.0
		}},
		{"tag", `{"field":"tag_id","operator":"=","value":"1003"}`, func(v map[string]any) bool { return slices.Contains(tagsOf(t, ws, v), "1003") }},
		{"OR of AND", `{"operator":"OR","value":[
			{"operator":"AND","value":[{"field":"role","operator":"=","value":"lead"},{"field":"browser","operator":"=","value":"edge"}]},
			{"field":"email","operator":"$","value":".org"}]}`, func(v map[string]any) bool {
			return v["role"] == "lead" && v["browser"] == "edge" || strings.HasSuffix(str(v, "email"), ".org")
		}},
		{"AND with a date", `{"operator":"AND","value":[{"field":"role","operator":"=","value":"lead"},{"field":"created_at","operator":">","value":1}]}`, func(v map[string]any) bool { return v["role"] == "lead" }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			match(t, ws, intercomtest.Contacts, tt.query, tt.keep)
		})
	}
}

// tagsOf asks for a contact's tags, of which the contact has ten at most.
func tagsOf(t *testing.T, ws *intercomtest.Workspace, contact map[string]any) []string {
	t.Helper()
	return ids(t, decode[envelope](t, get(t, ws, fmt.Sprintf("/contacts/%v/tags", contact["id"]))).Data)
}

func TestTicketFilters(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{Tickets: 200})
	match(t, ws, intercomtest.Tickets, `{"field":"open","operator":"=","value":true}`, func(v map[string]any) bool { return v["open"] == true })
	match(t, ws, intercomtest.Tickets, `{"field":"category","operator":"=","value":"task"}`, func(v map[string]any) bool { return v["category"] == "Back-office" })
}

// A date of a contact is the day it falls in, where the workspace is.
func TestDayGrain(t *testing.T) {
	t.Parallel()
	zone, err := time.LoadLocation("Europe/Amsterdam")
	if err != nil {
		t.Skip(err)
	}
	// Summer time ends on the day in the middle: it has 25 hours.
	end := time.Date(2026, 10, 27, 0, 0, 0, 0, zone)
	cfg := intercomtest.Config{Contacts: 500, Zone: zone, End: end, Span: 5 * 24 * time.Hour}
	day := time.Date(2026, 10, 25, 0, 0, 0, 0, zone)
	next := time.Date(2026, 10, 26, 0, 0, 0, 0, zone)
	for _, tt := range []struct {
		operator string
		in       func(at time.Time) bool
	}{
		{"=", func(at time.Time) bool { return !at.Before(day) && at.Before(next) }},
		{">", func(at time.Time) bool { return !at.Before(next) }},
		{"<", func(at time.Time) bool { return at.Before(day) }},
	} {
		for _, instant := range []time.Time{day, day.Add(12 * time.Hour), next.Add(-time.Second)} {
			t.Run(fmt.Sprint(tt.operator, " ", instant), func(t *testing.T) {
				t.Parallel()
				ws := intercomtest.New(cfg)
				for _, field := range []string{"created_at", "updated_at"} {
					query := fmt.Sprintf(`{"field":%q,"operator":%q,"value":"%d"}`, field, tt.operator, instant.Unix())
					match(t, ws, intercomtest.Contacts, query, func(v map[string]any) bool {
						at, _ := v[field].(float64)
						return tt.in(time.Unix(int64(at), 0))
					})
				}
			})
		}
	}
}

func TestSecondGrain(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		cfg    intercomtest.Config
		entity intercomtest.Entity
	}{
		{"contacts when told so", intercomtest.Config{Contacts: 200, Grain: intercomtest.SecondGrain}, intercomtest.Contacts},
		{"contacts from 2.17 on", intercomtest.Config{Contacts: 200, Version: "2.17"}, intercomtest.Contacts},
		{"conversations", intercomtest.Config{Conversations: 200}, intercomtest.Conversations},
		{"tickets", intercomtest.Config{Tickets: 200}, intercomtest.Tickets},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ws := intercomtest.New(tt.cfg)
			var pivot int64
			for r := range ws.Records(tt.entity) {
				pivot = r.UpdatedAt.Unix()
			}
			for operator, keep := range map[string]func(at int64) bool{
				">":  func(at int64) bool { return at > pivot },
				">=": func(at int64) bool { return at >= pivot },
				"<":  func(at int64) bool { return at < pivot },
				"<=": func(at int64) bool { return at <= pivot },
				"=":  func(at int64) bool { return at == pivot },
				"!=": func(at int64) bool { return at != pivot },
			} {
				query := fmt.Sprintf(`{"field":"updated_at","operator":%q,"value":%d}`, operator, pivot)
				body := `{"query":` + query + `,"pagination":{"per_page":150}}`
				req := newRequest(t.Context(), t, "POST", "/"+tt.entity.String()+"/search", body)
				req.Header.Set("Intercom-Version", versionOf(tt.cfg))
				want := 0
				for r := range ws.Records(tt.entity) {
					if keep(r.UpdatedAt.Unix()) {
						want++
					}
				}
				if e := decode[envelope](t, do(ws, req)); *e.Total != want {
					t.Errorf("%s: got %d, want %d", operator, *e.Total, want)
				}
			}
		})
	}
	t.Run("conversations can mean days", func(t *testing.T) {
		t.Parallel()
		ws := intercomtest.New(intercomtest.Config{DayConversations: true})
		r, _ := ws.Record(intercomtest.Conversations, ws.ID(intercomtest.Conversations, 30))
		query := fmt.Sprintf(`{"field":"updated_at","operator":"=","value":%d}`, r.UpdatedAt.Truncate(24*time.Hour).Unix())
		found := byID(t, searchAll(t, ws, "conversations", query, ascending, 150, nil))
		if _, ok := found[r.ID]; !ok {
			t.Error("a conversation is not found by the beginning of its day")
		}
	})
}

func versionOf(cfg intercomtest.Config) string {
	if cfg.Version != "" {
		return cfg.Version
	}
	return "2.16"
}

// What changes while it is read moves: nothing that a cursor points to changes that.
func TestRecordsMoveWhileTheyAreRead(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{Contacts: 100})
	descending := `{"field":"updated_at","order":"descending"}`
	victim := searchAll(t, ws, "contacts", everything, descending, 150, nil)[70]
	id := ids(t, []json.RawMessage{victim})[0]
	first := true
	items := searchAll(t, ws, "contacts", everything, descending, 20, func(int) {
		if first {
			ws.TouchAt(intercomtest.Contacts, time.Now().Add(time.Hour), id)
			first = false
		}
	})
	if got := byID(t, items); len(items) != 99 || got[id] != "" {
		t.Errorf("got %d records, %s among them: %v", len(items), id, got[id] != "")
	}
	twice := searchAll(t, ws, "contacts", everything, ascending, 20, func(page int) {
		if page == 2 {
			ws.TouchAt(intercomtest.Contacts, time.Now().Add(2*time.Hour), ids(t, []json.RawMessage{victim})[0])
		}
	})
	if len(twice) != 100 {
		t.Errorf("got %d records, want 100", len(twice))
	}
}

func FuzzSearch(f *testing.F) {
	for _, q := range []string{
		everything,
		`{"operator":"AND","value":[{"field":"email","operator":"~","value":"x"},{"field":"updated_at","operator":"<","value":"9999999999"}]}`,
		`{"operator":"OR","value":[{"field":"tag_id","operator":"=","value":1003},{"field":"custom_attributes.plan","operator":"IN","value":["team"]}]}`,
		`{"field":"created_at","operator":"=","value":null}`,
	} {
		f.Add(`{"query":` + q + `}`)
		f.Add(`{"query":` + q + `,"sort":{"field":"id","order":"ascending"},"pagination":{"per_page":2,"starting_after":"WzEwMDAsIjY3NjJmMGQwMWJiNjlmOWYwMDAwMDAwMSIsMl0="}}`)
	}
	ws := intercomtest.New(intercomtest.Config{Contacts: 20, Conversations: 20, Tickets: 20})
	f.Fuzz(func(t *testing.T, body string) {
		for _, entity := range []string{"contacts", "conversations", "tickets"} {
			r := post(t, ws, "/"+entity+"/search", body)
			switch r.Status {
			case 200:
				e := decode[envelope](t, r)
				if len(e.items()) > 150 || *e.Total > 20 || e.Pages.Page < 1 {
					t.Errorf("%s: got %d records of %d", entity, len(e.items()), *e.Total)
				}
			case 400:
				if r.code() == "" {
					t.Errorf("%s: not an error list: %s", entity, r.Body)
				}
			default:
				t.Errorf("%s: got %d (%v)", entity, r.Status, r.Err)
			}
		}
	})
}
