package main

import (
	"context"
	"fmt"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"intercom-connector/internal/aws/busout"
	"intercom-connector/internal/aws/claim"
	"intercom-connector/internal/aws/deadout"
	"intercom-connector/internal/aws/funcenv"
	"intercom-connector/internal/aws/queues"
	"intercom-connector/internal/aws/s3out"
	"intercom-connector/internal/aws/sqsin"
	"intercom-connector/internal/aws/sqsout"
	"intercom-connector/internal/config"
	"intercom-connector/internal/publish"
)

// Outlets are where what becomes of messages goes. Clients are made when they
// are first needed.
type outlets struct {
	cloud aws.Config
	env   funcenv.Reader

	queues  func() *queues.Client
	buckets func() *s3.Client
}

func newOutlets(cfg aws.Config, env funcenv.Reader) *outlets {
	return &outlets{
		cloud:   cfg,
		env:     env,
		queues:  sync.OnceValue(func() *queues.Client { return queues.New(cfg) }),
		buckets: sync.OnceValue(func() *s3.Client { return s3.NewFromConfig(cfg) }),
	}
}

// claims are those of a client, or of one of its publishers.
func (o *outlets) claims(scope string) *claim.Claims {
	return claim.New(claim.Config{API: o.buckets(), Bucket: o.env.Bucket, Scope: scope})
}

// outlet is the one of a publisher.
func (o *outlets) outlet(pub *config.Publisher) (sqsin.Outlet, error) {
	claims := o.claims(pub.Client + "/" + pub.Name)
	dead, err := deadout.New(deadout.Config{
		SQS:      o.queues(),
		QueueURL: o.env.QueueURL + o.env.Stack.DeadLetters(pub.Client, pub.Name, pub.FIFO),
		FIFO:     pub.FIFO,
		Claims:   claims,
	})
	if err != nil {
		return sqsin.Outlet{}, err
	}
	outlet := sqsin.Outlet{DeadLetters: dead}
	if pub.Responses != nil {
		outlet.Responses, err = o.responses(pub, claims)
	}
	return outlet, err
}

// responses are where Intercom's answers go.
func (o *outlets) responses(pub *config.Publisher, claims *claim.Claims) (publish.Responder, error) {
	var err error
	switch to := pub.Responses; to.Type {
	case "sqs":
		queue := sqsout.Own(o.env.QueueURL, o.env.Stack.Responses(pub.Client, pub.Name, to.FIFO))
		if to.ARN != "" {
			if queue, err = sqsout.ByARN(to.ARN); err != nil {
				return nil, err
			}
		}
		return sqsout.NewResponses(sqsout.ResponsesConfig{API: o.queues(), Queue: queue, Publisher: pub.Name, Claims: claims}), nil
	case "s3":
		bucket := o.env.Bucket
		if to.ARN != "" {
			if bucket, err = s3out.ByARN(to.ARN); err != nil {
				return nil, err
			}
		}
		return s3out.NewResponses(o.buckets(), bucket, pub.Name), nil
	case "eventbridge":
		bus := busout.Bus{Name: o.env.EventBus}
		if to.ARN != "" {
			if bus, err = busout.ByARN(to.ARN); err != nil {
				return nil, err
			}
		}
		return busout.NewResponses(busout.Config{AWS: o.cloud, Bus: bus, Claims: claims, Trace: trace}, pub.Name), nil
	default:
		return nil, fmt.Errorf("responses of type %s are for a laptop: on AWS they go to sqs, s3 or eventbridge", to.Type)
	}
}

// trace is X-Ray's header of an invocation, under the key by which Lambda's
// runtime passes it on.
func trace(ctx context.Context) string {
	header, _ := ctx.Value("x-amzn-trace-id").(string)
	return header
}
