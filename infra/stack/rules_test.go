package stack_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"intercom-connector/infra/stack"
	"intercom-connector/internal/names"
)

// Statements of all policies of a template, of roles and of resources.
type statement struct {
	id        string // the resource's
	Sid       string
	Effect    string
	Action    any
	Resource  any
	Principal any
	Condition map[string]any
}

func (s statement) actions() []string {
	switch a := s.Action.(type) {
	case string:
		return []string{a}
	case []any:
		var list []string
		for _, each := range a {
			list = append(list, each.(string))
		}
		return list
	default:
		return nil
	}
}

func (d drawn) statements(t *testing.T) []statement {
	t.Helper()
	var list []statement
	for id, r := range d.Resources {
		for _, property := range []string{"PolicyDocument", "AssumeRolePolicyDocument", "KeyPolicy", "Policy"} {
			document, ok := r.Properties[property].(map[string]any)
			if !ok {
				continue
			}
			for _, s := range document["Statement"].([]any) {
				m := s.(map[string]any)
				st := statement{id: id, Effect: m["Effect"].(string), Action: m["Action"], Resource: m["Resource"], Principal: m["Principal"]}
				st.Sid, _ = m["Sid"].(string)
				st.Condition, _ = m["Condition"].(map[string]any)
				list = append(list, st)
			}
		}
	}
	if len(list) == 0 {
		t.Fatal("no policies")
	}
	return list
}

func TestNoWildcardActions(t *testing.T) {
	for _, tt := range drawings {
		t.Run(tt.name, func(t *testing.T) {
			d := draw(t, tt.path, tt.prod)
			for _, s := range d.statements(t) {
				if s.Effect != "Allow" {
					continue
				}
				for _, action := range s.actions() {
					if strings.Contains(action, "*") {
						t.Errorf("%s allows %s", s.id, action)
					}
				}
			}
			for id, r := range d.Resources {
				if strings.Contains(text(r.Properties["ManagedPolicyArns"]), "arn") {
					t.Errorf("%s has a managed policy", id)
				}
			}
		})
	}
}

// A star as a resource is allowed where AWS knows no other, and nowhere else.
func TestWildcardResources(t *testing.T) {
	for _, tt := range drawings {
		t.Run(tt.name, func(t *testing.T) {
			d := draw(t, tt.path, tt.prod)
			for _, s := range d.statements(t) {
				if s.Effect == "Allow" && s.Resource == "*" && s.Sid != "Tracing" && s.Sid != "Network" {
					t.Errorf("%s: %s has every resource", s.id, s.Sid)
				}
			}
		})
	}
}

// encryptedOnly finds the resource policies that deny what is not encrypted on
// its way, and returns what they are for.
func encryptedOnly(t *testing.T, d drawn, property string) []string {
	t.Helper()
	var covered []string
	for _, s := range d.statements(t) {
		if s.Effect != "Deny" || text(s.Condition) != `{"Bool":{"aws:SecureTransport":"false"}}` {
			continue
		}
		if p := text(s.Principal); p != `"*"` && p != `{"AWS":"*"}` {
			continue
		}
		covered = append(covered, text(d.Resources[s.id].Properties[property]))
	}
	return covered
}

