package platform

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatchactions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tenantry/tenantry/pkg/store"
)

// alarm is what somebody is woken for. What to do at each is in docs/operate.md, by name.
type alarm struct {
	name    string
	metric  awscloudwatch.IMetric
	least   float64 // that alarms; for fewer, the most that does
	periods float64 // one after the other, 1 where 0
	fewer   bool    // alarms at least or below, and where there is nothing
	why     string
}

// deadQueues lists those that people must read.
var deadQueues = []string{ingest + deadSuffix, collect + deadSuffix, jobs + deadSuffix, dead}

// oldest says how many minutes a message may wait.
var oldest = map[string]float64{ingest: 60, collect: 120, jobs: 120}

func newAlarms(scope constructs.Construct, n names, topic awssns.ITopic) {
	to := awscloudwatchactions.NewSnsAction(topic)
	for _, a := range n.alarms() {
		operator, missing := awscloudwatch.ComparisonOperator_GREATER_THAN_OR_EQUAL_TO_THRESHOLD, awscloudwatch.TreatMissingData_NOT_BREACHING
		if a.fewer {
			operator, missing = awscloudwatch.ComparisonOperator_LESS_THAN_OR_EQUAL_TO_THRESHOLD, awscloudwatch.TreatMissingData_BREACHING
		}
		it := awscloudwatch.NewAlarm(scope, text("Alarm"+camel(a.name)), &awscloudwatch.AlarmProps{
			AlarmName: text(n.of(a.name)), AlarmDescription: text(a.why), Metric: a.metric, Threshold: jsii.Number(a.least), EvaluationPeriods: jsii.Number(max(a.periods, 1)),
			ComparisonOperator: operator, TreatMissingData: missing,
		})
		it.AddAlarmAction(to)
		it.AddOkAction(to)
	}
}

// alarms lists all.
func (n names) alarms() (all []alarm) {
	for _, q := range deadQueues {
		all = append(all, alarm{name: q + "-letters", metric: metric("AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", 5, "QueueName", n.of(q)), least: 1,
			why: "A message has failed again and again, or could not be sent: its work is not done until somebody sends it back."})
	}
	for _, q := range []string{ingest, collect, jobs} {
		all = append(all, alarm{name: q + "-late", metric: metric("AWS/SQS", "ApproximateAgeOfOldestMessage", "Maximum", 5, "QueueName", n.of(q)), least: oldest[q] * 60, periods: 3,
			why: "Messages wait longer than any that is worked on would: the worker is away, or is given more than it can do."})
	}
	for _, f := range functions {
		all = append(all,
			alarm{name: f + "-errors", metric: metric("AWS/Lambda", "Errors", "Sum", 5, "FunctionName", n.of(f)), least: 1,
				why: "Functions answer what they cannot do; one that ends in an error was killed, ran out of time or memory, or could not start."},
			alarm{name: f + "-throttled", metric: metric("AWS/Lambda", "Throttles", "Sum", 5, "FunctionName", n.of(f)), least: 1, periods: 3,
				why: "The account's concurrency is used up: requests are refused and messages wait."})
	}
	for _, t := range store.Tables {
		all = append(all, alarm{name: string(t) + "-throttled", least: 1, periods: 3,
			metric: awscloudwatch.NewMathExpression(&awscloudwatch.MathExpressionProps{Expression: text("reads + writes"), Period: minutes(5),
				UsingMetrics: &map[string]awscloudwatch.IMetric{
					"reads":  metric("AWS/DynamoDB", "ReadThrottleEvents", "Sum", 5, "TableName", n.table(t)),
					"writes": metric("AWS/DynamoDB", "WriteThrottleEvents", "Sum", 5, "TableName", n.table(t))}}),
			why: "One partition is asked for more than DynamoDB gives it: a tenant is slowed, and the code's own pacing did not help."})
	}
	return append(all,
		alarm{name: "server-errors", metric: metric(n.counted(), metricServerErrors, "Sum", 5), least: 5, periods: 2,
			why: "Callers are answered 5xx, which no request should be: by the functions, or by the gateway for them."},
		alarm{name: "erasure-failed", metric: metric(n.counted(), metricErasures, "Sum", 60), least: 1, periods: 3,
			why: "A tenant's data is not erased, hour after hour, though its owners were told that it would be."},
		alarm{name: "not-reconciled", metric: metric("AWS/Lambda", "Invocations", "Sum", 24*60, "FunctionName", n.of(reconcile)), least: 0, fewer: true,
			why: "No reconciliation has begun for a day: a schedule that is lost stays lost."},
	)
}

func metric(namespace, name, statistic string, every float64, dimensions ...string) awscloudwatch.IMetric {
	by := map[string]*string{}
	for i := 0; i < len(dimensions); i += 2 {
		by[dimensions[i]] = text(dimensions[i+1])
	}
	return awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace: text(namespace), MetricName: text(name), Statistic: text(statistic), Period: minutes(every), DimensionsMap: &by})
}

func minutes(n float64) awscdk.Duration { return awscdk.Duration_Minutes(jsii.Number(n)) }
