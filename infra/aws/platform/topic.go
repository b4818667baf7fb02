package platform

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

const retain = awscdk.RemovalPolicy_RETAIN

// newTopic makes where alarms go: to the context's email, and to whatever else is subscribed.
func newTopic(scope constructs.Construct, n names) awssns.Topic {
	topic := awssns.NewTopic(scope, text("Alarms"), &awssns.TopicProps{
		TopicName: text(n.of("alarms")), EnforceSSL: jsii.Bool(true),
		MasterKey: awskms.Alias_FromAliasName(scope, text("Key"), text("alias/"+n.of("data"))),
	})
	topic.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(text("cloudwatch.amazonaws.com"), nil)}, Actions: jsii.Strings("sns:Publish"),
		Resources: &[]*string{topic.TopicArn()},
		Conditions: &map[string]interface{}{
			"StringEquals": map[string]interface{}{"aws:SourceAccount": awscdk.Aws_ACCOUNT_ID()},
			"ArnLike":      map[string]interface{}{"aws:SourceArn": arn("cloudwatch", "alarm:"+n.of("*"))},
		},
	}))
	if n.Email != "" {
		awssns.NewSubscription(scope, text("AlarmsByEmail"), &awssns.SubscriptionProps{
			Topic: topic, Protocol: awssns.SubscriptionProtocol_EMAIL, Endpoint: text(n.Email)})
	}
	return topic
}
