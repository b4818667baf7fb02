package functions_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	awsdynamodb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/cloud/mototest"
	"github.com/tenantry/tenantry/pkg/cloud/policy"
	"github.com/tenantry/tenantry/pkg/cloud/policy/policytest"
	"github.com/tenantry/tenantry/pkg/identity/localissuer"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/store/dynamo/dynamolocal"
)

// emulation is what the functions find of AWS, where each has the rights that it has when deployed, and of an issuer.
type emulation struct {
	account  *policytest.Account
	dynamodb *awsdynamodb.Client
	tables   map[store.Table]string
	moto     string // its address
	bucket   string
	common   []string
	queue    string // of ingest
	jobs     string
	group    string // of schedules
	runs     string
	sqs      *sqs.Client
	issuer   *localissuer.Issuer
}

func emulated(t *testing.T) *emulation {
	dynamodb, moto := dynamolocal.Start(t), mototest.Start(t)
	e := &emulation{sqs: sqs.NewFromConfig(mototest.Config(moto)), account: policytest.Start(t, *dynamodb.Options().BaseEndpoint, moto)}
	tables := dynamolocal.Tables(t, dynamodb)
	e.dynamodb, e.tables, e.moto = dynamodb, tables, moto
	for table, name := range tables {
		e.common = append(e.common, "TENANTRY_TABLE_"+strings.ToUpper(string(table))+"="+name)
	}
	bucket := strings.ToLower(rand.Text())
	e.bucket = bucket
	_, err := s3.NewFromConfig(mototest.Config(moto)).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket})
	require.NoError(t, err)
	_, err = s3.NewFromConfig(mototest.Config(moto)).PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{Bucket: &bucket,
		VersioningConfiguration: &s3types.VersioningConfiguration{Status: s3types.BucketVersioningStatusEnabled}})
	require.NoError(t, err)
	for _, url := range []*string{&e.queue, &e.jobs, &e.runs} {
		queue, err := e.sqs.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String(rand.Text())})
		require.NoError(t, err)
		*url = *queue.QueueUrl
	}

	e.group = rand.Text()
	_, err = scheduler.NewFromConfig(mototest.Config(moto)).CreateScheduleGroup(t.Context(), &scheduler.CreateScheduleGroupInput{Name: &e.group})
	require.NoError(t, err)
	e.issuer = issuer(t)
	e.common = append(e.common, "TENANTRY_STAGE=test", "TENANTRY_BUCKET="+bucket, "TENANTRY_QUEUE_URL="+e.queue, "TENANTRY_JOBS_QUEUE_URL="+e.jobs,
		"TENANTRY_PRINCIPAL_ARN=arn:aws:iam::123456789012:root",
		"TENANTRY_SCHEDULE_GROUP="+e.group, "TENANTRY_SCHEDULE_QUEUE_ARN="+policytest.Queue(path.Base(e.runs)),
		"TENANTRY_SCHEDULE_DEAD_ARN="+policytest.Queue("dead"), "TENANTRY_SCHEDULE_ROLE_ARN="+policytest.Role("scheduler"),
		"TENANTRY_RUNS_QUEUE_URL="+e.runs,
		"TENANTRY_ISSUER="+e.issuer.URL,
		"TENANTRY_CLIENT_IDS=other, "+localissuer.ClientID)
	e.deploy(t, tables, bucket)
	return e
}

// deploy makes the roles, and denies a function that is well nothing.
func (e *emulation) deploy(t *testing.T, tables map[store.Table]string, bucket string) {
	r := policy.Resources{
		Tables: map[store.Table]string{}, Bucket: policytest.Bucket(bucket),
		IngestQueue: policytest.Queue(path.Base(e.queue)), JobsQueue: policytest.Queue(path.Base(e.jobs)),
		RunsQueue: policytest.Queue(path.Base(e.runs)),
		Schedules: policytest.Schedule(e.group, "*"), SchedulerRole: policytest.Role("scheduler"), DeadQueue: policytest.Queue("dead"),
		TenantRole: policytest.Role("tenant-data"), ErasureRole: policytest.Role("tenant-erasure"),
		CustomerRoles: policy.CustomerRoles("aws"),
	}
	for table, name := range tables {
		r.Tables[table] = policytest.Table(name)
	}
	e.account.Add(t, r.TenantRole, r.TenantData().JSON(), policy.Trust(policytest.Role("api"), policytest.Role("admin"), policytest.Role("ingest"),
		policytest.Role("collect"), policytest.Role("reconcile")).JSON())
	e.account.Add(t, r.ErasureRole, r.TenantErasure().JSON(), policy.Trust(policytest.Role("jobs")).JSON())
	for name, its := range map[string]policy.Document{"api": r.API(), "admin": r.Admin(), "ingest": r.Ingest(), "collect": r.Collect(), "jobs": r.Jobs(),
		"reconcile": r.Reconcile()} {
		e.account.Add(t, policytest.Role(name), its.JSON(), nil)
	}
	t.Cleanup(func() { require.Empty(t, e.account.Denied()) })
}

