package stack

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"intercom-connector/internal/names"
)

// defaultStack is the name of a stack without a stage.
const defaultStack names.Stack = "intercom-connector"

// A Context is what the user says with cdk -c name=value.
type Context struct {
	Config    string      // the configuration; default: connector.yaml
	Stack     names.Stack // default: intercom-connector, with the stage where there is one
	Prod      bool        // the stage is prod
	Arch      Arch        // default: arm64
	Dashboard bool        // default: true
}

// NewApp returns an app of the CDK. Outdir is where it writes, "" where the CDK's
// command says. Context is what its command line does not say, nil for nothing.
func NewApp(outdir string, context map[string]any) awscdk.App {
	props := &awscdk.AppProps{
		// Only what is drawn to the end is written, not each app there ever was.
		AutoSynth:          jsii.Bool(false),
		AnalyticsReporting: jsii.Bool(false), // no resource of AWS's own for statistics
		// Too many resources are told of here, in words that help.
		PostCliContext: &map[string]any{"@aws-cdk/core:stackResourceLimit": 0},
	}
	if outdir != "" {
		props.Outdir = &outdir
	}
	if len(context) > 0 {
		props.Context = &context
	}
	return awscdk.NewApp(props)
}

// ReadContext reads and checks the context of an app.
func ReadContext(app awscdk.App) (Context, error) {
	values := map[string]string{}
	for _, key := range []string{"config", "stack", "stage", "arch", "dashboard"} {
		switch v := app.Node().TryGetContext(&key).(type) {
		case nil:
		case string:
			values[key] = v
		case bool: // in cdk.json
			values[key] = fmt.Sprint(v)
		default:
			return Context{}, fmt.Errorf("the context value %s has to be a text: -c %s=…", key, key)
		}
	}
	return checkContext(values)
}

// productive reports whether a stage is what somebody may call it who wants
// prod. Another spelling would make a stack whose data nothing protects.
func productive(stage string) bool {
	return slices.Contains([]string{"prod", "prd", "production", "live"}, strings.ToLower(strings.TrimSpace(stage)))
}

func checkContext(values map[string]string) (Context, error) {
	c := Context{Config: values["config"], Stack: names.Stack(values["stack"]), Prod: values["stage"] == "prod", Arch: ARM64, Dashboard: true}
	if stage := values["stage"]; !c.Prod && productive(stage) {
		return Context{}, fmt.Errorf("-c stage=%s protects nothing: it is -c stage=prod that does", stage)
	}
	if c.Config == "" {
		c.Config = "connector.yaml"
	}
	if c.Stack == "" {
		c.Stack = defaultStack
		if stage := values["stage"]; stage != "" {
			c.Stack += names.Stack("-" + stage)
		}
	}
	if err := names.CheckStack(string(c.Stack)); err != nil {
		return Context{}, fmt.Errorf("%w (-c stage=…, or -c stack=… for the whole name)", err)
	}
	switch v := values["arch"]; v {
	case "", string(ARM64):
	case string(AMD64), "amd64":
		c.Arch = AMD64
	default:
		return Context{}, fmt.Errorf("-c arch=%s: there is arm64, which is the default and costs less, and x86_64", v)
	}
	switch v := values["dashboard"]; v {
	case "", "true":
	case "false":
		c.Dashboard = false
	default:
		return Context{}, fmt.Errorf("-c dashboard=%s: it is true or false", v)
	}
	return c, nil
}
