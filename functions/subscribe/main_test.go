package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"intercom-connector/internal/aws/awsconfig"
	"intercom-connector/internal/aws/awstest"
	"intercom-connector/internal/aws/funcenv"
	"intercom-connector/internal/aws/trigger"
	"intercom-connector/internal/config"
	"intercom-connector/internal/config/file"
	"intercom-connector/internal/names"
	"intercom-connector/internal/subscribe"
	"intercom-connector/internal/syncbuf"
	"intercom-connector/shared/intercom/intercomtest"
)

var _ lambda.Handler = (*trigger.Handler)(nil)

const configuration = `
clients: {main: {auth: access_token, base_uri: BASE}}
subscriptions:
  queued: {client: main, entity: contacts, sync: incremental, schedule: rate(5 minutes), to: {type: sqs}}
  ordered: {client: main, entity: tags, to: {type: sqs, fifo: true}}
  stored: {client: main, entity: contacts, sync: incremental, to: {type: s3}}
  bused: {client: main, entity: tags, to: {type: eventbridge}}
  routed: {client: main, entity: tags, record_transform: '{payload: {name}}', to: {type: publisher, name: writes}}
  filed: {client: main, entity: tags, to: {type: file, path: x.ndjson}}
publishers:
  writes: {client: main, method: POST, entity: tags, fifo: true}
`

// task writes the compiled configuration where the function finds it.
func task(t *testing.T, yaml string) string {
	t.Helper()
	cfg, err := file.Parse("connector.yaml", []byte(yaml))
	if err != nil {
		t.Fatal(err)
	}
	data, err := config.Encode(cfg)
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, names.ConfigFile), data, 0o600); err != nil {
		t.Fatal(err)
	}
	return root
}

// environment is what infra and Lambda set.
func environment(root, stack string) map[string]string {
	return map[string]string{
		names.EnvStack: stack, names.EnvClient: "main", names.EnvStateTable: stack, names.EnvBucket: strings.ToLower(stack),
		names.EnvEventBus: names.Stack(stack).EventBus(), names.EnvQueueURL: "https://sqs.eu-west-1.amazonaws.com/000000000000/",
		funcenv.Root: root, "AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y",
	}
}

func from(env map[string]string) func(string) string {
	return func(name string) string { return env[name] }
}

func TestNewHandler(t *testing.T) {
	t.Parallel()
	whole := environment(task(t, strings.Replace(configuration, "BASE", "https://api.intercom.io", 1)), "my-stack")
	if _, err := newHandler(from(whole), slog.New(slog.DiscardHandler), nil); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, variable, value string
		want                  []string
	}{
		{"nothing set", "", "", []string{"STACK is not set", "CLIENT is not set", "STATE_TABLE is not set", "BUCKET is not set", "QUEUE_URL is not set"}},
		{"no region", "AWS_REGION", "", []string{"AWS_REGION is not set"}},
		{"no configuration", funcenv.Root, t.TempDir(), []string{"read the configuration", names.ConfigFile}},
		{"another client", names.EnvClient, "other", []string{`CLIENT is "other", and the configuration has no such client`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			env := maps.Clone(whole)
			if env[tt.variable] = tt.value; tt.variable == "" {
				clear(env)
			}
			_, err := newHandler(from(env), slog.New(slog.DiscardHandler), nil)
			for _, want := range tt.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %q", err, want)
				}
			}
		})
	}
}

// A deployed function has a stack's resources around it.
type deployed struct {
	t       *testing.T
	stack   names.Stack
	ws      *intercomtest.Workspace
	cloud   aws.Config
	handler *trigger.Handler
	log     *syncbuf.Buffer
	metrics *syncbuf.Buffer
	urls    string
}

const planted = "dG9rOnBsYW50ZWQtdG9rZW4="

