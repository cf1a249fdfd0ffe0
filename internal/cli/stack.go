package cli

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"intercom-connector/internal/aws/dynamostate"
	"intercom-connector/internal/aws/mappings"
	"intercom-connector/internal/aws/secrets"
	"intercom-connector/internal/aws/stackaccess"
	"intercom-connector/internal/names"
	"intercom-connector/internal/state"
	"intercom-connector/shared/intercom"
)

// stackFlags say that a command is about a deployed stack, for commands that
// are about this machine otherwise.
type stackFlags struct {
	Stack string `placeholder:"NAME" help:"A deployed stack, instead of this machine."`
	awsFlags
}

// onlyStackFlags are those of commands that are about a deployed stack in any
// case.
type onlyStackFlags struct {
	Stack string `required:"" placeholder:"NAME" help:"The deployed stack."`
	awsFlags
}

// flags are the same as optional ones.
func (f *onlyStackFlags) flags() stackFlags { return stackFlags{Stack: f.Stack, awsFlags: f.awsFlags} }

// awsFlags say how to reach AWS, where the environment and the configuration of
// the AWS CLI do not.
type awsFlags struct {
	Profile   string `placeholder:"NAME" help:"The profile of the AWS CLI to use for the stack."`
	AWSRegion string `name:"aws-region" placeholder:"REGION" help:"The AWS region that the stack is in; default: the profile's."`
}

// deployed reports whether the command is about a stack.
func (f *stackFlags) deployed() bool { return f.Stack != "" }

// check refuses what means nothing without a stack.
func (f *stackFlags) check() error {
	if !f.deployed() && (f.Profile != "" || f.AWSRegion != "") {
		return usagef("--profile and --aws-region say where a stack is: name one with --stack")
	}
	return nil
}

// args are the flags again, for a command that is to be typed.
func (f *stackFlags) args() []string {
	if !f.deployed() {
		return nil
	}
	args := []string{"--stack", f.Stack}
	if f.Profile != "" {
		args = append(args, "--profile", f.Profile)
	}
	if f.AWSRegion != "" {
		args = append(args, "--aws-region", f.AWSRegion)
	}
	return args
}

// What the commands do with a deployed stack. *stackaccess.Stack does the first
// two.
type (
	stackQueues interface {
		Queues(ctx context.Context) ([]stackaccess.Queue, error)
		Depth(ctx context.Context, q stackaccess.Queue) (stackaccess.Depth, error)
		Send(ctx context.Context, q stackaccess.Queue, messages []stackaccess.Outgoing) ([]stackaccess.Failure, error)
		Receive(ctx context.Context, q stackaccess.Queue, hidden time.Duration) ([]stackaccess.Incoming, error)
		Delete(ctx context.Context, q stackaccess.Queue, handles []string) error
		Release(ctx context.Context, q stackaccess.Queue, handles []string) error
	}
	stackFunctions interface {
		Invoke(ctx context.Context, function string, payload []byte) ([]byte, error)
		Log(ctx context.Context, function string, since time.Time) iter.Seq2[stackaccess.LogLine, error]
	}
	stackHealth interface {
		Status(ctx context.Context) (string, error)
		Function(ctx context.Context, name string) (string, error)
		Waiting(ctx context.Context, queue string) (int64, error)
	}
	stackTokens interface {
		PutToken(ctx context.Context, client string, token secrets.Token) (version string, err error)
	}
	stackMappings interface {
		Disable(ctx context.Context, client string) error
		Enable(ctx context.Context, client string) error
	}
)

// A deployment is a deployed stack with all that the commands need of it.
type deployment struct {
	names.Stack
	stackQueues
	stackFunctions
	stackHealth

	flags    stackFlags
	id       string // unlike that of every other stack, also of earlier ones of this name
	region   string
	outputs  map[string]string // by the names of internal/names
	store    state.Store       // what the functions remember
	apps     appVault          // the secrets of OAuth apps
	tokens   stackTokens       // those of clients
	mappings stackMappings     // from queues to functions
	// token is the source of a client's token; granted says that it comes by OAuth.
	token func(client string, granted bool) intercom.TokenSource
}

