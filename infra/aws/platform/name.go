package platform

import (
	"cmp"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/tenantry/tenantry/pkg/cloud/policy"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
)

// names gives what everything of a stage is called. Stacks know each other's tables, queues and roles by these names alone: an
// exported value could not change while another stack uses it, and a restored table must be able to take another's place.
type names struct{ Config }

// The functions that are no route.Function.
const (
	ingest    = "ingest"
	collect   = "collect"
	jobs      = "jobs"
	reconcile = "reconcile"
)

// functions lists all.
var functions = []string{string(route.API), string(route.Admin), ingest, collect, jobs, reconcile}

// of is the name of what a stage has one of.
func (n names) of(what string) string { return "tenantry-" + n.Stage + "-" + what }

// title is a stack's name.
func (n names) title(stack string) string { return "tenantry-" + n.Stage + "-" + stack }

func (n names) table(t store.Table) string { return cmp.Or(n.Adopted[t], n.of(string(t))) }

// bucket has the account in it: buckets' names are of the whole world.
func (n names) bucket(what string) string {
	return "tenantry-" + n.Stage + "-" + what + "-" + *awscdk.Aws_ACCOUNT_ID()
}

func (n names) imports() string { return cmp.Or(n.Bucket, n.bucket("imports")) }

// group is where the tenants' schedules are, own is where the platform's are, which nothing but the deployment makes or removes.
func (n names) group() string { return "tenantry-" + n.Stage }
func (n names) own() string   { return n.of("own") }

func (n names) logGroup(function string) string { return "/tenantry/" + n.Stage + "/" + function }

// accessLog begins as all groups whose resource policy AWS keeps itself.
func (n names) accessLog() string { return "/aws/vendedlogs/tenantry/" + n.Stage + "/access" }

func arn(service, resource string) string {
	return "arn:" + *awscdk.Aws_PARTITION() + ":" + service + ":" + *awscdk.Aws_REGION() + ":" + *awscdk.Aws_ACCOUNT_ID() + ":" + resource
}

func (n names) tableARN(t store.Table) string     { return arn("dynamodb", "table/"+n.table(t)) }
func (n names) queueARN(queue string) string      { return arn("sqs", n.of(queue)) }
func (n names) functionARN(f string) string       { return arn("lambda", "function:"+n.of(f)) }
func (n names) logGroupARN(f string) string       { return arn("logs", "log-group:"+n.logGroup(f)) }
func (n names) scheduleGroup(group string) string { return arn("scheduler", "schedule-group/"+group) }

func (n names) queueURL(queue string) string {
	return "https://sqs." + *awscdk.Aws_REGION() + "." + *awscdk.Aws_URL_SUFFIX() + "/" + *awscdk.Aws_ACCOUNT_ID() + "/" + n.of(queue)
}

func (n names) roleARN(role string) string {
	return "arn:" + *awscdk.Aws_PARTITION() + ":iam::" + *awscdk.Aws_ACCOUNT_ID() + ":role/" + n.of(role)
}

func (n names) bucketARN(bucket string) string {
	return "arn:" + *awscdk.Aws_PARTITION() + ":s3:::" + bucket
}

func (n names) principal() string {
	return cmp.Or(n.Trusted, "arn:"+*awscdk.Aws_PARTITION()+":iam::"+*awscdk.Aws_ACCOUNT_ID()+":root")
}

// The queues, and the roles that are no function's.
const (
	dead         = "dead" // of what EventBridge Scheduler cannot send, and of what is invoked without a queue
	tenantData   = "tenant-data"
	erasure      = "tenant-erasure"
	scheduler    = "scheduler"
	clock        = "clock"
	deadSuffix   = "-dead"
	pagesHandler = "page"
)

// resources are what the policies are about.
func (n names) resources() policy.Resources {
	tables := map[store.Table]string{}
	for _, t := range store.Tables {
		tables[t] = n.tableARN(t)
	}
	return policy.Resources{
		Tables: tables, Bucket: n.bucketARN(n.imports()),
		IngestQueue: n.queueARN(ingest), JobsQueue: n.queueARN(jobs), RunsQueue: n.queueARN(collect), DeadQueue: n.queueARN(dead),
		TenantRole: n.roleARN(tenantData), ErasureRole: n.roleARN(erasure), SchedulerRole: n.roleARN(scheduler),
		CustomerRoles: policy.CustomerRoles(*awscdk.Aws_PARTITION()),
		Schedules:     arn("scheduler", "schedule/"+n.group()+"/*"),
		Reconciler:    n.functionARN(reconcile),
	}
}

func text(s string) *string { return jsii.String(s) }

// stageTag is on everything of a stage.
const stageTag = "tenantry:stage"
