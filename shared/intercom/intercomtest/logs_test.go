package intercomtest_test

import (
	"fmt"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"intercom-connector/shared/intercom/intercomtest"
)

func TestActivityLogs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ws := intercomtest.New(intercomtest.Config{ActivityLogs: 100, LogWindow: 10 * 24 * time.Hour})
		end := time.Now()
		from, to := end.Add(-9*24*time.Hour), end.Add(-2*24*time.Hour)
		want := 0
		for r := range ws.Records(intercomtest.ActivityLogs) {
			if r.CreatedAt.After(from) && r.CreatedAt.Before(to) {
				want++
			}
		}
		window := url.Values{"created_at_after": {fmt.Sprint(from.Unix())}, "created_at_before": {fmt.Sprint(to.Unix())}}
		if got := len(listAll(t, ws, "/admins/activity_logs", window)); got != want || want == 0 {
			t.Errorf("got %d logs, want %d", got, want)
		}
		get(t, ws, "/admins/activity_logs?created_at_after=1").wantFailure(t, 500, "server_error")

		body := fmt.Sprintf(`{"created_at_after":%d,"per_page":250,"event_types":["bulk_export"]}`, from.Unix())
		e := decode[envelope](t, post(t, ws, "/admins/activity_logs/search", body))
		if len(e.Logs) == 0 || len(e.Logs) >= want {
			t.Errorf("got %d logs of one type, of %d", len(e.Logs), want)
		}
	})
}

func TestExecutionsShowTheLastHour(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ws := intercomtest.New(intercomtest.Config{Executions: 90, Span: 3 * time.Hour})
		path := "/data_connectors/1002/execution_results"
		hour := len(listAll(t, ws, path, url.Values{}))
		all := len(listAll(t, ws, path, url.Values{"start_ts": {"1"}}))
		if hour != 10 || all != 30 {
			t.Errorf("got %d in the last hour, %d in all", hour, all)
		}
	})
}

func TestMacrosSince(t *testing.T) {
	t.Parallel()
	ws := intercomtest.New(intercomtest.Config{})
	var pivot time.Time
	for r := range ws.Records(intercomtest.Macros) {
		pivot = r.UpdatedAt
		break
	}
	want := 0
	for r := range ws.Records(intercomtest.Macros) {
		if !r.UpdatedAt.Before(pivot) {
			want++
		}
	}
	got := len(listAll(t, ws, "/macros", url.Values{"updated_since": {fmt.Sprint(pivot.Unix())}, "per_page": {"5"}}))
	if got != want {
		t.Errorf("got %d macros, want %d", got, want)
	}
}

func TestEventsAreKeptForNinetyDays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ws := intercomtest.New(intercomtest.Config{})
		query := url.Values{"type": {"user"}, "user_id": {"user-31"}, "per_page": {"150"}}
		path := "/events?" + query.Encode()
		now := len(decode[envelope](t, get(t, ws, path)).Events)
		time.Sleep(75 * 24 * time.Hour)
		later := len(decode[envelope](t, get(t, ws, path)).Events)
		time.Sleep(90 * 24 * time.Hour)
		if last := len(decode[envelope](t, get(t, ws, path)).Events); now != 120 || later >= now || later == 0 || last != 0 {
			t.Errorf("got %d, %d, %d events", now, later, last)
		}
	})
}
