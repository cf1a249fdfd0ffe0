package main

import (
	"context"
	"fmt"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"intercom-connector/internal/aws/busout"
	"intercom-connector/internal/aws/claim"
	"intercom-connector/internal/aws/funcenv"
	"intercom-connector/internal/aws/queues"
	"intercom-connector/internal/aws/s3out"
	"intercom-connector/internal/aws/selfinvoke"
	"intercom-connector/internal/aws/sqsout"
	"intercom-connector/internal/config"
	"intercom-connector/internal/names"
	"intercom-connector/internal/subscribe"
)

// An outputs is where events can go. Clients are made when they are first needed:
// a function mostly has one kind of destination.
type outputs struct {
	cloud      aws.Config
	env        funcenv.Reader
	publishers map[string]*config.Publisher

	queues  func() *queues.Client
	buckets func() *s3.Client
}

func newOutputs(cfg aws.Config, env funcenv.Reader, publishers map[string]*config.Publisher) *outputs {
	return &outputs{
		cloud: cfg, env: env, publishers: publishers,
		queues:  sync.OnceValue(func() *queues.Client { return queues.New(cfg) }),
		buckets: sync.OnceValue(func() *s3.Client { return s3.NewFromConfig(cfg) }),
	}
}

// Destination implements trigger.Outputs.
func (o *outputs) Destination(sub *config.Subscription) (subscribe.Destination, error) {
	switch to := sub.To; to.Type {
	case "sqs":
		queue, err := o.queue(sub)
		if err != nil {
			return nil, err
		}
		return sqsout.NewEvents(sqsout.Config{API: o.queues(), Queue: queue, Claims: o.claims(sub)}), nil
	case "publisher":
		pub := o.publishers[to.Name]
		queue := sqsout.Own(o.env.QueueURL, o.env.Stack.Messages(pub.Client, pub.Name, pub.FIFO))
		return sqsout.NewMessages(sqsout.Config{API: o.queues(), Queue: queue, Claims: o.claims(sub)}), nil
	case "s3":
		bucket, err := o.bucket(sub)
		if err != nil {
			return nil, err
		}
		return s3out.New(s3out.Config{API: o.buckets(), Bucket: bucket, Subscription: sub.Name}), nil
	case "eventbridge":
		bus, err := o.bus(sub)
		if err != nil {
			return nil, err
		}
		return busout.New(busout.Config{AWS: o.cloud, Bus: bus, Claims: o.claims(sub), Trace: trace}), nil
	default:
		return nil, fmt.Errorf("a destination of type %s is for a laptop: on AWS it is sqs, s3, eventbridge or publisher", to.Type)
	}
}

func (o *outputs) queue(sub *config.Subscription) (sqsout.Queue, error) {
	if sub.To.ARN != "" {
		return sqsout.ByARN(sub.To.ARN)
	}
	return sqsout.Own(o.env.QueueURL, o.env.Stack.Events(sub.Client, sub.Name, sub.To.FIFO)), nil
}

func (o *outputs) bucket(sub *config.Subscription) (string, error) {
	if sub.To.ARN != "" {
		return s3out.ByARN(sub.To.ARN)
	}
	return o.env.Bucket, nil
}

func (o *outputs) bus(sub *config.Subscription) (busout.Bus, error) {
	if sub.To.ARN != "" {
		return busout.ByARN(sub.To.ARN)
	}
	if o.env.EventBus == "" {
		return busout.Bus{}, fmt.Errorf("the stack has no event bus: %s is not set", names.EnvEventBus)
	}
	return busout.Bus{Name: o.env.EventBus}, nil
}

// trace is the X-Ray header of the invocation, "" for none.
func trace(ctx context.Context) string {
	header, _ := ctx.Value("x-amzn-trace-id").(string) // as aws-lambda-go has it
	return header
}

func (o *outputs) claims(sub *config.Subscription) *claim.Claims {
	return claim.New(claim.Config{API: o.buckets(), Bucket: o.env.Bucket, Scope: sub.Client + "/" + sub.Name})
}

// Quarantine implements trigger.Outputs.
func (o *outputs) Quarantine(*config.Subscription) subscribe.Quarantine {
	return s3out.NewQuarantine(o.buckets(), o.env.Bucket)
}

// An invoker is made when a run does not end in time.
type invoker func() *selfinvoke.Invoker

func newInvoker(cfg aws.Config, function string) invoker {
	return sync.OnceValue(func() *selfinvoke.Invoker { return selfinvoke.New(cfg, function) })
}

// Invoke implements trigger.Invoker.
func (i invoker) Invoke(ctx context.Context, payload []byte) error { return i().Invoke(ctx, payload) }
