package mappings_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/google/go-cmp/cmp"

	"intercom-connector/internal/aws/awsconfig"
	"intercom-connector/internal/aws/awstest"
	"intercom-connector/internal/aws/mappings"
	"intercom-connector/internal/names"
)

// template is as much of a stack as it takes: a client with two publishers.
const template = `{
  "Parameters": {"Name": {"Type": "String"}},
  "Resources": {
    "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [
      {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}]}}},
    "Function": {"Type": "AWS::Lambda::Function", "Properties": {
      "FunctionName": {"Fn::Sub": "${Name}_main_publish"}, "Runtime": "python3.12", "Handler": "index.handler",
      "Role": {"Fn::GetAtt": ["Role", "Arn"]}, "Code": {"ZipFile": "def handler(event, context): return None"}}},
    "QueueOne": {"Type": "AWS::SQS::Queue"},
    "QueueTwo": {"Type": "AWS::SQS::Queue"},
    "One": {"Type": "AWS::Lambda::EventSourceMapping", "Properties": {
      "FunctionName": {"Ref": "Function"}, "EventSourceArn": {"Fn::GetAtt": ["QueueOne", "Arn"]}}},
    "Two": {"Type": "AWS::Lambda::EventSourceMapping", "Properties": {
      "FunctionName": {"Ref": "Function"}, "EventSourceArn": {"Fn::GetAtt": ["QueueTwo", "Arn"]}}},
    "Mappings": {"Type": "AWS::SSM::Parameter", "Properties": {
      "Name": {"Fn::Sub": "/${Name}/main/mappings"}, "Type": "String", "Value": {"Fn::Sub": "one=${One},two=${Two}"}}}
  }
}`

func TestOnTheEmulator(t *testing.T) {
	t.Parallel()
	emulator := awstest.Start(t)
	cfg, err := awsconfig.New(emulator.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	stack := names.Stack(emulator.Name(t))
	deploy(t, cfg, stack)
	m, functions := mappings.New(cfg, stack), lambda.NewFromConfig(cfg)
	for _, tt := range []struct {
		name string
		call func(context.Context, string) error
		want string
	}{
		{"disable", m.Disable, "Disabl"}, // Disabling, then Disabled
		{"disable what is disabled", m.Disable, "Disabl"},
		{"enable", m.Enable, "Enabl"},
		{"enable what is enabled", m.Enable, "Enabl"},
	} {
		if err := tt.call(t.Context(), "main"); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		got, err := functions.ListEventSourceMappings(t.Context(), &lambda.ListEventSourceMappingsInput{
			FunctionName: aws.String(stack.PublishFunction("main")),
		})
		if err != nil || len(got.EventSourceMappings) != 2 {
			t.Fatalf("%s: %d mappings, %v, want 2", tt.name, len(got.EventSourceMappings), err)
		}
		for _, mapping := range got.EventSourceMappings {
			if state := aws.ToString(mapping.State); !strings.HasPrefix(state, tt.want) {
				t.Errorf("%s: a mapping is %s", tt.name, state)
			}
		}
	}
	if err := m.Disable(t.Context(), "another"); err != nil {
		t.Errorf("a client without publishers: %v", err)
	}
}

func deploy(t *testing.T, cfg aws.Config, stack names.Stack) {
	t.Helper()
	client := cloudformation.NewFromConfig(cfg)
	_, err := client.CreateStack(t.Context(), &cloudformation.CreateStackInput{
		StackName: aws.String(string(stack)), TemplateBody: aws.String(template),
		Capabilities: []types.Capability{types.CapabilityCapabilityIam},
		Parameters:   []types.Parameter{{ParameterKey: aws.String("Name"), ParameterValue: aws.String(string(stack))}},
	})
	if err != nil {
		t.Fatal(err)
	}
	done := cloudformation.NewStackCreateCompleteWaiter(client, func(o *cloudformation.StackCreateCompleteWaiterOptions) {
		o.MinDelay, o.MaxDelay = 50*time.Millisecond, time.Second
	})
	if err := done.Wait(t.Context(), &cloudformation.DescribeStacksInput{StackName: aws.String(string(stack))}, time.Minute); err != nil {
		t.Fatal(err)
	}
}

// A cloud answers as SSM and Lambda do, of one client's parameter.
type cloud struct {
	mu        sync.Mutex
	parameter string              // "": none
	answers   map[string][]string // by id, one error after the other; then it works
	changes   []string            // what worked: id=true
	under     int                 // way now
	most      int                 // under way at once
}

// RoundTrip implements http.RoundTripper.
func (c *cloud) RoundTrip(req *http.Request) (*http.Response, error) {
	if target := req.Header.Get("X-Amz-Target"); target != "" {
		if target != "AmazonSSM.GetParameter" || c.parameter == "" {
			return answer(req, http.StatusBadRequest, "ParameterNotFound", `{}`)
		}
		value, err := json.Marshal(c.parameter)
		if err != nil {
			return nil, err
		}
		return answer(req, http.StatusOK, "", `{"Parameter":{"Value":`+string(value)+`}}`)
	}
	_, id, _ := strings.Cut(req.URL.Path, "/event-source-mappings/")
	var in struct{ Enabled bool }
	if err := json.NewDecoder(req.Body).Decode(&in); err != nil || req.Method != http.MethodPut {
		return nil, fmt.Errorf("%s %s: %w", req.Method, req.URL, err)
	}
	c.mu.Lock()
	c.under++
	c.most = max(c.most, c.under)
	c.mu.Unlock()
	time.Sleep(10 * time.Millisecond)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.under--
	if next := c.answers[id]; len(next) > 0 {
		c.answers[id] = next[1:]
		return answer(req, http.StatusBadRequest, next[0], `{"Type":"User","Message":"on order"}`)
	}
	c.changes = append(c.changes, fmt.Sprintf("%s=%v", id, in.Enabled))
	return answer(req, http.StatusAccepted, "", `{"State":"Disabling"}`)
}

func answer(req *http.Request, status int, code, body string) (*http.Response, error) {
	header := http.Header{"Content-Type": {"application/json"}}
	if code != "" {
		header.Set("X-Amzn-Errortype", code)
	}
	return &http.Response{
		StatusCode: status, ProtoMajor: 1, ProtoMinor: 1, Request: req, Header: header,
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}, nil
}

func (c *cloud) mappings() *mappings.Mappings {
	return mappings.New(aws.Config{
		Region: "eu-west-1", HTTPClient: &http.Client{Transport: c},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return aws.Credentials{}, nil }),
		Retryer:     func() aws.Retryer { return aws.NopRetryer{} },
	}, "stack")
}

