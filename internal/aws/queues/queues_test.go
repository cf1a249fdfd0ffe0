package queues_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"intercom-connector/internal/aws/awsconfig"
	"intercom-connector/internal/aws/awstest"
	"intercom-connector/internal/aws/queues"
	"intercom-connector/internal/aws/wire"
)

const url = "https://sqs.eu-west-1.amazonaws.com/123456789012/q"

// A sent request, as far as its sender decides.
type sent struct {
	Target, Type, Region string
	Body                 any
}

// serve answers every request alike, and keeps them.
func serve(t *testing.T, status int, answer string) (aws.Config, *[]sent) {
	t.Helper()
	var all []sent
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := sent{Target: r.Header.Get("X-Amz-Target"), Type: r.Header.Get("Content-Type"), Region: strings.Split(r.Header.Get("Authorization"), "/")[2]}
		if err := json.NewDecoder(r.Body).Decode(&s.Body); err != nil {
			t.Error(err)
		}
		all = append(all, s)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(server.Close)
	env := map[string]string{"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_ENDPOINT_URL": server.URL}
	cfg, err := awsconfig.New(func(name string) string { return env[name] })
	if err != nil {
		t.Fatal(err)
	}
	return cfg, &all
}

func text(s string) types.MessageAttributeValue {
	return types.MessageAttributeValue{DataType: aws.String("String"), StringValue: &s}
}

// What is sent is what the SDK's client sends.
func TestAsTheSDKSends(t *testing.T) {
	t.Parallel()
	const body = "<a&é\"\n\U0001F600>"
	elsewhere := func(o *sqs.Options) { o.Region = "us-east-1" }
	plain, full := queues.Message{Body: body}, queues.Message{
		Body: body, Attributes: queues.Attributes{"id": "1", "group": "<g>"}, Group: "g", Deduplication: "d",
	}
	for _, tt := range []struct {
		name      string
		ours, sdk func(ctx context.Context, cfg aws.Config) error
	}{
		{
			"a message",
			func(ctx context.Context, cfg aws.Config) error {
				return queues.New(cfg).Send(ctx, queues.Address{URL: url}, plain)
			},
			func(ctx context.Context, cfg aws.Config) error {
				_, err := sqs.NewFromConfig(cfg, unchecked).SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: aws.String(url), MessageBody: aws.String(body)})
				return err
			},
		},
		{
			"a message with everything, in another region",
			func(ctx context.Context, cfg aws.Config) error {
				return queues.New(cfg).Send(ctx, queues.Address{URL: url, Region: "us-east-1"}, full)
			},
			func(ctx context.Context, cfg aws.Config) error {
				_, err := sqs.NewFromConfig(cfg, unchecked, elsewhere).SendMessage(ctx, &sqs.SendMessageInput{
					QueueUrl: aws.String(url), MessageBody: aws.String(body), MessageGroupId: aws.String("g"), MessageDeduplicationId: aws.String("d"),
					MessageAttributes: map[string]types.MessageAttributeValue{"id": text("1"), "group": text("<g>")},
				})
				return err
			},
		},
		{
			"a batch",
			func(ctx context.Context, cfg aws.Config) error {
				_, err := queues.New(cfg).SendBatch(ctx, queues.Address{URL: url}, []queues.Message{plain, full})
				return err
			},
			func(ctx context.Context, cfg aws.Config) error {
				_, err := sqs.NewFromConfig(cfg, unchecked).SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: aws.String(url), Entries: []types.SendMessageBatchRequestEntry{
					{Id: aws.String("0"), MessageBody: aws.String(body)},
					{
						Id: aws.String("1"), MessageBody: aws.String(body), MessageGroupId: aws.String("g"), MessageDeduplicationId: aws.String("d"),
						MessageAttributes: map[string]types.MessageAttributeValue{"id": text("1"), "group": text("<g>")},
					},
				}})
				return err
			},
		},
		{
			"what is hidden",
			func(ctx context.Context, cfg aws.Config) error {
				_, err := queues.New(cfg).Hide(ctx, queues.Address{URL: url}, []queues.Hiding{{Receipt: "r0"}, {Receipt: "r1", Seconds: 900}})
				return err
			},
			func(ctx context.Context, cfg aws.Config) error {
				_, err := sqs.NewFromConfig(cfg).ChangeMessageVisibilityBatch(ctx, &sqs.ChangeMessageVisibilityBatchInput{
					QueueUrl: aws.String(url), Entries: []types.ChangeMessageVisibilityBatchRequestEntry{
						{Id: aws.String("0"), ReceiptHandle: aws.String("r0")},
						{Id: aws.String("1"), ReceiptHandle: aws.String("r1"), VisibilityTimeout: 900},
					},
				})
				return err
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cfg, all := serve(t, http.StatusOK, `{}`)
			if err := errors.Join(tt.sdk(t.Context(), cfg), tt.ours(t.Context(), cfg)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff((*all)[0], (*all)[1]); diff != "" {
				t.Errorf("(-SDK +ours)\n%s", diff)
			}
		})
	}
}

