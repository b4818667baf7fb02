package platform

import (
	"encoding/json"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsscheduler"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tenantry/tenantry/pkg/api"
)

// How many of a worker may be at work, so that messages wait and requests do not: 40 collect a day of 20,000 projects with a wait of
// at most two minutes (infra/bench/day); the others are as wide as tables take their writes without being throttled.
var atOnce = map[string]float64{ingest: 20, jobs: 10, collect: 40}

// newCollection makes the workers of all queues, and what asks for work by the clock.
func newCollection(scope constructs.Construct, n names) {
	awsscheduler.NewCfnScheduleGroup(scope, text("Schedules"), &awsscheduler.CfnScheduleGroupProps{Name: text(n.group())})
	env := func() map[string]*string { return map[string]*string{} }
	newWorker(scope, n, ingest, n.queues(env(), ingest))
	newWorker(scope, n, collect, n.queues(env(), collect, ingest, jobs))
	own := n.scheduling(n.queues(env(), jobs, ingest))
	own["TENANTRY_TENANT_ROLE_ARN"] = text(n.roleARN(erasure))
	newWorker(scope, n, jobs, own)
	newReconcile(scope, n)
	newClock(scope, n)
}

// newWorker makes a function that is given the messages of its queue, one at a time: what it does with one may take all the time it has.
func newWorker(scope constructs.Construct, n names, name string, env map[string]*string) {
	f := newFunction(scope, n, name, env)
	awslambda.NewEventSourceMapping(scope, text("MessagesOf"+camel(name)), &awslambda.EventSourceMappingProps{
		Target: f, EventSourceArn: text(n.queueARN(name)), BatchSize: jsii.Number(1), ReportBatchItemFailures: jsii.Bool(true),
		MaxConcurrency: jsii.Number(atOnce[name]),
	})
}

// newReconcile makes the function that makes schedules follow the tables, once a day and whenever a stack of the stage was deployed: a group
// that was made anew is empty.
func newReconcile(scope constructs.Construct, n names) {
	f := newFunction(scope, n, reconcile, n.scheduling(map[string]*string{}))
	awslambda.NewCfnEventInvokeConfig(scope, text("ReconcileInvoked"), &awslambda.CfnEventInvokeConfigProps{
		FunctionName: f.FunctionName(), Qualifier: text("$LATEST"), MaximumRetryAttempts: jsii.Number(2), MaximumEventAgeInSeconds: jsii.Number(3600),
		DestinationConfig: &awslambda.CfnEventInvokeConfig_DestinationConfigProperty{
			OnFailure: &awslambda.CfnEventInvokeConfig_OnFailureProperty{Destination: text(n.queueARN(dead))}},
	})
	rule := awsevents.NewCfnRule(scope, text("Deployed"), &awsevents.CfnRuleProps{
		Name: text(n.of(deployed)), Description: text("A stack of the stage was deployed: schedules are looked at"),
		EventPattern: map[string]interface{}{
			"source": []string{"aws.cloudformation"}, "detail-type": []string{"CloudFormation Stack Status Change"},
			"detail": map[string]interface{}{
				"stack-id":       []interface{}{map[string]string{"prefix": arn("cloudformation", "stack/"+n.title(""))}},
				"status-details": map[string]interface{}{"status": []string{"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"}},
			},
		},
		Targets: &[]interface{}{&awsevents.CfnRule_TargetProperty{Id: text(reconcile), Arn: f.FunctionArn(), Input: text("{}"),
			DeadLetterConfig: &awsevents.CfnRule_DeadLetterConfigProperty{Arn: text(n.queueARN(dead))}}},
	})
	awslambda.NewCfnPermission(scope, text("InvokeOfReconcile"), &awslambda.CfnPermissionProps{
		Action: text("lambda:InvokeFunction"), FunctionName: f.FunctionName(), Principal: text("events.amazonaws.com"),
		SourceAccount: awscdk.Aws_ACCOUNT_ID(), SourceArn: rule.AttrArn(),
	})
}

const deployed = "deployed"

// newClock makes the platform's own schedules, in a group that no function may change.
func newClock(scope constructs.Construct, n names) {
	group := awsscheduler.NewCfnScheduleGroup(scope, text("OwnSchedules"), &awsscheduler.CfnScheduleGroupProps{Name: text(n.own())})
	ask := func(name, expression, target, input string) {
		awsscheduler.NewCfnSchedule(scope, text("Ask"+camel(name)), &awsscheduler.CfnScheduleProps{
			Name: text(name), GroupName: group.Ref(), ScheduleExpression: text(expression), ScheduleExpressionTimezone: text("UTC"),
			FlexibleTimeWindow: &awsscheduler.CfnSchedule_FlexibleTimeWindowProperty{Mode: text("OFF")},
			Target: &awsscheduler.CfnSchedule_TargetProperty{Arn: text(target), RoleArn: text(n.roleARN(clock)), Input: text(input),
				DeadLetterConfig: &awsscheduler.CfnSchedule_DeadLetterConfigProperty{Arn: text(n.queueARN(dead))},
				RetryPolicy:      &awsscheduler.CfnSchedule_RetryPolicyProperty{MaximumEventAgeInSeconds: jsii.Number(3600), MaximumRetryAttempts: jsii.Number(20)}},
		})
	}
	for _, m := range api.Hourly() {
		body, err := json.Marshal(m)
		if err != nil {
			panic(err) // strings alone
		}
		ask(string(m.Kind), "rate(1 hour)", n.queueARN(jobs), string(body))
	}
	ask(reconcile, "cron(17 3 * * ? *)", n.functionARN(reconcile), "{}")
}