// env is the environment of a function.
func (e *emulation) env(function string) []string {
	role := "tenant-data"
	if function == "jobs" {
		role = "tenant-erasure"
	}
	return append([]string{
		"AWS_REGION=" + mototest.Region, "AWS_ENDPOINT_URL=" + e.account.URL, "TENANTRY_TENANT_ROLE_ARN=" + policytest.Role(role),
		"AWS_ACCESS_KEY_ID=" + e.account.Key(policytest.Role(function), nil), "AWS_SECRET_ACCESS_KEY=secret",
	}, e.common...)
}

// issuer is one that the functions can reach.
func issuer(t *testing.T) *localissuer.Issuer {
	server := httptest.NewUnstartedServer(nil)
	i, err := localissuer.Open(localissuer.Options{
		URL: "http://" + server.Listener.Addr().String(), KeyFile: filepath.Join(t.TempDir(), "key"), Clock: time.Now, Random: rand.Reader,
	})
	require.NoError(t, err)
	server.Config.Handler = i
	server.Start()
	t.Cleanup(server.Close)
	return i
}

// caller sends requests of one person to the functions.
type caller struct {
	token string
	id    int
}

func (c *caller) do(t *testing.T, f *function, method, path string, body any, header ...string) (int, map[string]any) {
	c.id++
	e := events.APIGatewayV2HTTPRequest{Version: "2.0", RouteKey: "$default", Headers: map[string]string{"authorization": "Bearer " + c.token}}
	e.RawPath, e.RawQueryString, _ = strings.Cut(path, "?")
	e.RequestContext.HTTP.Method, e.RequestContext.HTTP.Path = method, e.RawPath
	e.RequestContext.RequestID = fmt.Sprint("request-", c.id)
	if body != nil {
		b, err := json.Marshal(body)
		require.NoError(t, err)
		e.Headers["content-type"] = "application/json"
		if e.IsBase64Encoded = c.id%2 == 0; e.IsBase64Encoded {
			e.Body = base64.StdEncoding.EncodeToString(b)
		} else {
			e.Body = string(b)
		}
	}
	for i := 0; i < len(header); i += 2 {
		e.Headers[header[i]] = header[i+1]
	}
	answer := f.http(t, e)
	out := map[string]any{}
	if answer.StatusCode != http.StatusNoContent {
		require.NoError(t, json.Unmarshal([]byte(answer.Body), &out))
	}
	return answer.StatusCode, out
}

const file = `BilledCost,EffectiveCost,ListCost,ContractedCost,BillingAccountId,BillingAccountName,BillingCurrency,BillingPeriodStart,BillingPeriodEnd,ChargePeriodStart,ChargePeriodEnd,ChargeCategory,ChargeClass,ChargeDescription,InvoiceIssuerName,PricingQuantity,PricingUnit,ProviderName,PublisherName,ServiceCategory,ServiceName,SubAccountId,RegionId,SkuId,ResourceId,Tags
0.1000000001,0.2,1,1,111,Payer,USD,2026-01-01T00:00:00Z,2026-02-01T00:00:00Z,2026-01-03T00:00:00Z,2026-01-04T00:00:00Z,Usage,,hours,AWS,1,Hours,AWS,AWS,Compute,Amazon EC2,222,eu-west-1,sku,i-1,{}
3,4,5,5,111,Payer,USD,2026-01-01T00:00:00Z,2026-02-01T00:00:00Z,2026-01-04T00:00:00Z,2026-01-05T00:00:00Z,Usage,,hours,AWS,1,Hours,AWS,AWS,Compute,Amazon EC2,222,eu-west-1,sku,i-1,{}
`

