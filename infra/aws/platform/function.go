package platform

import (
	"path/filepath"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
)

// size is what a function is given. Lambda gives it a whole processor at 1,769 MB and a share of one below.
type size struct {
	memory  float64 // MB
	seconds float64
	why     string
}

var sizes = map[string]size{
	// The gateway gives up after 30 s. A year's query decodes some sixty documents, whose time is the processor's.
	string(route.API): {1024, 29, "a share of a processor that answers 12 months in some 15 ms"},
	// One or two items a request; the least that starts in well under a second.
	string(route.Admin): {512, 29, "few items a request"},
	// 203 to 216 MB are the most that an import was seen to take; the processor is what it waits for, and one is all it uses.
	ingest: {1769, 900, "one whole processor"},
	// Waits for customers' accounts most of the time; exports of a month go through it in parts.
	collect: {1024, 900, "waits for others, and holds a month of an account"},
	// Exports compress and hash what they write.
	jobs: {1024, 900, "compresses and hashes"},
	// Waits for EventBridge Scheduler's quotas.
	reconcile: {512, 900, "waits for quotas"},
}

// newFunction makes one that runs under its own role, from what make build has built.
func newFunction(scope constructs.Construct, n names, name string, more map[string]*string) awslambda.Function {
	s := sizes[name]
	env := n.environment()
	for key, v := range more {
		env[key] = v
	}
	group := awslogs.LogGroup_FromLogGroupName(scope, text("LogsOf"+camel(name)), text(n.logGroup(name)))
	role := awsiam.Role_FromRoleArn(scope, text("RoleOf"+camel(name)), text(n.roleARN(name)), &awsiam.FromRoleArnOptions{Mutable: jsii.Bool(false)})
	f := awslambda.NewFunction(scope, text("Function"+camel(name)), &awslambda.FunctionProps{
		FunctionName: text(n.of(name)), Description: text("functions/" + name + ": " + s.why), Role: role,
		Runtime: awslambda.Runtime_PROVIDED_AL2023(), Architecture: n.architecture(), Handler: text("bootstrap"), Code: awslambda.Code_FromAsset(text(n.asset(name)), nil),
		MemorySize: jsii.Number(s.memory), Timeout: awscdk.Duration_Seconds(jsii.Number(s.seconds)), LogGroup: group, Environment: &env,
	})
	return f
}

func (n names) architecture() awslambda.Architecture {
	if n.Arch == "x86_64" {
		return awslambda.Architecture_X86_64()
	}
	return awslambda.Architecture_ARM_64()
}

// asset is the folder of a function's binary.
func (n names) asset(function string) string {
	arch := n.Arch
	if arch == "x86_64" {
		arch = "amd64"
	}
	return filepath.Join(n.Build, arch, function)
}

// environment is what every function is told.
func (n names) environment() map[string]*string {
	env := map[string]*string{
		"TENANTRY_STAGE": text(n.Stage), "TENANTRY_BUCKET": text(n.imports()), "TENANTRY_TENANT_ROLE_ARN": text(n.roleARN(tenantData)),
		"TENANTRY_PLAN": text(n.Plan), "TENANTRY_GRACE": text(n.Grace),
	}
	for _, t := range store.Tables {
		env["TENANTRY_TABLE_"+strings.ToUpper(string(t))] = text(n.table(t))
	}
	return env
}

// queues is the part of an environment that names queues to send to.
func (n names) queues(env map[string]*string, queues ...string) map[string]*string {
	variables := map[string]string{ingest: "TENANTRY_QUEUE_URL", jobs: "TENANTRY_JOBS_QUEUE_URL", collect: "TENANTRY_RUNS_QUEUE_URL"}
	for _, q := range queues {
		env[variables[q]] = text(n.queueURL(q))
	}
	return env
}

// scheduling is the part that says how schedules are made.
func (n names) scheduling(env map[string]*string) map[string]*string {
	env["TENANTRY_SCHEDULE_GROUP"], env["TENANTRY_SCHEDULE_QUEUE_ARN"] = text(n.group()), text(n.queueARN(collect))
	env["TENANTRY_SCHEDULE_ROLE_ARN"], env["TENANTRY_SCHEDULE_DEAD_ARN"] = text(n.roleARN(scheduler)), text(n.queueARN(dead))
	return env
}
