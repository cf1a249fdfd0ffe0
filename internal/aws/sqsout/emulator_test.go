package sqsout_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"intercom-connector/internal/aws/awsconfig"
	"intercom-connector/internal/aws/awstest"
	"intercom-connector/internal/aws/queues"
	"intercom-connector/internal/aws/sqsout"
	"intercom-connector/internal/event"
	"intercom-connector/internal/names"
	"intercom-connector/internal/publish"
)

// queue makes a queue on the emulator.
func queue(t *testing.T, fifo bool) (*sqs.Client, *queues.Client, sqsout.Queue) {
	t.Helper()
	emulator := awstest.Start(t)
	cfg, err := awsconfig.New(emulator.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	client := sqs.NewFromConfig(cfg)
	in := &sqs.CreateQueueInput{QueueName: aws.String(emulator.Name(t))}
	if fifo {
		in.QueueName = aws.String(*in.QueueName + ".fifo")
		in.Attributes = map[string]string{"FifoQueue": "true"}
	}
	out, err := client.CreateQueue(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	url := aws.ToString(out.QueueUrl)
	at := strings.LastIndexByte(url, '/') + 1
	return client, queues.New(cfg), sqsout.Own(url[:at], url[at:])
}

// receive takes all messages off a queue.
func receive(t *testing.T, client *sqs.Client, q sqsout.Queue) []types.Message {
	t.Helper()
	var all []types.Message
	for {
		out, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{
			QueueUrl: &q.URL, MaxNumberOfMessages: 10,
			MessageAttributeNames:       []string{"All"},
			MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Messages) == 0 {
			return all
		}
		for _, m := range out.Messages {
			if _, err := client.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: &q.URL, ReceiptHandle: m.ReceiptHandle}); err != nil {
				t.Fatal(err)
			}
		}
		all = append(all, out.Messages...)
	}
}

func TestOnSQS(t *testing.T) {
	t.Parallel()
	client, api, q := queue(t, false)
	box := sqsout.NewEvents(sqsout.Config{API: api, Queue: q})
	want := map[string]bool{}
	var events []event.Event
	for i := range 105 {
		e := contact("e"+strconv.Itoa(i), "c", fmt.Sprintf(`{"n":%d,"s":"%s"}`, i, strings.Repeat("é\uFFFF", 2000)))
		events = append(events, e)
		want[strings.ReplaceAll(string(e.AppendJSON(nil)), "\uFFFF", `\uffff`)] = true
	}
	deliver(t, box, events...)
	got := receive(t, client, q)
	for _, m := range got {
		if !want[aws.ToString(m.Body)] {
			t.Errorf("got %.300s", aws.ToString(m.Body))
		}
		delete(want, aws.ToString(m.Body))
		if trace := aws.ToString(m.MessageAttributes[names.AttributeTrace].StringValue); trace != "gppqdk4c67" {
			t.Errorf("trace %q", trace)
		}
	}
	if len(got) != 105 || len(want) != 0 {
		t.Errorf("%d messages, %d missing", len(got), len(want))
	}
}

func TestOnFIFO(t *testing.T) {
	t.Parallel()
	client, api, q := queue(t, true)
	if !q.FIFO {
		t.Fatal("not taken for a FIFO queue")
	}
	var events []event.Event
	for i := range 60 {
		events = append(events, contact(fmt.Sprintf("e%02d", i), "c"+strconv.Itoa(i%5), strconv.Itoa(i)))
	}
	for range 2 { // the second time SQS drops them
		deliver(t, sqsout.NewMessages(sqsout.Config{API: api, Queue: q}), events...)
	}
	last := map[string]int{}
	got := receive(t, client, q)
	for _, m := range got {
		group := m.Attributes["MessageGroupId"]
		n, err := strconv.Atoi(aws.ToString(m.Body))
		if err != nil || "c"+strconv.Itoa(n%5) != group || n <= last[group] && n >= 5 {
			t.Errorf("%s: %d after %d", group, n, last[group])
		}
		last[group] = n
		if id := aws.ToString(m.MessageAttributes[names.AttributeID].StringValue); id != m.Attributes["MessageDeduplicationId"] || id != fmt.Sprintf("e%02d", n) {
			t.Errorf("id %q of %d", id, n)
		}
	}
	if len(got) != 60 {
		t.Errorf("%d messages", len(got))
	}
}

func TestResponsesOnSQS(t *testing.T) {
	t.Parallel()
	client, api, q := queue(t, true)
	r := sqsout.NewResponses(sqsout.ResponsesConfig{API: api, Queue: q, Publisher: "p"})
	for range 2 { // what is delivered again is dropped
		if err := r.Respond(t.Context(), publish.Result{ID: "a", Group: "g", Outcome: publish.Done}); err != nil {
			t.Fatal(err)
		}
	}
	got := receive(t, client, q)
	if len(got) != 1 || !strings.Contains(aws.ToString(got[0].Body), `"id":"a","group":"g","outcome":"done"`) || got[0].Attributes["MessageGroupId"] != "g" {
		t.Errorf("got %+v", got)
	}
}
