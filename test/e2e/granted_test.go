package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"intercom-connector/internal/names"
	"intercom-connector/test/blackbox/mock"
	"intercom-connector/test/chromium"
)

// grantedStack is the one whose clients get their tokens by a click.
const grantedStack = names.Stack("e2e-granted")

const grantedConfig = `
clients:
  acme: {base_uri: %[1]q, auth: {type: oauth, authorize_url: "%[1]s/oauth", token_url: "%[1]s/auth/eagle/token"}, log_requests: bodies}
  globex: {base_uri: %[2]q, auth: {type: oauth, authorize_url: "%[2]s/oauth", token_url: "%[2]s/auth/eagle/token", callback_url: "https://%[3]s/oauth/callback"}, log_requests: bodies}
subscriptions:
  acme-tags: {client: acme, entity: tags, to: {type: sqs}}
  globex-tags: {client: globex, entity: tags, to: {type: sqs}}
publishers:
  acme-user: {client: acme, method: POST, entity: contacts}
  globex-user: {client: globex, method: POST, entity: contacts}
`

// A granted stack has two clients, of two workspaces.
type granted struct {
	*desk
	*front
	*cloud

	companies map[string]*company // by client

	mu     sync.Mutex
	said   strings.Builder // what the commands said, but for their links
	states []string        // of the links
}

// TestGranted connects two workspaces to a stack, as people do it: each by a
// link, a click, and a look at what the command says of it. Each part stands on
// those before it.
//
//nolint:paralleltest // Deployments build into one folder.
func TestGranted(t *testing.T) {
	g := &granted{desk: newDesk(t, string(grantedStack)), companies: map[string]*company{
		"acme":   newCompany(t, "acme1234", "Acme & Daughters", 1),
		"globex": newCompany(t, "glob5678", "Globex <Europe>", 2),
	}}
	g.cloud = newCloud(t, g.emulator)
	g.front = newFront(t, g.emulator.Endpoint, g.emulator.CAFile)
	g.configure(fmt.Sprintf(grantedConfig, g.companies["acme"].url, g.companies["globex"].url, customDomain))
	for _, part := range []struct {
		name string
		run  func(t *testing.T)
	}{
		{"is deployed by cdk", g.deploy},
		{"asks for the app first", g.wantsApp},
		{"takes the apps", g.takesApps},
		{"waits for its tokens", g.wantsGrant},
		{"is granted both at once", g.grantsBoth},
		{"keeps each token in its own secret", g.keepsTokens},
		{"goes on by itself", g.goesOn},
		{"is found well", g.isWell},
		{"is granted in a browser", g.grantsInBrowser},
		{"may be refused", g.mayBeRefused},
		{"does not believe an uninstall", g.doubtsUninstall},
		{"stops one client whose token is revoked", g.stopsOne},
		{"goes on after another grant", g.goesOnAgain},
		{"is not stopped by a late refusal", g.ignoresLate},
		{"looks into an uninstall", g.believesUninstall},
		{"says no secret", g.saysNothing},
		{"ends", g.destroy},
	} {
		if !t.Run(part.name, part.run) {
			t.Fatalf("%q stands on it: no more\n%s", part.name, g.emulatorLog())
		}
	}
}

// emulatorLog is the end of what the emulator and the functions said.
func (g *granted) emulatorLog() string {
	log, err := os.ReadFile(g.emulator.LogFile)
	if err != nil {
		return err.Error()
	}
	return tail(string(log))
}

// send puts a message about a person who does not exist yet into a publisher's
// queue.
func (g *granted) send(t *testing.T, client, marker string) {
	t.Helper()
	g.enqueue(t, g.messages(client), fmt.Sprintf(`{"payload": {"role": "user", "email": "%[1]s@planted.example", "name": "marker:%[1]s"}}`, marker))
}

func (g *granted) messages(client string) string {
	return grantedStack.Messages(client, client+"-user", false)
}

// published waits until a message was.
func (g *granted) published(t *testing.T, client, marker string) {
	t.Helper()
	eventually(t, marker+" is published", time.Minute, func() bool { return len(g.companies[client].records.Marked("marker:"+marker)) > 0 })
	if n := len(g.companies[client].records.Marked("marker:" + marker)); n != 1 {
		t.Errorf("%s is published %d times", marker, n)
	}
}