func TestQueues(t *testing.T) {
	for _, tt := range drawings {
		t.Run(tt.name, func(t *testing.T) {
			d := draw(t, tt.path, tt.prod)
			covered := strings.Join(encryptedOnly(t, d, "Queues"), "")
			dead := map[string]bool{}
			for id, q := range d.ofType("AWS::SQS::Queue") {
				p := q.Properties
				name := p["QueueName"].(string)
				if p["SqsManagedSseEnabled"] != true {
					t.Errorf("%s is not encrypted", name)
				}
				if !strings.Contains(covered, `{"Ref":"`+id+`"}`) {
					t.Errorf("%s takes what is not encrypted on its way", name)
				}
				if p["MessageRetentionPeriod"] != 14*24*3600.0 {
					t.Errorf("%s keeps messages for %v seconds", name, p["MessageRetentionPeriod"])
				}
				if p["MaximumMessageSize"] != 1024*1024.0 {
					t.Errorf("%s takes messages of %v bytes", name, p["MaximumMessageSize"])
				}
				fifo := strings.HasSuffix(name, ".fifo")
				if (p["FifoQueue"] == true) != fifo || fifo && p["ContentBasedDeduplication"] != false {
					t.Errorf("%s: FifoQueue is %v, ContentBasedDeduplication %v", name, p["FifoQueue"], p["ContentBasedDeduplication"])
				}
				redrive, _ := p["RedrivePolicy"].(map[string]any)
				if !strings.HasSuffix(strings.TrimSuffix(name, ".fifo"), "_messages") {
					if redrive != nil {
						t.Errorf("%s has dead letters", name)
					}
					continue
				}
				want := map[bool]float64{true: 313, false: 100}[strings.Contains(name, "_note_")] // of 2 days, of 12 hours
				if redrive["maxReceiveCount"] != want {
					t.Errorf("%s: maxReceiveCount is %v, want %v", name, redrive["maxReceiveCount"], want)
				}
				target := redrive["deadLetterTargetArn"].(map[string]any)["Fn::GetAtt"].([]any)[0].(string)
				letters := strings.Replace(name, "_messages", "_dead", 1)
				if got := d.Resources[target].Properties["QueueName"]; got != letters || dead[target] {
					t.Errorf("%s: dead letters go to %v, want one of its own, %s", name, got, letters)
				}
				dead[target] = true
			}
			if len(dead) == 0 {
				t.Error("no queue of messages")
			}
		})
	}
}

// A mail about an alarm that cannot be delivered is kept where the next alarm is about.
func TestAlarmMails(t *testing.T) {
	d := draw(t, "testdata/everything.yaml", false)
	mails := d.ofType("AWS::SNS::Subscription")
	if len(mails) != 1 {
		t.Fatalf("%d subscriptions", len(mails))
	}
	for id, m := range mails {
		if got := text(m.Properties["RedrivePolicy"]); got != `{"deadLetterTargetArn":{"Fn::GetAtt":["Undelivered","Arn"]}}` {
			t.Errorf("%s: dead letters go to %s", id, got)
		}
	}
	for _, s := range d.statements(t) {
		if s.Sid == "AlarmMails" && s.Effect == "Allow" && text(s.Principal) == `{"Service":"sns.amazonaws.com"}` && text(s.Resource) == `{"Fn::GetAtt":["Undelivered","Arn"]}` &&
			strings.Contains(text(s.Condition), ":intercom-connector_alarms") {
			return
		}
	}
	t.Error("the topic may not send to the queue")
}

func TestMappings(t *testing.T) {
	for _, tt := range drawings {
		t.Run(tt.name, func(t *testing.T) {
			d := draw(t, tt.path, tt.prod)
			mappings := d.ofType("AWS::Lambda::EventSourceMapping")
			if len(mappings) == 0 {
				t.Error("no mapping")
			}
			for id, m := range mappings {
				p := m.Properties
				if _, told := p["Enabled"]; told {
					t.Errorf("%s says whether it is enabled: a deployment would undo a pause", id)
				}
				if text(p["FunctionResponseTypes"]) != `["ReportBatchItemFailures"]` || p["BatchSize"] != 10.0 {
					t.Errorf("%s: %s", id, text(p))
				}
				if most, _ := p["ScalingConfig"].(map[string]any)["MaximumConcurrency"].(float64); most < 2 {
					t.Errorf("%s: MaximumConcurrency %v", id, most)
				}
				fn := d.Resources[p["FunctionName"].(map[string]any)["Ref"].(string)]
				queue := d.Resources[p["EventSourceArn"].(map[string]any)["Fn::GetAtt"].([]any)[0].(string)]
				timeout, visibility := fn.Properties["Timeout"].(float64), queue.Properties["VisibilityTimeout"].(float64)
				if visibility < 6*timeout {
					t.Errorf("%s: messages are hidden for %v seconds, and the function may take %v", id, visibility, timeout)
				}
				parameter := ""
				for _, p := range d.ofType("AWS::SSM::Parameter") {
					parameter += text(p.Properties["Value"])
				}
				if !strings.Contains(parameter, `{"Ref":"`+id+`"}`) {
					t.Errorf("%s is in no parameter", id)
				}
			}
		})
	}
}

