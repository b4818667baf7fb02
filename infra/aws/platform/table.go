package platform

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tenantry/tenantry/pkg/store"
)

// newTable makes a table, which outlives its stack. How items look is pkg/store/dynamo's.
func newTable(scope constructs.Construct, n names, t store.Table, key awskms.IKey) {
	awsdynamodb.NewTable(scope, text("Table"+strings.ToUpper(string(t[:1]))+string(t[1:])), &awsdynamodb.TableProps{
		TableName:    text(n.table(t)),
		PartitionKey: &awsdynamodb.Attribute{Name: text("pk"), Type: awsdynamodb.AttributeType_STRING},
		SortKey:      &awsdynamodb.Attribute{Name: text("sk"), Type: awsdynamodb.AttributeType_STRING},
		BillingMode:  awsdynamodb.BillingMode_PAY_PER_REQUEST, TimeToLiveAttribute: text("expiresAt"),
		PointInTimeRecoverySpecification: &awsdynamodb.PointInTimeRecoverySpecification{
			PointInTimeRecoveryEnabled: jsii.Bool(true), RecoveryPeriodInDays: jsii.Number(recoveryDays)},
		DeletionProtection: jsii.Bool(true), RemovalPolicy: awscdk.RemovalPolicy_RETAIN,
		Encryption: awsdynamodb.TableEncryption_CUSTOMER_MANAGED, EncryptionKey: key,
	})
}

// recoveryDays is how far back tables and files can be had again. The proof of an erasure says as much.
const recoveryDays = 35
