// Package stack draws the CloudFormation stack of a connector.yaml: what its
// subscriptions and publishers need, and nothing else.
//
// # One stack, some clients
//
// Each client has a function that reads, where it has subscriptions, and one
// that writes, where it has publishers. They share their code and nothing more:
// a function's role reaches its own client's token and queues.
//
// # Names
//
// What the functions and the command line look up has a name of internal/names.
// Everything else is named by CloudFormation. The ids of constructs are for ever:
// a resource whose id changes is made anew, and what the old one held is lost.
//
// # Production
//
// With the stage prod the stack is protected from termination, and table,
// secrets, queues and bucket outlive it. Elsewhere all of it goes with the stack.
package stack

import (
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"intercom-connector/internal/config"
	"intercom-connector/internal/names"
)

// Settings are what a stack is drawn from.
type Settings struct {
	Config *config.Config // checked; see Check for what AWS adds to it
	Name   names.Stack
	Prod   bool // what holds data outlives the stack
	Arch   Arch
	// Code has the folder of each function that the configuration needs: its
	// bootstrap and the compiled configuration.
	Code map[Function]string
	// NoDashboard leaves the dashboard out: an account's fourth costs money.
	NoDashboard bool

	density density
}

// An Arch is the instruction set of the functions, as Lambda calls it.
type Arch string

// The instruction sets.
const (
	ARM64 Arch = "arm64"
	AMD64 Arch = "x86_64"
)

// A Function is one of the programs in functions/.
type Function string

// The functions.
const (
	Subscribe Function = "subscribe"
	Publish   Function = "publish"
	Callback  Function = "oauth-callback"
)

// Functions are those that a configuration needs, in their order.
func Functions(cfg *config.Config) []Function {
	var list []Function
	for _, name := range clients(cfg) {
		if len(subscriptions(cfg, name)) > 0 {
			list = append(list, Subscribe)
		}
		if len(working(publishers(cfg, name))) > 0 {
			list = append(list, Publish)
		}
		if cfg.Clients[name].Auth.Type == config.OAuth {
			list = append(list, Callback)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// New draws the stack. The settings are ones that Check has found no fault with.
func New(scope constructs.Construct, s Settings) awscdk.Stack {
	stack := awscdk.NewStack(scope, jsii.String(string(s.Name)), &awscdk.StackProps{
		StackName:             jsii.String(string(s.Name)),
		Description:           jsii.String("intercom-connector: reads Intercom workspaces and writes to them"),
		TerminationProtection: &s.Prod,
	})
	for _, key := range slices.Sorted(maps.Keys(s.Config.Stack.Tags)) {
		awscdk.Tags_Of(stack).Add(&key, jsii.String(s.Config.Stack.Tags[key]), nil)
	}

	d := &drawing{Settings: s, stack: stack, groups: map[string]constructs.Construct{}}
	d.storage = newStorage(d)
	d.queues = newQueues(d)
	d.secrets = newSecrets(d)
	d.code = newCode(d)

	var fns functions
	for _, name := range clients(s.Config) {
		if subs := subscriptions(s.Config, name); len(subs) > 0 {
			fns.subscribe = append(fns.subscribe, newSubscribe(d, name, subs))
		}
		if pubs := working(publishers(s.Config, name)); len(pubs) > 0 {
			fns.publish = append(fns.publish, newPublish(d, name, pubs))
		}
	}
	if granted := oauthClients(s.Config); len(granted) > 0 {
		api := newCallback(d, granted)
		fns.callback = &api.function
	}
	newSchedules(d, fns)
	newAlarms(d, newTopic(d), fns)
	if !s.NoDashboard {
		newDashboard(d, fns)
	}
	return stack
}

// A drawing is a stack while it is drawn: what its parts have in common.
type drawing struct {
	Settings

	stack   awscdk.Stack
	groups  map[string]constructs.Construct // by path
	storage storage
	queues  queues
	secrets map[string]secrets // by client
	code    map[Function]code
}

// functions are those of all clients, sorted by them.
type functions struct {
	subscribe []function
	publish   []function
	callback  *function // nil where no client uses OAuth
}

func (f functions) all() []function {
	all := slices.Concat(f.subscribe, f.publish)
	if f.callback != nil {
		all = append(all, *f.callback)
	}
	return all
}

// group returns the construct that holds everything of a kind, or all that
// belongs to one name of it. It is a level of paths, and no resource.
func (d *drawing) group(kind string, name ...string) constructs.Construct {
	var scope constructs.Construct = d.stack
	ids := append([]string{kind}, name...)
	for i, id := range ids {
		path := strings.Join(ids[:i+1], "/")
		if d.groups[path] == nil {
			d.groups[path] = constructs.NewConstruct(scope, &id)
		}
		scope = d.groups[path]
	}
	return scope
}
