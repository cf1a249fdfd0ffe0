package e2e_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"intercom-connector/internal/names"
	"intercom-connector/shared/intercom/intercomtest"
)

// stackName is that of the stack under test.
const stackName = names.Stack("e2e")

// The tokens are planted: see TestSecretsStayWhereTheyAre in the life of a stack.
const (
	mainToken  = "planted-main-dG9rOjRm"
	otherToken = "planted-other-YzVkZWNm"
	slowToken  = "planted-slow-cGxhbnRl"
)

const deployedConfig = `
clients:
  main: {base_uri: %[1]q, timezone: Europe/Amsterdam, log_requests: bodies}
  other: {base_uri: %[2]q}
  slow: {base_uri: %[3]q}
subscriptions:
  contacts: {client: main, entity: contacts, sync: incremental, to: {type: s3}}
  conversations: {client: main, entity: conversations/search, payload: {query: {field: id, operator: "!=", value: "0"}}, paginate: true, to: {type: eventbridge}}
  tags: {client: main, entity: tags, schedule: rate(1 minute), to: {type: sqs}}
  broken: {client: main, entity: contacts, paginate: true, record_transform: '.id | error("no")', to: {type: s3}}
  routed: {client: main, entity: tags, record_transform: '{path: {}, payload: {name: ("copy of " + .name)}}', to: {type: publisher, name: tag}}
  foreign: {client: other, entity: tags, to: {type: sqs, fifo: true}}
  long: {client: slow, entity: contacts, query: {per_page: 50}, paginate: true, to: {type: sqs}}
publishers:
  update: {client: main, method: PUT, entity: "contacts/{contact_id}", fifo: true}
  upsert: {client: main, method: POST, entity: contacts, on_conflict: update, message_transform: '{payload: {role: "user", email: .mail, name, custom_attributes: (.attributes // {})}}', responses: {type: sqs}}
  note: {client: main, method: POST, entity: "contacts/{contact_id}/notes"}
  tag: {client: main, method: POST, entity: tags}
stack:
  tags: {project: e2e}
`

// A life is a stack from its first deployment to its end.
type life struct {
	*desk

	main, other, slow *intercomtest.Workspace
	mainURL           string
}

// TestLifeOfAStack does with a stack what people do, in their order. Each part
// stands on those before it.
//
//nolint:paralleltest // Deployments build into one folder.
func TestLifeOfAStack(t *testing.T) {
	l := &life{desk: newDesk(t, string(stackName))}
	l.main = intercomtest.New(intercomtest.Config{Token: mainToken, Workspace: "main1234", Contacts: 400, Conversations: 60, RecordSize: 2000})
	l.other = intercomtest.New(intercomtest.Config{Token: otherToken, Workspace: "other123", Seed: 2})
	l.slow = intercomtest.New(intercomtest.Config{Token: slowToken, Workspace: "slow1234", Seed: 3, Contacts: 2_400, Latency: 300 * time.Millisecond})
	l.mainURL = serve(t, l.main)
	l.configure(fmt.Sprintf(deployedConfig, l.mainURL, serve(t, l.other), serve(t, l.slow)))

	for _, part := range []struct {
		name string
		run  func(t *testing.T)
	}{
		{"is deployed by cdk", l.deploy},
		{"says which command sets a token", l.wantsToken},
		{"takes tokens", l.takesTokens},
		{"keeps the clients apart", l.keepsApart},
		{"reads to S3", l.readsToS3},
		{"reads to an event bus", l.readsToBus},
		{"refuses what is not its own", l.refusesStrangers},
		{"puts aside what it cannot transform", l.putsAside},
		{"goes on through invocations", l.goesOn},
		{"goes on after it was killed", l.survives},
		{"runs once at a time", l.runsOnce},
		{"publishes", l.publishes},
		{"publishes in order", l.publishesInOrder},
		{"publishes what comes by hand", l.takesGarbage},
		{"fires by schedule", l.fires}, // it has had some of its minute by now
		{"routes what it reads", l.routes},
		{"pauses and resumes", l.pauses},
		{"watches", l.watches},
		{"shows its logs, without secrets", l.logs},
		{"is updated", l.isUpdated},
		{"ends", l.destroy},
	} {
		if !t.Run(part.name, part.run) {
			t.Fatalf("%q stands on it: no more\n%s", part.name, l.emulatorLog())
		}
	}
}

