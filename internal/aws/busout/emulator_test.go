package busout_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"intercom-connector/internal/aws/awsconfig"
	"intercom-connector/internal/aws/awstest"
	"intercom-connector/internal/aws/busout"
	"intercom-connector/internal/event"
)

// A rule finds events by their envelope and by what is in the record.
func TestOnEventBridge(t *testing.T) {
	t.Parallel()
	emulator := awstest.Start(t)
	cfg, err := awsconfig.New(emulator.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	client, queues, name := eventbridge.NewFromConfig(cfg), sqs.NewFromConfig(cfg), emulator.Name(t)
	queue, err := queues.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name})
	if err != nil {
		t.Fatal(err)
	}
	attributes, err := queues.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: queue.QueueUrl, AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameQueueArn}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.CreateEventBus(t.Context(), &eventbridge.CreateEventBusInput{Name: &name}); err != nil {
		t.Fatal(err)
	}
	// The pattern of docs/events.md.
	const pattern = `{"source":[{"prefix":"intercom:"}],"detail-type":["intercom.contacts.upserted"],"detail":{"data":{"role":["user"]}}}`
	if _, err := client.PutRule(t.Context(), &eventbridge.PutRuleInput{Name: &name, EventBusName: &name, EventPattern: aws.String(pattern)}); err != nil {
		t.Fatal(err)
	}
	_, err = client.PutTargets(t.Context(), &eventbridge.PutTargetsInput{
		Rule: &name, EventBusName: &name,
		Targets: []types.Target{{Id: aws.String("q"), Arn: aws.String(attributes.Attributes["QueueArn"])}},
	})
	if err != nil {
		t.Fatal(err)
	}
	var events []event.Event
	want := map[string]bool{}
	for i := range 25 {
		role := []string{"user", "lead"}[i%2]
		e := contact(fmt.Sprintf("e%d", i), fmt.Sprintf(`{"role":"%s","n":12345678901234567}`, role))
		if role == "user" {
			want[e.ID] = true
		}
		events = append(events, e)
	}
	deliver(t, busout.New(busout.Config{AWS: cfg, Bus: busout.Bus{Name: name}}), events...)
	for deadline := time.Now().Add(30 * time.Second); len(want) > 0 && time.Now().Before(deadline); {
		out, err := queues.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: queue.QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 1})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range out.Messages {
			var matched struct {
				Source     string          `json:"source"`
				DetailType string          `json:"detail-type"`
				Resources  []string        `json:"resources"`
				Detail     json.RawMessage `json:"detail"`
			}
			if err := json.Unmarshal([]byte(*m.Body), &matched); err != nil {
				t.Fatal(err)
			}
			e, err := event.Parse(matched.Detail)
			if err != nil || !want[e.ID] || matched.Source != "intercom:ab12cd34" || matched.DetailType != e.Type || !strings.Contains(string(e.Data), "user") ||
				!slices.Equal(matched.Resources, []string{"run:gppqdk4c67"}) {
				t.Errorf("got %s: %v", *m.Body, err)
			}
			delete(want, e.ID)
		}
	}
	if len(want) > 0 {
		t.Errorf("%d events did not arrive", len(want))
	}
}
