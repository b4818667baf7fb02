package platform

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tenantry/tenantry/pkg/store"
)

// newDashboard shows what the alarms watch, and what it costs.
func newDashboard(scope constructs.Construct, n names) {
	each := func(of []string, m func(string) awscloudwatch.IMetric) *[]awscloudwatch.IMetric {
		all := []awscloudwatch.IMetric{}
		for _, one := range of {
			all = append(all, m(one))
		}
		return &all
	}
	graph := func(title string, metrics *[]awscloudwatch.IMetric) awscloudwatch.IWidget {
		return awscloudwatch.NewGraphWidget(&awscloudwatch.GraphWidgetProps{Title: text(title), Left: metrics, Width: jsii.Number(12)})
	}
	lambda := func(name, statistic string) *[]awscloudwatch.IMetric {
		return each(functions, func(f string) awscloudwatch.IMetric {
			return metric("AWS/Lambda", name, statistic, 5, "FunctionName", n.of(f))
		})
	}
	var tables []string
	for _, t := range store.Tables {
		tables = append(tables, n.table(t))
	}
	dynamo := func(name string) *[]awscloudwatch.IMetric {
		return each(tables, func(t string) awscloudwatch.IMetric { return metric("AWS/DynamoDB", name, "Sum", 5, "TableName", t) })
	}
	sqs := func(name string, queues ...string) *[]awscloudwatch.IMetric {
		return each(queues, func(q string) awscloudwatch.IMetric {
			return metric("AWS/SQS", name, "Maximum", 5, "QueueName", n.of(q))
		})
	}
	counted := func(names ...string) *[]awscloudwatch.IMetric {
		return each(names, func(m string) awscloudwatch.IMetric { return metric(n.counted(), m, "Sum", 5) })
	}
	awscloudwatch.NewDashboard(scope, text("Dashboard"), &awscloudwatch.DashboardProps{
		DashboardName: text("tenantry-" + n.Stage),
		Widgets: &[]*[]awscloudwatch.IWidget{
			{graph("Answers: 5xx and 429", counted(metricServerErrors, metricRefused)), graph("Invocations", lambda("Invocations", "Sum"))},
			{graph("Duration, p95 (ms)", lambda("Duration", "p95")), graph("Errors", lambda("Errors", "Sum"))},
			{graph("Oldest message (s)", sqs("ApproximateAgeOfOldestMessage", ingest, collect, jobs)), graph("Dead letters", sqs("ApproximateNumberOfMessagesVisible", deadQueues...))},
			{graph("Read units", dynamo("ConsumedReadCapacityUnits")), graph("Write units", dynamo("ConsumedWriteCapacityUnits"))},
		},
	})
}