// emulatorLog is the end of what the emulator and the functions said.
func (l *life) emulatorLog() string {
	log, err := os.ReadFile(l.emulator.LogFile)
	if err != nil {
		return err.Error()
	}
	return tail(string(log))
}

func (l *life) wantsToken(t *testing.T) {
	_, failure := l.invoke(t, stackName.SubscribeFunction("main"), map[string]string{"subscription": "contacts"})
	if want := "connector token main --stack e2e"; !strings.Contains(failure, want) {
		t.Errorf("got %q, want it to say %q", failure, want)
	}
}

func (l *life) takesTokens(t *testing.T) {
	l.refuses(t, "not-a-token\n", 2, "not stored", "token", "main", "--stack", l.stack)
	for client, token := range map[string]string{"main": mainToken, "other": otherToken, "slow": slowToken} {
		l.must(t, token+"\n", "token", client, "--stack", l.stack)
	}
	// A token of the wrong workspace is refused by the other one.
	l.refuses(t, mainToken+"\n", 2, "not stored", "token", "other", "--stack", l.stack)
}

// keepsApart takes on the role of one client's function and asks for the
// other's token.
func (l *life) keepsApart(t *testing.T) {
	var got map[string]string
	l.python(t, &got, `
def role(function):
    arn = client("lambda").get_function_configuration(FunctionName=function)["Role"]
    name = arn.split("/")[-1]
    me = client("sts").get_caller_identity()["Arn"]
    client("iam").update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"},
        {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}))
    c = client("sts").assume_role(RoleArn=arn, RoleSessionName="e2e")["Credentials"]
    return dict(aws_access_key_id=c["AccessKeyId"], aws_secret_access_key=c["SecretAccessKey"], aws_session_token=c["SessionToken"])
def read(keys, secret):
    try:
        boto3.client("secretsmanager", **keys).get_secret_value(SecretId=secret)
        return "read"
    except Exception as e:
        return type(e).__name__ if not hasattr(e, "response") else e.response["Error"]["Code"]
def send(keys, queue):
    try:
        boto3.client("sqs", **keys).send_message(QueueUrl=url(queue), MessageBody="{}", MessageGroupId="g", MessageDeduplicationId="d")
        return "sent"
    except Exception as e:
        return e.response["Error"]["Code"]
stack, main, other = args
out = {}
for function, mine, others in ((main + "_subscribe", "main", "other"), (main + "_publish", "main", "other"), (other + "_subscribe", "other", "main")):
    keys = role(function)
    out[function + " own"] = read(keys, stack + "/" + mine + "/token")
    out[function + " other"] = read(keys, stack + "/" + others + "/token")
keys = role(other + "_subscribe")
out["queue of its own"] = send(keys, other + "_foreign_events.fifo")
out["queue of the other"] = send(keys, main + "_update_messages.fifo")
print(json.dumps(out))
`, l.stack, l.stack+"_main", l.stack+"_other")
	for what, result := range got {
		own := strings.HasSuffix(what, " own")
		if may := result == "read" || result == "sent"; may != (own || what == "queue of its own") {
			t.Errorf("%s: %s", what, result)
		}
	}
	l.drain(t, stackName.Events("other", "foreign", true), 0)
}

// An envelope is what the tests look at in an event.
type envelope struct {
	ID, Type, Subject, Source string
	Data                      json.RawMessage
}

