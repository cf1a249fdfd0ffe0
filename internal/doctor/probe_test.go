package doctor_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"intercom-connector/internal/config"
	"intercom-connector/internal/doctor"
	"intercom-connector/shared/intercom"
	"intercom-connector/shared/intercom/intercomtest"
)

// with is a healthy client with more below it.
func with(more string) string {
	return "clients:\n  main: {region: us, auth: access_token, workspace: fake1234, timezone: UTC}\n" + more
}

const (
	subscription = "subscriptions:\n  it: {client: main, to: {type: stdout}, "
	publisher    = "publishers:\n  it: {client: main, "
)

func TestProbes(t *testing.T) {
	t.Parallel()
	type faults map[string]intercomtest.Effect
	var (
		forbidden = intercomtest.Forbidden()
		plan      = intercomtest.PlanRestricted()
	)
	for _, tt := range []struct {
		name    string
		text    string
		faults  faults
		result  doctor.Result
		problem doctor.Problem
		words   []string
		sent    string // an operation that must have been asked, "" for any
	}{
		{
			"a list", subscription + "entity: tags}", nil,
			doctor.OK, "",
			[]string{"GET /tags is permitted"},
			"GET /tags",
		},
		{
			"not permitted", subscription + "entity: tags}",
			faults{"/tags": forbidden},
			doctor.Fail, doctor.PermissionMissing,
			[]string{`lacks the permission "Read tags"`, "403 forbidden", `give the app of client main the permission "Read tags" in Intercom's Developer Hub`},
			"GET /tags",
		},
		{
			"a permission without a name", subscription + "entity: teams}",
			faults{"/teams": forbidden},
			doctor.Fail, doctor.PermissionMissing,
			[]string{"not published", "Developer Hub"},
			"GET /teams",
		},
		{
			"not part of the plan", subscription + "entity: tags}",
			faults{"/tags": plan},
			doctor.Fail, doctor.PlanRestricted,
			[]string{"api_plan_restricted", "plan changed"},
			"GET /tags",
		},
		{
			"firewall", subscription + "entity: tags}",
			faults{"/tags": intercomtest.HTML(403)},
			doctor.Fail, doctor.Firewall,
			[]string{"HTML"},
			"GET /tags",
		},
		{
			"IP allowlist", subscription + "entity: tags}",
			faults{"/tags": intercomtest.OffAllowlist()},
			doctor.Fail, doctor.OffAllowlist,
			[]string{"allowlist"},
			"GET /tags",
		},
		{
			"not found", subscription + "entity: 'tags/{tag_id}', path: {tag_id: nobody}}", nil,
			doctor.Fail, doctor.NotFound,
			[]string{"GET /tags/{tag_id}", "connector plan it"},
			"GET /tags/{tag_id}",
		},
		{
			"refused as configured", subscription + "entity: companies}",
			faults{"/companies": intercomtest.Status(400, "parameter_missing", "a filter is missing")},
			doctor.Fail, doctor.RequestRefused,
			[]string{"400 parameter_missing", "a filter is missing", "connector plan it"},
			"GET /companies",
		},
		{
			"an outage", subscription + "entity: tags}",
			faults{"/tags": intercomtest.ServerError()},
			doctor.Fail, doctor.ServerError,
			[]string{"500", "try again later"},
			"",
		},
		{
			"too slow", subscription + "entity: tags}",
			faults{"/tags": intercomtest.NoAnswer()},
			doctor.Fail, doctor.TimedOut,
			[]string{"10 s"},
			"",
		},
		{
			"not enabled", subscription + "entity: tags, enabled: false}",
			faults{"/tags": forbidden},
			doctor.Warn, doctor.PermissionMissing,
			[]string{"(not enabled)"},
			"GET /tags",
		},
		{
			"an incremental read", subscription + "entity: contacts, sync: incremental}", nil,
			doctor.OK, "",
			[]string{"POST /contacts/search is permitted"},
			"POST /contacts/search",
		},
		{
			"a search of the user's", subscription + "entity: conversations/search, payload: {query: {field: state, operator: '=', value: open}}}", nil,
			doctor.OK, "", nil, "POST /conversations/search",
		},
		{
			"a search that is wrong", subscription + "entity: conversations/search, payload: {query: {field: stat, operator: '=', value: open}}}", nil,
			doctor.Fail, doctor.RequestRefused,
			[]string{"400"},
			"POST /conversations/search",
		},
		{
			"needs what comes later", subscription + "entity: 'contacts/{contact_id}/notes', path: {contact_id: null}, request_transform: '.path.contact_id = .input.contact_id'}", nil,
			doctor.OK, "",
			[]string{"GET /contacts is permitted", "same permission", "without input its request_transform gives no contact_id"},
			"GET /contacts",
		},
		{
			"needs what comes later, not permitted", subscription + "entity: 'contacts/{contact_id}/notes', path: {contact_id: null}, request_transform: '.path.contact_id = .input.contact_id'}",
			faults{"/contacts": forbidden},
			doctor.Fail, doctor.PermissionMissing,
			[]string{"Read and list users and companies"},
			"GET /contacts",
		},
		{
			"a transformer that needs no input", subscription + "entity: 'tags', request_transform: '.query.page = [\"1\"]'}", nil,
			doctor.OK, "", nil, "GET /tags",
		},
		{
			"a scroll", subscription + "entity: companies/scroll, side_effects: allow}", nil,
			doctor.OK, "",
			[]string{"POST /companies/list is permitted", "without effect"},
			"POST /companies/list",
		},
		{
			"nothing stands in", subscription + "entity: 'jobs/status/{job_id}', path: {job_id: null}, request_transform: '.path.job_id = .input'}", nil,
			doctor.Skipped, "",
			[]string{"not probed", "job_id"},
			"",
		},
		{
			"a neighbour is not permitted", subscription + "entity: 'teams/{team_id}', path: {team_id: null}, request_transform: '.path.team_id = .input'}",
			faults{"/teams": forbidden},
			doctor.Skipped, "",
			[]string{"GET /teams, which is next to it, is not permitted either"},
			"GET /teams",
		},

		{
			"publishing, permitted", publisher + "method: PUT, entity: 'contacts/{contact_id}'}", nil,
			doctor.OK, "",
			[]string{"GET /contacts is permitted", "not tested, because that would write", `"Write users and companies"`},
			"GET /contacts",
		},
		{
			"publishing, the read is not permitted", publisher + "method: POST, entity: tags}",
			faults{"/tags": forbidden},
			doctor.Warn, doctor.PermissionMissing,
			[]string{`"Read tags"`, `"Write tags"`, "not tested"},
			"GET /tags",
		},
		{
			"publishing, one permission for both, permitted", publisher + "method: POST, entity: ai/external_pages}", nil,
			doctor.OK, "",
			[]string{"GET /ai/external_pages, which needs the same permission", "writing itself is not tested"},
			"GET /ai/external_pages",
		},
		{
			"publishing, one permission for both", publisher + "method: POST, entity: ai/external_pages}",
			faults{"/ai/external_pages": forbidden},
			doctor.Fail, doctor.PermissionMissing,
			[]string{"Read and write AI content"},
			"GET /ai/external_pages",
		},
		{
			"publishing, not part of the plan", publisher + "method: POST, entity: tags}",
			faults{"/tags": plan},
			doctor.Fail, doctor.PlanRestricted, nil, "GET /tags",
		},
		{
			"publishing, a path that is configured", publisher + "method: POST, entity: 'custom_object_instances/{custom_object_type_identifier}', path: {custom_object_type_identifier: Order}}", nil,
			doctor.OK, "",
			[]string{"same permission"},
			"GET /custom_object_instances/{custom_object_type_identifier}",
		},
		{
			"publishing, a path that comes later", publisher + "method: POST, entity: 'custom_object_instances/{custom_object_type_identifier}'}", nil,
			doctor.Skipped, "",
			[]string{"not probed", "custom_object_type_identifier", "would write"},
			"",
		},
		{
			"publishing, nothing belongs to it", publisher + "method: POST, entity: phone_call_redirects}", nil,
			doctor.Skipped, "",
			[]string{"no read belongs to POST /phone_call_redirects", `"Create phone call redirects"`},
			"",
		},
		{
			"publishing events", publisher + "method: POST, entity: events}", nil,
			doctor.Skipped, "",
			[]string{"needs type", `"Write events"`},
			"",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ws := intercomtest.New(intercomtest.Config{Token: planted})
				for path, effect := range tt.faults {
					ws.Fault(intercomtest.Fault{Path: path, Effect: effect})
				}
				report := examine(t, doctor.Config{Settings: settings(t, with(tt.text+"\n"))}, hosts{us: ws})
				title := "subscription it"
				if strings.HasPrefix(tt.text, "publishers") {
					title = "publisher it"
				}
				want(t, find(t, report, title), tt.result, tt.problem, tt.words...)
				if tt.sent != "" && ws.Stats().ByOperation[tt.sent] == 0 {
					t.Errorf("%s was not asked, but %v", tt.sent, ws.Stats().ByOperation)
				}
			})
		})
	}
}

