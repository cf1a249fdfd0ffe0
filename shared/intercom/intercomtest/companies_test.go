package intercomtest_test

import (
	"net/url"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"intercom-connector/shared/intercom/intercomtest"
)

func TestCompaniesList(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{Companies: 10_050})
	page := func(n, size string) reply { return post(t, ws, "/companies/list?page="+n+"&per_page="+size, "") }
	first := decode[envelope](t, page("1", "60"))
	u, err := url.Parse(first.nextURL())
	if err != nil || u.Query().Get("page") != "2" || u.Query().Get("per_page") != "60" || len(first.Data) != 60 || *first.Total != 10_050 {
		t.Errorf("got %d of %d, then %s", len(first.Data), *first.Total, first.nextURL())
	}
	page("1", "61").wantFailure(t, 400, "bad_request")
	page("167", "60").wantFailure(t, 400, "bad_request")
	page("201", "50").wantFailure(t, 400, "bad_request")
	if last := decode[envelope](t, page("200", "50")); len(last.Data) != 50 {
		t.Errorf("the last page that can be read has %d", len(last.Data))
	}
	small := intercomtest.New(intercomtest.Config{Companies: 5})
	if e := decode[envelope](t, post(t, small, "/companies/list", "")); len(e.Data) != 5 || string(e.Pages.Next) != "null" {
		t.Errorf("got %d, then %s", len(e.Data), e.Pages.Next)
	}
}

// Numbers of pages shift when something is deleted between two of them.
func TestNumberedPagesShift(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{Companies: 30})
	first := decode[envelope](t, post(t, ws, "/companies/list", ""))
	ws.Delete(intercomtest.Companies, ids(t, first.Data)[0])
	second := decode[envelope](t, post(t, ws, "/companies/list?page=2", ""))
	if len(first.Data) != 15 || len(second.Data) != 14 || *second.Total != 29 {
		t.Errorf("got %d and %d of %d", len(first.Data), len(second.Data), *second.Total)
	}
}

func TestScroll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ws := intercomtest.New(intercomtest.Config{Companies: 250})
		scroll := func(param string) reply { return get(t, ws, "/companies/scroll?scroll_param="+param) }
		first := decode[envelope](t, scroll(""))
		items := first.Data
		scroll("").wantFailure(t, 400, "scroll_exists")
		scroll("somebody-elses").wantFailure(t, 404, "not_found")
		for {
			time.Sleep(time.Minute)
			e := decode[envelope](t, scroll(first.ScrollParam))
			if e.ScrollParam != first.ScrollParam || first.ScrollParam == "" {
				t.Errorf("the parameter became %q", e.ScrollParam)
			}
			if len(e.Data) == 0 {
				break
			}
			items = append(items, e.Data...)
		}
		if diff := cmp.Diff(truth(ws, intercomtest.Companies), byID(t, items)); diff != "" || len(items) != 250 {
			t.Errorf("%d companies (-want +got)\n%.1000s", len(items), diff)
		}
		scroll(first.ScrollParam).wantFailure(t, 404, "not_found")

		second := decode[envelope](t, scroll(""))
		if second.ScrollParam == first.ScrollParam {
			t.Error("two scrolls have one parameter")
		}
		time.Sleep(time.Minute + time.Second)
		scroll(second.ScrollParam).wantFailure(t, 404, "not_found")
		if e := decode[envelope](t, scroll("")); len(e.Data) != 100 {
			t.Errorf("after a dead scroll: %d companies", len(e.Data))
		}
	})
}

func TestScrollWithoutCompanies(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{Companies: -1})
	e := decode[envelope](t, get(t, ws, "/companies/scroll"))
	if len(e.Data) != 0 || e.ScrollParam == "" {
		t.Errorf("got %+v", e)
	}
	get(t, ws, "/companies/scroll?scroll_param="+e.ScrollParam).wantFailure(t, 404, "not_found")
}

// Contacts and companies name each other.
func TestContactsOfCompanies(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{Companies: 20})
	pairs := func(parents, children intercomtest.Entity, swap bool) map[string]bool {
		all := map[string]bool{}
		for r := range ws.Records(parents) {
			path := "/" + parents.String() + "/" + r.ID + "/" + children.String()
			for _, id := range ids(t, listAll(t, ws, path, url.Values{"per_page": {strconv.Itoa(7)}})) {
				if swap {
					all[id+" "+r.ID] = true
				} else {
					all[r.ID+" "+id] = true
				}
			}
		}
		return all
	}
	want := pairs(intercomtest.Contacts, intercomtest.Companies, false)
	if diff := cmp.Diff(want, pairs(intercomtest.Companies, intercomtest.Contacts, true)); diff != "" || len(want) == 0 {
		t.Errorf("%d pairs (-want +got)\n%s", len(want), diff)
	}
}

func TestFilteredCompanies(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{})
	one := decode[struct{ ID string }](t, get(t, ws, "/companies?company_id=acme-7"))
	if one.ID != ws.ID(intercomtest.Companies, 7) {
		t.Errorf("got %q", one.ID)
	}
	if e := decode[envelope](t, get(t, ws, "/companies?tag_id=1001")); len(e.Data) == 0 {
		t.Error("no company has the tag")
	}
}
