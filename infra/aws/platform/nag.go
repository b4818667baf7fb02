package platform

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"

	"github.com/tenantry/tenantry/pkg/cloud/policy"
)

// suppress says why a finding of cdk-nag's is no defect. It is written into the template, as cdk-nag reads it.
func suppress(r awscdk.CfnResource, rules ...map[string]interface{}) {
	r.AddMetadata(text("cdk_nag"), map[string]interface{}{"rules_to_suppress": rules})
}

func rule(id, reason string) map[string]interface{} {
	return map[string]interface{}{"id": id, "reason": reason}
}

// explainWildcards gives the reason of each wildcard in a role's policies, and none to roles that have none.
func explainWildcards(role awscdk.CfnResource, its []policy.Document) {
	why := policy.Wildcards(its...)
	if why == "" {
		return
	}
	suppress(role, rule("AwsSolutions-IAM5", why))
}

// bare is the CloudFormation resource of a construct.
func bare(c constructs.IConstruct) awscdk.CfnResource {
	return c.Node().DefaultChild().(awscdk.CfnResource)
}
