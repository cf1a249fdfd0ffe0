package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"intercom-connector/internal/aws/awsconfig"
	"intercom-connector/internal/aws/awstest"
	"intercom-connector/internal/aws/claim"
	"intercom-connector/internal/aws/dynamostate"
	"intercom-connector/internal/aws/funcenv"
	"intercom-connector/internal/aws/sqsin"
	"intercom-connector/internal/config"
	"intercom-connector/internal/names"
	"intercom-connector/internal/pause"
	"intercom-connector/internal/state"
	"intercom-connector/internal/syncbuf"
	"intercom-connector/shared/intercom"
	"intercom-connector/shared/intercom/intercomtest"
)

// token is planted: it must appear in no output.
const token = "dG9rOnBsYW50ZWQ="

func TestEnvironment(t *testing.T) {
	t.Parallel()
	log := slog.New(slog.DiscardHandler)
	_, err := newHandler(func(string) string { return "" }, log, nil)
	for _, name := range []string{names.EnvStack, names.EnvClient, names.EnvStateTable, names.EnvBucket, names.EnvQueueURL} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v does not name %s", err, name)
		}
	}
	cfg := &config.Config{Clients: map[string]*config.Client{"main": {Name: "main"}}}
	getenv := environment(t, cfg, "acme", "https://sqs.eu-west-1.amazonaws.com/123456789012/", func(name string) string {
		return map[string]string{"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y"}[name]
	})
	if _, err := newHandler(getenv, log, nil); err != nil {
		t.Error(err)
	}
	delete(cfg.Clients, "main")
	cfg.Clients["other"] = &config.Client{Name: "other"}
	if _, err := newHandler(environment(t, cfg, "acme", "https://sqs.test/1/", getenv), log, nil); err == nil || !strings.Contains(err.Error(), "main") {
		t.Errorf("a client that is not configured: %v", err)
	}
}

// Every place for responses that a stack can have.
func TestOutlets(t *testing.T) {
	t.Parallel()
	to := newOutlets(aws.Config{Region: "eu-west-1"}, funcenv.Reader{
		Stack: "acme", Client: "main", Bucket: "bucket", EventBus: "acme_events", QueueURL: "https://sqs.eu-west-1.amazonaws.com/123456789012/",
	})
	for _, tt := range []struct {
		responses *config.Destination
		want      string // the type
		fails     bool
	}{
		{nil, "<nil>", false},
		{&config.Destination{Type: "sqs"}, "*sqsout.Responses", false},
		{&config.Destination{Type: "sqs", FIFO: true}, "*sqsout.Responses", false},
		{&config.Destination{Type: "sqs", ARN: "arn:aws:sqs:us-east-1:123456789012:theirs"}, "*sqsout.Responses", false},
		{&config.Destination{Type: "sqs", ARN: "garbage"}, "", true},
		{&config.Destination{Type: "s3"}, "*s3out.Responses", false},
		{&config.Destination{Type: "s3", ARN: "arn:aws:s3:::theirs"}, "*s3out.Responses", false},
		{&config.Destination{Type: "s3", ARN: "garbage"}, "", true},
		{&config.Destination{Type: "eventbridge"}, "*busout.Responses", false},
		{&config.Destination{Type: "eventbridge", ARN: "arn:aws:events:us-east-1:123456789012:event-bus/theirs"}, "*busout.Responses", false},
		{&config.Destination{Type: "eventbridge", ARN: "garbage"}, "", true},
		{&config.Destination{Type: "file", Path: "x"}, "", true},
	} {
		out, err := to.outlet(&config.Publisher{Name: "write", Client: "main", Responses: tt.responses})
		if (err != nil) != tt.fails {
			t.Errorf("%+v: %v", tt.responses, err)
		}
		if got := fmt.Sprintf("%T", out.Responses); !tt.fails && got != tt.want {
			t.Errorf("%+v: got a %s", tt.responses, got)
		}
	}
}

// environment is what the function finds, over what AWS sets itself.
func environment(t *testing.T, cfg *config.Config, stack, queues string, beside func(string) string) func(string) string {
	t.Helper()
	root := t.TempDir()
	text, err := config.Encode(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, names.ConfigFile), text, 0o600); err != nil {
		t.Fatal(err)
	}
	own := map[string]string{
		names.EnvStack: stack, names.EnvClient: "main", names.EnvStateTable: stack, names.EnvBucket: stack,
		names.EnvQueueURL: queues, funcenv.Root: root,
	}
	return func(name string) string {
		if value, ok := own[name]; ok {
			return value
		}
		return beside(name)
	}
}