// switched waits until the queues of a client are enabled or disabled.
func (g *granted) switched(t *testing.T, client, want string) {
	t.Helper()
	eventually(t, "the queues of "+client+" are "+want, time.Minute, func() bool {
		return slices.Equal(g.mappings(t, grantedStack.PublishFunction(client)), []string{want})
	})
}

func (g *granted) wantsApp(t *testing.T) {
	for client := range g.companies {
		g.says(t, "", 2, []string{"has no app yet", "connector app " + client + " --stack " + g.stack}, "grant", client, "--no-browser")
	}
}

func (g *granted) takesApps(t *testing.T) {
	acme, globex := g.companies["acme"], g.companies["globex"]
	g.says(t, "only-an-id\n", 2, nil, "app", "acme")
	var r struct {
		Stored       string `json:"stored"`
		RedirectURL  string `json:"redirect_url"`
		UninstallURL string `json:"uninstall_url"`
	}
	said := g.says(t, acme.ClientID+"\n"+acme.Secret+"\n", 0, nil, "app", "acme", "--json")
	if err := json.Unmarshal([]byte(said.stdout), &r); err != nil {
		t.Fatal(err)
	}
	g.lead(t, r.RedirectURL)
	if want := strings.Replace(r.RedirectURL, "/callback", "/uninstall", 1); r.UninstallURL != want || !strings.Contains(r.Stored, "e2e-granted/acme/app") {
		t.Errorf("app: %+v", r)
	}
	g.says(t, globex.ClientID+"\n"+globex.Secret+"\n", 0, []string{
		"https://" + customDomain + "/oauth/callback", "https://" + customDomain + "/oauth/uninstall",
		"connector grant globex --stack e2e-granted",
	}, "app", "globex")
}

// reads runs a client's subscription.
func (g *granted) reads(t *testing.T, client string) {
	t.Helper()
	g.hasRead(t, client, g.start(t, "run", client+"-tags", "--json"))
}

// hasRead waits for such a run.
func (g *granted) hasRead(t *testing.T, client string, run *started) {
	t.Helper()
	said := run.end(t, 0)
	var r runReport
	if err := json.Unmarshal([]byte(said.stdout), &r); err != nil || r.Outcome != "done" || r.Events == 0 {
		t.Fatalf("run: %v: %v", err, said)
	}
	for _, body := range g.take(t, grantedStack.Events(client, client+"-tags", false), r.Events) {
		var e envelope
		if err := json.Unmarshal([]byte(body), &e); err != nil || e.Source != "intercom:"+g.companies[client].Workspace {
			t.Errorf("event from %q: %v", e.Source, err)
		}
	}
}

// stopped looks at all that says that a client has no access.
func (g *granted) stopped(t *testing.T, client string) {
	t.Helper()
	remedy := "connector grant " + client + " --stack " + g.stack
	g.switched(t, client, "Disabled")
	g.says(t, "", 1, []string{remedy}, "run", client+"-tags")
	if failure := g.call(t, grantedStack.SubscribeFunction(client), `{"subscription": "`+client+`-tags"}`); !strings.Contains(failure, remedy) {
		t.Errorf("the function says %q", failure)
	}
	g.says(t, "", 0, []string{"paused"}, "status")
	g.says(t, "", 1, []string{"token", remedy}, "doctor", client)
}

func (g *granted) wantsGrant(t *testing.T) {
	for client := range g.companies {
		g.send(t, client, client+"-first")
	}
	for client := range g.companies {
		g.stopped(t, client)
		g.send(t, client, client+"-waiting")
	}
}