// fires waits for a schedule of a minute.
func (l *life) fires(t *testing.T) {
	queue := stackName.Events("main", "tags", false)
	want := l.tags(t)
	eventually(t, "a schedule of a minute fires", 3*time.Minute, func() bool { return l.depth(t, queue) >= len(want) })
	for _, m := range l.drain(t, queue, len(want)) {
		var e envelope
		if err := json.Unmarshal([]byte(m.Body), &e); err != nil {
			t.Fatalf("%s: %v", m.Body, err)
		}
		if want[e.Subject] == "" || e.Type != "intercom.tags.upserted" || e.Source != "intercom:main1234" {
			t.Errorf("event of %q is %q from %q", e.Subject, e.Type, e.Source)
		}
		delete(want, e.Subject)
	}
	if len(want) > 0 {
		t.Errorf("%d tags did not come", len(want))
	}
}

// tags are the names of the workspace's tags, by id.
func (l *life) tags(t *testing.T) map[string]string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://intercom/tags", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+mainToken)
	resp, err := l.main.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var list struct{ Data []struct{ ID, Name string } }
	if err := json.NewDecoder(resp.Body).Decode(&list); err != nil || len(list.Data) == 0 {
		t.Fatalf("no tags: %v", err)
	}
	names := map[string]string{}
	for _, tag := range list.Data {
		names[tag.ID] = tag.Name
	}
	return names
}

func ids(ws *intercomtest.Workspace, e intercomtest.Entity) map[string]bool {
	all := map[string]bool{}
	for r := range ws.Records(e) {
		all[r.ID] = true
	}
	return all
}

// A runReport is what connector run prints with --json.
type runReport struct {
	Outcome   string `json:"outcome"`
	Run       string `json:"run"`
	Events    int    `json:"events"`
	Requests  int    `json:"requests"`
	Error     string `json:"error"`
	Resumed   bool   `json:"resumed"`
	Continues bool   `json:"continues"`
}

// runs runs a subscription of the stack by the command line.
func (l *life) runs(t *testing.T, name string, args ...string) runReport {
	t.Helper()
	r := l.must(t, "", append([]string{"run", name, "--stack", l.stack, "--json"}, args...)...)
	var report runReport
	if err := json.Unmarshal([]byte(r.stdout), &report); err != nil {
		t.Fatalf("%v: %v", err, r)
	}
	return report
}

// objects are the events in the stack's bucket.
func (l *life) objects(t *testing.T, subscription string) []envelope {
	t.Helper()
	var lines []envelope
	l.python(t, &lines, `
import gzip
cf = client("cloudformation").describe_stacks(StackName=args[0])["Stacks"][0]["Outputs"]
bucket = next(o["OutputValue"] for o in cf if o["OutputKey"] == "Bucket")
s3, out = client("s3"), []
for o in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=args[1]).search("Contents"):
    if o is None: continue
    body = s3.get_object(Bucket=bucket, Key=o["Key"])["Body"].read()
    text = gzip.decompress(body) if o["Key"].endswith(".gz") else body
    for line in text.decode().strip("\n").split("\n"):
        e = json.loads(line)
        out.append({k: e.get(k) for k in ("id", "type", "subject", "source", "reason")} | {"data": {"updated_at": (e.get("data") or {}).get("updated_at") if isinstance(e.get("data"), dict) else None}})
print(json.dumps(out))
`, l.stack, subscription)
	return lines
}

func (l *life) readsToS3(t *testing.T) {
	if r := l.runs(t, "contacts"); r.Outcome != "done" || r.Events != l.main.Len(intercomtest.Contacts) {
		t.Fatalf("got %+v", r)
	}
	want := ids(l.main, intercomtest.Contacts)
	for _, e := range l.objects(t, names.EventsPrefix+"contacts/") {
		delete(want, e.Subject)
	}
	if len(want) > 0 {
		t.Errorf("%d contacts are in no object", len(want))
	}
	// The next run reads what changed, and no more.
	l.main.Touch(intercomtest.Contacts, l.main.ID(intercomtest.Contacts, 7), l.main.ID(intercomtest.Contacts, 8))
	if r := l.runs(t, "contacts"); r.Outcome != "done" || r.Events != 2 {
		t.Errorf("after two changes: %+v", r)
	}
	r := l.must(t, "", "status", "--stack", l.stack)
	if !strings.Contains(r.stdout, "contacts") {
		t.Errorf("status: %v", r)
	}
}