func TestFunctions(t *testing.T) {
	for _, tt := range drawings {
		t.Run(tt.name, func(t *testing.T) {
			d := draw(t, tt.path, tt.prod)
			asynchronous := map[string]bool{}
			for _, s := range d.ofType("AWS::Scheduler::Schedule") {
				asynchronous[s.Properties["Target"].(map[string]any)["Arn"].(map[string]any)["Fn::GetAtt"].([]any)[0].(string)] = true
			}
			undelivered := map[string]bool{} // roles that may send there
			for _, s := range d.statements(t) {
				if s.Sid != "Undelivered" {
					continue
				}
				for _, role := range d.Resources[s.id].Properties["Roles"].([]any) {
					undelivered[role.(map[string]any)["Ref"].(string)] = true
				}
			}
			handled := map[string]bool{}
			for id, c := range d.ofType("AWS::Lambda::EventInvokeConfig") {
				p := c.Properties
				failure := text(p["DestinationConfig"])
				if p["MaximumRetryAttempts"] != 0.0 || !strings.Contains(failure, `"OnFailure":{"Destination":{"Fn::GetAtt":["Undelivered","Arn"]}}`) {
					t.Errorf("%s: %s", id, text(p))
				}
				handled[p["FunctionName"].(map[string]any)["Ref"].(string)] = true
			}
			for id, fn := range d.ofType("AWS::Lambda::Function") {
				p := fn.Properties
				name := p["FunctionName"].(string)
				if p["Runtime"] != "provided.al2023" || p["Timeout"] == nil || p["MemorySize"] == nil || text(p["Architectures"]) != `["arm64"]` {
					t.Errorf("%s: %s", name, text(p))
				}
				if p["ReservedConcurrentExecutions"] != nil {
					t.Errorf("%s takes concurrency away from the account", name)
				}
				reads := strings.HasSuffix(name, "_subscribe")
				if watches := tt.path == publishersOnly && name == d.name.PublishFunction("main"); asynchronous[id] && !reads && !watches {
					t.Errorf("%s is started by a schedule", name)
				}
				if handles := reads || asynchronous[id]; handles != handled[id] {
					t.Errorf("%s is invoked asynchronously: %v, has a failure destination: %v", name, handles, handled[id])
				}
				if role := p["Role"].(map[string]any)["Fn::GetAtt"].([]any)[0].(string); handled[id] != undelivered[role] {
					t.Errorf("%s may leave what failed: %v", name, undelivered[role])
				}
				if loop := p["RecursiveLoop"]; (loop == "Allow") != reads {
					t.Errorf("%s: RecursiveLoop is %v", name, loop)
				}
				group := p["LoggingConfig"].(map[string]any)["LogGroup"].(map[string]any)["Ref"].(string)
				if got, want := d.Resources[group].Properties["LogGroupName"], names.LogGroup(name); got != want {
					t.Errorf("%s logs to %v, want %s", name, got, want)
				}
			}
			for id, g := range d.ofType("AWS::Logs::LogGroup") {
				want := 30.0
				if d.cfg.Stack.LogRetention != 0 {
					want = float64(d.cfg.Stack.LogRetention)
				}
				if got := g.Properties["RetentionInDays"]; got != want {
					t.Errorf("%s keeps logs for %v days, want %v", id, got, want)
				}
			}
		})
	}
}

