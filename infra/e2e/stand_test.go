package e2e_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/infra/e2e"
	"github.com/tenantry/tenantry/pkg/api"
	"github.com/tenantry/tenantry/pkg/cloud/policy"
	"github.com/tenantry/tenantry/pkg/identity/localissuer"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
)

// object is one of a template.
type object = map[string]any

func att(id, name string) object { return object{"Fn::GetAtt": []string{id, name}} }
func ref(id string) object       { return object{"Ref": id} }
func sub(text string) object     { return object{"Fn::Sub": text} }

// document is a policy whose ARNs are functions of the template: what begins with "@" is the logical ID whose ARN stands there.
func document(t *testing.T, d policy.Document) (out any) {
	var v any
	require.NoError(t, json.Unmarshal(d.JSON(), &v))
	var walk func(v any) any
	walk = func(v any) any {
		switch v := v.(type) {
		case string:
			if id, ok := strings.CutPrefix(v, "@"); ok {
				id, rest, _ := strings.Cut(id, "/")
				if rest != "" {
					rest = "/" + strings.ReplaceAll(rest, "${", "${!")
				}
				return sub("${" + id + ".Arn}" + rest)
			}
		case []any:
			for i := range v {
				v[i] = walk(v[i])
			}
		case map[string]any:
			for k := range v {
				v[k] = walk(v[k])
			}
		}
		return v
	}
	return walk(v)
}

// built are the functions, built once as `make build` builds them, for this machine.
func built(t *testing.T, into string) {
	cmd := exec.Command("go", "build", "-tags", "lambda.norpc", "-trimpath", "-ldflags", "-s -w", "-o", into+"/", "../../functions/api", "../../functions/admin",
		"../../functions/ingest", "../../functions/collect", "../../functions/jobs", "../../functions/reconcile")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
}

