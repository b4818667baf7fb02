package aws_test

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"os"
	"slices"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/apptest"
	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/cloud/customertest"
	"github.com/tenantry/tenantry/pkg/cloud/mototest"
	"github.com/tenantry/tenantry/pkg/collect"
	"github.com/tenantry/tenantry/pkg/collect/aws"
	"github.com/tenantry/tenantry/pkg/collect/aws/cesim"
	"github.com/tenantry/tenantry/pkg/collect/aws/cloudwatch"
	"github.com/tenantry/tenantry/pkg/collect/aws/costexplorer"
	"github.com/tenantry/tenantry/pkg/collect/aws/dataexport"
	"github.com/tenantry/tenantry/pkg/collect/aws/inventory"
	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/focus"
	"github.com/tenantry/tenantry/pkg/metric"
	"github.com/tenantry/tenantry/pkg/money"
	"github.com/tenantry/tenantry/pkg/resource"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// TestMain keeps moto from putting hundreds of images into every account.
func TestMain(m *testing.M) {
	if err := os.Setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

type body = map[string]any

// story is the platform and the clouds of two customers, alice's and bob's, of two accounts each, with one Cost Explorer for all.
type story struct {
	testing.TB
	app    *apptest.App
	Clouds *customertest.Clouds
	Alice  *apptest.Home
	Bob    *apptest.Home
	sim    *cesim.Sim
}

func newStory(t testing.TB) *story {
	clouds := customertest.Over(t, mototest.Start(t))
	a := apptest.Among(t, clouds)
	y := &story{TB: t, app: a, Clouds: clouds, Alice: a.Alice, Bob: a.Bob}
	y.sim = cesim.New(t, cesim.Options{Clock: y.app.Now})
	clouds.Bill(y.sim)
	y.replace()
	return y
}

// replace has another worker of runs take the place of the one there was, which has no sessions yet.
func (y *story) replace() {
	accounts, err := aws.NewAccounts(func() (sdk.Config, error) {
		config := y.Clouds.Config()
		config.HTTPClient = http.DefaultClient
		return config, nil
	}, aws.Options{})
	require.NoError(y, err)
	once := func() sdk.Retryer { return sdk.NopRetryer{} }
	y.app.Collect.Collectors = map[collect.Kind]collect.Collector{
		collect.Costs: &dataexport.Collector{Config: accounts.Config, Files: y.app.Deliveries.Files.(dataexport.Files), Deliveries: y.app.Deliveries,
			Clock: y.app.Now, Random: rand.Reader, Retryer: once,
			Then: &costexplorer.Collector{Config: accounts.Config, Files: y.app.Deliveries.Files.(costexplorer.Files), Deliveries: y.app.Deliveries,
				Clock: y.app.Now, Retryer: once}},
		collect.Resources: &inventory.Collector{Config: accounts.Config, Clock: y.app.Now, Random: rand.Reader, Retryer: once},
		collect.Metrics:   &cloudwatch.Collector{Config: accounts.Config, Clock: y.app.Now, Random: rand.Reader, Retryer: once},
	}
}

// later moves on, and everybody signs in again.
func (y *story) later(d time.Duration) {
	y.app.Advance(d)
	y.Alice.Client, y.Bob.Client = y.app.As(y, "alice"), y.app.As(y, "bob")
}

// work does all that is queued.
func (y *story) work() {
	require.NoError(y, y.app.WorkRuns(y))
	y.app.Work(y)
	y.app.WorkJobs(y)
}

// role makes the role of a connection in its account, or gives it back its trust: with the rights of the template alone.
func (y *story) role(account, externalID string) string {
	arn := y.Clouds.Role(y, account, "read", customertest.Trust(customertest.Platform, externalID))
	var names []string
	for _, a := range connection.Actions() {
		names = append(names, a.Name)
	}
	y.Clouds.Allow(y, account, "read", names...)
	return arn
}

// connect connects an account by the API, in two regions.
func (y *story) connect(h *apptest.Home, account string) (c connection.Connection) {
	h.Do(y, "POST", h.Path("/connections"), body{"name": "account " + account, "accountId": account, "regions": []string{"eu-west-1", "us-east-1"}}).
		Is(y, 201).Into(y, &c)
	require.Equal(y, connection.Pending, c.Status)
	h.Do(y, "PATCH", h.Path("/connections/"+string(c.ID)), body{"roleArn": y.role(account, c.ExternalID)}).Is(y, 200)
	h.Do(y, "POST", h.Path("/connections/"+string(c.ID)+"/verify"), nil).Is(y, 200).Into(y, &c)
	require.Equal(y, connection.Connected, c.Status)
	return c
}

// project makes a project with rules.
func (y *story) project(h *apptest.Home, name string, rules body) tenant.ProjectID {
	var made struct{ ID tenant.ProjectID }
	rules["name"], rules["environment"] = name, "production"
	h.Do(y, "POST", h.Path("/projects"), rules).Is(y, 201).Into(y, &made)
	return made.ID
}

// start starts a run by the API.
func (y *story) start(h *apptest.Home, p tenant.ProjectID, k collect.Kind) (r collect.Run) {
	h.Do(y, "POST", h.Path("/projects/"+string(p)+"/runs"), body{"kind": k}).Is(y, 202).Into(y, &r)
	return r
}

func (y *story) run(h *apptest.Home, m collect.Message) (r collect.Run) {
	h.Get(y, h.Path("/projects/"+string(m.Project)+"/runs/"+string(m.ID()))).Is(y, 200).Into(y, &r)
	return r
}

// furnish puts an instance and its volume, and a bucket, into an account, and gives their ARNs.
func (y *story) furnish(account string, tags map[string]string) (all []string) {
	config := y.Clouds.Account(y, account)
	config.Region, config.HTTPClient = "eu-west-1", http.DefaultClient
	spec := types.TagSpecification{ResourceType: types.ResourceTypeInstance}
	for k, v := range tags {
		spec.Tags = append(spec.Tags, types.Tag{Key: &k, Value: &v})
	}
	client := ec2.NewFromConfig(config)
	out, err := client.RunInstances(y.Context(), &ec2.RunInstancesInput{ImageId: sdk.String("ami-12c6146b"), MinCount: sdk.Int32(1), MaxCount: sdk.Int32(1),
		InstanceType: types.InstanceTypeM5Large, TagSpecifications: []types.TagSpecification{spec}})
	require.NoError(y, err)
	disks, err := client.DescribeVolumes(y.Context(), &ec2.DescribeVolumesInput{})
	require.NoError(y, err)
	bucket := "story-" + account
	config.Region = "us-east-1"
	_, err = s3.NewFromConfig(config, func(o *s3.Options) { o.UsePathStyle = true }).CreateBucket(y.Context(), &s3.CreateBucketInput{Bucket: &bucket})
	require.NoError(y, err)
	at := "arn:aws:ec2:eu-west-1:" + account + ":"
	return []string{at + "instance/" + *out.Instances[0].InstanceId, at + "volume/" + *disks.Volumes[0].VolumeId, "arn:aws:s3:::" + bucket}
}

// charge is a day's cost of a service in an account.
func charge(account, day, service, amount string) cesim.Charge {
	at, err := calendar.ParseDay(day)
	if err != nil {
		panic(err)
	}
	quantity := money.MustParse("1")
	return cesim.Charge{RecordType: "Usage", Record: focus.Record{BillingPeriodStart: at.Month().First().Time(), BillingPeriodEnd: (at.Month() + 1).First().Time(),
		ChargePeriodStart: at.Time(), ChargePeriodEnd: (at + 1).Time(), BillingAccountID: account, SubAccountID: account, ServiceName: service, RegionID: "eu-west-1",
		ChargeCategory: "Usage", ProviderName: "AWS", InvoiceIssuerName: "Amazon Web Services, Inc.", BilledCost: money.MustParse(amount),
		EffectiveCost: money.MustParse(amount), BillingCurrency: "USD", PricingUnit: "Hrs", PricingQuantity: &quantity}}
}

// costs gives what a tenant's costs come to, by account.
func (y *story) costs(h *apptest.Home) map[string]string {
	var a struct {
		Groups []struct {
			Key   map[string]string
			Total string
		}
	}
	h.Get(y, h.Path("/costs?start=2026-01-01&end=2026-05-01&metric=billedCost&groupBy=subAccountId")).Is(y, 200).Into(y, &a)
	all := map[string]string{}
	for _, g := range a.Groups {
		all[g.Key["subAccountId"]] = g.Total
	}
	return all
}

// resources gives the ARNs of a project's, "" for all of the tenant.
func (y *story) resources(h *apptest.Home, p tenant.ProjectID) (arns []string) {
	path := "/resources"
	if p != "" {
		path = "/projects/" + string(p) + path
	}
	var l resource.Listing
	h.Get(y, h.Path(path+"?limit=200")).Is(y, 200).Into(y, &l)
	for _, r := range l.Items {
		arns = append(arns, r.ARN)
	}
	slices.Sort(arns)
	return arns
}

// load gives the average CPU use of a project's instances, by ARN and day.
func (y *story) load(h *apptest.Home, p tenant.ProjectID) map[string]float64 {
	var l metric.Listing
	h.Get(y, h.Path("/projects/"+string(p)+"/metrics?limit=200")).Is(y, 200).Into(y, &l)
	all := map[string]float64{}
	for _, s := range l.Items {
		for _, point := range s.Points {
			if s.Metric == "CPUUtilization" && s.Statistic == "Average" {
				all[s.ARN+" "+point.Date.String()] = point.Value
			}
		}
	}
	return all
}

// schedules counts those that the scheduler has of a tenant.
func (y *story) schedules(h *apptest.Home) (on int) {
	all, err := y.app.Schedules.List(y.Context(), h.Tenant)
	require.NoError(y, err)
	for _, e := range all {
		if e.Enabled {
			on++
		}
	}
	return on
}

// night goes on to the next noon and gives what the schedules have sent by then, undone.
func (y *story) night() []collect.Message {
	y.later(24 * time.Hour)
	_, err := y.app.Schedules.Tick(y.Context())
	require.NoError(y, err)
	return y.app.PendingRuns()
}

// through requires that calls were made through the role of the account's connection for its tenant, and gives their actions.
func (y *story) through(calls []customertest.Call, of map[string]*apptest.Home) (count map[string]int) {
	count = map[string]int{}
	for _, c := range calls {
		require.NotNil(y, of[c.Account], "%+v", c)
		require.Equal(y, "arn:aws:iam::"+c.Account+":role/tenantry/read", c.Role)
		require.Equal(y, "tenantry-"+string(of[c.Account].Tenant), c.Session)
		count[fmt.Sprint(c.Account, " ", c.Action)]++
	}
	return count
}
