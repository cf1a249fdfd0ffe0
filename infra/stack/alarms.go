package stack

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/jsii-runtime-go"

	"intercom-connector/internal/names"
)

const (
	minute = 60
	hour   = 60 * minute
	// maxMetrics is how many metrics one alarm can compute with.
	maxMetrics = 10
	// oldest is when a waiting message is about to be lost: four days are left.
	oldest = 10 * 24 * hour
)

// newTopic adds what all alarms tell.
func newTopic(d *drawing) awssns.Topic {
	topic := awssns.NewTopic(d.stack, jsii.String("Alarms"), &awssns.TopicProps{
		TopicName:   jsii.String(topicName(d)),
		DisplayName: jsii.String(string(d.Name)),
		EnforceSSL:  jsii.Bool(true),
	})
	suppress(topic, "AwsSolutions-SNS2", "SNS keeps messages on encrypted disks. CloudWatch cannot publish under AWS's own key, "+
		"and a key of one's own costs a dollar a month for messages that hold an alarm's name and text.")
	// A policy takes the place of the one that every topic has, which lets the
	// account's alarms publish.
	topic.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid:        jsii.String("Alarms"),
		Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(jsii.String("cloudwatch.amazonaws.com"), nil)},
		Actions:    jsii.Strings("sns:Publish"),
		Resources:  &[]*string{topic.TopicArn()},
		Conditions: &map[string]any{
			"StringEquals": map[string]any{"aws:SourceAccount": awscdk.Aws_ACCOUNT_ID()},
			"ArnLike":      map[string]any{"aws:SourceArn": d.arn("cloudwatch", "alarm", string(d.Name)+"_*")},
		},
	}))
	if address := d.Config.Stack.AlarmEmail; address != "" {
		awssns.NewCfnSubscription(d.stack, jsii.String("AlarmEmail"), &awssns.CfnSubscriptionProps{
			TopicArn: topic.TopicArn(), Protocol: jsii.String("email"), Endpoint: &address,
			RedrivePolicy: map[string]any{"deadLetterTargetArn": d.queues.undelivered.AttrArn()},
		})
	}
	d.output(names.OutputTopic, topic.TopicArn(), "What all alarms tell: subscribe to it")
	return topic
}

func topicName(d *drawing) string { return string(d.Name) + "_alarms" }

// topicARN is the ARN of that topic, for what is drawn before it.
func (d *drawing) topicARN() *string {
	return d.stack.FormatArn(&awscdk.ArnComponents{Service: jsii.String("sns"), Resource: jsii.String(topicName(d))})
}

// An alarm is what somebody is woken up for. Its id is its name, and a section of
// docs/operations.md.
type alarm struct {
	id        string
	metrics   []metric
	combine   string  // of several metrics: SUM or MAX
	threshold float64 // at or above
	period    float64 // seconds
	// of periods so many have to be breaching.
	periods, breaching float64

	meaning string // a sentence
	command string // the first one to type
}

// A metric is one of CloudWatch's.
type metric struct {
	namespace, name  string
	dimension, value string
	statistic        string
}

// subject is whose metric it is, as a part of a name: "" for the whole stack's.
func (m metric) subject(stack names.Stack) string {
	if m.dimension == names.DimensionStack {
		return ""
	}
	return strings.TrimPrefix(m.value, string(stack))
}

// own is one of the connector's own metrics.
func (d *drawing) own(name, statistic string) metric {
	return metric{names.Namespace, name, names.DimensionStack, string(d.Name), statistic}
}

// waiting is SQS's metric of messages that are there.
const waiting = "ApproximateNumberOfMessagesVisible"

func queueMetrics(name string, queues ...string) []metric {
	var list []metric
	for _, queue := range queues {
		list = append(list, metric{"AWS/SQS", name, "QueueName", queue, "Maximum"})
	}
	return list
}

func functionMetrics(name, statistic string, fns ...function) []metric {
	var list []metric
	for _, fn := range fns {
		list = append(list, metric{"AWS/Lambda", name, "FunctionName", fn.name, statistic})
	}
	return list
}

// newAlarms adds the alarms: of few kinds, because each metric that is looked at
// costs ten cents a month, and because each alarm has to mean something.
func newAlarms(d *drawing, topic awssns.Topic, fns functions) {
	for _, a := range alarms(d, fns) {
		if d.density == spacious {
			for _, m := range a.metrics {
				newAlarm(d, topic, a, a.id+m.subject(d.Name), []metric{m})
			}
			continue
		}
		i := 0
		for part := range slices.Chunk(a.metrics, maxMetrics) {
			newAlarm(d, topic, a, numbered(a.id, i), part)
			i++
		}
	}
}

