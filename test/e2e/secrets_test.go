package e2e_test

import (
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// saysNothing looks for what is secret everywhere but where it belongs.
func (g *granted) saysNothing(t *testing.T) {
	for client, c := range g.companies {
		for token := range c.shown {
			if token != "" && !slices.Contains(c.Tokens(), token) {
				t.Errorf("%s was shown a token of another", client)
			}
		}
	}
	logs := g.says(t, "", 0, []string{"access granted", "access not granted", "used_state", "access revoked"}, "logs", "--since", "1h")
	places := map[string]string{
		"the commands": g.said.String(), "the pages": g.answers(), "connector logs": logs.stdout + logs.stderr,
	}
	g.python(t, &places, dump, g.stack)
	for _, pattern := range []string{g.emulator.LogFile, g.config, filepath.Join(g.dir, "cdk.out", "*.json"), filepath.Join(g.dir, "cdk.out", "*", "connector.json")} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: no file: %v", pattern, err)
		}
		for _, name := range files {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			places[name] = string(text)
		}
	}
	// There is something to search in, and a revoked token has raised the alarm.
	for place, words := range map[string][]string{
		"logs":       {`"path":"/auth/eagle/token"`, `"path":"/me"`, `"path":"/contacts"`},
		"callback":   {`"Paused":1`},
		"table":      {"oauth/", "paused/"},
		"stack":      {"CallbackUrl"},
		"parameters": {"acme-user="}, "functions": {"STATE_TABLE"},
	} {
		for _, word := range words {
			if !strings.Contains(places[place], word) {
				t.Errorf("%s: nothing to search: no %s in %s", place, word, tail(places[place]))
			}
		}
	}
	for client, c := range g.companies {
		for _, token := range c.Tokens() {
			g.search(t, places, "a token of "+client, token)
		}
		for _, code := range c.Codes() {
			g.search(t, places, "a code of "+client, code)
		}
		g.search(t, places, "the client secret of "+client, c.Secret)
		g.search(t, places, "the admin's address", c.Email)
	}
	for _, state := range g.states {
		g.search(t, places, "a state", state)
	}
	// What was published is in the table, with Intercom's answers, and nowhere else.
	delete(places, "table")
	g.search(t, places, "somebody's address", "@planted.example")
}

// search looks for a secret in any spelling.
func (g *granted) search(t *testing.T, places map[string]string, what, secret string) {
	t.Helper()
	for _, form := range []string{secret, url.QueryEscape(secret), strings.TrimRight(secret, "=")} {
		for place, text := range places {
			if i := strings.Index(text, form); i >= 0 {
				t.Errorf("%s is in %s: …%s…", what, place, text[max(0, i-200):min(len(text), i+len(form)+100)])
				return
			}
		}
	}
}

// dump shows what the stack has but for its secrets and what is in its queues.
const dump = `
stack, out = args[0], {}
def text(v): return v.decode("latin1") if isinstance(v, bytes) else str(v)
logs = client("logs")
groups = {g["logGroupName"]: "\n".join(e["message"] for e in logs.get_paginator("filter_log_events").paginate(logGroupName=g["logGroupName"]).search("events") if e)
    for g in logs.get_paginator("describe_log_groups").paginate().search("logGroups") if stack in g["logGroupName"]}
out["logs"] = "\n".join(groups.values())
out["callback"] = groups["/aws/lambda/" + stack + "_callback"]
cf = client("cloudformation")
out["stack"] = json.dumps(cf.get_template(StackName=stack)["TemplateBody"], default=text) + json.dumps(cf.describe_stacks(StackName=stack), default=text) \
    + json.dumps(cf.describe_stack_events(StackName=stack), default=text) + json.dumps(cf.describe_stack_resources(StackName=stack), default=text)
outputs = {o["OutputKey"]: o["OutputValue"] for o in cf.describe_stacks(StackName=stack)["Stacks"][0]["Outputs"]}
out["table"] = json.dumps([list(i.items()) for i in client("dynamodb").get_paginator("scan").paginate(TableName=outputs["StateTable"]).search("Items")], default=text)
s3, objects = client("s3"), []
if "Bucket" in outputs:
    for o in s3.get_paginator("list_objects_v2").paginate(Bucket=outputs["Bucket"]).search("Contents"):
        if o: objects.append(o["Key"] + text(s3.get_object(Bucket=outputs["Bucket"], Key=o["Key"])["Body"].read()))
out["objects"] = "\n".join(objects)
ssm = client("ssm")
out["parameters"] = "\n".join(ssm.get_parameter(Name=p["Name"])["Parameter"]["Value"] for p in ssm.get_paginator("describe_parameters").paginate().search("Parameters") if p["Name"].startswith("/" + stack))
out["functions"] = json.dumps([f for f in client("lambda").get_paginator("list_functions").paginate().search("Functions") if f["FunctionName"].startswith(stack)], default=text)
out["metrics"] = json.dumps(client("cloudwatch").list_metrics()["Metrics"], default=text)
print(json.dumps(out))
`
