package intercomtest_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"intercom-connector/shared/intercom/intercomtest"
)

var changeable = []intercomtest.Entity{
	intercomtest.Contacts, intercomtest.Conversations, intercomtest.Tickets, intercomtest.Companies,
	intercomtest.Articles, intercomtest.Collections, intercomtest.Macros,
}

func TestTouchChangesTheRecordAndItsTime(t *testing.T) {
	t.Parallel()
	for _, e := range changeable {
		t.Run(e.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ws := intercomtest.New(intercomtest.Config{})
				time.Sleep(time.Hour)
				id := ws.ID(e, 4)
				before, _ := ws.Record(e, id)
				ws.Touch(e, id)
				after, _ := ws.Record(e, id)
				if !after.UpdatedAt.Equal(time.Now()) || !after.CreatedAt.Equal(before.CreatedAt) || string(after.JSON) == string(before.JSON) {
					t.Errorf("%v, %v\n%s", after.CreatedAt, after.UpdatedAt, after.JSON)
				}
				// A second change in the same second is a change as well.
				ws.Touch(e, id, id)
				again, _ := ws.Record(e, id)
				if !again.UpdatedAt.Equal(after.UpdatedAt) || string(again.JSON) == string(after.JSON) {
					t.Errorf("a second change within the second is not seen\n%s", again.JSON)
				}
				ws.UpdateSilently(e, id)
				silent, _ := ws.Record(e, id)
				if !silent.UpdatedAt.Equal(again.UpdatedAt) || string(silent.JSON) == string(again.JSON) {
					t.Errorf("a silent change: %v\n%s", silent.UpdatedAt, silent.JSON)
				}
			})
		})
	}
}

func TestCreateAndDelete(t *testing.T) {
	t.Parallel()
	for _, e := range changeable {
		t.Run(e.String(), func(t *testing.T) {
			t.Parallel()
			ws := intercomtest.New(intercomtest.Config{})
			n := ws.Len(e)
			id := ws.Create(e)
			r, ok := ws.Record(e, id)
			if !ok || !r.CreatedAt.Equal(r.UpdatedAt) || time.Since(r.CreatedAt) > time.Minute || ws.Len(e) != n+1 {
				t.Errorf("%v %+v, %d", ok, r, ws.Len(e))
			}
			ws.Delete(e, id)
			if _, ok := ws.Record(e, id); ok || ws.Len(e) != n {
				t.Errorf("%s is still there, %d", id, ws.Len(e))
			}
			get(t, ws, "/"+e.String()+"/"+id).wantFailure(t, 404, "not_found")
		})
	}
	t.Run("conversations leave a trace", func(t *testing.T) {
		t.Parallel()
		ws := intercomtest.New(intercomtest.Config{})
		ws.Delete(intercomtest.Conversations, ws.ID(intercomtest.Conversations, 1), ws.ID(intercomtest.Conversations, 2))
		got := ids(t, listAll(t, ws, "/conversations/deleted", map[string][]string{"per_page": {"1"}}))
		want := []string{ws.ID(intercomtest.Conversations, 2), ws.ID(intercomtest.Conversations, 1)}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}

func TestMerge(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{})
	from, into := ws.ID(intercomtest.Contacts, 1), ws.ID(intercomtest.Contacts, 2)
	ws.Merge(from, into)
	r := get(t, ws, "/contacts/"+from)
	r.wantFailure(t, 410, "contact_merged")
	if got, want := r.Header.Get("Link"), "</contacts/"+into+`>; rel="canonical"`; got != want {
		t.Errorf("got the link %q, want %q", got, want)
	}
	e := decode[struct {
		Data []struct {
			Source string `json:"source_contact_id"`
		}
		HasMore bool `json:"has_more"`
	}](t, get(t, ws, "/contacts/"+into+"/merge_history"))
	if len(e.Data) != 1 || e.Data[0].Source != from || e.HasMore {
		t.Errorf("got %+v", e)
	}
	if _, ok := byID(t, listAll(t, ws, "/contacts", map[string][]string{}))[from]; ok {
		t.Error("a merged contact is listed")
	}
}

func TestMergeHistoryPages(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{})
	into := ws.ID(intercomtest.Contacts, 50)
	for i := range 5 {
		ws.Merge(ws.ID(intercomtest.Contacts, i), into)
	}
	seen, cursor := 0, ""
	for range 3 {
		e := decode[envelope](t, get(t, ws, "/contacts/"+into+"/merge_history?per_page=2&cursor="+cursor))
		seen += len(e.Data)
		if e.HasMore != (e.NextCursor != "") {
			t.Errorf("has_more %v, next_cursor %q", e.HasMore, e.NextCursor)
		}
		cursor = e.NextCursor
	}
	if seen != 5 || cursor != "" {
		t.Errorf("saw %d, then %q", seen, cursor)
	}
}

