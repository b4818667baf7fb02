package platform

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/constructs-go/constructs/v10"

	"github.com/tenantry/tenantry/pkg/route"
)

// newServing makes the functions that serve operations, and the routes to them.
func newServing(scope constructs.Construct, n names, e edge) {
	sends := map[route.Function][]string{route.API: {ingest, jobs, collect}, route.Admin: {jobs}}
	for _, name := range []route.Function{route.API, route.Admin} {
		env := n.queues(map[string]*string{"TENANTRY_PRINCIPAL_ARN": text(n.principal()), "TENANTRY_ISSUER": e.issuer}, sends[name]...)
		if e.clients != nil {
			env["TENANTRY_CLIENT_IDS"] = e.clients
		}
		if n.Audience != "" {
			env["TENANTRY_AUDIENCES"] = text(n.Audience)
		}
		f := newFunction(scope, n, string(name), env)
		awslambda.NewCfnPermission(scope, text("InvokeOf"+camel(string(name))), &awslambda.CfnPermissionProps{
			Action: text("lambda:InvokeFunction"), FunctionName: f.FunctionName(), Principal: text("apigateway.amazonaws.com"),
			SourceAccount: awscdk.Aws_ACCOUNT_ID(), SourceArn: text(arn("execute-api", *e.gateway.Ref()+"/*/*")),
		})
	}
	newRoutes(scope, n, e.gateway.Ref())
}
