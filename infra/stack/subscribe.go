package stack

import (
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"

	"intercom-connector/internal/config"
	"intercom-connector/internal/names"
)

// newSubscribe adds the function that reads with a client.
func newSubscribe(d *drawing, client string, subs []*config.Subscription) function {
	scope := d.group("Clients", client, "Subscribe")
	fn := newFunction(d, scope, functionProps{
		kind:        Subscribe,
		name:        d.Name.SubscribeFunction(client),
		description: "Reads from Intercom with the client " + client,
		client:      client,
		timeout:     subscribeTimeout,
		memory:      subscribeMemory,
		recursive:   true, // a long run goes on in another invocation of its own
	})
	fn.role.allow("Token", []string{"secretsmanager:GetSecretValue"}, d.secretARN(d.Name.Token(client)))
	fn.role.wildcard(secretSuffix, secretReason)
	fn.role.allow("GoOn", []string{"lambda:InvokeFunction"}, d.functionARN(fn.name))
	fn.role.allow("Undelivered", []string{"sqs:SendMessage"}, d.queues.undelivered.AttrArn())
	grantDestinations(d, fn.role, client, "events", names.EventsPrefix, events(subs))
	if slices.ContainsFunc(subs, func(s *config.Subscription) bool { return s.To.Type != "s3" }) {
		grantLeave(d, fn.role, client)
	}
	grantQuarantine(d, fn.role, subs)

	// A run that fails is not tried again: the next firing goes on with it. The
	// record of it goes where somebody sees it.
	failures := awslambda.NewCfnEventInvokeConfig(scope, jsii.String("Failures"), &awslambda.CfnEventInvokeConfigProps{
		FunctionName:             fn.lambda.Ref(),
		Qualifier:                jsii.String("$LATEST"),
		MaximumRetryAttempts:     jsii.Number(0),
		MaximumEventAgeInSeconds: jsii.Number(6 * 60 * 60), // for an invocation that Lambda has no room for
		DestinationConfig: &awslambda.CfnEventInvokeConfig_DestinationConfigProperty{
			OnFailure: &awslambda.CfnEventInvokeConfig_OnFailureProperty{Destination: d.queues.undelivered.AttrArn()},
		},
	})
	failures.Node().AddDependency(fn.role.policy())
	return fn
}

// events are where the subscriptions' events go.
func events(subs []*config.Subscription) []target {
	var list []target
	for _, s := range subs {
		list = append(list, target{s.Name, &s.To})
	}
	return list
}

// maxListed is how many subscriptions of a client are named one by one. A role has
// room for ten policies, and what goes to the bucket needs nine of them.
const maxListed = 100

// grantQuarantine lets a role put aside what cannot go on.
func grantQuarantine(d *drawing, r role, subs []*config.Subscription) {
	var objects []*string
	for _, s := range subs {
		objects = append(objects, d.objects(names.QuarantinePrefix+s.Name+"/*"))
	}
	if len(objects) > maxListed {
		objects = []*string{d.objects(names.QuarantinePrefix + "*")}
	}
	r.allowMany("Quarantine", []string{"s3:PutObject"}, objects)
	r.wildcard(names.QuarantinePrefix+`([^/]+/)?\*`, objectNames)
}