func TestSchedules(t *testing.T) {
	for _, tt := range drawings {
		t.Run(tt.name, func(t *testing.T) {
			d := draw(t, tt.path, tt.prod)
			seen, may := map[string]bool{}, ""
			for _, s := range d.statements(t) {
				if s.Sid == "Start" {
					may += text(s.Resource)
				}
			}
			for id, s := range d.ofType("AWS::Scheduler::Schedule") {
				p := s.Properties
				name := p["Name"].(string)
				seen[name] = true
				target := p["Target"].(map[string]any)
				if text(target["DeadLetterConfig"]) != `{"Arn":{"Fn::GetAtt":["Undelivered","Arn"]}}` {
					t.Errorf("%s: what cannot be started goes to %s", id, text(target["DeadLetterConfig"]))
				}
				retry := target["RetryPolicy"].(map[string]any)
				if age := retry["MaximumEventAgeInSeconds"].(float64); age < 300 || age > 6*3600 || retry["MaximumRetryAttempts"] == nil {
					t.Errorf("%s: %s", id, text(retry))
				}
				input := target["Input"].(string)
				fn := target["Arn"].(map[string]any)["Fn::GetAtt"].([]any)[0].(string)
				if !strings.Contains(may, `"`+fn+`"`) {
					t.Errorf("%s may not start its function", name)
				}
				if name == "_watch" {
					want := map[string]string{
						example: d.name.SubscribeFunction("main"), everything: d.name.SubscribeFunction("alpha"), publishersOnly: d.name.PublishFunction("main"),
					}[tt.path]
					if got := d.Resources[fn].Properties["FunctionName"]; got != want {
						t.Errorf("%v watches, want %s", got, want)
					}
					if input != `{"watch":true}` || p["ScheduleExpression"] != "rate(1 hour)" {
						t.Errorf("the watch: %s", text(p))
					}
					continue
				}
				sub := d.cfg.Subscriptions[name]
				if sub == nil || !sub.Enabled || sub.Schedule == nil {
					t.Errorf("%s runs by itself", name)
					continue
				}
				if p["ScheduleExpression"] != sub.Schedule.String() || p["ScheduleExpressionTimezone"] != sub.Schedule.Timezone() {
					t.Errorf("%s: %v in %v", name, p["ScheduleExpression"], p["ScheduleExpressionTimezone"])
				}
				if input != `{"subscription":"`+name+`"}` {
					t.Errorf("%s: input %s", name, input)
				}
				if got, want := d.Resources[fn].Properties["FunctionName"], d.name.SubscribeFunction(sub.Client); got != want {
					t.Errorf("%s starts %v, want %s", name, got, want)
				}
			}
			for name, sub := range d.cfg.Subscriptions {
				if sub.Enabled && sub.Schedule != nil && !seen[name] {
					t.Errorf("%s has no schedule", name)
				}
			}
			if !seen["_watch"] {
				t.Error("nobody watches")
			}
		})
	}
}

// The flexible window is a tenth of the period, at most five minutes.
func TestFlexibleWindow(t *testing.T) {
	d := draw(t, everything, false)
	for name, want := range map[string]string{
		"contacts":      `{"Mode":"OFF"}`, // every five minutes: half a minute is not to be had
		"conversations": `{"MaximumWindowInMinutes":1,"Mode":"FLEXIBLE"}`,
		"companies":     `{"MaximumWindowInMinutes":5,"Mode":"FLEXIBLE"}`,
		"teams":         `{"Mode":"OFF"}`, // once
		"tags":          `{"MaximumWindowInMinutes":5,"Mode":"FLEXIBLE"}`,
	} {
		for _, s := range d.ofType("AWS::Scheduler::Schedule") {
			if s.Properties["Name"] == name {
				if got := text(s.Properties["FlexibleTimeWindow"]); got != want {
					t.Errorf("%s: got %s, want %s", name, got, want)
				}
			}
		}
	}
}

