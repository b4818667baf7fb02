package platform

import (
	"encoding/json"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigatewayv2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tenantry/tenantry/pkg/api"
	"github.com/tenantry/tenantry/pkg/route"
)

// What all tenants together may ask for. A tenant's own bound is its plan's, and within the functions; these keep one flood from taking
// all of the account's concurrency.
const (
	ratePerSecond = 500
	burst         = 1000
)

// accessLine is what is logged of a request: nothing that its caller has written but the path, and no header.
var accessLine = map[string]string{
	"requestId": "$context.requestId", "time": "$context.requestTime", "ip": "$context.identity.sourceIp", "method": "$context.httpMethod",
	"route": "$context.routeKey", "status": "$context.status", "bytes": "$context.responseLength", "latency": "$context.responseLatency",
	"integrationLatency": "$context.integrationLatency", "integrationError": "$context.integrationErrorMessage",
}

// newGateway makes the HTTP API without routes, which newServing puts in: the page's address needs it, and the functions need that.
func newGateway(scope constructs.Construct, n names) awsapigatewayv2.CfnApi {
	it := awsapigatewayv2.NewCfnApi(scope, text("Gateway"), &awsapigatewayv2.CfnApiProps{
		Name: text(n.of("api")), ProtocolType: text("HTTP"), Description: text("The operations of Tenantry, stage " + n.Stage)})
	format, err := json.Marshal(accessLine)
	if err != nil {
		panic(err) // strings alone
	}
	awsapigatewayv2.NewCfnStage(scope, text("GatewayStage"), &awsapigatewayv2.CfnStageProps{
		ApiId: it.Ref(), StageName: text("$default"), AutoDeploy: true,
		DefaultRouteSettings: &awsapigatewayv2.CfnStage_RouteSettingsProperty{ThrottlingRateLimit: jsii.Number(ratePerSecond), ThrottlingBurstLimit: jsii.Number(burst)},
		AccessLogSettings:    &awsapigatewayv2.CfnStage_AccessLogSettingsProperty{DestinationArn: text(arn("logs", "log-group:"+n.accessLog())), Format: text(string(format))},
	})
	return it
}

// newRoutes gives every operation its route to the function that owns it, and that function's only integration. Nobody is authorized by
// the gateway: it answers a denial with a body of its own (DESIGN.md, section 3).
func newRoutes(scope constructs.Construct, n names, gateway *string) {
	integrations := map[route.Function]awsapigatewayv2.CfnIntegration{}
	for _, op := range api.Operations() {
		to, ok := integrations[op.Function]
		if !ok {
			to = awsapigatewayv2.NewCfnIntegration(scope, text("Integration"+camel(string(op.Function))), &awsapigatewayv2.CfnIntegrationProps{
				ApiId: gateway, IntegrationType: text("AWS_PROXY"), IntegrationUri: text(n.functionARN(string(op.Function))), PayloadFormatVersion: text("2.0"),
				TimeoutInMillis: jsii.Number(30_000),
			})
			integrations[op.Function] = to
		}
		r := awsapigatewayv2.NewCfnRoute(scope, text("Route"+camel(op.ID)), &awsapigatewayv2.CfnRouteProps{
			ApiId: gateway, RouteKey: text(op.Method + " " + op.Path), AuthorizationType: text("NONE"), OperationName: text(op.ID),
			Target: text("integrations/" + *to.Ref()),
		})
		suppress(r, rule("AwsSolutions-APIG4", "The functions authenticate and authorize every operation, by the same code on any machine; the gateway would answer a denial with a body of its own."))
	}
}

// gatewayHost is its own name in DNS.
func gatewayHost(gateway awsapigatewayv2.CfnApi) *string {
	return text(*gateway.Ref() + ".execute-api." + *awscdk.Aws_REGION() + "." + *awscdk.Aws_URL_SUFFIX())
}
