package main

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"intercom-connector/internal/aws/awsconfig"
	"intercom-connector/internal/aws/awstest"
	"intercom-connector/internal/aws/dynamostate"
	"intercom-connector/internal/aws/funcenv"
	"intercom-connector/internal/config"
	"intercom-connector/internal/grant"
	"intercom-connector/internal/names"
	"intercom-connector/internal/pause"
	"intercom-connector/internal/state"
	"intercom-connector/internal/syncbuf"
	"intercom-connector/test/blackbox/mock"
)

// environment is what the function finds, over what AWS sets itself.
func environment(t *testing.T, clients map[string]*config.Client, stack, table string, beside func(string) string) func(string) string {
	t.Helper()
	root := t.TempDir()
	text, err := config.Encode(&config.Config{Clients: clients})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, names.ConfigFile), text, 0o600); err != nil {
		t.Fatal(err)
	}
	own := map[string]string{names.EnvStack: stack, names.EnvStateTable: table, funcenv.Root: root}
	return func(name string) string {
		if value, ok := own[name]; ok {
			return value
		}
		return beside(name)
	}
}

func TestNewHandler(t *testing.T) {
	t.Parallel()
	if _, err := newHandler(func(string) string { return "" }, slog.New(slog.DiscardHandler), nil); err == nil ||
		!strings.Contains(err.Error(), names.EnvStack) || !strings.Contains(err.Error(), names.EnvStateTable) {
		t.Errorf("without an environment: %v", err)
	}
	getenv := environment(t, map[string]*config.Client{"main": {Name: "main"}}, "acme", "table", func(name string) string {
		return map[string]string{"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y"}[name]
	})
	handle, err := newHandler(getenv, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	for method, want := range map[string]int{http.MethodHead: http.StatusOK, http.MethodGet: http.StatusBadRequest, http.MethodPut: http.StatusMethodNotAllowed} {
		if got, err := handle(t.Context(), event(method, "/oauth/callback", nil, "")); err != nil || got.StatusCode != want {
			t.Errorf("%s: got %d and %v, want %d", method, got.StatusCode, err, want)
		}
	}
}

func event(method, path string, query url.Values, body string) events.APIGatewayV2HTTPRequest {
	e := events.APIGatewayV2HTTPRequest{Version: "2.0", RawPath: path, RawQueryString: query.Encode(), Body: body}
	e.RequestContext.HTTP.Method = method
	return e
}

// A deployed is the function with the table and the secrets of a stack.
type deployed struct {
	t         *testing.T
	authority *mock.Authority
	client    *config.Client
	stack     names.Stack
	store     state.Store
	secrets   *secretsmanager.Client
	handle    func(events.APIGatewayV2HTTPRequest) events.APIGatewayV2HTTPResponse
	log       *syncbuf.Buffer
	metrics   *syncbuf.Buffer
}

func deploy(t *testing.T) *deployed {
	t.Helper()
	emulator := awstest.Start(t)
	cloud, err := awsconfig.New(emulator.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	d := &deployed{
		t: t, authority: mock.NewAuthority(), stack: names.Stack(emulator.Name(t)), secrets: secretsmanager.NewFromConfig(cloud),
		log: &syncbuf.Buffer{}, metrics: &syncbuf.Buffer{},
	}
	server := httptest.NewServer(d.authority)
	t.Cleanup(server.Close)
	d.client = &config.Client{
		Name: "main", BaseURL: server.URL, Version: "2.16", LogRequests: config.LogBodies,
		Auth: config.Auth{Type: config.OAuth, AuthorizeURL: server.URL + "/oauth", TokenURL: server.URL + "/auth/eagle/token"},
	}
	table := string(d.stack)
	err = awstest.CreateTable(t.Context(), cloud, table)
	if err != nil {
		t.Fatal(err)
	}
	d.put(d.stack.App("main"), `{"client_id":"`+d.authority.ClientID+`","client_secret":"`+d.authority.Secret+`"}`)
	d.put(d.stack.Token("main"), "")
	d.store = dynamostate.New(cloud, table)
	handle, err := newHandler(environment(t, map[string]*config.Client{"main": d.client}, string(d.stack), table, emulator.Getenv),
		slog.New(slog.NewJSONHandler(d.log, nil)), d.metrics)
	if err != nil {
		t.Fatal(err)
	}
	d.handle = func(e events.APIGatewayV2HTTPRequest) events.APIGatewayV2HTTPResponse {
		got, err := handle(t.Context(), e)
		if err != nil {
			t.Error(err)
		}
		return got
	}
	t.Cleanup(d.noSecrets)
	return d
}

// put makes a secret, without a value for "".
func (d *deployed) put(name, value string) {
	d.t.Helper()
	in := &secretsmanager.CreateSecretInput{Name: &name}
	if value != "" {
		in.SecretString = &value
	}
	if _, err := d.secrets.CreateSecret(d.t.Context(), in); err != nil {
		d.t.Fatal(err)
	}
}

func (d *deployed) link() grant.Link {
	d.t.Helper()
	link, err := grant.Issue(d.t.Context(), d.store, grant.Order{
		Client: d.client, Stack: string(d.stack), ClientID: d.authority.ClientID, RedirectURL: "https://x.example/oauth/callback",
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return link
}

func (d *deployed) stored() (token map[string]string) {
	d.t.Helper()
	out, err := d.secrets.GetSecretValue(d.t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String(d.stack.Token("main"))})
	if err != nil {
		d.t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(*out.SecretString), &token); err != nil {
		d.t.Fatal(err)
	}
	return token
}

func (d *deployed) noSecrets() {
	said := d.log.String() + d.metrics.String()
	for _, secret := range slices.Concat(d.authority.Tokens(), d.authority.Codes(), []string{d.authority.Secret, d.authority.Email}) {
		if strings.Contains(said, secret) {
			d.t.Errorf("%q is logged", secret)
		}
	}
}

// A grant is opened ten times at once, is revoked, and is given again.
func TestOnAWS(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	if err := pause.Begin(t.Context(), d.store, "main", "by hand", ""); err != nil {
		t.Fatal(err)
	}
	link := d.link()
	query := url.Values{"state": {link.State}, "code": {d.authority.Code()}}
	var (
		group    sync.WaitGroup
		mu       sync.Mutex
		statuses []int
	)
	for range 10 {
		group.Go(func() {
			got := d.handle(event(http.MethodGet, "/oauth/callback", query, ""))
			mu.Lock()
			defer mu.Unlock()
			statuses = append(statuses, got.StatusCode)
		})
	}
	group.Wait()
	slices.Sort(statuses)
	if statuses[0] != http.StatusOK || statuses[1] != http.StatusConflict || statuses[9] != http.StatusConflict || d.authority.Exchanges() != 1 {
		t.Fatalf("answers %v after %d exchanges: want 200 once\n%s", statuses, d.authority.Exchanges(), d.log)
	}
	token := d.stored()
	if token["token"] != d.authority.Tokens()[0] || token["workspace"] != "ab12cd34" || token["region"] != "eu" ||
		token["timezone"] != "Europe/Amsterdam" || token["granted_at"] == "" {
		t.Error("what is stored is not what was granted")
	}
	d.paused(false)

	// A lie, then the truth a minute later.
	hint := event(http.MethodPost, "/oauth/uninstall", nil, `{"app_id":"ab12cd34"}`)
	d.handle(hint)
	d.paused(false)
	record, err := d.store.Get(t.Context(), "hint/main")
	if err != nil {
		t.Fatal(err)
	}
	if err := d.store.Delete(t.Context(), record.Key, record.Revision); err != nil {
		t.Fatal(err)
	}
	d.authority.Revoke(token["token"])
	if got := d.handle(hint); got.StatusCode != http.StatusOK {
		t.Errorf("uninstall: got %d", got.StatusCode)
	}
	d.paused(true)
	if !strings.Contains(d.metrics.String(), `"Paused":1`) {
		t.Errorf("no metric: %s", d.metrics)
	}

	link = d.link()
	if got := d.handle(event(http.MethodGet, "/oauth/callback", url.Values{"state": {link.State}, "code": {d.authority.Code()}}, "")); got.StatusCode != http.StatusOK {
		t.Errorf("granted anew: got %d: %s", got.StatusCode, got.Body)
	}
	d.paused(false)
	if d.stored()["token"] == token["token"] {
		t.Error("the token is the one that was revoked")
	}
}

func (d *deployed) paused(want bool) {
	d.t.Helper()
	reason, err := pause.Reason(d.t.Context(), d.store, "main")
	if err != nil || (reason != "") != want {
		d.t.Errorf("paused: %q, %v, want %v\n%s", reason, err, want, d.log)
	}
}
