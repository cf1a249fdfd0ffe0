package stack

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"intercom-connector/internal/config"
	"intercom-connector/internal/names"
)

// The longest names that AWS takes.
const (
	maxQueueName    = 80
	maxFunctionName = 64
)

// Check says what is wrong with a configuration on AWS that is right on a laptop:
// all of it at once.
func Check(cfg *config.Config, stack names.Stack) error {
	c := &checker{stack: stack}
	if err := names.CheckStack(string(stack)); err != nil {
		return fmt.Errorf("%w: -c stack=… gives it another name", err)
	}
	for _, client := range clients(cfg) {
		if len(subscriptions(cfg, client)) > 0 {
			c.name("client "+client, "function", stack.SubscribeFunction(client), maxFunctionName, "the client's name")
		}
		pubs := working(publishers(cfg, client))
		if len(pubs) > 0 {
			c.name("client "+client, "function", stack.PublishFunction(client), maxFunctionName, "the client's name")
		}
		if size := mappingsSize(pubs); size > maxAdvancedParameter {
			c.add("client %s: the ids of the mappings of its %d publishers take %d bytes, and a parameter has room for %d: "+
				"move some of its publishers into a stack of their own", client, len(pubs), size, maxAdvancedParameter)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(cfg.Publishers)) {
		p := cfg.Publishers[name]
		longest := stack.Messages(p.Client, name, p.FIFO)
		if made(p.Responses, "sqs") {
			longest = stack.Responses(p.Client, name, p.Responses.FIFO || p.FIFO)
		}
		c.name("publisher "+name, "queue", longest, maxQueueName, "the publisher's name, the client's")
		if p.GiveUpAfter > maxGiveUp {
			c.add("publisher %s: give_up_after: a queue hands a message out %d times at most, which is enough for %v: choose that or less",
				name, maxReceives, maxGiveUp)
		}
		if p.Enabled && p.Responses != nil && local(*p.Responses) {
			c.add("publisher %s: its responses go to a %s, and there is none on AWS: choose sqs, s3 or eventbridge", name, p.Responses.Type)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(cfg.Subscriptions)) {
		s := cfg.Subscriptions[name]
		switch {
		case made(&s.To, "sqs"):
			c.name("subscription "+name, "queue", stack.Events(s.Client, name, s.To.FIFO), maxQueueName, "the subscription's name, the client's")
		case local(s.To) && s.Enabled && s.Schedule != nil:
			c.add("subscription %s: it has a schedule and goes to %s, and there is none on AWS: choose sqs, s3, eventbridge or publisher, "+
				"or say enabled: false to keep it for this machine", name, map[string]string{"file": "a file", "stdout": "standard output"}[s.To.Type])
		}
	}
	if len(c.problems) == 0 && len(Functions(cfg)) == 0 {
		c.add("there is nothing to deploy: no subscription that goes anywhere on AWS and no publisher that is enabled")
	}
	return errors.Join(c.problems...)
}

type checker struct {
	stack    names.Stack
	problems []error
}

func (c *checker) add(format string, args ...any) {
	c.problems = append(c.problems, fmt.Errorf(format, args...))
}

// name checks how long a name gets that is put together of several.
func (c *checker) name(subject, what, name string, most int, shorten string) {
	if excess := len(name) - most; excess > 0 {
		c.add("%s: its %s would be called %s, which has %d characters, and AWS takes %d: shorten %s or the stack's (%s, -c stack=…) by %d",
			subject, what, name, len(name), most, shorten, c.stack, excess)
	}
}