func alarms(d *drawing, fns functions) []alarm {
	stack := " --stack " + string(d.Name)
	hourly := func(id, name, meaning, command string) alarm {
		// The watch speaks once an hour, and only if there is something to say: two
		// hours, or the alarm would end between two of its words.
		return alarm{
			id: id, metrics: []metric{d.own(name, "Maximum")}, threshold: 1, period: hour, periods: 2, breaching: 1,
			meaning: meaning, command: command,
		}
	}
	var list []alarm
	if len(fns.subscribe) > 0 {
		list = append(list,
			hourly("Failed", names.MetricFailed, "The last run of a subscription failed. Nothing is lost: its next run goes on from the same place.", "connector status"+stack),
			hourly("Overdue", names.MetricOverdue, "A subscription has not had a successful run for three of its firings.", "connector status"+stack),
			hourly("Incomplete", names.MetricIncomplete, "A run has read fewer records than Intercom says there are. What it read is delivered, but its position has not moved.", "connector status"+stack),
			alarm{
				id: "Quarantined", metrics: []metric{d.own(names.MetricQuarantined, "Sum")}, threshold: 1, period: hour, periods: 1, breaching: 1,
				meaning: "A record could not be transformed or delivered and lies in the bucket below " + names.QuarantinePrefix + ". The runs go on without it.",
				command: "connector logs" + stack,
			},
		)
	}
	list = append(list,
		hourly("Paused", names.MetricPaused, "A client is paused: its token is revoked or its workspace locked, and its messages wait. After 14 days they are lost.", "connector status"+stack),
		alarm{
			id: "DeadLetters", metrics: queueMetrics(waiting, d.queues.dead...), combine: "SUM",
			threshold: 1, period: 5 * minute, periods: 1, breaching: 1,
			meaning: "A message could not be published. It is kept for 14 days with the reason.", command: "connector dead-letters list" + stack,
		},
		alarm{
			id: "OldestMessage", metrics: queueMetrics("ApproximateAgeOfOldestMessage", d.queues.messages...), combine: "MAX",
			threshold: oldest, period: 15 * minute, periods: 1, breaching: 1,
			meaning: "A message has waited in its queue for ten days. After 14 it is lost.", command: "connector status" + stack,
		},
		alarm{
			id: "Undelivered", metrics: queueMetrics(waiting, d.Name.Undelivered()),
			threshold: 1, period: 5 * minute, periods: 1, breaching: 1,
			meaning: "A schedule could not start its function, or a run ended in an error. The record of it waits in the queue " + d.Name.Undelivered() + ".",
			command: "connector logs" + stack,
		},
		alarm{
			id: "Errors", metrics: functionMetrics("Errors", "Sum", fns.all()...), combine: "SUM",
			threshold: 1, period: 5 * minute, periods: 1, breaching: 1,
			meaning: "A function has failed, crashed or run out of time.", command: "connector logs" + stack,
		},
		alarm{
			id: "Throttles", metrics: functionMetrics("Throttles", "Sum", fns.all()...), combine: "SUM",
			threshold: 1, period: 5 * minute, periods: 3, breaching: 2,
			meaning: "The account has no room for the functions to run: its limit of concurrent executions is reached. They are started again later.",
			command: "aws lambda get-account-settings",
		},
	)
	// A long run stops by itself well before its time is up, and goes on in
	// another invocation: one that comes nearer than this did not stop.
	if len(fns.subscribe) > 0 {
		list = append(list, nearTimeout("SubscribeDuration", stack, subscribeTimeout-15, fns.subscribe))
	}
	if len(fns.publish) > 0 {
		list = append(list, nearTimeout("PublishDuration", stack, publishTimeout*0.9, fns.publish))
	}
	return list
}

func nearTimeout(id, stack string, seconds float64, fns []function) alarm {
	return alarm{
		id: id, metrics: functionMetrics("Duration", "Maximum", fns...), combine: "MAX",
		threshold: seconds * 1000, period: 5 * minute, periods: 1, breaching: 1,
		meaning: fmt.Sprintf("An invocation took more than %v of the %v seconds that it may.", seconds, fns[0].timeout),
		command: "connector logs" + stack,
	}
}

func newAlarm(d *drawing, topic awssns.Topic, a alarm, id string, metrics []metric) {
	description := fmt.Sprintf("%s First: %s. More: docs/operations.md#%s", a.meaning, a.command, strings.ToLower(a.id))
	props := &awscloudwatch.CfnAlarmProps{
		AlarmName:          jsii.String(string(d.Name) + "_" + id),
		AlarmDescription:   &description,
		ComparisonOperator: jsii.String("GreaterThanOrEqualToThreshold"),
		Threshold:          &a.threshold,
		EvaluationPeriods:  &a.periods,
		DatapointsToAlarm:  &a.breaching,
		TreatMissingData:   jsii.String("notBreaching"),
		AlarmActions:       &[]any{topic.TopicArn()},
		OkActions:          &[]any{topic.TopicArn()},
	}
	if len(metrics) == 1 {
		m := metrics[0]
		props.Namespace, props.MetricName, props.Statistic, props.Period = &m.namespace, &m.name, &m.statistic, &a.period
		props.Dimensions = []any{&awscloudwatch.CfnAlarm_DimensionProperty{Name: &m.dimension, Value: &m.value}}
	} else {
		props.Metrics = a.queries(metrics)
	}
	awscloudwatch.NewCfnAlarm(d.group("Alarm"), &id, props)
}

// queries computes one value of several metrics. One without data, such as that
// of a queue that nobody has used for hours, counts for nothing.
func (a alarm) queries(metrics []metric) []any {
	queries := []any{&awscloudwatch.CfnAlarm_MetricDataQueryProperty{
		Id: jsii.String("all"), Label: &a.id, ReturnData: true,
		Expression: jsii.String(a.combine + "(METRICS())"),
	}}
	for i, m := range metrics {
		queries = append(queries, &awscloudwatch.CfnAlarm_MetricDataQueryProperty{
			Id: jsii.String("m" + strconv.Itoa(i)), ReturnData: false,
			MetricStat: &awscloudwatch.CfnAlarm_MetricStatProperty{
				Metric: &awscloudwatch.CfnAlarm_MetricProperty{
					Namespace: &m.namespace, MetricName: &m.name,
					Dimensions: []any{&awscloudwatch.CfnAlarm_DimensionProperty{Name: &m.dimension, Value: &m.value}},
				},
				Stat: &m.statistic, Period: &a.period,
			},
		})
	}
	return queries
}

// numbered tells the parts of something apart: Errors, Errors2, Errors3.
func numbered(id string, i int) string {
	if i == 0 {
		return id
	}
	return id + strconv.Itoa(i+1)
}
