package stack

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/jsii-runtime-go"

	"intercom-connector/internal/names"
)

// How long the bucket keeps what is not the user's own, in days.
const (
	// A message with a claim may wait 14 days, be a dead letter for another 14
	// and be tried again; the record of its id lives 45, so its body does.
	claimDays = 45
	// Long enough to see why, mend the program and read the record again.
	quarantineDays = 90
	// How long what was overwritten or deleted can be had back, in production.
	versionDays = 30
)

// storage is what the functions remember, and where records go that have no
// queue.
type storage struct {
	table  awsdynamodb.Table
	bucket awss3.Bucket
	bus    awsevents.CfnEventBus // nil where nothing uses it
}

func newStorage(d *drawing) storage {
	s := storage{
		table: awsdynamodb.NewTable(d.stack, jsii.String("State"), &awsdynamodb.TableProps{
			PartitionKey:        &awsdynamodb.Attribute{Name: jsii.String(names.TablePartitionKey), Type: awsdynamodb.AttributeType_STRING},
			SortKey:             &awsdynamodb.Attribute{Name: jsii.String(names.TableSortKey), Type: awsdynamodb.AttributeType_STRING},
			TimeToLiveAttribute: jsii.String(names.TableTTL),
			BillingMode:         awsdynamodb.BillingMode_PAY_PER_REQUEST,
			Encryption:          awsdynamodb.TableEncryption_AWS_MANAGED,
			PointInTimeRecoverySpecification: &awsdynamodb.PointInTimeRecoverySpecification{
				PointInTimeRecoveryEnabled: jsii.Bool(true),
			},
			DeletionProtection: &d.Prod,
			RemovalPolicy:      d.keep(),
		}),
		bucket: newBucket(d),
	}
	if usesBus(d) {
		s.bus = awsevents.NewCfnEventBus(d.stack, jsii.String("EventBus"), &awsevents.CfnEventBusProps{
			Name:        jsii.String(d.Name.EventBus()),
			Description: jsii.String("The events of the subscriptions that name no other bus"),
		})
	}
	d.output(names.OutputStateTable, s.table.TableName(), "Where the connector remembers positions and what it published")
	d.output(names.OutputBucket, s.bucket.BucketName(), "Events, quarantined records and bodies too large for a queue")
	return s
}

func newBucket(d *drawing) awss3.Bucket {
	rule := func(id, prefix string, days float64) *awss3.LifecycleRule {
		return &awss3.LifecycleRule{Id: &id, Prefix: &prefix, Expiration: awscdk.Duration_Days(&days)}
	}
	rules := []*awss3.LifecycleRule{
		rule("claims", names.ClaimsPrefix, claimDays),
		rule("quarantine", names.QuarantinePrefix, quarantineDays),
		{Id: jsii.String("uploads"), AbortIncompleteMultipartUploadAfter: awscdk.Duration_Days(jsii.Number(1))},
	}
	if d.Prod {
		rules = append(rules, &awss3.LifecycleRule{
			Id: jsii.String("versions"), NoncurrentVersionExpiration: awscdk.Duration_Days(jsii.Number(versionDays)),
		})
	}
	bucket := awss3.NewBucket(d.stack, jsii.String("Bucket"), &awss3.BucketProps{
		BlockPublicAccess: awss3.BlockPublicAccess_BLOCK_ALL(),
		ObjectOwnership:   awss3.ObjectOwnership_BUCKET_OWNER_ENFORCED,
		EnforceSSL:        jsii.Bool(true),
		Encryption:        awss3.BucketEncryption_S3_MANAGED,
		// Elsewhere nothing has to be had back, and a stack without versions is
		// easier to empty before it is destroyed.
		Versioned:      &d.Prod,
		LifecycleRules: &rules,
		RemovalPolicy:  d.keep(),
	})
	suppress(bucket, "AwsSolutions-S1",
		"Server access logs need a second bucket that names every key; CloudTrail's data events show the same where somebody needs it.")
	return bucket
}

// usesBus says whether anything goes to the stack's own event bus.
func usesBus(d *drawing) bool {
	for _, s := range d.Config.Subscriptions {
		if made(&s.To, "eventbridge") {
			return true
		}
	}
	for _, p := range d.Config.Publishers {
		if made(p.Responses, "eventbridge") {
			return true
		}
	}
	return false
}

// keep is the removal policy of what holds data.
func (d *drawing) keep() awscdk.RemovalPolicy {
	if d.Prod {
		return awscdk.RemovalPolicy_RETAIN
	}
	return awscdk.RemovalPolicy_DESTROY
}

// output adds one of the stack's outputs, by its own name.
func (d *drawing) output(name string, value *string, description string) {
	out := awscdk.NewCfnOutput(d.group("Outputs"), &name, &awscdk.CfnOutputProps{Value: value, Description: &description})
	out.OverrideLogicalId(&name)
}