// grantsBoth opens both callbacks ten times at once.
func (g *granted) grantsBoth(t *testing.T) {
	const visits = 10
	acme, globex := g.grant(t, "acme"), g.grant(t, "globex", "--json")
	var (
		group sync.WaitGroup
		mu    sync.Mutex
		seen  = map[string]map[int]int{}
		backs []string
	)
	for _, p := range []*started{acme, globex} {
		back := g.agree(t, p.link)
		backs = append(backs, back)
		seen[back] = map[int]int{}
		for range visits {
			group.Go(func() {
				status, page := g.visit(t, http.MethodGet, back, "")
				if title := map[int]string{http.StatusOK: "Access granted", http.StatusConflict: "This link has been used"}[status]; title == "" || !strings.Contains(page, title) {
					t.Errorf("the page: %d\n%s", status, page)
				}
				mu.Lock()
				defer mu.Unlock()
				seen[back][status]++
			})
		}
	}
	group.Wait()
	for _, back := range backs {
		if got := seen[back]; got[http.StatusOK] != 1 || got[http.StatusConflict] != visits-1 {
			t.Errorf("the same link at once: %v", got)
		}
		if status, _ := g.visit(t, http.MethodGet, back, ""); status != http.StatusConflict {
			t.Errorf("and once more: %d", status)
		}
	}
	r := acme.end(t, 0)
	for _, words := range []string{"access granted to client acme", "Acme & Daughters (acme1234)", "eu", "Europe/Amsterdam", "Acme & Daughters's Admin"} {
		if !strings.Contains(r.stdout, words) {
			t.Errorf("grant does not say %q: %v", words, r)
		}
	}
	var report map[string]any
	r = globex.end(t, 0)
	if err := json.Unmarshal([]byte(r.stdout), &report); err != nil {
		t.Fatalf("%v: %v", err, r)
	}
	for key, want := range map[string]any{
		"granted": true, "client": "globex", "workspace": "glob5678", "workspace_name": "Globex <Europe>",
		"region": "eu", "timezone": "Europe/Amsterdam", "admin": "Globex <Europe>'s Admin",
	} {
		if report[key] != want {
			t.Errorf("%s is %v, want %v", key, report[key], want)
		}
	}
	for _, c := range g.companies {
		if n, tokens := c.Exchanges(), len(c.Tokens()); n != 1 || tokens != 1 {
			t.Errorf("%s: %d exchanges, %d tokens", c.Name, n, tokens)
		}
	}
}

func (g *granted) keepsTokens(t *testing.T) {
	var all []struct{ Name, Value string }
	g.python(t, &all, `
sm, out = client("secretsmanager"), []
for s in sm.get_paginator("list_secrets").paginate().search("SecretList"):
    if not s["Name"].startswith(args[0] + "/"): continue
    for version in s["SecretVersionsToStages"]:
        out.append({"Name": s["Name"], "Value": sm.get_secret_value(SecretId=s["Name"], VersionId=version).get("SecretString", "")})
print(json.dumps(out))
`, g.stack)
	for client, c := range g.companies {
		for what, planted := range map[string]string{grantedStack.Token(client): c.newest(t), grantedStack.App(client): c.Secret} {
			var places []string
			for _, k := range all {
				if strings.Contains(k.Value, planted) {
					places = append(places, k.Name)
				}
			}
			if !slices.Equal(places, []string{what}) {
				t.Errorf("what belongs into %s is in %v", what, places)
			}
		}
		for _, fact := range []string{`"workspace":"` + c.Workspace, `"region":"eu"`, `"timezone":"Europe/Amsterdam"`, `"granted_at":"2`} {
			if value := g.kept(t, grantedStack.Token(client), "AWSCURRENT"); !strings.Contains(strings.ReplaceAll(value, " ", ""), fact) {
				t.Errorf("the secret of %s does not have %s", client, fact)
			}
		}
	}
	// Who may read them: the functions of each client its own token, and the
	// callback what it needs.
	var got map[string]string
	g.python(t, &got, `
def role(function):
    arn = client("lambda").get_function_configuration(FunctionName=function)["Role"]
    client("iam").update_assume_role_policy(RoleName=arn.split("/")[-1], PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"},
        {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}))
    c = client("sts").assume_role(RoleArn=arn, RoleSessionName="e2e")["Credentials"]
    return boto3.client("secretsmanager", aws_access_key_id=c["AccessKeyId"], aws_secret_access_key=c["SecretAccessKey"], aws_session_token=c["SessionToken"])
def attempt(call, **what):
    try:
        call(**what)
        return "may"
    except Exception as e:
        return e.response["Error"]["Code"]
stack, out = args[0], {}
for function in ("acme_subscribe", "acme_publish", "globex_subscribe", "globex_publish", "callback"):
    sm = role(stack + "_" + function)
    for secret in ("acme/token", "acme/app", "globex/token", "globex/app"):
        out[function + " reads " + secret] = attempt(sm.get_secret_value, SecretId=stack + "/" + secret)
        if function != "callback" or secret.endswith("/app"):
            out[function + " writes " + secret] = attempt(sm.put_secret_value, SecretId=stack + "/" + secret, SecretString=" ")
print(json.dumps(out))
`, g.stack)
	for what, result := range got {
		function, rest, _ := strings.Cut(what, " ")
		verb, secret, _ := strings.Cut(rest, " ")
		client, _, _ := strings.Cut(function, "_")
		want := "AccessDeniedException"
		if verb == "reads" && (function == "callback" || secret == client+"/token") {
			want = "may"
		}
		if result != want {
			t.Errorf("%s: %s", what, result)
		}
	}
}

