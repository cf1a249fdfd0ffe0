package stack

import (
	"encoding/json"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/jsii-runtime-go"

	"intercom-connector/internal/names"
)

// A widget is one picture of the dashboard, in the words of CloudWatch.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
type widget struct {
	Type       string `json:"type"`
	X          int    `json:"x"`
	Y          int    `json:"y"`
	Width      int    `json:"width"`
	Height     int    `json:"height"`
	Properties any    `json:"properties"`
}

type graph struct {
	Title   string  `json:"title"`
	Region  string  `json:"region"`
	View    string  `json:"view"`
	Stacked bool    `json:"stacked"`
	Period  int     `json:"period"`
	Metrics [][]any `json:"metrics"`
}

type text struct {
	Markdown string `json:"markdown"`
}

// newDashboard adds one page for whoever is on call: from left to right and from
// top to bottom what was read, what was written, and how the functions are.
func newDashboard(d *drawing, fns functions) {
	stack := string(d.Name)
	var widgets []widget
	row, column := 0, 0
	place := func(kind string, width, height int, properties any) {
		if column+width > 24 {
			row, column = row+6, 0
		}
		widgets = append(widgets, widget{kind, column, row, width, height, properties})
		column += width
	}
	line := func(title string, metrics ...metric) {
		g := graph{Title: title, Region: "${AWS::Region}", View: "timeSeries", Period: 5 * minute}
		for _, m := range metrics {
			label := m.name
			if m.dimension != names.DimensionStack {
				label = m.value
			}
			g.Metrics = append(g.Metrics, []any{m.namespace, m.name, m.dimension, m.value, map[string]string{"stat": m.statistic, "label": label}})
		}
		if len(g.Metrics) > 0 {
			place("metric", 8, 6, g)
		}
	}

	place("text", 24, 2, text{"**" + stack + "**: `connector status --stack " + stack + "` says how each subscription and publisher is, " +
		"`connector logs --stack " + stack + "` what happened. What each alarm means: docs/operations.md"})
	row, column = 2, 0
	if len(fns.subscribe) > 0 {
		line("Records read", d.own(names.MetricRecords, "Sum"), d.own(names.MetricDuplicates, "Sum"), d.own(names.MetricQuarantined, "Sum"))
		line("Lag in seconds: the age of the oldest position", d.own(names.MetricLag, "Maximum"))
	}
	line("Requests to Intercom", d.own(names.MetricRequests, "Sum"))
	line("Rate limit left, in percent", d.own(names.MetricRateLimitLeft, "Minimum"))
	if len(fns.subscribe) > 0 {
		line("Subscriptions that failed, are overdue or incomplete", d.own(names.MetricFailed, "Maximum"), d.own(names.MetricOverdue, "Maximum"), d.own(names.MetricIncomplete, "Maximum"))
	}
	if len(d.queues.dead) > 0 {
		line("Messages published", d.own(names.MetricPublished, "Sum"), d.own(names.MetricRetried, "Sum"), d.own(names.MetricDead, "Sum"), d.own(names.MetricUnknown, "Sum"), d.own(names.MetricPaused, "Maximum"))
		line("Dead letters", queueMetrics(waiting, d.queues.dead...)...)
	}
	line("Messages waiting", queueMetrics(waiting, d.queues.messages...)...)
	line("Not started or ended in an error", queueMetrics(waiting, d.Name.Undelivered())...)
	line("Errors of the functions", functionMetrics("Errors", "Sum", fns.all()...)...)
	line("Throttled", functionMetrics("Throttles", "Sum", fns.all()...)...)
	line("Duration in milliseconds", functionMetrics("Duration", "Maximum", fns.all()...)...)

	body, err := json.Marshal(map[string]any{"widgets": widgets})
	if err != nil {
		panic(err)
	}
	// The only thing that is not known yet is the region.
	awscloudwatch.NewCfnDashboard(d.stack, jsii.String("DashboardPage"), &awscloudwatch.CfnDashboardProps{
		DashboardName: &stack, DashboardBody: awscdk.Fn_Sub(jsii.String(string(body)), nil),
	})
	d.output(names.OutputDashboard, awscdk.Fn_Sub(jsii.String(
		"https://${AWS::Region}.console.aws.amazon.com/cloudwatch/home?region=${AWS::Region}#dashboards/dashboard/"+stack), nil), "What to look at")
}