func deploy(t *testing.T) *deployed {
	t.Helper()
	emulator := awstest.Start(t)
	cloud, err := awsconfig.New(emulator.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	d := &deployed{
		t: t, stack: names.Stack(emulator.Name(t)), cloud: cloud, log: &syncbuf.Buffer{}, metrics: &syncbuf.Buffer{},
		ws: intercomtest.New(intercomtest.Config{Seed: 3, Contacts: 2000, Token: planted, Latency: 50 * time.Millisecond}),
	}
	server := httptest.NewServer(d.ws)
	t.Cleanup(server.Close)
	d.make()
	env := environment(task(t, strings.Replace(configuration, "BASE", server.URL, 1)), string(d.stack))
	env[names.EnvQueueURL] = d.urls
	handler, err := newHandler(func(name string) string {
		if strings.HasPrefix(name, "AWS_") {
			return emulator.Getenv(name)
		}
		return env[name]
	}, slog.New(slog.NewJSONHandler(d.log, nil)), d.metrics)
	if err != nil {
		t.Fatal(err)
	}
	d.handler = handler
	t.Cleanup(func() {
		if said := d.log.String() + d.metrics.String(); strings.Contains(said, planted) {
			t.Error("the token is logged")
		}
	})
	return d
}

// make makes what infra draws for the function.
func (d *deployed) make() {
	d.t.Helper()
	ctx, table, bucket := d.t.Context(), string(d.stack), strings.ToLower(string(d.stack))
	err := awstest.CreateTable(ctx, d.cloud, table)
	if err != nil {
		d.t.Fatal(err)
	}
	_, err = s3.NewFromConfig(d.cloud).CreateBucket(ctx, &s3.CreateBucketInput{
		Bucket: &bucket, CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: awstest.Region},
	})
	if err != nil {
		d.t.Fatal(err)
	}
	_, err = secretsmanager.NewFromConfig(d.cloud).CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: aws.String(d.stack.Token("main"))})
	if err != nil {
		d.t.Fatal(err)
	}
	_, err = eventbridge.NewFromConfig(d.cloud).CreateEventBus(ctx, &eventbridge.CreateEventBusInput{Name: aws.String(d.stack.EventBus())})
	if err != nil {
		d.t.Fatal(err)
	}
	for _, name := range []string{
		d.stack.Events("main", "queued", false), d.stack.Events("main", "ordered", true), d.stack.Messages("main", "writes", true),
	} {
		in := &sqs.CreateQueueInput{QueueName: &name}
		if strings.HasSuffix(name, ".fifo") {
			in.Attributes = map[string]string{"FifoQueue": "true"}
		}
		out, err := sqs.NewFromConfig(d.cloud).CreateQueue(ctx, in)
		if err != nil {
			d.t.Fatal(err)
		}
		d.urls = strings.TrimSuffix(*out.QueueUrl, name)
	}
}

// invoke is what Lambda does.
func (d *deployed) invoke(event string, timeout time.Duration) (trigger.Result, error) {
	d.t.Helper()
	ctx := lambdacontext.NewContext(d.t.Context(), &lambdacontext.LambdaContext{AwsRequestID: "request-1"})
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var result trigger.Result
	answer, err := d.handler.Invoke(ctx, []byte(event))
	if err != nil {
		return result, err
	}
	if err := json.Unmarshal(answer, &result); err != nil {
		d.t.Fatal(err)
	}
	return result, nil
}

// done is invoke of what must be done in one.
func (d *deployed) done(event string) trigger.Result {
	d.t.Helper()
	result, err := d.invoke(event, time.Minute)
	if err != nil || result.Outcome != subscribe.Done {
		d.t.Fatalf("%s: %v %+v\n%s", event, err, result, d.log)
	}
	return result
}

// received empties a queue.
func (d *deployed) received(name string) []sqstypes.Message {
	d.t.Helper()
	client, url := sqs.NewFromConfig(d.cloud), d.urls+name
	var all []sqstypes.Message
	for {
		out, err := client.ReceiveMessage(d.t.Context(), &sqs.ReceiveMessageInput{
			QueueUrl: &url, MaxNumberOfMessages: 10, MessageAttributeNames: []string{"All"},
			MessageSystemAttributeNames: []sqstypes.MessageSystemAttributeName{sqstypes.MessageSystemAttributeNameMessageGroupId},
		})
		if err != nil {
			d.t.Fatal(err)
		}
		if len(out.Messages) == 0 {
			return all
		}
		for _, m := range out.Messages {
			all = append(all, m)
			if _, err := client.DeleteMessage(d.t.Context(), &sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: m.ReceiptHandle}); err != nil {
				d.t.Fatal(err)
			}
		}
	}
}