func TestStorage(t *testing.T) {
	for _, tt := range drawings {
		t.Run(tt.name, func(t *testing.T) {
			d, prod := draw(t, tt.path, tt.prod), tt.prod
			for id, table := range d.ofType("AWS::DynamoDB::Table") {
				p := table.Properties
				for property, want := range map[string]string{
					"PointInTimeRecoverySpecification": `{"PointInTimeRecoveryEnabled":true}`,
					"SSESpecification":                 `{"SSEEnabled":true}`,
					"TimeToLiveSpecification":          `{"AttributeName":"ttl","Enabled":true}`,
					"BillingMode":                      `"PAY_PER_REQUEST"`,
					"KeySchema":                        `[{"AttributeName":"pk","KeyType":"HASH"},{"AttributeName":"sk","KeyType":"RANGE"}]`,
					"DeletionProtectionEnabled":        text(prod),
				} {
					if got := text(p[property]); got != want {
						t.Errorf("%s: %s is %s, want %s", id, property, got, want)
					}
				}
			}
			for id, bucket := range d.ofType("AWS::S3::Bucket") {
				p := bucket.Properties
				if got := text(p["PublicAccessBlockConfiguration"]); strings.Count(got, "true") != 4 {
					t.Errorf("%s: %s", id, got)
				}
				if !strings.Contains(text(p["BucketEncryption"]), "AES256") {
					t.Errorf("%s is not encrypted", id)
				}
				if !strings.Contains(strings.Join(encryptedOnly(t, d, "Bucket"), ""), id) {
					t.Errorf("%s takes what is not encrypted on its way", id)
				}
				if versioned := p["VersioningConfiguration"] != nil; versioned != prod {
					t.Errorf("%s: versioned is %v", id, versioned)
				}
				lifecycle := text(p["LifecycleConfiguration"])
				for _, prefix := range []string{names.ClaimsPrefix, names.QuarantinePrefix} {
					if !regexp.MustCompile(`\{"ExpirationInDays":\d+,[^{]*"Prefix":"` + prefix + `"`).MatchString(lifecycle) {
						t.Errorf("%s: what is below %s stays for ever: %s", id, prefix, lifecycle)
					}
				}
			}
			if prod != strings.Contains(text(d.ofType("AWS::S3::Bucket")), `"NoncurrentVersionExpiration":{"NoncurrentDays":30}`) {
				t.Error("what was overwritten stays for ever")
			}
			for id := range d.ofType("AWS::SNS::Topic") {
				if !strings.Contains(strings.Join(encryptedOnly(t, d, "Topics"), ""), id) {
					t.Errorf("%s takes what is not encrypted on its way", id)
				}
			}
			for id, s := range d.ofType("AWS::SecretsManager::Secret") {
				if s.Properties["SecretString"] != nil || s.Properties["GenerateSecretString"] != nil {
					t.Errorf("%s has a value in the template", id)
				}
			}
		})
	}
}

// What holds data outlives a stack in production, and only there.
func TestRetention(t *testing.T) {
	for _, tt := range drawings {
		t.Run(tt.name, func(t *testing.T) {
			d, prod := draw(t, tt.path, tt.prod), tt.prod
			want := map[bool]string{true: "Retain", false: "Delete"}[prod]
			for _, kind := range []string{"AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::SQS::Queue", "AWS::SecretsManager::Secret"} {
				found := d.ofType(kind)
				if len(found) == 0 {
					t.Errorf("no %s", kind)
				}
				for id, r := range found {
					if r.DeletionPolicy != want || r.UpdateReplacePolicy != want {
						t.Errorf("%s: %s when deleted, %s when replaced; want %s", id, r.DeletionPolicy, r.UpdateReplacePolicy, want)
					}
				}
			}
			manifest, err := os.ReadFile(d.folder + "/manifest.json")
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Contains(string(manifest), `"terminationProtection": true`); got != prod {
				t.Errorf("termination protection: got %v, want %v", got, prod)
			}
		})
	}
}

