package platform

import (
	"encoding/json"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tenantry/tenantry/pkg/cloud/policy"
	"github.com/tenantry/tenantry/pkg/route"
)

// newAccess makes every role of the platform from the documents of pkg/cloud/policy. They are in one stack, since the roles that are
// taken for a tenant trust those of the functions as they are: made anew, they must be made anew together.
func newAccess(scope constructs.Construct, n names) {
	r := n.resources()
	account := *awscdk.Aws_ACCOUNT_ID()
	made := map[string]awsiam.CfnRole{}
	its := map[string]policy.Document{
		string(route.API): r.API(), string(route.Admin): r.Admin(), ingest: r.Ingest(), collect: r.Collect(), jobs: r.Jobs(), reconcile: r.Reconcile(),
	}
	for _, f := range functions {
		all := []policy.Document{its[f], policy.Logs(n.logGroupARN(f))}
		if f == reconcile {
			all = append(all, r.DeadLetters())
		}
		made[f] = newRole(scope, n, f, policy.TrustLambda(account, n.functionARN(f)), all...)
	}
	tenants := func(name string, its policy.Document, from ...string) {
		var trusted []string
		for _, f := range from {
			trusted = append(trusted, n.roleARN(f))
		}
		role := newRole(scope, n, name, policy.Trust(trusted...), its)
		for _, f := range from {
			role.AddResourceDependency(made[f], nil) // IAM refuses to trust who is not there
		}
	}
	tenants(tenantData, r.TenantData(), string(route.API), string(route.Admin), ingest, collect, reconcile)
	tenants(erasure, r.TenantErasure(), jobs)
	newRole(scope, n, scheduler, policy.TrustScheduler(account, n.scheduleGroup(n.group())), r.Scheduler())
	newRole(scope, n, pagesHandler, policy.TrustLambda(account, arn("lambda", "function:*")), // the CDK names the function
		policy.Page(n.bucketARN("cdk-hnb659fds-assets-"+account+"-"+*awscdk.Aws_REGION()), n.bucketARN(n.bucket("page")),
			"arn:"+*awscdk.Aws_PARTITION()+":cloudfront::"+account+":distribution/*"),
		policy.Logs(n.logGroupARN(pagesHandler)))
	newRole(scope, n, clock, policy.TrustScheduler(account, n.scheduleGroup(n.own())), r.Clock())
}

// newRole makes one with a policy of its own for each document.
func newRole(scope constructs.Construct, n names, name string, trust policy.Document, its ...policy.Document) awsiam.CfnRole {
	policies := []interface{}{}
	for i, d := range its {
		policies = append(policies, &awsiam.CfnRole_PolicyProperty{PolicyName: text([]string{"own", "logs", "dead"}[i]), PolicyDocument: value(d)})
	}
	role := awsiam.NewCfnRole(scope, text("Role"+camel(name)), &awsiam.CfnRoleProps{
		RoleName: text(n.of(name)), AssumeRolePolicyDocument: value(trust), Policies: policies,
		Description: text("Tenantry, stage " + n.Stage + ": " + name), MaxSessionDuration: jsii.Number(3600),
	})
	explainWildcards(role, its)
	return role
}

// value is a document as the CDK takes it.
func value(d policy.Document) (v map[string]interface{}) {
	if err := json.Unmarshal(d.JSON(), &v); err != nil {
		panic(err) // what was JSON a line ago
	}
	return v
}

// camel gives TenantData of tenant-data.
func camel(name string) (all string) {
	for part := range strings.SplitSeq(name, "-") {
		all += strings.ToUpper(part[:1]) + part[1:]
	}
	return all
}
