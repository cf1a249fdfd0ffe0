package doctor

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"intercom-connector/internal/config"
	"intercom-connector/internal/names"
	"intercom-connector/internal/state"
)

// ErrAbsent is the error of a StackChecker about what is not there.
var ErrAbsent = errors.New("it does not exist")

// A StackChecker looks at what a stack has. The error of what is not there is
// [ErrAbsent].
type StackChecker interface {
	// Status is CloudFormation's word for the state of the stack: CREATE_COMPLETE.
	Status(ctx context.Context) (string, error)
	// Function says what is wrong with a function, "" for nothing.
	Function(ctx context.Context, name string) (string, error)
	// Waiting counts the messages of a queue.
	Waiting(ctx context.Context, queue string) (int64, error)
}

// A Stack is a deployed stack, and what it remembers.
type Stack struct {
	names.Stack
	StackChecker

	Store  state.Store // nil where it cannot be read
	Broken error       // why not
	// Explain says what is wrong between here and AWS, and what to do about it,
	// "" where that is not known.
	Explain func(error) (detail, remedy string)
}

// explain is what is to be said about an error that may be AWS's.
func (cfg *Config) explain(err error) finding {
	detail, remedy := cause(err), ""
	if cfg.Stack != nil && cfg.Stack.Explain != nil {
		detail, remedy = cfg.Stack.Explain(err)
	}
	return finding{Fail, AWSRefused, detail, remedy}
}

// A question is one that is asked of a stack.
type question struct {
	name   string
	answer func(ctx context.Context) finding
}

// stack examines a deployed stack.
func (cfg *Config) stack(ctx context.Context, memory remembered) []Check {
	questions := []question{{"deployment", cfg.deployment}}
	for _, client := range cfg.names() {
		questions = append(questions, cfg.functionsOf(client)...)
		for _, name := range sorted(cfg.Settings.Publishers) {
			if pub := cfg.Settings.Publishers[name]; pub.Client == client {
				questions = append(questions, cfg.queuesOf(pub)...)
			}
		}
	}
	if cfg.Client == "" {
		questions = append(questions, question{"undelivered", cfg.undelivered})
	}
	checks := make([]Check, len(questions))
	each(len(questions), atOnce, func(i int) {
		checks[i] = questions[i].answer(ctx).check(OfStack, "", questions[i].name)
	})
	return append(checks, cfg.standings(memory)...)
}

// standings is what the stack remembers of its clients.
func (cfg *Config) standings(memory remembered) []Check {
	if memory.err != nil {
		return []Check{cfg.explain(memory.err).check(OfStack, "", "state")}
	}
	checks := []Check{fine("can be read").check(OfStack, "", "state")}
	for _, client := range cfg.names() {
		if reason := memory.paused[client]; reason != "" {
			checks = append(checks, cfg.paused(client, reason).check(OfStack, "", "pause of client "+client))
		}
	}
	for _, name := range sorted(cfg.Settings.Subscriptions) {
		sub := cfg.Settings.Subscriptions[name]
		if cfg.Client != "" && sub.Client != cfg.Client || !deployed(sub) {
			continue
		}
		f := enabled(memory.run(sub), sub.Enabled)
		if f.result != OK && f.remedy == "" {
			f.remedy = "see what it has logged: `" + cfg.Command("logs", name) + "`"
		}
		checks = append(checks, f.check(OfStack, "", "runs of "+name))
	}
	return checks
}

// deploy is how whatever is missing comes about.
const deploy = "deploy the stack: `cdk deploy`"

func (cfg *Config) deployment(ctx context.Context) finding {
	status, err := cfg.Stack.Status(ctx)
	switch {
	case errors.Is(err, ErrAbsent):
		return finding{result: Fail, problem: StackMissing, detail: fmt.Sprintf("there is no stack %s", cfg.Stack.Stack), remedy: deploy}
	case err != nil:
		return cfg.explain(err)
	case strings.HasSuffix(status, "_FAILED"), strings.HasPrefix(status, "ROLLBACK_"), strings.HasPrefix(status, "DELETE_"):
		return finding{
			result: Fail, problem: StackUnhealthy, detail: "CloudFormation says " + status,
			remedy: "look at the stack's events in CloudFormation's console, mend what they say and deploy again",
		}
	case strings.HasSuffix(status, "_IN_PROGRESS"):
		return finding{result: Warn, problem: StackUnhealthy, detail: "CloudFormation is at it: " + status, remedy: "wait for the deployment to end"}
	case status == "UPDATE_ROLLBACK_COMPLETE":
		return finding{
			result: Warn, problem: StackUnhealthy, detail: "the last deployment failed and was undone (" + status + ")",
			remedy: "look at the stack's events in CloudFormation's console, mend what they say and deploy again",
		}
	default:
		return fine("%s", status)
	}
}

