package stack_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"intercom-connector/infra/stack"
)

var (
	update  = flag.Bool("update", false, "write the golden templates again")
	replace = flag.Bool("replace", false, "with -update: even if resources that hold data are made anew")
)

// golden are the templates that are looked at as code is.
var golden = []struct {
	name, path string
	prod       bool
}{
	{"example", example, false},
	{"example-prod", example, true},
	{"everything", everything, false},
}

func TestGolden(t *testing.T) {
	for _, tt := range golden {
		t.Run(tt.name, func(t *testing.T) {
			got, err := os.ReadFile(draw(t, tt.path, tt.prod).template())
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", tt.name+".golden.json")
			want, err := os.ReadFile(path)
			if err != nil && !*update {
				t.Fatal(err)
			}
			if len(want) > 0 {
				lost := replaced(parse(t, want), parse(t, got))
				for _, problem := range lost {
					t.Errorf("an update of a deployed stack would lose data: %s", problem)
				}
				if len(lost) > 0 && !*replace {
					t.Fatal("-update -replace writes it all the same, where only the configuration of the test has changed")
				}
			}
			if *update {
				if err := os.WriteFile(path, got, 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")); diff != "" {
				t.Errorf("%s (-want +got), -update writes it again:\n%s", path, diff)
			}
		})
	}
}

func parse(t *testing.T, data []byte) stack.Template {
	t.Helper()
	var template stack.Template
	if err := json.Unmarshal(data, &template); err != nil {
		t.Fatal(err)
	}
	return template
}

// holding are the types whose resources hold what a new one would not have: data,
// or an address that others know. Of each, the properties that CloudFormation
// changes by making it anew.
var holding = map[string][]string{
	"AWS::DynamoDB::Table":        {"TableName", "KeySchema", "ImportSourceSpecification"},
	"AWS::S3::Bucket":             {"BucketName", "BucketNamePrefix", "BucketNamespace", "ObjectLockEnabled"},
	"AWS::SQS::Queue":             {"QueueName", "FifoQueue"},
	"AWS::SecretsManager::Secret": {"Name"},
	"AWS::Events::EventBus":       {"Name"},
	"AWS::SNS::Topic":             {"TopicName", "FifoTopic"},
	"AWS::ApiGatewayV2::Api":      {"ProtocolType"},
}

// replaced says what of an old template a new one takes away or makes anew.
func replaced(before, after stack.Template) []string {
	var problems []string
	for id, r := range before.Resources {
		properties, holds := holding[r.Type]
		if !holds {
			continue
		}
		now, there := after.Resources[id]
		if !there || now.Type != r.Type {
			problems = append(problems, id+" is gone")
			continue
		}
		for _, p := range properties {
			if text(r.Properties[p]) != text(now.Properties[p]) {
				problems = append(problems, id+" has another "+p)
			}
		}
		if r.Type == "AWS::DynamoDB::Table" && !keyed(r, now) {
			problems = append(problems, id+" has keys of other types")
		}
	}
	slices.Sort(problems)
	return problems
}

// keyed says whether the attributes of a table's key have the same types.
func keyed(before, after stack.Resource) bool {
	return text(before.Properties["AttributeDefinitions"]) == text(after.Properties["AttributeDefinitions"])
}

func TestReplaced(t *testing.T) {
	data, err := os.ReadFile("testdata/everything.golden.json")
	if err != nil {
		t.Fatal(err)
	}
	before := parse(t, data)
	first := func(template stack.Template, kind string) string {
		var ids []string
		for id, r := range template.Resources {
			if r.Type == kind {
				ids = append(ids, id)
			}
		}
		return slices.Min(ids)
	}
	for _, tt := range []struct {
		name   string
		change func(stack.Template)
		want   string // "" for nothing lost
	}{
		{"nothing", func(stack.Template) {}, ""},
		{"a function with more memory", func(t stack.Template) {
			t.Resources[first(t, "AWS::Lambda::Function")].Properties["MemorySize"] = 1024
		}, ""},
		{"an alarm less", func(t stack.Template) { delete(t.Resources, first(t, "AWS::CloudWatch::Alarm")) }, ""},
		{"a queue that is kept shorter", func(t stack.Template) {
			t.Resources[first(t, "AWS::SQS::Queue")].Properties["MessageRetentionPeriod"] = 60
		}, ""},
		{"a queue of another name", func(t stack.Template) {
			t.Resources[first(t, "AWS::SQS::Queue")].Properties["QueueName"] = "x"
		}, " has another QueueName"},
		{"a table whose construct has another id", func(t stack.Template) {
			id := first(t, "AWS::DynamoDB::Table")
			t.Resources["Renamed"] = t.Resources[id]
			delete(t.Resources, id)
		}, " is gone"},
		{"a table with a number as its key", func(t stack.Template) {
			t.Resources[first(t, "AWS::DynamoDB::Table")].Properties["AttributeDefinitions"] = []any{}
		}, " has keys of other types"},
		{"a secret of another name", func(t stack.Template) {
			t.Resources[first(t, "AWS::SecretsManager::Secret")].Properties["Name"] = "x"
		}, " has another Name"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			after := parse(t, data)
			tt.change(after)
			got := replaced(before, after)
			if tt.want == "" && len(got) > 0 || tt.want != "" && (len(got) != 1 || !strings.HasSuffix(got[0], tt.want)) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// Drawing is the same every time: nothing of the moment or of a map's order is
// in a template.
func TestStable(t *testing.T) {
	first := draw(t, everything, false)
	again, err := synth(t, first.cfg, first.name, false)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first.Template, again.Template); diff != "" {
		t.Errorf("drawn twice (-first +second):\n%s", diff)
	}
}