// Types that the emulator does not have would keep the stack from being tried.
func TestTypes(t *testing.T) {
	for _, tt := range drawings {
		t.Run(tt.name, func(t *testing.T) {
			d := draw(t, tt.path, tt.prod)
			for id, r := range d.Resources {
				switch {
				case strings.HasPrefix(r.Type, "Custom::"), strings.HasPrefix(r.Type, "AWS::CloudFormation::"):
					t.Errorf("%s is a %s", id, r.Type)
				case slices.Contains([]string{
					"AWS::CloudWatch::CompositeAlarm", "AWS::SQS::QueueInlinePolicy", "AWS::SecretsManager::ResourcePolicy",
					"AWS::SecretsManager::RotationSchedule", "AWS::IAM::RolePolicy", "AWS::Events::EventBusPolicy",
				}, r.Type):
					t.Errorf("%s is a %s", id, r.Type)
				case r.Type == "AWS::CloudWatch::Alarm" && r.Properties["Metrics"] != nil:
					t.Errorf("%s computes", id)
				}
			}
		})
	}
}

// Types without tags.
var untagged = []string{
	"AWS::ApiGatewayV2::Integration", "AWS::ApiGatewayV2::Route", "AWS::CloudWatch::Dashboard", "AWS::IAM::Policy",
	"AWS::Lambda::EventInvokeConfig", "AWS::Lambda::Permission", "AWS::S3::BucketPolicy", "AWS::SNS::Subscription", "AWS::SNS::TopicPolicy",
	"AWS::SQS::QueuePolicy", "AWS::Scheduler::Schedule",
}

func TestTags(t *testing.T) {
	d := draw(t, everything, false)
	for id, r := range d.Resources {
		if slices.Contains(untagged, r.Type) {
			continue
		}
		tags := text(r.Properties["Tags"])
		for key, value := range d.cfg.Stack.Tags {
			if !strings.Contains(tags, `"`+key+`":"`+value+`"`) && !strings.Contains(tags, `{"Key":"`+key+`","Value":"`+value+`"}`) {
				t.Errorf("%s, a %s, lacks the tag %s", id, r.Type, key)
			}
		}
	}
}

// What a client may do names nothing of another one, but for what goes from one's
// subscription to the other's publisher: the queue, and the bodies too large for it.
func TestClientsAreApart(t *testing.T) {
	d := draw(t, everything, false)
	all := []string{"alpha", "beta", "gamma"}
	looked := 0
	for _, s := range d.statements(t) {
		if d.Resources[s.id].Type != "AWS::IAM::Policy" || !strings.HasPrefix(s.id, "Clients") {
			continue
		}
		looked++
		for _, other := range all {
			if strings.HasPrefix(s.id, "Clients"+other) {
				continue
			}
			got := strings.ReplaceAll(text(s.Resource), `"/claims/beta/tags/*"`, "") + text(s.Condition)
			for _, trace := range []string{"_" + other + "_", "/" + other + "/", "Clients" + other} {
				if strings.Contains(got, trace) {
					t.Errorf("%s: %s names %s: %s", s.id, s.Sid, other, got)
				}
			}
		}
		if s.Sid == "Token" && !strings.Contains(text(s.Resource), ":secret:intercom-connector/") {
			t.Errorf("%s: another secret: %s", s.id, text(s.Resource))
		}
		// Queues that the stack has made for publishers are named by their own id.
		if s.Sid == "Queues" && strings.HasPrefix(s.id, "Clientsbeta") {
			if got, want := text(s.actions()), `["sqs:SendMessage","sqs:SendMessageBatch"]`; got != want {
				t.Errorf("a route may %s, want %s", got, want)
			}
			if n := strings.Count(text(s.Resource), "Publishers"); n != 1 || !strings.Contains(text(s.Resource), "PublisherstagMessages") {
				t.Errorf("beta feeds %s", text(s.Resource))
			}
		}
	}
	if looked == 0 {
		t.Error("no policies of clients")
	}
}