func (l *life) readsToBus(t *testing.T) {
	// A rule and a queue stand for whoever listens.
	l.python(t, nil, `
sqs, events = client("sqs"), client("events")
address = sqs.create_queue(QueueName="listener")["QueueUrl"]
arn = sqs.get_queue_attributes(QueueUrl=address, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
sqs.set_queue_attributes(QueueUrl=address, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}]})})
events.put_rule(Name="listener", EventBusName=args[0], EventPattern=json.dumps({"detail-type": ["intercom.conversations.upserted"]}))
events.put_targets(Rule="listener", EventBusName=args[0], Targets=[{"Id": "1", "Arn": arn}])
`, stackName.EventBus())
	want := ids(l.main, intercomtest.Conversations)
	if r := l.runs(t, "conversations"); r.Outcome != "done" || r.Events != len(want) {
		t.Fatalf("got %+v", r)
	}
	for _, m := range l.drain(t, "listener", len(want)) {
		var e struct {
			Detail envelope `json:"detail"`
		}
		if err := json.Unmarshal([]byte(m.Body), &e); err != nil {
			t.Fatal(err)
		}
		delete(want, e.Detail.Subject)
	}
	if len(want) > 0 {
		t.Errorf("%d conversations did not come", len(want))
	}
}

// refusesStrangers sends what is not the function's to it.
func (l *life) refusesStrangers(t *testing.T) {
	for _, event := range []any{
		map[string]string{"hello": "world"},
		map[string]string{"subscription": "nobody"},
		map[string]string{"subscription": "foreign"}, // another client's
		[]string{"contacts"},
		nil,
	} {
		if answer, failure := l.invoke(t, stackName.SubscribeFunction("main"), event); failure == "" {
			t.Errorf("%v: taken: %s", event, answer)
		}
	}
}

func (l *life) putsAside(t *testing.T) {
	r := l.connector(t, "", "run", "broken", "--stack", l.stack)
	if r.status != 1 || !strings.Contains(r.stdout+r.stderr, "quarantin") {
		t.Errorf("%v", r)
	}
	if aside := l.objects(t, names.QuarantinePrefix+"broken/"); len(aside) == 0 {
		t.Error("nothing in the quarantine")
	}
	// The failed invocation is in the queue for what nobody waits for only if it
	// was asynchronous: the schedule of another one shows that in infra's rules.
}

// hurry gives a function little time, so that a run takes several invocations.
func (l *life) hurry(t *testing.T, function string, seconds int) {
	t.Helper()
	l.python(t, nil, `client("lambda").update_function_configuration(FunctionName=args[0], Timeout=int(args[1]))`, function, fmt.Sprint(seconds))
}

// long drains the slow subscription's queue and compares it with the workspace.
func (l *life) long(t *testing.T) (messages int) {
	t.Helper()
	want := ids(l.slow, intercomtest.Contacts)
	all := l.drain(t, stackName.Events("slow", "long", false), 0)
	for _, m := range all {
		var e envelope
		if err := json.Unmarshal([]byte(m.Body), &e); err != nil {
			t.Fatal(err)
		}
		delete(want, e.Subject)
	}
	if len(want) > 0 {
		t.Errorf("%d of %d contacts did not come", len(want), l.slow.Len(intercomtest.Contacts))
	}
	return len(all)
}

// goesOn reads for about fifteen seconds with eight for an invocation.
func (l *life) goesOn(t *testing.T) {
	l.hurry(t, stackName.SubscribeFunction("slow"), 8)
	r := l.runs(t, "long")
	if r.Outcome != "done" || r.Events != l.slow.Len(intercomtest.Contacts) {
		t.Errorf("got %+v", r)
	}
	if n := l.invocations(t, stackName.SubscribeFunction("slow"), r.Run); n < 3 {
		t.Errorf("the run took %d invocations, want 3 at least", n)
	}
	l.long(t)
}

