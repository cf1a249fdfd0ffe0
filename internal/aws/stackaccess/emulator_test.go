package stackaccess_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/google/go-cmp/cmp"

	"intercom-connector/internal/aws/awsconfig"
	"intercom-connector/internal/aws/awstest"
	"intercom-connector/internal/aws/stackaccess"
	"intercom-connector/internal/names"
)

// template is a stack with a standard publisher, a FIFO one, and the outputs of
// a connector.
func template(stack names.Stack) string {
	var queues []string
	for i, name := range []string{
		stack.Messages("main", "note", false), stack.DeadLetters("main", "note", false),
		stack.Messages("main", "update", true), stack.DeadLetters("main", "update", true), stack.Undelivered(),
	} {
		fifo := ""
		if strings.HasSuffix(name, ".fifo") {
			fifo = `, "FifoQueue": true`
		}
		queues = append(queues, fmt.Sprintf(`"Q%d": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": %q%s}}`, i, name, fifo))
	}
	return fmt.Sprintf(`{"Resources": {%s}, "Outputs": {"StateTable": {"Value": "%s_state"}, "Bucket": {"Value": "b"}}}`,
		strings.Join(queues, ", "), stack)
}

// deploy makes a stack on the emulator and opens it.
func deploy(t *testing.T) *stackaccess.Stack {
	t.Helper()
	emulator := awstest.Start(t)
	name := emulator.Name(t)
	cfg, err := awsconfig.New(emulator.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	client := cloudformation.NewFromConfig(cfg)
	_, err = client.CreateStack(t.Context(), &cloudformation.CreateStackInput{StackName: &name, TemplateBody: aws.String(template(names.Stack(name)))})
	if err == nil {
		err = cloudformation.NewStackCreateCompleteWaiter(client, func(o *cloudformation.StackCreateCompleteWaiterOptions) {
			o.MinDelay = 50 * time.Millisecond
		}).Wait(t.Context(), &cloudformation.DescribeStacksInput{StackName: &name}, time.Minute)
	}
	if err != nil {
		t.Fatal(err)
	}
	stack, err := open(t, emulator).Stack(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return stack
}

func open(t *testing.T, emulator *awstest.Emulator) *stackaccess.Session {
	t.Helper()
	session, err := stackaccess.Open(t.Context(), stackaccess.Options{Getenv: emulator.Getenv})
	if err != nil {
		t.Fatal(err)
	}
	return session
}

func TestStack(t *testing.T) {
	t.Parallel()
	stack := deploy(t)
	if got, want := stack.Outputs[names.OutputStateTable], string(stack.Stack)+"_state"; got != want || stack.Region != awstest.Region || stack.ID == "" {
		t.Errorf("got %q in %s, %s, want %q", got, stack.Region, stack.ID, want)
	}
	queues, err := stack.Queues(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := map[names.Queue]string{}
	for _, q := range queues {
		got[q.Queue] = q.Name
	}
	want := map[names.Queue]string{
		{Client: "main", Owner: "note", Kind: names.MessagesQueue}:                  stack.Messages("main", "note", false),
		{Client: "main", Owner: "note", Kind: names.DeadLettersQueue}:               stack.DeadLetters("main", "note", false),
		{Client: "main", Owner: "update", Kind: names.MessagesQueue, FIFO: true}:    stack.Messages("main", "update", true),
		{Client: "main", Owner: "update", Kind: names.DeadLettersQueue, FIFO: true}: stack.DeadLetters("main", "update", true),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("queues (-want +got):\n%s", diff)
	}
}

func TestNoStack(t *testing.T) {
	t.Parallel()
	stack := deploy(t)
	_, err := open(t, awstest.Start(t)).Stack(t.Context(), "no-such-stack")
	none, ok := errors.AsType[*stackaccess.NoStackError](err)
	if !ok || none.Status != "" || none.Region != awstest.Region {
		t.Fatalf("got %v, want a NoStackError", err)
	}
	if !slices.Contains(none.Ours, string(stack.Stack)) {
		t.Errorf("%s is not among %v", stack.Stack, none.Ours)
	}
}

// queue finds a queue of the stack.
func queue(t *testing.T, stack *stackaccess.Stack, want names.Queue) stackaccess.Queue {
	t.Helper()
	queues, err := stack.Queues(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range queues {
		if q.Queue == want {
			return q
		}
	}
	t.Fatalf("no queue %+v", want)
	return stackaccess.Queue{}
}

// receive receives all messages of a queue.
func receive(t *testing.T, stack *stackaccess.Stack, q stackaccess.Queue) map[string]stackaccess.Incoming {
	t.Helper()
	all := map[string]stackaccess.Incoming{}
	for {
		got, err := stack.Receive(t.Context(), q, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) == 0 {
			return all
		}
		for _, m := range got {
			all[m.Body] = m
		}
	}
}

func TestMessages(t *testing.T) {
	t.Parallel()
	stack := deploy(t)
	q := queue(t, stack, names.Queue{Client: "main", Owner: "note", Kind: names.MessagesQueue})
	var sent []stackaccess.Outgoing
	for i := range 23 {
		sent = append(sent, stackaccess.Outgoing{Body: fmt.Sprintf("message %d ä", i), Attributes: map[string]string{"id": fmt.Sprintf("i#%d", i)}})
	}
	for batch := range slices.Chunk(sent, stackaccess.MaxBatch) {
		if failures, err := stack.Send(t.Context(), q, batch); err != nil || len(failures) > 0 {
			t.Fatalf("got %v and %v", failures, err)
		}
	}
	if depth, err := stack.Depth(t.Context(), q); err != nil || depth != (stackaccess.Depth{Visible: 23}) {
		t.Errorf("depth: got %+v and %v", depth, err)
	}
	got := receive(t, stack, q)
	if len(got) != 23 {
		t.Fatalf("%d messages were received, want 23", len(got))
	}
	first := got["message 0 ä"]
	if first.Attributes["id"] != "i#0" || first.ID == "" || first.Receives != 1 || time.Since(first.Sent) > time.Minute {
		t.Errorf("got %+v", first)
	}
	if depth, err := stack.Depth(t.Context(), q); err != nil || depth.InFlight != 23 {
		t.Errorf("depth: got %+v and %v, want 23 in flight", depth, err)
	}

	var gone, back []string
	for body, m := range got {
		if strings.HasPrefix(body, "message 1") {
			gone = append(gone, m.Handle)
		} else {
			back = append(back, m.Handle)
		}
	}
	if err := stack.Delete(t.Context(), q, gone); err != nil {
		t.Fatal(err)
	}
	if err := stack.Release(t.Context(), q, back); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, stack, q); len(got) != 12 || got["message 0 ä"].Receives != 2 {
		t.Errorf("%d messages were received again, want 12", len(got))
	}
}

func TestFIFOMessages(t *testing.T) {
	t.Parallel()
	stack := deploy(t)
	q := queue(t, stack, names.Queue{Client: "main", Owner: "update", Kind: names.MessagesQueue, FIFO: true})
	batch := []stackaccess.Outgoing{
		{Body: "one", Group: "g", Deduplication: "d#1"}, {Body: "two", Group: "h", Deduplication: "d#2"},
	}
	for range 2 { // the second time it is the same messages
		if failures, err := stack.Send(t.Context(), q, batch); err != nil || len(failures) > 0 {
			t.Fatalf("got %v and %v", failures, err)
		}
	}
	got := receive(t, stack, q)
	if groups := slices.Sorted(maps.Keys(got)); !slices.Equal(groups, []string{"one", "two"}) || got["one"].Group != "g" {
		t.Errorf("got %v", got)
	}
	if depth, err := stack.Depth(t.Context(), q); err != nil || depth.Messages() != 2 {
		t.Errorf("depth: got %+v and %v, want 2 messages", depth, err)
	}
}

func TestGone(t *testing.T) {
	t.Parallel()
	stack := deploy(t)
	q := queue(t, stack, names.Queue{Client: "main", Owner: "note", Kind: names.MessagesQueue})
	q.Name, q.URL = q.Name+"x", q.URL+"x"
	if _, err := stack.Depth(t.Context(), q); !errors.Is(err, stackaccess.ErrNoQueue) {
		t.Errorf("depth: got %v, want ErrNoQueue", err)
	}
	if _, err := stack.Receive(t.Context(), q, time.Minute); !errors.Is(err, stackaccess.ErrNoQueue) {
		t.Errorf("receive: got %v, want ErrNoQueue", err)
	}
	if _, err := stack.Invoke(t.Context(), stack.SubscribeFunction("main"), []byte("{}")); !errors.Is(err, stackaccess.ErrNoFunction) {
		t.Errorf("invoke: got %v, want ErrNoFunction", err)
	}
	for line, err := range stack.Log(t.Context(), stack.SubscribeFunction("main"), time.Now()) {
		t.Errorf("a log that is not there has %v, %v", line, err)
	}
}

func TestLog(t *testing.T) {
	t.Parallel()
	stack := deploy(t)
	client := cloudwatchlogs.NewFromConfig(stack.Config)
	function := stack.PublishFunction("main")
	group := names.LogGroup(function)
	if _, err := client.CreateLogGroup(t.Context(), &cloudwatchlogs.CreateLogGroupInput{LogGroupName: &group}); err != nil {
		t.Fatal(err)
	}
	now := time.Now().Truncate(time.Millisecond).UTC()
	for stream, texts := range map[string][]string{"a": {"old", "one", "three"}, "b": {"two"}} {
		if _, err := client.CreateLogStream(t.Context(), &cloudwatchlogs.CreateLogStreamInput{LogGroupName: &group, LogStreamName: &stream}); err != nil {
			t.Fatal(err)
		}
		var events []types.InputLogEvent
		for _, text := range texts {
			ago := map[string]time.Duration{"old": time.Hour, "one": 3 * time.Minute, "two": 2 * time.Minute, "three": time.Minute}[text]
			events = append(events, types.InputLogEvent{Message: &text, Timestamp: aws.Int64(now.Add(-ago).UnixMilli())})
		}
		_, err := client.PutLogEvents(t.Context(), &cloudwatchlogs.PutLogEventsInput{LogGroupName: &group, LogStreamName: &stream, LogEvents: events})
		if err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	ids := map[string]bool{}
	for line, err := range stack.Log(t.Context(), function, now.Add(-10*time.Minute)) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, line.Text)
		ids[line.ID] = true
		if line.Text == "three" && !line.Time.Equal(now.Add(-time.Minute)) || line.Function != function {
			t.Errorf("got %+v", line)
		}
	}
	if want := []string{"one", "two", "three"}; !slices.Equal(got, want) || len(ids) != 3 {
		t.Errorf("got %v with %d ids, want %v", got, len(ids), want)
	}
}
