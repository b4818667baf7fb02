package platform

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// logDays is how long lines are kept: as long as a question about last quarter's bill.
const logDays = 90

// newObservability makes what is looked at. It knows the rest by name, is there before it, and stays when it is destroyed.
func newObservability(scope constructs.Construct, n names) {
	logs := map[string]awslogs.LogGroup{}
	for _, f := range functions {
		logs[f] = newLogs(scope, "Logs"+camel(f), n.logGroup(f))
	}
	newLogs(scope, "LogsPage", n.logGroup(pagesHandler))
	access := newLogs(scope, "LogsAccess", n.accessLog())
	newFilter(scope, n, access, metricServerErrors, "{ $.status >= 500 }")
	newFilter(scope, n, access, metricRefused, "{ $.status = 429 }")
	newFilter(scope, n, logs[jobs], metricErasures, `{ $.operation = "jobs.erasure" && $.outcome = "failed" }`)
	newAlarms(scope, n, newTopic(scope, n))
	newDashboard(scope, n)
}

func newLogs(scope constructs.Construct, id, name string) awslogs.LogGroup {
	return awslogs.NewLogGroup(scope, text(id), &awslogs.LogGroupProps{
		LogGroupName: text(name), Retention: awslogs.RetentionDays_THREE_MONTHS, RemovalPolicy: retain,
	})
}

// What is counted in lines, under the stage's own namespace.
const (
	metricServerErrors = "ServerErrors"
	metricRefused      = "Refused"
	metricErasures     = "FailedErasures"
)

// counted is the namespace of what filters count.
func (n names) counted() string { return "Tenantry/" + n.Stage }

func newFilter(scope constructs.Construct, n names, logs awslogs.LogGroup, metric, pattern string) {
	awslogs.NewMetricFilter(scope, text("Filter"+metric), &awslogs.MetricFilterProps{
		LogGroup: logs, FilterPattern: awslogs.FilterPattern_Literal(text(pattern)), MetricNamespace: text(n.counted()), MetricName: text(metric), MetricValue: text("1"),
		DefaultValue: jsii.Number(0),
	})
}