// A deployed is the function with as much of a stack as it takes.
type deployed struct {
	t       *testing.T
	ws      *intercomtest.Workspace
	stack   names.Stack
	store   state.Store
	queues  *sqs.Client
	claims  *claim.Claims
	secrets *secretsmanager.Client
	base    string // of the URLs of queues
	handler *sqsin.Handler
	log     syncbuf.Buffer
	metrics syncbuf.Buffer
}

func deploy(t *testing.T, publishers ...*config.Publisher) *deployed {
	t.Helper()
	emulator := awstest.Start(t)
	cloud, err := awsconfig.New(emulator.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	stack := emulator.Name(t)
	buckets := s3.NewFromConfig(cloud)
	d := &deployed{
		t: t, ws: intercomtest.New(intercomtest.Config{Token: token}), stack: names.Stack(stack), store: dynamostate.New(cloud, stack),
		queues: sqs.NewFromConfig(cloud), secrets: secretsmanager.NewFromConfig(cloud),
		claims: claim.New(claim.Config{API: buckets, Bucket: stack, Scope: "main/contacts"}),
	}
	server := httptest.NewServer(d.ws)
	t.Cleanup(server.Close)
	cfg := &config.Config{
		Clients:    map[string]*config.Client{"main": {Name: "main", BaseURL: server.URL, LogRequests: config.LogBodies}},
		Publishers: map[string]*config.Publisher{},
	}
	for _, pub := range publishers {
		cfg.Publishers[pub.Name] = pub
		for _, name := range []string{
			d.stack.Messages("main", pub.Name, pub.FIFO), d.stack.DeadLetters("main", pub.Name, pub.FIFO), d.stack.Responses("main", pub.Name, false),
		} {
			d.makeQueue(name)
		}
	}
	err = awstest.CreateTable(t.Context(), cloud, stack)
	if err != nil {
		t.Fatal(err)
	}
	_, err = buckets.CreateBucket(t.Context(), &s3.CreateBucketInput{
		Bucket: &stack, CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: awstest.Region},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = d.secrets.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String(d.stack.Token("main"))}); err != nil {
		t.Fatal(err)
	}
	d.handler, err = newHandler(environment(t, cfg, stack, d.base, emulator.Getenv), slog.New(slog.NewJSONHandler(&d.log, nil)), &d.metrics)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *deployed) makeQueue(name string) {
	d.t.Helper()
	attributes := map[string]string{}
	if strings.HasSuffix(name, ".fifo") {
		attributes["FifoQueue"] = "true"
	}
	out, err := d.queues.CreateQueue(d.t.Context(), &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
	if err != nil {
		d.t.Fatal(err)
	}
	d.base = strings.TrimSuffix(*out.QueueUrl, name)
}

// grant stores a token as `connector token` does, and returns its version.
func (d *deployed) grant() string {
	d.t.Helper()
	out, err := d.secrets.PutSecretValue(d.t.Context(), &secretsmanager.PutSecretValueInput{
		SecretId: aws.String(d.stack.Token("main")), SecretString: aws.String(`{"token":"` + token + `"}`),
	})
	if err != nil {
		d.t.Fatal(err)
	}
	if err := pause.Resume(d.t.Context(), d.store, "main", *out.VersionId); err != nil {
		d.t.Fatal(err)
	}
	return *out.VersionId
}

// send sends a message, with attributes as name and value in turn.
func (d *deployed) send(queue, group, body string, attributes ...string) {
	d.t.Helper()
	in := &sqs.SendMessageInput{QueueUrl: aws.String(d.base + queue), MessageBody: &body}
	if group != "" {
		in.MessageGroupId, in.MessageDeduplicationId = &group, aws.String(fmt.Sprint(time.Now().UnixNano()))
	}
	for i := 0; i < len(attributes); i += 2 {
		if in.MessageAttributes == nil {
			in.MessageAttributes = map[string]sqstypes.MessageAttributeValue{}
		}
		in.MessageAttributes[attributes[i]] = sqstypes.MessageAttributeValue{DataType: aws.String("String"), StringValue: &attributes[i+1]}
	}
	if _, err := d.queues.SendMessage(d.t.Context(), in); err != nil {
		d.t.Fatal(err)
	}
}

// receive takes what is in a queue.
func (d *deployed) receive(queue string) []sqstypes.Message {
	d.t.Helper()
	out, err := d.queues.ReceiveMessage(d.t.Context(), &sqs.ReceiveMessageInput{
		QueueUrl: aws.String(d.base + queue), MaxNumberOfMessages: 10, VisibilityTimeout: 360,
		MessageAttributeNames: []string{"All"}, MessageSystemAttributeNames: []sqstypes.MessageSystemAttributeName{"All"},
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return out.Messages
}

// poll does what Lambda does with a queue, for some time, until it is empty.
func (d *deployed) poll(queue string, most time.Duration) {
	d.t.Helper()
	for end := time.Now().Add(most); time.Now().Before(end); {
		batch := d.receive(queue)
		if len(batch) == 0 {
			if d.left(queue) == 0 {
				return
			}
			time.Sleep(100 * time.Millisecond)
			continue
		}
		d.invoke(queue, batch)
	}
}

func (d *deployed) invoke(queue string, batch []sqstypes.Message) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), time.Minute)
	defer cancel()
	var event events.SQSEvent
	for _, m := range batch {
		e := events.SQSMessage{
			MessageId: *m.MessageId, ReceiptHandle: *m.ReceiptHandle, Body: *m.Body, Attributes: m.Attributes,
			EventSource: "aws:sqs", EventSourceARN: "arn:aws:sqs:eu-west-1:000000000000:" + queue,
			MessageAttributes: map[string]events.SQSMessageAttribute{},
		}
		for name, a := range m.MessageAttributes {
			e.MessageAttributes[name] = events.SQSMessageAttribute{DataType: *a.DataType, StringValue: a.StringValue, BinaryValue: a.BinaryValue}
		}
		event.Records = append(event.Records, e)
	}
	answer, err := d.handler.Handle(ctx, event)
	if err != nil {
		d.t.Error(err)
	}
	failed := map[string]bool{}
	for _, f := range answer.BatchItemFailures {
		failed[f.ItemIdentifier] = true
	}
	for _, m := range batch {
		if failed[*m.MessageId] {
			continue
		}
		if _, err := d.queues.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: aws.String(d.base + queue), ReceiptHandle: m.ReceiptHandle}); err != nil {
			d.t.Error(err)
		}
	}
}

