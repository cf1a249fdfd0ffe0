package file_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	_ "time/tzdata" // the tests know the zones, whatever the machine knows

	"github.com/google/go-cmp/cmp"

	"intercom-connector/internal/config"
	"intercom-connector/internal/config/file"
	"intercom-connector/internal/schedule"
	"intercom-connector/shared/intercom"
)

func parse(t *testing.T, text string) *config.Config {
	t.Helper()
	cfg, err := file.Parse("connector.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func operation(t *testing.T, method, path string) *intercom.Operation {
	t.Helper()
	op, err := intercom.Find(method, path, -1)
	if err != nil {
		t.Fatal(err)
	}
	return op
}

func TestParseFillsInDefaults(t *testing.T) {
	t.Parallel()
	got := parse(t, `
clients: {main: {}}
subscriptions:
  tags: {client: main, entity: tags, to: {type: stdout}}
  contacts: {client: main, entity: contacts, sync: incremental, to: {type: s3}}
publishers:
  create: {client: main, method: POST, entity: contacts}
`)
	resweep := config.Resweep{Every: 24 * time.Hour, Window: 48 * time.Hour}
	want := &config.Config{
		Clients: map[string]*config.Client{"main": {
			Name: "main", BaseURL: "https://api.intercom.io", Region: "us", Version: "2.16",
			Auth: config.Auth{Type: config.AccessToken}, LogRequests: config.LogOff,
		}},
		Subscriptions: map[string]*config.Subscription{
			"tags": {
				Name: "tags", Client: "main", Entity: "tags", Method: "GET", Route: "tags", Operation: operation(t, "GET", "tags"),
				Sync: config.Full, Lag: time.Minute, Overlap: 10 * time.Minute, Resweep: resweep,
				To: config.Destination{Type: "stdout"}, Enabled: true,
			},
			"contacts": {
				Name: "contacts", Client: "main", Entity: "contacts", Method: "POST", Route: "contacts/search", Operation: operation(t, "POST", "contacts/search"),
				Sync: config.Incremental, Paginate: true, Lag: time.Minute, Overlap: 10 * time.Minute, Resweep: resweep,
				To: config.Destination{Type: "s3"}, Enabled: true,
			},
		},
		Publishers: map[string]*config.Publisher{"create": {
			Name: "create", Client: "main", Entity: "contacts", Method: "POST", Route: "contacts", Operation: operation(t, "POST", "contacts"),
			GiveUpAfter: 12 * time.Hour, Enabled: true,
		}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestParseReadsTheStack(t *testing.T) {
	t.Parallel()
	got := parse(t, `
clients: {main: {}}
stack:
  tags: {team: data, cost-center: 12}
  tracing: true
  log_retention: 90d
  alarm_email: on-call@example.com
  network: {vpc: vpc-0a1b2c3d, subnets: [subnet-0a1b2c3d, subnet-1a1b2c3d], security_groups: [sg-0a1b2c3d]}
`).Stack
	want := config.Stack{
		Tags: map[string]string{"team": "data", "cost-center": "12"}, Tracing: true, LogRetention: 90, AlarmEmail: "on-call@example.com",
		Network: &config.Network{VPC: "vpc-0a1b2c3d", Subnets: []string{"subnet-0a1b2c3d", "subnet-1a1b2c3d"}, SecurityGroups: []string{"sg-0a1b2c3d"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got := parse(t, "clients: {main: {}}\nstack: {tracing: false}").Stack.LogRetention; got != 30 {
		t.Errorf("log_retention: got %d days, want 30", got)
	}
}

func TestRoute(t *testing.T) {
	t.Parallel()
	cfg, notes, err := file.Check("connector.yaml", []byte(`
clients: {main: {}, other: {}}
subscriptions:
  loop: {client: main, entity: contacts, sync: incremental, to: {type: publisher, name: update}}
  full: {client: main, entity: tags, to: {type: publisher, name: update}}
  away: {client: other, entity: contacts, sync: incremental, to: {type: publisher, name: update}}
publishers:
  update: {client: main, method: PUT, entity: "contacts/{contact_id}"}
`))
	if err != nil {
		t.Fatal(err)
	}
	want := config.Destination{Type: "publisher", Name: "update"}
	if diff := cmp.Diff(want, cfg.Subscriptions["away"].To); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	var loops []string
	for _, note := range notes {
		if strings.Contains(note.Text, "writes to the workspace that it reads") {
			loops = append(loops, note.Subject)
		}
	}
	if diff := cmp.Diff([]string{"subscription loop"}, loops); diff != "" {
		t.Errorf("loops: (-want +got)\n%s", diff)
	}
}

func TestParseReadsEveryField(t *testing.T) {
	t.Parallel()
	got := parse(t, `
clients:
  eu-oauth:
    region: eu
    version: 2.10
    auth: {type: oauth}
    workspace: 123
    timezone: Europe/Amsterdam
    log_requests: bodies
  local:
    base_uri: http://127.0.0.1:8080/
    auth: {type: oauth, authorize_url: http://localhost/oauth, token_url: http://localhost/token}
subscriptions:
  notes:
    client: eu-oauth
    entity: contacts/{whoever}/notes
    path: {whoever: 007}
    query: {since: 1700000000, flags: [a, 1, true], big: 12345678901234567890}
    paginate: true
    record_transform: .id
    schedule: cron(0 6 ? * mon *)
    timezone: Europe/Amsterdam
    to: {type: sqs, fifo: true, arn: "arn:aws:sqs:eu-west-1:123456789012:notes.fifo"}
    enabled: false
  tickets:
    client: local
    entity: tickets
    sync: incremental
    start: 2024-01-01T12:00:00+01:00
    payload: {query: {field: open, operator: "=", value: true, n: 0x10, s: <&>}}
    lag: 90s
    overlap: 1d12h
    resweep: off
    to: {type: file, path: out.ndjson}
  contacts:
    client: eu-oauth
    entity: contacts/search
    sync: incremental
    start: 2024-07-01
    resweep: {every: 1h}
    request_transform: .
    to: {type: eventbridge}
  note:
    client: local
    entity: contacts/notes
    path: {contact_id: }
    request_transform: .path.contact_id = "5"
    to: {type: stdout}
  scroll:
    client: local
    entity: companies/scroll
    side_effects: allow
    to: {type: stdout}
publishers:
  update:
    client: local
    method: PUT
    entity: contacts/{id}
    path: {id: }
    payload: {role: user}
    message_transform: .
    unknown_attributes: create
    fifo: true
    responses: {type: sqs}
    give_up_after: 2d
    enabled: false
  create: {client: local, method: POST, entity: contacts, on_conflict: update, unknown_attributes: dead}
`)
	at, err := schedule.Parse("cron(0 6 ? * MON *)", "Europe/Amsterdam")
	if err != nil {
		t.Fatal(err)
	}
	id := "007"
	standard := config.Resweep{Every: 24 * time.Hour, Window: 48 * time.Hour}
	want := map[string]*config.Subscription{
		"notes": {
			Name: "notes", Client: "eu-oauth", Entity: "contacts/{whoever}/notes", Method: "GET", Route: "contacts/{contact_id}/notes",
			Operation: operation(t, "GET", "contacts/{id}/notes"),
			Path:      map[string]*string{"contact_id": &id},
			Sync:      config.Full, Paginate: true, RecordTransform: ".id", Schedule: at,
			Lag: time.Minute, Overlap: 10 * time.Minute, Resweep: standard,
			To: config.Destination{Type: "sqs", FIFO: true, ARN: "arn:aws:sqs:eu-west-1:123456789012:notes.fifo"},
		},
		"tickets": {
			Name: "tickets", Client: "local", Entity: "tickets", Method: "POST", Route: "tickets/search", Operation: operation(t, "POST", "tickets/search"),
			Payload: []byte(`{"query":{"field":"open","n":16,"operator":"=","s":"<&>","value":true}}`),
			Sync:    config.Incremental, Paginate: true, Start: time.Date(2024, 1, 1, 11, 0, 0, 0, time.UTC),
			Lag: 90 * time.Second, Overlap: 36 * time.Hour, To: config.Destination{Type: "file", Path: "out.ndjson"}, Enabled: true,
		},
		"contacts": {
			Name: "contacts", Client: "eu-oauth", Entity: "contacts/search", Method: "POST", Route: "contacts/search", Operation: operation(t, "POST", "contacts/search"),
			Sync: config.Incremental, Paginate: true, Start: time.Date(2024, 6, 30, 22, 0, 0, 0, time.UTC), RequestTransform: ".",
			Lag: time.Minute, Overlap: 10 * time.Minute, Resweep: config.Resweep{Every: time.Hour, Window: 48 * time.Hour},
			To: config.Destination{Type: "eventbridge"}, Enabled: true,
		},
		"note": {
			Name: "note", Client: "local", Entity: "contacts/notes", Method: "GET", Route: "contacts/{contact_id}/notes", Operation: operation(t, "GET", "contacts/{id}/notes"),
			Path: map[string]*string{"contact_id": nil}, RequestTransform: `.path.contact_id = "5"`,
			Sync: config.Full, Lag: time.Minute, Overlap: 10 * time.Minute, Resweep: standard, To: config.Destination{Type: "stdout"}, Enabled: true,
		},
		"scroll": {
			Name: "scroll", Client: "local", Entity: "companies/scroll", Method: "GET", Route: "companies/scroll", Operation: operation(t, "GET", "companies/scroll"),
			Sync: config.Full, Lag: time.Minute, Overlap: 10 * time.Minute, Resweep: standard, To: config.Destination{Type: "stdout"}, Enabled: true,
		},
	}
	query := got.Subscriptions["notes"].Query
	got.Subscriptions["notes"].Query = nil
	if diff := cmp.Diff(want, got.Subscriptions); diff != "" {
		t.Errorf("subscriptions (-want +got)\n%s", diff)
	}
	if got, want := fmt.Sprint(query), "map[big:12345678901234567890 flags:[a 1 true] since:1700000000]"; got != want {
		t.Errorf("query: got %s, want %s", got, want)
	}
	wantClients := map[string]*config.Client{
		"eu-oauth": {
			Name: "eu-oauth", BaseURL: "https://api.eu.intercom.io", Region: "eu", Version: "2.10", Workspace: "123",
			Timezone: "Europe/Amsterdam", LogRequests: config.LogBodies,
			Auth: config.Auth{Type: config.OAuth, AuthorizeURL: "https://app.eu.intercom.com/oauth", TokenURL: "https://api.intercom.io/auth/eagle/token"},
		},
		"local": {
			Name: "local", BaseURL: "http://127.0.0.1:8080", Version: "2.16", LogRequests: config.LogOff,
			Auth: config.Auth{Type: config.OAuth, AuthorizeURL: "http://localhost/oauth", TokenURL: "http://localhost/token"},
		},
	}
	if diff := cmp.Diff(wantClients, got.Clients); diff != "" {
		t.Errorf("clients (-want +got)\n%s", diff)
	}
	wantPublishers := map[string]*config.Publisher{
		"update": {
			Name: "update", Client: "local", Entity: "contacts/{id}", Method: "PUT", Route: "contacts/{contact_id}", Operation: operation(t, "PUT", "contacts/{id}"),
			Path: map[string]*string{"contact_id": nil}, Payload: []byte(`{"role":"user"}`), MessageTransform: ".", UnknownAttributes: "create",
			FIFO: true, Responses: &config.Destination{Type: "sqs"}, GiveUpAfter: 48 * time.Hour,
		},
		"create": {
			Name: "create", Client: "local", Entity: "contacts", Method: "POST", Route: "contacts", Operation: operation(t, "POST", "contacts"),
			OnConflict: "update", GiveUpAfter: 12 * time.Hour, Enabled: true,
		},
	}
	if diff := cmp.Diff(wantPublishers, got.Publishers); diff != "" {
		t.Errorf("publishers (-want +got)\n%s", diff)
	}
}

func TestAnchorsAndMerges(t *testing.T) {
	t.Parallel()
	cfg := parse(t, `
clients: {main: &base {region: eu}, other: {<<: *base, workspace: x}}
subscriptions:
  tags: &read {client: main, entity: tags, to: &to {type: stdout}}
  teams: {<<: [{entity: teams}, *read], client: other}
  admins: {client: main, entity: admins, to: *to}
`)
	for name, want := range map[string]string{"tags": "main tags stdout", "teams": "other teams stdout", "admins": "main admins stdout"} {
		s := cfg.Subscriptions[name]
		if got := s.Client + " " + s.Entity + " " + s.To.Type; got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
	if got := cfg.Clients["other"].Region; got != "eu" {
		t.Errorf("merged region: got %q, want eu", got)
	}
}

func TestCommentedOutSections(t *testing.T) {
	t.Parallel()
	cfg := parse(t, "clients: {main: {}}\nsubscriptions:\n  # tags: {}\npublishers:\n")
	if len(cfg.Subscriptions) != 0 || len(cfg.Publishers) != 0 {
		t.Errorf("got %d subscriptions and %d publishers, want none", len(cfg.Subscriptions), len(cfg.Publishers))
	}
}

func TestHostileFiles(t *testing.T) {
	t.Parallel()
	bomb := "clients: {main: {}}\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := 1; i < 10; i++ {
		bomb += fmt.Sprintf("a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 10), ", "))
	}
	var many strings.Builder
	many.WriteString("clients:\n")
	for i := range 60_000 {
		fmt.Fprintf(&many, "  c%d: {}\n", i)
	}
	tests := []struct{ name, text, want string }{
		{"too large", strings.Repeat("# padding\n", 1_100_000), "larger than 1024 KiB"},
		{"binary", "\x7fELF\x02\x01\x01\x00\x00", "not text in UTF-8"},
		{"latin 1", "clients: {main: {workspace: caf\xe9}}", "not text in UTF-8"},
		{"open brackets", strings.Repeat("[", 500_000), "100 levels of nesting"},
		{"nested brackets", "clients: " + strings.Repeat("[", 200) + strings.Repeat("]", 200), "100 levels of nesting"},
		{"nested dashes", strings.Repeat("- ", 400_000), "100 levels of nesting"},
		{"nested mappings", "clients: " + strings.Repeat("{a: ", 300) + "1" + strings.Repeat("}", 300), "100 levels of nesting"},
		{"aliases of aliases", bomb, "50000 values"},
		{"an anchor within itself", "clients: &a {main: *a}", `no anchor "a"`},
		{"many values", many.String(), "50000 words"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			_, err := file.Parse("connector.yaml", []byte(tt.text))
			problems, ok := errors.AsType[file.Errors](err)
			if !ok {
				t.Fatalf("got %v, want file.Errors", err)
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if len(problems) > 20 || len(err.Error()) > 10_000 {
				t.Errorf("%d problems in %d bytes", len(problems), len(err.Error()))
			}
			if took := time.Since(began); took > 20*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

func TestErrorsUnwrapInOrder(t *testing.T) {
	t.Parallel()
	_, err := file.Parse("x.yaml", []byte("clients: {main: {region: uk}}\nsubscriptions: {tags: {client: man, entity: tag, to: {type: s3}}}\n"))
	problems, ok := errors.AsType[file.Errors](err)
	if !ok {
		t.Fatalf("got %v, want file.Errors", err)
	}
	var places []string
	for _, one := range problems.Unwrap() {
		problem, ok := errors.AsType[*file.Error](one)
		if !ok {
			t.Fatalf("got %T, want *file.Error", one)
		}
		places = append(places, fmt.Sprintf("%s:%d:%d", problem.File, problem.Line, problem.Column))
	}
	if diff := cmp.Diff([]string{"x.yaml:1:26", "x.yaml:2:32", "x.yaml:2:45"}, places); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestNotes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // its clock stands at the start of 2000
		_, notes, err := file.Check("connector.yaml", []byte(`
clients: {main: {version: "2.15"}, idle-one: {}}
subscriptions:
  contacts: {client: main, entity: contacts, sync: incremental, start: 2001-01-01, to: {type: s3}}
  tags: {client: main, entity: tags, side_effects: allow, schedule: at(1999-01-01T00:00:00), query: {pag: 1}, to: {type: s3}}
  parts: {client: main, entity: audiences, query: {pages: 1}, to: {type: s3}}
`))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, n := range notes {
			got = append(got, n.String())
		}
		inc, err := intercom.FindIncremental("contacts", -1)
		if err != nil {
			t.Fatal(err)
		}
		want := []string{
			"subscription contacts: Its start, 2001-01-01, is in the future.",
			"subscription contacts: " + inc.Blind,
			"subscription parts: Intercom documents no query parameter pages for GET audiences; did you mean page?",
			"subscription tags: Its schedule, at(1999-01-01T00:00:00), lies in the past: it will not run again.",
			"subscription tags: Intercom documents no query parameter pag for GET tags.",
			"subscription tags: Reading tags has no known side effects: side_effects is not needed.",
			"client idle-one: No subscription and no publisher uses it.",
			"client idle-one: On a laptop its token is read from the environment variable INTERCOM_TOKEN_IDLE_ONE.",
			"client main: What is known about entities and parameters is that of version 2.16, not 2.15.",
			"client main: On a laptop its token is read from the environment variable INTERCOM_TOKEN_MAIN.",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}

func TestLoad(t *testing.T) {
	t.Parallel()
	t.Run("no file", func(t *testing.T) {
		t.Parallel()
		if _, err := file.Load(filepath.Join(t.TempDir(), "connector.yaml")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("got %v, want fs.ErrNotExist", err)
		}
	})
	t.Run("a folder", func(t *testing.T) {
		t.Parallel()
		if _, err := file.Load(t.TempDir()); err == nil {
			t.Error("no error")
		}
	})
	t.Run("too large", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "connector.yaml")
		if err := os.WriteFile(path, make([]byte, 10<<20), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := file.Load(path); err == nil || !strings.Contains(err.Error(), "larger than") {
			t.Errorf("got %v, want that it is too large", err)
		}
	})
}

// TestEveryReadLoads writes a subscription for each operation that reads, with
// whatever it needs and no more.
func TestEveryReadLoads(t *testing.T) {
	t.Parallel()
	reads := 0
	for _, op := range intercom.Operations() {
		if op.Kind != intercom.Read {
			continue
		}
		reads++
		var b strings.Builder
		fmt.Fprintf(&b, "clients: {main: {}}\nsubscriptions:\n  it:\n    client: main\n    entity: %q\n    to: {type: stdout}\n", op.Entity())
		if params := op.Params(); len(params) > 0 {
			b.WriteString("    path: {" + strings.Join(params, ": 1, ") + ": 1}\n")
		}
		b.WriteString("    query: {")
		for _, param := range op.Query {
			if param.Required {
				b.WriteString(param.Name + ": 1, ")
			}
		}
		b.WriteString("}\n")
		if op.Body == intercom.RequiredBody {
			b.WriteString("    payload: {")
			for _, key := range op.BodyRequired {
				b.WriteString(key + ": {field: a, operator: b, value: c}, ")
			}
			b.WriteString("}\n")
		}
		if op.Paging != intercom.NoPaging {
			b.WriteString("    paginate: true\n")
		}
		if op.SideEffect != "" {
			b.WriteString("    side_effects: allow\n")
		}
		cfg, err := file.Parse("connector.yaml", []byte(b.String()))
		if err != nil {
			t.Errorf("%s %s: %v", op.Method, op.Path, err)
			continue
		}
		if got := cfg.Subscriptions["it"].Operation; got != op {
			t.Errorf("%s %s: got %s %s", op.Method, op.Path, got.Method, got.Path)
		}
	}
	if reads == 0 {
		t.Error("the catalog has no reads")
	}
}

// TestExample keeps the example at the root of the repository valid.
func TestExample(t *testing.T) {
	t.Parallel()
	cfg, err := file.Load("../../../connector.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(cfg.Subscriptions) < 4 || len(cfg.Publishers) < 3 {
		t.Errorf("%d subscriptions and %d publishers are not much of an example", len(cfg.Subscriptions), len(cfg.Publishers))
	}
	data, err := config.Encode(cfg)
	if err != nil {
		t.Fatal(err)
	}
	back, err := config.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(cfg, back); diff != "" {
		t.Errorf("through the compact form (-want +got)\n%s", diff)
	}
}

// Editors on Windows begin a file with a byte order mark.
func TestByteOrderMark(t *testing.T) {
	t.Parallel()
	const text = "clients: {main: {}}\nsubscriptions: {tags: {client: main, entity: tags, to: {type: stdout}}}\n"
	if _, err := file.Parse("connector.yaml", []byte("\uFEFF"+text)); err != nil {
		t.Error(err)
	}
}