func TestDisable(t *testing.T) {
	t.Parallel()
	busy := func(n int) []string { return slices.Repeat([]string{"ResourceInUseException"}, n) }
	for _, tt := range []struct {
		name      string
		parameter string
		answers   map[string][]string
		want      []string // changes
		err       []string // what it says
	}{
		{"all", "a=1,b=2", nil, []string{"1=false", "2=false"}, nil},
		{"being changed", "a=1,b=2", map[string][]string{"1": busy(6)}, []string{"1=false", "2=false"}, nil},
		{
			"being changed for ever", "a=1,b=2",
			map[string][]string{"1": busy(1000)},
			[]string{"2=false"},
			[]string{"disable the queues of client main: publisher a: context deadline exceeded, while it was being changed"},
		},
		{"gone", "a=1,b=2", map[string][]string{"1": {"ResourceNotFoundException"}}, []string{"2=false"}, nil},
		{
			"not allowed", "a=1,b=2,c=3",
			map[string][]string{"1": {"AccessDeniedException"}, "3": {"AccessDeniedException"}},
			[]string{"2=false"},
			[]string{"publisher a: ", "publisher c: ", "AccessDeniedException"},
		},
		{"no publishers", "", nil, nil, nil},
		{"not ours", "a=1,b", nil, nil, []string{`the parameter /stack/main/mappings has "b"`}},
		{"without an id", "a=", nil, nil, []string{`the parameter /stack/main/mappings has "a="`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := &cloud{parameter: tt.parameter, answers: tt.answers}
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				err := c.mappings().Disable(ctx, "main")
				slices.Sort(c.changes)
				if diff := cmp.Diff(tt.want, c.changes); diff != "" {
					t.Errorf("changes (-want +got):\n%s", diff)
				}
				if err == nil && tt.err != nil || err != nil && tt.err == nil {
					t.Errorf("got %v", err)
				}
				for _, want := range tt.err {
					if err != nil && !strings.Contains(err.Error(), want) {
						t.Errorf("got %q, want it to say %q", err, want)
					}
				}
			})
		})
	}
}

// Many mappings are changed a few at a time.
func TestFewAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var entries []string
		for i := range 50 {
			entries = append(entries, fmt.Sprintf("p%d=%d", i, i))
		}
		c := &cloud{parameter: strings.Join(entries, ",")}
		if err := c.mappings().Enable(t.Context(), "main"); err != nil {
			t.Fatal(err)
		}
		if len(c.changes) != 50 || c.most != 4 {
			t.Errorf("%d changes, %d at once, want 50, 4 at once", len(c.changes), c.most)
		}
		for _, change := range c.changes {
			if !strings.HasSuffix(change, "=true") {
				t.Errorf("Enable: %s", change)
			}
		}
	})
}
