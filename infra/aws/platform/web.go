package platform

import (
	"os"
	"path/filepath"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigatewayv2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscertificatemanager"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudfront"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudfrontorigins"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3deployment"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// edge is the address that people use, and what the functions must know of it.
type edge struct {
	gateway awsapigatewayv2.CfnApi
	issuer  *string // of access tokens
	clients *string // client IDs, nil where audiences say whose tokens are taken
}

// newEdge makes the page and the one origin that it shares with the API, so that neither needs rules for others' origins.
func newEdge(scope constructs.Construct, n names, p *people) edge {
	e := edge{gateway: newGateway(scope, n), issuer: text(n.Issuer)}
	if n.Clients != "" {
		e.clients = text(n.Clients)
	}
	bucket := awss3.NewBucket(scope, text("Page"), &awss3.BucketProps{
		BucketName: text(n.bucket("page")), BlockPublicAccess: awss3.BlockPublicAccess_BLOCK_ALL(), EnforceSSL: jsii.Bool(true),
		Encryption: awss3.BucketEncryption_S3_MANAGED, ObjectOwnership: awss3.ObjectOwnership_BUCKET_OWNER_ENFORCED, RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
	})
	bucket.Node().DefaultChild().(awss3.CfnBucket).SetLoggingConfiguration(
		&awss3.CfnBucket_LoggingConfigurationProperty{DestinationBucketName: text(n.bucket("logs")), LogFilePrefix: text("page/")})
	d := newDistribution(scope, n, bucket, e.gateway)
	origin := "https://" + *d.DistributionDomainName()
	if n.Domain != "" {
		origin = "https://" + n.Domain
	}
	if p != nil {
		e.issuer, e.clients = p.issuer(), newClient(scope, n, p, origin).UserPoolClientId()
	}
	newPage(scope, n, bucket, d)
	awscdk.NewCfnOutput(scope, text("Address"), &awscdk.CfnOutputProps{Value: text(origin), Description: text("Where people go, and programs below /v1")})
	return e
}

// newDistribution serves the page, and the API below /v1.
func newDistribution(scope constructs.Construct, n names, page awss3.IBucket, gateway awsapigatewayv2.CfnApi) awscloudfront.Distribution {
	headers := newHeaders(scope)
	// Page routes are no files. An error page would do it too, and swallow the 404s of the API.
	routes := awscloudfront.NewFunction(scope, text("PageRoutes"), &awscloudfront.FunctionProps{
		Runtime: awscloudfront.FunctionRuntime_JS_2_0(), Code: awscloudfront.FunctionCode_FromInline(text(
			`function handler(event) { var r = event.request; if (!/\.[a-z0-9]+$/i.test(r.uri)) { r.uri = '/index.html'; } return r; }`)),
	})
	props := &awscloudfront.DistributionProps{
		Comment: text(n.of("web")), DefaultRootObject: text("index.html"), HttpVersion: awscloudfront.HttpVersion_HTTP2_AND_3,
		MinimumProtocolVersion: awscloudfront.SecurityPolicyProtocol_TLS_V1_2_2021, PriceClass: awscloudfront.PriceClass_PRICE_CLASS_100,
		EnableLogging: jsii.Bool(true), LogFilePrefix: text("web/"), LogBucket: awss3.Bucket_FromBucketName(scope, text("WebLogBucket"), text(n.bucket("logs"))),
		DefaultBehavior: &awscloudfront.BehaviorOptions{
			Origin:               awscloudfrontorigins.S3BucketOrigin_WithOriginAccessControl(page, nil),
			ViewerProtocolPolicy: awscloudfront.ViewerProtocolPolicy_REDIRECT_TO_HTTPS, CachePolicy: awscloudfront.CachePolicy_CACHING_OPTIMIZED(),
			ResponseHeadersPolicy: headers, Compress: jsii.Bool(true),
			FunctionAssociations: &[]*awscloudfront.FunctionAssociation{{EventType: awscloudfront.FunctionEventType_VIEWER_REQUEST, Function: routes}},
		},
		AdditionalBehaviors: &map[string]*awscloudfront.BehaviorOptions{"/v1/*": {
			Origin: awscloudfrontorigins.NewHttpOrigin(gatewayHost(gateway), &awscloudfrontorigins.HttpOriginProps{
				ProtocolPolicy:     awscloudfront.OriginProtocolPolicy_HTTPS_ONLY,
				OriginSslProtocols: &[]awscloudfront.OriginSslPolicy{awscloudfront.OriginSslPolicy_TLS_V1_2}, ReadTimeout: awscdk.Duration_Seconds(jsii.Number(31))}),
			ViewerProtocolPolicy: awscloudfront.ViewerProtocolPolicy_HTTPS_ONLY, AllowedMethods: awscloudfront.AllowedMethods_ALLOW_ALL(),
			CachePolicy: awscloudfront.CachePolicy_CACHING_DISABLED(), OriginRequestPolicy: awscloudfront.OriginRequestPolicy_ALL_VIEWER_EXCEPT_HOST_HEADER(),
			ResponseHeadersPolicy: headers,
		}},
	}
	if n.WAF != "" {
		props.WebAclId = text(n.WAF)
	}
	findings := []map[string]interface{}{rule("AwsSolutions-CFR1", "Nothing here is bound to a country.")}
	if n.WAF == "" {
		findings = append(findings, rule("AwsSolutions-CFR2", "A web ACL costs $5 and $1 for each rule a month: the context waf names one. Requests are throttled by the gateway and bounded by plan."))
	}
	if n.Domain != "" {
		props.DomainNames = jsii.Strings(n.Domain)
		props.Certificate = awscertificatemanager.Certificate_FromCertificateArn(scope, text("Certificate"), text(n.Cert))
	} else {
		findings = append(findings, rule("AwsSolutions-CFR4", "CloudFront's own certificate takes TLS 1.0 of its own domain's viewers; the context domain names one of one's own, where TLS 1.2 is the least."))
	}
	d := awscloudfront.NewDistribution(scope, text("Web"), props)
	suppress(bare(d), findings...)
	return d
}

// newHeaders tells browsers what a page may do: it runs its own scripts, asks its own origin and the sign-in, and is framed by nobody.
func newHeaders(scope constructs.Construct) awscloudfront.ResponseHeadersPolicy {
	return awscloudfront.NewResponseHeadersPolicy(scope, text("Headers"), &awscloudfront.ResponseHeadersPolicyProps{
		SecurityHeadersBehavior: &awscloudfront.ResponseSecurityHeadersBehavior{
			ContentSecurityPolicy: &awscloudfront.ResponseHeadersContentSecurityPolicy{Override: jsii.Bool(false), ContentSecurityPolicy: text(
				"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; " +
					"connect-src 'self' https:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'")},
			ContentTypeOptions: &awscloudfront.ResponseHeadersContentTypeOptions{Override: jsii.Bool(true)},
			FrameOptions:       &awscloudfront.ResponseHeadersFrameOptions{FrameOption: awscloudfront.HeadersFrameOption_DENY, Override: jsii.Bool(true)},
			ReferrerPolicy: &awscloudfront.ResponseHeadersReferrerPolicy{
				ReferrerPolicy: awscloudfront.HeadersReferrerPolicy_STRICT_ORIGIN_WHEN_CROSS_ORIGIN, Override: jsii.Bool(true)},
			StrictTransportSecurity: &awscloudfront.ResponseHeadersStrictTransportSecurity{
				AccessControlMaxAge: awscdk.Duration_Days(jsii.Number(365)), IncludeSubdomains: jsii.Bool(true), Override: jsii.Bool(true)},
		},
	})
}

// placeholder is the page where none is built.
const placeholder = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Tenantry</title><h1>Tenantry</h1><p>The API answers below <code>/v1</code>.</p></html>`

// newPage puts the page into its bucket, with a function of the CDK's.
func newPage(scope constructs.Construct, n names, bucket awss3.IBucket, d awscloudfront.Distribution) {
	source := awss3deployment.Source_Data(text("index.html"), text(placeholder), nil)
	dir := n.Page
	if dir == "" {
		dir = filepath.Join("pkg", "dashboard", "dist")
	}
	if _, err := os.Stat(filepath.Join(dir, "index.html")); err == nil {
		source = awss3deployment.Source_Asset(text(dir), nil)
	}
	awss3deployment.NewBucketDeployment(scope, text("PageFiles"), &awss3deployment.BucketDeploymentProps{
		DestinationBucket: bucket, Sources: &[]awss3deployment.ISource{source}, Distribution: d, DistributionPaths: jsii.Strings("/*"),
		LogGroup: awslogs.LogGroup_FromLogGroupName(scope, text("LogsOfPage"), text(n.logGroup(pagesHandler))), RetainOnDelete: jsii.Bool(false),
		Role: awsiam.Role_FromRoleArn(scope, text("RoleOfPage"), text(n.roleARN(pagesHandler)), &awsiam.FromRoleArnOptions{Mutable: jsii.Bool(false)}),
	})
	handler := awscdk.Stack_Of(scope).Node().TryFindChild(text("Custom::CDKBucketDeployment8693BB64968944B69AAFB0CC9EB8756C"))
	if handler != nil {
		suppress(bare(handler), rule("AwsSolutions-L1", "The function is the CDK's own, and so is the runtime that it is tested with."))
	}
}