// A function of one client reads one secret, and only the callback reads more.
func TestSecretsAreRead(t *testing.T) {
	d := draw(t, everything, false)
	got := map[string]int{}
	for _, s := range d.statements(t) {
		if strings.Contains(text(s.actions()), "secretsmanager:") {
			n := strings.Count(text(s.Resource), ":secret:")
			got[s.id+" "+s.Sid] = n
			if strings.HasPrefix(s.id, "Clients") && n != 1 {
				t.Errorf("%s: %s has %d secrets", s.id, s.Sid, n)
			}
			if strings.Contains(text(s.Resource), "/app-") && !strings.HasPrefix(s.id, "Callback") {
				t.Errorf("%s reads an app", s.id)
			}
			if strings.Contains(text(s.Resource), "/beta/") && strings.HasPrefix(s.id, "Callback") {
				t.Errorf("the callback has the secret of a client without OAuth")
			}
		}
	}
	if len(got) != 6 { // four functions of clients; apps and tokens
		t.Errorf("got %v", got)
	}
}

func TestOutputs(t *testing.T) {
	for path, want := range map[string][]string{
		example:    {names.OutputTopic, names.OutputBucket, names.OutputDashboard, names.OutputStateTable},
		everything: {names.OutputTopic, names.OutputBucket, names.OutputCallback, names.OutputDashboard, names.OutputStateTable},
	} {
		var got []string
		for name := range draw(t, path, false).Outputs {
			got = append(got, name)
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", path, got, want)
		}
	}
}

// The log of the API has no path: the code of a grant is in its query.
func TestAccessLog(t *testing.T) {
	found := false
	for id, s := range draw(t, everything, false).ofType("AWS::ApiGatewayV2::Stage") {
		found = true
		format := s.Properties["AccessLogSettings"].(map[string]any)["Format"].(string)
		for _, forbidden := range []string{"$context.path", "$context.protocol", "querystring", "$context.resourcePath"} {
			if strings.Contains(format, forbidden) {
				t.Errorf("%s logs %s", id, forbidden)
			}
		}
		throttle := text(s.Properties["DefaultRouteSettings"])
		if !strings.Contains(throttle, "ThrottlingRateLimit") || !strings.Contains(throttle, "ThrottlingBurstLimit") {
			t.Errorf("%s is not throttled", id)
		}
	}
	if !found {
		t.Error("no API")
	}
}

// Only a client that uses OAuth brings an address that anybody can call.
func TestNoCallbackWithoutOAuth(t *testing.T) {
	for id, r := range draw(t, example, false).Resources {
		if strings.HasPrefix(r.Type, "AWS::ApiGateway") || strings.HasSuffix(id, "App") {
			t.Errorf("%s is a %s", id, r.Type)
		}
	}
}

// A publisher that is not enabled keeps its queues, for what is in them.
func TestDisabledPublisherKeepsItsQueues(t *testing.T) {
	d := draw(t, everything, false)
	queues, mappings := "", ""
	for _, q := range d.ofType("AWS::SQS::Queue") {
		queues += q.Properties["QueueName"].(string) + "\n"
	}
	for id := range d.ofType("AWS::Lambda::EventSourceMapping") {
		mappings += id + "\n"
	}
	if !strings.Contains(queues, "_beta_asleep_messages\n") || !strings.Contains(queues, "_beta_asleep_dead\n") {
		t.Errorf("got\n%s", queues)
	}
	if strings.Contains(mappings, "asleep") {
		t.Errorf("it is fed: %s", mappings)
	}
}

func TestFunctionsAreNeeded(t *testing.T) {
	if got, want := stack.Functions(draw(t, example, false).cfg), []stack.Function{stack.Publish, stack.Subscribe}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got, want := stack.Functions(draw(t, everything, false).cfg), []stack.Function{stack.Callback, stack.Publish, stack.Subscribe}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