// stack opens the stack that the flags mean. Its errors say what to do.
func (a *app) stack(ctx context.Context, flags stackFlags) (*deployment, error) {
	if err := names.CheckStack(flags.Stack); err != nil {
		return nil, &usageError{err}
	}
	open := a.connect
	if open == nil {
		open = connect
	}
	d, err := open(ctx, flags, a.Getenv)
	if err != nil {
		return nil, whereFrom(err)
	}
	return d, nil
}

// connect opens a stack of an account that AWS has.
func connect(ctx context.Context, flags stackFlags, getenv func(string) string) (*deployment, error) {
	session, err := stackaccess.Open(ctx, stackaccess.Options{Getenv: getenv, Region: flags.AWSRegion, Profile: flags.Profile})
	if err != nil {
		return nil, err
	}
	stack, err := session.Stack(ctx, flags.Stack)
	if err != nil {
		return nil, err
	}
	vault := secrets.New(stack.Config, stack.Stack)
	return &deployment{
		Stack:          stack.Stack,
		stackQueues:    stack,
		stackFunctions: stack,
		stackHealth:    stack,
		flags:          flags,
		id:             stack.ID,
		region:         stack.Region,
		outputs:        stack.Outputs,
		store:          dynamostate.New(stack.Config, stack.Outputs[names.OutputStateTable]),
		apps:           stackApps{vault},
		tokens:         vault,
		mappings:       mappings.New(stack.Config, stack.Stack),
		token: func(client string, granted bool) intercom.TokenSource {
			return vault.Source(client, granted)
		},
	}, nil
}

// whereFrom makes usage errors of those that say where the stack is not.
func whereFrom(err error) error {
	none, isNone := errors.AsType[*stackaccess.NoStackError](err)
	problem, _ := stackaccess.Diagnose(err)
	switch {
	case isNone:
		others := "there is no connector in that region: is the stack deployed, and is it this region (--aws-region) and this account (--profile)?"
		if len(none.Ours) > 0 {
			others = "the connectors of that region are " + list(none.Ours, "and")
		}
		return usagef("%w; %s", err, others)
	case errors.Is(err, stackaccess.ErrNoRegion):
		return usagef("%w: --aws-region, AWS_REGION or a profile with a region says where the stack is", err)
	case problem.Kind == stackaccess.NoProfile:
		return usagef("the AWS CLI has no profile %s: `aws configure list-profiles` shows all", problem.Profile)
	default:
		return err
	}
}

// explainAWS says what to do about what AWS would not do, "" for other errors.
func explainAWS(err error) string {
	problem, ok := stackaccess.Diagnose(err)
	if !ok {
		return ""
	}
	switch problem.Kind {
	case stackaccess.NoCredentials:
		return "there are no AWS credentials here: choose a profile with --profile or AWS_PROFILE, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; `aws sts get-caller-identity` shows whether they work"
	case stackaccess.SignedOut:
		return "the AWS sign-on session has ended: `aws sso login`, with the same --profile if any, then run it again"
	case stackaccess.Expired:
		return "the AWS credentials have expired: get new ones, then run it again"
	case stackaccess.Refused:
		return "AWS does not accept the credentials: `aws sts get-caller-identity` shows whether they work, --profile chooses others"
	case stackaccess.Denied:
		where := ""
		if problem.Resource != "" {
			where = " on " + problem.Resource
		}
		return fmt.Sprintf("these AWS credentials may not %s%s: have it allowed in IAM, or choose others with --profile", problem.Action, where)
	case stackaccess.Busy:
		return err.Error() + ": AWS asks to go slower, run it again in a minute"
	case stackaccess.Unreachable:
		return err.Error() + ": is there a network, and is the AWS region spelt right?"
	case stackaccess.NoProfile:
		return err.Error()
	}
	return ""
}
