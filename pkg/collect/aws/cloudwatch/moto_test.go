package cloudwatch_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/schemas"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/smithy-go/middleware"
	"github.com/aws/smithy-go/transport/http/protocol/awsquery"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/apptest"
	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/cloud/customertest"
	"github.com/tenantry/tenantry/pkg/cloud/mototest"
	"github.com/tenantry/tenantry/pkg/collect"
	collectaws "github.com/tenantry/tenantry/pkg/collect/aws"
	"github.com/tenantry/tenantry/pkg/collect/aws/cloudwatch"
	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/metric"
	"github.com/tenantry/tenantry/pkg/organization"
	"github.com/tenantry/tenantry/pkg/resource"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// yard is a platform and customers' clouds.
type yard struct {
	*apptest.App
	clouds    *customertest.Clouds
	collector *cloudwatch.Collector
}

func newYard(t *testing.T) *yard {
	y := &yard{App: apptest.New(t), clouds: customertest.Over(t, mototest.Start(t))}
	accounts, err := collectaws.NewAccounts(func() (aws.Config, error) {
		config := y.clouds.Config()
		config.HTTPClient = http.DefaultClient
		return config, nil
	}, collectaws.Options{})
	require.NoError(t, err)
	y.collector = &cloudwatch.Collector{Clock: y.Now, Random: rand.Reader, Retryer: func() aws.Retryer { return aws.NopRetryer{} }, Config: accounts.Config, Options: asQuery}
	return y
}

// asQuery has a client speak the query protocol, since moto does not know the one that the SDK speaks, and leaves out percentiles, which
// moto has none of: it is as if there were no values.
func asQuery(o *cw.Options) {
	o.Protocol = awsquery.New(schemas.GraniteServiceVersion20100801)
	without := middleware.InitializeMiddlewareFunc("WithoutPercentiles", func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (
		middleware.InitializeOutput, middleware.Metadata, error) {
		asked, ok := in.Parameters.(*cw.GetMetricDataInput)
		if !ok {
			return next.HandleInitialize(ctx, in)
		}
		less, none := *asked, []types.MetricDataResult{}
		less.MetricDataQueries = slices.DeleteFunc(slices.Clone(asked.MetricDataQueries), func(q types.MetricDataQuery) bool {
			if *q.MetricStat.Stat != "p99" {
				return false
			}
			none = append(none, types.MetricDataResult{Id: q.Id, StatusCode: types.StatusCodeComplete})
			return true
		})
		in.Parameters = &less
		out, metadata, err := next.HandleInitialize(ctx, in)
		if told, ok := out.Result.(*cw.GetMetricDataOutput); ok && err == nil {
			told.MetricDataResults = append(told.MetricDataResults, none...)
		}
		return out, metadata, err
	})
	o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error { return stack.Initialize.Add(without, middleware.Before) })
}

// taskOf is one of a tenant's account.
func taskOf(t *testing.T, a *apptest.App, id tenant.ID, account, role string) *collect.Task {
	scope, err := organization.Work(t.Context(), a.Store, id, "test")
	require.NoError(t, err)
	h, err := a.Store.Tenant(scope)
	require.NoError(t, err)
	return &collect.Task{Scope: scope, Tenant: h, Kind: collect.Metrics, Slot: a.Now(), Connection: connection.Connection{ID: "con_01J00000000000000000000001", AccountID: account,
		Partition: "aws", RoleARN: role, ExternalID: "tne_" + account, Status: connection.Connected}}
}

// task is one of an account, whose role allows some actions.
func (y *yard) task(t *testing.T, id tenant.ID, account string, actions ...string) *collect.Task {
	role := y.clouds.Role(t, account, "tenantry", customertest.Trust(customertest.Platform, "tne_"+account))
	policy, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": []any{map[string]any{"Effect": "Allow", "Action": actions, "Resource": "*"}}})
	require.NoError(t, err)
	require.NoError(t, y.clouds.Ask(t.Context(), account, "iam", url.Values{"Action": {"PutRolePolicy"}, "Version": {"2010-05-08"}, "RoleName": {"tenantry"}, "PolicyName": {"all"},
		"PolicyDocument": {string(policy)}}, &struct{}{}))
	return taskOf(t, y.App, id, account, role)
}

// collectAll does all steps of a task.
func collectAll(t *testing.T, c *cloudwatch.Collector, task *collect.Task) error {
	for range 1000 {
		more, err := c.Collect(t.Context(), task)
		if err != nil || !more {
			return err
		}
	}
	t.Fatal("it never comes to its end")
	return nil
}

// put tells CloudWatch of samples at noon of a day.
func (y *yard) put(t *testing.T, account, region, namespace, name, dimension, value string, day calendar.Day, samples ...float64) {
	config := y.clouds.Account(t, account)
	config.Region, config.HTTPClient = region, http.DefaultClient
	var data []types.MetricDatum
	for n, v := range samples {
		data = append(data, types.MetricDatum{MetricName: &name, Value: aws.Float64(v), Timestamp: aws.Time(day.Time().Add(12*time.Hour + time.Duration(n)*time.Minute)),
			Dimensions: []types.Dimension{{Name: &dimension, Value: &value}}})
	}
	_, err := cw.NewFromConfig(config, asQuery).PutMetricData(t.Context(), &cw.PutMetricDataInput{Namespace: &namespace, MetricData: data})
	require.NoError(t, err)
}

