package platform

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// newLogBucket makes the bucket of who has asked for files and pages. CloudFront writes its own by access control lists.
func newLogBucket(scope constructs.Construct, n names) awss3.Bucket {
	return awss3.NewBucket(scope, text("LogBucket"), &awss3.BucketProps{
		BucketName: text(n.bucket("logs")), BlockPublicAccess: awss3.BlockPublicAccess_BLOCK_ALL(), EnforceSSL: jsii.Bool(true), Encryption: awss3.BucketEncryption_S3_MANAGED,
		ObjectOwnership: awss3.ObjectOwnership_BUCKET_OWNER_PREFERRED, RemovalPolicy: awscdk.RemovalPolicy_RETAIN,
		LifecycleRules: &[]*awss3.LifecycleRule{{Id: text("old"), Expiration: awscdk.Duration_Days(jsii.Number(logDays))}},
	})
}

// letLog lets S3 write who has asked for the files of buckets.
func letLog(logs awss3.Bucket, n names, buckets ...string) {
	var from []string
	for _, b := range buckets {
		from = append(from, n.bucketARN(b))
	}
	logs.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(text("logging.s3.amazonaws.com"), nil)}, Actions: jsii.Strings("s3:PutObject"),
		Resources: &[]*string{logs.ArnForObjects(text("*"))},
		Conditions: &map[string]interface{}{
			"StringEquals": map[string]interface{}{"aws:SourceAccount": awscdk.Aws_ACCOUNT_ID()}, "ArnEquals": map[string]interface{}{"aws:SourceArn": from},
		},
	}))
}

// newImports makes the bucket of tenants' files, which outlives its stack. S3 tells the ingest worker of each file: prefixes cannot name
// the folder below a tenant's, and the worker passes over what is no delivery's.
func newImports(scope constructs.Construct, n names, key awskms.IKey, queue awssqs.Queue, logs awss3.Bucket) {
	bucket := awss3.NewBucket(scope, text("Imports"), &awss3.BucketProps{
		BucketName: text(n.imports()), BlockPublicAccess: awss3.BlockPublicAccess_BLOCK_ALL(), EnforceSSL: jsii.Bool(true), MinimumTLSVersion: jsii.Number(1.2),
		Encryption: awss3.BucketEncryption_KMS, EncryptionKey: key, BucketKeyEnabled: jsii.Bool(true),
		ObjectOwnership: awss3.ObjectOwnership_BUCKET_OWNER_ENFORCED, Versioned: jsii.Bool(true), RemovalPolicy: awscdk.RemovalPolicy_RETAIN,
		LifecycleRules: &[]*awss3.LifecycleRule{
			// What is neither finished nor dropped of a multipart upload; an export is written in far less.
			{Id: text("unfinished"), AbortIncompleteMultipartUploadAfter: awscdk.Duration_Days(jsii.Number(3))},
			// Files that were replaced or removed can be had again for as long as items can.
			{Id: text("replaced"), NoncurrentVersionExpiration: awscdk.Duration_Days(jsii.Number(recoveryDays)), ExpiredObjectDeleteMarker: jsii.Bool(true)},
		},
	})
	letSend(queue, "s3.amazonaws.com", n.bucketARN(n.imports()))
	// Written here and not by a function of the CDK's that would: the queue, which must let S3 send first, does not need the bucket.
	it := bucket.Node().DefaultChild().(awss3.CfnBucket)
	it.SetLoggingConfiguration(&awss3.CfnBucket_LoggingConfigurationProperty{DestinationBucketName: logs.BucketName(), LogFilePrefix: text("imports/")})
	it.SetNotificationConfiguration(&awss3.CfnBucket_NotificationConfigurationProperty{
		QueueConfigurations: &[]interface{}{&awss3.CfnBucket_QueueConfigurationProperty{
			Event: text("s3:ObjectCreated:*"), Queue: queue.QueueArn(),
			Filter: &awss3.CfnBucket_NotificationFilterProperty{S3Key: &awss3.CfnBucket_S3KeyFilterProperty{
				Rules: &[]interface{}{&awss3.CfnBucket_FilterRuleProperty{Name: text("prefix"), Value: text("tenants/")}}}},
		}},
	})
	bucket.Node().AddDependency(queue.Node().FindChild(text("Policy")))
}