// invocations is how many invocations have logged something of a run.
func (l *life) invocations(t *testing.T, function, run string) (n int) {
	t.Helper()
	l.python(t, &n, `
logs, seen = client("logs"), set()
for page in logs.get_paginator("filter_log_events").paginate(logGroupName="/aws/lambda/" + args[0]):
    for e in page["events"]:
        try: line = json.loads(e["message"])
        except ValueError: continue
        if isinstance(line, dict) and line.get("run") == args[1]:
            seen.add(line.get("requestId") or line.get("request_id") or line.get("invocation"))
print(len(seen - {None}))
`, function, run)
	return n
}

// survives kills the function's process in the middle. What it leaves is a lease
// of a minute, which keeps others away that long.
func (l *life) survives(t *testing.T) {
	function := stackName.SubscribeFunction("slow")
	l.hurry(t, function, 60)
	l.python(t, nil, `client("lambda").invoke(FunctionName=args[0], InvocationType="Event", Payload=b'{"subscription":"long"}')`, function)
	before := l.slow.Stats().Requests
	eventually(t, "some pages are read", time.Minute, func() bool { return l.slow.Stats().Requests > before+8 })
	if killBootstraps(t, function) == 0 {
		t.Fatal("no process of the function to kill")
	}
	var r runReport
	eventually(t, "the killed run's lease ends, and the next one goes on", 3*time.Minute, func() bool {
		answer, failure := l.invoke(t, function, map[string]string{"subscription": "long"})
		return failure == "" && json.Unmarshal(answer, &r) == nil && r.Outcome == "done"
	})
	l.long(t)
}

func (l *life) runsOnce(t *testing.T) {
	function := stackName.SubscribeFunction("slow")
	var outcomes []string
	l.python(t, &outcomes, `
from concurrent.futures import ThreadPoolExecutor
def run(_):
    r = client("lambda").invoke(FunctionName=args[0], Payload=b'{"subscription":"long"}')
    return json.loads(r["Payload"].read()).get("outcome", "?")
with ThreadPoolExecutor(2) as pool: print(json.dumps(sorted(pool.map(run, range(2)))))
`, function)
	if !slices.Equal(outcomes, []string{"busy", "done"}) {
		t.Errorf("two runs at once: %v", outcomes)
	}
	l.long(t)
}

