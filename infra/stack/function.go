package stack

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3assets"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"intercom-connector/internal/names"
)

// How long an invocation may take, in seconds.
const (
	// The most there is: a run that needs longer invokes itself again, and each
	// time reads the configuration, the token and the position anew.
	subscribeTimeout = 15 * 60
	// Ten messages of one group, one after the other, each with the three requests
	// of a conflict, or one wait for the rate limit.
	publishTimeout = 120
	// API Gateway waits no longer.
	callbackTimeout = 29
)

// Memory in MB, and with it the share of a processor: Lambda gives a whole one
// at 1,769.
const (
	// A run of 100,000 contacts stays below 128, most of it pages under way. What
	// 512 buys is a third of a processor for jq and gzip, which take longer than
	// Intercom with less.
	subscribeMemory = 512
	// Ten messages and their answers.
	publishMemory = 256
	// One page, but a person waits for it.
	callbackMemory = 256
)

// A code is a function's program as it lies in the bucket of the CDK: one for
// all clients.
type code struct{ bucket, key *string }

func newCode(d *drawing) map[Function]code {
	made := map[Function]code{}
	for _, kind := range Functions(d.Config) {
		id := map[Function]string{Subscribe: "Subscribe", Publish: "Publish", Callback: "Callback"}[kind]
		asset := awss3assets.NewAsset(d.group("Code"), &id, &awss3assets.AssetProps{Path: jsii.String(d.Code[kind])})
		made[kind] = code{asset.S3BucketName(), asset.S3ObjectKey()}
	}
	return made
}

// functionProps are what one function has and another has not.
type functionProps struct {
	kind        Function
	name        string
	description string
	client      string // "" for the callback
	timeout     float64
	memory      float64
	recursive   bool // may invoke itself more often than Lambda takes for a mistake
}

// A function is one Lambda function with its role.
type function struct {
	client  string
	name    string
	timeout float64 // seconds
	lambda  awslambda.CfnFunction
	role    role
}

// newFunction adds a function that may log and remember, and nothing else.
func newFunction(d *drawing, scope constructs.Construct, props functionProps) function {
	logs := newLogGroup(d, scope, names.LogGroup(props.name))
	role := newRole(scope, "Role", "lambda.amazonaws.com", nil)
	// The ARN of a log group ends in a star for its streams.
	role.allow("Logs", []string{"logs:CreateLogStream", "logs:PutLogEvents"}, logs.AttrArn())
	role.unlinted("W3037") // of the actions' names: see send
	role.allow("State", []string{"dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:DeleteItem", "dynamodb:Query"}, d.storage.table.TableArn())

	environment := map[string]any{
		names.EnvStack:      string(d.Name),
		names.EnvStateTable: d.storage.table.TableName(),
		names.EnvBucket:     d.storage.bucket.BucketName(),
		names.EnvQueueURL:   d.queues.prefix,
	}
	if props.client != "" {
		environment[names.EnvClient] = props.client
	}
	if d.storage.bus != nil {
		environment[names.EnvEventBus] = d.Name.EventBus()
	}
	fn := awslambda.NewCfnFunction(scope, jsii.String("Function"), &awslambda.CfnFunctionProps{
		FunctionName:  &props.name,
		Description:   &props.description,
		Runtime:       jsii.String("provided.al2023"),
		Handler:       jsii.String("bootstrap"),
		Architectures: &[]*string{jsii.String(string(d.Arch))},
		Code:          &awslambda.CfnFunction_CodeProperty{S3Bucket: d.code[props.kind].bucket, S3Key: d.code[props.kind].key},
		Role:          role.arn(),
		Timeout:       &props.timeout,
		MemorySize:    &props.memory,
		Environment:   &awslambda.CfnFunction_EnvironmentProperty{Variables: environment},
		LoggingConfig: &awslambda.CfnFunction_LoggingConfigProperty{
			LogGroup:            logs.Ref(),
			LogFormat:           jsii.String("JSON"),
			ApplicationLogLevel: jsii.String("INFO"),
			SystemLogLevel:      jsii.String("INFO"),
		},
		RecursiveLoop: recursiveLoop(props.recursive),
		TracingConfig: d.tracing(role),
		VpcConfig:     d.network(role),
	})
	// Lambda looks at what the role may do when it is told to poll a queue.
	fn.Node().AddDependency(role.policy())
	return function{client: props.client, name: props.name, timeout: props.timeout, lambda: fn, role: role}
}

// newFailures says what becomes of an invocation that nobody waits for and that
// fails: it is not tried again, because the next firing goes on with its work. The
// record of it goes where somebody sees it.
func newFailures(d *drawing, scope constructs.Construct, fn function) {
	fn.role.allow("Undelivered", []string{"sqs:SendMessage"}, d.queues.undelivered.AttrArn())
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
}

func recursiveLoop(allowed bool) *string {
	if allowed {
		return jsii.String("Allow")
	}
	return jsii.String("Terminate")
}

// tracing switches X-Ray on where the user wants it.
func (d *drawing) tracing(r role) any {
	if !d.Config.Stack.Tracing {
		return nil
	}
	r.allow("Tracing", []string{"xray:PutTraceSegments", "xray:PutTelemetryRecords"}, jsii.String("*"))
	r.wildcard(`Resource::\*`, "X-Ray has no resources to name.")
	return &awslambda.CfnFunction_TracingConfigProperty{Mode: jsii.String("Active")}
}

// network puts a function into the user's VPC, for a fixed address.
func (d *drawing) network(r role) any {
	n := d.Config.Stack.Network
	if n == nil {
		return nil
	}
	r.allow("Network", []string{
		"ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets",
		"ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses",
	}, jsii.String("*"))
	r.wildcard(`Resource::\*`, "Lambda makes the interfaces, and their ids are known to nobody before. NetworkByLambdaOnly keeps the function itself from doing so.")
	r.role.AddToPrincipalPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid:       jsii.String("NetworkByLambdaOnly"),
		Effect:    awsiam.Effect_DENY,
		Actions:   jsii.Strings("ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses"),
		Resources: jsii.Strings("*"),
		// Set only where the code in the function asks.
		// https://docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html
		Conditions: &map[string]any{"Null": map[string]any{"lambda:SourceFunctionArn": "false"}},
	}))
	subnets, groups := jsii.Strings(n.Subnets...), jsii.Strings(n.SecurityGroups...)
	return &awslambda.CfnFunction_VpcConfigProperty{SubnetIds: subnets, SecurityGroupIds: groups}
}

// functionARN is a function's ARN by its name: a role that names its own
// function cannot wait for it to be there.
func (d *drawing) functionARN(name string) *string { return d.arn("lambda", "function", name) }

// arn is the ARN service:resource:name of this account and region.
func (d *drawing) arn(service, resource, name string) *string {
	return d.stack.FormatArn(&awscdk.ArnComponents{
		Service: &service, Resource: &resource, ResourceName: &name, ArnFormat: awscdk.ArnFormat_COLON_RESOURCE_NAME,
	})
}

// newLogGroup adds a log group that ends with the stack: it says what happened,
// and has nothing that is needed again.
func newLogGroup(d *drawing, scope constructs.Construct, name string) awslogs.CfnLogGroup {
	days := d.Config.Stack.LogRetention
	if days == 0 {
		days = 30
	}
	logs := awslogs.NewCfnLogGroup(scope, jsii.String("Logs"), &awslogs.CfnLogGroupProps{
		LogGroupName: &name, RetentionInDays: jsii.Number(days),
	})
	logs.ApplyRemovalPolicy(awscdk.RemovalPolicy_DESTROY, nil)
	return logs
}
