package platform

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscognito"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// people is the user pool with its sign-in page, which outlive their stack: whoever signs in is known by the pool's subject.
type people struct {
	pool   awscognito.UserPool
	domain awscognito.UserPoolDomain
}

func newPeople(scope constructs.Construct, n names) *people {
	pool := awscognito.NewUserPool(scope, text("People"), &awscognito.UserPoolProps{
		UserPoolName: text(n.of("people")), SignInAliases: &awscognito.SignInAliases{Email: jsii.Bool(true)}, SignInCaseSensitive: jsii.Bool(false),
		SelfSignUpEnabled: jsii.Bool(true), AutoVerify: &awscognito.AutoVerifiedAttrs{Email: jsii.Bool(true)},
		AccountRecovery: awscognito.AccountRecovery_EMAIL_ONLY, FeaturePlan: awscognito.FeaturePlan_ESSENTIALS,
		Mfa: awscognito.Mfa_OPTIONAL, MfaSecondFactor: &awscognito.MfaSecondFactor{Otp: jsii.Bool(true), Sms: jsii.Bool(false)},
		PasswordPolicy: &awscognito.PasswordPolicy{MinLength: jsii.Number(12), RequireDigits: jsii.Bool(true), RequireLowercase: jsii.Bool(true),
			RequireUppercase: jsii.Bool(true), RequireSymbols: jsii.Bool(true), TempPasswordValidity: awscdk.Duration_Days(jsii.Number(3))},
		DeletionProtection: jsii.Bool(true), RemovalPolicy: awscdk.RemovalPolicy_RETAIN,
	})
	domain := pool.AddDomain(text("SignIn"), &awscognito.UserPoolDomainOptions{
		CognitoDomain:       &awscognito.CognitoDomainOptions{DomainPrefix: text("tenantry-" + n.Stage + "-" + *awscdk.Aws_ACCOUNT_ID())},
		ManagedLoginVersion: awscognito.ManagedLoginVersion_CLASSIC_HOSTED_UI,
	})
	suppress(bare(pool),
		rule("AwsSolutions-COG2", "A second factor is everybody's own choice: an organization that demands one gives its own issuer by context."),
		rule("AwsSolutions-COG3", "Threat protection needs the Plus plan, which costs for each person and month; compromised sign-ins are bounded by tokens of an hour."),
		rule("AwsSolutions-COG8", "The Plus plan costs for each person and month, and nothing here needs it."),
	)
	p := &people{pool, domain}
	awscdk.NewCfnOutput(scope, text("Issuer"), &awscdk.CfnOutputProps{Value: p.issuer(), Description: text("The issuer of access tokens")})
	return p
}

// issuer is the pool's, of access tokens.
func (p *people) issuer() *string {
	return text("https://cognito-idp." + *awscdk.Aws_REGION() + "." + *awscdk.Aws_URL_SUFFIX() + "/" + *p.pool.UserPoolId())
}

// newClient is the page's: code with PKCE, and no secret, which a page cannot keep.
func newClient(scope constructs.Construct, n names, p *people, origin string) awscognito.UserPoolClient {
	return awscognito.NewUserPoolClient(scope, text("PageClient"), &awscognito.UserPoolClientProps{
		UserPool: p.pool, UserPoolClientName: text(n.of("page")), GenerateSecret: jsii.Bool(false), PreventUserExistenceErrors: jsii.Bool(true),
		EnableTokenRevocation: jsii.Bool(true), AuthFlows: &awscognito.AuthFlow{UserSrp: jsii.Bool(true)},
		OAuth: &awscognito.OAuthSettings{
			Flows:        &awscognito.OAuthFlows{AuthorizationCodeGrant: jsii.Bool(true)},
			Scopes:       &[]awscognito.OAuthScope{awscognito.OAuthScope_OPENID(), awscognito.OAuthScope_EMAIL()},
			CallbackUrls: jsii.Strings(origin+"/", origin+"/callback"), LogoutUrls: jsii.Strings(origin + "/"),
		},
		AccessTokenValidity: awscdk.Duration_Hours(jsii.Number(1)), IdTokenValidity: awscdk.Duration_Hours(jsii.Number(1)),
		RefreshTokenValidity: awscdk.Duration_Days(jsii.Number(30)),
	})
}