// values lists what the API shows of a home's unassigned resources, as the end of the ARN, metric and statistic, by day.
func values(t *testing.T, h *apptest.Home) map[string]map[string]float64 {
	all := map[string]map[string]float64{}
	for cursor := ""; ; {
		var l metric.Listing
		h.Get(t, h.Path("/projects/unassigned/metrics?limit=20&cursor="+cursor)).Is(t, 200).Into(t, &l)
		for _, x := range l.Items {
			days := map[string]float64{}
			for _, p := range x.Points {
				days[p.Date.String()] = p.Value
			}
			all[x.ARN[strings.LastIndexAny(x.ARN, ":/")+1:]+" "+x.Metric+" "+x.Statistic] = days
		}
		if cursor = l.Next; cursor == "" {
			return all
		}
	}
}

const one, two = "210000000001", "210000000002"

func TestMetricsAreCollectedThroughTheRoleOfTheRightAccount(t *testing.T) {
	y := newYard(t)
	today := calendar.DayOf(y.Now())
	for account, v := range map[string]float64{one: 10, two: 70} {
		y.put(t, account, "eu-west-1", "AWS/EC2", "CPUUtilization", "InstanceId", "i-1", today-2, v, v+5)
		y.put(t, account, "eu-west-1", "AWS/EC2", "CPUUtilization", "InstanceId", "i-1", today-1, v+0.5)
		y.put(t, account, "us-east-1", "AWS/Lambda", "Invocations", "FunctionName", "f", today-1, 1, 1, 1)
		y.put(t, account, "us-east-1", "AWS/EC2", "CPUUtilization", "InstanceId", "i-1", today-1, 99) // none of the account's, in that region
	}
	for account, home := range map[string]*apptest.Home{one: y.Alice, two: y.Bob} {
		y.Sight(t, home.Tenant, account, resource.Sighting{ARN: "arn:aws:ec2:eu-west-1:" + account + ":instance/i-1"},
			resource.Sighting{ARN: "arn:aws:lambda:us-east-1:" + account + ":function:f"}, resource.Sighting{ARN: "arn:aws:ec2:us-east-1:" + account + ":elastic-ip/e"})
		task := y.task(t, home.Tenant, account, cloudwatch.Actions()...)
		before := len(y.clouds.Calls())
		require.NoError(t, collectAll(t, y.collector, task))
		calls := y.clouds.Calls()[before:]
		var own []customertest.Call
		for _, c := range calls {
			if c.Action == "cloudwatch:GetMetricData" {
				own = append(own, c)
			}
		}
		call := customertest.Call{Action: "cloudwatch:GetMetricData", Account: account, Role: task.Connection.RoleARN, Session: "tenantry-" + string(home.Tenant)}
		require.Equal(t, []customertest.Call{call, call}, own, "one of each region")
		instance, _ := metric.Of("ec2:instance")
		function, _ := metric.Of("lambda:function")
		require.Equal(t, collect.Use{Metrics: int64(instance.Queries() + function.Queries()), Calls: 2}, task.Spent())

		before = len(y.clouds.Calls())
		require.NoError(t, collectAll(t, y.collector, y.task(t, home.Tenant, account, cloudwatch.Actions()...)))
		require.Len(t, y.clouds.Calls(), before, "the slot is done: a duplicate makes no call")
	}
	for home, v := range map[*apptest.Home]float64{y.Alice: 10, y.Bob: 70} {
		got := values(t, home)
		require.Equal(t, map[string]float64{(today - 2).String(): v + 2.5, (today - 1).String(): v + 0.5}, got["i-1 CPUUtilization Average"])
		require.Equal(t, map[string]float64{(today - 2).String(): v + 5, (today - 1).String(): v + 0.5}, got["i-1 CPUUtilization Maximum"])
		require.Equal(t, map[string]float64{(today - 1).String(): 3}, got["f Invocations Sum"])
	}
	y.Alice.Get(t, y.Bob.Path("/projects/unassigned/metrics")).Is(t, 404)
	require.Empty(t, y.clouds.Refused(), "the role needs no other action")
}

func TestARoleThatDoesNotAllowItBreaksTheConnection(t *testing.T) {
	y := newYard(t)
	const account = "210000000003"
	y.Sight(t, y.Alice.Tenant, account, resource.Sighting{ARN: "arn:aws:ec2:eu-west-1:" + account + ":instance/i-1"})
	err := collectAll(t, y.collector, y.task(t, y.Alice.Tenant, account, "ec2:DescribeInstances"))
	var denied *collect.Denied
	require.ErrorAs(t, err, &denied)
	require.Contains(t, denied.Reason, "does not allow cloudwatch:GetMetricData (AccessDenied). Update the stack")
	require.Empty(t, values(t, y.Alice))
}

func TestTheRolesActionsAreThoseThatAreUsed(t *testing.T) {
	var allowed []string
	for _, a := range connection.Actions() {
		if a.Use == connection.Metrics {
			allowed = append(allowed, a.Name)
		}
	}
	require.ElementsMatch(t, allowed, cloudwatch.Actions())
}