func (l *life) publishes(t *testing.T) {
	taken := l.mail(t)
	lines := fmt.Sprintf(`{"mail": "ada@example.com", "name": "Ada"}
{"mail": %q, "name": "There already"}
{"mail": "grace@example.com", "name": "Grace", "attributes": {"nobody_knows": 1}}
{"mail": "joan@example.com", "name": "Joan"}
`, taken)
	if err := os.WriteFile(filepath.Join(l.dir, "new.ndjson"), []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	r := l.must(t, "", "publish", "upsert", "new.ndjson", "--stack", l.stack)
	if !strings.Contains(r.stdout+r.stderr, "4") {
		t.Errorf("publish: %v", r)
	}
	dead := stackName.DeadLetters("main", "upsert", false)
	eventually(t, "the message with an unknown attribute is dead", time.Minute, func() bool { return l.depth(t, dead) == 1 })
	answers := l.drain(t, stackName.Responses("main", "upsert", false), 3)
	for _, a := range answers {
		if !strings.Contains(a.Body, `"done"`) {
			t.Errorf("response: %s", a.Body)
		}
	}
	eventually(t, "the queue is empty", time.Minute, func() bool { return l.depth(t, stackName.Messages("main", "upsert", false)) == 0 })

	// The dead letter says why, can be mended and sent again.
	list := l.must(t, "", "dead-letters", "list", "upsert", "--stack", l.stack)
	if !strings.Contains(list.stdout, "nobody_knows") {
		t.Errorf("dead-letters list: %v", list)
	}
	l.python(t, nil, `
import urllib.request
req = urllib.request.Request(args[0] + "/data_attributes", method="POST", headers={"Authorization": "Bearer " + args[1], "Content-Type": "application/json", "Intercom-Version": "2.16"},
    data=json.dumps({"name": "nobody_knows", "model": "contact", "data_type": "integer"}).encode())
urllib.request.urlopen(req).read()
`, l.mainURL, mainToken)
	l.must(t, "", "dead-letters", "retry", "--all", "--publisher", "upsert", "--stack", l.stack)
	eventually(t, "it is done now", time.Minute, func() bool {
		return l.depth(t, dead) == 0 && l.depth(t, stackName.Messages("main", "upsert", false)) == 0
	})
	l.drain(t, stackName.Responses("main", "upsert", false), 1)
}

// mail is the address of a contact that exists.
func (l *life) mail(t *testing.T) string {
	t.Helper()
	for r := range l.main.Records(intercomtest.Contacts) {
		var c struct{ Email, Role string }
		if err := json.Unmarshal(r.JSON, &c); err == nil && c.Email != "" && c.Role == "user" {
			return c.Email
		}
	}
	t.Fatal("no contact has an address")
	return ""
}

// publishesInOrder sends groups by another SDK, and one that cannot succeed in
// between: its group goes on after it.
func (l *life) publishesInOrder(t *testing.T) {
	queue := stackName.Messages("main", "update", true)
	const groups, each = 4, 8
	var contacts []string
	for i := range groups {
		contacts = append(contacts, l.main.ID(intercomtest.Contacts, 20+i))
	}
	before := len(l.main.Writes())
	l.python(t, nil, `
queue, contacts, each = url(args[0]), args[1].split(","), int(args[2])
for n in range(each):
    for c in contacts:
        payload = {"name": "marker:%s-%d" % (c, n)} if n != 3 else {"custom_attributes": {"unheard_of": n}}
        client("sqs").send_message(QueueUrl=queue, MessageGroupId=c, MessageDeduplicationId="%s-%d" % (c, n),
            MessageBody=json.dumps({"path": {"contact_id": c}, "payload": payload}))
`, queue, strings.Join(contacts, ","), fmt.Sprint(each))
	eventually(t, "all are settled", 2*time.Minute, func() bool { return l.depth(t, queue) == 0 })
	order := map[string][]string{}
	for _, w := range l.main.Writes()[before:] {
		order[w.ID] = append(order[w.ID], w.Marker)
	}
	for _, c := range contacts {
		var want []string
		for n := range each {
			if n != 3 {
				want = append(want, fmt.Sprintf("marker:%s-%d", c, n))
			}
		}
		if got := order[c]; !slices.Equal(slices.Compact(got), want) {
			t.Errorf("contact %s: got %v, want %v", c, got, want)
		}
	}
	dead := l.drain(t, stackName.DeadLetters("main", "update", true), groups)
	for _, m := range dead {
		if reason := m.MessageAttributes[names.AttributeReason].StringValue; !strings.Contains(reason, "unheard_of") {
			t.Errorf("dead letter without its reason: %+v", m.MessageAttributes)
		}
	}
}

// takesGarbage sends by hand what is no message.
func (l *life) takesGarbage(t *testing.T) {
	queue, dead := stackName.Messages("main", "note", false), stackName.DeadLetters("main", "note", false)
	garbage := []string{"not JSON", `[1, 2]`, `{"path": {}}`, `{"unknown": 1}`, `{"path": {"contact_id": "../admins"}}`}
	body, err := json.Marshal(garbage)
	if err != nil {
		t.Fatal(err)
	}
	contact := l.main.ID(intercomtest.Contacts, 40)
	l.python(t, nil, `
for body in json.loads(args[1]) + [json.dumps({"path": {"contact_id": args[2]}, "payload": {"body": "marker:good"}})]:
    client("sqs").send_message(QueueUrl=url(args[0]), MessageBody=body)
`, queue, string(body), contact)
	reasons := map[string]bool{}
	for _, m := range l.drain(t, dead, len(garbage)) {
		if !slices.Contains(garbage, m.Body) {
			t.Errorf("dead letter has another body: %s", m.Body)
		}
		reasons[m.MessageAttributes[names.AttributeReason].StringValue] = true
	}
	if len(reasons) < 4 || reasons[""] {
		t.Errorf("reasons: %v", reasons)
	}
	eventually(t, "the good one is published", time.Minute, func() bool { return len(l.main.Marked("marker:good")) == 1 })
	eventually(t, "the queue is empty", time.Minute, func() bool { return l.depth(t, queue) == 0 })
}

// routes reads tags and writes them again, through a queue.
func (l *life) routes(t *testing.T) {
	tags := l.tags(t)
	if r := l.runs(t, "routed"); r.Outcome != "done" || r.Events != len(tags) {
		t.Fatalf("got %+v", r)
	}
	eventually(t, "the copies are there", 2*time.Minute, func() bool {
		return l.depth(t, stackName.Messages("main", "tag", false)) == 0
	})
	after := slices.Collect(maps.Values(l.tags(t)))
	for _, name := range tags {
		if !slices.Contains(after, "copy of "+name) {
			t.Errorf("no copy of %s; dead: %d", name, l.depth(t, stackName.DeadLetters("main", "tag", false)))
		}
	}
}

// pauses revokes the token while messages wait.
func (l *life) pauses(t *testing.T) {
	queue := stackName.Messages("main", "tag", false)
	send := func(marker string) {
		l.python(t, nil, `
client("sqs").send_message(QueueUrl=url(args[0]), MessageBody=json.dumps({"payload": {"name": args[1]}}))
`, queue, marker)
	}
	enabled := func() (states []string) {
		l.python(t, &states, `
print(json.dumps(sorted({m["State"] for m in client("lambda").list_event_source_mappings(FunctionName=args[0])["EventSourceMappings"]})))
`, stackName.PublishFunction("main"))
		return states
	}
	l.main.Revoke()
	send("marker:paused")
	eventually(t, "the mappings are disabled", time.Minute, func() bool { return slices.Equal(enabled(), []string{"Disabled"}) })
	if r := l.must(t, "", "status", "--stack", l.stack); !strings.Contains(r.stdout, "paused") {
		t.Errorf("status: %v", r)
	}
	if n := l.depth(t, queue); n != 1 {
		t.Errorf("%d messages wait, want 1: the one that was refused, hidden for a quarter of an hour", n)
	}
	send("marker:waited")
	l.main.Restore()
	// Storing a token lets the client go on by itself.
	l.must(t, mainToken+"\n", "token", "main", "--stack", l.stack)
	eventually(t, "the mappings are enabled", time.Minute, func() bool { return slices.Equal(enabled(), []string{"Enabled"}) })
	eventually(t, "what waited is published", time.Minute, func() bool { return len(l.main.Marked("marker:waited")) == 1 })

	l.must(t, "", "pause", "tag", "--stack", l.stack)
	eventually(t, "paused by hand", time.Minute, func() bool { return slices.Equal(enabled(), []string{"Disabled"}) })
	send("marker:by-hand")
	l.must(t, "", "resume", "tag", "--stack", l.stack)
	eventually(t, "resumed by hand", time.Minute, func() bool { return len(l.main.Marked("marker:by-hand")) == 1 })
	if dead := l.depth(t, stackName.DeadLetters("main", "tag", false)); dead != 0 {
		t.Errorf("%d dead letters after a pause", dead)
	}
}

func (l *life) watches(t *testing.T) {
	answer, failure := l.invoke(t, stackName.SubscribeFunction("main"), map[string]bool{"watch": true})
	if failure != "" {
		t.Fatal(failure)
	}
	if !strings.Contains(string(answer), "broken") {
		t.Errorf("the watch does not see the subscription that failed: %s", answer)
	}
}

// logs shows what the functions said, and looks for what they must not say.
func (l *life) logs(t *testing.T) {
	r := l.must(t, "", "logs", "--stack", l.stack, "--since", "1h")
	if !strings.Contains(r.stdout, "contacts") {
		t.Errorf("logs: %v", r)
	}
	everything := r.stdout + r.stderr
	log, err := os.ReadFile(l.emulator.LogFile)
	if err != nil {
		t.Fatal(err)
	}
	everything += string(log)
	template, err := filepath.Glob(filepath.Join(l.dir, "cdk.out", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range template {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		everything += string(text)
	}
	for _, planted := range []string{mainToken, otherToken, slowToken, "ada@example.com", l.mail(t)} {
		if i := strings.Index(everything, planted); i >= 0 {
			t.Errorf("%q is in what was logged or written: …%s…", planted, everything[max(0, i-200):min(len(everything), i+200)])
		}
	}
}

// isUpdated changes the configuration with messages in a queue.
func (l *life) isUpdated(t *testing.T) {
	before, err := os.ReadFile(l.config)
	if err != nil {
		t.Fatal(err)
	}
	l.must(t, "", "pause", "note", "--stack", l.stack)
	l.python(t, nil, `
for n in range(3): client("sqs").send_message(QueueUrl=url(args[0]), MessageBody=json.dumps({"path": {"contact_id": args[1]}, "payload": {"body": "marker:update-%d" % n}}))
`, stackName.Messages("main", "note", false), l.main.ID(intercomtest.Contacts, 42))
	change := func(from, to string) {
		text := strings.Replace(string(before), from, to, 1)
		if text == string(before) {
			t.Fatalf("%q is not in the configuration", from)
		}
		l.configure(text)
	}
	line := `  note: {client: main, method: POST, entity: "contacts/{contact_id}/notes"}` + "\n"
	for _, tt := range []struct{ name, to string }{
		{"dropped", ""},
		{"renamed", strings.Replace(line, "note:", "notice:", 1)},
		{"switched to FIFO", strings.Replace(line, "}\n", ", fifo: true}\n", 1)},
	} {
		change(line, tt.to)
		r := l.connector(t, "", "validate", "--stack", l.stack)
		if r.status != 2 || !strings.Contains(r.stdout+r.stderr, "note") || !strings.Contains(r.stdout+r.stderr, "3 ") {
			t.Errorf("%s: %v", tt.name, r)
		}
	}
	// What does not touch it may come while messages wait; they are still there.
	change(`stack:`, "  more: {client: main, method: POST, entity: tags}\nstack:")
	l.must(t, "", "validate", "--stack", l.stack)
	l.deploy(t)
	if n := l.depth(t, stackName.Messages("main", "note", false)); n != 3 {
		t.Errorf("%d messages after the update, want 3", n)
	}
	l.must(t, "", "resume", "note", "--stack", l.stack)
	eventually(t, "what waited is published", time.Minute, func() bool {
		return len(l.main.Marked("marker:update-0"))*len(l.main.Marked("marker:update-1"))*len(l.main.Marked("marker:update-2")) == 1
	})
	// Its checkpoints have outlived the update.
	if r := l.runs(t, "contacts"); r.Outcome != "done" || r.Events > 60 {
		t.Errorf("after the update: %+v", r)
	}
	// Empty, it may be renamed.
	eventually(t, "the queue is empty", time.Minute, func() bool { return l.depth(t, stackName.Messages("main", "note", false)) == 0 })
	change(line, strings.Replace(line, "note:", "notice:", 1))
	l.must(t, "", "validate", "--stack", l.stack)
	l.deploy(t)
	if n := l.depth(t, stackName.Messages("main", "notice", false)); n != 0 {
		t.Errorf("%d messages in the new queue", n)
	}
}