// left counts the messages of a queue, hidden or not.
func (d *deployed) left(queue string) int {
	d.t.Helper()
	out, err := d.queues.GetQueueAttributes(d.t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: aws.String(d.base + queue), AttributeNames: []sqstypes.QueueAttributeName{"All"},
	})
	if err != nil {
		d.t.Fatal(err)
	}
	n := 0
	for _, name := range []string{"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"} {
		count, err := strconv.Atoi(out.Attributes[name])
		if err != nil {
			d.t.Fatal(err)
		}
		n += count
	}
	return n
}

func publisher(t *testing.T, name, method, entity string) *config.Publisher {
	t.Helper()
	op, err := intercom.Find(method, entity, -1)
	if err != nil {
		t.Fatal(err)
	}
	return &config.Publisher{
		Name: name, Client: "main", Method: op.Method, Entity: op.Entity(), Route: op.Entity(), Operation: op,
		GiveUpAfter: 12 * time.Hour, Enabled: true,
	}
}

// From queues of SQS to a workspace, with a claim check, dead letters and
// responses, with the state in DynamoDB and the token in Secrets Manager.
func TestOnTheEmulator(t *testing.T) {
	t.Parallel()
	note, contact := publisher(t, "note", "POST", "contacts/{contact_id}/notes"), publisher(t, "contact", "POST", "contacts")
	note.FIFO = true
	contact.OnConflict = "update"
	contact.Responses = &config.Destination{Type: "sqs"}
	d := deploy(t, note, contact)
	notes, contacts := d.stack.Messages("main", "note", true), d.stack.Messages("main", "contact", false)
	text := func(n int) string {
		return fmt.Sprintf(`{"path":{"contact_id":%q},"payload":{"body":"marker:%d","admin_id":"1"}}`, d.ws.ID(intercomtest.Contacts, n), n)
	}

	// Nobody has stored a token.
	d.send(notes, "a", text(0))
	d.invoke(notes, d.receive(notes))
	reason, err := pause.Reason(t.Context(), d.store, "main")
	if err != nil || !strings.Contains(reason, "connector token main --stack "+string(d.stack)) {
		t.Fatalf("without a token: paused because of %q, %v", reason, err)
	}
	if len(d.receive(notes)) != 0 || d.left(notes) != 1 {
		t.Error("the message is not hidden")
	}
	d.grant()

	// What goes well, by every way of being sent.
	for i := 1; i < 4; i++ {
		d.send(notes, "b", text(i), names.AttributeTrace, "run-1")
	}
	address, err := d.claims.Put(t.Context(), "large", []byte(text(4)), "application/json")
	if err != nil {
		t.Fatal(err)
	}
	d.send(notes, "b", "{}", names.AttributeClaim, address)
	d.send(contacts, "", `{"payload":{"email":"new@example.com","role":"user"}}`, names.AttributeID, "order-1")
	d.poll(contacts, 20*time.Second)
	if responses := d.receive(d.stack.Responses("main", "contact", false)); len(responses) != 1 || !strings.Contains(*responses[0].Body, `"order-1"`) {
		t.Errorf("responses: %+v", responses)
	}

	// What does not.
	d.send(notes, "b", "garbage", names.AttributeID, "my-id")
	d.send(notes, "b", "{}", names.AttributeClaim, "s3://somebody-elses/claims/x")
	d.poll(notes, 3*time.Second) // it is not empty in the end: the first is hidden
	var writes []string
	for _, w := range d.ws.Writes() {
		if strings.HasPrefix(w.Marker, "marker:") {
			writes = append(writes, w.Marker)
		}
	}
	if got := strings.Join(writes, " "); got != "marker:1 marker:2 marker:3 marker:4" {
		t.Errorf("written: %s", got)
	}
	dead := d.receive(d.stack.DeadLetters("main", "note", true))
	if len(dead) != 2 {
		t.Fatalf("%d dead letters", len(dead))
	}
	for _, m := range dead {
		all := map[string]string{}
		for name, a := range m.MessageAttributes {
			all[name] = *a.StringValue
		}
		if all["reason"] == "" || all["outcome"] != "dead" || all["group"] != "b" || all["message_id"] == "" || all["time"] == "" {
			t.Errorf("attributes: %v", all)
		}
		switch {
		case all["id"] == "my-id" && *m.Body == "garbage" && all["publisher"] == "note":
		case all["claim"] == "s3://somebody-elses/claims/x" && *m.Body == "{}" && all["publisher"] == "":
		default:
			t.Errorf("%s: %v", *m.Body, all)
		}
	}
	if d.left(notes) != 1 {
		t.Errorf("%d left", d.left(notes))
	}

	// The token is revoked while it is remembered.
	d.ws.Revoke()
	d.send(contacts, "", `{"payload":{"email":"other@example.com","role":"user"}}`)
	d.invoke(contacts, d.receive(contacts))
	if reason, err := pause.Reason(t.Context(), d.store, "main"); err != nil || !strings.Contains(reason, "401") {
		t.Errorf("revoked: paused because of %q, %v", reason, err)
	}
	if len(d.receive(contacts)) != 0 || d.left(contacts) != 1 || d.left(d.stack.DeadLetters("main", "contact", false)) != 0 {
		t.Errorf("revoked: %d left", d.left(contacts))
	}
	answer, err := d.handler.Invoke(t.Context(), []byte(`{"watch": true}`))
	if err != nil || !strings.Contains(string(answer), `"paused":[{"client":"main","reason":"`) {
		t.Errorf("watch: %s, %v", answer, err)
	}
	d.ws.Restore()
	d.grant()
	d.send(contacts, "", `{"payload":{"email":"third@example.com","role":"user"}}`)
	d.invoke(contacts, d.receive(contacts))
	if d.left(contacts) != 1 { // the one that was put off is hidden still
		t.Errorf("granted anew: %d left", d.left(contacts))
	}

	said := d.log.String() + d.metrics.String()
	for _, secret := range []string{token, "marker:", "@example.com", "garbage"} {
		if strings.Contains(said, secret) {
			t.Errorf("%q is logged:\n%s", secret, said)
		}
	}
	for _, want := range []string{`"msg":"client paused"`, `"msg":"batch"`, `"Published"`, `"Dead"`, `"Paused"`} {
		if !strings.Contains(said, want) {
			t.Errorf("the log does not have %s:\n%s", want, said)
		}
	}
	for line := range strings.Lines(d.metrics.String()) {
		if !json.Valid([]byte(line)) {
			t.Errorf("a metric is no JSON: %s", line)
		}
	}
}