// functionsOf are the questions about the functions of a client: it has those
// that it has a use for.
func (cfg *Config) functionsOf(client string) []question {
	stack := cfg.Stack.Stack
	var functions []string
	for _, sub := range cfg.Settings.Subscriptions {
		if sub.Client == client && deployed(sub) {
			functions = append(functions, stack.SubscribeFunction(client))
			break
		}
	}
	for _, pub := range cfg.Settings.Publishers {
		if pub.Client == client && pub.Enabled {
			functions = append(functions, stack.PublishFunction(client))
			break
		}
	}
	if cfg.Settings.Clients[client].Auth.Type == config.OAuth {
		functions = append(functions, stack.CallbackFunction())
	}
	questions := make([]question, len(functions))
	for i, function := range functions {
		questions[i] = question{"function " + function, func(ctx context.Context) finding { return cfg.function(ctx, function) }}
	}
	return questions
}

// deployed reports whether a stack runs a subscription: one that writes to a
// laptop stays there.
func deployed(sub *config.Subscription) bool { return sub.To.Type != "file" && sub.To.Type != "stdout" }

func (cfg *Config) function(ctx context.Context, name string) finding {
	wrong, err := cfg.Stack.Function(ctx, name)
	switch {
	case errors.Is(err, ErrAbsent):
		return finding{result: Fail, problem: FunctionMissing, detail: "it is not deployed", remedy: deploy}
	case err != nil:
		return cfg.explain(err)
	case wrong != "":
		return finding{result: Fail, problem: FunctionUnhealthy, detail: wrong, remedy: deploy}
	default:
		return fine("deployed")
	}
}

// queuesOf are the questions about the queues of a publisher.
func (cfg *Config) queuesOf(pub *config.Publisher) []question {
	stack := cfg.Stack.Stack
	return []question{
		{"queue of " + pub.Name, func(ctx context.Context) finding {
			n, f := cfg.messages(ctx, stack.Messages(pub.Client, pub.Name, pub.FIFO))
			if f.result == OK {
				f.detail = fmt.Sprintf("%d messages wait", n)
			}
			return f
		}},
		{"dead letters of " + pub.Name, func(ctx context.Context) finding {
			n, f := cfg.messages(ctx, stack.DeadLetters(pub.Client, pub.Name, pub.FIFO))
			if f.result == OK && n > 0 {
				return finding{
					result: Warn, problem: DeadLetters, detail: fmt.Sprintf("%d of its messages could not be published", n),
					remedy: cfg.lettersRemedy(),
				}
			}
			return f
		}},
	}
}

// undelivered is what schedules could not start, and invocations that failed.
func (cfg *Config) undelivered(ctx context.Context) finding {
	queue := cfg.Stack.Undelivered()
	n, f := cfg.messages(ctx, queue)
	if f.result == OK && n > 0 {
		return finding{
			result: Warn, problem: Undelivered, detail: fmt.Sprintf("%d invocations failed, or could not be started by their schedule", n),
			remedy: "read the messages of the queue " + queue + ", mend what they say, and purge it",
		}
	}
	return f
}

// messages counts those of a queue.
func (cfg *Config) messages(ctx context.Context, queue string) (int64, finding) {
	n, err := cfg.Stack.Waiting(ctx, queue)
	switch {
	case errors.Is(err, ErrAbsent):
		return 0, finding{result: Fail, problem: QueueMissing, detail: "there is no queue " + queue, remedy: deploy}
	case err != nil:
		return 0, cfg.explain(err)
	default:
		return n, fine("none")
	}
}
