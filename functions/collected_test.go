package functions_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/cloud/customertest"
	"github.com/tenantry/tenantry/pkg/collect"
	"github.com/tenantry/tenantry/pkg/collect/aws/cesim"
	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/focus"
	"github.com/tenantry/tenantry/pkg/money"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// customers are accounts with a Cost Explorer, which the functions reach as they reach all of AWS.
func (e *emulation) customers(t *testing.T) (*customertest.Clouds, *cesim.Sim) {
	clouds, sim := customertest.Over(t, e.moto), cesim.New(t, cesim.Options{Clock: time.Now})
	clouds.Bill(sim)
	e.account.Beyond(clouds)
	return clouds, sim
}

// drain gives what is in a queue to a function until nothing is left.
func (e *emulation) drain(t *testing.T, queue string, f *function) (handled int) {
	for range 100 {
		got, err := e.sqs.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &queue, MaxNumberOfMessages: 1})
		require.NoError(t, err)
		if len(got.Messages) == 0 {
			return handled
		}
		batch := messages(t, "collect-costs")
		batch.Records = batch.Records[:1]
		batch.Records[0].Body = *got.Messages[0].Body
		require.Empty(t, f.failures(t, batch))
		_, err = e.sqs.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: &queue, ReceiptHandle: got.Messages[0].ReceiptHandle})
		require.NoError(t, err)
		handled++
	}
	t.Fatal("the queue is never empty")
	return 0
}

// spent is a charge of S3 in an account.
func spent(account string, day calendar.Day, amount string) cesim.Charge {
	quantity := money.MustParse("1")
	return cesim.Charge{RecordType: "Usage", Record: focus.Record{BillingPeriodStart: day.Month().First().Time(), BillingPeriodEnd: (day.Month() + 1).First().Time(),
		ChargePeriodStart: day.Time(), ChargePeriodEnd: (day + 1).Time(), BillingAccountID: account, SubAccountID: account, ServiceName: "Amazon S3",
		RegionID: "us-east-1", ChargeCategory: "Usage", ProviderName: "AWS", InvoiceIssuerName: "Amazon Web Services, Inc.", BilledCost: money.MustParse(amount),
		EffectiveCost: money.MustParse(amount), BillingCurrency: "USD", PricingUnit: "Hrs", PricingQuantity: &quantity}}
}

// TestAnAccountIsCollectedByTheFunctions connects an account and collects its costs, resources and metrics by what a schedule sends: by the
// real programs, each with its own rights, and in the account with those of the template alone.
func TestAnAccountIsCollectedByTheFunctions(t *testing.T) {
	const account, table = "777755550001", "orders"
	e := emulated(t)
	clouds, sim := e.customers(t)
	today := calendar.DayOf(time.Now())
	admin, api := start(t, "admin", e.env("admin")...), start(t, "api", e.env("api")...)
	worker, ingest := start(t, "collect", e.env("collect")...), start(t, "ingest", e.env("ingest")...)
	token, err := e.issuer.Token("alice", "")
	require.NoError(t, err)
	alice := &caller{token: token}
	_, made := alice.do(t, admin, "POST", "/v1/tenants", map[string]string{"name": "ABC"})
	id := tenant.ID(made["id"].(string))
	base := "/v1/tenants/" + string(id)

	sim.Set([]cesim.Charge{spent(account, today-1, "1.0000000001"), spent(account, today-40, "20")})
	owner := clouds.Account(t, account)
	owner.HTTPClient = http.DefaultClient
	_, err = s3.NewFromConfig(owner, func(o *s3.Options) { o.UsePathStyle = true }).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("of-" + account)})
	require.NoError(t, err)
	_, err = dynamodb.NewFromConfig(owner).CreateTable(t.Context(), &dynamodb.CreateTableInput{TableName: aws.String(table), BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("id"), AttributeType: types.ScalarAttributeTypeS}},
		KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("id"), KeyType: types.KeyTypeHash}}})
	require.NoError(t, err)
	clouds.Sample(t, account, "us-east-1", "AWS/DynamoDB", "ConsumedReadCapacityUnits", "TableName", table, (today - 1).Time().Add(12*time.Hour), 3, 4)

	con := connect(t, clouds, alice, admin, api, base, account)
	project := con["projectId"].(string)
	slot := time.Now().UTC().Add(-time.Minute).Truncate(time.Second)
	for _, kind := range []collect.Kind{collect.Costs, collect.Resources, collect.Metrics} {
		m := collect.Message{Kind: kind, Tenant: id, Project: tenant.ProjectID(project), Slot: slot}
		body, err := json.Marshal(m)
		require.NoError(t, err)
		batch := messages(t, "collect-costs")
		batch.Records = []events.SQSMessage{batch.Records[0]}
		batch.Records[0].Body = string(body)
		require.Empty(t, worker.failures(t, batch))
		e.drain(t, e.runs, worker)
		status, run := alice.do(t, api, "GET", base+"/projects/"+project+"/runs/"+string(m.ID()), nil)
		require.Equal(t, 200, status, run)
		require.Equal(t, "succeeded", run["status"], run)
		require.Empty(t, run["reason"])
		before := len(clouds.Calls())
		require.Empty(t, worker.failures(t, batch), "the same event again")
		require.Len(t, clouds.Calls(), before)
	}
	require.Positive(t, e.drain(t, e.queue, ingest), "ingest takes what was collected")
	readBack(t, alice, api, base, project, account, today)
	for _, c := range clouds.Calls() {
		require.Equal(t, customertest.Call{Action: c.Action, Account: account, Role: "arn:aws:iam::" + account + ":role/tenantry/read", Session: "tenantry-" + string(id)}, c)
	}
	require.Empty(t, clouds.Refused(), "the role of the template allows all that is asked")
	token, err = e.issuer.Token("bob", "")
	require.NoError(t, err)
	status, _ := (&caller{token: token}).do(t, api, "GET", base+"/resources", nil)
	require.Equal(t, 404, status)
}