// everything is a configuration that uses each operation of the API.
func everything() *config.Config {
	cfg := &config.Config{
		Clients: map[string]*config.Client{"main": {
			Name: "main", Region: "us", BaseURL: "https://" + us, Version: "2.16",
			Auth: config.Auth{Type: config.AccessToken}, Workspace: "fake1234",
		}},
		Subscriptions: map[string]*config.Subscription{},
		Publishers:    map[string]*config.Publisher{},
	}
	for i, op := range intercom.Operations() {
		name := fmt.Sprintf("op-%03d", i)
		path := map[string]*string{}
		for _, param := range op.Params() {
			path[param] = nil
		}
		if op.Kind == intercom.Read {
			cfg.Subscriptions[name] = &config.Subscription{
				Name: name, Client: "main", Entity: op.Entity(), Method: op.Method, Route: op.Entity(), Operation: op,
				Path: path, Sync: config.Full, To: config.Destination{Type: "stdout"}, Enabled: true,
			}
			continue
		}
		cfg.Publishers[name] = &config.Publisher{
			Name: name, Client: "main", Entity: op.Entity(), Method: op.Method, Route: op.Entity(), Operation: op, Path: path, Enabled: true,
		}
	}
	return cfg
}

// Whatever is configured, nothing is written, nobody's banner is shown, no
// scroll is begun, and no request is sent twice.
func TestNoSideEffects(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ws := intercomtest.New(intercomtest.Config{Token: planted})
		most := map[string]int{}
		network := hosts{us: roundTrip(func(r *http.Request) (*http.Response, error) {
			if n := r.URL.Query().Get("per_page"); n != "" && n != "1" {
				t.Errorf("%s asks for %s records", r.URL.Path, n)
			}
			return ws.RoundTrip(r)
		})}
		report := examine(t, doctor.Config{Settings: everything()}, network)
		if len(report.Checks) < 231 {
			t.Errorf("%d checks only", len(report.Checks))
		}
		for _, c := range report.Checks {
			if c.Result == doctor.Fail && c.Problem != doctor.RequestRefused {
				t.Errorf("%s: %s: %s", c.Title(), c.Problem, c.Detail)
			}
		}
		stats := ws.Stats()
		for operation, n := range stats.ByOperation {
			method, path, _ := strings.Cut(operation, " ")
			op, err := intercom.Find(method, path, -1)
			if err != nil {
				t.Fatal(err)
			}
			if op.Kind != intercom.Read || op.SideEffect != "" || op.Paging == intercom.Scroll || op.Answer != intercom.JSON {
				t.Errorf("%s was sent", operation)
			}
			most[operation] = n
			if n > 2 { // the search of a subscription and the one that stands in for others
				t.Errorf("%s was sent %d times", operation, n)
			}
		}
		if len(ws.Writes()) > 0 || stats.Impressions > 0 {
			t.Errorf("writes %v, impressions %d", ws.Writes(), stats.Impressions)
		}
		if len(most) < 40 {
			t.Errorf("%d operations were asked only: %v", len(most), most)
		}
		t.Logf("%d requests; %v", stats.Requests, report.Counts)
	})
}

// A permission that is missing several times is to be given once.
func TestRemediesComeOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ws := intercomtest.New(intercomtest.Config{Token: planted})
		ws.Fault(intercomtest.Fault{Path: "/contacts*", Effect: intercomtest.Forbidden()})
		ws.Fault(intercomtest.Fault{Path: "/tags", Effect: intercomtest.Forbidden()})
		report := examine(t, doctor.Config{Settings: settings(t, with(`
subscriptions:
  contacts: {client: main, entity: contacts, to: {type: stdout}}
  more: {client: main, entity: contacts/search, payload: {query: {field: role, operator: "=", value: user}}, to: {type: stdout}}
  tags: {client: main, entity: tags, to: {type: stdout}, enabled: false}
`))}, hosts{us: ws})
		all := report.Remedies()
		if len(all) != 2 || len(all[0].Checks) != 2 || !all[0].Fail || all[1].Fail {
			t.Errorf("remedies: %+v", all)
		}
	})
}