// unchecked has the SDK not look for the checksums of messages.
func unchecked(o *sqs.Options) { o.DisableMessageChecksumValidation = true }

func TestWhatBecameOfEach(t *testing.T) {
	t.Parallel()
	cfg, _ := serve(t, http.StatusOK, `{
		"Successful": [{"Id": "3", "MessageId": "m"}, {"Id": "9"}, {"Id": "-1"}, {"Id": "x"}],
		"Failed": [
			{"Id": "0", "Code": "InternalError", "SenderFault": false, "Message": "later"},
			{"Id": "1", "Code": "InvalidMessageContents", "SenderFault": true}
		]}`)
	type outcome struct {
		Code, Message string
		Fault         smithy.ErrorFault
	}
	want := []outcome{
		{"InternalError", "later", smithy.FaultServer},
		{"InvalidMessageContents", "", smithy.FaultClient},
		{"NoAnswer", "the answer leaves the message out", smithy.FaultServer},
		{},
	}
	client := queues.New(cfg)
	for name, call := range map[string]func() ([]error, error){
		"send": func() ([]error, error) {
			return client.SendBatch(t.Context(), queues.Address{URL: url}, make([]queues.Message, 4))
		},
		"hide": func() ([]error, error) {
			return client.Hide(t.Context(), queues.Address{URL: url}, make([]queues.Hiding, 4))
		},
	} {
		each, err := call()
		if err != nil {
			t.Fatal(err)
		}
		var got []outcome
		for _, err := range each {
			var o outcome
			if api, ok := errors.AsType[smithy.APIError](err); ok {
				o = outcome{api.ErrorCode(), api.ErrorMessage(), api.ErrorFault()}
			}
			got = append(got, o)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	cfg, _ := serve(t, http.StatusBadRequest, `{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"none"}`)
	client := queues.New(cfg)
	_, batchErr := client.SendBatch(t.Context(), queues.Address{URL: url}, make([]queues.Message, 1))
	_, hideErr := client.Hide(t.Context(), queues.Address{URL: url}, make([]queues.Hiding, 1))
	for name, err := range map[string]error{
		"send": client.Send(t.Context(), queues.Address{URL: url}, queues.Message{}), "send a batch": batchErr, "hide": hideErr,
	} {
		if !wire.IsCode(err, "QueueDoesNotExist") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestSize(t *testing.T) {
	t.Parallel()
	m := queues.Message{Body: "é", Attributes: queues.Attributes{"id": "1", "group": "é"}}
	if got, want := m.Size(), 2+(2+6+1)+(5+6+2); got != want {
		t.Errorf("got %d, want %d", got, want)
	}
}

// What was sent is received, and what is hidden is not.
func TestOnTheEmulator(t *testing.T) {
	t.Parallel()
	emulator := awstest.Start(t)
	cfg, err := awsconfig.New(emulator.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	sdk, client := sqs.NewFromConfig(cfg), queues.New(cfg)
	queue, err := sdk.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String(emulator.Name(t))})
	if err != nil {
		t.Fatal(err)
	}
	receive := func() []types.Message {
		out, err := sdk.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: queue.QueueUrl, MaxNumberOfMessages: 10, MessageAttributeNames: []string{"All"}})
		if err != nil {
			t.Fatal(err)
		}
		return out.Messages
	}
	to := queues.Address{URL: *queue.QueueUrl}
	m := queues.Message{Body: "<&é>", Attributes: queues.Attributes{"id": "<1>"}}
	if err := client.Send(t.Context(), to, m); err != nil {
		t.Fatal(err)
	}
	each, err := client.SendBatch(t.Context(), to, []queues.Message{m, m})
	if err != nil || len(each) != 2 || errors.Join(each...) != nil {
		t.Fatalf("got %v, %v", each, err)
	}
	got := receive()
	if len(got) != 3 {
		t.Fatalf("%d messages, want 3", len(got))
	}
	var hidings []queues.Hiding
	for _, one := range got {
		if *one.Body != m.Body || aws.ToString(one.MessageAttributes["id"].StringValue) != "<1>" {
			t.Errorf("got %q with %v", *one.Body, one.MessageAttributes)
		}
		hidings = append(hidings, queues.Hiding{Receipt: *one.ReceiptHandle}) // to be seen at once
	}
	hidings[0].Seconds = 900
	if each, err = client.Hide(t.Context(), to, hidings); err != nil || errors.Join(each...) != nil {
		t.Fatalf("got %v, %v", each, err)
	}
	if got := receive(); len(got) != 2 {
		t.Errorf("%d messages, want 2: one is put off", len(got))
	}
}
