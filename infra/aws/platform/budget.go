package platform

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsbudgets"
	"github.com/aws/jsii-runtime-go"
)

// newBudget makes what the stage may cost in a month. It counts what has the stage's tag, which the payer must have activated as a tag of cost
// allocation.
func newBudget(scope awscdk.Stack, n names) {
	var told []interface{}
	if n.Email != "" {
		for _, when := range []struct {
			kind    string
			percent float64
		}{{"ACTUAL", 80}, {"FORECASTED", 100}} {
			told = append(told, &awsbudgets.CfnBudget_NotificationWithSubscribersProperty{
				Notification: &awsbudgets.CfnBudget_NotificationProperty{ComparisonOperator: text("GREATER_THAN"), NotificationType: text(when.kind),
					Threshold: jsii.Number(when.percent), ThresholdType: text("PERCENTAGE")},
				Subscribers: &[]interface{}{&awsbudgets.CfnBudget_SubscriberProperty{Address: text(n.Email), SubscriptionType: text("EMAIL")}},
			})
		}
	}
	awsbudgets.NewCfnBudget(scope, text("Budget"), &awsbudgets.CfnBudgetProps{
		Budget: &awsbudgets.CfnBudget_BudgetDataProperty{
			BudgetName: text("tenantry-" + n.Stage), BudgetType: text("COST"), TimeUnit: text("MONTHLY"),
			BudgetLimit: &awsbudgets.CfnBudget_SpendProperty{Amount: jsii.Number(n.Budget), Unit: text("USD")},
			CostFilters: map[string]interface{}{"TagKeyValue": []string{"user:" + stageTag + "$" + n.Stage}},
		},
		NotificationsWithSubscribers: told,
	})
}