func TestBulk(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{Contacts: 5000, Grain: intercomtest.SecondGrain})
	at := time.Now().Add(time.Hour).Truncate(time.Second)
	ws.Delete(intercomtest.Contacts, ws.ID(intercomtest.Contacts, 77))
	if got := ws.Bulk(intercomtest.Contacts, 700, at); got != 700 {
		t.Fatalf("changed %d", got)
	}
	query := fmt.Sprintf(`{"field":"updated_at","operator":"=","value":%d}`, at.Unix())
	found := searchAll(t, ws, "contacts", query, ascending, 150, nil)
	if got := byID(t, found); len(got) != 700 {
		t.Errorf("found %d", len(got))
	}
	if got := ws.Bulk(intercomtest.Contacts, 10_000, at); got != 4999 || ws.Len(intercomtest.Contacts) != 4999 {
		t.Errorf("changed %d of %d", got, ws.Len(intercomtest.Contacts))
	}
	all := searchAll(t, ws, "contacts", everything, ascending, 150, nil)
	if diff := cmp.Diff(truth(ws, intercomtest.Contacts), byID(t, all)); diff != "" {
		t.Errorf("(-want +got)\n%.1000s", diff)
	}
}

// Many changes of many kinds leave the indexes what a fresh look would make of them.
func TestIndexesSurviveChanges(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{Contacts: 200})
	for i := range 400 {
		live := 0
		for r := range ws.Records(intercomtest.Contacts) {
			if live++; live%7 == i%7 {
				ws.TouchAt(intercomtest.Contacts, r.UpdatedAt.Add(time.Duration(i%60-30)*time.Hour), r.ID)
				if i%5 == 0 {
					ws.Delete(intercomtest.Contacts, r.ID)
				}
				break
			}
		}
		if i%3 == 0 {
			ws.Create(intercomtest.Contacts)
		}
		if i%50 == 0 {
			ws.Bulk(intercomtest.Contacts, 30, time.Now())
		}
	}
	for _, sort := range []string{ascending, `{"field":"created_at","order":"descending"}`} {
		all := searchAll(t, ws, "contacts", everything, sort, 33, nil)
		if diff := cmp.Diff(truth(ws, intercomtest.Contacts), byID(t, all)); diff != "" || len(all) != ws.Len(intercomtest.Contacts) {
			t.Errorf("%d records (-want +got)\n%.1000s", len(all), diff)
		}
	}
}

func TestIndexLag(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ws := intercomtest.New(intercomtest.Config{IndexLag: 2 * time.Minute})
		search := func() map[string]string {
			return byID(t, searchAll(t, ws, "contacts", everything, ascending, 150, nil))
		}
		before := truth(ws, intercomtest.Contacts)
		made := ws.Create(intercomtest.Contacts)
		touched, gone := ws.ID(intercomtest.Contacts, 5), ws.ID(intercomtest.Contacts, 6)
		ws.Touch(intercomtest.Contacts, touched)
		time.Sleep(time.Second)
		ws.Delete(intercomtest.Contacts, gone)
		if diff := cmp.Diff(before, search()); diff != "" {
			t.Errorf("a search sees changes at once (-want +got)\n%s", diff)
		}
		for _, id := range []string{made, touched} {
			want, _ := ws.Record(intercomtest.Contacts, id)
			if r := get(t, ws, "/contacts/"+id); string(r.Body) != string(want.JSON) {
				t.Errorf("a GET does not see the change:\n%s\n%s", r.Body, want.JSON)
			}
		}
		get(t, ws, "/contacts/"+gone).wantFailure(t, 404, "not_found")
		time.Sleep(2*time.Minute - time.Second)
		got := search()
		if _, ok := got[gone]; !ok || len(got) != 101 {
			t.Errorf("after the lag of the first two: %d records, %v", len(got), ok)
		}
		time.Sleep(time.Second)
		if diff := cmp.Diff(truth(ws, intercomtest.Contacts), search()); diff != "" {
			t.Errorf("after the lag (-want +got)\n%s", diff)
		}
	})
}