// connect connects an account to a project of its own, by a role with the rights of the template.
func connect(t *testing.T, clouds *customertest.Clouds, alice *caller, admin, api *function, base, account string) map[string]any {
	status, con := alice.do(t, api, "POST", base+"/connections", map[string]any{"name": "production", "accountId": account, "regions": []string{"us-east-1"},
		"project": map[string]string{"name": "web", "environment": "production"}})
	require.Equal(t, 201, status, con)
	role := clouds.Role(t, account, "read", customertest.Trust(customertest.Platform, con["externalId"].(string)))
	var actions []string
	for _, a := range connection.Actions() {
		actions = append(actions, a.Name)
	}
	clouds.Allow(t, account, "read", actions...)
	one := base + "/connections/" + con["id"].(string)
	status, answer := alice.do(t, admin, "PATCH", one, map[string]string{"roleArn": role})
	require.Equal(t, 200, status, answer)
	status, answer = alice.do(t, admin, "POST", one+"/verify", nil)
	require.Equal(t, 200, status, answer)
	require.Equal(t, "connected", answer["status"])
	return con
}

// readBack requires that the API has what was put into the account.
func readBack(t *testing.T, alice *caller, api *function, base, project, account string, today calendar.Day) {
	from, to := (today.Month() - 2).First().String(), (today.Month() + 1).First().String()
	_, costs := alice.do(t, api, "GET", base+"/costs?metric=billedCost&filter=project:"+project+"&start="+from+"&end="+to, nil)
	require.Equal(t, "21.0000000001", costs["total"], costs)
	_, found := alice.do(t, api, "GET", base+"/projects/"+project+"/resources", nil)
	var arns []string
	for _, r := range found["items"].([]any) {
		arns = append(arns, r.(map[string]any)["arn"].(string))
	}
	table := "arn:aws:dynamodb:us-east-1:" + account + ":table/orders"
	require.Subset(t, arns, []string{"arn:aws:s3:::of-" + account, table})
	_, metrics := alice.do(t, api, "GET", base+"/projects/"+project+"/metrics?limit=100", nil)
	sum := slices.IndexFunc(metrics["items"].([]any), func(m any) bool {
		one := m.(map[string]any)
		return one["arn"] == table && one["metric"] == "ConsumedReadCapacityUnits" && one["statistic"] == "Sum"
	})
	require.GreaterOrEqual(t, sum, 0, metrics)
	point := metrics["items"].([]any)[sum].(map[string]any)["points"].([]any)[0].(map[string]any)
	require.Equal(t, map[string]any{"date": (today - 1).String(), "value": 7.0}, point)
}
