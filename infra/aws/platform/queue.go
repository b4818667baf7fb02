package platform

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

const (
	// visibility is longer than any worker lives, who would else be given a message that it has in hand; and hardly longer, for that is how
	// long a message waits whose worker was killed. A worker that fails says itself when the message is to come again.
	visibility = 16
	// attempts of a message, until it goes to the dead letters; as on one machine.
	attempts = 10
	// kept is how many days a message waits, the most that SQS gives.
	kept = 14
)

// newQueue makes a worker's queue and the one of its dead letters. Both outlive their stack.
func newQueue(scope constructs.Construct, n names, name string) awssqs.Queue {
	id := "Queue" + strings.ToUpper(name[:1]) + name[1:]
	return newQueueOf(scope, id, n.of(name), &awssqs.DeadLetterQueue{
		MaxReceiveCount: jsii.Number(attempts), Queue: newDeadLetters(scope, n, id+"Dead", name+deadSuffix),
	})
}

// newDeadLetters makes a queue that only people read.
func newDeadLetters(scope constructs.Construct, n names, id, name string) awssqs.Queue {
	return newQueueOf(scope, id, n.of(name), nil)
}

func newQueueOf(scope constructs.Construct, id, name string, to *awssqs.DeadLetterQueue) awssqs.Queue {
	return awssqs.NewQueue(scope, text(id), &awssqs.QueueProps{
		QueueName: text(name), DeadLetterQueue: to, Encryption: awssqs.QueueEncryption_SQS_MANAGED, EnforceSSL: jsii.Bool(true),
		VisibilityTimeout: awscdk.Duration_Minutes(jsii.Number(visibility)), RetentionPeriod: awscdk.Duration_Days(jsii.Number(kept)),
		ReceiveMessageWaitTime: awscdk.Duration_Seconds(jsii.Number(20)), RemovalPolicy: awscdk.RemovalPolicy_RETAIN,
	})
}

// letSend lets a service send, for one source in this account.
func letSend(q awssqs.Queue, service, source string) {
	q.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(text(service), nil)}, Actions: jsii.Strings("sqs:SendMessage"),
		Resources: &[]*string{q.QueueArn()},
		Conditions: &map[string]interface{}{
			"StringEquals": map[string]interface{}{"aws:SourceAccount": awscdk.Aws_ACCOUNT_ID()}, "ArnEquals": map[string]interface{}{"aws:SourceArn": source},
		},
	}))
}