func TestSilentTicket(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{})
	id := ws.ID(intercomtest.Tickets, 9)
	state := func() string {
		return decode[struct {
			State struct{ Category string } `json:"ticket_state"`
		}](t, get(t, ws, "/tickets/"+id)).State.Category
	}
	before, _ := ws.Record(intercomtest.Tickets, id)
	old := state()
	ws.UpdateSilently(intercomtest.Tickets, id)
	after, _ := ws.Record(intercomtest.Tickets, id)
	if state() == old || !after.UpdatedAt.Equal(before.UpdatedAt) {
		t.Errorf("state %s, then %s at %v", old, state(), after.UpdatedAt)
	}
}

func TestNestedListsEndAtTen(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{})
	type nested struct {
		Data    []json.RawMessage
		URL     string
		Total   int  `json:"total_count"`
		HasMore bool `json:"has_more"`
	}
	cut := map[string]int{}
	for r := range ws.Records(intercomtest.Contacts) {
		var contact map[string]json.RawMessage
		if err := json.Unmarshal(r.JSON, &contact); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"tags", "notes", "companies"} {
			var list nested
			if err := json.Unmarshal(contact[name], &list); err != nil {
				t.Fatal(err)
			}
			whole := ids(t, listAll(t, ws, list.URL, map[string][]string{}))
			if len(whole) != list.Total || len(list.Data) != min(list.Total, 10) || list.HasMore != (list.Total > 10) {
				t.Errorf("%s of %s: %d of %d (%d), more %v", name, r.ID, len(list.Data), list.Total, len(whole), list.HasMore)
			}
			if diff := cmp.Diff(whole[:len(list.Data)], ids(t, list.Data)); diff != "" {
				t.Errorf("%s of %s (-want +got)\n%s", name, r.ID, diff)
			}
			if list.HasMore {
				cut[name]++
			}
		}
	}
	if len(cut) != 3 {
		t.Errorf("lists that are cut: %v", cut)
	}
}

func TestConversationParts(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{})
	type conversation struct {
		Parts *struct {
			Parts []struct{ ID string } `json:"conversation_parts"`
			Total int                   `json:"total_count"`
		} `json:"conversation_parts"`
		Statistics struct {
			Count int `json:"count_conversation_parts"`
		}
	}
	long := ws.ID(intercomtest.Conversations, 49)
	c := decode[conversation](t, get(t, ws, "/conversations/"+long))
	if c.Parts.Total <= 500 || len(c.Parts.Parts) != 500 || c.Statistics.Count != c.Parts.Total {
		t.Errorf("%d parts of %d", len(c.Parts.Parts), c.Parts.Total)
	}
	ws.Touch(intercomtest.Conversations, long)
	again := decode[conversation](t, get(t, ws, "/conversations/"+long))
	if again.Parts.Total != c.Parts.Total+1 || again.Parts.Parts[498] != c.Parts.Parts[499] {
		t.Error("a change added no part")
	}
	if r, _ := ws.Record(intercomtest.Conversations, long); strings.Contains(string(r.JSON), `"conversation_part.list"`) {
		t.Error("a list has parts")
	}
}

// The hook changes records in the middle of a read: the truth stays consistent.
func TestOnRequest(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{Contacts: 300})
	calls := 0
	ws.OnRequest(func(n int) {
		calls = n
		ws.TouchAt(intercomtest.Contacts, time.Now().Add(time.Hour), ws.ID(intercomtest.Contacts, n))
	})
	got := byID(t, searchAll(t, ws, "contacts", everything, ascending, 50, nil))
	if len(got) != 300 || calls < 6 {
		t.Errorf("read %d in %d requests", len(got), calls)
	}
}