// small is a template of the whole platform as it could be, by which the harness is tried: one stack, no encryption by own keys.
func small(t *testing.T, issuer string) *e2e.Assembly {
	folder, bin := t.TempDir(), t.TempDir()
	built(t, bin)
	files, resources := object{}, object{}
	r := policy.Resources{Tables: map[store.Table]string{}, Bucket: "@Bucket", IngestQueue: "@IngestQueue", JobsQueue: "@JobsQueue", RunsQueue: "@RunsQueue",
		TenantRole: "@TenantRole", ErasureRole: "@ErasureRole", CustomerRoles: policy.CustomerRoles("aws"), DeadQueue: "@DeadQueue",
		Schedules: "arn:aws:scheduler:us-east-1:123456789012:schedule/tenantry-test/*", SchedulerRole: "@SchedulerRole"}
	env := object{"TENANTRY_STAGE": "test", "TENANTRY_BUCKET": ref("Bucket"), "TENANTRY_QUEUE_URL": ref("IngestQueue"), "TENANTRY_JOBS_QUEUE_URL": ref("JobsQueue"),
		"TENANTRY_RUNS_QUEUE_URL": ref("RunsQueue"), "TENANTRY_SCHEDULE_GROUP": ref("Group"), "TENANTRY_SCHEDULE_QUEUE_ARN": att("RunsQueue", "Arn"),
		"TENANTRY_SCHEDULE_DEAD_ARN": att("DeadQueue", "Arn"), "TENANTRY_SCHEDULE_ROLE_ARN": att("SchedulerRole", "Arn"), "TENANTRY_ISSUER": issuer,
		"TENANTRY_CLIENT_IDS": localissuer.ClientID, "TENANTRY_PLAN": "enterprise", "TENANTRY_PRINCIPAL_ARN": sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:root")}
	for _, table := range store.Tables {
		id := "Table" + strings.ToUpper(string(table[:1])) + string(table[1:])
		r.Tables[table] = "@" + id
		env["TENANTRY_TABLE_"+strings.ToUpper(string(table))] = ref(id)
		resources[id] = object{"Type": "AWS::DynamoDB::Table", "Properties": object{"BillingMode": "PAY_PER_REQUEST", "TimeToLiveSpecification": object{"AttributeName": "expiresAt", "Enabled": true},
			"KeySchema":            []object{{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}},
			"AttributeDefinitions": []object{{"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "sk", "AttributeType": "S"}}}}
	}
	resources["Bucket"] = object{"Type": "AWS::S3::Bucket", "Properties": object{"VersioningConfiguration": object{"Status": "Enabled"},
		"NotificationConfiguration": object{"QueueConfigurations": []object{{"Event": "s3:ObjectCreated:*", "Queue": att("IngestQueue", "Arn"),
			"Filter": object{"S3Key": object{"Rules": []object{{"Name": "prefix", "Value": "tenants/"}}}}}}}}}
	resources["DeadQueue"] = object{"Type": "AWS::SQS::Queue"}
	for _, id := range []string{"IngestQueue", "JobsQueue", "RunsQueue"} {
		resources[id] = object{"Type": "AWS::SQS::Queue", "Properties": object{"VisibilityTimeout": 60,
			"RedrivePolicy": object{"deadLetterTargetArn": att("DeadQueue", "Arn"), "maxReceiveCount": 5}}}
	}
	resources["IngestPolicy"] = object{"Type": "AWS::SQS::QueuePolicy", "Properties": object{"Queues": []object{ref("IngestQueue")}, "PolicyDocument": object{
		"Version": "2012-10-17", "Statement": []object{{"Sid": "Bucket", "Effect": "Allow", "Principal": object{"Service": "s3.amazonaws.com"}, "Action": "sqs:SendMessage",
			"Resource": att("IngestQueue", "Arn"), "Condition": object{"ArnLike": object{"aws:SourceArn": att("Bucket", "Arn")},
				"StringEquals": object{"aws:SourceAccount": ref("AWS::AccountId")}}}}}}}
	resources["Group"] = object{"Type": "AWS::Scheduler::ScheduleGroup", "Properties": object{"Name": "tenantry-test"}}
	role := func(id string, trust, may any) {
		resources[id] = object{"Type": "AWS::IAM::Role", "Properties": object{"AssumeRolePolicyDocument": trust,
			"Policies": []object{{"PolicyName": "own", "PolicyDocument": may},
				{"PolicyName": "logs", "PolicyDocument": document(t, policy.Logs("arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/*"))}}}}
	}
	role("TenantRole", document(t, policy.Trust("@apiRole", "@adminRole", "@ingestRole", "@collectRole", "@reconcileRole")), document(t, r.TenantData()))
	role("ErasureRole", document(t, policy.Trust("@jobsRole")), document(t, r.TenantErasure()))
	role("SchedulerRole", document(t, policy.TrustScheduler("123456789012", "arn:aws:scheduler:us-east-1:123456789012:schedule-group/tenantry-test")), document(t, r.Scheduler()))
	lambda := object{"Version": "2012-10-17", "Statement": []object{{"Effect": "Allow", "Principal": object{"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}}}
	machine := map[string]string{"amd64": "x86_64", "arm64": "arm64"}[runtime.GOARCH]
	for name, may := range map[string]policy.Document{"api": r.API(), "admin": r.Admin(), "ingest": r.Ingest(), "collect": r.Collect(), "jobs": r.Jobs(), "reconcile": r.Reconcile()} {
		role(name+"Role", lambda, document(t, may))
		asset := "asset." + name
		require.NoError(t, os.Mkdir(filepath.Join(folder, asset), 0o755))
		require.NoError(t, os.Rename(filepath.Join(bin, name), filepath.Join(folder, asset, "bootstrap")))
		files[name] = object{"source": object{"path": asset, "packaging": "zip"}, "destinations": object{"d": object{"bucketName": "assets", "objectKey": name + ".zip"}}}
		own := object{"TENANTRY_TENANT_ROLE_ARN": att(map[bool]string{true: "ErasureRole", false: "TenantRole"}[name == "jobs"], "Arn")}
		for k, v := range env {
			own[k] = v
		}
		resources[name] = object{"Type": "AWS::Lambda::Function", "Properties": object{"Role": att(name+"Role", "Arn"), "Handler": "bootstrap",
			"Runtime": "provided.al2023", "Code": object{"S3Bucket": sub("assets-${AWS::AccountId}"), "S3Key": name + ".zip"}, "Architectures": []string{machine},
			"MemorySize": 512, "Timeout": 30, "Environment": object{"Variables": own}}}
	}
	for name, queue := range map[string]string{"ingest": "IngestQueue", "collect": "RunsQueue", "jobs": "JobsQueue"} {
		resources[name+"Source"] = object{"Type": "AWS::Lambda::EventSourceMapping", "Properties": object{"EventSourceArn": att(queue, "Arn"), "FunctionName": ref(name),
			"BatchSize": 1, "FunctionResponseTypes": []string{"ReportBatchItemFailures"}}}
	}
	routes(resources)
	hourly(t, resources)
	return written(t, folder, files, resources)
}

// written writes a template as synthesis does, and reads it.
func written(t *testing.T, folder string, files, resources object) *e2e.Assembly {
	template, err := json.Marshal(object{"Resources": resources})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "one.template.json"), template, 0o600))
	assets, err := json.Marshal(object{"files": files})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "one.assets.json"), assets, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "manifest.json"), []byte(`{"artifacts":{"one":{"type":"aws:cloudformation:stack","properties":{"templateFile":
		"one.template.json"}},"one.assets":{"type":"cdk:asset-manifest","properties":{"file":"one.assets.json"}}}}`), 0o600))
	a, err := e2e.ReadAssembly(folder)
	require.NoError(t, err)
	return a
}

// routes are the HTTP API's.
func routes(resources object) {
	resources["Api"] = object{"Type": "AWS::ApiGatewayV2::Api", "Properties": object{"Name": "tenantry-test", "ProtocolType": "HTTP"}}
	resources["Stage"] = object{"Type": "AWS::ApiGatewayV2::Stage", "Properties": object{"ApiId": ref("Api"), "StageName": "$default", "AutoDeploy": true}}
	for _, f := range []route.Function{route.API, route.Admin} {
		resources["Integration"+string(f)] = object{"Type": "AWS::ApiGatewayV2::Integration", "Properties": object{"ApiId": ref("Api"), "IntegrationType": "AWS_PROXY",
			"IntegrationUri": att(string(f), "Arn"), "PayloadFormatVersion": "2.0"}}
		resources["Permission"+string(f)] = object{"Type": "AWS::Lambda::Permission", "Properties": object{"Action": "lambda:InvokeFunction", "FunctionName": att(string(f), "Arn"),
			"Principal": "apigateway.amazonaws.com", "SourceArn": sub("arn:aws:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/*/*")}}
	}
	for _, op := range api.Operations() {
		resources["Route"+op.ID] = object{"Type": "AWS::ApiGatewayV2::Route", "Properties": object{"ApiId": ref("Api"), "RouteKey": op.Method + " " + op.Path,
			"Target": object{"Fn::Join": []any{"/", []any{"integrations", ref("Integration" + string(op.Function))}}}}}
	}
}

// hourly is what a clock asks for.
func hourly(t *testing.T, resources object) {
	for i, m := range api.Hourly() {
		b, err := json.Marshal(m)
		require.NoError(t, err)
		resources["Hourly"+string(rune('A'+i))] = object{"Type": "AWS::Events::Rule", "Properties": object{"ScheduleExpression": "rate(1 hour)",
			"Targets": []object{{"Id": "jobs", "Arn": att("JobsQueue", "Arn"), "Input": string(b)}}}}
	}
	resources["Reconcile"] = object{"Type": "AWS::Events::Rule", "Properties": object{"Name": "reconcile", "ScheduleExpression": "rate(1 hour)",
		"Targets": []object{{"Id": "reconcile", "Arn": att("reconcile", "Arn"), "Input": "{}"}}}}
	resources["ReconcileRule"] = object{"Type": "AWS::Lambda::Permission", "Properties": object{"Action": "lambda:InvokeFunction", "FunctionName": att("reconcile", "Arn"),
		"Principal": "events.amazonaws.com", "SourceArn": att("Reconcile", "Arn")}}
	resources["JobsPolicy"] = object{"Type": "AWS::SQS::QueuePolicy", "Properties": object{"Queues": []object{ref("JobsQueue")}, "PolicyDocument": object{
		"Version": "2012-10-17", "Statement": []object{{"Sid": "Clock", "Effect": "Allow", "Principal": object{"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage",
			"Resource": att("JobsQueue", "Arn"), "Condition": object{"StringEquals": object{"aws:SourceAccount": ref("AWS::AccountId")}}}}}}}
}
