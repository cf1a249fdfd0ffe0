package stack

import (
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsssm"
	"github.com/aws/jsii-runtime-go"

	"intercom-connector/internal/config"
	"intercom-connector/internal/names"
)

const (
	// Ten messages are one request to SQS, and no message waits for a batch to fill.
	batch = 10
	// The governor spreads the requests over what Intercom allows, and 50 messages
	// under way are more than that; each further invocation only takes a share of
	// the account's concurrency.
	concurrency = 5
)

// newPublish adds the function that writes with a client, and what feeds it.
func newPublish(d *drawing, client string, pubs []*config.Publisher) function {
	scope := d.group("Clients", client, "Publish")
	fn := newFunction(d, scope, functionProps{
		kind:        Publish,
		name:        d.Name.PublishFunction(client),
		description: "Writes to Intercom with the client " + client,
		client:      client,
		timeout:     publishTimeout,
		memory:      publishMemory,
	})
	fn.role.allow("Token", []string{"secretsmanager:GetSecretValue"}, d.secretARN(d.Name.Token(client)))
	fn.role.wildcard(secretSuffix, secretReason)
	fn.role.allowOwn(d, "Messages", []string{
		"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes",
		"sqs:ChangeMessageVisibilityBatch", // as send has it
	}, client, "messages")
	fn.role.allowOwn(d, "DeadLetters", []string{"sqs:SendMessage"}, client, "dead")
	grantDestinations(d, fn.role, client, "responses", names.ResponsesPrefix, responses(pubs))
	grantLeave(d, fn.role, client) // dead letters, too
	grantClaims(d, fn.role, client, pubs)
	grantPause(d, fn.role, client)

	var mappings []string
	for _, p := range pubs {
		line := d.queues.publishers[p.Name]
		mapping := awslambda.NewCfnEventSourceMapping(d.group("Publishers", p.Name), jsii.String("Mapping"), &awslambda.CfnEventSourceMappingProps{
			// Whether it is enabled is nowhere said: pausing disables it, and a
			// deployment must not undo that.
			FunctionName:          fn.lambda.Ref(),
			EventSourceArn:        line.messages.AttrArn(),
			BatchSize:             jsii.Number(batch),
			FunctionResponseTypes: jsii.Strings("ReportBatchItemFailures"),
			ScalingConfig:         &awslambda.CfnEventSourceMapping_ScalingConfigProperty{MaximumConcurrency: jsii.Number(concurrency)},
		})
		mappings = append(mappings, p.Name+"="+*mapping.Ref())
	}
	newMappings(d, client, mappings)
	return fn
}

// responses are where the publishers' responses go.
func responses(pubs []*config.Publisher) []target {
	var list []target
	for _, p := range pubs {
		if p.Responses != nil {
			list = append(list, target{p.Name, p.Responses})
		}
	}
	return list
}

// grantClaims lets a role get what was left for the client's publishers: by the
// client itself, by those who send with the command line, and by the
// subscriptions of other clients that feed a publisher.
func grantClaims(d *drawing, r role, client string, pubs []*config.Publisher) {
	fed := map[string]bool{}
	for _, p := range pubs {
		fed[p.Name] = true
	}
	objects := []*string{d.objects(names.ClaimsPrefix + client + "/*")}
	for _, name := range slices.Sorted(maps.Keys(d.Config.Subscriptions)) {
		if s := d.Config.Subscriptions[name]; s.To.Type == "publisher" && fed[s.To.Name] && s.Client != client {
			objects = append(objects, d.objects(names.ClaimsPrefix+s.Client+"/"+name+"/*"))
		}
	}
	r.allowMany("Claims", []string{"s3:GetObject"}, objects)
	r.wildcard(names.ClaimsPrefix+`.*/\*`, objectNames)
	// Who may not list is told that he may not read, where an object is gone: a
	// message would be tried for hours that cannot come back.
	r.allow("ClaimsGone", []string{"s3:ListBucket"}, d.storage.bucket.BucketArn())
}

// grantPause lets a role stop and start what feeds the publish function of
// clients. A mapping has no name, so a role can only say whose it is.
func grantPause(d *drawing, r role, clients ...string) {
	var parameters, functions []*string
	for _, client := range clients {
		parameters = append(parameters, d.stack.FormatArn(&awscdk.ArnComponents{
			Service: jsii.String("ssm"), Resource: jsii.String("parameter"), ResourceName: jsii.String(strings.TrimPrefix(d.Name.Mappings(client), "/")),
		}))
		functions = append(functions, d.functionARN(d.Name.PublishFunction(client)))
	}
	r.allow("Mappings", []string{"ssm:GetParameter"}, parameters...)
	r.allowIf("Pause", map[string]any{"ArnEquals": map[string]any{"lambda:FunctionArn": functions}},
		[]string{"lambda:UpdateEventSourceMapping"}, d.arn("lambda", "event-source-mapping", "*"))
	r.wildcard(`:event-source-mapping:\*`, "A mapping has no name of ours; the condition says whose mappings are meant.")
}

// maxAdvancedParameter is how much a parameter holds. Beyond 4096 bytes it costs
// five cents a month.
const maxAdvancedParameter = 8192

// newMappings adds the parameter that tells a function the ids of its mappings:
// its environment cannot, because they are made after it.
func newMappings(d *drawing, client string, values []string) {
	awsssm.NewCfnParameter(d.group("Clients", client), jsii.String("Mappings"), &awsssm.CfnParameterProps{
		Name:        jsii.String(d.Name.Mappings(client)),
		Description: jsii.String("What feeds each publisher of the client " + client),
		Type:        jsii.String("String"),
		// What was large cannot be told to be small again: AWS refuses that.
		Tier:  jsii.String("Intelligent-Tiering"),
		Value: jsii.String(strings.Join(values, ",")),
	})
}

// mappingsSize is how long the parameter gets: an id has 36 characters.
func mappingsSize(pubs []*config.Publisher) int {
	size := 0
	for _, p := range pubs {
		size += len(p.Name) + len("=,") + 36
	}
	return size
}
