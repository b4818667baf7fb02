package cloudwatch_test

import (
	"context"
	"net/http"
	"runtime"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/apptest"
	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/collect"
	"github.com/tenantry/tenantry/pkg/collect/aws/cloudwatch"
	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/metric"
	"github.com/tenantry/tenantry/pkg/resource"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/store/storetest"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// struck calls AWS, and tells of it before and after.
type struck struct{ strike func() }

func (s *struck) Do(r *http.Request) (*http.Response, error) {
	s.strike()
	out, err := http.DefaultClient.Do(r)
	s.strike()
	return out, err
}

// connect has the server's own worker collect metrics of the account.
func connect(t *testing.T, a *apptest.App, c *cloudwatch.Collector) {
	task := taskOf(t, a, a.Alice.Tenant, account, "")
	task.Connection.CreatedAt, task.Connection.Kind = a.Now(), connection.Member
	require.NoError(t, task.Tenant.Write(t.Context(), store.Change{Key: store.Connection(task.Connection.ID), Value: task.Connection}))
	a.Collect.Collectors = map[collect.Kind]collect.Collector{collect.Metrics: c}
	a.Collect.Sleep = func(_ context.Context, d time.Duration) { a.Advance(d) }
}

// shown counts the series that have each value of a day.
func shown(t *testing.T, a *apptest.App, day calendar.Day) map[float64]int {
	all := map[float64]int{}
	for cursor := ""; ; {
		var l metric.Listing
		a.Alice.Get(t, a.Alice.Path("/projects/unassigned/metrics?limit=200&cursor="+cursor)).Is(t, 200).Into(t, &l)
		for _, s := range l.Items {
			for _, p := range s.Points {
				if p.Date == day {
					all[p.Value]++
				}
			}
		}
		if cursor = l.Next; cursor == "" {
			return all
		}
	}
}

func runOf(t *testing.T, a *apptest.App, m collect.Message) (r collect.Run) {
	a.Alice.Get(t, a.Alice.Path("/projects/"+string(m.Project)+"/runs/"+string(m.ID()))).Is(t, 200).Into(t, &r)
	return r
}

// killed tells whether what is done ends before its end: a worker recovers from a panic of a collector, and not from this.
func killed(do func()) bool {
	whole, end := false, make(chan struct{})
	go func() {
		defer close(end)
		do()
		whole = true
	}()
	<-end
	return !whole
}

// TestARunIsKilledAnywhere kills a worker at each of its calls of the store, and before and after each of AWS: half of it is not seen, and the next
// delivery of the message finishes it.
func TestARunIsKilledAnywhere(t *testing.T) {
	value := 0.0
	a, r, c := play(t, 0, func(_ int, q question) (answer, string) {
		out := whole(q, 0)
		for _, one := range out.MetricDataResults {
			for i := range one.Values {
				one.Values[i] = value
			}
		}
		return out, ""
	})
	const instances = 3 // in two regions, and so two batches
	a.Sight(t, a.Alice.Tenant, account, resource.Sighting{ARN: arn(0)}, resource.Sighting{ARN: arn(1)},
		resource.Sighting{ARN: "arn:aws:ec2:us-east-1:" + account + ":instance/i-002"})
	calls, last := 0, 0
	strike := func() {
		if calls++; calls == last {
			runtime.Goexit()
		}
	}
	config := c.Config
	c.Config = func(ctx context.Context, s *tenant.Scope, of connection.Connection) (aws.Config, error) {
		out, err := config(ctx, s, of)
		out.HTTPClient = &struck{strike}
		return out, err
	}
	connect(t, a, c)
	instance, _ := metric.Of("ec2:instance")
	before, yesterday := map[float64]int{}, calendar.Day(0)
	for n := 1; ; n++ {
		a.Advance(2 * time.Minute)
		a.Alice.Client = a.As(t, "alice") // tokens end
		value = float64(n)
		after := map[float64]int{value: instances * instance.Queries()}
		m := collect.Message{Kind: collect.Metrics, Tenant: a.Alice.Tenant, Project: a.Alice.Project, Slot: a.Now().Truncate(time.Second)}
		day := calendar.DayOf(m.Slot) - 1
		if day != yesterday { // nobody has asked about it yet
			yesterday, before = day, map[float64]int{}
		}
		calls, last = 0, n
		a.Faults.Plan(func(storetest.Method, int) storetest.Fault { strike(); return storetest.None })
		dead := killed(func() { _ = a.Collect.Handle(t.Context(), m) })
		a.Faults.Plan(nil)
		last = 0
		if got := shown(t, a, day); len(got) == 0 || got[value] == 0 {
			require.Equal(t, before, got, "call %d: half of it", n)
		} else {
			require.Equal(t, after, got, "call %d: half of it", n)
		}
		err := a.Collect.Handle(t.Context(), m)
		for tries := 0; err != nil; tries++ {
			require.Less(t, tries, 10, "call %d: %v", n, err)
			a.Advance(time.Minute)
			err = a.Collect.Handle(t.Context(), m)
		}
		require.Equal(t, after, shown(t, a, day), "call %d", n)
		require.Equal(t, collect.Succeeded, runOf(t, a, m).Status)
		asked := len(r.asked)
		require.NoError(t, a.Collect.Handle(t.Context(), m))
		require.Len(t, r.asked, asked, "call %d: a duplicate asks nothing", n)
		if before = after; !dead {
			require.Greater(t, n, 20)
			t.Logf("killed at %d calls", n-1)
			return
		}
	}
}

func TestARegionThatIsNotOptedInIsSkippedAndSaid(t *testing.T) {
	a, _, c := play(t, 1, func(_ int, q question) (answer, string) {
		if q.MetricDataQueries[0].MetricStat.Metric.Dimensions[0].Value == "i-far" {
			return answer{}, "UnrecognizedClientException"
		}
		return whole(q, 1), ""
	})
	a.Sight(t, a.Alice.Tenant, account, resource.Sighting{ARN: arn(0)}, resource.Sighting{ARN: "arn:aws:ec2:ap-southeast-4:" + account + ":instance/i-far"})
	connect(t, a, c)
	m := collect.Message{Kind: collect.Metrics, Tenant: a.Alice.Tenant, Project: a.Alice.Project, Slot: a.Now().Truncate(time.Second)}
	require.NoError(t, a.Collect.Handle(t.Context(), m))
	run := runOf(t, a, m)
	require.Equal(t, collect.Succeeded, run.Status, run.Reason)
	require.Equal(t, []collect.Skipped{{Region: "ap-southeast-4", Reason: "The region does not take the account's credentials (UnrecognizedClientException), as it is " +
		"disabled there, or was enabled just now."}}, run.Connections[0].Skipped)
	require.Len(t, values(t, a.Alice)["i-000 CPUUtilization Average"], 14, "the others are collected")
}
