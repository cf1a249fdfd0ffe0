package stack_test

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"

	"intercom-connector/infra/stack"
	"intercom-connector/internal/aws/awstest"
	"intercom-connector/internal/aws/funcenv"
	"intercom-connector/internal/config"
	"intercom-connector/internal/config/file"
)

func TestNag(t *testing.T) {
	for _, tt := range []struct {
		path string
		prod bool
	}{{example, true}, {everything, false}} {
		t.Run(tt.path, func(t *testing.T) {
			cfg, err := file.Load(tt.path)
			if err != nil {
				t.Fatal(err)
			}
			for _, finding := range nag(t, cfg, tt.prod, nil) {
				t.Error(finding)
			}
		})
	}
}

// The checks find what is not suppressed.
func TestNagFinds(t *testing.T) {
	cfg, err := file.Load(example)
	if err != nil {
		t.Fatal(err)
	}
	found := nag(t, cfg, false, func(s awscdk.Stack) {
		awssqs.NewCfnQueue(s, jsii.String("Open"), &awssqs.CfnQueueProps{})
	})
	if !strings.Contains(strings.Join(found, "\n"), "AwsSolutions-SQS4") {
		t.Errorf("got %q, want AwsSolutions-SQS4", found)
	}
}

// nag returns what cdk-nag's AWS Solutions say about a stack.
func nag(t *testing.T, cfg *config.Config, prod bool, change func(awscdk.Stack)) []string {
	t.Helper()
	app, s, _ := assemble(t, cfg, "nag", prod)
	if change != nil {
		change(s)
	}
	awscdk.Aspects_Of(app).Add(cdknag.NewAwsSolutionsChecks(&cdknag.NagPackProps{Verbose: jsii.Bool(true)}), nil)
	if _, err := stack.Synth(app, s); err != nil {
		t.Fatal(err)
	}
	annotations := assertions.Annotations_FromStack(s)
	everywhere, pattern := jsii.String("*"), assertions.Match_StringLikeRegexp(jsii.String("AwsSolutions-.*"))
	var findings []string
	for _, m := range slices.Concat(*annotations.FindError(everywhere, pattern), *annotations.FindWarning(everywhere, pattern)) {
		findings = append(findings, text(m))
	}
	return findings
}

func TestLint(t *testing.T) {
	lint := filepath.Join(awstest.Cache(t), "venv", "bin", "cfn-lint")
	for _, tt := range drawings {
		t.Run(tt.name, func(t *testing.T) {
			d := draw(t, tt.path, tt.prod)
			out, err := exec.CommandContext(t.Context(), lint, "--regions", "eu-west-1", "--template", d.template()).CombinedOutput()
			if err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// What the template gives a function is what the function's own constructor wants.
func TestEnvironment(t *testing.T) {
	for _, tt := range drawings {
		t.Run(tt.name, func(t *testing.T) {
			d := draw(t, tt.path, tt.prod)
			for id, fn := range d.ofType("AWS::Lambda::Function") {
				variables := fn.Properties["Environment"].(map[string]any)["Variables"].(map[string]any)
				getenv := func(name string) string {
					if name == funcenv.Root { // Lambda's
						return "/var/task"
					}
					switch v := variables[name].(type) {
					case nil:
						return ""
					case string:
						return v
					default: // known once it is deployed
						return "https://sqs.eu-west-1.amazonaws.com/123456789012/"
					}
				}
				var err error
				switch name := fn.Properties["FunctionName"].(string); {
				case name == d.name.CallbackFunction():
					_, err = funcenv.OAuthCallback(getenv)
				case variables["CLIENT"] != nil && name == d.name.SubscribeFunction(variables["CLIENT"].(string)):
					_, err = funcenv.Subscribe(getenv)
				case variables["CLIENT"] != nil && name == d.name.PublishFunction(variables["CLIENT"].(string)):
					_, err = funcenv.Publish(getenv)
				default:
					t.Errorf("%s is no function of ours: %s", id, name)
				}
				if err != nil {
					t.Errorf("%s: %v", id, err)
				}
			}
		})
	}
}
