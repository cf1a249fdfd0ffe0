package stackaccess_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"intercom-connector/internal/aws/stackaccess"
)

// healthServer answers as AWS's services do about one stack.
func healthServer(w http.ResponseWriter, r *http.Request) {
	fail := func(status int, kind string) {
		w.Header().Set("X-Amzn-Errortype", kind)
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"__type":%q,"message":"no"}`, kind)
	}
	body := new(strings.Builder)
	_ = r.Write(body)
	function := strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, "/2015-03-31/functions/"), "/configuration")
	switch target := r.Header.Get("X-Amz-Target"); {
	case target == "AmazonSQS.GetQueueUrl" && strings.Contains(body.String(), `"gone"`):
		fail(http.StatusBadRequest, "com.amazonaws.sqs#QueueDoesNotExist")
	case target == "AmazonSQS.GetQueueUrl":
		fmt.Fprintf(w, `{"QueueUrl":"http://%s/123456789012/q"}`, r.Host)
	case target == "AmazonSQS.GetQueueAttributes":
		fmt.Fprint(w, `{"Attributes":{"ApproximateNumberOfMessages":"3","ApproximateNumberOfMessagesNotVisible":"2","ApproximateNumberOfMessagesDelayed":"1"}}`)
	case function == "well":
		fmt.Fprint(w, `{"State":"Active","LastUpdateStatus":"Successful"}`)
	case function == "sleeping":
		fmt.Fprint(w, `{"State":"Inactive"}`)
	case function == "broken":
		fmt.Fprint(w, `{"State":"Failed","StateReasonCode":"SubnetOutOfIPAddresses"}`)
	case function == "stuck":
		fmt.Fprint(w, `{"State":"Active","LastUpdateStatus":"Failed","LastUpdateStatusReason":"the role cannot be assumed"}`)
	case strings.HasPrefix(r.URL.Path, "/2015-03-31/"):
		fail(http.StatusNotFound, "ResourceNotFoundException")
	case r.URL.Path == "/":
		fmt.Fprint(w, `<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><DescribeStacksResult><Stacks><member>`+
			`<StackName>it</StackName><StackId>arn:it</StackId><StackStatus>UPDATE_ROLLBACK_COMPLETE</StackStatus><CreationTime>2026-01-31T12:00:00Z</CreationTime><Outputs>`+
			`<member><OutputKey>StateTable</OutputKey><OutputValue>t</OutputValue></member><member><OutputKey>Bucket</OutputKey><OutputValue>b</OutputValue></member>`+
			`</Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>`)
	default:
		fail(http.StatusBadRequest, "Unknown")
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(healthServer))
	t.Cleanup(server.Close)
	env := map[string]string{
		"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_ENDPOINT_URL": server.URL,
	}
	session, err := stackaccess.Open(t.Context(), stackaccess.Options{Getenv: func(name string) string { return env[name] }})
	if err != nil {
		t.Fatal(err)
	}
	stack, err := session.Stack(t.Context(), "it")
	if err != nil {
		t.Fatal(err)
	}
	if status, err := stack.Status(t.Context()); err != nil || status != "UPDATE_ROLLBACK_COMPLETE" {
		t.Errorf("status %q, %v", status, err)
	}
	for name, want := range map[string]string{
		"well": "", "sleeping": "", "broken": "it cannot be invoked: SubnetOutOfIPAddresses",
		"stuck": "its last update failed: the role cannot be assumed",
	} {
		if wrong, err := stack.Function(t.Context(), name); err != nil || wrong != want {
			t.Errorf("%s: %q, %v, want %q", name, wrong, err, want)
		}
	}
	if _, err := stack.Function(t.Context(), "gone"); !errors.Is(err, stackaccess.ErrNoFunction) {
		t.Errorf("a function that is gone: %v", err)
	}
	if n, err := stack.Waiting(t.Context(), "q"); err != nil || n != 6 {
		t.Errorf("%d messages, %v, want 6", n, err)
	}
	if _, err := stack.Waiting(t.Context(), "gone"); !errors.Is(err, stackaccess.ErrNoQueue) {
		t.Errorf("a queue that is gone: %v", err)
	}
}