// TestADeliveryGoesThroughTheFunctions takes a file from upload to answer, on S3, SQS and DynamoDB.
func TestADeliveryGoesThroughTheFunctions(t *testing.T) {
	e := emulated(t)
	admin, api, ingest := start(t, "admin", e.env("admin")...), start(t, "api", e.env("api")...), start(t, "ingest", e.env("ingest")...)
	token, err := e.issuer.Token("alice", "")
	require.NoError(t, err)
	alice := &caller{token: token}

	status, tenant := alice.do(t, admin, "POST", "/v1/tenants", map[string]string{"name": "ABC"}, "idempotency-key", "a,1")
	require.Equal(t, 201, status)
	_, again := alice.do(t, admin, "POST", "/v1/tenants", map[string]string{"name": "ABC"}, "idempotency-key", "a,1")
	require.Equal(t, tenant, again)
	_, other := alice.do(t, admin, "POST", "/v1/tenants", map[string]string{"name": "ABC"}, "idempotency-key", "a,2")
	require.NotEqual(t, tenant["id"], other["id"], "a key is compared whole")

	base := "/v1/tenants/" + tenant["id"].(string)
	status, project := alice.do(t, api, "POST", base+"/projects", map[string]string{"name": "web", "environment": "production"})
	require.Equal(t, 201, status)
	imports := base + "/projects/" + project["id"].(string) + "/imports"
	status, made := alice.do(t, api, "POST", imports, map[string]any{"format": "csv", "source": "billing", "sizeBytes": len(file)})
	require.Equal(t, 201, status)
	put(t, made["uploadUrl"].(string), file)

	arrival := messages(t, "ingest-uploaded")
	key := fmt.Sprintf("tenants/%s/deliveries/%s/0", tenant["id"], made["id"])
	arrival.Records[0].Body = fmt.Sprintf(`{"Records":[{"eventName":"ObjectCreated:Put","s3":{"object":{"key":%q,"size":%d}}}]}`, key, len(file))
	require.Empty(t, ingest.failures(t, arrival))
	require.Empty(t, ingest.failures(t, arrival), "the same event again")

	_, delivered := alice.do(t, api, "GET", imports+"/"+made["id"].(string), nil)
	require.Equal(t, "succeeded", delivered["status"], delivered)
	status, costs := alice.do(t, api, "GET", base+"/costs?start=2026-01-01&end=2026-02-01&metric=billedCost", nil)
	require.Equal(t, 200, status)
	require.Equal(t, "3.1000000001", costs["total"])

	token, err = e.issuer.Token("bob", "")
	require.NoError(t, err)
	status, _ = (&caller{token: token}).do(t, api, "GET", base+"/costs?start=2026-01-01&end=2026-02-01", nil)
	require.Equal(t, 404, status)
	require.Equal(t, 4, e.account.Calls("sts"), "one for each tenant of each function: two of admin, one each of api and ingest")
}

func TestWithoutTheTenantRoleNoTenantIsReached(t *testing.T) {
	e := emulated(t)
	token, err := e.issuer.Token("alice", "")
	require.NoError(t, err)
	alice := &caller{token: token}
	_, tenant := alice.do(t, start(t, "admin", e.env("admin")...), "POST", "/v1/tenants", map[string]string{"name": "ABC"})
	api := start(t, "api", append(e.env("api"), "TENANTRY_TENANT_ROLE_ARN=")...)
	before := e.account.Calls("sts")
	status, answer := alice.do(t, api, "GET", "/v1/tenants/"+tenant["id"].(string)+"/projects", nil)
	require.Equal(t, 503, status)
	require.NotContains(t, answer["detail"], "TENANTRY")
	require.Equal(t, before, e.account.Calls("sts"))
	require.Eventually(t, func() bool { return strings.Contains(api.log.String(), "TENANTRY_TENANT_ROLE_ARN is missing") }, time.Second, time.Millisecond)
}

func put(t *testing.T, address, body string) {
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, address, bytes.NewReader([]byte(body)))
	require.NoError(t, err)
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	require.Equal(t, 200, answer.StatusCode)
}

func TestAClosedDelivery(t *testing.T) {
	e := emulated(t)
	admin := start(t, "admin", e.env("admin")...)
	token, err := e.issuer.Token("alice", "")
	require.NoError(t, err)
	alice := &caller{token: token}
	_, tenant := alice.do(t, admin, "POST", "/v1/tenants", map[string]string{"name": "ABC"})
	imports := "/v1/tenants/" + tenant["id"].(string) + "/imports"
	// closed gives a delivery that was closed, and the answer to that.
	closed := func(t *testing.T, api *function) (id string, status int, answer map[string]any) {
		status, made := alice.do(t, api, "POST", imports, map[string]any{"format": "csv", "source": "billing",
			"files": []map[string]any{{"sizeBytes": len(file)}}})
		require.Equal(t, 201, status)
		put(t, made["files"].([]any)[0].(map[string]any)["uploadUrl"].(string), file)
		id = made["id"].(string)
		status, answer = alice.do(t, api, "POST", imports+"/"+id+"/close", nil)
		return id, status, answer
	}
	t.Run("is queued", func(t *testing.T) {
		id, status, _ := closed(t, start(t, "api", e.env("api")...))
		require.Equal(t, 202, status)
		out, err := e.sqs.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &e.queue})
		require.NoError(t, err)
		require.Len(t, out.Messages, 1)
		require.Contains(t, *out.Messages[0].Body, id)
	})
	t.Run("says what is missing where there is no queue", func(t *testing.T) {
		api := start(t, "api", append(e.env("api"), "TENANTRY_QUEUE_URL=")...)
		_, status, answer := closed(t, api)
		require.Equal(t, 503, status)
		require.Contains(t, answer["detail"], "TENANTRY_QUEUE_URL")
		require.Eventually(t, func() bool { return strings.Contains(api.log.String(), "TENANTRY_QUEUE_URL") }, time.Second, time.Millisecond)
	})
}
