package platform

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/constructs-go/constructs/v10"
)

// logDays is how long lines are kept: as long as a question about last quarter's bill.
const logDays = 90

// newObservability makes what is looked at. It knows the rest by name, is there before it, and stays when it is destroyed.
func newObservability(scope constructs.Construct, n names) {
	for _, f := range functions {
		newLogs(scope, "Logs"+camel(f), n.logGroup(f))
	}
	newLogs(scope, "LogsPage", n.logGroup(pagesHandler))
	newLogs(scope, "LogsAccess", n.accessLog())
}

func newLogs(scope constructs.Construct, id, name string) awslogs.LogGroup {
	return awslogs.NewLogGroup(scope, text(id), &awslogs.LogGroupProps{
		LogGroupName: text(name), Retention: awslogs.RetentionDays_THREE_MONTHS, RemovalPolicy: awscdk.RemovalPolicy_RETAIN,
	})
}