// goesOn looks at what was stopped for want of a token. The first message was
// on its way then and comes again by itself, a quarter of an hour later.
func (g *granted) goesOn(t *testing.T) {
	for client := range g.companies {
		g.switched(t, client, "Enabled")
		g.published(t, client, client+"-waiting")
		g.reads(t, client)
		if n, dead := g.holds(t, g.messages(client)), g.holds(t, grantedStack.DeadLetters(client, client+"-user", false)); n > 1 || dead != 0 ||
			n+len(g.companies[client].records.Marked("marker:"+client+"-first")) != 1 {
			t.Errorf("%s: %d messages wait, %d are dead", client, n, dead)
		}
	}
}

func (g *granted) isWell(t *testing.T) {
	r := g.says(t, "", 0, nil, "doctor", "--json")
	var report struct {
		OK     bool
		Checks []struct{ Client, Name, Result, Detail string }
	}
	if err := json.Unmarshal([]byte(r.stdout), &report); err != nil || !report.OK || len(report.Checks) < 10 {
		t.Fatalf("%v: %v", err, r)
	}
	for _, c := range report.Checks {
		if c.Result != "ok" && c.Result != "skipped" {
			t.Errorf("%s %s: %s: %s", c.Client, c.Name, c.Result, c.Detail)
		}
	}
}

// grantsInBrowser goes the whole way in a real one: the link, the button, and
// the page that says that it has worked.
func (g *granted) grantsInBrowser(t *testing.T) {
	b := chromium.New(t, g.flags()...)
	b.Look("light", 800, 600, false)
	before := g.kept(t, grantedStack.Token("globex"), "AWSCURRENT")
	p := g.grant(t, "globex")
	b.Open(p.link)
	loaded := len(b.Seen("Page.loadEventFired"))
	var clicked bool
	b.Ask(`(document.querySelector("#agree").click(), true)`, &clicked)
	b.Wait("Page.loadEventFired", loaded+1)
	var title, facts, address string
	b.Ask(`document.querySelector("h1").innerText`, &title)
	b.Ask(`document.querySelector("main").innerText`, &facts)
	b.Ask(`location.origin + location.pathname`, &address)
	if title != "Access granted" || address != "https://"+customDomain+"/oauth/callback" {
		t.Errorf("the browser is at %s and shows %q", address, title)
	}
	for _, fact := range []string{"Globex <Europe>", "glob5678", "EU", "Europe/Amsterdam", "globex"} {
		if !strings.Contains(facts, fact) {
			t.Errorf("the page does not say %q: %s", fact, facts)
		}
	}
	for _, complaint := range b.Complaints() {
		if !strings.Contains(complaint, "favicon") {
			t.Errorf("the browser complains: %s", complaint)
		}
	}
	if r := p.end(t, 0); !strings.Contains(r.stdout, "Globex <Europe> (glob5678)") {
		t.Errorf("grant: %v", r)
	}
	if g.kept(t, grantedStack.Token("globex"), "AWSPREVIOUS") != before || g.kept(t, grantedStack.Token("globex"), "AWSCURRENT") == before {
		t.Error("the token before is not the secret's previous version")
	}
	// Loaded again, it says so.
	b.Must("Page.reload", nil, nil)
	b.Wait("Page.loadEventFired", loaded+2)
	if b.Ask(`document.querySelector("h1").innerText`, &title); title != "This link has been used" {
		t.Errorf("loaded again, the page shows %q", title)
	}
	// Only the newest is good from here on.
	c := g.companies["globex"]
	for _, token := range c.Tokens() {
		if strings.Contains(before, token) {
			c.Revoke(token)
		}
	}
}

