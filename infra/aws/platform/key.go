package platform

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// newKey makes the key of tables and files. Whoever IAM lets use a table or the bucket may use it through them, as with the keys that
// AWS keeps itself, and nobody in any other way: so the policies of functions and tenants need not name it.
func newKey(scope constructs.Construct, n names) awskms.Key {
	key := awskms.NewKey(scope, text("Key"), &awskms.KeyProps{
		Alias: text("alias/" + n.of("data")), Description: text("Tables and files of stage " + n.Stage),
		EnableKeyRotation: jsii.Bool(true), RemovalPolicy: awscdk.RemovalPolicy_RETAIN, PendingWindow: awscdk.Duration_Days(jsii.Number(30)),
	})
	through := []interface{}{}
	for _, service := range []string{"dynamodb", "s3"} {
		through = append(through, service+"."+*awscdk.Aws_REGION()+".amazonaws.com")
	}
	key.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid:        text("ThroughTablesAndFiles"),
		Principals: &[]awsiam.IPrincipal{awsiam.NewAnyPrincipal()},
		Actions: jsii.Strings("kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext",
			"kms:ReEncryptFrom", "kms:ReEncryptTo"),
		Resources:  jsii.Strings("*"), // of a key's own policy: the key
		Conditions: &map[string]interface{}{"StringEquals": map[string]interface{}{"kms:CallerAccount": awscdk.Aws_ACCOUNT_ID(), "kms:ViaService": through}},
	}), nil)
	key.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid:        text("AlarmsThroughTheTopic"),
		Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(text("cloudwatch.amazonaws.com"), nil)},
		Actions:    jsii.Strings("kms:Decrypt", "kms:GenerateDataKey"),
		Resources:  jsii.Strings("*"), // of a key's own policy: the key
		Conditions: &map[string]interface{}{"StringEquals": map[string]interface{}{"aws:SourceAccount": awscdk.Aws_ACCOUNT_ID()}},
	}), nil)
	return key
}