func TestOnAWS(t *testing.T) {
	t.Parallel()
	d := deploy(t)

	_, err := d.invoke(`{"subscription": "queued"}`, time.Minute)
	if want := "queued: client main has no token yet: `connector token main --stack " + string(d.stack) + "`"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("without a token: got %v, want %q", err, want)
	}
	_, err = secretsmanager.NewFromConfig(d.cloud).PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{
		SecretId: aws.String(d.stack.Token("main")), SecretString: aws.String(planted),
	})
	if err != nil {
		t.Fatal(err)
	}

	d.stopped()
	d.done(`{"subscription": "stored"}`)
	out, err := s3.NewFromConfig(d.cloud).ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{
		Bucket: aws.String(strings.ToLower(string(d.stack))), Prefix: aws.String(names.EventsPrefix + "stored/"),
	})
	if err != nil || len(out.Contents) == 0 {
		t.Errorf("objects: %v, %v", out, err)
	}

	ordered := d.done(`{"subscription": "ordered"}`)
	if got := d.received(d.stack.Events("main", "ordered", true)); int64(len(got)) != ordered.Events || ordered.Events == 0 {
		t.Errorf("%d messages of %d events", len(got), ordered.Events)
	}
	routed := d.done(`{"subscription": "routed"}`)
	messages := d.received(d.stack.Messages("main", "writes", true))
	if int64(len(messages)) != routed.Events || routed.Events == 0 {
		t.Errorf("%d messages of %d events", len(messages), routed.Events)
	}
	for _, m := range messages {
		if !strings.HasPrefix(*m.Body, `{"payload":{"name":`) || aws.ToString(m.MessageAttributes[names.AttributeID].StringValue) == "" ||
			aws.ToString(m.MessageAttributes[names.AttributeTrace].StringValue) != routed.Run || m.Attributes["MessageGroupId"] == "" {
			t.Errorf("a message is %s %v %v", *m.Body, m.MessageAttributes, m.Attributes)
		}
	}
	d.done(`{"subscription": "bused"}`)
	if _, err := d.invoke(`{"subscription": "filed"}`, time.Minute); err == nil || !strings.Contains(err.Error(), "is for a laptop") {
		t.Errorf("a file: got %v", err)
	}

	answer, err := d.handler.Invoke(t.Context(), []byte(`{"watch": true}`))
	if err != nil || !strings.Contains(string(answer), `"failed":[{"subscription":"filed"`) {
		t.Errorf("watch: %s, %v", answer, err)
	}
	for _, want := range []string{`"Records":60`, `"LagSeconds":`, `"Failed":1`, `"Namespace":"IntercomConnector"`} {
		if !strings.Contains(d.metrics.String(), want) {
			t.Errorf("the metrics have no %s: %s", want, d.metrics)
		}
	}
}

// stopped reads what takes longer than an invocation. There is no function to go
// on in, so the firings do.
func (d *deployed) stopped() {
	d.t.Helper()
	d.ws.Fault(intercomtest.Fault{Path: "/contacts/search", Effect: intercomtest.Slow(time.Second)})
	defer d.ws.Heal()
	for firing := 1; ; firing++ {
		got, err := d.invoke(`{"subscription": "queued"}`, 6*time.Second)
		if err != nil || firing > 10 {
			d.t.Fatalf("firing %d: %v\n%s", firing, err, d.log)
		}
		if got.Outcome == subscribe.Done {
			if firing == 1 || !got.Resumed || got.Events != 2000 {
				d.t.Errorf("firing %d: %+v", firing, got)
			}
			break
		}
		if got.Outcome != subscribe.Interrupted || got.Continues {
			d.t.Fatalf("firing %d: %+v", firing, got)
		}
	}
	seen := map[string]bool{}
	for _, m := range d.received(d.stack.Events("main", "queued", false)) {
		var event struct {
			Subject string `json:"subject"`
		}
		if err := json.Unmarshal([]byte(*m.Body), &event); err != nil {
			d.t.Fatal(err)
		}
		seen[event.Subject] = true
	}
	if len(seen) != 2000 {
		d.t.Errorf("%d contacts arrived, want 2000", len(seen))
	}
}