// mayBeRefused hands a link out to somebody who says no.
func (g *granted) mayBeRefused(t *testing.T) {
	c := g.companies["acme"]
	c.Set(func(s *mock.Settings) { s.Deny = true })
	defer c.Set(func(s *mock.Settings) { s.Deny = false })
	before := g.kept(t, grantedStack.Token("acme"), "AWSCURRENT")
	r := g.connector(t, "", "grant", "acme", "--stack", g.stack, "--no-wait", "--json")
	var link struct{ URL string }
	if err := json.Unmarshal([]byte(r.stdout), &link); err != nil || r.status != 0 {
		t.Fatalf("%v: %v", err, r)
	}
	g.note(result{}, link.URL)
	back := g.agree(t, link.URL)
	if status, page := g.visit(t, http.MethodGet, back, ""); status != http.StatusForbidden || !strings.Contains(page, "Access was not granted") {
		t.Errorf("the page: %d\n%s", status, page)
	}
	// With a code after all, it is too late.
	back = strings.Replace(back, "error=access_denied", "code="+url.QueryEscape(c.Code()), 1)
	if status, page := g.visit(t, http.MethodGet, back, ""); status != http.StatusConflict {
		t.Errorf("the page: %d\n%s", status, page)
	}
	if g.kept(t, grantedStack.Token("acme"), "AWSCURRENT") != before {
		t.Error("another token is stored")
	}
}

// uninstall tells the stack that an app was removed, as anybody can.
func (g *granted) uninstall(t *testing.T, body string) {
	t.Helper()
	if status, page := g.visit(t, http.MethodPost, "https://"+customDomain+"/oauth/uninstall", body); status != http.StatusOK || page != "Thank you.\n" {
		t.Errorf("uninstall: %d %s", status, page)
	}
}

func (g *granted) doubtsUninstall(t *testing.T) {
	for _, body := range []string{`{"app_id":"acme1234"}`, `{"app_id":"acme1234"}`, `{"app_id":"nobody12"}`, `{"app_id":"../acme"}`, "\x00", ""} {
		g.uninstall(t, body)
	}
	g.switched(t, "acme", "Enabled")
	g.send(t, "acme", "acme-installed")
	g.published(t, "acme", "acme-installed")
	g.says(t, "", 0, nil, "doctor", "acme")
}

// stopsOne removes the app from one workspace; the other does not notice.
func (g *granted) stopsOne(t *testing.T) {
	g.companies["acme"].remove()
	g.send(t, "acme", "acme-revoked")
	g.stopped(t, "acme")
	g.send(t, "acme", "acme-later")
	g.send(t, "globex", "globex-still")
	g.published(t, "globex", "globex-still")
	g.reads(t, "globex")
	g.says(t, "", 0, nil, "doctor", "globex")
}

func (g *granted) goesOnAgain(t *testing.T) {
	g.again(t, "acme")
	g.switched(t, "acme", "Enabled")
	g.published(t, "acme", "acme-later")
	g.reads(t, "acme")
	if dead := g.holds(t, grantedStack.DeadLetters("acme", "acme-user", false)); dead != 0 {
		t.Errorf("%d dead letters", dead)
	}
	g.says(t, "", 0, nil, "doctor", "acme")
}

// ignoresLate has a write and a read on their way with the old token while it is
// replaced, and refused only then.
func (g *granted) ignoresLate(t *testing.T) {
	c := g.companies["acme"]
	write, read := c.hold(t, http.MethodPost, "/contacts"), c.hold(t, http.MethodGet, "/tags")
	g.send(t, "acme", "acme-late")
	run := g.start(t, "run", "acme-tags", "--json")
	write.wait(t)
	read.wait(t)
	c.remove()
	g.again(t, "acme")
	write.release()
	read.release()
	g.hasRead(t, "acme", run)
	if n := c.refusedLate(); n != 2 {
		t.Errorf("%d requests were refused late, want 2", n)
	}
	g.published(t, "acme", "acme-late")
	g.send(t, "acme", "acme-after")
	g.published(t, "acme", "acme-after")
	g.switched(t, "acme", "Enabled")
	g.says(t, "", 0, nil, "doctor", "acme")
}

func (g *granted) believesUninstall(t *testing.T) {
	g.companies["globex"].remove()
	g.uninstall(t, `{"app_id":"glob5678"}`)
	g.stopped(t, "globex")
	g.again(t, "globex")
	g.switched(t, "globex", "Enabled")
	g.send(t, "globex", "globex-back")
	g.published(t, "globex", "globex-back")
	g.reads(t, "globex")
	g.says(t, "", 0, nil, "doctor")
}
