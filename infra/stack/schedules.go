package stack

import (
	"encoding/json"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsscheduler"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"intercom-connector/internal/config"
	"intercom-connector/internal/names"
	"intercom-connector/internal/schedule"
)

// watch is the schedule that looks after all the others. No subscription can have
// its name.
const watch = "_watch"

// Limits of a firing that could not start its function: Scheduler tries again
// for as long as the firing before the next one is worth anything.
const (
	startAttempts = 20
	minStartAge   = 5 * time.Minute
	maxStartAge   = 6 * time.Hour
	maxWindow     = 5 * time.Minute
)

// scheduled are the subscriptions of all clients that run by themselves.
func scheduled(cfg *config.Config) []*config.Subscription {
	var list []*config.Subscription
	for _, client := range clients(cfg) {
		for _, s := range subscriptions(cfg, client) {
			if s.Schedule != nil && s.Enabled {
				list = append(list, s)
			}
		}
	}
	return list
}

// newSchedules adds what starts the runs and the watch. Where no function reads,
// the first that writes watches: a client may be paused all the same.
func newSchedules(d *drawing, fns functions) {
	started := fns.subscribe
	if len(started) == 0 {
		if len(fns.publish) == 0 {
			return
		}
		started = fns.publish[:1]
		newFailures(d, d.group("Clients", started[0].client, "Publish"), started[0])
	}
	byClient := map[string]function{}
	var targets []*string
	for _, fn := range started {
		byClient[fn.client] = fn
		targets = append(targets, fn.lambda.AttrArn())
	}
	s := scheduler{drawing: d, group: newGroup(d.stack, d.Name.Schedules())}
	groups := []*string{d.groupARN(d.Name.Schedules())}
	if d.density == nested {
		groups = append(groups, d.groupARN(apartGroup(d.Name)))
	}
	role := newRole(d.stack, "SchedulerRole", "scheduler.amazonaws.com", map[string]any{
		"StringEquals": map[string]any{"aws:SourceAccount": awscdk.Aws_ACCOUNT_ID()},
		"ArnEquals":    map[string]any{"aws:SourceArn": groups},
	})
	role.allowMany("Start", []string{"lambda:InvokeFunction"}, targets)
	role.allow("Undelivered", []string{"sqs:SendMessage"}, d.queues.undelivered.AttrArn())
	s.role = role

	hourly, err := schedule.Parse("rate(1 hour)", "")
	if err != nil {
		panic(err)
	}
	s.add(d.stack, "Watch", watch, "Looks after all subscriptions and clients", hourly, started[0], map[string]bool{"watch": true})

	scope := func(name string) constructs.Construct { return d.group("Subscriptions", name) }
	if d.density == nested {
		// Its group has another name: the schedules move there before they leave the
		// other one, and a name is there once in a group.
		within := awscdk.NewNestedStack(d.stack, jsii.String("ScheduleStack"), &awscdk.NestedStackProps{
			Description: jsii.String("The schedules of " + string(d.Name) + ", for which it has no room"),
		})
		within.Node().AddDependency(role.policy())
		s.group, s.apart = newGroup(within, apartGroup(d.Name)), true
		scope = func(name string) constructs.Construct { return constructs.NewConstruct(within, &name) }
	}
	for _, sub := range scheduled(d.Config) {
		s.add(scope(sub.Name), "Schedule", sub.Name, "Reads "+sub.Entity+" with the client "+sub.Client, sub.Schedule, byClient[sub.Client],
			map[string]string{"subscription": sub.Name})
	}
}

// apartGroup is the group of schedules in a stack of their own.
func apartGroup(stack names.Stack) string { return stack.Schedules() + "_apart" }

func newGroup(scope constructs.Construct, name string) awsscheduler.CfnScheduleGroup {
	return awsscheduler.NewCfnScheduleGroup(scope, jsii.String("Schedules"), &awsscheduler.CfnScheduleGroupProps{Name: &name})
}

func (d *drawing) groupARN(name string) *string {
	return d.stack.FormatArn(&awscdk.ArnComponents{Service: jsii.String("scheduler"), Resource: jsii.String("schedule-group"), ResourceName: &name})
}

// A scheduler is what schedules have in common.
type scheduler struct {
	*drawing

	group awsscheduler.CfnScheduleGroup
	role  role
	apart bool // in another stack than the role, and that waits for the role as a whole
}

func (s *scheduler) add(scope constructs.Construct, id, name, description string, when *schedule.Schedule, fn function, input any) {
	data, err := json.Marshal(input)
	if err != nil {
		panic(err) // texts and truth values only
	}
	made := awsscheduler.NewCfnSchedule(scope, &id, &awsscheduler.CfnScheduleProps{
		Name:                       &name,
		GroupName:                  s.group.Ref(),
		Description:                &description,
		ScheduleExpression:         jsii.String(when.String()),
		ScheduleExpressionTimezone: jsii.String(when.Timezone()),
		FlexibleTimeWindow:         window(when.Period()),
		State:                      jsii.String("ENABLED"),
		Target: &awsscheduler.CfnSchedule_TargetProperty{
			Arn:              fn.lambda.AttrArn(),
			RoleArn:          s.role.arn(),
			Input:            jsii.String(string(data)),
			RetryPolicy:      retries(when.Period()),
			DeadLetterConfig: &awsscheduler.CfnSchedule_DeadLetterConfigProperty{Arn: s.queues.undelivered.AttrArn()},
		},
	})
	if !s.apart {
		made.Node().AddDependency(s.role.policy())
	}
}

// window is how late a firing may be: a tenth of the period, so that not all
// schedules of the world fire at the full hour.
func window(period time.Duration) *awsscheduler.CfnSchedule_FlexibleTimeWindowProperty {
	if late := min(period/10, maxWindow).Truncate(time.Minute); late > 0 {
		return &awsscheduler.CfnSchedule_FlexibleTimeWindowProperty{
			Mode: jsii.String("FLEXIBLE"), MaximumWindowInMinutes: jsii.Number(late.Minutes()),
		}
	}
	return &awsscheduler.CfnSchedule_FlexibleTimeWindowProperty{Mode: jsii.String("OFF")}
}

// retries is about starting a function only: what becomes of the run is for the
// function's own failure destination.
func retries(period time.Duration) *awsscheduler.CfnSchedule_RetryPolicyProperty {
	age := min(max(period, minStartAge), maxStartAge)
	if period == 0 { // it fires once
		age = maxStartAge
	}
	return &awsscheduler.CfnSchedule_RetryPolicyProperty{
		MaximumRetryAttempts: jsii.Number(startAttempts), MaximumEventAgeInSeconds: jsii.Number(age.Seconds()),
	}
}
